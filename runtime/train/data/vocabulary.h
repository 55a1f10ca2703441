// Symbols and their numbers: the characters of a text, the categories of a column. Always taken from the training rows,
// so that validation and prediction see the numbers that the weights were trained with.
#pragma once

#include <array>
#include <span>
#include <string>
#include <vector>

#include "runtime/train/data/dataset.h"

namespace nnc::train {

/// The distinct bytes of the rows of a u8 field, numbered in byte order.
struct CharVocabulary {
  std::vector<uint8_t> symbols;       // number → byte
  std::array<int32_t, 256> numberOf;  // byte → number, -1 for one that never occurs

  static CharVocabulary of(const RawField& field, std::span<const uint32_t> rows);
  /// From the symbols saved with the weights.
  static CharVocabulary fromSymbols(std::span<const uint8_t> symbols);

  /// Throws DataError naming the count if there are more than `most` symbols.
  void checkAtMost(int64_t most, const std::string& file) const;
  /// The numbers of a text; a byte without one is a DataError naming its offset in `file`.
  std::vector<int32_t> encode(std::string_view text, const std::string& file) const;
  /// The text of the numbers; those outside the vocabulary become `?`.
  std::string decode(std::span<const int32_t> numbers) const;
};

/// The distinct strings of the rows of a text field, numbered in byte order.
struct Categories {
  std::vector<std::string> names;

  static Categories of(const RawField& field, std::span<const uint32_t> rows);
  void checkAtMost(int64_t most, const std::string& file, const std::string& column) const;
  /// The column as i32 numbers. A string that no training row has is a DataError naming its row.
  RawField encode(const RawField& field, const std::string& file) const;
};

}  // namespace nnc::train
