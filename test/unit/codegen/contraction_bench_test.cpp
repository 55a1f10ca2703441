// Measures the contraction emitters against the machine's FMA peak of the same run. Disabled among the tests:
//   unit_codegen --gtest_also_run_disabled_tests --gtest_filter='*ContractionBench*'
#include <gtest/gtest.h>
#include <immintrin.h>

#include <cstdio>
#include <ctime>

#include "contraction_harness.h"

namespace nnc {
namespace {

using namespace plan;
using namespace contraction_testing;

double seconds(clockid_t clock) {
  timespec t;
  clock_gettime(clock, &t);
  return double(t.tv_sec) + 1e-9 * double(t.tv_nsec);
}

/// Best of many runs. One thread is measured by its CPU time, so that other programs on the machine disturb less.
template <class F>
double bestSeconds(F f, double budget = 0.25, clockid_t clock = CLOCK_THREAD_CPUTIME_ID) {
  double best = 1e30, total = 0;
  f();
  for (int i = 0; i < 5 || (total < budget && i < 2000); ++i) {
    double start = seconds(clock);
    f();
    double t = seconds(clock) - start;
    best = std::min(best, t);
    total += t;
  }
  return best;
}

__attribute__((target("avx512f"))) float fma512(int64_t steps) {
  __m512 sums[24];
  for (__m512& s : sums) s = _mm512_setzero_ps();
  __m512 x = _mm512_set1_ps(1.0f), y = _mm512_set1_ps(1e-9f);
  for (int64_t i = 0; i < steps; ++i) {
#pragma GCC unroll 24
    for (__m512& s : sums) s = _mm512_fmadd_ps(s, x, y);
    asm volatile("" : "+v"(x), "+v"(y));
  }
  float total = 0;
  for (__m512& s : sums) total += s[0];
  return total;
}

__attribute__((target("avx2,fma"))) float fma256(int64_t steps) {
  __m256 sums[12];
  for (__m256& s : sums) s = _mm256_setzero_ps();
  __m256 x = _mm256_set1_ps(1.0f), y = _mm256_set1_ps(1e-9f);
  for (int64_t i = 0; i < steps; ++i) {
#pragma GCC unroll 12
    for (__m256& s : sums) s = _mm256_fmadd_ps(s, x, y);
    asm volatile("" : "+x"(x), "+x"(y));
  }
  float total = 0;
  for (__m256& s : sums) total += s[0];
  return total;
}

/// GFLOP/s of independent fused multiply-adds on one thread.
double peak(const std::string& cpu) {
  volatile float sink = 0;
  constexpr int64_t kSteps = 500000;
  bool wide = cpu == "skylake-avx512" || cpu == "znver4";
  double t = bestSeconds([&] { sink = sink + (wide ? fma512(kSteps) : fma256(kSteps)); }, 0.5);
  return kSteps * (wide ? 24 * 32 : 12 * 16) / t * 1e-9;
}

void measure(const char* label, const CompiledKernel& kernel, const std::vector<void*>& buffers, double flops,
             double top, const std::vector<int64_t>& symbols = {}) {
  double t = bestSeconds([&] { kernel.run(buffers, symbols); });
  double two = bestSeconds([&] { kernel.runThreads(buffers, symbols, 2); }, 0.25, CLOCK_MONOTONIC);
  std::printf("%-44s %6.1f GFLOP/s %3.0f %%  2 threads %6.1f  %3lld tasks  %4.0f KB scratch  compile %4.1f ms%s\n",
              label, flops / t * 1e-9, 100 * flops / t * 1e-9 / top, flops / two * 1e-9,
              (long long)kernel.tasks(symbols), double(kernel.scratchBytes()) / 1024, kernel.compileMilliseconds(),
              kernel.specialised() ? "" : "  (loops)");
  std::fflush(stdout);
}

Stage product(Inst a, Inst b, std::vector<uint32_t> over) {
  Stage s;
  s.kind = Stage::Kind::Reduce;
  s.fold = Stage::Fold::Dot;
  s.iters = std::move(over);
  s.body = {std::move(a), std::move(b), op(Op::Mul, {0, 1}, DType::F32)};
  s.value = 2;
  return s;
}

Stage reluBias(Ix bias, Ix out) {
  DType t = DType::F32;
  Stage map;
  map.body = {result(0, t), load(2, std::move(bias), t), op(Op::Add, {0, 1}, t), constant(0, t),
              op(Op::Max, {2, 3}, t)};
  map.stores = {{3, std::move(out), {}, 4, false}};
  return map;
}

Stage plainStore(Ix out) {
  Stage map;
  map.body = {result(0, DType::F32)};
  map.stores = {{3, std::move(out), {}, 0, false}};
  return map;
}

void benchGemm(const char* label, int64_t m, int64_t n, int64_t k, bool aT, bool bT, bool runTimeM,
               const std::string& cpu, double top) {
  Dim rows = runTimeM ? Dim::symbol("B") : Dim(m);
  Kernel kernel;
  kernel.tmpl = Template::Gemm;
  kernel.name = "gemm";
  kernel.iters = {{rows, "m"}, {n, "n"}, {k, "k"}};
  kernel.taskIters = {0, 1};
  kernel.stages = {product(load(0, aT ? it(2, rows) + it(0) : it(0, k) + it(2), DType::F32),
                           load(1, bT ? it(1, k) + it(2) : it(2, n) + it(1), DType::F32), {2}),
                   reluBias(it(1), it(0, n) + it(1))};
  kernel.operands = 4;
  kernel.outputs = 1;
  auto a = randomValues<float>(m * k, 1), b = randomValues<float>(k * n, 2), bias = randomValues<float>(n, 3);
  std::vector<float> out(m * n);
  CompiledKernel compiled(kernel, cpu, {"B"});
  char name[100];
  std::snprintf(name, sizeof name, "%s %lldx%lldx%lld", label, (long long)m, (long long)n, (long long)k);
  measure(name, compiled, {a.data(), b.data(), bias.data(), out.data()}, 2.0 * m * n * k, top, {m});
}

TEST(ContractionBench, DISABLED_Gemm) {
  for (const std::string& cpu : runnableCpus()) {
    if (!cpuHasFma(cpu)) continue;
    double top = peak(cpu);
    std::printf("%s: peak %.1f GFLOP/s on one thread\n", cpu.c_str(), top);
    for (bool runTime : {false, true}) {
      benchGemm(runTime ? "forward, run-time m" : "forward", 128, 512, 784, false, false, runTime, cpu, top);
      benchGemm(runTime ? "forward, run-time m" : "forward", 2048, 1024, 256, false, false, runTime, cpu, top);
    }
    benchGemm("forward", 128, 10, 512, false, false, false, cpu, top);
    benchGemm("forward", 512, 512, 512, false, false, false, cpu, top);
    benchGemm("forward", 1024, 1024, 1024, false, false, false, cpu, top);
    benchGemm("dX (b transposed)", 128, 784, 512, false, true, false, cpu, top);
    benchGemm("dX (b transposed)", 128, 512, 10, false, true, false, cpu, top);
    benchGemm("dX (b transposed)", 2048, 256, 1024, false, true, false, cpu, top);
    benchGemm("dW (a transposed)", 784, 512, 128, true, false, false, cpu, top);
    benchGemm("dW (a transposed)", 512, 10, 128, true, false, false, cpu, top);
    benchGemm("dW (a transposed)", 256, 1024, 2048, true, false, false, cpu, top);
    benchGemm("one row", 1, 512, 784, false, false, false, cpu, top);
    benchGemm("one row, run-time m", 1, 512, 784, false, false, true, cpu, top);
  }
}

/// 3x3 convolution of NHWC images, padding 1; weights are stored [kh][kw][ci][co].
struct ConvCase {
  int64_t batch, size, ci, co;
};
constexpr int64_t kTaps = 3;

Ix paddedInput(const ConvCase& c, uint32_t b, uint32_t oh, uint32_t ow, uint32_t kh, uint32_t kw, uint32_t ci) {
  Ix row = it(oh) + it(kh) + Ix(-1), column = it(ow) + it(kw) + Ix(-1);
  return it(b, c.size * c.size * c.ci) + row * (c.size * c.ci) + column * c.ci + it(ci);
}

std::vector<Guard> inImage(const ConvCase& c, uint32_t oh, uint32_t ow, uint32_t kh, uint32_t kw) {
  return {{it(oh) + it(kh) + Ix(-1), 0, c.size}, {it(ow) + it(kw) + Ix(-1), 0, c.size}};
}

void benchConv(const ConvCase& c, bool backward, const std::string& cpu, double top) {
  Kernel kernel;
  kernel.tmpl = Template::Conv;
  kernel.name = "conv";
  kernel.iters = {{c.batch, "b"}, {c.size, "oh"}, {c.size, "ow"}, {c.co, "co"},
                  {kTaps, "kh"},  {kTaps, "kw"},  {c.ci, "ci"}};
  kernel.taskIters = {0, 1, 2, 3};
  // Backward data reads the weights [kh][kw][n][k] from the end.
  Ix w = it(4, kTaps * c.ci * c.co) + it(5, c.ci * c.co) + it(6, c.co) + it(3);
  if (backward) {
    w = Ix((kTaps * kTaps - 1) * c.ci * c.co) - it(4, kTaps * c.ci * c.co) - it(5, c.ci * c.co) + it(3, c.ci) + it(6);
  }
  kernel.stages = {product(load(0, paddedInput(c, 0, 1, 2, 4, 5, 6), DType::F32, inImage(c, 1, 2, 4, 5)),
                           load(1, w, DType::F32), {4, 5, 6}),
                   reluBias(it(3), it(0, c.size * c.size * c.co) + it(1, c.size * c.co) + it(2, c.co) + it(3))};
  kernel.operands = 4;
  kernel.outputs = 1;
  int64_t pixels = c.batch * c.size * c.size, taps = kTaps * kTaps;
  auto x = randomValues<float>(pixels * c.ci, 1), weights = randomValues<float>(taps * c.ci * c.co, 2),
       bias = randomValues<float>(c.co, 3);
  std::vector<float> out(pixels * c.co);
  CompiledKernel compiled(kernel, cpu);
  char name[100];
  std::snprintf(name, sizeof name, "conv%s %lld -> %lld, %lldx%lld, batch %lld", backward ? " backward" : "",
                (long long)c.ci, (long long)c.co, (long long)c.size, (long long)c.size, (long long)c.batch);
  measure(name, compiled, {x.data(), weights.data(), bias.data(), out.data()}, 2.0 * pixels * taps * c.ci * c.co, top);
}

void benchConvWeights(const ConvCase& c, int64_t pieces, const std::string& cpu, double top) {
  Kernel kernel;
  kernel.tmpl = Template::ConvWeights;
  kernel.name = "conv_weights";
  int64_t images = c.batch / pieces;
  kernel.iters = {{pieces, "piece"}, {kTaps, "kh"}, {kTaps, "kw"},  {c.ci, "ci"},
                  {c.co, "co"},      {images, "b"}, {c.size, "oh"}, {c.size, "ow"}};
  kernel.taskIters = {0, 1, 2, 3, 4};
  Ix x = paddedInput(c, 5, 6, 7, 1, 2, 3) + it(0, images * c.size * c.size * c.ci);
  Ix dy = it(0, images * c.size * c.size * c.co) + it(5, c.size * c.size * c.co) + it(6, c.size * c.co) + it(7, c.co) +
          it(4);
  int64_t weights = kTaps * kTaps * c.ci * c.co;
  kernel.stages = {product(load(0, x, DType::F32, inImage(c, 6, 7, 1, 2)), load(1, dy, DType::F32), {5, 6, 7}),
                   plainStore(it(0, weights) + it(1, kTaps * c.ci * c.co) + it(2, c.ci * c.co) + it(3, c.co) + it(4))};
  kernel.operands = 4;
  kernel.outputs = 1;
  int64_t pixels = c.batch * c.size * c.size;
  auto input = randomValues<float>(pixels * c.ci, 1), gradient = randomValues<float>(pixels * c.co, 2);
  std::vector<float> unused(1), out(pieces * weights);
  CompiledKernel compiled(kernel, cpu);
  char name[100];
  std::snprintf(name, sizeof name, "conv weights %lld -> %lld, %lldx%lld, %lld pieces", (long long)c.ci,
                (long long)c.co, (long long)c.size, (long long)c.size, (long long)pieces);
  measure(name, compiled, {input.data(), gradient.data(), unused.data(), out.data()}, 2.0 * pixels * weights, top);
}

TEST(ContractionBench, DISABLED_Conv) {
  for (const std::string& cpu : runnableCpus()) {
    if (!cpuHasFma(cpu)) continue;
    double top = peak(cpu);
    std::printf("%s: peak %.1f GFLOP/s on one thread\n", cpu.c_str(), top);
    for (const ConvCase& c :
         {ConvCase{128, 28, 1, 32}, {128, 14, 32, 64}, {64, 32, 16, 16}, {64, 8, 64, 64}, {16, 4, 128, 256}}) {
      benchConv(c, false, cpu, top);
      if (c.ci > 1) benchConv(c, true, cpu, top);
      for (int64_t pieces : {1, 8}) benchConvWeights(c, pieces, cpu, top);
    }
  }
}

}  // namespace
}  // namespace nnc
