#include "runtime/train/data/dataset.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cassert>
#include <cstring>
#include <numeric>
#include <set>
#include <utility>

#include "runtime/train/error.h"

namespace nnc::train {

namespace {

/// Edit distance (Levenshtein) by one row of the table.
size_t editDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i + 1);
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t substituted = diagonal + (a[i] != b[j]);
      diagonal = row[j + 1];
      row[j + 1] = std::min({substituted, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

}  // namespace

size_t RawField::rowBytes() const {
  return std::accumulate(extents.begin(), extents.end(), sizeOf(dtype),
                         [](size_t product, int64_t extent) { return product * static_cast<size_t>(extent); });
}

const RawField* RawTable::find(std::string_view name) const {
  const auto it = std::find_if(fields.begin(), fields.end(), [&](const RawField& f) { return f.name == name; });
  return it == fields.end() ? nullptr : &*it;
}

const RawField& RawTable::at(std::string_view name) const {
  if (const RawField* field = find(name)) return *field;
  constexpr size_t kMostShown = 20;
  std::vector<std::string> names;
  std::string nearest;
  size_t best = name.size() / 3 + 1;
  for (const RawField& field : fields) {
    if (names.size() < kMostShown) names.push_back(ticked(field.name));
    const size_t distance = editDistance(name, field.name);
    if (distance <= best) {
      nearest = field.name;
      best = distance - (distance > 0);
    }
  }
  throw DataError(file, "",
                  fmt::format("has no field {}{}; its fields are {}{}", ticked(name),
                              nearest.empty() ? "" : fmt::format(" (did you mean {}?)", ticked(nearest)),
                              fmt::join(names, ", "), fields.size() > kMostShown ? ", …" : ""));
}

const Split* RawDataset::find(std::string_view split) const {
  const auto it = std::find_if(splits.begin(), splits.end(), [&](const Split& s) { return s.name == split; });
  return it == splits.end() ? nullptr : &*it;
}

RawField packedField(std::string name, DType dtype, std::vector<int64_t> extents, uint64_t rows, Buffer bytes) {
  RawField field;
  field.name = std::move(name);
  field.dtype = dtype;
  field.extents = std::move(extents);
  field.rows = rows;
  field.rowStride = field.rowBytes();
  field.storage = std::move(bytes);
  field.data = field.storage.data();
  assert(field.storage.size() == field.rowStride * rows);
  return field;
}

RawTable makeTable(std::string file, std::vector<RawField> fields) {
  RawTable table{std::move(file), std::move(fields), 0};
  if (table.fields.empty()) throw DataError(table.file, "", "has no fields");
  table.rows = table.fields[0].rows;
  std::set<std::string_view> names;
  for (const RawField& field : table.fields) {
    const std::string place = fmt::format("field {}", ticked(field.name));
    if (field.rows != table.rows) {
      throw DataError(table.file, place,
                      fmt::format("has {} rows, but {} has {}", field.rows, ticked(table.fields[0].name), table.rows));
    }
    if (std::count(field.extents.begin(), field.extents.end(), 0)) {
      throw DataError(table.file, place, fmt::format("its rows of shape {} are empty", shapeText(field.extents)));
    }
    if (!names.insert(field.name).second) throw DataError(table.file, place, "stands there twice");
  }
  if (table.rows > kMostRows) {
    throw DataError(table.file, "", fmt::format("has {} rows; at most {} are possible", table.rows, kMostRows));
  }
  return table;
}

void gatherRows(const RawField& field, std::span<const uint32_t> rows, std::byte* out) {
  const size_t bytes = field.rowBytes();
  for (size_t i = 0; i < rows.size(); ++i) {
    assert(rows[i] < field.rows);
    std::memcpy(out + i * bytes, field.row(rows[i]), bytes);
  }
}

}  // namespace nnc::train
