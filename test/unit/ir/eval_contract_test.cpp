// The interpreter's contractions: dot with batch and several contracted axes, conv with every attribute.
#include "test/unit/ir/eval_support.h"

namespace nnc {
namespace {

using namespace test;

TEST(EvalDot, ContractsAndBatches) {
  const Tensor a = counting({2, 3}), b = counting({3, 2});
  expectFloats(eval1("dot(%a, %b) {contract_a=[1], contract_b=[0]} : f32[2, 2]", {a, b}), {22, 28, 49, 64});
  expectFloats(eval1("dot(%a, %a) {batch_a=[0], batch_b=[0], contract_a=[1], contract_b=[1]} : f32[2]", {a}), {14, 77});
  expectFloats(eval1("dot(%a, %b) {contract_a=[0, 1], contract_b=[1, 0]} : f32[]", {a, b}), {1 + 6 + 15 + 8 + 20 + 36});
  expectFloats(eval1("dot(%a, %b) : f32[2, 2]", {floats({2}, {1, 2}), floats({2}, {3, 4})}), {3, 4, 6, 8});
  expectFloats(
      eval1("dot(%a, %b) {contract_a=[1], contract_b=[0]} : f32[2, 2]", {floats({2, 0}, {}), floats({0, 2}, {})}),
      {0, 0, 0, 0});
  expectInts(eval1("dot(%a, %a) {contract_a=[0], contract_b=[0]} : i8[]", {ints({2}, {10, 10}, DType::I8)}), {-56});
}

TEST(EvalDot, ResultAxesAreBatchThenFree) {
  // a[m, b, k], b[b, k, n]: result [b, m, n].
  const Tensor y = eval1("dot(%a, %b) {batch_a=[1], batch_b=[0], contract_a=[2], contract_b=[1]} : f32[2, 1, 1]",
                         {floats({1, 2, 2}, {1, 2, 3, 4}), floats({2, 2, 1}, {5, 6, 7, 8})});
  expectFloats(y, {17, 53});
}

/// A 1-D convolution of x [N, C, W] and w [O, I, K] with the given attributes, which replace the plain ones.
struct Conv1D {
  int stride = 1, lo = 0, hi = 0, xDilation = 1, wDilation = 1, groups = 1, batchGroups = 1;

  Tensor operator()(const Tensor& x, const Tensor& w, const std::string& type) const {
    return eval1("conv(%a, %b) {x_dims=[0, 1, 2], w_dims=[0, 1, 2], y_dims=[0, 1, 2], stride=[" +
                     std::to_string(stride) + "], pad_lo=[" + std::to_string(lo) + "], pad_hi=[" + std::to_string(hi) +
                     "], x_dilation=[" + std::to_string(xDilation) + "], w_dilation=[" + std::to_string(wDilation) +
                     "], groups=" + std::to_string(groups) + ", batch_groups=" + std::to_string(batchGroups) +
                     "} : " + type,
                 {x, w});
  }
};

TEST(EvalConv, IsACorrelation) {
  expectFloats(Conv1D{}(counting({1, 1, 4}), floats({1, 1, 2}, {1, 10}), "f32[1, 1, 3]"), {21, 32, 43});
}

TEST(EvalConv, StridePaddingAndDilations) {
  const Tensor x = counting({1, 1, 5}), w = floats({1, 1, 2}, {1, 10});
  expectFloats(Conv1D{.stride = 2}(x, w, "f32[1, 1, 2]"), {21, 43});
  expectFloats(Conv1D{.lo = 1, .hi = 1}(x, w, "f32[1, 1, 6]"), {10, 21, 32, 43, 54, 5});
  expectFloats(Conv1D{.lo = -1, .hi = -1}(x, w, "f32[1, 1, 2]"), {32, 43});
  expectFloats(Conv1D{.wDilation = 3}(x, w, "f32[1, 1, 2]"), {41, 52});
  // 1 0 2 0 3 0 4 0 5
  expectFloats(Conv1D{.xDilation = 2}(x, w, "f32[1, 1, 8]"), {1, 20, 2, 30, 3, 40, 4, 50});
  expectFloats(Conv1D{.stride = 3, .lo = 1, .hi = -1, .xDilation = 2}(x, w, "f32[1, 1, 3]"), {10, 2, 40});
}

TEST(EvalConv, GroupsSplitFeatures) {
  // Features 0, 1 feed outputs 0, 1 (group 0); features 2, 3 feed outputs 2, 3.
  const Tensor x = floats({1, 4, 1}, {1, 2, 3, 4}), w = floats({4, 2, 1}, {1, 10, 100, 1000, 1, 10, 100, 1000});
  expectFloats(Conv1D{.groups = 2}(x, w, "f32[1, 4, 1]"), {21, 2100, 43, 4300});
  expectFloats(Conv1D{.groups = 4}(x, floats({4, 1, 1}, {1, 2, 3, 4}), "f32[1, 4, 1]"), {1, 4, 9, 16});
}

TEST(EvalConv, BatchGroupsSplitTheBatch) {
  // Rows 0, 1 of x feed output feature 0, rows 2, 3 feature 1; the result has 4 / 2 rows.
  const Tensor x = floats({4, 1, 1}, {1, 2, 3, 4}), w = floats({2, 1, 1}, {10, 100});
  expectFloats(Conv1D{.batchGroups = 2}(x, w, "f32[2, 2, 1]"), {10, 300, 20, 400});
}

TEST(EvalConv, RolesMayBeAnyAxes) {
  // Channels last: x [N, H, W, C], w [H, W, I, O], y [N, H, W, O].
  const std::string attrs =
      "{x_dims=[0, 3, 1, 2], w_dims=[3, 2, 0, 1], y_dims=[0, 3, 1, 2], stride=[1, 1], pad_lo=[0, 0], pad_hi=[0, 0], "
      "x_dilation=[1, 1], w_dilation=[1, 1], groups=1, batch_groups=1}";
  const Tensor y = eval1("conv(%a, %b) " + attrs + " : f32[1, 1, 2, 2]",
                         {counting({1, 2, 2, 2}), floats({2, 1, 2, 2}, {1, 10, 2, 20, 3, 30, 4, 40})});
  // Position (0, 0): x = 1 2 over 5 6; feature 0: 1*1 + 2*2 + 5*3 + 6*4 = 44.
  expectFloats(y, {44, 440, 3 + 8 + 21 + 32, 640});
}

TEST(EvalConv, WithoutSpatialAxesItIsAMatrixProduct) {
  const std::string attrs = "{x_dims=[0, 1], w_dims=[0, 1], y_dims=[0, 1], groups=1, batch_groups=1}";
  expectFloats(eval1("conv(%a, %b) " + attrs + " : f32[1, 2]", {counting({1, 2}), counting({2, 2})}), {5, 11});
}

TEST(EvalConv, EmptyBatchOrResultIsEmpty) {
  EXPECT_EQ(Conv1D{}(floats({0, 1, 3}, {}), counting({1, 1, 2}), "f32[0, 1, 2]").size(), 0);
  EXPECT_EQ(Conv1D{}(counting({1, 1, 1}), counting({1, 1, 2}), "f32[1, 1, 0]").size(), 0);
  expectFloats(Conv1D{}(floats({1, 0, 2}, {}), floats({1, 0, 1}, {}), "f32[1, 1, 2]"), {0, 0});
}

}  // namespace
}  // namespace nnc
