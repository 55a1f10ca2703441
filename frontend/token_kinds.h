// What a token is, for the pre-pass, the syntax errors and the formatter.
#pragma once

#include "grammar/NnLexer.h"
#include "grammar/NnParser.h"

namespace nnc {

using grammar::NnLexer;
using grammar::NnParser;

inline bool isOpener(size_t type) {
  return type == NnLexer::LPAREN || type == NnLexer::LBRACKET || type == NnParser::MAP || type == NnLexer::LBRACE;
}
inline bool isCloser(size_t type) {
  return type == NnLexer::RPAREN || type == NnLexer::RBRACKET || type == NnLexer::RBRACE;
}
inline size_t closerOf(size_t opener) {
  return opener == NnLexer::LPAREN ? NnLexer::RPAREN : opener == NnLexer::LBRACE ? NnLexer::RBRACE : NnLexer::RBRACKET;
}
/// Operators with an operand on each side; `-` and `not` may also stand before one alone.
inline bool isBinaryOperator(size_t type) {
  switch (type) {
    case NnLexer::PLUS:
    case NnLexer::MINUS:
    case NnLexer::STAR:
    case NnLexer::SLASH:
    case NnLexer::FLOORDIV:
    case NnLexer::PERCENT:
    case NnLexer::AT:
    case NnLexer::CARET:
    case NnLexer::EQ:
    case NnLexer::NE:
    case NnLexer::LT:
    case NnLexer::LE:
    case NnLexer::GT:
    case NnLexer::GE:
    case NnLexer::AND:
    case NnLexer::OR:
      return true;
    default:
      return false;
  }
}
/// Words that only start a statement or definition, wherever they stand.
inline bool isStatementWord(size_t type) {
  switch (type) {
    case NnLexer::USE:
    case NnLexer::HYPER:
    case NnLexer::LAYER:
    case NnLexer::EXPORT:
    case NnLexer::LET:
    case NnLexer::VAR:
    case NnLexer::STATE:
    case NnLexer::PARAM:
    case NnLexer::EVERY:
      return true;
    default:
      return false;
  }
}
/// Words with a meaning in one place that are names everywhere else.
inline bool isSoftWord(size_t type) {
  switch (type) {
    case NnLexer::IN:
    case NnLexer::ON:
    case NnLexer::FROM:
    case NnLexer::AS:
    case NnLexer::DATA:
    case NnLexer::TRAIN:
    case NnLexer::SEARCH:
    case NnLexer::METRIC:
      return true;
    default:
      return false;
  }
}
inline bool isName(size_t type) {
  return type == NnLexer::NAME || isSoftWord(type);
}
inline bool isWord(size_t type) {
  return isName(type) || (type >= NnLexer::USE && type <= NnLexer::FALSE);
}
/// Tokens an operand can end with, and those it can start with.
inline bool endsOperand(size_t type) {
  return isName(type) || type == NnLexer::INT || type == NnLexer::FLOAT || type == NnLexer::STRING || isCloser(type) ||
         type == NnLexer::TICK || type == NnLexer::TRUE || type == NnLexer::FALSE || type == NnLexer::WILD ||
         type == NnLexer::DEEPWILD;
}
inline bool startsOperand(size_t type) {
  return isName(type) || type == NnLexer::INT || type == NnLexer::FLOAT || type == NnLexer::STRING ||
         type == NnLexer::LPAREN || type == NnLexer::TRUE || type == NnLexer::FALSE || type == NnLexer::IF ||
         type == NnLexer::FOR;
}

}  // namespace nnc
