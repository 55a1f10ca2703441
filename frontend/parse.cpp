#include "frontend/parse.h"

#include "frontend/build_ast.h"
#include "frontend/error_strategy.h"
#include "frontend/lex.h"
#include "frontend/placement.h"

namespace nnc {

std::unique_ptr<ast::File> parseFile(uint32_t fileId, const SourceManager& sources, Diagnostics& diagnostics) {
  SyntaxErrors errors(diagnostics);
  const auto lexed = lexFile(fileId, sources, errors);
  if (!lexed || lexed->tokens.empty()) {  // ANTLR takes no empty list
    auto empty = std::make_unique<ast::File>();
    empty->file = fileId;
    return empty;
  }
  antlr4::ListTokenSource source(std::move(lexed->tokens));
  antlr4::CommonTokenStream tokens(&source);
  tokens.fill();  // the error strategy looks ahead
  NnParser parser(&tokens);
  parser.removeErrorListeners();
  parser.setErrorHandler(std::make_shared<ErrorStrategy>(lexed->places, errors));
  parser.getInterpreter<antlr4::atn::ParserATNSimulator>()->setPredictionMode(antlr4::atn::PredictionMode::SLL);
  auto file = ast::AstBuilder(lexed->places, errors).file(fileId, parser.file());
  // What stands in the wrong place may do so because of a missing or a stray brace.
  if (!errors.any()) checkPlacement(*file, diagnostics);
  return file;
}

}  // namespace nnc
