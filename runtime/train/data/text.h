// Text as rows of bytes or words: equally long windows or lines of a file, or the cells of a column.
#pragma once

#include <string>

#include "runtime/train/data/dataset.h"

namespace nnc::train {

/// What windows and strides count.
enum class TextUnit : uint8_t { Byte, Word };

/// What a row is: a window of a given length, wherever it ends, or a line.
enum class TextRows : uint8_t { Window, Line };

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

/// The lines of a text, each a row: `text` as in windowTable, with `lengths`. A line without tokens is left out, one of
/// more than `window` is cut, a shorter one filled with 0. Throws DataError, IoError.
RawTable lineTable(const std::string& path, TextUnit unit, int64_t window);

/// The texts of a CSV's column as such rows, `width` tokens each; one without tokens has the length 0. Throws
/// DataError, naming row and column, for a column of numbers and for an empty cell.
RawField textColumn(const RawField& column, TextUnit unit, int64_t width, const std::string& file);

/// How many tokens of each row of a text count, i32: of windows all.
RawField lengthsOf(const RawField& text);

}  // namespace nnc::train
