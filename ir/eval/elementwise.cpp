// Elementwise ops: one function of numbers each.
#include <cmath>

#include "ir/eval/rules.h"

namespace nnc::eval {
namespace {

template <typename F>
Results mapFloats(const Context& c, F f) {
  Tensor y = c.zeros();
  for (int64_t i = 0; i < y.size(); ++i) y.floats[i] = f(c.x().floats[i]);
  return one(std::move(y));
}

template <typename F>
Results mapInts(const Context& c, F f) {
  Tensor y = c.zeros();
  for (int64_t i = 0; i < y.size(); ++i) y.ints[i] = wrap(f(c.x().ints[i]), y.dtype);
  return one(std::move(y));
}

template <typename F>
Results zipFloats(const Context& c, F f) {
  Tensor y = c.zeros();
  for (int64_t i = 0; i < y.size(); ++i) y.floats[i] = f(c.in[0]->floats[i], c.in[1]->floats[i]);
  return one(std::move(y));
}

template <typename F>
Results zipInts(const Context& c, F f) {
  Tensor y = c.zeros();
  for (int64_t i = 0; i < y.size(); ++i) y.ints[i] = wrap(f(c.in[0]->ints[i], c.in[1]->ints[i]), y.dtype);
  return one(std::move(y));
}

/// A comparison of floats or of integers (and bool), into bool.
template <typename F>
Results compare(const Context& c, F f) {
  Tensor y = c.zeros();
  const Tensor &a = *c.in[0], &b = *c.in[1];
  for (int64_t i = 0; i < y.size(); ++i)
    y.ints[i] = isFloat(a.dtype) ? f(a.floats[i], b.floats[i]) : f(a.ints[i], b.ints[i]);
  return one(std::move(y));
}

bool overFloats(const Context& c) {
  return isFloat(c.x().dtype);
}

double logistic(double x) {
  // Never exponentiates a positive number, so it cannot overflow.
  const double e = std::exp(-std::fabs(x));
  return (x >= 0 ? 1 : e) / (1 + e);
}

double maximum(double a, double b) {
  if (std::isnan(a)) return a;
  return b < a ? a : b;
}

int64_t floorDivide(int64_t a, int64_t b) {
  if (b == 0) return 0;
  if (b == -1) return wrapMul(a, -1);
  return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

}  // namespace

Results eval_neg(const Context& c) {
  if (overFloats(c)) return mapFloats(c, [](double x) { return -x; });
  return mapInts(c, [](int64_t x) { return wrapMul(x, -1); });
}
Results eval_exp(const Context& c) {
  return mapFloats(c, [](double x) { return std::exp(x); });
}
Results eval_expm1(const Context& c) {
  return mapFloats(c, [](double x) { return std::expm1(x); });
}
Results eval_log(const Context& c) {
  return mapFloats(c, [](double x) { return std::log(x); });
}
Results eval_log1p(const Context& c) {
  return mapFloats(c, [](double x) { return std::log1p(x); });
}
Results eval_sqrt(const Context& c) {
  return mapFloats(c, [](double x) { return std::sqrt(x); });
}
Results eval_tanh(const Context& c) {
  return mapFloats(c, [](double x) { return std::tanh(x); });
}
Results eval_logistic(const Context& c) {
  return mapFloats(c, logistic);
}
Results eval_erf(const Context& c) {
  return mapFloats(c, [](double x) { return std::erf(x); });
}
Results eval_sin(const Context& c) {
  return mapFloats(c, [](double x) { return std::sin(x); });
}
Results eval_cos(const Context& c) {
  return mapFloats(c, [](double x) { return std::cos(x); });
}
Results eval_atan(const Context& c) {
  return mapFloats(c, [](double x) { return std::atan(x); });
}
Results eval_round(const Context& c) {
  return mapFloats(c, [](double x) { return std::nearbyint(x); });
}
Results eval_floor(const Context& c) {
  return mapFloats(c, [](double x) { return std::floor(x); });
}
Results eval_not(const Context& c) {
  return mapInts(c, [](int64_t x) { return x == 0; });
}
Results eval_stop(const Context& c) {
  return one(c.x());
}

Results eval_cast(const Context& c) {
  const Tensor& x = c.x();
  Tensor y = c.zeros();
  for (int64_t i = 0; i < y.size(); ++i) {
    if (isFloat(y.dtype))
      y.floats[i] = asDouble(x, i);
    else if (y.dtype == DType::Bool)
      y.ints[i] = asDouble(x, i) != 0;
    else
      y.ints[i] = isFloat(x.dtype) ? truncateTo(x.floats[i], y.dtype) : wrap(x.ints[i], y.dtype);
  }
  return one(std::move(y));
}

Results eval_add(const Context& c) {
  if (overFloats(c)) return zipFloats(c, [](double a, double b) { return a + b; });
  return zipInts(c, wrapAdd);
}
Results eval_mul(const Context& c) {
  if (overFloats(c)) return zipFloats(c, [](double a, double b) { return a * b; });
  return zipInts(c, wrapMul);
}
Results eval_div(const Context& c) {
  return zipFloats(c, [](double a, double b) { return a / b; });
}
Results eval_pow(const Context& c) {
  return zipFloats(c, [](double a, double b) { return std::pow(a, b); });
}
Results eval_max(const Context& c) {
  if (overFloats(c)) return zipFloats(c, maximum);
  return zipInts(c, [](int64_t a, int64_t b) { return b < a ? a : b; });
}
Results eval_idiv(const Context& c) {
  return zipInts(c, floorDivide);
}
Results eval_mod(const Context& c) {
  return zipInts(
      c, [](int64_t a, int64_t b) { return b == 0 ? 0 : wrapAdd(a, wrapMul(-1, wrapMul(b, floorDivide(a, b)))); });
}
Results eval_lt(const Context& c) {
  return compare(c, [](auto a, auto b) { return a < b; });
}
Results eval_le(const Context& c) {
  return compare(c, [](auto a, auto b) { return a <= b; });
}
Results eval_eq(const Context& c) {
  return compare(c, [](auto a, auto b) { return a == b; });
}
Results eval_and(const Context& c) {
  return zipInts(c, [](int64_t a, int64_t b) { return a & b; });
}
Results eval_or(const Context& c) {
  return zipInts(c, [](int64_t a, int64_t b) { return a | b; });
}

Results eval_select(const Context& c) {
  Tensor y = c.zeros();
  for (int64_t i = 0; i < y.size(); ++i) copyElement(y, i, *(c.x().ints[i] ? c.in[1] : c.in[2]), i);
  return one(std::move(y));
}

}  // namespace nnc::eval
