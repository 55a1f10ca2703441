// Symbols and their numbers: the characters or words of a text, the categories of a column. Always taken from the
// training rows, so that validation and prediction see the numbers that the weights were trained with.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/train/data/dataset.h"

namespace nnc::train {

enum class Symbols : uint8_t {
  Chars,     // the bytes of a text, in their order
  Words,     // its words: 0 stands for all others, then by falling frequency, equally frequent ones in byte order
  Category,  // the strings of a column, in byte order; of a column of numbers, in theirs
};

/// The kind by its name in the language (`chars`, `words`, `category`); nothing for another name.
std::optional<Symbols> symbolsNamed(std::string_view name);
std::string_view nameOf(Symbols kind);

/// The words of a text: runs of letters, ASCII ones in lower case. Every byte outside of ASCII counts as a letter, so
/// that words in UTF-8 hold together.
std::vector<std::string> wordsOf(std::string_view text);

struct Vocabulary {
  Symbols kind = Symbols::Chars;
  std::vector<std::string> symbols;  // number → symbol

  /// Of the given rows of a field. Of words, the most frequent `most` - 1 count; of the others, more than `most`
  /// different ones are a DataError that names their number. So is a field of another kind, and a missing category.
  static Vocabulary of(Symbols kind, const RawField& field, std::span<const uint32_t> rows, int64_t most,
                       const std::string& file);

  /// The field with i32 numbers instead of its symbols. A character or category that no training row has is a DataError
  /// naming its place.
  RawField encode(const RawField& field, const std::string& file) const;

  /// As a fitted variable of `room` bytes keeps it (runtime/core/nnc_abi.h). A symbol longer than 255 bytes, or more
  /// than there is room for, is a DataError.
  std::string bytes(size_t room, const std::string& field, const std::string& file) const;
  /// Of such bytes; nothing if it was not taken yet, or is damaged.
  static std::optional<Vocabulary> parse(std::string_view bytes);
};

}  // namespace nnc::train
