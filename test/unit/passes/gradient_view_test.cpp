// Gradients of views and reductions against finite differences.
#include "gradcheck.h"

namespace nnc::testing {
namespace {

using Values = std::vector<Value>;
using Ints = std::vector<int64_t>;
using Dims = std::vector<Dim>;

void check(const std::vector<Extents>& inputs, Body body, bool second = true) {
  GradCase c{inputs, std::move(body)};
  c.second = second;
  checkGradients(c);
}

/// Makes a linear op interesting: its result is squared where second derivatives are checked by the harness itself.
Body one(Op op, Attrs attrs) {
  return [=](Builder& b, const Values& x) { return Values{b.make(op, {x[0]}, attrs)}; };
}

TEST(ViewGradient, Reshape) {
  check({{6}}, one(Op::Reshape, {{"shape", Dims{2, 3}}}));
  check({{1, 1}}, one(Op::Reshape, {{"shape", Dims{}}}));
  check({{}}, one(Op::Reshape, {{"shape", Dims{1}}}));
  check({{2, 3, 4}}, one(Op::Reshape, {{"shape", Dims{4, 6}}}));
  check({{0, 3}}, one(Op::Reshape, {{"shape", Dims{3, 0}}}));
}

TEST(ViewGradient, Transpose) {
  check({{2, 3}}, one(Op::Transpose, {{"perm", Ints{1, 0}}}));
  check({{2, 3, 5}}, one(Op::Transpose, {{"perm", Ints{2, 0, 1}}}));
  check({{2, 3, 5}}, one(Op::Transpose, {{"perm", Ints{1, 2, 0}}}));
  check({{2, 1, 3, 2, 2}}, one(Op::Transpose, {{"perm", Ints{4, 2, 0, 1, 3}}}));
  check({{0, 3}}, one(Op::Transpose, {{"perm", Ints{1, 0}}}));
}

TEST(ViewGradient, Reverse) {
  check({{7}}, one(Op::Reverse, {{"axes", Ints{0}}}));
  check({{2, 3, 4}}, one(Op::Reverse, {{"axes", Ints{0, 2}}}));
  check({{1}}, one(Op::Reverse, {{"axes", Ints{0}}}));
}

TEST(ViewGradient, BroadcastAndSum) {
  check({{}}, one(Op::Broadcast, {{"axes", Ints{0, 1}}, {"extents", Dims{2, 3}}}));
  check({{3}}, one(Op::Broadcast, {{"axes", Ints{0}}, {"extents", Dims{4}}}));
  check({{3}}, one(Op::Broadcast, {{"axes", Ints{1}}, {"extents", Dims{1}}}));
  check({{3, 2}}, one(Op::Broadcast, {{"axes", Ints{0, 2, 4}}, {"extents", Dims{2, 2, 3}}}));
  check({{3}}, one(Op::Broadcast, {{"axes", Ints{0}}, {"extents", Dims{0}}}));
  for (const Extents& shape : edgeShapes()) {
    check({shape}, [](Builder& b, const Values& x) { return Values{sumAll(b, x[0])}; });
    if (shape.size() >= 2) check({shape}, one(Op::Sum, {{"axes", Ints{1}}}));
    if (shape.size() >= 3) check({shape}, one(Op::Sum, {{"axes", Ints{0, 2}}}));
  }
}

TEST(ViewGradient, Slice) {
  auto slice = [](Dims lo, Dims hi, Ints stride) {
    return one(Op::Slice, {{"lo", lo}, {"hi", hi}, {"stride", stride}});
  };
  check({{7}}, slice({0}, {7}, {1}));
  check({{7}}, slice({2}, {5}, {1}));
  check({{7}}, slice({1}, {7}, {3}));
  check({{8}}, slice({0}, {8}, {3}));
  check({{8}}, slice({1}, {6}, {2}));
  check({{5}}, slice({3}, {3}, {1}));
  check({{5}}, slice({3}, {3}, {2}));
  check({{4, 5}}, slice({1, 0}, {4, 5}, {2, 4}));
  check({{2, 3, 2}}, slice({1, 0, 0}, {2, 3, 1}, {1, 2, 1}));
}

TEST(ViewGradient, Pad) {
  auto pad = [](Dims lo, Dims hi, Ints interior) {
    return one(Op::Pad, {{"lo", lo}, {"hi", hi}, {"interior", interior}, {"value", 0.7}});
  };
  check({{5}}, pad({1}, {2}, {0}));
  check({{5}}, pad({0}, {0}, {2}));
  check({{5}}, pad({2}, {1}, {1}));
  check({{5}}, pad({-1}, {2}, {0}));
  check({{5}}, pad({-2}, {-1}, {1}));
  check({{5}}, pad({3}, {-4}, {1}));
  check({{1}}, pad({0}, {0}, {3}));
  check({{0}}, pad({2}, {1}, {1}));
  check({{3, 4}}, pad({1, -1}, {0, 2}, {2, 0}));
  check({{2, 3, 2}}, pad({0, -1, 1}, {0, -1, 0}, {0, 1, 0}));
}

TEST(ViewGradient, WindowAndUnwindow) {
  auto window = [](Ints axes, Ints size, Ints stride, Ints dilation) {
    return Attrs{{"axes", axes}, {"size", size}, {"stride", stride}, {"dilation", dilation}};
  };
  auto both = [&](Extents shape, Attrs attrs) {
    check({shape}, one(Op::Window, attrs));
    Dims extents;
    for (int64_t axis : attrs.ints("axes")) extents.push_back(shape[static_cast<size_t>(axis)]);
    check({shape}, [=](Builder& b, const Values& x) {
      Attrs back = attrs;
      back.set("extents", extents);
      Value w = b.make(Op::Window, {x[0]}, attrs);
      return Values{b.make(Op::Unwindow, {b.mul(w, w)}, back)};
    });
  };
  both({7}, window({0}, {3}, {1}, {1}));
  both({8}, window({0}, {2}, {2}, {1}));
  both({9}, window({0}, {2}, {2}, {1}));
  both({9}, window({0}, {3}, {2}, {2}));
  both({9}, window({0}, {2}, {4}, {1}));
  both({1}, window({0}, {1}, {1}, {1}));
  both({2, 5, 4}, window({1, 2}, {3, 2}, {1, 2}, {1, 1}));
  both({5, 2, 4}, window({2, 0}, {2, 2}, {2, 1}, {1, 3}));
}

TEST(ViewGradient, Concat) {
  auto concat = [](int64_t axis) {
    return [=](Builder& b, const Values& x) { return Values{b.make(Op::Concat, x, {{"axis", axis}})}; };
  };
  check({{3}, {1}, {4}}, concat(0));
  check({{2, 3}, {2, 1}}, concat(1));
  check({{2, 3}, {0, 3}, {1, 3}}, concat(0));
  check({{2, 3}}, concat(1));
  check({{2, 3, 1}, {2, 3, 2}, {2, 3, 1}}, concat(2));
}

TEST(ReduceGradient, Maximum) {
  for (const Extents& shape : edgeShapes())
    for (size_t axis = 0; axis < shape.size(); ++axis)
      if (shape[axis] > 0) check({shape}, one(Op::RMax, {{"axis", static_cast<int64_t>(axis)}}));
}

TEST(ReduceGradient, MaximumGivesTiesToTheFirst) {
  Graph graph;
  Builder b(graph);
  Value x = leaf(b, "x", f64({4}));
  Value g = b.make(Op::Grad, {b.make(Op::RMax, {x}, {{"axis", int64_t{0}}}), x});
  graph.outputs.push_back({OutputRole::Result, "g", g});
  EvalInputs inputs;
  inputs.leaves["x"] = {DType::F64, {4}, {1, 3, 3, 2}, {}};
  EXPECT_EQ(evaluate(runPass("autodiff", graph), inputs)[0].floats, (std::vector<double>{0, 1, 0, 0}));
}

TEST(ReduceGradient, Sort) {
  for (const Extents& shape : edgeShapes())
    for (size_t axis = 0; axis < shape.size(); ++axis)
      check({shape}, [=](Builder& b, const Values& x) {
        return Values{b.makeMulti(Op::Sort, {x[0]}, {{"axis", static_cast<int64_t>(axis)}})[0]};
      });
}

}  // namespace
}  // namespace nnc::testing
