#include "reference.h"

#include <fmt/format.h>

#include <cmath>
#include <functional>
#include <random>

#include "passes/perturb.h"

namespace nnc::testing {
namespace {

/// The prefix "3." that a library of several modules gives to paths does not count.
Tensor valuesOf(const std::string& name, const Node& leaf, const std::map<std::string, int64_t>& symbols) {
  std::vector<int64_t> shape;
  for (const Dim& d : leaf.out[0].shape) shape.push_back(d.evaluate(symbols));
  Tensor t = Tensor::zeros(leaf.out[0].dtype, shape);
  uint64_t hash = 1469598103934665603u;  // FNV-1a
  for (char c : name.substr(name.find('.') + 1) + leaf.out[0].str())
    hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  std::mt19937_64 rng(hash);
  const bool coarse = rng() % 4 == 0;
  const int64_t bound = leaf.attrs.has("bound") ? leaf.attrs.integer("bound") : 0;
  for (double& x : t.floats) {
    x = std::uniform_real_distribution<float>(-1.5, 1.5)(rng);
    if (coarse) x = std::round(4 * x) / 4;
    if (bound > 0) x = static_cast<double>(rng() % static_cast<uint64_t>(bound));  // a class, as a float
    if (leaf.attrs.string("kind") == "state") x = std::fabs(x);                    // sums of squares
  }
  for (int64_t& x : t.ints)
    x = t.dtype == DType::Bool ? static_cast<int64_t>(rng() % 2)
        : bound > 0            ? static_cast<int64_t>(rng() % static_cast<uint64_t>(bound))
                               : std::uniform_int_distribution<int64_t>(t.dtype == DType::U8 ? 0 : -1, 5)(rng);
  return t;
}

/// `graphOf`: the graph of a step.
Trajectory runSteps(const std::function<Graph(int)>& graphOf, const std::vector<Output>& outputs,
                    const Setting& setting) {
  EvalInputs in;
  in.symbols = setting.symbols;
  in.leaves = setting.variables;
  in.leaves.insert(setting.inputs.begin(), setting.inputs.end());
  Trajectory trajectory;
  for (int step = 0; step < setting.steps; ++step) {
    trajectory.push_back(evaluate(graphOf(step), in));
    for (size_t i = 0; i < outputs.size(); ++i)
      if (outputs[i].role == OutputRole::Update) in.leaves[outputs[i].name] = trajectory.back()[i];
  }
  return trajectory;
}

}  // namespace

Setting makeSetting(const Function& function, std::map<std::string, int64_t> symbols) {
  Setting setting;
  setting.symbols = std::move(symbols);
  for (const Node& node : function.body.nodes) {
    if (node.op != Op::Leaf) continue;
    const std::string& name = node.attrs.string("name");
    auto& into = node.attrs.string("kind") == "input" ? setting.inputs : setting.variables;
    into[name] = valuesOf(name, node, setting.symbols);
  }
  return setting;
}

Reference::Reference(const Function& function, Setting setting) : function_(function), setting_(std::move(setting)) {
  EvalInputs in;
  in.symbols = setting_.symbols;
  in.leaves = setting_.variables;
  in.leaves.insert(setting_.inputs.begin(), setting_.inputs.end());
  const auto tooLarge = [](double x) { return !(std::fabs(x) < 1e8); };
  for (const std::vector<Tensor>& results : evaluateAll(function.body, in))
    for (const Tensor& t : results)
      for (double x : t.floats) outOfRange_ |= tooLarge(x) || (x != 0 && std::fabs(x) < 1e-30);
  if (outOfRange_) return;
  exact_ = runSteps([&](int) { return function.body; }, function.body.outputs, setting_);
  for (const std::vector<Tensor>& results : exact_)
    for (const Tensor& t : results)
      for (double x : t.floats) outOfRange_ |= tooLarge(x);
}

void Reference::sample(int upTo) {
  for (auto number = static_cast<uint64_t>(samples_.size()); number < static_cast<uint64_t>(upTo); ++number)
    samples_.push_back(
        runSteps([&](int step) { return perturbed(function_.body, number, static_cast<uint64_t>(step)); },
                 function_.body.outputs, setting_));
}

std::string Reference::check(const Trajectory& found) {
  std::string difference;
  // Few samples bound most values; what they do not is looked at more closely.
  for (const int samples : {1, 6, 40}) {
    sample(samples);
    difference = firstDifference(found, samples == 1);
    if (difference.empty()) break;
  }
  return difference;
}

std::string Reference::firstDifference(const Trajectory& found, bool count) {
  for (size_t step = 0; step < exact_.size(); ++step)
    for (size_t i = 0; i < exact_[step].size(); ++i) {
      const Tensor &want = exact_[step][i], &got = found[step][i];
      const Output& output = function_.body.outputs[i];
      const auto report = [&](size_t k, double g, double w, double bound) {
        return fmt::format("step {}, output {} `{}`, element {}: {} instead of {} ± {}", step, i, output.name, k, g, w,
                           bound);
      };
      const double u = noiseOf(want.dtype);
      for (size_t k = 0; k < want.floats.size(); ++k) {
        double spread = 0;
        for (const Trajectory& s : samples_)
          spread = std::max(spread, std::fabs(s[step][i].floats[k] - want.floats[k]));
        const double bound = 4 * spread + u * std::fabs(want.floats[k]) + 1e-30;
        if (count) ++(spread < 1e-3 * (1 + std::fabs(want.floats[k])) ? decided : undecided);
        if (!(std::fabs(got.floats[k] - want.floats[k]) <= bound))
          return report(k, got.floats[k], want.floats[k], bound);
      }
      for (size_t k = 0; k < want.ints.size(); ++k) {
        bool sure = true;
        for (const Trajectory& s : samples_) sure &= s[step][i].ints[k] == want.ints[k];
        if (sure && got.ints[k] != want.ints[k])
          return report(k, static_cast<double>(got.ints[k]), static_cast<double>(want.ints[k]), 0);
      }
    }
  return {};
}

}  // namespace nnc::testing
