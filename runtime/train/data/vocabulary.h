// Symbols and their numbers: the characters or words of a text, the categories of a column. Always taken from the
// training rows, so that validation and prediction see the numbers that the weights were trained with.
#pragma once

#include <map>
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
  /// The numbers of a text (characters or words) or of one category.
  std::vector<int32_t> encode(std::string_view text, const std::string& file) const;
  /// The text of the numbers, words and categories with spaces between; a number outside is `?`.
  std::string decode(std::span<const int32_t> numbers) const;
};

/// By "<data>.<field>": "bible.chars(text)".
using Vocabularies = std::map<std::string, Vocabulary>;

/// As text for the metadata of weights, and back; nothing if the text is damaged.
std::string vocabulariesText(const Vocabularies& vocabularies);
std::optional<Vocabularies> parseVocabularies(const std::string& text);

}  // namespace nnc::train
