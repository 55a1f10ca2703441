// Gradients of dot and conv against finite differences.
#include "gradcheck.h"

namespace nnc::testing {
namespace {

using Values = std::vector<Value>;
using Ints = std::vector<int64_t>;

struct DotCase {
  Extents a, b;
  Ints batchA, batchB, contractA, contractB;
};
void PrintTo(const DotCase& c, std::ostream* out) {
  *out << f64(c.a).str() << " and " << f64(c.b).str();
}

class DotGradient : public ::testing::TestWithParam<DotCase> {};

TEST_P(DotGradient, AgreesWithDifferences) {
  const DotCase& d = GetParam();
  checkGradients(
      {{d.a, d.b}, [&](Builder& b, const Values& x) {
         return Values{b.make(
             Op::Dot, {x[0], x[1]},
             {{"batch_a", d.batchA}, {"batch_b", d.batchB}, {"contract_a", d.contractA}, {"contract_b", d.contractB}})};
       }});
}

INSTANTIATE_TEST_SUITE_P(Shapes, DotGradient,
                         ::testing::Values(DotCase{{3, 4}, {4, 5}, {}, {}, {1}, {0}},  // x @ w
                                           DotCase{{3, 4}, {5, 4}, {}, {}, {1}, {1}},  // x @ wᵀ
                                           DotCase{{4, 3}, {4, 5}, {}, {}, {0}, {0}},  // xᵀ @ w
                                           DotCase{{4}, {4}, {}, {}, {0}, {0}},        // inner
                                           DotCase{{3}, {4}, {}, {}, {}, {}},          // outer
                                           DotCase{{}, {}, {}, {}, {}, {}},            // scalars
                                           DotCase{{1, 7}, {7, 1}, {}, {}, {1}, {0}},
                                           DotCase{{2, 3, 4}, {2, 4, 5}, {0}, {0}, {2}, {1}},  // batched
                                           DotCase{{3, 2, 4}, {4, 5, 2}, {1}, {2}, {2}, {0}},  // batch in the middle
                                           DotCase{{2, 3, 4}, {4, 3, 5}, {}, {}, {1, 2}, {1, 0}},
                                           DotCase{{2, 3, 2, 5}, {2, 5, 4, 2}, {0, 2}, {0, 3}, {3}, {1}},
                                           DotCase{{2, 3, 2, 5}, {5, 4, 2, 3, 2}, {2, 0}, {2, 4}, {1, 3}, {3, 0}},
                                           DotCase{{3, 0}, {0, 2}, {}, {}, {1}, {0}},  // empty sum
                                           DotCase{{0, 3}, {3, 2}, {}, {}, {1}, {0}},
                                           DotCase{{17, 8}, {8, 9}, {}, {}, {1}, {0}}));

struct ConvCase {
  const char* name;
  Extents x, w;  // x: batch, spatial…, feature; w: spatial…, in, out
  Ints stride, lo, hi, xDilation, wDilation;
  int64_t groups = 1, batchGroups = 1;
};
void PrintTo(const ConvCase& c, std::ostream* out) {
  *out << c.name;
}

class ConvGradient : public ::testing::TestWithParam<ConvCase> {};

/// Roles for channels-last operands: x_dims (batch, feature, spatial…), w_dims (out, in, spatial…).
Attrs channelsLast(const ConvCase& c) {
  const auto n = static_cast<int64_t>(c.stride.size());
  Ints x = {0, n + 1}, w = {n + 1, n};
  for (int64_t i = 0; i < n; ++i) {
    x.push_back(i + 1);
    w.push_back(i);
  }
  return {{"x_dims", x},
          {"w_dims", w},
          {"y_dims", x},
          {"stride", c.stride},
          {"pad_lo", c.lo},
          {"pad_hi", c.hi},
          {"x_dilation", c.xDilation},
          {"w_dilation", c.wDilation},
          {"groups", c.groups},
          {"batch_groups", c.batchGroups}};
}

TEST_P(ConvGradient, AgreesWithDifferences) {
  const ConvCase& c = GetParam();
  GradCase g{{c.x, c.w},
             [&](Builder& b, const Values& x) { return Values{b.make(Op::Conv, {x[0], x[1]}, channelsLast(c))}; }};
  g.second = std::string_view(c.name).substr(0, 5) != "empty";  // of no elements the gradient is the constant 0
  checkGradients(g);
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, ConvGradient,
    ::testing::Values(ConvCase{"plain", {2, 5, 5, 2}, {3, 3, 2, 3}, {1, 1}, {0, 0}, {0, 0}, {1, 1}, {1, 1}},
                      ConvCase{"same", {2, 4, 5, 2}, {3, 3, 2, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}, {1, 1}},
                      ConvCase{"stride", {1, 7, 6, 2}, {3, 3, 2, 2}, {2, 2}, {1, 0}, {1, 1}, {1, 1}, {1, 1}},
                      ConvCase{
                          "strideThatLeavesOut", {1, 8, 9, 1}, {2, 3, 1, 2}, {3, 4}, {0, 1}, {0, 0}, {1, 1}, {1, 1}},
                      ConvCase{"kernelDilation", {1, 8, 2}, {3, 2, 2}, {1}, {2}, {2}, {1}, {2}},
                      ConvCase{"transposed", {1, 4, 4, 2}, {3, 3, 2, 3}, {1, 1}, {2, 1}, {1, 2}, {2, 2}, {1, 1}},
                      ConvCase{"everything", {2, 6, 5, 4}, {2, 3, 2, 4}, {2, 1}, {1, 2}, {2, 0}, {2, 1}, {1, 2}, 2},
                      ConvCase{"negativePadding", {1, 8, 2}, {3, 2, 2}, {1}, {-1}, {-2}, {1}, {1}},
                      ConvCase{"negativePaddingStride", {1, 9, 2}, {2, 2, 2}, {2}, {-2}, {-1}, {1}, {1}},
                      ConvCase{"morePaddingThanKernel", {1, 4, 1}, {2, 1, 2}, {1}, {3}, {4}, {1}, {1}},
                      ConvCase{"groups", {2, 5, 6}, {3, 2, 6}, {1}, {1}, {1}, {1}, {1}, 3},
                      ConvCase{"depthwise", {2, 4, 4, 3}, {3, 3, 1, 6}, {1, 1}, {1, 1}, {1, 1}, {1, 1}, {1, 1}, 3},
                      ConvCase{"batchGroups", {6, 5, 2}, {3, 2, 6}, {1}, {1}, {1}, {1}, {1}, 1, 3},
                      ConvCase{"batchGroupsStride", {4, 6, 3}, {2, 3, 4}, {2}, {0}, {1}, {1}, {2}, 1, 2},
                      ConvCase{"oneByOne", {2, 3, 3, 4}, {1, 1, 4, 5}, {1, 1}, {0, 0}, {0, 0}, {1, 1}, {1, 1}},
                      ConvCase{"noSpatialAxes", {3, 4}, {4, 5}, {}, {}, {}, {}, {}},
                      ConvCase{"threeSpatialAxes",
                               {1, 3, 3, 4, 1},
                               {2, 2, 2, 1, 2},
                               {1, 1, 2},
                               {0, 1, 0},
                               {0, 0, 1},
                               {1, 1, 1},
                               {1, 1, 1}},
                      ConvCase{"kernelLargerThanInput", {1, 2, 1}, {5, 1, 2}, {1}, {2}, {2}, {1}, {1}},
                      ConvCase{"emptyResult", {1, 2, 1}, {5, 1, 2}, {1}, {0}, {0}, {1}, {1}},
                      ConvCase{"emptyBatch", {0, 4, 1}, {3, 1, 2}, {1}, {1}, {1}, {1}, {1}}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(ConvGradientRoles, ChannelsFirstAndMixed) {
  Attrs attrs = {{"x_dims", Ints{0, 1, 2, 3}}, {"w_dims", Ints{0, 1, 2, 3}}, {"y_dims", Ints{0, 1, 2, 3}},
                 {"stride", Ints{2, 1}},       {"pad_lo", Ints{1, 0}},       {"pad_hi", Ints{0, 1}},
                 {"x_dilation", Ints{1, 1}},   {"w_dilation", Ints{1, 2}},   {"groups", int64_t{2}},
                 {"batch_groups", int64_t{1}}};
  auto conv = [&](Builder& b, const Values& x) { return Values{b.make(Op::Conv, {x[0], x[1]}, attrs)}; };
  checkGradients({{{2, 4, 5, 6}, {6, 2, 2, 3}}, conv});
  // Spatial axes in other orders in each operand.
  attrs.set("x_dims", Ints{3, 0, 2, 1});
  attrs.set("w_dims", Ints{1, 2, 3, 0});
  attrs.set("y_dims", Ints{2, 1, 0, 3});
  checkGradients({{{4, 6, 5, 2}, {3, 6, 2, 2}}, conv});
}

}  // namespace
}  // namespace nnc::testing
