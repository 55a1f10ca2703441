#include "runtime/train/data/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cstring>
#include <unordered_map>

#include "runtime/train/data/vocabulary.h"
#include "runtime/train/error.h"

namespace nnc::train {

Tokens readTokens(const std::string& path, TextUnit unit) {
  Tokens tokens{path, unit, readFile(path), {}};
  if (unit == TextUnit::Byte) return tokens;
  std::unordered_map<std::string, int32_t> numbers;
  std::vector<int32_t> sequence;
  for (std::string& word : wordsOf(tokens.storage.text())) {
    const auto [it, isNew] = numbers.emplace(std::move(word), static_cast<int32_t>(numbers.size()));
    if (isNew) tokens.lexicon.push_back(it->first);
    sequence.push_back(it->second);
  }
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

/// The file's tokens line by line: bytes, or numbers into the lexicon, which grows.
static std::vector<std::vector<int32_t>> linesOf(std::string_view text, TextUnit unit,
                                                 std::vector<std::string>& lexicon) {
  std::vector<std::vector<int32_t>> lines;
  std::unordered_map<std::string, int32_t> numbers;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    std::string_view line = text.substr(at, end - at);
    if (line.ends_with('\r')) line.remove_suffix(1);
    at = end + 1;
    std::vector<int32_t> tokens;
    if (unit == TextUnit::Byte)
      for (const char c : line) tokens.push_back(static_cast<unsigned char>(c));
    else
      for (std::string& word : wordsOf(line)) {
        const auto [it, isNew] = numbers.emplace(std::move(word), static_cast<int32_t>(numbers.size()));
        if (isNew) lexicon.push_back(it->first);
        tokens.push_back(it->second);
      }
    if (!tokens.empty()) lines.push_back(std::move(tokens));
  }
  return lines;
}

RawTable lineTable(const std::string& path, TextUnit unit, int64_t window) {
  assert(window > 0);
  const Buffer bytes = readFile(path);
  std::vector<std::string> lexicon;
  const auto lines = linesOf(bytes.text(), unit, lexicon);
  const auto width = static_cast<size_t>(window);
  const DType dtype = unit == TextUnit::Word ? DType::I32 : DType::U8;
  Buffer text(lines.size() * width * sizeOf(dtype)), length(lines.size() * sizeof(int32_t));
  std::vector<int32_t> lengths;
  for (size_t row = 0; row < lines.size(); ++row) {
    lengths.push_back(static_cast<int32_t>(std::min(lines[row].size(), width)));
    storeDouble(DType::I32, length.data(), row, lengths.back());
    for (size_t i = 0; i < width; ++i)
      storeDouble(dtype, text.data(), row * width + i, i < lines[row].size() ? lines[row][i] : 0);
  }
  std::vector<RawField> fields;
  fields.push_back(packedField("text", dtype, {window}, lines.size(), std::move(text)));
  fields.back().lengths = std::move(lengths);
  fields.back().categories = std::move(lexicon);
  fields.push_back(packedField("length", DType::I32, {}, lines.size(), std::move(length)));
  return makeTable(path, std::move(fields));
}

}  // namespace nnc::train
