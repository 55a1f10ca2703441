// Checks gradients made by autodiff against central differences of the interpreter, in f64, first and second order.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <numeric>
#include <random>

#include "ir/builder.h"
#include "ir/eval.h"
#include "ir/text.h"
#include "ir/verify.h"
#include "mutations.h"
#include "passes/pass.h"
#include "passes/passes.h"

namespace nnc::testing {

using Extents = std::vector<int64_t>;
/// Builds the function under test on f64 leaves; each float result takes part in the loss.
using Body = std::function<std::vector<Value>(Builder&, const std::vector<Value>&)>;

struct GradCase {
  std::vector<Extents> inputs;
  Body body = {};
  double lo = -1.5, hi = 1.5;  // where the inputs lie
  std::map<std::string, Tensor> extraLeaves = {};
  bool second = true;  // check the second order too
  uint32_t seed = 1;
};

inline Type f64(const Extents& extents) {
  return {DType::F64, Shape(extents.begin(), extents.end())};
}
inline Type typed(DType dtype, const Extents& extents) {
  return {dtype, Shape(extents.begin(), extents.end())};
}

inline Value leaf(Builder& b, const std::string& name, const Type& type, const char* kind = "param") {
  return b.make(Op::Leaf, {}, {{"type", type}, {"kind", std::string(kind)}, {"name", name}});
}

/// [.., K] · [K, N]
inline Value matmul(Builder& b, Value x, Value w) {
  return b.make(Op::Dot, {x, w},
                {{"contract_a", std::vector<int64_t>{b.type(x).rank() - 1}}, {"contract_b", std::vector<int64_t>{0}}});
}

inline Tensor randomTensor(std::mt19937& rng, const Extents& extents, double lo, double hi) {
  Tensor t = Tensor::zeros(DType::F64, extents);
  for (double& x : t.floats) x = std::uniform_real_distribution<>(lo, hi)(rng);
  return t;
}

inline Value sumAll(Builder& b, Value x) {
  std::vector<int64_t> axes(static_cast<size_t>(b.type(x).rank()));
  std::iota(axes.begin(), axes.end(), 0);
  return b.sum(x, axes);
}

inline int64_t countOf(const Extents& extents) {
  return std::accumulate(extents.begin(), extents.end(), int64_t{1}, std::multiplies<>());
}

/// A constant with fixed irregular entries, so that no symmetry hides a mistake.
inline Value probe(Builder& b, const Type& type, double phase) {
  std::vector<double> values;
  const int64_t n = countOf(constExtents(type.shape));
  for (int64_t i = 0; i < n; ++i) values.push_back(0.6 + 0.5 * std::sin(1.7 * static_cast<double>(i) + phase));
  if (n == 0) return b.constant(0, type);
  return b.make(Op::Const, {}, {{"type", type}, {"value", Literal{values}}});
}

/// Runs one pass over a graph and verifies what comes out.
inline Graph runPass(const char* name, const Graph& graph, size_t expectedErrors = 0) {
  SourceManager sources;
  Diagnostics diagnostics(sources);
  Module module;
  module.functions.push_back({});
  Function& function = module.functions[0];
  function.name = "f";
  for (const Node& node : graph.nodes)
    if (node.op == Op::Leaf)
      module.variables.push_back({node.attrs.string("name"), node.out[0], Variable::Kind::Param, {}});
  PassContext context{module, function, diagnostics};
  Graph out = findPass(name)->run(graph, context);
  EXPECT_EQ(diagnostics.errorCount(), expectedErrors) << diagnostics.render(DiagFormat::Text);
  function.body = out;
  std::vector<std::string> errors = verify(function, module);
  EXPECT_TRUE(errors.empty()) << name << ": " << (errors.empty() ? "" : errors[0]) << "\n"
                              << printFunction(function, {.locations = false});
  return out;
}

/// loss(x) of a case; order 1: grad(loss, x); order 2: grad(Σ probe · grad(loss, x), x), the loss then being quadratic.
class GradChecker {
public:
  explicit GradChecker(const GradCase& c) : case_(c) {
    std::mt19937 rng(c.seed);
    for (size_t i = 0; i < c.inputs.size(); ++i) inputs_.leaves[name(i)] = randomTensor(rng, c.inputs[i], c.lo, c.hi);
    for (const auto& [leafName, tensor] : c.extraLeaves) inputs_.leaves[leafName] = tensor;
  }

  void run() {
    check(1, 1e-6);
    if (case_.second) check(2, 1e-4);
  }

private:
  static std::string name(size_t i) { return "x" + std::to_string(i); }

  /// The scalar whose gradient is checked, then its gradients.
  Graph build(int order) {
    Graph graph;
    Builder b(graph);
    std::vector<Value> leaves;
    for (size_t i = 0; i < case_.inputs.size(); ++i) leaves.push_back(leaf(b, name(i), f64(case_.inputs[i])));
    Value loss = b.constant(0, f64({}));
    double phase = 0;
    for (Value y : case_.body(b, leaves)) {
      if (!isFloat(b.type(y).dtype)) continue;
      Value scaled = b.mul(y, probe(b, b.type(y), phase += 1));
      loss = b.add(loss, sumAll(b, order == 2 ? b.mul(scaled, y) : scaled));
    }
    std::vector<Value> gradients = grad(b, loss, leaves);
    if (order == 2) {
      loss = b.constant(0, f64({}));
      for (Value g : gradients) loss = b.add(loss, sumAll(b, b.mul(g, probe(b, b.type(g), phase += 1))));
      gradients = grad(b, loss, leaves);
    }
    graph.outputs.push_back({OutputRole::Loss, "loss", loss});
    for (size_t i = 0; i < gradients.size(); ++i)
      graph.outputs.push_back({OutputRole::Result, "d" + name(i), gradients[i]});
    return graph;
  }

  static std::vector<Value> grad(Builder& b, Value e, const std::vector<Value>& x) {
    std::vector<Value> in = {e};
    in.insert(in.end(), x.begin(), x.end());
    return b.makeMulti(Op::Grad, in);
  }

  void check(int order, double tolerance) {
    Graph graph = runPass("dce", runPass("autodiff", build(order)));
    std::vector<Tensor> outputs = evaluate(graph, inputs_);
    const bool mutating = mutationScore().wanted;
    if (!mutating) {
      checkPasses(graph, outputs);
      checkPipeline(order, outputs);
    }
    Graph lossOnly = graph;
    lossOnly.outputs.resize(1);
    lossOnly = runPass("dce", lossOnly);
    auto loss = [&] { return evaluate(lossOnly, inputs_)[0].floats[0]; };
    std::vector<Slope> slopes;
    for (size_t i = 0; i < case_.inputs.size(); ++i) {
      Tensor& x = inputs_.leaves[name(i)];
      const Tensor& g = outputs[i + 1];
      ASSERT_EQ(g.shape, x.shape);
      const size_t step = std::max<size_t>(1, x.floats.size() / 24);
      for (size_t k = 0; k < x.floats.size(); k += step) {
        const double saved = x.floats[k], h = 6e-6;
        x.floats[k] = saved + h;
        const double up = loss();
        x.floats[k] = saved - h;
        const double down = loss();
        x.floats[k] = saved;
        const double expected = (up - down) / (2 * h);
        const double scale = std::max({1.0, std::abs(expected), std::abs(up) * 0.01});
        slopes.push_back({i, k, expected, tolerance * scale});
        if (!(std::abs(g.floats[k] - expected) <= tolerance * scale)) {
          ADD_FAILURE() << "order " << order << ": d" << name(i) << "[" << k << "] = " << g.floats[k]
                        << ", differences say " << expected;
          return;
        }
      }
    }
    if (mutating && order == 1) mutate(graph, slopes);
  }

  /// What differences say of one element of one input, and how exactly.
  struct Slope {
    size_t input, element;
    double expected, tolerance;
  };

  /// Changes what the rules emitted, node by node, and counts how often the comparison with the slopes notices.
  void mutate(const Graph& graph, const std::vector<Slope>& slopes) {
    MutationScore& score = mutationScore();
    countOps(graph, score.cases);
    for (const Mutation& m : mutationsOf(graph, notForLoss(graph))) {
      const std::vector<std::vector<Tensor>> all = evaluateAll(m.graph, inputs_);
      if (m.before && all[m.before.node][m.before.result].floats == all[m.after.node][m.after.result].floats)
        continue;  // no change here: zeros, or a symmetric matrix
      const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
      score.caught[std::string(test->test_suite_name()) + "." + test->name() + ": " + m.what] |=
          std::any_of(slopes.begin(), slopes.end(), [&](const Slope& s) {
            const Value g = m.graph.outputs[s.input + 1].value;
            return !(std::abs(all[g.node][g.result].floats[s.element] - s.expected) <= s.tolerance);
          });
    }
  }

  /// Every pass of the default pipeline leaves the results as they were: exact ones bit for bit.
  void checkPasses(Graph graph, const std::vector<Tensor>& expected) {
    std::vector<Tensor> before = expected;
    for (const std::string& name : defaultPipeline()) {
      graph = runPass(name.c_str(), graph);
      std::vector<Tensor> after = evaluate(graph, inputs_);
      const bool exact = findPass(name)->exactness == Exactness::Exact;
      for (size_t i = 0; i < after.size(); ++i) {
        ASSERT_EQ(after[i].shape, before[i].shape);
        for (size_t k = 0; k < after[i].floats.size(); ++k) {
          const double a = after[i].floats[k], e = before[i].floats[k];
          ASSERT_TRUE(exact ? a == e : std::abs(a - e) <= 1e-10 * std::max(1.0, std::abs(e)))
              << "pass " << name << " changes output " << i << "[" << k << "] from " << e << " to " << a;
        }
      }
      before = std::move(after);
    }
  }

  /// So does the pipeline as it is run, with passes before autodiff: the loss and its gradients are what they were.
  void checkPipeline(int order, const std::vector<Tensor>& expected) {
    Graph graph = build(order);
    for (const std::string& name : defaultPipeline()) graph = runPass(name.c_str(), graph);
    std::vector<Tensor> found = evaluate(graph, inputs_);
    for (size_t i = 0; i < found.size(); ++i)
      for (size_t k = 0; k < found[i].floats.size(); ++k)
        ASSERT_NEAR(found[i].floats[k], expected[i].floats[k], 1e-8 * std::max(1.0, std::abs(expected[i].floats[k])))
            << "the pipeline changes output " << i << "[" << k << "] of order " << order;
  }

  const GradCase& case_;
  EvalInputs inputs_;
};

inline void checkGradients(const GradCase& c) {
  GradChecker(c).run();
}

/// Shapes that reach the edges: empty, one, around the widths of vectors, primes, ranks 0 to 5.
inline const std::vector<Extents>& edgeShapes() {
  static const std::vector<Extents> shapes = {
      {},   {0},  {1},    {7},    {8},       {9},       {15},         {16},
      {17}, {13}, {3, 5}, {1, 4}, {2, 3, 4}, {3, 0, 2}, {2, 1, 3, 2}, {1, 2, 1, 2, 3}};
  return shapes;
}

}  // namespace nnc::testing
