#include "tools/nn/inputs.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>

#include "runtime/train/data/csv.h"
#include "runtime/train/data/idx.h"
#include "runtime/train/data/images.h"
#include "runtime/train/data/npy.h"
#include "runtime/train/error.h"
#include "tools/common/command_line.h"

namespace nnc::tools {

namespace {

Array arrayOf(const train::TensorView& view) {
  return {view.dtype, view.shape, {view.data, view.data + view.bytes()}};
}

Array fromField(const train::RawField& field) {
  Array array{field.dtype, field.extents, {}};
  array.shape.insert(array.shape.begin(), static_cast<int64_t>(field.rows));
  for (uint64_t row = 0; row < field.rows; ++row)
    array.bytes.insert(array.bytes.end(), field.row(row), field.row(row) + field.rowBytes());
  return array;
}

/// Whether the first line of a CSV has names: none of its cells is a number.
bool startsWithNames(const train::Buffer& bytes, const std::string& file) {
  std::string_view text = bytes.text();
  const std::string_view line = text.substr(0, text.find_first_of("\r\n"));
  train::Buffer first(line.size());
  std::memcpy(first.data(), line.data(), line.size());
  const train::RawTable row = train::parseCsv(first, file, {',', /*header=*/false});
  return !row.fields.empty() && std::ranges::all_of(row.fields, [](const train::RawField& cell) {
    return cell.dtype == train::DType::Text && !cell.strings[0].empty();
  });
}

/// All columns of a CSV as one [rows, columns] array of f64, or of i64 if they are `whole`, which f64 would round; a
/// line of names in front is skipped.
Array fromCsv(const train::Buffer& bytes, const std::string& file, bool whole) {
  train::RawTable table = train::parseCsv(bytes, file, {',', startsWithNames(bytes, file)});
  if (table.fields.empty()) throw train::DataError(file, "", "holds no numbers");
  const auto columns = train::columnRange(table, table.fields.front().name, table.fields.back().name);
  const train::DType dtype = whole ? train::DType::I64 : train::DType::F64;
  return fromField(train::numericColumns(table, "x", columns, dtype, false));
}

/// npy, IDX(.gz), PNG and JPEG by their first bytes or name; anything else is CSV. "-" is standard input. `whole`:
/// whether the numbers of a CSV are whole.
Array readArray(const std::string& path, bool whole) {
  train::Buffer bytes = path == "-" ? train::readStandardInput() : train::readFile(path);
  std::string_view text = bytes.text();
  if (text.starts_with("\x93NUMPY")) return arrayOf(train::parseNpy(bytes.span(), path).view());
  if (text.starts_with("\x89PNG") || text.starts_with("\xff\xd8")) {
    train::DecodedImage image = train::decodeImage(bytes, path);
    return arrayOf({train::DType::U8, image.shape, image.pixels.data()});
  }
  if (text.starts_with("PK\3\4"))
    throw train::DataError(path, "", "is an archive (.npz): an input is one array, in an .npy file");
  if (path.find("ubyte", path.find_last_of('/') + 1) != std::string::npos)
    return fromField(train::parseIdx(bytes, path, "x"));
  return fromCsv(bytes, path, whole);
}

bool isFloat(const nnc_port& port) {
  return train::isFloat(train::dtypeOfAbi(port.dtype));
}

/// A single row may come without its leading axis: [28, 28] for [B, 28, 28].
void fitRank(Array& array, const nnc_port& port) {
  if (array.shape.size() + 1 == port.rank) array.shape.insert(array.shape.begin(), 1);
  // A table of one column is a vector.
  if (array.shape.size() == port.rank + 1 && array.shape.back() == 1) array.shape.pop_back();
}

/// In the type of the input. Whole numbers stay what they are: 3.7 is no index, 300 no u8, 1e39 no f32. Throws
/// DataError.
Array asInput(const Array& from, const nnc_port& port) {
  Array to = converted(from, train::dtypeOfAbi(port.dtype));
  const auto count = static_cast<size_t>(from.view().elements());
  for (size_t i = 0; i < count; ++i) {
    if (!train::isFloat(from.dtype) && !train::isFloat(to.dtype)) {
      const int64_t given = train::elementAsInt(from.dtype, from.bytes.data(), i);
      if (train::elementAsInt(to.dtype, to.bytes.data(), i) == given) continue;
      throw train::DataError(port.name, fmt::format("element {}", i),
                             fmt::format("is {}, which is no {}", given, train::nameOf(to.dtype)));
    }
    const double given = train::elementAsDouble(from.dtype, from.bytes.data(), i);
    const double taken = train::elementAsDouble(to.dtype, to.bytes.data(), i);
    if (train::isFloat(to.dtype) ? std::isfinite(given) && !std::isfinite(taken) : taken != given)
      throw train::DataError(port.name, fmt::format("element {}", i),
                             fmt::format("is {}, which is no {}", given, train::nameOf(to.dtype)));
  }
  return to;
}

template <class T>
std::optional<T> parsed(const std::string& text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

Array numberInput(const nnc_port& port, const std::string& text) {
  if (port.dtype == NNC_BOOL && (text == "true" || text == "false"))
    return numberInput(port, text == "true" ? "1" : "0");
  if (const auto whole = parsed<int64_t>(text))
    return asInput(arrayOf({train::DType::I64, {}, reinterpret_cast<const std::byte*>(&*whole)}), port);
  const auto value = parsed<double>(text);
  if (!value) throw UsageError{fmt::format("--input {} wants a number, not `{}`", port.name, text)};
  return asInput(arrayOf({train::DType::F64, {}, reinterpret_cast<const std::byte*>(&*value)}), port);
}

/// The count given for a symbol. Throws UsageError unless it is a whole number, 0 or more.
int64_t countOf(const nnc_symbol& symbol, const std::string& text) {
  const auto count = parsed<int64_t>(text);
  if (!count || *count < 0)
    throw UsageError{fmt::format("--input {} wants a whole number, not `{}`", symbol.name, text)};
  return *count;
}

using nlohmann::json;

/// Numbers of nested lists, row by row; lists of unequal length are no array.
void addList(const json& list, size_t depth, Array& array, std::vector<const json*>& numbers, const nnc_port& port) {
  const auto wrong = [&](const char* why) { throw UsageError{fmt::format("--input {}: {}", port.name, why)}; };
  if (!list.is_array()) {
    if (!list.is_number() || depth != array.shape.size()) wrong("a list of numbers has numbers at one depth only");
    return numbers.push_back(&list);
  }
  if (depth > port.rank) wrong("the lists are nested deeper than it has axes");
  if (numbers.empty() && depth == array.shape.size()) array.shape.push_back(static_cast<int64_t>(list.size()));
  if (depth >= array.shape.size() || array.shape[depth] != static_cast<int64_t>(list.size()))
    wrong("the lists in a list must be equally long");
  for (const json& element : list) addList(element, depth + 1, array, numbers, port);
}

json listOf(const std::string& text, const std::string& name) {
  json list = json::parse(text, nullptr, false);
  if (list.is_discarded()) throw UsageError{fmt::format("--input {} wants a list like [1, 2, 3], or a file", name)};
  return list;
}

/// Of i64 if all numbers are whole, else of f64.
Array fromList(const json& list, const nnc_port& port) {
  Array array{train::DType::I64, {}, {}};
  std::vector<const json*> numbers;
  addList(list, 0, array, numbers, port);
  const auto isWhole = [](const json* n) {
    return n->is_number_integer() && (!n->is_number_unsigned() || n->get<uint64_t>() <= INT64_MAX);
  };
  if (!std::ranges::all_of(numbers, isWhole)) array.dtype = train::DType::F64;
  array.bytes.resize(numbers.size() * sizeof(int64_t));
  for (size_t i = 0; i < numbers.size(); ++i)
    if (array.dtype == train::DType::I64)
      train::storeInt(array.dtype, array.bytes.data(), i, numbers[i]->get<int64_t>());
    else
      train::storeDouble(array.dtype, array.bytes.data(), i, numbers[i]->get<double>());
  return array;
}

bool isName(std::string_view text) {
  const auto part = [](unsigned char c) { return std::isalnum(c) || c == '_'; };
  return !text.empty() && !std::isdigit(static_cast<unsigned char>(text[0])) &&
         std::all_of(text.begin(), text.end(), part);
}

class InputReader {
public:
  InputReader(const train::Model& model, const train::Description& description, const nnc_entry& entry)
      : model_(model), description_(description), entry_(entry) {}

  Inputs read(const std::vector<std::string>& given, const std::string& file) {
    for (const std::string& g : given) take(g);
    Inputs inputs;
    for (uint32_t s = 0; s < entry_.symbols; ++s)
      if (auto named = given_.extract(entry_.symbol[s].name))
        inputs.counts[entry_.symbol[s].name] = countOf(entry_.symbol[s], named.mapped());
    const nnc_port* first = firstInput();
    if (file != "-" && (!first || given_.contains(first->name)))
      throw UsageError{first ? fmt::format("--data and --input both give `{}`", first->name)
                             : fmt::format("{} takes no array: --data gives nothing", entry_.name)};
    for (uint32_t i = 0; i < entry_.inputs; ++i) {
      const nnc_port& port = entry_.input[i];
      const auto named = given_.find(port.name);
      if (named == given_.end() && &port != first)
        throw UsageError{fmt::format("{} also takes `{}`: give --input {}={}", entry_.name, port.name, port.name,
                                     vocabularyOf(port) ? "TEXT"
                                     : port.rank        ? "FILE"
                                                        : "NUMBER")};
      inputs.arrays.push_back(named == given_.end() ? ofFile(port, file) : ofValue(port, named->second));
    }
    return inputs;
  }

private:
  /// What a VALUE without a name is for: the first array, else the first text.
  const nnc_port* firstInput() const {
    const auto* end = entry_.input + entry_.inputs;
    const auto* found = std::find_if(entry_.input, end, [](const nnc_port& p) { return p.rank > 0; });
    if (found == end) found = std::find_if(entry_.input, end, [this](const nnc_port& p) { return vocabularyOf(p); });
    return found == end ? nullptr : found;
  }

  /// "name=VALUE", or the first input's VALUE.
  void take(const std::string& given) {
    const auto equal = given.find('=');
    std::string name = given.substr(0, equal), value = equal == std::string::npos ? "" : given.substr(equal + 1);
    const auto is = [&](const auto& x) { return x.name == name; };
    const bool known = std::any_of(entry_.input, entry_.input + entry_.inputs, is) ||
                       std::any_of(entry_.symbol, entry_.symbol + entry_.symbols, is);
    if (equal == std::string::npos || (!known && !isName(name))) {
      const nnc_port* first = firstInput();
      if (!first) throw UsageError{fmt::format("--input wants name=value, not `{}`", given)};
      name = first->name;
      value = given;
    } else if (!known) {
      throw UsageError{fmt::format("{} has no input `{}`", entry_.name, name)};
    }
    if (!given_.emplace(name, value).second) throw UsageError{fmt::format("--input {} is given twice", name)};
  }

  const std::string* vocabularyOf(const nnc_port& port) const {
    const auto found = description_.texts.find({entry_.name, port.name});
    return found == description_.texts.end() ? nullptr : &found->second;
  }

  Array ofValue(const nnc_port& port, const std::string& value) const {
    Array array;
    if (const std::string* vocabulary = vocabularyOf(port))
      array = value.starts_with('[') ? ofTexts(port, *vocabulary, value) : ofText(port, *vocabulary, value);
    else if (port.rank == 0)
      return numberInput(port, value);
    else
      array = asInput(
          value.starts_with('[') ? fromList(listOf(value, port.name), port) : readArray(value, !isFloat(port)), port);
    fitRank(array, port);
    return array;
  }

  Array ofFile(const nnc_port& port, const std::string& file) const {
    const std::string* vocabulary = vocabularyOf(port);
    Array array;
    if (vocabulary && !file.ends_with(".npy")) {
      train::Buffer bytes = file == "-" ? train::readStandardInput() : train::readFile(file);
      std::string_view text = bytes.text();
      if (text.ends_with('\n')) text.remove_suffix(1);
      array = ofText(port, *vocabulary, text);
    } else {
      array = asInput(readArray(file, !isFloat(port)), port);
    }
    fitRank(array, port);
    return array;
  }

  Array ofText(const nnc_port& port, const std::string& vocabulary, std::string_view text) const {
    std::vector<int32_t> numbers;
    try {
      numbers = model_.encode(vocabulary, text);
    } catch (const train::CallError& e) {
      if (e.code == NNC_ERR_RANGE) throw train::DataError(port.name, "", e.message);
      throw UsageError{fmt::format("{}: give --weights", e.message)};
    }
    const auto count = static_cast<int64_t>(numbers.size());
    const train::TensorView view{train::DType::I32, {count}, reinterpret_cast<const std::byte*>(numbers.data())};
    Array array = converted(arrayOf(view), train::dtypeOfAbi(port.dtype));
    if (port.rank == 0 && count == 1) array.shape.clear();
    return array;
  }

  /// A list of texts, one for each row: ["red", "blue"]. Texts of several symbols must be equally long.
  Array ofTexts(const nnc_port& port, const std::string& vocabulary, const std::string& value) const {
    const json texts = json::parse(value, nullptr, false);
    const auto isText = [](const json& x) { return x.is_string(); };
    if (!texts.is_array() || texts.empty() || !std::all_of(texts.begin(), texts.end(), isText))
      return ofText(port, vocabulary, value);  // a text that happens to begin with a bracket
    Array all;
    for (const json& text : texts) {
      const Array one = ofText(port, vocabulary, text.get<std::string>());
      if (all.shape.empty()) all = {one.dtype, {0, one.shape.empty() ? 1 : one.shape[0]}, {}};
      if (one.view().elements() != all.shape[1])
        throw UsageError{fmt::format("--input {}: the texts of a list must be equally long", port.name)};
      all.bytes.insert(all.bytes.end(), one.bytes.begin(), one.bytes.end());
      ++all.shape[0];
    }
    return all;
  }

  const train::Model& model_;
  const train::Description& description_;
  const nnc_entry& entry_;
  std::map<std::string, std::string> given_;
};

}  // namespace

Array converted(const Array& from, train::DType to) {
  if (from.dtype == to) return from;
  Array result{to, from.shape, {}};
  size_t n = static_cast<size_t>(from.view().elements());
  result.bytes.resize(n * train::sizeOf(to));
  const bool whole = !train::isFloat(from.dtype) && !train::isFloat(to);
  for (size_t i = 0; i < n; ++i)
    if (whole)
      train::storeInt(to, result.bytes.data(), i, train::elementAsInt(from.dtype, from.bytes.data(), i));
    else
      train::storeDouble(to, result.bytes.data(), i, train::elementAsDouble(from.dtype, from.bytes.data(), i));
  return result;
}

std::vector<int64_t> extentsOf(const nnc_port& port, const std::vector<int64_t>& symbols) {
  std::vector<int64_t> extents;
  for (uint32_t k = 0; k < port.rank; ++k) extents.push_back(port.extents[k](symbols.data()));
  return extents;
}

Inputs readInputs(const train::Model& model, const train::Description& description, const nnc_entry& entry,
                  const std::vector<std::string>& given, const std::string& file) {
  return InputReader(model, description, entry).read(given, file);
}

}  // namespace nnc::tools
