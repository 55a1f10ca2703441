#include "runtime/train/data/vocabulary.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <unordered_map>

#include "runtime/core/nnc_abi.h"
#include "runtime/train/error.h"

namespace nnc::train {

namespace {

constexpr std::string_view kNames[] = {"chars", "words", "category"};
constexpr const char* kUnknownWord = "<unknown>";
constexpr size_t kLongestSymbol = 255;

std::string charSymbol(int byte) {
  return {static_cast<char>(byte)};
}

/// Tokens of a text field: those that its windows, which may overlap, lie on.
size_t tokenCount(const RawField& field) {
  return field.rows == 0 ? 0 : ((field.rows - 1) * field.rowStride + field.rowBytes()) / sizeOf(field.dtype);
}

bool isColumn(const RawField& field) {
  return field.extents.empty() && (field.dtype == DType::Text || field.dtype == DType::I64);
}

/// A field's symbols are what `kind` names: characters are bytes, words come from `by = word`, categories from columns.
void checkKind(Symbols kind, const RawField& field, const std::string& file) {
  const bool words = field.dtype == DType::I32 && !field.categories.empty();
  const char* wrong = nullptr;
  if (kind == Symbols::Chars && field.dtype != DType::U8)
    wrong = words ? "is a text by words; its symbols are `words(raw.text)`" : "has no characters";
  if (kind == Symbols::Words && !words) wrong = "is no text by words; read it with `by = word`";
  if (kind == Symbols::Category && !isColumn(field)) wrong = "has no categories: they are strings or whole numbers";
  if (wrong) throw DataError(file, fmt::format("field {}", ticked(field.name)), wrong);
}

/// The text of a cell of a column. An empty one is a DataError.
std::string category(const RawField& field, uint64_t row, const std::string& file) {
  if (field.dtype != DType::Text) return std::to_string(elementAsInt(field.dtype, field.row(row), 0));
  if (field.strings[row].empty())
    throw DataError(file, fmt::format("row {}, column {}", row + 1, ticked(field.name)), "has no value");
  return field.strings[row];
}

/// Calls f with each token of the rows of a text, fillers left out. Windows may overlap: each token comes once.
template <class F>
void forEachToken(const RawField& field, std::span<const uint32_t> rows, F f) {
  const auto token = [&](size_t i) { f(static_cast<size_t>(elementAsInt(field.dtype, field.data, i))); };
  if (field.lengths.empty())
    for (size_t i = 0, n = tokenCount(field); i < n; ++i) token(i);
  else
    for (const uint32_t row : rows)
      for (int32_t i = 0; i < field.lengths[row]; ++i)
        token(row * static_cast<size_t>(field.extents[0]) + static_cast<size_t>(i));
}

std::vector<std::string> characters(const RawField& field, std::span<const uint32_t> rows) {
  std::vector<bool> seen(256);
  forEachToken(field, rows, [&](size_t byte) { seen[byte] = true; });
  std::vector<std::string> symbols;
  for (int byte = 0; byte < 256; ++byte)
    if (seen[static_cast<size_t>(byte)]) symbols.push_back(charSymbol(byte));
  return symbols;
}

std::vector<std::string> frequentWords(const RawField& field, std::span<const uint32_t> rows, int64_t most) {
  std::vector<uint64_t> counts(field.categories.size());
  forEachToken(field, rows, [&](size_t word) { ++counts[word]; });
  std::vector<size_t> order;
  for (size_t i = 0; i < counts.size(); ++i)
    if (counts[i] > 0 && field.categories[i].size() <= kLongestSymbol) order.push_back(i);
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return counts[a] != counts[b] ? counts[a] > counts[b] : field.categories[a] < field.categories[b];
  });
  order.resize(std::min(order.size(), static_cast<size_t>(most - 1)));
  std::vector<std::string> symbols{kUnknownWord};
  for (size_t i : order) symbols.push_back(field.categories[i]);
  return symbols;
}

std::vector<std::string> categories(const RawField& field, std::span<const uint32_t> rows, const std::string& file) {
  std::vector<std::string> symbols;
  for (uint32_t row : rows) symbols.push_back(category(field, row, file));
  const auto before = [&](const std::string& a, const std::string& b) {
    return field.dtype == DType::Text ? a < b : std::stoll(a) < std::stoll(b);
  };
  std::sort(symbols.begin(), symbols.end(), before);
  symbols.erase(std::unique(symbols.begin(), symbols.end()), symbols.end());
  return symbols;
}

/// Symbol → number.
class Numbers {
public:
  explicit Numbers(const Vocabulary& vocabulary) : words_(vocabulary.kind == Symbols::Words) {
    for (size_t i = 0; i < vocabulary.symbols.size(); ++i) numbers_[vocabulary.symbols[i]] = static_cast<int32_t>(i);
  }
  /// -1 for none; of words, 0.
  int32_t of(const std::string& symbol) const {
    const auto it = numbers_.find(symbol);
    return it != numbers_.end() ? it->second : words_ ? 0 : -1;
  }

private:
  bool words_;
  std::unordered_map<std::string, int32_t> numbers_;
};

bool isFiller(const RawField& field, size_t token) {
  if (field.lengths.empty()) return false;
  const auto width = static_cast<size_t>(field.extents[0]);
  return token % width >= static_cast<size_t>(field.lengths[token / width]);
}

/// Where a token of a text stands in its file.
std::string placeOf(const RawField& field, size_t token) {
  if (field.lengths.empty()) return atByte(static_cast<size_t>(field.data - field.storage.data()) + token);
  return fmt::format("row {}", token / static_cast<size_t>(field.extents[0]) + 1);
}

[[noreturn]] void unknownCharacter(const std::string& file, const std::string& place, std::string_view character) {
  throw DataError(file, place, fmt::format("the character {} does not occur in the training text", ticked(character)));
}

[[noreturn]] void unknownCategory(const std::string& file, const std::string& place, const std::string& value) {
  throw DataError(file, place, fmt::format("{} does not occur in the training rows", ticked(value)));
}

}  // namespace

std::optional<Symbols> symbolsNamed(std::string_view name) {
  const auto* it = std::find(std::begin(kNames), std::end(kNames), name);
  if (it == std::end(kNames)) return std::nullopt;
  return static_cast<Symbols>(it - kNames);
}

std::string_view nameOf(Symbols kind) {
  return kNames[static_cast<size_t>(kind)];
}

std::vector<std::string> wordsOf(std::string_view text) {
  std::vector<std::string> words;
  bool inside = false;
  for (char c : text) {
    const bool upper = c >= 'A' && c <= 'Z';
    const bool letter = upper || (c >= 'a' && c <= 'z') || (static_cast<unsigned char>(c) & 0x80U);
    if (letter && !inside) words.emplace_back();
    if (letter) words.back() += upper ? static_cast<char>(c - 'A' + 'a') : c;
    inside = letter;
  }
  return words;
}

Vocabulary Vocabulary::of(Symbols kind, const RawField& field, std::span<const uint32_t> rows, int64_t most,
                          const std::string& file) {
  checkKind(kind, field, file);
  Vocabulary vocabulary{kind, {}};
  vocabulary.symbols = kind == Symbols::Chars   ? characters(field, rows)
                       : kind == Symbols::Words ? frequentWords(field, rows, most)
                                                : categories(field, rows, file);
  const auto found = static_cast<int64_t>(vocabulary.symbols.size());
  if (found <= most) return vocabulary;
  throw DataError(file, fmt::format("field {}", ticked(field.name)),
                  fmt::format("the training rows have {} different {}, but at most {} are declared", found,
                              kind == Symbols::Chars ? "characters" : "values", most));
}

RawField Vocabulary::encode(const RawField& field, const std::string& file) const {
  checkKind(kind, field, file);
  const Numbers numbers(*this);
  const size_t count = kind == Symbols::Category ? field.rows : tokenCount(field);
  RawField encoded = field;
  encoded.dtype = DType::I32;
  const size_t tokensInRow = kind == Symbols::Category ? 1 : field.rowStride / sizeOf(field.dtype);
  encoded.rowStride = tokensInRow * sizeof(int32_t);
  encoded.strings.clear();
  encoded.categories = symbols;
  encoded.storage = Buffer(count * sizeof(int32_t));
  encoded.data = encoded.storage.data();
  // Of a text, each symbol that its tokens can be is looked up once.
  std::vector<int32_t> table;
  if (kind == Symbols::Chars)
    for (int byte = 0; byte < 256; ++byte) table.push_back(numbers.of(charSymbol(byte)));
  if (kind == Symbols::Words)
    for (const std::string& word : field.categories) table.push_back(numbers.of(word));
  for (size_t i = 0; i < count; ++i) {
    int32_t number = 0;
    if (kind == Symbols::Category) {
      const std::string value = category(field, i, file);
      number = numbers.of(value);
      if (number < 0) unknownCategory(file, fmt::format("row {}, column {}", i + 1, ticked(field.name)), value);
    } else {
      const auto token = static_cast<size_t>(elementAsInt(field.dtype, field.data, i));
      const bool filler = isFiller(field, i);
      number = filler ? 0 : table[token];
      if (number < 0) unknownCharacter(file, placeOf(field, i), charSymbol(static_cast<int>(token)));
    }
    std::memcpy(encoded.storage.data() + i * sizeof number, &number, sizeof number);
  }
  return encoded;
}

std::string Vocabulary::bytes(size_t room, const std::string& field, const std::string& file) const {
  std::string bytes(1, static_cast<char>(static_cast<int>(kind) + NNC_VOCABULARY_CHARS));
  const auto fail = [&](std::string message) {
    throw DataError(file, fmt::format("field {}", ticked(field)), message);
  };
  for (const std::string& symbol : symbols) {
    if (symbol.size() > kLongestSymbol) fail(fmt::format("{} is longer than {} bytes", ticked(symbol), kLongestSymbol));
    bytes += static_cast<char>(symbol.size());
    bytes += symbol;
  }
  if (bytes.size() > room)
    fail(fmt::format("its vocabulary takes {} bytes, and the model has room for {}, by how many symbols are declared",
                     bytes.size(), room));
  bytes.resize(room);
  return bytes;
}

std::optional<Vocabulary> Vocabulary::parse(std::string_view bytes) {
  const int kind = bytes.empty() ? 0 : bytes[0];
  if (kind < NNC_VOCABULARY_CHARS || kind > NNC_VOCABULARY_CATEGORY) return std::nullopt;
  Vocabulary vocabulary{static_cast<Symbols>(kind - NNC_VOCABULARY_CHARS), {}};
  for (size_t at = 1; at < bytes.size() && bytes[at];) {
    const size_t length = static_cast<unsigned char>(bytes[at]);
    if (at + 1 + length > bytes.size()) return std::nullopt;
    vocabulary.symbols.emplace_back(bytes.substr(at + 1, length));
    at += 1 + length;
  }
  return vocabulary;
}

}  // namespace nnc::train
