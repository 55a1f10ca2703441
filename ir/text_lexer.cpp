#include "ir/text_lexer.h"

#include <algorithm>

namespace nnc {
namespace {

bool isDigit(char c) {
  return c >= '0' && c <= '9';
}
bool isNameStart(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
int hexDigit(char c) {
  if (isDigit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

}  // namespace

bool isNameChar(char c) {
  return isNameStart(c) || isDigit(c) || c == '.';
}

void IrLexer::skipBlanks() {
  while (pos_ < text_.size()) {
    if (text_[pos_] == '\n') {
      lineStart_ = ++pos_;
      ++line_;
    } else if (text_[pos_] == ' ' || text_[pos_] == '\t' || text_[pos_] == '\r') {
      ++pos_;
    } else if (text_[pos_] == '/' && peek(1) == '/') {
      while (pos_ < text_.size() && text_[pos_] != '\n') ++pos_;
    } else {
      return;
    }
  }
}

IrToken IrLexer::token(IrTokenKind kind, size_t begin, std::string text) const {
  const size_t end = std::max(pos_, begin + 1);
  return {kind, std::move(text),
          Loc{file_, line_, static_cast<uint32_t>(begin - lineStart_ + 1), static_cast<uint32_t>(end - begin)}};
}

IrToken IrLexer::number() {
  const size_t begin = pos_;
  while (isDigit(peek())) ++pos_;
  if (peek() == '.' && isDigit(peek(1))) {
    ++pos_;
    while (isDigit(peek())) ++pos_;
  }
  if (peek() == 'e' || peek() == 'E') {
    const size_t sign = peek(1) == '-' || peek(1) == '+';
    if (isDigit(peek(1 + sign))) {
      pos_ += 1 + sign;
      while (isDigit(peek())) ++pos_;
    }
  }
  return token(IrTokenKind::Number, begin, std::string(text_.substr(begin, pos_ - begin)));
}

IrToken IrLexer::string() {
  const size_t begin = pos_++;
  std::string value;
  for (;;) {
    const char c = peek();
    if (pos_ >= text_.size() || c == '\n') return token(IrTokenKind::Bad, begin, "a string without its end");
    ++pos_;
    if (c == '"') return token(IrTokenKind::String, begin, std::move(value));
    if (c != '\\') {
      value += c;
      continue;
    }
    const char escape = peek();
    ++pos_;
    if (escape == 'n')
      value += '\n';
    else if (escape == '"' || escape == '\\')
      value += escape;
    else if (escape == 'x' && hexDigit(peek()) >= 0 && hexDigit(peek(1)) >= 0) {
      value += static_cast<char>(hexDigit(peek()) * 16 + hexDigit(peek(1)));
      pos_ += 2;
    } else {
      pos_ = std::min(pos_, text_.size());
      return token(IrTokenKind::Bad, begin, "a string with an unknown escape");
    }
  }
}

IrToken IrLexer::next() {
  skipBlanks();
  const size_t begin = pos_;
  if (pos_ >= text_.size()) return token(IrTokenKind::End, begin, "");
  const char c = peek();
  if (isDigit(c)) return number();
  if (c == '"') return string();
  if (isNameStart(c)) {
    while (isNameChar(peek())) ++pos_;
    return token(IrTokenKind::Identifier, begin, std::string(text_.substr(begin, pos_ - begin)));
  }
  ++pos_;
  if (c == '%') {
    while (isNameChar(peek())) ++pos_;
    if (pos_ == begin + 1) return token(IrTokenKind::Bad, begin, "a value without a name");
    return token(IrTokenKind::Value, begin, std::string(text_.substr(begin + 1, pos_ - begin - 1)));
  }
  if (c == '<' && peek() == '=') {
    ++pos_;
    return token(IrTokenKind::Symbol, begin, "<=");
  }
  if (std::string_view("()[]{},:=+-*<#").find(c) != std::string_view::npos)
    return token(IrTokenKind::Symbol, begin, std::string(1, c));
  return token(IrTokenKind::Bad, begin, "a character that has no meaning here");
}

}  // namespace nnc
