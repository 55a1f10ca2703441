// From the text of a file to its syntax tree: UTF-8 check, tokens, the newline and bracket pre-pass (lines.h), the
// ANTLR parser, and the tree builder. All syntax errors of a file are reported in one run, in the words of
// diagnostics.def.
#pragma once

#include <cstdint>
#include <memory>

#include "frontend/ast.h"
#include "ir/diagnostic.h"
#include "ir/source.h"

namespace nnc {

/// Parses a registered file. Always returns a tree: statements that could not be read are missing from it, so that
/// later phases can still check the rest (they must not run on it if `diagnostics.hasErrors()` would make their reports
/// follow-ups).
std::unique_ptr<ast::File> parseFile(uint32_t fileId, const SourceManager& sources, Diagnostics& diagnostics);

}  // namespace nnc
