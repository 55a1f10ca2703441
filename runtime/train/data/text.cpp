#include "runtime/train/data/text.h"

#include <fmt/format.h>

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

}  // namespace nnc::train
