// Shapes with symbols: the same model built with numbers and with symbols gives the same gradients, for every extent.
#include <fmt/format.h>

#include "gradcheck.h"
#include "passes/region.h"

namespace nnc::testing {
namespace {

using Values = std::vector<Value>;
using Ints = std::vector<int64_t>;

/// A recurrent net over x [B, T, 3], a strided slice, padding, pooling by windows, a maximum and a mean: with given
/// extents.
Graph model(const Dim& batch, const Dim& steps) {
  Graph graph;
  Builder b(graph);
  Value x = leaf(b, "x", {DType::F64, {batch, steps, 3}}), w = leaf(b, "w", f64({3, 4})), u = leaf(b, "u", f64({4, 4}));
  Graph region;
  Builder s(region);
  Value sx = appendArg(region, b.type(x), 0), sw = appendArg(region, b.type(w), 1),
        su = appendArg(region, b.type(u), 2);
  Value h = appendArg(region, {DType::F64, {batch, 4}}, 3), t = appendArg(region, {DType::I64, {}}, 4);
  Value row = s.reshape(s.make(Op::DSlice, {sx, t}, {{"axes", Ints{1}}, {"sizes", Shape{1}}}), {batch, 3});
  auto dot = [&](Value a, Value c) {
    return s.make(Op::Dot, {a, c}, {{"contract_a", Ints{1}}, {"contract_b", Ints{0}}});
  };
  Value next = s.unary(Op::Tanh, s.add(dot(row, sw), dot(h, su)));
  for (Value v : {next, next}) region.outputs.push_back({OutputRole::Result, "", v});
  Values r =
      b.makeMulti(Op::Scan, {x, w, u, b.constant(0, {DType::F64, {batch, 4}})},
                  {{"count", steps}, {"consts", int64_t{3}}, {"carries", int64_t{1}}, {"reverse", false}}, {region});
  // [T, B, 4]: padded on T, windows of 2 over the last axis, the maximum of each, summed with what the last step says.
  Value padded = b.make(Op::Pad, {r[1]},
                        {{"lo", Shape{1, 0, 0}}, {"hi", Shape{2, 0, 0}}, {"interior", Ints{0, 0, 0}}, {"value", 0.5}});
  Value windows =
      b.make(Op::Window, {padded}, {{"axes", Ints{2}}, {"size", Ints{2}}, {"stride", Ints{2}}, {"dilation", Ints{1}}});
  Value top = b.make(Op::RMax, {windows}, {{"axis", int64_t{3}}});
  Value count = b.cast(b.make(Op::Size, {}, {{"dim", batch * (steps + 3)}}), DType::F64);
  Value loss = b.add(b.div(sumAll(b, b.mul(top, top)), count), sumAll(b, b.mul(r[0], r[0])));
  Value flat = b.reshape(r[1], {batch * steps, 4});
  loss = b.add(loss, sumAll(b, b.unary(Op::Log, b.sum(b.unary(Op::Exp, flat), {1}))));
  graph.outputs.push_back({OutputRole::Loss, "loss", loss});
  for (Value g : b.makeMulti(Op::Grad, {loss, x, w, u}))
    graph.outputs.push_back({OutputRole::Result, "g" + std::to_string(graph.outputs.size()), g});
  return graph;
}

/// Verified with its symbols declared, after each pass.
Graph throughPipeline(const Graph& graph, bool plain) {
  SourceManager sources;
  Diagnostics diagnostics(sources);
  Module module;
  Function function;
  function.name = "f";
  function.symbols = {{"B", 16}, {"T", 16}};
  function.body = graph;
  for (const Node& node : graph.nodes)
    if (node.op == Op::Leaf)
      module.variables.push_back({node.attrs.string("name"), node.out[0], Variable::Kind::Param, {}});
  module.functions.push_back(function);
  EXPECT_TRUE(runPasses(module, plain ? plainPipeline() : defaultPipeline(), diagnostics, {}));
  return module.functions[0].body;
}

TEST(SymbolicShapes, GiveWhatNumbersGive) {
  const Graph symbolic = model(Dim::symbol("B"), Dim::symbol("T"));
  const Graph plain = throughPipeline(symbolic, true), optimised = throughPipeline(symbolic, false);
  for (auto [batch, steps] : {std::pair<int64_t, int64_t>{1, 1}, {2, 3}, {5, 1}, {3, 7}, {1, 0}, {0, 2}}) {
    std::mt19937 rng(7);
    EvalInputs inputs;
    inputs.symbols = {{"B", batch}, {"T", steps}};
    inputs.leaves["x"] = randomTensor(rng, {batch, steps, 3}, -1, 1);
    inputs.leaves["w"] = randomTensor(rng, {3, 4}, -1, 1);
    inputs.leaves["u"] = randomTensor(rng, {4, 4}, -1, 1);
    // With no step at all the model of numbers is refused: x has no row to slice.
    const Graph numbers = steps > 0 ? throughPipeline(model(batch, steps), true) : plain;
    std::vector<Tensor> expected = evaluate(numbers, inputs);
    for (const Graph* graph : {&plain, &optimised}) {
      std::vector<Tensor> found = evaluate(*graph, inputs);
      for (size_t i = 0; i < found.size(); ++i) {
        ASSERT_EQ(found[i].shape, expected[i].shape);
        for (size_t k = 0; k < found[i].floats.size(); ++k) {
          if (!std::isfinite(expected[i].floats[k])) continue;  // the mean over no rows is 0/0
          EXPECT_NEAR(found[i].floats[k], expected[i].floats[k], 1e-10)
              << "B=" << batch << " T=" << steps << " output " << i;
        }
      }
    }
  }
}

/// A grouped convolution along an axis of run-time length, and a loss of its gradients by x and w.
Graph convolution(const Dim& length, int64_t groups, int64_t stride, int64_t xDilation) {
  Graph graph;
  Builder b(graph);
  Value x = leaf(b, "x", {DType::F64, {3, 4, length}}), w = leaf(b, "w", f64({6, 4 / groups, 3}));
  Value y = b.make(Op::Conv, {x, w},
                   {{"x_dims", Ints{0, 1, 2}},
                    {"w_dims", Ints{0, 1, 2}},
                    {"y_dims", Ints{0, 1, 2}},
                    {"stride", Ints{stride}},
                    {"pad_lo", Ints{2}},
                    {"pad_hi", Ints{2 - (xDilation - 1) + (stride - 1)}},
                    {"x_dilation", Ints{xDilation}},
                    {"w_dilation", Ints{2}},
                    {"groups", groups},
                    {"batch_groups", int64_t{1}}});
  Value loss = sumAll(b, b.unary(Op::Tanh, y));
  for (Value g : b.makeMulti(Op::Grad, {loss, x, w})) loss = b.add(loss, sumAll(b, b.unary(Op::Sin, g)));
  graph.outputs.push_back({OutputRole::Loss, "loss", loss});
  for (Value g : b.makeMulti(Op::Grad, {loss, x, w}))
    graph.outputs.push_back({OutputRole::Result, "g" + std::to_string(graph.outputs.size()), g});
  return graph;
}

// The gradient by the weights is a convolution with a kernel of run-time length: so is its gradient.
TEST(SymbolicShapes, SecondDerivativesOfConvolutions) {
  for (const int64_t groups : {1, 2})
    for (const auto& [stride, xDilation] : {std::pair<int64_t, int64_t>{1, 1}, {1, 2}, {2, 1}}) {
      SCOPED_TRACE(fmt::format("groups {}, stride {}, dilation {}", groups, stride, xDilation));
      const Dim length = Dim::symbol("B") * stride;
      const Graph symbolic = throughPipeline(convolution(length, groups, stride, xDilation), true);
      for (const int64_t size : {2, 5}) {
        std::mt19937 rng(7);
        EvalInputs inputs;
        inputs.symbols = {{"B", size}, {"T", 1}};
        inputs.leaves["x"] = randomTensor(rng, {3, 4, size * stride}, -1, 1);
        inputs.leaves["w"] = randomTensor(rng, {6, 4 / groups, 3}, -1, 1);
        const std::vector<Tensor> found = evaluate(symbolic, inputs),
                                  expected = evaluate(
                                      throughPipeline(convolution(size * stride, groups, stride, xDilation), true),
                                      inputs);
        for (size_t i = 0; i < found.size(); ++i)
          for (size_t k = 0; k < found[i].floats.size(); ++k)
            ASSERT_NEAR(found[i].floats[k], expected[i].floats[k], 1e-11 * (1 + std::fabs(expected[i].floats[k])));
      }
    }
}

}  // namespace
}  // namespace nnc::testing
