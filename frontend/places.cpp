#include "frontend/places.h"

#include <algorithm>

namespace nnc {
namespace {

bool isContinuation(unsigned char c) {
  return (c & 0xc0) == 0x80;
}

/// The length of the well-formed sequence at `i`, or 0 (Unicode 15, table 3-7).
size_t sequenceAt(std::string_view text, size_t i) {
  const auto at = [&](size_t k) { return k < text.size() ? static_cast<unsigned char>(text[k]) : 0u; };
  const unsigned c = at(i), next = at(i + 1);
  if (c < 0x80) return 1;
  if (c < 0xc2 || c > 0xf4 || !isContinuation(next)) return 0;
  if (c < 0xe0) return 2;
  if (!isContinuation(at(i + 2))) return 0;
  if (c < 0xf0) {
    const bool overlong = c == 0xe0 && next < 0xa0, surrogate = c == 0xed && next > 0x9f;
    return overlong || surrogate ? 0 : 3;
  }
  const bool overlong = c == 0xf0 && next < 0x90, tooLarge = c == 0xf4 && next > 0x8f;
  return overlong || tooLarge || !isContinuation(at(i + 3)) ? 0 : 4;
}

}  // namespace

std::optional<size_t> firstBadUtf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const size_t n = sequenceAt(text, i);
    if (n == 0) return i;
    i += n;
  }
  return std::nullopt;
}

Places::Places(uint32_t file, std::string_view text, size_t skipped) : file_(file), text_(text), skipped_(skipped) {
  bool ascii = true;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n') lineStarts_.push_back(static_cast<uint32_t>(i + 1));
    ascii = ascii && static_cast<unsigned char>(text[i]) < 0x80;
  }
  if (ascii) return;
  for (size_t i = 0; i < text.size(); ++i)
    if (!isContinuation(static_cast<unsigned char>(text[i]))) byteOf_.push_back(static_cast<uint32_t>(i));
}

size_t Places::byte(size_t codePoint) const {
  if (byteOf_.empty()) return std::min(codePoint, text_.size());
  return codePoint < byteOf_.size() ? byteOf_[codePoint] : text_.size();
}

Loc Places::atByte(size_t byte, size_t length) const {
  const auto next = std::upper_bound(lineStarts_.begin(), lineStarts_.end(), byte);
  const auto line = static_cast<uint32_t>(next - lineStarts_.begin());
  const size_t start = lineStarts_[line - 1];
  const size_t lineEnd = next == lineStarts_.end() ? text_.size() : *next - 1;
  const size_t room = lineEnd > byte ? lineEnd - byte : 1;
  const size_t before = line == 1 ? skipped_ : 0;
  return {file_, line, static_cast<uint32_t>(byte - start + before + 1),
          static_cast<uint32_t>(std::clamp<size_t>(length, 1, room))};
}

Loc Places::span(const antlr4::Token* first, const antlr4::Token* last) const {
  const size_t begin = byte(first->getStartIndex()), end = byte(last->getStopIndex() + 1);
  return atByte(begin, end > begin ? end - begin : 1);
}

Loc Places::after(const antlr4::Token* token) const {
  return atByte(byte(token->getStopIndex() + 1));
}

std::string_view Places::text(const antlr4::Token* token) const {
  const size_t begin = byte(token->getStartIndex()), end = byte(token->getStopIndex() + 1);
  return end > begin ? text_.substr(begin, end - begin) : std::string_view();
}

}  // namespace nnc
