// Plain text as rows of equally long windows of bytes or words.
#pragma once

#include <string>

#include "runtime/train/data/dataset.h"

namespace nnc::train {

/// What windows and strides count.
enum class TextUnit : uint8_t { Byte, Word };

/// A text as a sequence of tokens: u8 bytes, or i32 numbers into `lexicon`, the file's different words.
struct Tokens {
  std::string file;
  TextUnit unit = TextUnit::Byte;
  Buffer storage;
  std::vector<std::string> lexicon;

  size_t count() const { return storage.size() / (unit == TextUnit::Byte ? sizeof(uint8_t) : sizeof(int32_t)); }
};

/// Throws IoError.
Tokens readTokens(const std::string& path, TextUnit unit);

/// One field `text` of u8[window] (bytes) or i32[window] with the lexicon as its categories (words); row i starts at
/// token i · stride, so that windows overlap if stride < window, and tokens after the last whole window are left out.
/// The tokens are those from `begin` to `end`. Throws DataError if they do not hold one window, with `what` naming the
/// part ("training part").
RawTable windowTable(const Tokens& tokens, size_t begin, size_t end, int64_t window, int64_t stride,
                     std::string_view what);

}  // namespace nnc::train
