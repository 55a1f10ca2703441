// Elementary functions over spread inputs against the C library in higher precision, in units in the last place;
// special values; the same bits on all CPUs with FMA.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "kernel_harness.h"
#include "math_cases.h"

namespace nnc::testing {
namespace {

plan::Kernel unary(Op op, DType t, int64_t n) {
  plan::Kernel k;
  k.iters = {{n, "i"}};
  k.taskIters = {0};
  k.outputs = 1;
  plan::Stage s;
  s.body = {loadInst(0, plan::Ix::iter(0), t), opInst(op, {0}, t)};
  s.stores = {storeTo(1, plan::Ix::iter(0), 1)};
  k.stages = {s};
  return k;
}

/// Evenly spread over [lo, hi], over all magnitudes of both signs, and special values. None near the denormals, which
/// are flushed, also on the way to a result.
Tensor spread(DType t, const MathCase& c) {
  std::vector<double> x = {0.0, -0.0, 1, -1, 0.5, -0.5, 1.5, 2.5, -2.5, INFINITY, -INFINITY, std::nan("")};
  constexpr int kSteps = 60000;
  for (int i = 0; i <= kSteps; ++i) x.push_back(c.lo + (c.hi - c.lo) * i / kSteps);
  int bottom = t == DType::F32 ? -120 : -1000, top = t == DType::F32 ? 127 : 1000;
  for (int e = bottom; e <= top; ++e) {
    for (double m : {1.0, 1.17, 1.41421356, 1.73, 1.999}) {
      x.push_back(std::ldexp(m, e));
      x.push_back(-std::ldexp(m, e));
    }
  }
  Tensor tensor = Tensor::zeros(t, {static_cast<int64_t>(x.size())});
  for (size_t i = 0; i < x.size(); ++i) tensor.floats[i] = t == DType::F32 ? static_cast<float>(x[i]) : x[i];
  return tensor;
}

/// Distance in units in the last place of the exact value; 0 where both are the same special value.
double ulpsBetween(double got, long double want, DType t) {
  int digits = t == DType::F32 ? 24 : 53, least = t == DType::F32 ? -125 : -1021;
  long double largest = t == DType::F32 ? static_cast<long double>(std::numeric_limits<float>::max())
                                        : static_cast<long double>(std::numeric_limits<double>::max());
  if (std::isnan(want)) return std::isnan(got) ? 0 : INFINITY;
  if (std::fabs(want) > largest) return std::isinf(got) && std::signbit(got) == std::signbit(want) ? 0 : INFINITY;
  if (want == 0) return got == 0 && std::signbit(got) == std::signbit(want) ? 0 : INFINITY;
  int exponent;
  std::frexp(want, &exponent);
  if (exponent < least)
    return got == 0 || std::fabs(got) < std::ldexp(1.0, least) ? 0 : INFINITY;  // flushed or rounded
  return static_cast<double>(std::fabs(static_cast<long double>(got) - want) / std::ldexp(1.0L, exponent - digits));
}

class Unary : public ::testing::TestWithParam<size_t> {};

void check(const MathCase& c, DType t, double allowed) {
  Tensor x = spread(t, c);
  plan::Plan plan = planOf(unary(c.op, t, x.size()), {{t, {x.size()}}, {t, {x.size()}}});
  std::vector<char> fused;
  for (const std::string& cpu : runnableCpus()) {
    Tensor y = runKernel(plan, {x}, {}, cpu)[0][0];
    double worst = 0, at = 0, got = 0;
    for (int64_t i = 0; i < x.size(); ++i) {
      double input = x.floats[static_cast<size_t>(i)];
      if (std::isfinite(input) && std::fabs(input) > c.limit) continue;
      double ulps = ulpsBetween(y.floats[static_cast<size_t>(i)], c.reference(input), t);
      if (!(ulps <= worst)) {
        worst = ulps;
        at = input;
        got = y.floats[static_cast<size_t>(i)];
      }
    }
    if (std::getenv("NNC_SHOW_ULPS"))
      fmt::print("{} {} {}: {:.2f} ULP at {:.9g}\n", c.name, dtypeName(t), cpu, worst, at);
    EXPECT_LE(worst, allowed) << c.name << " on " << cpu << " at " << fmt::format("{:.17g}", at) << " gives "
                              << fmt::format("{:.17g}", got);
    if (!hasFma(cpu)) continue;
    EXPECT_TRUE(fused.empty() || bytesOf(y) == fused) << c.name << " has other bits on " << cpu;
    fused = bytesOf(y);
  }
}

TEST_P(Unary, SingleWithinItsUlps) {
  check(mathCases()[GetParam()], DType::F32, mathCases()[GetParam()].ulps);
}
TEST_P(Unary, DoubleWithinItsUlps) {
  check(mathCases()[GetParam()], DType::F64, mathCases()[GetParam()].ulps64);
}
INSTANTIATE_TEST_SUITE_P(Math, Unary, ::testing::Range<size_t>(0, mathCases().size()),
                         [](const auto& info) { return mathCases()[info.param].name; });

TEST(Math, PowersFollowC) {
  std::vector<double> values = {0.0, -0.0, 1,   -1,   2,     -2,   3,        -3,        0.5,         -0.5,
                                1.7, -1.7, 100, -101, 1e-10, 1e10, INFINITY, -INFINITY, std::nan("")};
  for (DType t : {DType::F32, DType::F64}) {
    auto n = static_cast<int64_t>(values.size());
    Tensor a = Tensor::zeros(t, {n * n}), b = a;
    for (int64_t i = 0; i < n * n; ++i) {
      auto at = static_cast<size_t>(i);
      double x = values[at / values.size()], y = values[at % values.size()];
      a.floats[at] = t == DType::F32 ? static_cast<float>(x) : x;
      b.floats[at] = t == DType::F32 ? static_cast<float>(y) : y;
    }
    plan::Kernel k = unary(Op::Neg, t, n * n);
    k.stages[0].body = {loadInst(0, plan::Ix::iter(0), t), loadInst(1, plan::Ix::iter(0), t),
                        opInst(Op::Pow, {0, 1}, t)};
    k.stages[0].stores = {storeTo(2, plan::Ix::iter(0), 2)};
    Type type{t, {n * n}};
    for (const std::string& cpu : runnableCpus()) {
      Tensor y = runKernel(planOf(k, {type, type, type}), {a, b}, {}, cpu)[0][0];
      for (size_t i = 0; i < y.floats.size(); ++i) {
        long double want = std::pow(static_cast<long double>(a.floats[i]), static_cast<long double>(b.floats[i]));
        EXPECT_LE(ulpsBetween(y.floats[i], want, t), t == DType::F32 ? 1 : 32)
            << cpu << " " << a.floats[i] << " ^ " << b.floats[i];
      }
    }
  }
}

TEST(Math, CastsSaturate) {
  std::vector<double> values = {0,    0.9,  -0.9,  1.5,      -1.5,      127,          128,           -128,
                                -129, 255,  256,   1e5,      -1e5,      2147483647.0, -2147483648.0, 3e9,
                                -3e9, 1e19, -1e19, INFINITY, -INFINITY, std::nan(""), 1e300};
  auto n = static_cast<int64_t>(values.size());
  for (DType from : {DType::F32, DType::F64}) {
    for (DType to : {DType::I64, DType::I32, DType::I8, DType::U8, DType::Bool}) {
      Tensor x = Tensor::zeros(from, {n});
      for (size_t i = 0; i < values.size(); ++i)
        x.floats[i] = from == DType::F32 ? static_cast<float>(values[i]) : values[i];
      plan::Kernel k = unary(Op::Neg, from, n);
      k.stages[0].body = {loadInst(0, plan::Ix::iter(0), from), opInst(Op::Cast, {0}, to)};
      SCOPED_TRACE(fmt::format("{} to {}", dtypeName(from), dtypeName(to)));
      expectLikeInterpreter(planOf(k, {{from, {n}}, {to, {n}}}), {x});
    }
  }
}

TEST(Math, IntegersDivideByFloor) {
  for (DType t : {DType::I64, DType::I32, DType::I8, DType::U8}) {
    std::vector<int64_t> values = {0, 1, 2, 3, 7, 100, 127};
    if (t != DType::U8)
      values.insert(values.end(), {-1, -2, -3, -7, -100,
                                   t == DType::I64   ? INT64_MIN
                                   : t == DType::I32 ? INT32_MIN
                                                     : -128});
    auto n = static_cast<int64_t>(values.size());
    Tensor a = Tensor::zeros(t, {n * n}), b = a;
    for (size_t i = 0; i < a.ints.size(); ++i) {
      a.ints[i] = values[i / values.size()];
      b.ints[i] = values[i % values.size()];
    }
    for (Op op : {Op::IDiv, Op::Mod, Op::Max, Op::Mul, Op::Add}) {
      plan::Kernel k = unary(Op::Neg, t, n * n);
      k.stages[0].body = {loadInst(0, plan::Ix::iter(0), t), loadInst(1, plan::Ix::iter(0), t), opInst(op, {0, 1}, t)};
      k.stages[0].stores = {storeTo(2, plan::Ix::iter(0), 2)};
      Type type{t, {n * n}};
      SCOPED_TRACE(fmt::format("{} {}", opInfo(op).text, dtypeName(t)));
      expectLikeInterpreter(planOf(k, {type, type, type}), {a, b});
    }
  }
}

TEST(Math, ComparisonsSelectsAndMaximaOfFloats) {
  std::vector<double> values = {0.0, -0.0, 1, -1, 2.5, INFINITY, -INFINITY, std::nan("")};
  auto n = static_cast<int64_t>(values.size());
  Tensor a = Tensor::zeros(DType::F32, {n * n}), b = a;
  for (size_t i = 0; i < a.floats.size(); ++i) {
    a.floats[i] = values[i / values.size()];
    b.floats[i] = values[i % values.size()];
  }
  for (Op op : {Op::Lt, Op::Le, Op::Eq, Op::Max}) {
    DType out = op == Op::Max ? DType::F32 : DType::Bool;
    plan::Kernel k = unary(Op::Neg, DType::F32, n * n);
    k.stages[0].body = {loadInst(0, plan::Ix::iter(0)), loadInst(1, plan::Ix::iter(0)), opInst(op, {0, 1}, out)};
    k.stages[0].stores = {storeTo(2, plan::Ix::iter(0), 2)};
    Type type{DType::F32, {n * n}};
    SCOPED_TRACE(opInfo(op).text);
    expectLikeInterpreter(planOf(k, {type, type, {out, {n * n}}}), {a, b});
    if (op == Op::Max) continue;
    k.stages[0].body.push_back(opInst(Op::Select, {2, 0, 1}));
    k.stages[0].stores = {storeTo(2, plan::Ix::iter(0), 3)};
    expectLikeInterpreter(planOf(k, {type, type, type}), {a, b});
  }
}

TEST(Math, NarrowFloatsRoundAfterEachOperation) {
  for (DType t : {DType::BF16, DType::F16}) {
    int64_t n = 200;
    plan::Kernel k = unary(Op::Neg, t, n);
    k.stages[0].body = {loadInst(0, plan::Ix::iter(0), t), loadInst(1, plan::Ix::iter(0), t),
                        opInst(Op::Mul, {0, 1}, t), opInst(Op::Cast, {2}, DType::F32)};
    k.stages[0].stores = {storeTo(2, plan::Ix::iter(0), 3)};
    Tensor a = randomTensor(t, {n}, 1), b = randomTensor(t, {n}, 2);
    for (const std::string& cpu : runnableCpus()) {
      Tensor y = runKernel(planOf(k, {{t, {n}}, {t, {n}}, {DType::F32, {n}}}), {a, b}, {}, cpu)[0][0];
      for (size_t i = 0; i < y.floats.size(); ++i) {
        int bits = t == DType::BF16 ? 8 : 11, exponent;
        double exact = a.floats[i] * b.floats[i];
        std::frexp(exact, &exponent);
        double step = std::ldexp(1.0, exponent - bits);
        EXPECT_EQ(y.floats[i], std::nearbyint(exact / step) * step) << cpu << " " << dtypeName(t);
      }
    }
  }
}

/// Just above and below the middle of two narrow numbers, nearer to it than a float can say.
TEST(Math, WideNumbersRoundOnceToNarrowOnes) {
  for (const auto& [t, bits] : {std::pair(DType::BF16, 8), {DType::F16, 11}}) {
    const double one = std::ldexp(1, 1 - bits), middle = 1 + one / 2, hair = std::ldexp(1, -45);
    Tensor x = Tensor::zeros(DType::F64, {9});
    x.floats = {middle + hair, middle - hair, middle, -middle - hair, -middle + hair, 1e300, -1e300, 0, 1 + one};
    plan::Kernel k = unary(Op::Neg, t, 9);
    k.stages[0].body = {loadInst(0, plan::Ix::iter(0), DType::F64), opInst(Op::Cast, {0}, t),
                        opInst(Op::Cast, {1}, DType::F64)};
    k.stages[0].stores = {storeTo(1, plan::Ix::iter(0), 2)};
    const double up = 1 + one, inf = INFINITY;
    for (const std::string& cpu : runnableCpus())
      EXPECT_EQ(runKernel(planOf(k, {{DType::F64, {9}}, {DType::F64, {9}}}), {x}, {}, cpu)[0][0].floats,
                (std::vector<double>{up, 1, 1, -up, -1, inf, -inf, 0, up}))
          << cpu << " " << dtypeName(t);
  }
}

TEST(Math, IntegersRoundOnceToNarrowOnes) {
  Tensor x = Tensor::zeros(DType::I32, {4});
  const int64_t middle = (1 << 30) + (1 << 22);
  x.ints = {middle + 1, middle - 1, middle, -middle - 1};
  plan::Kernel k = unary(Op::Neg, DType::BF16, 4);
  k.stages[0].body = {loadInst(0, plan::Ix::iter(0), DType::I32), opInst(Op::Cast, {0}, DType::BF16),
                      opInst(Op::Cast, {1}, DType::F64)};
  k.stages[0].stores = {storeTo(1, plan::Ix::iter(0), 2)};
  const double one = std::ldexp(1, 30), up = one + std::ldexp(1, 23);
  for (const std::string& cpu : runnableCpus())
    EXPECT_EQ(runKernel(planOf(k, {{DType::I32, {4}}, {DType::F64, {4}}}), {x}, {}, cpu)[0][0].floats,
              (std::vector<double>{up, one, one, -up}))
        << cpu;
}

}  // namespace
}  // namespace nnc::testing
