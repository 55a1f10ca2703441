#include "runtime/train/data/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cstring>
#include <unordered_map>

#include "runtime/train/data/vocabulary.h"
#include "runtime/train/error.h"

namespace nnc::train {

namespace {

/// Texts as tokens: bytes, or numbers into a lexicon, which grows.
struct Tokeniser {
  TextUnit unit;
  std::vector<std::string> lexicon;
  std::unordered_map<std::string, int32_t> numbers;

  std::vector<int32_t> operator()(std::string_view text) {
    std::vector<int32_t> tokens;
    if (unit == TextUnit::Byte) {
      for (const char c : text) tokens.push_back(static_cast<unsigned char>(c));
      return tokens;
    }
    for (std::string& word : wordsOf(text)) {
      const auto [it, isNew] = numbers.emplace(std::move(word), static_cast<int32_t>(numbers.size()));
      if (isNew) lexicon.push_back(it->first);
      tokens.push_back(it->second);
    }
    return tokens;
  }
};

/// Rows of `width` tokens with their lengths: a longer text is cut, a shorter one filled with 0.
RawField rowsOf(std::string name, const std::vector<std::vector<int32_t>>& texts, Tokeniser tokeniser, int64_t width) {
  assert(width >= 0);
  const auto n = static_cast<size_t>(width);
  const DType dtype = tokeniser.unit == TextUnit::Word ? DType::I32 : DType::U8;
  Buffer bytes(texts.size() * n * sizeOf(dtype));
  std::vector<int32_t> lengths;
  for (size_t row = 0; row < texts.size(); ++row) {
    const std::vector<int32_t>& text = texts[row];
    lengths.push_back(static_cast<int32_t>(std::min(text.size(), n)));
    for (size_t i = 0; i < n; ++i) storeDouble(dtype, bytes.data(), row * n + i, i < text.size() ? text[i] : 0);
  }
  RawField field = packedField(std::move(name), dtype, {width}, texts.size(), std::move(bytes));
  field.lengths = std::move(lengths);
  field.categories = std::move(tokeniser.lexicon);
  return field;
}

}  // namespace

Tokens readTokens(const std::string& path, TextUnit unit) {
  Tokens tokens{path, unit, readFile(path), {}};
  if (unit == TextUnit::Byte) return tokens;
  Tokeniser tokeniser{unit, {}, {}};
  const std::vector<int32_t> sequence = tokeniser(tokens.storage.text());
  tokens.lexicon = std::move(tokeniser.lexicon);
  tokens.storage = Buffer(sequence.size() * sizeof(int32_t));
  if (!sequence.empty()) std::memcpy(tokens.storage.data(), sequence.data(), tokens.storage.size());
  return tokens;
}

RawTable windowTable(const Tokens& tokens, size_t begin, size_t end, int64_t window, int64_t stride,
                     std::string_view what) {
  assert(window > 0 && stride > 0 && begin <= end && end <= tokens.count());
  const size_t length = end - begin;
  const bool words = tokens.unit == TextUnit::Word;
  if (length < static_cast<size_t>(window)) {
    throw DataError(
        tokens.file, words ? fmt::format("word {}", begin + 1) : atByte(begin),
        fmt::format("the {} has {} {}, less than one window of {}", what, length, words ? "words" : "bytes", window));
  }
  RawField field;
  field.name = "text";
  field.dtype = words ? DType::I32 : DType::U8;
  field.extents = {window};
  field.rows = (length - static_cast<size_t>(window)) / static_cast<size_t>(stride) + 1;
  field.rowStride = static_cast<size_t>(stride) * sizeOf(field.dtype);
  field.storage = tokens.storage;
  field.data = tokens.storage.data() + begin * sizeOf(field.dtype);
  field.categories = tokens.lexicon;
  std::vector<RawField> fields;
  fields.push_back(std::move(field));
  return makeTable(tokens.file, std::move(fields));
}

RawTable lineTable(const std::string& path, TextUnit unit, int64_t window) {
  const Buffer bytes = readFile(path);
  const std::string_view text = bytes.text();
  Tokeniser tokeniser{unit, {}, {}};
  std::vector<std::vector<int32_t>> lines;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    std::string_view line = text.substr(at, end - at);
    if (line.ends_with('\r')) line.remove_suffix(1);
    at = end + 1;
    std::vector<int32_t> tokens = tokeniser(line);
    if (!tokens.empty()) lines.push_back(std::move(tokens));
  }
  std::vector<RawField> fields;
  fields.push_back(rowsOf("text", lines, std::move(tokeniser), window));
  return makeTable(path, std::move(fields));
}

RawField textColumn(const RawField& column, TextUnit unit, int64_t width, const std::string& file) {
  const auto fail = [&](const std::string& place, const char* message) {
    throw DataError(file, fmt::format("{}column {}", place, ticked(column.name)), message);
  };
  if (column.dtype != DType::Text) fail("", "holds numbers, no texts");
  Tokeniser tokeniser{unit, {}, {}};
  std::vector<std::vector<int32_t>> texts;
  for (const std::string& text : column.strings) {
    if (text.empty()) fail(fmt::format("row {}, ", texts.size() + 1), "has no value");
    texts.push_back(tokeniser(text));
  }
  if (unit == TextUnit::Word && tokeniser.lexicon.empty()) fail("", "holds no words: no cell has a letter");
  return rowsOf(column.name, texts, std::move(tokeniser), width);
}

RawField lengthsOf(const RawField& text) {
  Buffer bytes(text.rows * sizeof(int32_t));
  for (uint64_t row = 0; row < text.rows; ++row)
    storeDouble(DType::I32, bytes.data(), row, text.lengths.empty() ? text.extents[0] : text.lengths[row]);
  return packedField(text.name, DType::I32, {}, text.rows, std::move(bytes));
}

}  // namespace nnc::train
