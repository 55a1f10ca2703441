// Gradients of gather, scatter, dslice and dupdate against finite differences; duplicates and indices outside pinned.
#include "gradcheck.h"

namespace nnc::testing {
namespace {

using Values = std::vector<Value>;
using Ints = std::vector<int64_t>;

struct IndexCase {
  const char* name;
  Extents x, i;
  int64_t axis, batch;
  Ints indices;
};
void PrintTo(const IndexCase& c, std::ostream* out) {
  *out << c.name;
}

class IndexGradient : public ::testing::TestWithParam<IndexCase> {
protected:
  GradCase start(std::vector<Extents> inputs) const {
    const IndexCase& c = GetParam();
    GradCase g{std::move(inputs), {}};
    g.extraLeaves["i"] = {DType::I32, c.i, {}, c.indices};
    return g;
  }
  Attrs attrs() const { return {{"axis", GetParam().axis}, {"batch", GetParam().batch}}; }
  Value indexLeaf(Builder& b) const { return leaf(b, "i", typed(DType::I32, GetParam().i), "input"); }
  /// Gather's result shape.
  Extents updates() const {
    const IndexCase& c = GetParam();
    Extents u(c.x.begin(), c.x.begin() + c.axis);
    u.insert(u.end(), c.i.begin() + c.batch, c.i.end());
    u.insert(u.end(), c.x.begin() + c.axis + 1, c.x.end());
    return u;
  }
};

TEST_P(IndexGradient, Gather) {
  GradCase c = start({GetParam().x});
  c.body = [&](Builder& b, const Values& x) { return Values{b.make(Op::Gather, {x[0], indexLeaf(b)}, attrs())}; };
  checkGradients(c);
}

TEST_P(IndexGradient, Scatter) {
  for (const char* mode : {"add", "set"}) {
    GradCase c = start({GetParam().x, updates()});
    c.body = [&](Builder& b, const Values& x) {
      Attrs a = attrs();
      a.set("mode", std::string(mode));
      return Values{b.make(Op::Scatter, {x[0], indexLeaf(b), x[1]}, a)};
    };
    checkGradients(c);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, IndexGradient,
    ::testing::Values(IndexCase{"rows", {5, 3}, {4}, 0, 0, {1, 0, 4, 2}},
                      IndexCase{"duplicates", {5, 3}, {6}, 0, 0, {1, 1, 4, 2, 1, 4}},
                      IndexCase{"outside", {4, 2}, {5}, 0, 0, {-1, 7, 3, 0, -5}},
                      IndexCase{"columns", {2, 5}, {3}, 1, 0, {4, 4, 0}},
                      IndexCase{"middle", {2, 5, 3}, {2, 2}, 1, 0, {4, 1, 1, 0}},
                      IndexCase{"scalarIndex", {5, 3}, {}, 0, 0, {2}}, IndexCase{"vector", {7}, {3}, 0, 0, {6, 2, 6}},
                      IndexCase{"batched", {2, 4}, {2, 3}, 1, 1, {0, 3, 3, 1, 1, 2}},
                      IndexCase{"batchedOnePerRow", {3, 4}, {3}, 1, 1, {0, 3, 9}},
                      IndexCase{"batchedBlocks", {2, 3, 4, 2}, {2, 2}, 2, 1, {0, 3, 3, 3}},
                      IndexCase{"noIndices", {4, 2}, {0}, 0, 0, {}},
                      IndexCase{"many", {3, 2}, {2, 9}, 0, 0, {0, 1, 2, 0, 1, 2, 0, 1, 2, 2, 2, 2, 1, 1, 1, 0, 0, 0}}),
    [](const auto& info) { return std::string(info.param.name); });

struct BlockCase {
  const char* name;
  Extents x;
  Ints axes;
  Extents sizes;
  Ints starts;
};
void PrintTo(const BlockCase& c, std::ostream* out) {
  *out << c.name;
}

class BlockGradient : public ::testing::TestWithParam<BlockCase> {
protected:
  Values starts(Builder& b) const {
    Values s;
    for (int64_t v : GetParam().starts) s.push_back(b.constant(static_cast<double>(v), {DType::I64, {}}));
    return s;
  }
};

TEST_P(BlockGradient, DynamicSlice) {
  const BlockCase& c = GetParam();
  checkGradients({{c.x}, [&](Builder& b, const Values& x) {
                    Values in = x;
                    for (Value s : starts(b)) in.push_back(s);
                    return Values{
                        b.make(Op::DSlice, in, {{"axes", c.axes}, {"sizes", Shape(c.sizes.begin(), c.sizes.end())}})};
                  }});
}

TEST_P(BlockGradient, DynamicUpdate) {
  const BlockCase& c = GetParam();
  Extents block = c.x;
  for (size_t i = 0; i < c.axes.size(); ++i) block[static_cast<size_t>(c.axes[i])] = c.sizes[i];
  checkGradients({{c.x, block}, [&](Builder& b, const Values& x) {
                    Values in = x;
                    for (Value s : starts(b)) in.push_back(s);
                    return Values{b.make(Op::DUpdate, in, {{"axes", c.axes}})};
                  }});
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, BlockGradient,
    ::testing::Values(BlockCase{"vector", {7}, {0}, {3}, {2}}, BlockCase{"clampedHigh", {7}, {0}, {3}, {6}},
                      BlockCase{"clampedLow", {7}, {0}, {3}, {-2}}, BlockCase{"whole", {4, 3}, {0}, {4}, {0}},
                      BlockCase{"twoAxes", {4, 5, 2}, {0, 1}, {2, 3}, {1, 2}},
                      BlockCase{"otherOrder", {4, 5, 2}, {2, 0}, {1, 2}, {1, 1}},
                      BlockCase{"one", {3, 4}, {1}, {1}, {3}}, BlockCase{"empty", {3, 4}, {1}, {0}, {2}}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(IndexGradientForm, CountsThatLeaveTheExtentAreClampedOrDropped) {
  for (double offset : {-1.0, 0.0, 1.0, 2.0}) {
    auto indices = [=](Builder& b) {
      Value i = b.make(Op::Iota, {}, {{"type", typed(DType::I32, {4})}, {"axis", int64_t{0}}});
      return b.add(i, b.constantLike(offset, i));
    };
    checkGradients({{{5}}, [&](Builder& b, const Values& x) {
                      return Values{
                          b.make(Op::Gather, {x[0], indices(b)}, {{"axis", int64_t{0}}, {"batch", int64_t{0}}})};
                    }});
    for (const char* mode : {"add", "set"})
      checkGradients({{{5}, {4}}, [&](Builder& b, const Values& x) {
                        return Values{
                            b.make(Op::Scatter, {x[0], indices(b), x[1]},
                                   {{"axis", int64_t{0}}, {"batch", int64_t{0}}, {"mode", std::string(mode)}})};
                      }});
  }
}

TEST(IndexGradientForm, CountsNeedNoClampAndNoTable) {
  // x set at 2 + iota(3), all inside and different: du is one gather, dx one scatter.
  Graph graph;
  Builder b(graph);
  Value x = leaf(b, "x", f64({8})), u = leaf(b, "u", f64({3}));
  Value i = b.make(Op::Iota, {}, {{"type", typed(DType::I32, {3})}, {"axis", int64_t{0}}});
  i = b.add(i, b.constantLike(2, i));
  Value y = b.make(Op::Scatter, {x, i, u}, {{"axis", int64_t{0}}, {"batch", int64_t{0}}, {"mode", std::string("set")}});
  for (Value g : b.makeMulti(Op::Grad, {sumAll(b, b.mul(y, y)), x, u}))
    graph.outputs.push_back({OutputRole::Result, "g" + std::to_string(graph.outputs.size()), g});
  Graph out = runPass("dce", runPass("autodiff", graph));
  std::map<Op, int> count;
  for (const Node& node : out.nodes) ++count[node.op];
  EXPECT_EQ(count[Op::Gather], 1);
  EXPECT_EQ(count[Op::Scatter], 2);
  EXPECT_EQ(count[Op::Max] + count[Op::Lt] + count[Op::Le] + count[Op::Eq], 0);
}

}  // namespace
}  // namespace nnc::testing
