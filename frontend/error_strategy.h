// What the parser does where the text does not follow the grammar: says so in our own words (syntax_message.h), leaves
// the statement, and goes on with the next. Tokens are never inserted or deleted: guesses at single tokens turn one
// mistake into many.
#pragma once

#include "frontend/places.h"
#include "frontend/syntax_errors.h"

namespace nnc {

class ErrorStrategy : public antlr4::DefaultErrorStrategy {
public:
  ErrorStrategy(const Places& places, SyntaxErrors& errors) : places_(places), errors_(errors) {}

  void reportError(antlr4::Parser* parser, const antlr4::RecognitionException& e) override;
  /// Ends a statement that could not be read; in any rule within one, passes the error on outwards.
  void recover(antlr4::Parser* parser, std::exception_ptr error) override;
  antlr4::Token* recoverInline(antlr4::Parser* parser) override;
  void sync(antlr4::Parser*) override {}

private:
  const Places& places_;
  SyntaxErrors& errors_;
};

}  // namespace nnc
