#include "runtime/train/output/tensor_text.h"

#include <fmt/format.h>

#include <cassert>
#include <functional>

#include "runtime/train/error.h"

namespace nnc::train {

namespace {

const char* npyDescr(DType dtype) {
  switch (dtype) {
    case DType::Bool:
      return "|b1";
    case DType::U8:
      return "|u1";
    case DType::I8:
      return "|i1";
    case DType::U16:
      return "<u2";
    case DType::I16:
      return "<i2";
    case DType::U32:
      return "<u4";
    case DType::I32:
      return "<i4";
    case DType::U64:
      return "<u8";
    case DType::I64:
      return "<i8";
    case DType::F16:
      return "<f2";
    case DType::F32:
      return "<f4";
    case DType::F64:
      return "<f8";
    case DType::BF16:
    case DType::Text:
      break;
  }
  assert(false && "npy has no such type");
  return "";
}

std::string numberText(const TensorView& tensor, size_t index) {
  if (tensor.dtype == DType::U64) return fmt::format("{}", loadLe<uint64_t>(tensor.data + index * 8));
  if (!isFloat(tensor.dtype)) return fmt::format("{}", elementAsInt(tensor.dtype, tensor.data, index));
  const double value = elementAsDouble(tensor.dtype, tensor.data, index);
  return tensor.dtype == DType::F64 ? fmt::format("{}", value) : fmt::format("{}", static_cast<float>(value));
}

int64_t rowsOf(const TensorView& tensor) {
  return tensor.shape.empty() ? 1 : tensor.shape[0];
}

int64_t columnsOf(const TensorView& tensor) {
  int64_t columns = 1;
  for (size_t axis = 1; axis < tensor.shape.size(); ++axis) columns *= tensor.shape[axis];
  return columns;
}

/// A cell of text: always in quotes, quotes in it doubled (RFC 4180).
std::string quoted(const std::string& text) {
  std::string cell = "\"";
  for (char c : text) cell += c == '"' ? "\"\"" : std::string(1, c);
  return cell + '"';
}

struct Column {
  std::string name;
  int64_t rows;
  std::function<std::string(int64_t row)> cell;
};

}  // namespace

std::string npyContent(const TensorView& tensor) {
  std::string shape;
  for (int64_t extent : tensor.shape) shape += fmt::format("{},", extent);
  std::string header =
      fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}", npyDescr(tensor.dtype), shape);
  // Magic, version and length are 10 bytes; the elements start at a multiple of 64, after a line end.
  header.append(63 - (10 + header.size()) % 64, ' ');
  header += '\n';
  std::string content("\x93NUMPY\x01\x00", 8);
  content += static_cast<char>(header.size() & 0xFF);
  content += static_cast<char>(header.size() >> 8);
  content += header;
  return content.append(reinterpret_cast<const char*>(tensor.data), tensor.bytes());
}

std::string csvContent(const std::vector<NamedTensor>& tensors, const std::string& what,
                       const std::map<std::string, std::vector<std::string>>& texts) {
  assert(!tensors.empty());
  std::vector<Column> columns;
  for (const auto& [name, tensor] : tensors) {
    if (const auto text = texts.find(name); text != texts.end()) {
      columns.push_back({name, static_cast<int64_t>(text->second.size()),
                         [&text = text->second](int64_t row) { return quoted(text[static_cast<size_t>(row)]); }});
      continue;
    }
    for (int64_t column = 0, count = columnsOf(tensor); column < count; ++column)
      columns.push_back({tensor.shape.size() > 1 ? fmt::format("{}.{}", name, column) : name, rowsOf(tensor),
                         [&tensor = tensor, column, count](int64_t row) {
                           return numberText(tensor, static_cast<size_t>(row * count + column));
                         }});
  }
  std::string content;
  for (const Column& c : columns) {
    if (c.rows != columns[0].rows)
      throw DataError(what, "",
                      fmt::format("{} has {} rows and {} has {}; a CSV needs equally many, .safetensors does not",
                                  ticked(columns[0].name), columns[0].rows, ticked(c.name), c.rows));
    content += (content.empty() ? "" : ",") + c.name;
  }
  content += '\n';
  for (int64_t row = 0; !columns.empty() && row < columns[0].rows; ++row)
    for (size_t i = 0; i < columns.size(); ++i) content += columns[i].cell(row) + (i + 1 < columns.size() ? ',' : '\n');
  return content;
}

}  // namespace nnc::train
