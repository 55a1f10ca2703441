#include "runtime/train/feed.h"

#include <fmt/format.h>
#include <cassert>
#include <charconv>
#include <cmath>
#include <numeric>

#include "runtime/train/data/csv.h"
#include "runtime/train/data/open.h"
#include "runtime/train/error.h"

namespace nnc::train {

namespace {

/// "5000" is a number of rows, "0.1" a share.
Portion portionOf(const std::string& text) {
  Portion portion;
  double value = std::stod(text);
  if (text.find_first_of(".eE") == std::string::npos)
    portion.rows = static_cast<uint64_t>(value);
  else
    portion.share = value;
  return portion;
}

DataSettings settingsOf(const DataInfo& data) {
  DataSettings settings;
  for (const auto& [name, value] : data.settings) {
    if (name == "valid")
      settings.valid = portionOf(value);
    else if (name == "test")
      settings.test = portionOf(value);
    else if (name == "folds")
      settings.folds = static_cast<uint32_t>(std::stoul(value));
    else if (name == "fold")
      settings.fold = static_cast<uint32_t>(std::stoul(value));
    else if (name == "by")
      settings.unit = value == "word" ? TextUnit::Word : TextUnit::Byte;
    else if (name == "rows")
      settings.textRows = value == "line" ? TextRows::Line : TextRows::Window;
    else if (name == "window")
      settings.window = std::stoll(value);
    else if (name == "stride")
      settings.stride = std::stoll(value);
    else if (name == "header")
      settings.header = value == "true";
    else if (name == "separator")
      settings.separator = value.empty() ? ',' : value.front();
  }
  return settings;
}

std::string typeText(DType dtype, std::span<const int64_t> shape) {
  return fmt::format("{}{}", nameOf(dtype), shapeText(shape));
}

RawField inDouble(const RawField& field) {
  const size_t elements = field.rowBytes() / sizeOf(field.dtype);
  Buffer bytes(field.rows * elements * sizeof(double));
  for (uint64_t row = 0; row < field.rows; ++row)
    for (size_t i = 0; i < elements; ++i)
      storeDouble(DType::F64, bytes.data(), row * elements + i, elementAsDouble(field.dtype, field.row(row), i));
  return packedField(field.name, DType::F64, field.extents, field.rows, std::move(bytes));
}

/// What is numbered: a field as the reader gives it, or of a CSV the texts of a column.
RawField symbolsOf(const RawTable& table, const FieldInfo& wanted, DataFormat format, int64_t width) {
  const RawField& field = table.at(wanted.source);
  if (format != DataFormat::Csv || wanted.symbols == nameOf(Symbols::Category)) return field;
  const TextUnit unit = wanted.symbols == nameOf(Symbols::Words) ? TextUnit::Word : TextUnit::Byte;
  return textColumn(field, unit, width, table.file);
}

/// How many symbols of a text are read: as many as are declared for the field of their numbers; where there is only a
/// length, as many as that may be.
int64_t widthOf(const FieldInfo& wanted, const DataInfo& data) {
  if (!wanted.isLength()) return wanted.shape.empty() ? 1 : wanted.shape.back();
  for (const FieldInfo& other : data.fields)
    if (!other.isLength() && other.symbols == wanted.symbols && other.source == wanted.source)
      return other.shape.back();
  return wanted.bound - 1;
}

bool isRange(const FieldInfo& wanted) {
  return wanted.source.find("..") != std::string::npos;
}

/// The columns of a CSV that a field is made of, in the order of the training rows' file.
std::vector<std::string> columnsOf(const FieldInfo& wanted, const RawTable& train, DataFormat format) {
  if (format != DataFormat::Csv || !wanted.symbols.empty()) return {};
  const size_t dots = wanted.source.find("..");
  if (!isRange(wanted)) return {wanted.source};
  return columnRange(train, wanted.source.substr(0, dots), wanted.source.substr(dots + 2));
}

/// A field as the model reads it: symbols as numbers; CSV columns, which arrive as i64, f64 or text, in the type that
/// the model computes with, and a range of them ("a..z") as one vector; f32 widened for a model of f64, as gradient
/// checks make it; anything else as it is.
RawField madeField(const RawTable& table, const FieldInfo& wanted, DataFormat format, int64_t width,
                   std::span<const std::string> columns, const std::optional<Vocabulary>& vocabulary) {
  if (!wanted.symbols.empty()) {
    const RawField symbols = symbolsOf(table, wanted, format, width);
    RawField field = wanted.isLength() ? lengthsOf(symbols) : vocabulary->encode(symbols, table.file);
    field.name = wanted.name;
    return field;
  }
  if (format != DataFormat::Csv) {
    const RawField& field = table.at(wanted.source);
    return field.dtype == DType::F32 && wanted.dtype == DType::F64 ? inDouble(field) : field;
  }
  return numericColumns(table, wanted.name, columns, wanted.dtype, !isRange(wanted));
}

/// The vocabulary of a field, nothing for one without symbols. The model's counts; where it has none yet, that of the
/// training rows becomes it.
std::optional<Vocabulary> vocabularyOf(const FieldInfo& wanted, const RawDataset& dataset, DataFormat format,
                                       int64_t width, Model& model, const std::vector<uint32_t>& rows) {
  if (wanted.vocabulary.empty()) return std::nullopt;
  const auto kind = symbolsNamed(wanted.symbols);
  const std::string kept = model.bytes(wanted.vocabulary);
  if (kept[0]) {
    auto known = Vocabulary::parse(kept);
    if (!known || known->kind != *kind) throw DataError("the weights", ticked(wanted.vocabulary), "is damaged");
    return known;
  }
  const Split& train = *dataset.find("train");
  const RawTable& table = dataset.tableOf(train);
  auto taken = Vocabulary::of(*kind, symbolsOf(table, wanted, format, width), rows, wanted.bound, table.file);
  model.setBytes(wanted.vocabulary, taken.bytes(kept.size(), wanted.source, table.file));
  return taken;
}

/// The rows of the training table that are in its split, or in a window of it.
std::vector<uint32_t> trainingRows(const Split& train, bool windows, const DataSettings& settings) {
  if (!windows) return train.rows;
  std::vector<uint32_t> rows(train.rows.back() * settings.step() + static_cast<uint64_t>(settings.window));
  std::iota(rows.begin(), rows.end(), 0U);
  return rows;
}

/// A raw field as the language writes it: raw.x, raw["mean radius"], raw["a".."z"].
std::string rawText(const std::string& name) {
  const auto isWord = [](unsigned char c) { return std::isalnum(c) || c == '_'; };
  if (const size_t dots = name.find(".."); dots != std::string::npos)
    return fmt::format(R"(raw["{}".."{}"])", name.substr(0, dots), name.substr(dots + 2));
  const bool plain = std::ranges::all_of(name, isWord) && !std::isdigit(static_cast<unsigned char>(name[0]));
  return plain ? "raw." + name : fmt::format(R"(raw["{}"])", name);
}

void checkField(const RawTable& table, const FieldInfo& wanted) {
  const RawField& field = table.at(wanted.name);
  if (field.dtype == wanted.dtype && field.extents == wanted.shape) return;
  const std::string place = fmt::format("field `{}`", wanted.name);
  for (const DType foreign : {DType::U16, DType::I16, DType::U32, DType::U64})
    if (field.dtype == foreign)
      throw DataError(table.file, place,
                      fmt::format("is of {}, which the language does not have; write the file with u8, i8, i32, i64 or "
                                  "floats",
                                  nameOf(foreign)));
  throw DataError(
      table.file, place,
      fmt::format("rows are {0}, the model was compiled for {1}; `let x: {0} = {2}` in the data block "
                  "says so, and x is used in its place",
                  typeText(field.dtype, field.extents), typeText(wanted.dtype, wanted.shape), rawText(field.name)));
}

void checkBound(const RawTable& table, const FieldInfo& wanted) {
  if (wanted.bound == 0) return;
  const RawField& field = table.at(wanted.name);
  const size_t elements = field.rowBytes() / sizeOf(field.dtype);
  for (uint64_t row = 0; row < field.rows; ++row)
    for (size_t i = 0; i < elements; ++i) {
      const double value = elementAsDouble(field.dtype, field.row(row), i);
      if (!(value >= 0 && value < static_cast<double>(wanted.bound) && value == std::floor(value)))
        throw outOfBound(table.file, row, wanted.name, value, wanted.bound);
    }
}

}  // namespace

RawDataset openData(const DataInfo& data, Model& model) {
  const auto format = dataFormat(data.reader);
  if (!format) throw DataError(data.path, "", fmt::format("there is no reader named `{}`", data.reader));
  const DataSettings settings = settingsOf(data);
  RawDataset dataset = openDataset(*format, data.path, settings);
  const bool windows = hasWindows(*format, settings);
  const std::vector<uint32_t> rows = trainingRows(*dataset.find("train"), windows, settings);
  std::vector<std::optional<Vocabulary>> symbols;
  std::vector<std::vector<std::string>> columns;
  for (const FieldInfo& field : data.fields)
    columns.push_back(columnsOf(field, dataset.tableOf(*dataset.find("train")), *format));
  for (const FieldInfo& field : data.fields)
    symbols.push_back(vocabularyOf(field, dataset, *format, widthOf(field, data), model, rows));
  for (RawTable& table : dataset.tables) {
    std::vector<RawField> made;
    for (size_t i = 0; i < data.fields.size(); ++i)
      made.push_back(madeField(table, data.fields[i], *format, widthOf(data.fields[i], data), columns[i], symbols[i]));
    table.fields = std::move(made);
    for (const FieldInfo& field : data.fields) checkBound(table, field);
    if (windows)
      for (RawField& field : table.fields) field = windowed(field, settings);
    for (const FieldInfo& field : data.fields) checkField(table, field);
  }
  return dataset;
}

Feed::Feed(const nnc_entry& entry, const std::string& data, const RawDataset& dataset, const Split& split)
    : split_(&split) {
  const RawTable& table = dataset.tableOf(split);
  for (uint32_t i = 0; i < entry.inputs; ++i) {
    std::string name = entry.input[i].name;
    std::string prefix = data + ".";
    if (name.starts_with(prefix)) name.erase(0, prefix.size());
    fields_.push_back(&table.at(name));
    batch_.emplace_back();
  }
  pointers_.resize(fields_.size());
}

const std::vector<const void*>& Feed::gather(std::span<const uint32_t> positions) {
  rows_.clear();
  for (uint32_t position : positions) {
    assert(position < rows() && "no such row");
    rows_.push_back(split_->rows[position]);
  }
  for (size_t i = 0; i < fields_.size(); ++i) {
    batch_[i].resize(rows_.size() * fields_[i]->rowBytes());
    gatherRows(*fields_[i], rows_, batch_[i].data());
    pointers_[i] = batch_[i].data();
  }
  return pointers_;
}

const std::vector<const void*>& Feed::gatherRange(size_t first, size_t last) {
  std::vector<uint32_t> positions(last - first);
  std::iota(positions.begin(), positions.end(), static_cast<uint32_t>(first));
  return gather(positions);
}

}  // namespace nnc::train
