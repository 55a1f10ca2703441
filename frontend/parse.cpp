#include "frontend/parse.h"

#include <fmt/format.h>

#include "frontend/build_ast.h"
#include "frontend/error_strategy.h"
#include "frontend/lines.h"
#include "frontend/placement.h"
#include "frontend/token_kinds.h"

namespace nnc {
namespace {

constexpr size_t kMaxFileBytes = 8u << 20;
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

std::unique_ptr<ast::File> emptyFile(uint32_t fileId) {
  auto file = std::make_unique<ast::File>();
  file->file = fileId;
  return file;
}

/// Whether the text can be given to the lexer at all; if not, that is reported.
bool readable(std::string_view text, uint32_t fileId, Diagnostics& diagnostics) {
  if (text.size() > kMaxFileBytes) {
    diagnostics.error(DiagCode::FileTooLarge, {fileId, 1, 1, 1},
                      fmt::format("the file has {} bytes; at most {} are read", text.size(), kMaxFileBytes));
    return false;
  }
  const auto bad = firstBadUtf8(text);
  if (!bad) return true;
  const Loc at = Places(fileId, text, 0).atByte(*bad);
  diagnostics.error(DiagCode::BadUtf8, at,
                    fmt::format("the byte 0x{:02x} is not valid UTF-8", static_cast<unsigned char>(text[*bad])))
      .help("save the file as UTF-8");
  return false;
}

}  // namespace

std::unique_ptr<ast::File> parseFile(uint32_t fileId, const SourceManager& sources, Diagnostics& diagnostics) {
  std::string_view text = sources.text(fileId);
  const size_t skipped = text.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0;
  text.remove_prefix(skipped);
  if (!readable(text, fileId, diagnostics)) return emptyFile(fileId);

  const Places places(fileId, text, skipped);
  SyntaxErrors errors(diagnostics);
  antlr4::ANTLRInputStream input{std::string(text)};
  NnLexer lexer(&input);
  lexer.removeErrorListeners();
  TokenVector prepared = lexer.getAllTokens();
  if (!prepareLines(prepared, places, errors)) return emptyFile(fileId);

  antlr4::ListTokenSource source(std::move(prepared));
  antlr4::CommonTokenStream tokens(&source);
  tokens.fill();  // the error strategy looks ahead
  NnParser parser(&tokens);
  parser.removeErrorListeners();
  parser.setErrorHandler(std::make_shared<ErrorStrategy>(places, errors));
  parser.getInterpreter<antlr4::atn::ParserATNSimulator>()->setPredictionMode(antlr4::atn::PredictionMode::SLL);
  auto file = AstBuilder(places, errors).file(fileId, parser.file());
  // What stands in the wrong place may do so because of a missing or a stray brace.
  if (!errors.any()) checkPlacement(*file, diagnostics);
  return file;
}

}  // namespace nnc
