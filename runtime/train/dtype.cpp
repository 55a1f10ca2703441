#include "runtime/train/dtype.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>

namespace nnc::train {

namespace {

struct DTypeFacts {
  std::string_view name;
  size_t size;
};

constexpr DTypeFacts kFacts[] = {{"bool", 1}, {"u8", 1},  {"i8", 1},  {"u16", 2},  {"i16", 2}, {"u32", 4}, {"i32", 4},
                                 {"u64", 8},  {"i64", 8}, {"f16", 2}, {"bf16", 2}, {"f32", 4}, {"f64", 8}, {"text", 0}};

/// IEEE binary16 to f64, exactly: sign, 5 bits of exponent, 10 of fraction.
double halfToDouble(uint16_t bits) {
  const int exponent = (bits >> 10) & 0x1F;
  const int fraction = bits & 0x3FF;
  double value;
  if (exponent == 0x1F) {
    value = fraction ? std::numeric_limits<double>::quiet_NaN() : std::numeric_limits<double>::infinity();
  } else if (exponent == 0) {
    value = std::ldexp(fraction, -24);
  } else {
    value = std::ldexp(1024 + fraction, exponent - 25);
  }
  return (bits & 0x8000) ? -value : value;
}

double bfloatToDouble(uint16_t bits) {
  return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
}

/// The bits of the nearest number with `mantissa` stored bits and exponents from `least` to `most`, ties to even.
uint16_t narrowFloat(double value, int mantissa, int least, int most) {
  const auto sign = static_cast<uint16_t>(std::signbit(value) ? 0x8000 : 0);
  const auto infinity = static_cast<uint16_t>((most - least + 2) << mantissa);
  if (std::isnan(value)) return static_cast<uint16_t>(infinity | 1 << (mantissa - 1));
  const double magnitude = std::abs(value);
  if (magnitude == 0) return sign;
  // Below 2^least the spacing stays that of the smallest normal numbers.
  const int exponent = std::isinf(magnitude) ? most + 1 : std::max(std::ilogb(magnitude), least);
  if (exponent > most) return static_cast<uint16_t>(sign | infinity);
  const auto units = static_cast<int>(std::nearbyint(std::ldexp(magnitude, mantissa - exponent)));
  // The leading bit of a normal number adds 1 to the exponent's field; so does a carry out of the mantissa.
  return static_cast<uint16_t>(sign | (((exponent - least) << mantissa) + units));
}

template <class T>
T load(const std::byte* data, size_t index) {
  return loadLe<T>(data + index * sizeof(T));
}

template <class T>
void store(std::byte* data, size_t index, T value) {
  std::memcpy(data + index * sizeof(T), &value, sizeof value);
}

template <class T>
T saturated(double value) {
  if (std::isnan(value)) return 0;
  const double rounded = std::nearbyint(value);
  // The upper limit of a 64-bit type is not a double; its neighbour above is, hence >=.
  if (rounded >= static_cast<double>(std::numeric_limits<T>::max())) return std::numeric_limits<T>::max();
  if (rounded <= static_cast<double>(std::numeric_limits<T>::min())) return std::numeric_limits<T>::min();
  return static_cast<T>(rounded);
}

}  // namespace

size_t sizeOf(DType dtype) {
  return kFacts[static_cast<size_t>(dtype)].size;
}
std::string_view nameOf(DType dtype) {
  return kFacts[static_cast<size_t>(dtype)].name;
}

bool isFloat(DType dtype) {
  return dtype == DType::F16 || dtype == DType::BF16 || dtype == DType::F32 || dtype == DType::F64;
}

int64_t TensorView::elements() const {
  int64_t count = 1;
  for (int64_t extent : shape) count *= extent;
  return count;
}

std::optional<uint64_t> checkedBytes(std::span<const int64_t> extents, size_t unit) {
  constexpr uint64_t kMost = uint64_t{1} << 48;
  uint64_t product = unit;
  bool empty = false;
  for (int64_t extent : extents) {
    if (extent < 0) return std::nullopt;
    if (extent == 0) {
      empty = true;
    } else if (product > kMost / static_cast<uint64_t>(extent)) {
      return std::nullopt;
    } else {
      product *= static_cast<uint64_t>(extent);
    }
  }
  return empty ? 0 : product;
}

int64_t elementAsInt(DType dtype, const std::byte* data, size_t index) {
  switch (dtype) {
    case DType::Bool:
      return load<uint8_t>(data, index) != 0;
    case DType::U8:
      return load<uint8_t>(data, index);
    case DType::I8:
      return load<int8_t>(data, index);
    case DType::U16:
      return load<uint16_t>(data, index);
    case DType::I16:
      return load<int16_t>(data, index);
    case DType::U32:
      return load<uint32_t>(data, index);
    case DType::I32:
      return load<int32_t>(data, index);
    case DType::I64:
      return load<int64_t>(data, index);
    case DType::U64: {
      constexpr uint64_t kMost = std::numeric_limits<int64_t>::max();
      return static_cast<int64_t>(std::min(load<uint64_t>(data, index), kMost));
    }
    default:
      break;
  }
  assert(false && "elementAsInt takes integer types only");
  return 0;
}

double elementAsDouble(DType dtype, const std::byte* data, size_t index) {
  switch (dtype) {
    case DType::F16:
      return halfToDouble(load<uint16_t>(data, index));
    case DType::BF16:
      return bfloatToDouble(load<uint16_t>(data, index));
    case DType::F32:
      return load<float>(data, index);
    case DType::F64:
      return load<double>(data, index);
    case DType::U64:
      return static_cast<double>(load<uint64_t>(data, index));
    default:
      return static_cast<double>(elementAsInt(dtype, data, index));
  }
}

void storeDouble(DType dtype, std::byte* data, size_t index, double value) {
  switch (dtype) {
    case DType::F32:
      return store(data, index, static_cast<float>(value));
    case DType::F64:
      return store(data, index, value);
    case DType::I32:
      return store(data, index, saturated<int32_t>(value));
    case DType::I64:
      return store(data, index, saturated<int64_t>(value));
    case DType::U8:
      return store(data, index, saturated<uint8_t>(value));
    case DType::I8:
      return store(data, index, saturated<int8_t>(value));
    case DType::Bool:
      return store(data, index, static_cast<uint8_t>(value != 0));
    case DType::F16:
      return store(data, index, narrowFloat(value, 10, -14, 15));
    case DType::BF16:
      return store(data, index, narrowFloat(value, 7, -126, 127));
    default:
      assert(false && "storeDouble takes the language's types");
  }
}

void storeInt(DType dtype, std::byte* data, size_t index, int64_t value) {
  if (dtype == DType::I64) return store(data, index, value);
  storeDouble(dtype, data, index, static_cast<double>(value));
}

void swapBytes(std::byte* data, size_t count, size_t width) {
  if (width < 2) return;
  for (size_t i = 0; i < count; ++i) std::reverse(data + i * width, data + (i + 1) * width);
}

}  // namespace nnc::train
