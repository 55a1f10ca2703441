#include "codegen/literals.h"

#include <cmath>
#include <cstring>
#include <limits>

#include "ir/check.h"

namespace nnc::codegen {
namespace {

template <typename T>
void put(std::string& out, T value) {
  char bytes[sizeof(T)];
  std::memcpy(bytes, &value, sizeof(T));
  out.append(bytes, sizeof(T));
}

/// Nearest bf16, ties to even.
uint16_t bf16Of(double value) {
  auto f = static_cast<float>(value);
  uint32_t bits;
  std::memcpy(&bits, &f, 4);
  if (std::isnan(f)) return static_cast<uint16_t>(bits >> 16 | 0x40);
  return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

/// Nearest f16, ties to even.
uint16_t f16Of(double value) {
  uint16_t sign = std::signbit(value) ? 0x8000 : 0;
  double a = std::fabs(value);
  if (std::isnan(value)) return sign | 0x7e00;
  if (a >= 65520) return sign | 0x7c00;
  int exponent = a < 0x1p-14 ? -14 : std::ilogb(a);
  auto steps = static_cast<uint32_t>(std::nearbyint(std::ldexp(a, 10 - exponent)));  // of 2^(exponent-10)
  // A mantissa of 2048 carries into the exponent by itself.
  return static_cast<uint16_t>(sign | (steps < 1024 ? steps : (static_cast<uint32_t>(exponent + 14) << 10) + steps));
}

void putElement(std::string& out, DType t, const Literal& literal, size_t i) {
  switch (t) {
    case DType::F64:
      return put(out, literal.asDouble(i));
    case DType::F32:
      return put(out, static_cast<float>(literal.asDouble(i)));
    case DType::BF16:
      return put(out, bf16Of(literal.asDouble(i)));
    case DType::F16:
      return put(out, f16Of(literal.asDouble(i)));
    case DType::I64:
      return put(out, literal.asInt(i));
    case DType::I32:
      return put(out, static_cast<int32_t>(literal.asInt(i)));
    case DType::I8:
    case DType::U8:
      return put(out, static_cast<uint8_t>(literal.asInt(i)));
    case DType::Bool:
      return put(out, static_cast<uint8_t>(literal.asInt(i) != 0));
  }
}

/// Row-major number of the element that stands at position `stored` of the layout.
int64_t logicalIndex(const plan::Layout& layout, const std::vector<int64_t>& extents, int64_t stored) {
  std::vector<int64_t> index(extents.size(), 0);
  for (size_t d = layout.digits.size(); d-- > 0;) {
    const plan::Digit& digit = layout.digits[d];
    int64_t size = digit.extent.value();
    index[digit.dim] += stored % size * digit.div.value();
    stored /= size;
  }
  int64_t flat = 0;
  for (size_t d = 0; d < extents.size(); ++d) flat = flat * extents[d] + index[d];
  return flat;
}

}  // namespace

std::string literalBytes(const plan::Buffer& buffer) {
  std::vector<int64_t> extents = constExtents(buffer.type.shape);
  int64_t n = elementCount(buffer.type.shape).value();
  bool fill = buffer.literal.size() == 1;
  NNC_CHECK(fill || static_cast<int64_t>(buffer.literal.size()) == n,
            "a literal has another number of elements than its type");
  std::string out;
  for (int64_t i = 0; i < n; ++i) {
    int64_t from = fill ? 0 : buffer.layout.digits.empty() ? i : logicalIndex(buffer.layout, extents, i);
    putElement(out, buffer.type.dtype, buffer.literal, static_cast<size_t>(from));
  }
  return out;
}

LiteralPool::LiteralPool(const plan::Plan& plan) {
  for (const plan::Entry& e : plan.entries) {
    for (const plan::Buffer& b : e.buffers) {
      if (b.role != plan::Role::Const) continue;
      bytes_.resize((bytes_.size() + 63) / 64 * 64);
      auto [at, isNew] = known_.try_emplace(literalBytes(b), bytes_.size());
      if (isNew) bytes_ += at->first;
    }
  }
}

uint64_t LiteralPool::offset(const plan::Buffer& buffer) const {
  return known_.at(literalBytes(buffer));
}

}  // namespace nnc::codegen
