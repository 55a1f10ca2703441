// The convolution emitters against plain loops, bit for bit.
#include <gtest/gtest.h>

#include <cmath>

#include "contraction_harness.h"

namespace nnc {
namespace {

using namespace plan;
using namespace contraction_testing;

/// Images NHWC or NCHW, weights [kh][kw][ci][co]; channels are per group.
struct Conv {
  int64_t batch = 2, height = 6, width = 6, ci = 3, co = 5;
  int64_t kh = 3, kw = 3, stride = 1, dilation = 1, pad = 1, groups = 1;
  int64_t inputDilation = 1;  // zeros between the pixels of the input: transposed convolution
  bool nchw = false;          // input
  bool reversed = false;      // weights read from the end, as [kh][kw][co][ci]: the gradient by the input
  bool runTimeBatch = false;
  bool depthwise = false;  // one channel a group, and the groups the innermost tasks
  int64_t outHeight() const { return ((height - 1) * inputDilation + 2 * pad - dilation * (kh - 1)) / stride + 1; }
  int64_t outWidth() const { return ((width - 1) * inputDilation + 2 * pad - dilation * (kw - 1)) / stride + 1; }
  int64_t inputs() const { return groups * ci; }
  int64_t outputs() const { return groups * co; }
};

::testing::Message describe(const Conv& c) {
  return ::testing::Message() << c.batch << " x " << c.height << "x" << c.width << ", " << c.groups << " groups "
                              << c.ci << " -> " << c.co << ", kernel " << c.kh << "x" << c.kw << " stride " << c.stride
                              << " dilation " << c.dilation << " pad " << c.pad << " input dilation " << c.inputDilation
                              << (c.nchw ? " nchw" : "") << (c.depthwise ? " depthwise" : "")
                              << (c.reversed ? " reversed" : "");
}

int64_t inputAt(const Conv& c, int64_t b, int64_t h, int64_t w, int64_t channel) {
  return c.nchw ? ((b * c.inputs() + channel) * c.height + h) * c.width + w
                : ((b * c.height + h) * c.width + w) * c.inputs() + channel;
}
int64_t weightAt(const Conv& c, int64_t g, int64_t kh, int64_t kw, int64_t ci, int64_t co) {
  if (c.reversed) return (((g * c.kh + c.kh - 1 - kh) * c.kw + c.kw - 1 - kw) * c.co + co) * c.ci + ci;
  return (((g * c.kh + kh) * c.kw + kw) * c.ci + ci) * c.co + co;
}

enum : uint32_t { kG, kB, kOh, kOw, kCo, kKh, kKw, kCi };

std::vector<Iter> itersOf(const Conv& c) {
  Dim batch = c.runTimeBatch ? Dim::symbol("B") : Dim(c.batch);
  return {{c.groups, "g"}, {batch, "b"}, {c.outHeight(), "oh"}, {c.outWidth(), "ow"},
          {c.co, "co"},    {c.kh, "kh"}, {c.kw, "kw"},          {c.ci, "ci"}};
}

Ix rowOf(const Conv& c) {
  return it(kOh, c.stride) + it(kKh, c.dilation) + Ix(-c.pad);
}
Ix columnOf(const Conv& c) {
  return it(kOw, c.stride) + it(kKw, c.dilation) + Ix(-c.pad);
}

Inst inputLoad(const Conv& c, uint32_t operand, DType t) {
  Ranges extents;
  for (const Iter& iter : itersOf(c)) extents.push_back(iter.extent);
  Ix row = floorDiv(rowOf(c), c.inputDilation, extents), column = floorDiv(columnOf(c), c.inputDilation, extents);
  std::vector<Guard> guards = {{row, 0, c.height}, {column, 0, c.width}};
  if (c.inputDilation > 1) {
    guards.push_back({floorMod(rowOf(c), c.inputDilation, extents), 0, 1});
    guards.push_back({floorMod(columnOf(c), c.inputDilation, extents), 0, 1});
  }
  Ix channel = it(kCi) + it(kG, c.ci), index;
  if (c.nchw) {
    index = it(kB, c.inputs() * c.height * c.width) + channel * (c.height * c.width) + row * c.width + column;
  } else {
    index = it(kB, c.height * c.width * c.inputs()) + row * (c.width * c.inputs()) + column * c.inputs() + channel;
  }
  return load(operand, index, t, guards);
}

/// Σ max(x, 0) · w, then + bias.
Kernel forward(const Conv& c, DType t) {
  Kernel kernel;
  kernel.tmpl = Template::Conv;
  kernel.name = "conv";
  kernel.iters = itersOf(c);
  kernel.taskIters =
      c.groups > 1 ? std::vector<uint32_t>{kG, kB, kOh, kOw, kCo} : std::vector<uint32_t>{kB, kOh, kOw, kCo};
  if (c.depthwise) kernel.taskIters = {kB, kOh, kOw, kG};
  int64_t last = c.kh * c.kw * c.ci * c.co;
  Ix w = it(kG, last) + it(kKh, c.kw * c.ci * c.co) + it(kKw, c.ci * c.co) + it(kCi, c.co) + it(kCo);
  if (c.reversed) {
    w = it(kG, last) + Ix((c.kh * c.kw - 1) * c.ci * c.co) - it(kKh, c.kw * c.ci * c.co) - it(kKw, c.ci * c.co) +
        it(kCo, c.ci) + it(kCi);
  }
  Stage sum;
  sum.kind = Stage::Kind::Reduce;
  sum.fold = Stage::Fold::Dot;
  sum.iters = {kKh, kKw, kCi};
  sum.body = {inputLoad(c, 0, t), constant(0, t), op(Op::Max, {0, 1}, t), load(1, w, t), op(Op::Mul, {2, 3}, t)};
  sum.value = 4;
  sum.acc = t;
  Stage map;
  map.body = {result(0, t), load(2, it(kG, c.co) + it(kCo), t), op(Op::Add, {0, 1}, t)};
  int64_t row = c.outWidth() * c.outputs();
  map.stores = {
      {3, it(kB, c.outHeight() * row) + it(kOh, row) + it(kOw, c.outputs()) + it(kG, c.co) + it(kCo), {}, 2, false}};
  kernel.stages = {sum, map};
  kernel.operands = 4;
  kernel.outputs = 1;
  return kernel;
}

template <class T>
T multiplyAdd(T a, T b, T c, bool fused) {
  if (fused) return std::fma(a, b, c);
  volatile T product = a * b;
  return product + c;
}

template <class T>
void expectSameBits(const std::vector<T>& got, const std::vector<T>& want) {
  int wrong = 0;
  for (size_t i = 0; i < want.size() && wrong < 3; ++i) {
    if (got[i] == want[i]) continue;
    ++wrong;
    ADD_FAILURE() << "element " << i << " of " << want.size() << ": " << got[i] << " instead of " << want[i];
  }
}

/// The input at a window position, 0 in the padding.
template <class T>
T inputValue(const Conv& c, const std::vector<T>& x, int64_t b, int64_t h, int64_t w, int64_t channel) {
  if (int64_t d = c.inputDilation; d > 1) {
    if (h < 0 || w < 0 || h % d != 0 || w % d != 0) return 0;
    h /= d;
    w /= d;
  }
  if (h < 0 || w < 0 || h >= c.height || w >= c.width) return 0;
  return x[inputAt(c, b, h, w, channel)];
}

template <class T>
void checkForward(const Conv& c, const std::string& cpu, int64_t chunk = 0) {
  SCOPED_TRACE(describe(c) << " on " << cpu);
  CompiledKernel kernel(forward(c, sizeof(T) == 8 ? DType::F64 : DType::F32), cpu, {"B"});
  ASSERT_TRUE(kernel.specialised());
  auto x = randomValues<T>(c.batch * c.height * c.width * c.inputs(), 1),
       w = randomValues<T>(c.groups * c.kh * c.kw * c.ci * c.co, 2), bias = randomValues<T>(c.outputs(), 3);
  std::vector<T> out(c.batch * c.outHeight() * c.outWidth() * c.outputs(), T(9)), want;
  kernel.run({x.data(), w.data(), bias.data(), out.data()}, {c.batch}, chunk);
  for (int64_t b = 0; b < c.batch; ++b) {
    for (int64_t p = 0; p < c.outHeight() * c.outWidth(); ++p) {
      for (int64_t n = 0; n < c.outputs(); ++n) {
        T sum = 0;
        int64_t g = n / c.co, oh = p / c.outWidth(), ow = p % c.outWidth();
        for (int64_t k = 0; k < c.kh * c.kw * c.ci; ++k) {
          int64_t kh = k / (c.kw * c.ci), kw = k / c.ci % c.kw, ci = k % c.ci;
          T value = inputValue(c, x, b, oh * c.stride + kh * c.dilation - c.pad,
                               ow * c.stride + kw * c.dilation - c.pad, g * c.ci + ci);
          sum = multiplyAdd(std::max(value, T(0)), w[weightAt(c, g, kh, kw, ci, n % c.co)], sum, cpuHasFma(cpu));
        }
        want.push_back(sum + bias[n]);
      }
    }
  }
  expectSameBits(out, want);
}

std::vector<Conv> cases() {
  std::vector<Conv> list;
  for (int64_t size : {1, 2, 4, 7, 15, 30})
    list.push_back({.batch = 2, .height = size, .width = size, .ci = 1, .co = 32});
  for (int64_t channels : {1, 2, 16, 17, 33})
    list.push_back({.height = 9, .width = 8, .ci = channels, .co = channels + 1});
  list.push_back({.height = 14, .width = 13, .ci = 8, .co = 40, .stride = 2});
  list.push_back({.height = 11, .width = 17, .ci = 4, .co = 16, .dilation = 2, .pad = 2});
  list.push_back({.height = 9, .width = 9, .ci = 5, .co = 16, .kh = 1, .kw = 1, .pad = 0});
  list.push_back({.height = 9, .width = 20, .ci = 3, .co = 10, .kh = 2, .kw = 5, .pad = 0});
  list.push_back({.height = 8, .width = 8, .ci = 6, .co = 7, .groups = 3});
  list.push_back({.height = 8, .width = 8, .ci = 1, .co = 1, .groups = 20});
  list.push_back({.height = 5, .width = 7, .ci = 16, .co = 20, .kh = 4, .kw = 4, .pad = 2, .inputDilation = 2});
  list.push_back({.height = 20, .width = 6, .ci = 3, .co = 48, .kh = 3, .kw = 3, .pad = 1, .inputDilation = 2});
  list.push_back({.height = 4, .width = 4, .ci = 1, .co = 16, .kh = 2, .kw = 5, .pad = 3, .inputDilation = 3});
  list.push_back({.height = 12, .width = 19, .ci = 3, .co = 16, .nchw = true});
  for (int64_t channels : {1, 37})
    list.push_back({.height = 7, .width = 9, .ci = channels, .co = 1, .kh = 4, .kw = 4, .pad = 2, .inputDilation = 2});
  for (Conv c : {Conv{.height = 13, .width = 8}, Conv{.height = 9, .width = 11, .stride = 2},
                 Conv{.height = 9, .width = 33, .kh = 5, .kw = 5, .dilation = 2, .pad = 4},
                 Conv{.height = 5, .width = 7, .kh = 4, .kw = 4, .pad = 2, .inputDilation = 2}}) {
    for (int64_t channels : {2, 17}) {
      c.ci = c.co = 1;
      c.groups = channels;
      c.depthwise = true;
      list.push_back(c);
    }
  }
  list.push_back({.height = 12, .width = 19, .ci = 1, .co = 16, .kh = 5, .kw = 5, .stride = 2, .pad = 2, .nchw = true});
  return list;
}

TEST(Conv, ForwardGivesTheBitsOfPlainLoops) {
  for (const std::string& cpu : runnableCpus()) {
    for (const Conv& c : cases()) checkForward<float>(c, cpu);
  }
}

TEST(Conv, ReversedWeights) {
  for (const std::string& cpu : runnableCpus()) {
    for (Conv c : cases()) {
      c.reversed = true;
      checkForward<float>(c, cpu);
    }
  }
}

TEST(Conv, StrideWithDilationIsStillCorrect) {
  for (const std::string& cpu : runnableCpus()) {
    checkForward<float>({.height = 16, .width = 15, .ci = 3, .co = 18, .stride = 2, .dilation = 3, .pad = 2}, cpu);
  }
}

TEST(Conv, RunTimeBatchAndTasks) {
  for (const std::string& cpu : runnableCpus()) {
    for (int64_t batch : {0, 2}) {
      Conv c{.batch = batch, .height = 20, .width = 33, .ci = 9, .co = 50};
      c.runTimeBatch = true;
      checkForward<float>(c, cpu, 1);
    }
  }
}

/// dw[g, kh, kw, ci, co] = Σ over images and output pixels of x · dy, in `pieces` parts of the batch.
Kernel weightGradient(const Conv& c, DType t) {
  Kernel kernel;
  kernel.tmpl = Template::ConvWeights;
  kernel.name = "conv_weights";
  kernel.iters = itersOf(c);
  kernel.taskIters =
      c.groups > 1 ? std::vector<uint32_t>{kG, kKh, kKw, kCi, kCo} : std::vector<uint32_t>{kKh, kKw, kCi, kCo};
  if (c.depthwise) kernel.taskIters = {kKh, kKw, kCi, kG};
  int64_t row = c.outWidth() * c.outputs();
  Ix dy = it(kB, c.outHeight() * row) + it(kOh, row) + it(kOw, c.outputs()) + it(kG, c.co) + it(kCo);
  Stage sum;
  sum.kind = Stage::Kind::Reduce;
  sum.fold = Stage::Fold::Dot;
  sum.iters = {kB, kOh, kOw};
  sum.body = {inputLoad(c, 0, t), load(1, dy, t), op(Op::Mul, {0, 1}, t)};
  sum.value = 2;
  sum.acc = t;
  Stage map;
  map.body = {result(0, t), constant(0.5, t), op(Op::Mul, {0, 1}, t)};
  map.stores = {
      {2,
       it(kG, c.kh * c.kw * c.ci * c.co) + it(kKh, c.kw * c.ci * c.co) + it(kKw, c.ci * c.co) + it(kCi, c.co) + it(kCo),
       {},
       2,
       false}};
  kernel.stages = {sum, map};
  kernel.operands = 3;
  kernel.outputs = 1;
  return kernel;
}

template <class T>
void checkWeightGradient(const Conv& c, const std::string& cpu, int64_t chunk = 0) {
  SCOPED_TRACE(describe(c) << " on " << cpu);
  CompiledKernel kernel(weightGradient(c, sizeof(T) == 8 ? DType::F64 : DType::F32), cpu, {"B"});
  ASSERT_TRUE(kernel.specialised());
  int64_t pixels = c.outHeight() * c.outWidth();
  auto x = randomValues<T>(c.batch * c.height * c.width * c.inputs(), 1),
       dy = randomValues<T>(c.batch * pixels * c.outputs(), 2);
  std::vector<T> out(c.groups * c.kh * c.kw * c.ci * c.co, T(9)), want;
  kernel.run({x.data(), dy.data(), out.data()}, {c.batch}, chunk);
  for (int64_t i = 0; i < int64_t(out.size()); ++i) {
    int64_t co = i % c.co, ci = i / c.co % c.ci, kw = i / (c.co * c.ci) % c.kw, kh = i / (c.co * c.ci * c.kw) % c.kh,
            g = i / (c.co * c.ci * c.kw * c.kh);
    T sum = 0;
    for (int64_t b = 0; b < c.batch; ++b) {
      for (int64_t p = 0; p < pixels; ++p) {
        int64_t h = p / c.outWidth() * c.stride + kh * c.dilation - c.pad,
                w = p % c.outWidth() * c.stride + kw * c.dilation - c.pad;
        sum = multiplyAdd(inputValue(c, x, b, h, w, g * c.ci + ci), dy[(b * pixels + p) * c.outputs() + g * c.co + co],
                          sum, cpuHasFma(cpu));
      }
    }
    want.push_back(sum * T(0.5));
  }
  expectSameBits(out, want);
}

TEST(Conv, DoublePrecision) {
  for (const std::string& cpu : runnableCpus()) {
    for (Conv c :
         {Conv{.ci = 5, .co = 20}, Conv{.width = 11, .stride = 2}, Conv{.ci = 16, .co = 16, .inputDilation = 2}}) {
      checkForward<double>(c, cpu);
      checkWeightGradient<double>(c, cpu);
    }
  }
}

/// The direct emitters, not im2col, take every case but stride together with dilation.
TEST(Conv, WindowsAreReadDirectly) {
  for (const Conv& c : cases()) {
    SCOPED_TRACE(describe(c));
    std::string ir = CompiledKernel::irText(forward(c, DType::F32), "x86-64", {"B"});
    EXPECT_NE(ir.find("prow"), std::string::npos);
    ir = CompiledKernel::irText(weightGradient(c, DType::F32), "x86-64", {"B"});
    EXPECT_NE(ir.find("prow"), std::string::npos);
  }
}

TEST(ConvWeights, GivesTheBitsOfPlainLoops) {
  for (const std::string& cpu : runnableCpus()) {
    for (Conv c : cases()) {
      c.batch = 5;
      checkWeightGradient<float>(c, cpu);
      checkWeightGradient<float>(c, cpu, 3);
    }
  }
}

TEST(ConvWeights, RunTimeBatchAndTasks) {
  for (const std::string& cpu : runnableCpus()) {
    for (int64_t batch : {0, 9}) {
      Conv c{.batch = batch, .height = 8, .width = 8, .ci = 24, .co = 48};
      c.runTimeBatch = true;
      checkWeightGradient<float>(c, cpu, 1);
    }
  }
}

}  // namespace
}  // namespace nnc
