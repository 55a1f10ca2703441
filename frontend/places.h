// Where tokens stand: ANTLR counts code points, everything else in the compiler counts bytes of a line.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include <antlr4-runtime.h>

#include "ir/source.h"

namespace nnc {

/// The offset of the first byte that is not part of valid UTF-8 (overlong forms and surrogates are not), if any.
std::optional<size_t> firstBadUtf8(std::string_view text);

class Places {
public:
  /// `text` is valid UTF-8; `skipped` bytes stood before it in the file (a byte order mark).
  Places(uint32_t file, std::string_view text, size_t skipped);

  Loc of(const antlr4::Token* token) const { return span(token, token); }
  /// From the start of one token to the end of another, as far as the first line goes.
  Loc span(const antlr4::Token* first, const antlr4::Token* last) const;
  /// The place right behind a token.
  Loc after(const antlr4::Token* token) const;
  std::string_view text(const antlr4::Token* token) const;
  uint32_t lineOf(const antlr4::Token* token) const { return of(token).line; }
  /// The place of a byte of the text.
  Loc atByte(size_t byte, size_t length = 1) const;

private:
  size_t byte(size_t codePoint) const;

  uint32_t file_;
  std::string_view text_;
  size_t skipped_;
  std::vector<uint32_t> lineStarts_{0};
  std::vector<uint32_t> byteOf_;  // of each code point; empty if the text is ASCII and the two agree
};

}  // namespace nnc
