#include "runtime/train/data/csv.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <deque>
#include <limits>
#include <set>

#include "runtime/train/error.h"

namespace nnc::train {

namespace {

/// All cells of a file, row by row; `width` is the number of columns, fixed by the first row.
struct Cells {
  std::vector<std::string_view> cells;
  std::deque<std::string> unescaped;  // cells that held doubled quotes
  size_t width = 0;

  std::string_view at(size_t row, size_t column) const { return cells[row * width + column]; }
  size_t rows() const { return width ? cells.size() / width : 0; }
};

class Splitter {
public:
  Splitter(std::string_view text, char separator, const std::string& file)
      : text_(text), separator_(separator), file_(file) {
    if (text_.starts_with("\xEF\xBB\xBF")) at_ = 3;
  }

  Cells split() {
    while (at_ < text_.size()) {
      if (skipEmptyLine()) continue;
      const size_t line = line_, before = out_.cells.size();
      do out_.cells.push_back(cell());
      while (acceptSeparator());
      acceptLineEnd();
      const size_t width = out_.cells.size() - before;
      if (out_.width == 0) out_.width = width;
      if (width != out_.width) {
        fail(line, fmt::format("has {} cells, but the first row has {}", width, out_.width));
      }
    }
    return std::move(out_);
  }

private:
  [[noreturn]] void fail(size_t line, const std::string& message) const {
    throw DataError(file_, fmt::format("line {}", line), message);
  }

  bool skipEmptyLine() { return acceptLineEnd(); }

  bool acceptLineEnd() {
    const size_t length = text_.substr(at_).starts_with("\r\n") ? 2 : at_ < text_.size() && text_[at_] == '\n' ? 1 : 0;
    at_ += length;
    line_ += length > 0;
    return length > 0;
  }

  bool acceptSeparator() {
    if (at_ >= text_.size() || text_[at_] != separator_) return false;
    ++at_;
    return true;
  }

  bool atCellEnd() const {
    return at_ >= text_.size() || text_[at_] == separator_ || text_[at_] == '\n' || text_.substr(at_, 2) == "\r\n";
  }

  std::string_view cell() {
    if (at_ < text_.size() && text_[at_] == '"') return quotedCell();
    const size_t start = at_;
    while (!atCellEnd()) ++at_;
    return text_.substr(start, at_ - start);
  }

  std::string_view quotedCell() {
    const size_t openLine = line_, start = ++at_;
    bool doubled = false;
    for (;; ++at_) {
      if (at_ >= text_.size()) fail(openLine, "a quote that opens here is never closed");
      line_ += text_[at_] == '\n';
      if (text_[at_] != '"') continue;
      if (text_.substr(at_, 2) != "\"\"") break;
      doubled = true;
      ++at_;
    }
    const std::string_view raw = text_.substr(start, at_ - start);
    ++at_;
    if (!atCellEnd()) fail(line_, fmt::format("text follows a closing quote: {}", ticked(text_.substr(at_, 12))));
    if (!doubled) return raw;
    std::string& value = out_.unescaped.emplace_back();
    for (size_t i = 0; i < raw.size(); ++i) {
      value += raw[i];
      if (raw[i] == '"') ++i;
    }
    return value;
  }

  std::string_view text_;
  char separator_;
  const std::string& file_;
  Cells out_;
  size_t at_ = 0, line_ = 1;
};

std::string_view trimmed(std::string_view cell) {
  const size_t first = cell.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  cell = cell.substr(first, cell.find_last_not_of(" \t") - first + 1);
  // from_chars takes no plus sign.
  return cell.size() > 1 && cell[0] == '+' && cell[1] != '-' ? cell.substr(1) : cell;
}

template <class T>
std::optional<T> parsed(std::string_view cell) {
  cell = trimmed(cell);
  T value{};
  const auto result = std::from_chars(cell.data(), cell.data() + cell.size(), value);
  // Too small or too large for a double: 0 or infinity, and which it is tells strtod.
  if constexpr (std::is_same_v<T, double>)
    if (result.ec == std::errc::result_out_of_range && result.ptr == cell.data() + cell.size())
      return std::strtod(std::string(cell).c_str(), nullptr);
  if (result.ec != std::errc{} || result.ptr != cell.data() + cell.size()) return std::nullopt;
  return value;
}

/// The cells of a column from row `firstRow` on as T, or nothing if one of them is none.
template <class T>
std::optional<RawField> numericField(const Cells& cells, size_t column, size_t firstRow, DType dtype) {
  const size_t rows = cells.rows() - firstRow;
  Buffer bytes(rows * sizeof(T));
  for (size_t row = 0; row < rows; ++row) {
    const auto value = parsed<T>(cells.at(firstRow + row, column));
    if (!value) return std::nullopt;
    std::memcpy(bytes.data() + row * sizeof(T), &*value, sizeof(T));
  }
  return packedField("", dtype, {}, rows, std::move(bytes));
}

/// 01 and 1 are one number but two names: a column with such is kept as text, which is read as numbers where they are
/// wanted.
bool hasLeadingZero(const Cells& cells, size_t column, size_t firstRow) {
  for (size_t row = firstRow; row < cells.rows(); ++row) {
    const std::string_view cell = trimmed(cells.at(row, column));
    const size_t digits = cell.starts_with('-') ? 1 : 0;
    if (cell.size() > digits + 1 && cell[digits] == '0') return true;
  }
  return false;
}

RawField columnField(const Cells& cells, size_t column, size_t firstRow) {
  auto whole = numericField<int64_t>(cells, column, firstRow, DType::I64);
  if (whole && !hasLeadingZero(cells, column, firstRow)) return *whole;
  if (!whole)
    if (auto field = numericField<double>(cells, column, firstRow, DType::F64)) return *field;
  RawField field;
  field.dtype = DType::Text;
  field.rows = cells.rows() - firstRow;
  for (size_t row = firstRow; row < cells.rows(); ++row) field.strings.emplace_back(cells.at(row, column));
  return field;
}

/// One cell of a column that is a whole number, or nothing.
std::optional<int64_t> wholeCell(const RawField& column, uint64_t row) {
  if (column.dtype == DType::I64) return elementAsInt(column.dtype, column.row(row), 0);
  return column.dtype == DType::Text ? parsed<int64_t>(column.strings[row]) : std::nullopt;
}

/// One cell of a column as f64.
double cellValue(const RawTable& table, const RawField& column, uint64_t row) {
  if (column.dtype != DType::Text) return elementAsDouble(column.dtype, column.row(row), 0);
  if (const auto value = parsed<double>(column.strings[row])) return *value;
  throw DataError(table.file, fmt::format("row {}, column {}", row + 1, ticked(column.name)),
                  fmt::format("expected a number, found {}", ticked(column.strings[row])));
}

void checkInteger(const RawTable& table, const RawField& column, uint64_t row, double value, DType dtype) {
  const double limit = dtype == DType::I32 ? 0x1p31 : 0x1p63;
  if (value == std::floor(value) && value >= -limit && value < limit) return;
  throw DataError(table.file, fmt::format("row {}, column {}", row + 1, ticked(column.name)),
                  fmt::format("expected an integer that fits {}, found {}", nameOf(dtype), value));
}

/// Refuses NaN, infinity and what the type cannot hold: a missing value goes into no training unnoticed.
void checkFloat(const RawTable& table, const RawField& column, uint64_t row, double value, DType dtype) {
  const double largest = dtype == DType::F64    ? std::numeric_limits<double>::max()
                         : dtype == DType::F32  ? std::numeric_limits<float>::max()
                         : dtype == DType::BF16 ? 0x1.fep127
                                                : 65504;
  if (std::fabs(value) <= largest) return;
  throw DataError(table.file, fmt::format("row {}, column {}", row + 1, ticked(column.name)),
                  fmt::format("expected a finite number that fits {}, found {}", nameOf(dtype), value));
}

/// A whole number is nothing that a float may round unasked: an identifier, a time.
void checkDigits(const RawTable& table, const RawField& column, uint64_t row, double value, DType dtype,
                 const std::byte* stored) {
  if (dtype != DType::F32 || column.dtype != DType::I64 || elementAsDouble(dtype, stored, 0) == value) return;
  throw DataError(
      table.file, fmt::format("row {}, column {}", row + 1, ticked(column.name)),
      fmt::format("f32 rounds {}; `let whole: i64 = raw[\"{}\"]` in the data block, or f64, reads it as it is",
                  elementAsInt(column.dtype, column.row(row), 0), column.name));
}

}  // namespace

RawTable parseCsv(const Buffer& bytes, const std::string& file, const CsvSettings& settings) {
  const Cells cells = Splitter(bytes.text(), settings.separator, file).split();
  if (cells.rows() == 0) throw DataError(file, "line 1", "the file is empty; expected a header and rows");
  std::vector<RawField> fields;
  std::set<std::string_view> names;
  for (size_t column = 0; column < cells.width; ++column) {
    RawField field = columnField(cells, column, settings.header ? 1 : 0);
    field.name = settings.header ? std::string(trimmed(cells.at(0, column))) : std::to_string(column);
    if (settings.header && !names.insert(trimmed(cells.at(0, column))).second) {
      throw DataError(file, "line 1", fmt::format("two columns are named {}", ticked(field.name)));
    }
    fields.push_back(std::move(field));
  }
  return makeTable(file, std::move(fields));
}

RawTable readCsv(const std::string& path, const CsvSettings& settings) {
  return parseCsv(readFile(path), path, settings);
}

std::vector<std::string> columnRange(const RawTable& table, std::string_view first, std::string_view last) {
  const auto from = static_cast<size_t>(&table.at(first) - table.fields.data());
  const auto to = static_cast<size_t>(&table.at(last) - table.fields.data());
  if (from > to) {
    throw DataError(table.file, "",
                    fmt::format("column {} stands after {}; the range is empty", ticked(first), ticked(last)));
  }
  std::vector<std::string> names;
  for (size_t i = from; i <= to; ++i) names.push_back(table.fields[i].name);
  return names;
}

RawField numericColumns(const RawTable& table, const std::string& name, std::span<const std::string> columns,
                        DType dtype, bool scalar) {
  const size_t width = columns.size(), size = sizeOf(dtype);
  Buffer bytes(table.rows * width * size);
  for (size_t i = 0; i < width; ++i) {
    const RawField& column = table.at(columns[i]);
    for (uint64_t row = 0; row < table.rows; ++row) {
      std::byte* into = bytes.data() + (row * width + i) * size;
      if (const auto whole = dtype == DType::I64 ? wholeCell(column, row) : std::nullopt) {  // f64 rounds beyond 2^53
        std::memcpy(into, &*whole, size);
        continue;
      }
      const double value = cellValue(table, column, row);
      (isFloat(dtype) ? checkFloat : checkInteger)(table, column, row, value, dtype);
      storeDouble(dtype, into, 0, value);
      checkDigits(table, column, row, value, dtype, into);
    }
  }
  std::vector<int64_t> extents;
  if (!scalar || width > 1) extents.push_back(static_cast<int64_t>(width));
  return packedField(name, dtype, std::move(extents), table.rows, std::move(bytes));
}

}  // namespace nnc::train
