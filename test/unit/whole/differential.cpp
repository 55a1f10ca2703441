#include "differential.h"

#include <fmt/format.h>
#include <algorithm>
#include <set>

#include "compiled_steps.h"
#include "ir/text.h"
#include "passes/pass.h"

namespace nnc::testing {
namespace {

std::string numbered(size_t i, const std::string& name) {
  return fmt::format("{}.{}", i, name);
}

/// One module of all functions; names get their module's number in front.
Module merged(const std::vector<Module>& modules) {
  Module all;
  all.name = "random";
  for (size_t i = 0; i < modules.size(); ++i) {
    for (Variable v : modules[i].variables) {
      v.path = numbered(i, v.path);
      all.variables.push_back(v);
    }
    Function f = modules[i].functions.at(0);
    f.name = numbered(i, "g");
    for (Node& node : f.body.nodes)
      if (node.op == Op::Leaf && node.attrs.string("kind") != "input")
        node.attrs.set("name", numbered(i, node.attrs.string("name")));
    for (Output& o : f.body.outputs)
      if (o.role == OutputRole::Update) o.name = numbered(i, o.name);
    all.functions.push_back(std::move(f));
  }
  return all;
}

/// Adds floats in an order that follows the loops of its kernel, which fusion decides.
bool sumsFloats(const Node& node);
bool anySumsFloats(const Graph& graph) {
  return std::any_of(graph.nodes.begin(), graph.nodes.end(), sumsFloats);
}
bool sumsFloats(const Node& node) {
  return (node.op == Op::Sum && isFloat(node.out[0].dtype)) ||
         std::any_of(node.regions.begin(), node.regions.end(), anySumsFloats);
}

/// The outputs of each step that no such sum takes part in: they must agree in every bit.
std::vector<std::vector<bool>> withoutSums(const Graph& graph) {
  std::vector<std::vector<bool>> counts;
  std::set<std::string> summed;  // variables
  for (int step = 0; step < kSteps; ++step) {
    std::vector<bool> tainted;
    for (const Node& node : graph.nodes) {
      bool t = sumsFloats(node) || (node.op == Op::Leaf && summed.contains(node.attrs.string("name")));
      for (Value v : node.in) t = t || tainted[v.node];
      tainted.push_back(t);
    }
    counts.emplace_back();
    for (const Output& o : graph.outputs) {
      counts.back().push_back(!tainted[o.value.node]);
      if (o.role == OutputRole::Update && tainted[o.value.node]) summed.insert(o.name);
    }
  }
  return counts;
}

/// Sizes of the batch: its bound, 1, one between, none.
std::vector<std::map<std::string, int64_t>> sizesFor(const Function& f) {
  if (f.symbols.empty()) return {{}};
  const auto& [name, bound] = f.symbols[0];
  std::vector<std::map<std::string, int64_t>> sizes = {{{name, bound}}};
  if (bound > 1) sizes.push_back({{name, 1}});
  if (bound > 2) sizes.push_back({{name, (bound + 1) / 2}});
  sizes.push_back({{name, 0}});
  return sizes;
}

class Comparer {
public:
  Comparer(const std::vector<Module>& modules, How how) : how_(how), plain_(merged(modules)), fast_(plain_) {
    optimize(plain_, plainPipeline());
    optimize(fast_, how.exact ? exactPipeline() : defaultPipeline());
    comparison_.failures.resize(modules.size());
  }

  /// The exact one runs row by row what can be.
  Comparison run() {
    using Blocks = plan::PlanOptions::Blocks;
    const plan::PlanOptions fused{true, true, !how_.exact, how_.exact ? Blocks::OneRow : Blocks::WherePays};
    CompiledSteps plain(plain_, CompiledSteps::plainOptions()), fast(fast_, {false, fused, "native", how_.quick});
    for (size_t i = 0; i < comparison_.failures.size(); ++i) comparison_.failures[i] = compareModule(i, plain, fast);
    comparison_.trouble = plain.trouble() + fast.trouble();
    return comparison_;
  }

private:
  std::string compareModule(size_t i, CompiledSteps& plain, CompiledSteps& fast) {
    const Function& function = plain_.functions[i];
    const auto bits = withoutSums(function.body);
    int steps = kSteps;
    for (const auto& symbols : sizesFor(function)) {
      Setting setting = makeSetting(function, symbols);
      setting.steps = steps;
      Reference reference(function, std::move(setting));
      std::string failure = compareAt(i, reference, bits, plain, fast);
      comparison_.decided += reference.decided;
      comparison_.undecided += reference.undecided;
      for (const auto& [name, value] : symbols)
        if (!failure.empty()) failure += fmt::format(" ({} = {})", name, value);
      if (!failure.empty()) return failure;
      steps = 1;  // what three steps find, they find at the bound
    }
    return {};
  }

  std::string compareAt(size_t i, Reference& reference, const std::vector<std::vector<bool>>& bits,
                        CompiledSteps& plain, CompiledSteps& fast) {
    if (reference.outOfRange()) {
      ++comparison_.outOfRange;
      return {};
    }
    const Setting& setting = reference.setting();
    const Trajectory slow = plain.run(i, setting, 1), one = fast.run(i, setting, 1), three = fast.run(i, setting, 3);
    if (const std::string failure = reference.check(slow); !failure.empty()) return "plain: " + failure;
    if (const std::string failure = reference.check(one); !failure.empty()) return "default: " + failure;
    if (std::string failure = bitDifference(one, three, "1 and 3 threads"); !failure.empty()) return failure;
    if (!how_.exact) return {};
    for (int step = 0; step < setting.steps; ++step)
      comparison_.bitwise += static_cast<size_t>(std::count(bits[step].begin(), bits[step].end(), true));
    return bitDifference(slow, one, "plain and exact", bits);
  }

  How how_;
  Module plain_, fast_;
  Comparison comparison_;
};

}  // namespace

Comparison compare(const std::vector<Module>& modules, How how) {
  return Comparer(modules, how).run();
}

}  // namespace nnc::testing
