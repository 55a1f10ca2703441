// CSV (RFC 4180): cells in quotes may hold the separator, line ends and doubled quotes; \n and \r\n end a line; a UTF-8
// byte order mark and empty lines are skipped.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "runtime/train/data/dataset.h"

namespace nnc::train {

struct CsvSettings {
  char separator = ',';
  bool header = true;  // without one the columns are named 0, 1, 2, …
};

/// One field a column: i64 if every cell is an integer, f64 if every cell is a number (nan and inf included), else
/// text. Throws DataError (naming line and column: wrong number of cells, an open quote, text after a closing quote, a
/// column name twice) or IoError.
RawTable readCsv(const std::string& path, const CsvSettings& settings = {});
/// The same from bytes in memory.
RawTable parseCsv(const Buffer& bytes, const std::string& file, const CsvSettings& settings = {});

/// The names of the columns `first` to `last` (inclusive) in the table's order. Throws DataError for a name it has not,
/// and where `last` stands before `first`.
std::vector<std::string> columnRange(const RawTable& table, std::string_view first, std::string_view last);

/// Columns of a table as one field of the given dtype (F32, F64, I32, I64): shape [columns], or a scalar if there is
/// one and `scalar` is set. Throws DataError naming row and column where a cell is no number, or for an integer dtype
/// no integer in its range.
RawField numericColumns(const RawTable& table, const std::string& name, std::span<const std::string> columns,
                        DType dtype, bool scalar);

}  // namespace nnc::train
