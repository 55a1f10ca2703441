// What the planner's tests share: a function body in IR text, run by the interpreter of the graph and, planned in every
// way, by the interpreter of the plan.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <regex>
#include <set>

#include "ir/eval.h"
#include "ir/text.h"
#include "ir/verify.h"
#include "plan/interpret.h"
#include "plan/plan.h"

namespace nnc::plan::test {

inline const Dim kB = Dim::symbol("B");

/// Declarations of the variables that the leaves of a body name.
inline std::string declarations(const std::string& body) {
  static const std::regex kLeaf(R"re(kind="(param|state)", name="([^"]*)"\} : (\S+\[[^\]]*\]))re");
  std::string text;
  std::set<std::string> seen;
  for (std::sregex_iterator at(body.begin(), body.end(), kLeaf), end; at != end; ++at)
    if (seen.insert((*at)[2]).second) text += (*at)[1].str() + " \"" + (*at)[2].str() + "\" : " + (*at)[3].str() + "\n";
  return text;
}

/// A module of one step function with the symbols B <= 4 and T <= 5; its variables are those its leaves name.
inline Module moduleOf(const std::string& body) {
  SourceManager sources;
  Diagnostics diagnostics(sources);
  const std::string text =
      "module \"m\"\n\n" + declarations(body) + "\nfunc \"f\" step(B <= 4, T <= 5) {\n" + body + "}\n";
  Module module = parseModule(sources.add("test.nnir", text), sources, diagnostics);
  EXPECT_FALSE(diagnostics.hasErrors()) << diagnostics.render(DiagFormat::Text);
  return module;
}

inline Tensor randomTensor(std::mt19937& rng, const Type& type, const std::map<std::string, int64_t>& symbols) {
  std::vector<int64_t> shape;
  for (const Dim& d : type.shape) shape.push_back(d.evaluate(symbols));
  Tensor t = Tensor::zeros(type.dtype, shape);
  for (double& x : t.floats) x = std::uniform_real_distribution<>(-1.5, 1.5)(rng);
  for (int64_t& x : t.ints)
    x = type.dtype == DType::Bool ? std::uniform_int_distribution<>(0, 1)(rng)
                                  : std::uniform_int_distribution<>(-1, 5)(rng);
  return t;
}

inline EvalInputs randomInputs(const Function& function, std::map<std::string, int64_t> symbols) {
  EvalInputs inputs;
  inputs.symbols = std::move(symbols);
  std::mt19937 rng(7);
  for (const Node& node : function.body.nodes)
    if (node.op == Op::Leaf && !inputs.leaves.contains(node.attrs.string("name")))
      inputs.leaves[node.attrs.string("name")] = randomTensor(rng, node.out[0], inputs.symbols);
  return inputs;
}

inline void expectEqual(const Tensor& got, const Tensor& expected, const std::string& what) {
  ASSERT_EQ(got.shape, expected.shape) << what;
  EXPECT_EQ(got.ints, expected.ints) << what;
  ASSERT_EQ(got.floats.size(), expected.floats.size()) << what;
  for (size_t i = 0; i < got.floats.size(); ++i) {
    const double e = expected.floats[i], g = got.floats[i];
    if (std::isnan(e) ? !std::isnan(g) : std::isinf(e) ? g != e : !(std::fabs(g - e) <= 1e-9 * (1 + std::fabs(e)))) {
      ADD_FAILURE() << what << ": element " << i << " is " << g << ", expected " << e;
      return;
    }
  }
}

inline std::vector<PlanOptions> allOptions() {
  constexpr auto kOneRow = PlanOptions::Blocks::OneRow, kWherePays = PlanOptions::Blocks::WherePays;
  return {{false, false, false, kWherePays, false},
          {false, true, false},
          {true, false, false},
          {true, true, false},
          {true, true, true},
          {false, true, false, kOneRow},
          {true, true, true, kOneRow}};
}

/// Runs a function of a module as a graph and as plans; every output and every updated variable must agree.
inline void checkFunction(const Module& module, size_t number, const std::map<std::string, int64_t>& symbols) {
  const Function& function = module.functions[number];
  const EvalInputs inputs = randomInputs(function, symbols);
  const std::vector<Tensor> expected = evaluate(function.body, inputs);
  for (const PlanOptions& options : allOptions()) {
    const Plan plan = makePlan(module, options);
    for (const std::string& error : verifyPlan(plan)) ADD_FAILURE() << error;
    std::map<std::string, Tensor> variables;
    for (const Variable& v : module.variables)
      variables[v.path] = inputs.leaves.contains(v.path) ? inputs.leaves.at(v.path)
                                                         : Tensor::zeros(v.type.dtype, constExtents(v.type.shape));
    const std::vector<Tensor> results = interpret(plan, plan.entries[number], {&variables, inputs.leaves, symbols});
    size_t next = 0;
    for (size_t i = 0; i < function.body.outputs.size(); ++i) {
      const Output& output = function.body.outputs[i];
      const bool update = output.role == OutputRole::Update;
      expectEqual(update ? variables.at(output.name) : results.at(next++), expected[i],
                  function.name + ", output " + std::to_string(i) + " " + output.name + " (fuse " +
                      std::to_string(options.fuse) + ", reuse " + std::to_string(options.reuse) + ", layouts " +
                      std::to_string(options.layouts) + ", blocks " + std::to_string(static_cast<int>(options.blocks)) +
                      ")");
    }
    if (::testing::Test::HasFailure()) {
      ADD_FAILURE() << printPlan(plan);
      return;
    }
  }
}

inline void checkModule(const Module& module, const std::map<std::string, int64_t>& symbols) {
  for (size_t f = 0; f < module.functions.size() && !::testing::Test::HasFailure(); ++f)
    checkFunction(module, f, symbols);
}

inline void check(const std::string& body) {
  const Module module = moduleOf(body);
  if (::testing::Test::HasFailure()) return;
  checkModule(module, {{"B", 3}, {"T", 2}});
}

/// One node over inputs %a, %b, %c of the given types.
inline void check1(const std::string& node, const std::vector<std::string>& types) {
  std::string body;
  char name = 'a';
  for (const std::string& type : types) {
    body += std::string("  %") + name + " = leaf {kind=\"input\", name=\"" + name + "\"} : " + type + "\n";
    ++name;
  }
  check(body + "  %y = " + node + "\n  return %y\n");
}

}  // namespace nnc::plan::test
