// The elementary functions, what they are compared with, and how far they may be from it.
#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "ir/graph.h"

namespace nnc::testing {

struct MathCase {
  Op op;
  const char* name;
  double (*inDouble)(double);  // precise enough for f32
  long double (*reference)(long double);
  double lo, hi;            // where inputs are spread besides all magnitudes
  double ulps;              // allowed for f32
  double ulps64;            // allowed for f64
  double limit = INFINITY;  // inputs of larger magnitude are not promised to be accurate
};

/// One formula for both precisions.
template <class F>
MathCase mathCase(Op op, const char* name, F, double lo, double hi, double ulps, double ulps64,
                  double limit = INFINITY) {
  return {op, name, [](double x) { return F()(x); }, [](long double x) { return F()(x); }, lo, hi, ulps, ulps64, limit};
}

inline const std::vector<MathCase>& mathCases() {
  static const std::vector<MathCase> all = {
      mathCase(
          Op::Exp, "exp", [](auto x) { return std::exp(x); }, -105, 90, 1.1, 2),
      mathCase(
          Op::Expm1, "expm1", [](auto x) { return std::expm1(x); }, -20, 90, 2, 2),
      mathCase(
          Op::Log, "log", [](auto x) { return std::log(x); }, 0, 4, 1, 2),
      mathCase(
          Op::Log1p, "log1p", [](auto x) { return std::log1p(x); }, -1, 4, 2, 2),
      mathCase(
          Op::Sqrt, "sqrt", [](auto x) { return std::sqrt(x); }, 0, 100, 0.5, 0.5),
      mathCase(
          Op::Tanh, "tanh", [](auto x) { return std::tanh(x); }, -12, 12, 4, 4),
      mathCase(
          Op::Logistic, "logistic", [](auto x) { return 1 / (1 + std::exp(-x)); }, -90, 20, 3, 3),
      mathCase(
          Op::Erf, "erf", [](auto x) { return std::erf(x); }, -5, 5, 2, 3),
      mathCase(
          Op::Sin, "sin", [](auto x) { return std::sin(x); }, -1000, 1000, 1, 4, 1e6),
      mathCase(
          Op::Cos, "cos", [](auto x) { return std::cos(x); }, -1000, 1000, 1, 4, 1e6),
      mathCase(
          Op::Atan, "atan", [](auto x) { return std::atan(x); }, -8, 8, 1.4, 1.5),
      mathCase(
          Op::Floor, "floor", [](auto x) { return std::floor(x); }, -100, 100, 0, 0),
      mathCase(
          Op::Round, "round", [](auto x) { return std::nearbyint(x); }, -100, 100, 0, 0),
      mathCase(
          Op::Neg, "neg", [](auto x) { return -x; }, -1, 1, 0, 0),
  };
  return all;
}

}  // namespace nnc::testing
