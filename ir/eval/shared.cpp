#include <algorithm>
#include <cmath>
#include <limits>

#include "ir/eval/rules.h"

namespace nnc {

int64_t Tensor::size() const {
  return eval::product(shape);
}

Tensor Tensor::zeros(DType dtype, std::vector<int64_t> shape) {
  Tensor t;
  t.dtype = dtype;
  t.shape = std::move(shape);
  if (isFloat(dtype))
    t.floats.resize(t.size());
  else
    t.ints.resize(t.size());
  return t;
}

namespace eval {

int64_t Context::extent(const Dim& d) const {
  return std::max<int64_t>(0, d.evaluate(inputs.symbols));
}

std::vector<int64_t> Context::extents(const Shape& shape) const {
  std::vector<int64_t> result;
  for (const Dim& d : shape) result.push_back(extent(d));
  return result;
}

Tensor Context::zeros(size_t result) const {
  const Type& type = node.out[result];
  return Tensor::zeros(type.dtype, extents(type.shape));
}

void addElement(Tensor& to, int64_t i, const Tensor& from, int64_t j) {
  if (isFloat(to.dtype))
    to.floats[i] += from.floats[j];
  else
    to.ints[i] = wrap(wrapAdd(to.ints[i], from.ints[j]), to.dtype);
}

double asDouble(const Tensor& t, int64_t i) {
  return isFloat(t.dtype) ? t.floats[i] : static_cast<double>(t.ints[i]);
}

int64_t wrap(int64_t value, DType dtype) {
  switch (dtype) {
    case DType::I32:
      return static_cast<int32_t>(value);
    case DType::I8:
      return static_cast<int8_t>(value);
    case DType::U8:
      return static_cast<uint8_t>(value);
    case DType::Bool:
      return value != 0;
    default:
      return value;
  }
}

int64_t truncateTo(double value, DType dtype) {
  if (std::isnan(value)) return 0;
  const auto [lo, hi] = integerRange(dtype);
  // 2^63 is the first double above the range of i64; the other bounds are exact.
  if (value >= static_cast<double>(hi)) return hi;
  if (value <= static_cast<double>(lo)) return lo;
  return static_cast<int64_t>(value);
}

double roundTo(double value, DType dtype) {
  if (dtype == DType::F64) return value;
  if (dtype == DType::F32) return static_cast<float>(value);
  if (value == 0 || !std::isfinite(value)) return value;
  const bool half = dtype == DType::F16;
  const int precision = half ? 11 : 8, minExponent = half ? -14 : -126, maxExponent = half ? 15 : 127;
  // The distance of neighbours around `value` is 2^quantum; below the normal range it stays constant.
  const int quantum = std::max(std::ilogb(value), minExponent) - (precision - 1);
  const double rounded = std::ldexp(std::nearbyint(std::ldexp(value, -quantum)), quantum);
  return std::fabs(rounded) >= std::ldexp(1.0, maxExponent + 1) ? std::copysign(HUGE_VAL, value) : rounded;
}

std::vector<int64_t> rowMajorStrides(const std::vector<int64_t>& extents) {
  std::vector<int64_t> strides(extents.size(), 1);
  for (size_t i = extents.size(); i-- > 1;) strides[i - 1] = strides[i] * extents[i];
  return strides;
}

int64_t product(const std::vector<int64_t>& extents) {
  int64_t count = 1;
  for (const int64_t e : extents) count *= e;
  return count;
}

Strided viewOf(const Tensor& t) {
  return {0, t.shape, rowMajorStrides(t.shape)};
}

Strided axesOf(const Strided& view, const std::vector<int64_t>& axes) {
  Strided part{view.base, {}, {}};
  for (const int64_t axis : axes) {
    part.extents.push_back(view.extents[axis]);
    part.strides.push_back(view.strides[axis]);
  }
  return part;
}

std::vector<int64_t> positions(const Strided& view) {
  // Axis by axis from the outermost: every position so far spreads along the next axis.
  std::vector<int64_t> result = {view.base};
  for (size_t axis = 0; axis < view.extents.size(); ++axis) {
    std::vector<int64_t> next;
    next.reserve(result.size() * view.extents[axis]);
    for (const int64_t at : result)
      for (int64_t i = 0; i < view.extents[axis]; ++i) next.push_back(at + i * view.strides[axis]);
    result = std::move(next);
  }
  return result;
}

std::vector<int64_t> axesExcept(const std::vector<int64_t>& axes, size_t rank) {
  std::vector<int64_t> rest;
  for (int64_t axis = 0; axis < static_cast<int64_t>(rank); ++axis)
    if (std::find(axes.begin(), axes.end(), axis) == axes.end()) rest.push_back(axis);
  return rest;
}

}  // namespace eval
}  // namespace nnc
