// The GEMM emitter against plain loops, bit for bit: every output is one chain of multiply-adds in increasing k.
#include <gtest/gtest.h>

#include <cmath>

#include "contraction_harness.h"

namespace nnc {
namespace {

using namespace plan;
using namespace contraction_testing;

/// out[m, n] = max(Σ_k a·b + bias[n], 0); a is stored [m, k] or transposed, b [k, n] or transposed.
struct Gemm {
  int64_t m = 1, n = 1, k = 1;
  bool aTransposed = false, bTransposed = false;
  bool runTimeRows = false, runTimeDepth = false;
};

Dim rowsOf(const Gemm& g) {
  return g.runTimeRows ? Dim::symbol("B") : Dim(g.m);
}
Dim depthOf(const Gemm& g) {
  return g.runTimeDepth ? Dim::symbol("K") : Dim(g.k);
}

Kernel kernelOf(const Gemm& g, DType t) {
  Kernel kernel;
  kernel.tmpl = Template::Gemm;
  kernel.name = "gemm";
  kernel.iters = {{rowsOf(g), "m"}, {Dim(g.n), "n"}, {depthOf(g), "k"}};
  kernel.taskIters = {0, 1};
  Ix a = g.aTransposed ? it(2, rowsOf(g)) + it(0) : it(0, depthOf(g)) + it(2);
  Ix b = g.bTransposed ? it(1, depthOf(g)) + it(2) : it(2, g.n) + it(1);
  Stage sum;
  sum.kind = Stage::Kind::Reduce;
  sum.fold = Stage::Fold::Dot;
  sum.iters = {2};
  sum.body = {load(0, a, t), load(1, b, t), op(Op::Mul, {0, 1}, t)};
  sum.value = 2;
  sum.acc = t;
  Stage map;
  map.body = {result(0, t), load(2, it(1), t), op(Op::Add, {0, 1}, t), constant(0, t), op(Op::Max, {2, 3}, t)};
  map.stores = {{3, it(0, g.n) + it(1), {}, 4, false}};
  kernel.stages = {sum, map};
  kernel.operands = 4;
  kernel.outputs = 1;
  return kernel;
}

template <class T>
struct Data {
  std::vector<T> a, b, bias, out;
  explicit Data(const Gemm& g)
      : a(randomValues<T>(g.m * g.k, 1)),
        b(randomValues<T>(g.k * g.n, 2)),
        bias(randomValues<T>(g.n, 3)),
        out(g.m * g.n, T(7)) {}
  std::vector<void*> buffers() { return {a.data(), b.data(), bias.data(), out.data()}; }
};

template <class T>
std::vector<T> expected(const Gemm& g, const Data<T>& d, bool fused) {
  std::vector<T> out(g.m * g.n);
  for (int64_t i = 0; i < g.m; ++i) {
    for (int64_t j = 0; j < g.n; ++j) {
      T sum = 0;
      for (int64_t p = 0; p < g.k; ++p) {
        T x = g.aTransposed ? d.a[p * g.m + i] : d.a[i * g.k + p];
        volatile T y = g.bTransposed ? d.b[j * g.k + p] : d.b[p * g.n + j];
        volatile T product = x * y;
        sum = fused ? std::fma(x, T(y), sum) : T(product) + sum;
      }
      out[i * g.n + j] = std::max(sum + d.bias[j], T(0));
    }
  }
  return out;
}

template <class T>
void check(const Gemm& g, const std::string& cpu, int64_t chunk = 0) {
  SCOPED_TRACE(::testing::Message() << cpu << " " << g.m << "x" << g.n << "x" << g.k << (g.aTransposed ? " aT" : "")
                                    << (g.bTransposed ? " bT" : "") << (g.runTimeRows ? " run-time m" : ""));
  std::vector<std::string> symbols = {"B", "K"};
  CompiledKernel kernel(kernelOf(g, sizeof(T) == 8 ? DType::F64 : DType::F32), cpu, symbols);
  ASSERT_TRUE(kernel.specialised());
  Data<T> data(g);
  kernel.run(data.buffers(), {g.m, g.k}, chunk);
  std::vector<T> want = expected(g, data, cpuHasFma(cpu));
  int wrong = 0;
  for (size_t i = 0; i < want.size() && wrong < 3; ++i) {
    if (data.out[i] != want[i]) {
      ++wrong;
      ADD_FAILURE() << "row " << i / g.n << " column " << i % g.n << ": " << data.out[i] << " instead of " << want[i];
    }
  }
}

TEST(Gemm, BoundaryShapesGiveTheBitsOfPlainLoops) {
  for (const std::string& cpu : runnableCpus()) {
    for (int64_t m : {1, 3, 15, 17, 33}) {
      for (int64_t n : {1, 10, 16, 31, 100}) {
        for (int64_t k : {1, 16, 33}) check<float>({m, n, k}, cpu);
      }
    }
  }
}

TEST(Gemm, TransposedFactors) {
  for (const std::string& cpu : runnableCpus()) {
    for (int64_t size : {1, 5, 16, 31, 47}) {
      check<float>({size, 2 * size, size + 3, true, false}, cpu);
      check<float>({size + 2, size, size, false, true}, cpu);
      check<float>({size, size, 2 * size, true, true}, cpu);
    }
  }
}

TEST(Gemm, EmptyReductionStoresTheEpilogueOfZero) {
  for (const std::string& cpu : runnableCpus()) {
    check<float>({5, 20, 0}, cpu);
    Gemm runTime{5, 20, 0};
    runTime.runTimeDepth = true;
    check<float>(runTime, cpu);
  }
}

TEST(Gemm, RunTimeRowsAndDepth) {
  for (const std::string& cpu : runnableCpus()) {
    for (int64_t m : {0, 1, 2, 4, 5, 9, 13, 14, 15, 28, 139, 141, 300}) {
      Gemm g{m, 40, 21};
      g.runTimeRows = true;
      check<float>(g, cpu);
      g.n = 64;  // whole panels: few rows read b as it lies
      check<float>(g, cpu);
      g.n = 40;
      g.aTransposed = true;
      g.runTimeDepth = true;
      check<float>(g, cpu);
    }
  }
}

TEST(Gemm, LongReductionsAreContinuedBlockByBlock) {
  for (const std::string& cpu : runnableCpus()) {
    check<float>({20, 40, 1500}, cpu);
    check<float>({20, 70, 1500, true, true}, cpu);
    Gemm g{30, 33, 1100};
    g.runTimeDepth = true;
    check<float>(g, cpu);
  }
}

TEST(Gemm, DoublePrecision) {
  for (const std::string& cpu : runnableCpus()) {
    for (int64_t size : {1, 7, 16, 33}) {
      check<double>({size, size + 4, 2 * size}, cpu);
      check<double>({size, size + 4, 2 * size, true, true}, cpu);
    }
  }
}

TEST(Gemm, AnyCutIntoTasksGivesTheSameBits) {
  for (const std::string& cpu : runnableCpus()) {
    for (int64_t chunk : {1, 2, 3}) {
      check<float>({300, 200, 50}, cpu, chunk);
      check<float>({150, 100, 1300}, cpu, chunk);
    }
  }
}

/// A batch of products whose rows are two variables with a gap between them and whose depth is two transposed digits.
TEST(Gemm, BatchesSplitRowsAndSplitDepth) {
  constexpr int64_t kB = 3, kR = 4, kS = 5, kN = 18, kC = 6, kD = 7;
  Kernel kernel;
  kernel.tmpl = Template::Gemm;
  kernel.name = "gemm";
  kernel.iters = {{kB, "b"}, {kR, "r"}, {kS, "s"}, {kN, "n"}, {kC, "c"}, {kD, "d"}};
  kernel.taskIters = {0, 1, 2, 3};
  DType t = DType::F32;
  // a[b, r, s (of 8 stored), d, c], b[b, c, d, n]
  Ix a = it(0, kR * 8 * kD * kC) + it(1, 8 * kD * kC) + it(2, kD * kC) + it(5, kC) + it(4);
  Ix b = it(0, kC * kD * kN) + it(4, kD * kN) + it(5, kN) + it(3);
  Stage sum;
  sum.kind = Stage::Kind::Reduce;
  sum.fold = Stage::Fold::Dot;
  sum.iters = {4, 5};
  sum.body = {load(0, a, t), load(1, b, t), op(Op::Mul, {0, 1}, t)};
  sum.value = 2;
  Stage map;
  map.body = {result(0, t), constant(2, t), op(Op::Mul, {0, 1}, t)};
  Ix out = it(0, kR * kS * kN) + it(1, kS * kN) + it(2, kN) + it(3);
  Ix outTransposed = it(0, kR * kS * kN) + it(3, kR * kS) + it(2, kR) + it(1);
  map.stores = {{2, out, {}, 2, false}, {3, outTransposed, {}, 0, false}};
  kernel.stages = {sum, map};
  kernel.operands = 4;
  kernel.outputs = 2;
  std::vector<float> x = randomValues<float>(kB * kR * 8 * kD * kC, 4), w = randomValues<float>(kB * kC * kD * kN, 5);
  for (const std::string& cpu : runnableCpus()) {
    CompiledKernel compiled(kernel, cpu);
    ASSERT_TRUE(compiled.specialised());
    std::vector<float> y(kB * kR * kS * kN), z(y.size());
    compiled.run({x.data(), w.data(), y.data(), z.data()}, {}, 1);
    for (int64_t i = 0; i < kB; ++i) {
      for (int64_t r = 0; r < kR * kS; ++r) {
        for (int64_t n = 0; n < kN; ++n) {
          double want = 0;
          for (int64_t c = 0; c < kC; ++c) {
            for (int64_t d = 0; d < kD; ++d) {
              want +=
                  double(x[(((i * kR + r / kS) * 8 + r % kS) * kD + d) * kC + c]) * w[((i * kC + c) * kD + d) * kN + n];
            }
          }
          ASSERT_NEAR(y[(i * kR * kS + r) * kN + n], 2 * want, 1e-4);
          ASSERT_NEAR(z[i * kR * kS * kN + n * kR * kS + (r % kS) * kR + r / kS], want, 1e-4);
        }
      }
    }
  }
}

/// a[m, pixel, channel] · b[channel, pixel, n], summed channel by channel: rows behind a flatten of channels-last data.
template <class T>
void checkFlattened(int64_t rows, int64_t channels, int64_t pixels, bool runTimeRows, const std::string& cpu,
                    int64_t n0 = 33) {
  const int64_t kN = n0;
  const DType t = sizeof(T) == 4 ? DType::F32 : DType::F64;
  Kernel kernel;
  kernel.tmpl = Template::Gemm;
  kernel.name = "gemm";
  kernel.iters = {{runTimeRows ? Dim::symbol("B") : Dim(rows), "m"}, {kN, "n"}, {channels, "c"}, {pixels, "p"}};
  kernel.taskIters = {0, 1};
  Stage sum;
  sum.kind = Stage::Kind::Reduce;
  sum.fold = Stage::Fold::Dot;
  sum.iters = {2, 3};
  sum.body = {load(0, it(0, channels * pixels) + it(3, channels) + it(2), t),
              load(1, it(2, pixels * kN) + it(3, kN) + it(1), t), op(Op::Mul, {0, 1}, t)};
  sum.value = 2;
  sum.acc = t;
  Stage map;
  map.body = {result(0, t)};
  map.stores = {{2, it(0, kN) + it(1), {}, 0, false}};
  kernel.stages = {sum, map};
  kernel.operands = 3;
  kernel.outputs = 1;
  std::vector<T> a = randomValues<T>(rows * pixels * channels, 6), b = randomValues<T>(channels * pixels * kN, 7);
  std::vector<T> out(rows * kN, T(7));
  using Names = std::vector<std::string>;
  CompiledKernel compiled(kernel, cpu, runTimeRows ? Names{"B"} : Names{});
  ASSERT_TRUE(compiled.specialised());
  compiled.run({a.data(), b.data(), out.data()}, runTimeRows ? std::vector{rows} : std::vector<int64_t>{}, 1);
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t n = 0; n < kN; ++n) {
      T want = 0;
      for (int64_t c = 0; c < channels; ++c)
        for (int64_t p = 0; p < pixels; ++p) {
          const T x = a[(i * pixels + p) * channels + c], y = b[(c * pixels + p) * kN + n];
          volatile T product = x * y;
          want = cpuHasFma(cpu) ? std::fma(x, y, want) : T(product) + want;
        }
      ASSERT_EQ(out[i * kN + n], want) << rows << " rows, " << channels << " channels, " << pixels << " pixels, "
                                       << cpu;
    }
}

TEST(Gemm, RowsBehindAFlattenAreSummedChannelByChannel) {
  for (const std::string& cpu : runnableCpus()) {
    for (int64_t channels : {7, 15, 16, 33})
      for (int64_t pixels : {2, 49, 70}) checkFlattened<float>(5, channels, pixels, false, cpu);
    for (int64_t rows : {1, 14, 33}) checkFlattened<float>(rows, 48, 9, rows % 2 == 0, cpu);
    checkFlattened<double>(9, 21, 6, true, cpu);
    for (int64_t rows : {1, 2}) checkFlattened<float>(rows, 40, 30, true, cpu, 64);  // whole panels: read as they lie
  }
}

}  // namespace
}  // namespace nnc
