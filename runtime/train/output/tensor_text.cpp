#include "runtime/train/output/tensor_text.h"

#include <fmt/format.h>

#include <cassert>

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

std::string csvContent(const std::vector<NamedTensor>& tensors, const std::string& what) {
  assert(!tensors.empty());
  std::string content;
  const int64_t rows = rowsOf(tensors[0].tensor);
  for (const auto& [name, tensor] : tensors) {
    if (rowsOf(tensor) != rows) {
      throw DataError(what, "",
                      fmt::format("{} has {} rows and {} has {}; a CSV needs equally many", ticked(tensors[0].name),
                                  rows, ticked(name), rowsOf(tensor)));
    }
    for (int64_t column = 0; column < columnsOf(tensor); ++column) {
      if (!content.empty()) content += ',';
      content += tensor.shape.size() > 1 ? fmt::format("{}.{}", name, column) : name;
    }
  }
  content += '\n';
  for (int64_t row = 0; row < rows; ++row) {
    bool first = true;
    for (const auto& [name, tensor] : tensors) {
      for (int64_t column = 0, columns = columnsOf(tensor); column < columns; ++column) {
        if (!first) content += ',';
        first = false;
        content += numberText(tensor, static_cast<size_t>(row * columns + column));
      }
    }
    content += '\n';
  }
  return content;
}

std::string textContent(const TensorView& tensor, const Vocabulary& vocabulary) {
  const int64_t width = tensor.shape.empty() ? 1 : tensor.shape.back();
  const int64_t lines = width ? tensor.elements() / width : 0;
  std::string content;
  for (int64_t line = 0; line < lines; ++line) {
    std::vector<int32_t> numbers;
    for (int64_t i = 0; i < width; ++i) {
      numbers.push_back(
          static_cast<int32_t>(elementAsInt(tensor.dtype, tensor.data, static_cast<size_t>(line * width + i))));
    }
    content += vocabulary.decode(numbers) + "\n";
  }
  return content;
}

}  // namespace nnc::train
