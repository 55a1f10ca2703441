// Element types of raw data and of weight files, and a view of a dense tensor in them. Independent of the compiler's
// types: a reader knows only what stands in a file.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace nnc::train {

static_assert(std::endian::native == std::endian::little, "data and weights are read as little-endian in place");

enum class DType : uint8_t { Bool, U8, I8, U16, I16, U32, I32, U64, I64, F16, BF16, F32, F64, Text };

/// Bytes of one element; 0 for Text, whose values are strings.
size_t sizeOf(DType dtype);
/// "u8", "f32", "bool", "text": as in the language.
std::string_view nameOf(DType dtype);
/// True for F16, BF16, F32, F64.
bool isFloat(DType dtype);

/// A dense row-major tensor owned by someone else.
struct TensorView {
  DType dtype = DType::F32;
  std::vector<int64_t> shape;
  const std::byte* data = nullptr;

  int64_t elements() const;
  size_t bytes() const { return static_cast<size_t>(elements()) * sizeOf(dtype); }
};

/// Product of the extents times `unit`; nothing if an extent is negative or the product of the non-zero ones exceeds
/// 2^48 (far above any memory, so that sums of a few such products cannot overflow).
std::optional<uint64_t> checkedBytes(std::span<const int64_t> extents, size_t unit);

/// Element `index` of packed `data` as f64 (Bool: 0 or 1; 64-bit integers round to nearest).
double elementAsDouble(DType dtype, const std::byte* data, size_t index);
/// Element `index` of packed integer or Bool `data`; U64 values above the i64 range saturate. Not for floats.
int64_t elementAsInt(DType dtype, const std::byte* data, size_t index);
/// Converts one value to a type of the language (not U16, I16, U32, U64) and stores it: the nearest float, ties to
/// even; integers round to nearest and saturate, NaN gives 0; Bool: not equal to 0.
void storeDouble(DType dtype, std::byte* data, size_t index, double value);
/// The same of an integer, which keeps all its digits; floats round to nearest.
void storeInt(DType dtype, std::byte* data, size_t index, int64_t value);

/// Reverses the bytes of each of `count` elements of `width` bytes, in place (big-endian files).
void swapBytes(std::byte* data, size_t count, size_t width);

/// Unaligned little-endian load.
template <class T>
T loadLe(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

/// Unaligned big-endian load.
template <class T>
T loadBe(const std::byte* from) {
  std::byte reversed[sizeof(T)];
  for (size_t i = 0; i < sizeof(T); ++i) reversed[i] = from[sizeof(T) - 1 - i];
  return loadLe<T>(reversed);
}

}  // namespace nnc::train
