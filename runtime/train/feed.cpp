#include "runtime/train/feed.h"

#include <fmt/format.h>
#include <charconv>
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

/// CSV columns arrive as i64, f64 or text; the model asks for the types it computes with, and for ranges of columns
/// ("a..z") as one vector.
void convertColumns(RawTable& table, const DataInfo& data) {
  std::vector<RawField> made;
  for (const FieldInfo& f : data.fields) {
    size_t dots = f.name.find("..");
    std::string first = f.name.substr(0, dots);
    std::string last = dots == std::string::npos ? first : f.name.substr(dots + 2);
    made.push_back(numericColumns(table, f.name, first, last, f.dtype, dots == std::string::npos));
  }
  table.fields = std::move(made);
}

void checkField(const RawTable& table, const FieldInfo& wanted) {
  const RawField& field = table.at(wanted.name);
  if (field.dtype == wanted.dtype && field.extents == wanted.shape) return;
  throw DataError(table.file, fmt::format("field `{}`", wanted.name),
                  fmt::format("rows are {}, the model was compiled for {}", typeText(field.dtype, field.extents),
                              typeText(wanted.dtype, wanted.shape)));
}

void checkBound(const RawTable& table, const FieldInfo& wanted) {
  if (wanted.bound == 0) return;
  const RawField& field = table.at(wanted.name);
  size_t elements = field.rowBytes() / sizeOf(field.dtype);
  for (uint64_t row = 0; row < field.rows; ++row)
    for (size_t i = 0; i < elements; ++i) {
      int64_t value = elementAsInt(field.dtype, field.row(row), i);
      if (value < 0 || value >= wanted.bound)
        throw DataError(table.file, fmt::format("row {}, field `{}`", row, wanted.name),
                        fmt::format("has {}; allowed are 0 to {}", value, wanted.bound - 1));
    }
}

}  // namespace

RawDataset openData(const DataInfo& data, const std::string& path) {
  auto format = dataFormat(data.reader);
  const std::string& from = path.empty() ? data.path : path;
  if (!format) throw DataError(from, "", fmt::format("there is no reader named `{}`", data.reader));
  RawDataset dataset = openDataset(*format, from, settingsOf(data));
  for (RawTable& table : dataset.tables) {
    if (*format == DataFormat::Csv) convertColumns(table, data);
    for (const FieldInfo& field : data.fields) {
      checkField(table, field);
      checkBound(table, field);
    }
  }
  return dataset;
}

Feed::Feed(const nnc_entry& entry, const DataInfo& data, const RawDataset& dataset, const Split& split)
    : split_(&split) {
  const RawTable& table = dataset.tableOf(split);
  for (uint32_t i = 0; i < entry.inputs; ++i) {
    std::string name = entry.input[i].name;
    std::string prefix = data.name + ".";
    if (name.starts_with(prefix)) name.erase(0, prefix.size());
    fields_.push_back(&table.at(name));
    batch_.emplace_back();
  }
  pointers_.resize(fields_.size());
}

const std::vector<const void*>& Feed::gather(std::span<const uint32_t> positions) {
  rows_.clear();
  for (uint32_t position : positions) rows_.push_back(split_->rows[position]);
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
