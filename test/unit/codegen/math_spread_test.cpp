// Every 256th f32 there is, 2^24 of all 2^32, through each elementary function: all signs, exponents, infinities, NaNs
// and denormals. Which of the 256 changes by the hour; NNC_RANDOM_SEED sets it, NNC_SHOW_ULPS prints the worst of each.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <cstdlib>
#include <limits>
#include <set>

#include "kernel_harness.h"
#include "math_cases.h"

namespace nnc::testing {
namespace {

constexpr uint32_t kEvery = 256;
constexpr uint32_t kChunk = 1 << 20;

uint32_t offset() {
  const char* given = std::getenv("NNC_RANDOM_SEED");
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto hours = static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::hours>(now).count());
  return static_cast<uint32_t>((given ? std::strtoull(given, nullptr, 10) : hours) % kEvery);
}

plan::Plan unaryPlan(Op op) {
  plan::Kernel k;
  k.iters = {{static_cast<int64_t>(kChunk), "i"}};
  k.taskIters = {0};
  k.outputs = 1;
  plan::Stage s;
  s.body = {loadInst(0, plan::Ix::iter(0)), opInst(op, {0})};
  s.stores = {storeTo(1, plan::Ix::iter(0), 1)};
  k.stages = {s};
  const Type type{DType::F32, {static_cast<int64_t>(kChunk)}};
  return planOf(k, {type, type});
}

/// Distance from the exact value in units in the last place; infinity where a special value is another.
double ulpsBetween(float got, double want) {
  constexpr double kInfinite = std::numeric_limits<double>::infinity();
  if (std::isnan(want) || std::isnan(got)) return std::isnan(want) && std::isnan(got) ? 0 : kInfinite;
  if (want == 0 || std::isinf(want))
    return got == static_cast<float>(want) && std::signbit(got) == std::signbit(want) ? 0 : kInfinite;
  if (std::fabs(want) < 0x1p-126) return std::fabs(got) <= 0x1p-126F ? 0 : kInfinite;  // flushed or rounded
  // Beyond the largest number stands 2^128, which infinity stands for.
  const double bounded = std::clamp(want, -0x1p128, 0x1p128);
  const double value = std::isinf(got) ? std::copysign(0x1p128, got) : got;
  const int exponent = std::min(std::ilogb(bounded), 127);
  return std::fabs(value - bounded) * std::ldexp(1.0, 23 - exponent);
}

/// Denormals are read as zeros, or as what they are.
double distance(const MathCase& c, float x, float got) {
  const double ulps = ulpsBetween(got, c.inDouble(x));
  if (std::fpclassify(x) != FP_SUBNORMAL) return ulps;
  return std::min(ulps, ulpsBetween(got, c.inDouble(std::copysign(0.0, static_cast<double>(x)))));
}

struct Worst {
  double ulps = 0;
  float at = 0, got = 0;
};

class Spread : public ::testing::TestWithParam<size_t> {};

TEST_P(Spread, SingleWithinItsUlps) {
  const MathCase& c = mathCases()[GetParam()];
  // All CPUs with FMA give the same bits (math_test.cpp): the last stands for them, the first has none.
  const std::vector<std::string> cpus = runnableCpus();
  const plan::Plan plan = unaryPlan(c.op);
  std::vector<float> x(kChunk), y(kChunk);
  for (const std::string& cpu : std::set<std::string>{cpus.front(), cpus.back()}) {
    codegen::CodegenOptions options;
    options.cpus = {cpu};
    options.jobs = 1;
    LoadedPlan loaded(plan, options);
    Worst worst;
    for (uint64_t first = offset(); first < (uint64_t{1} << 32); first += uint64_t{kChunk} * kEvery) {
      for (uint32_t i = 0; i < kChunk; ++i)
        x[i] = std::bit_cast<float>(static_cast<uint32_t>(first + uint64_t{i} * kEvery));
      loaded.run({}, {x.data()}, {y.data()});
      for (uint32_t i = 0; i < kChunk; ++i) {
        if (std::isfinite(x[i]) && std::fabs(x[i]) > c.limit) continue;
        const double ulps = distance(c, x[i], y[i]);
        if (!(ulps <= worst.ulps)) worst = {ulps, x[i], y[i]};
      }
    }
    if (std::getenv("NNC_SHOW_ULPS")) fmt::print("{} {}: {:.3f} ULP at {:a}\n", c.name, cpu, worst.ulps, worst.at);
    EXPECT_LE(worst.ulps, c.ulps) << c.name << " on " << cpu << " of "
                                  << fmt::format("{:a} gives {:a}", worst.at, worst.got)
                                  << ", NNC_RANDOM_SEED=" << offset();
  }
}

INSTANTIATE_TEST_SUITE_P(Math, Spread, ::testing::Range<size_t>(0, mathCases().size()),
                         [](const auto& info) { return mathCases()[info.param].name; });

}  // namespace
}  // namespace nnc::testing
