#include "frontend/error_strategy.h"

#include "frontend/syntax_message.h"
#include "frontend/token_kinds.h"

namespace nnc {

using antlr4::Token;

namespace {

/// The token behind the newline that ends the statement which starts at `start`; never before `current`.
size_t endOfStatement(antlr4::TokenStream* stream, size_t start, size_t current) {
  size_t depth = 0;
  for (size_t i = start; i < stream->size(); ++i) {
    const Token* token = stream->get(i);
    const size_t type = token->getType();
    if (token->getChannel() != Token::DEFAULT_CHANNEL) continue;
    if (isOpener(type))
      ++depth;
    else if (isCloser(type) && depth-- == 0)
      return std::max(i, current);
    else if (type == NnLexer::NL && depth == 0 && i >= current)
      return i + 1;
    else if (type == Token::EOF)
      return i;
  }
  return stream->size() - 1;
}

}  // namespace

void ErrorStrategy::reportError(antlr4::Parser* parser, const antlr4::RecognitionException& e) {
  if (inErrorRecoveryMode(parser)) return;  // the same error, seen again by an outer rule
  beginErrorCondition(parser);
  reportSyntaxError(*parser, e, places_, errors_);
}

void ErrorStrategy::recover(antlr4::Parser* parser, std::exception_ptr error) {
  const antlr4::ParserRuleContext* context = parser->getContext();
  const size_t rule = context->getRuleIndex();
  antlr4::TokenStream* stream = parser->getTokenStream();
  if (rule == NnParser::RuleFile) {
    while (stream->LA(1) != Token::EOF) parser->consume();
    return;
  }
  if (rule != NnParser::RuleStatement && rule != NnParser::RuleDataLine) std::rethrow_exception(error);
  const size_t end = endOfStatement(stream, context->start->getTokenIndex(), stream->index());
  while (stream->index() < end && stream->LA(1) != Token::EOF) parser->consume();
  endErrorCondition(parser);
}

Token* ErrorStrategy::recoverInline(antlr4::Parser* parser) {
  throw antlr4::InputMismatchException(parser);
}

}  // namespace nnc
