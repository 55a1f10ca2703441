#include "runtime/train/data/vocabulary.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cstring>
#include <set>

#include "runtime/train/error.h"

namespace nnc::train {

CharVocabulary CharVocabulary::of(const RawField& field, std::span<const uint32_t> rows) {
  assert(field.dtype == DType::U8);
  std::array<bool, 256> seen{};
  const size_t bytes = field.rowBytes();
  for (uint32_t row : rows) {
    const std::byte* at = field.row(row);
    for (size_t i = 0; i < bytes; ++i) seen[std::to_integer<uint8_t>(at[i])] = true;
  }
  std::vector<uint8_t> symbols;
  for (int byte = 0; byte < 256; ++byte) {
    if (seen[byte]) symbols.push_back(static_cast<uint8_t>(byte));
  }
  return fromSymbols(symbols);
}

CharVocabulary CharVocabulary::fromSymbols(std::span<const uint8_t> symbols) {
  CharVocabulary vocabulary;
  vocabulary.symbols.assign(symbols.begin(), symbols.end());
  vocabulary.numberOf.fill(-1);
  for (size_t i = 0; i < symbols.size(); ++i) vocabulary.numberOf[symbols[i]] = static_cast<int32_t>(i);
  return vocabulary;
}

void CharVocabulary::checkAtMost(int64_t most, const std::string& file) const {
  if (static_cast<int64_t>(symbols.size()) <= most) return;
  throw DataError(
      file, "",
      fmt::format("the training text has {} different characters, but at most {} are declared", symbols.size(), most));
}

std::vector<int32_t> CharVocabulary::encode(std::string_view text, const std::string& file) const {
  std::vector<int32_t> numbers;
  numbers.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    const int32_t number = numberOf[static_cast<uint8_t>(text[i])];
    if (number < 0) {
      throw DataError(file, atByte(i),
                      fmt::format("the character {} does not occur in the training text", ticked(text.substr(i, 1))));
    }
    numbers.push_back(number);
  }
  return numbers;
}

std::string CharVocabulary::decode(std::span<const int32_t> numbers) const {
  std::string text;
  for (int32_t number : numbers) {
    const bool known = number >= 0 && static_cast<size_t>(number) < symbols.size();
    text += known ? static_cast<char>(symbols[static_cast<size_t>(number)]) : '?';
  }
  return text;
}

Categories Categories::of(const RawField& field, std::span<const uint32_t> rows) {
  assert(field.dtype == DType::Text);
  std::set<std::string> names;
  for (uint32_t row : rows) names.insert(field.strings[row]);
  return {{names.begin(), names.end()}};
}

void Categories::checkAtMost(int64_t most, const std::string& file, const std::string& column) const {
  if (static_cast<int64_t>(names.size()) <= most) return;
  throw DataError(
      file, fmt::format("column {}", ticked(column)),
      fmt::format("has {} different values in the training rows, but at most {} are declared", names.size(), most));
}

RawField Categories::encode(const RawField& field, const std::string& file) const {
  Buffer bytes(field.rows * sizeof(int32_t));
  for (uint64_t row = 0; row < field.rows; ++row) {
    const auto it = std::lower_bound(names.begin(), names.end(), field.strings[row]);
    if (it == names.end() || *it != field.strings[row]) {
      throw DataError(file, fmt::format("row {}, column {}", row + 1, ticked(field.name)),
                      fmt::format("{} does not occur in the training rows", ticked(field.strings[row])));
    }
    const auto number = static_cast<int32_t>(it - names.begin());
    std::memcpy(bytes.data() + row * sizeof number, &number, sizeof number);
  }
  RawField encoded = packedField(field.name, DType::I32, {}, field.rows, std::move(bytes));
  encoded.categories = names;
  return encoded;
}

}  // namespace nnc::train
