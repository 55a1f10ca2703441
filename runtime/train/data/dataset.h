// Raw data in memory: what a reader gives and the training loop takes. A field is a column of equally shaped rows, a
// table is fields with equally many rows, a split (train, valid, test) is a list of rows of one table.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "runtime/train/dtype.h"
#include "runtime/train/file.h"

namespace nnc::train {

/// Rows that a table can have: row numbers are 32 bits wide.
constexpr uint64_t kMostRows = UINT32_MAX;

/// One named field. Numeric rows lie `rowStride` bytes apart from `data` on (less than rowBytes() if the windows of a
/// text overlap); the rows of a Text field are `strings`.
struct RawField {
  std::string name;
  DType dtype = DType::U8;
  std::vector<int64_t> extents;  // of one row; [] for a scalar
  uint64_t rows = 0;
  size_t rowStride = 0;
  Buffer storage;
  const std::byte* data = nullptr;  // into `storage`
  std::vector<std::string> strings;
  std::vector<int32_t>
      lengths;  // of a text by lines: how many tokens of each row count, the rest is filler; else empty
  std::vector<std::string> categories;  // what the values of a label stand for (names of folders); else empty

  size_t rowBytes() const;
  const std::byte* row(uint64_t index) const { return data + index * rowStride; }
};

struct RawTable {
  std::string file;  // where it was read, for messages
  std::vector<RawField> fields;
  uint64_t rows = 0;

  const RawField* find(std::string_view name) const;
  /// As find, but throws DataError with the names that there are and, if one is near, a suggestion.
  const RawField& at(std::string_view name) const;
};

struct Split {
  std::string name;            // "train", "valid", "test", in this order
  size_t table = 0;            // index into RawDataset::tables
  std::vector<uint32_t> rows;  // of that table, ascending
};

struct RawDataset {
  std::vector<RawTable> tables;
  std::vector<Split> splits;

  const Split* find(std::string_view split) const;
  const RawTable& tableOf(const Split& split) const { return tables[split.table]; }
};

/// A field over packed rows: `bytes` holds rows × extents elements. Asserts that the sizes agree.
RawField packedField(std::string name, DType dtype, std::vector<int64_t> extents, uint64_t rows, Buffer bytes);

/// A table of the fields. Throws DataError if they have different numbers of rows, an extent is 0, there are more than
/// kMostRows rows, or a name stands there twice.
RawTable makeTable(std::string file, std::vector<RawField> fields);

/// Copies the given rows of a numeric field to `out` (rows.size() × rowBytes() bytes), in the order given.
void gatherRows(const RawField& field, std::span<const uint32_t> rows, std::byte* out);

}  // namespace nnc::train
