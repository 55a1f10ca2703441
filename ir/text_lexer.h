// Tokens of .nnir text. Never fails: what is no token becomes one of kind Bad, which the parser reports.
#pragma once

#include <string>
#include <string_view>

#include "ir/source.h"

namespace nnc {

/// What names are made of: letters, digits, _ and .
bool isNameChar(char c);

enum class IrTokenKind : uint8_t {
  Identifier,  // a name, not starting with a digit
  Number,      // digits with fraction and exponent; the sign is a token of its own
  String,      // `text` holds the characters after escapes
  Value,       // %name, `text` without the %
  Symbol,      // one punctuation character, or <=
  Bad,         // `text` says what is wrong
  End,
};

struct IrToken {
  IrTokenKind kind = IrTokenKind::End;
  std::string text;
  Loc at;
};

class IrLexer {
public:
  IrLexer(uint32_t file, std::string_view text) : file_(file), text_(text) {}
  IrToken next();

private:
  char peek(size_t ahead = 0) const { return pos_ + ahead < text_.size() ? text_[pos_ + ahead] : '\0'; }
  void skipBlanks();
  IrToken token(IrTokenKind kind, size_t begin, std::string text) const;
  IrToken number();
  IrToken string();

  uint32_t file_;
  std::string_view text_;
  size_t pos_ = 0;
  size_t lineStart_ = 0;
  uint32_t line_ = 1;
};

}  // namespace nnc
