// The tokens of a file, prepared for the parser and the formatter.
#pragma once

#include <memory>

#include "frontend/lines.h"
#include "frontend/token_kinds.h"

namespace nnc {

struct LexedFile {
  Places places;
  antlr4::ANTLRInputStream input;
  NnLexer lexer;
  TokenVector tokens;  // all of them but the end; what does not count is on the hidden channel

  LexedFile(uint32_t fileId, std::string_view text, size_t skipped);
};

/// Null if the text cannot be parsed at all (not UTF-8, too large, nested too deep), which is then reported.
std::unique_ptr<LexedFile> lexFile(uint32_t fileId, const SourceManager& sources, SyntaxErrors& errors);

}  // namespace nnc
