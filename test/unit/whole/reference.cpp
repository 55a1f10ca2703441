#include "reference.h"

#include <fmt/format.h>

#include <cmath>
#include <functional>
#include <optional>
#include <random>

#include "ir/builder.h"
#include "passes/region.h"

namespace nnc::testing {
namespace {

/// The noise of an operation in units of its dtype's rounding: kernels promise 1 to 32 of these.
double noiseOf(DType t) {
  switch (t) {
    case DType::F64:
      return std::ldexp(256, -53);
    case DType::F32:
      return std::ldexp(128, -24);
    case DType::F16:
      return std::ldexp(4, -11);
    default:
      return std::ldexp(4, -8);
  }
}

bool rounds(Op op) {
  switch (op) {
    case Op::Exp:
    case Op::Expm1:
    case Op::Log:
    case Op::Log1p:
    case Op::Sqrt:
    case Op::Tanh:
    case Op::Logistic:
    case Op::Erf:
    case Op::Sin:
    case Op::Cos:
    case Op::Cast:
    case Op::Add:
    case Op::Mul:
    case Op::Div:
    case Op::Pow:
    case Op::Const:
    case Op::Sum:
    case Op::Dot:
    case Op::Conv:
    case Op::Unwindow:
    case Op::Scatter:
      return true;
    default:
      return false;
  }
}

/// Its operands are summed: their roundings count one by one, however small the sum.
bool sums(Op op) {
  return op == Op::Sum || op == Op::Dot || op == Op::Conv || op == Op::Unwindow || op == Op::Scatter;
}

/// What saturates passes its limit or falls on it all at once in kernels, as independent noise never does.
enum class Noise {
  Independent,
  Common,    // the same for all elements of a result, in all steps of a scan
  Rounding,  // none: each result is rounded to its dtype
};

Noise noiseOfSample(uint64_t sample) {
  if (sample == 2) return Noise::Rounding;
  return sample % 2 == 0 ? Noise::Independent : Noise::Common;
}

class Perturbation {
public:
  Perturbation(uint64_t sample, int step) : noise_(noiseOfSample(sample)), rng_(sample * kSteps + step) {}

  /// `counter`: of a scan's body, the argument that is the number of the step; else -1.
  Graph run(const Graph& graph, int64_t counter = -1) {
    Graph out;
    Builder b(out);
    const std::optional<Value> outerStep = step_;
    step_.reset();
    if (counter >= 0) step_ = appendArg(out, {DType::I64, {}}, static_cast<size_t>(counter));
    std::vector<std::vector<Value>> map(graph.nodes.size());
    for (size_t i = 0; i < graph.nodes.size(); ++i) {
      Node node = graph.nodes[i];
      for (Value& v : node.in) {
        v = map[v.node][v.result];
        if (sums(node.op)) v = operand(b, v);
      }
      const int64_t steps = node.op == Op::Scan ? static_cast<int64_t>(node.in.size()) : -1;
      for (Graph& region : node.regions) region = run(region, steps);
      const Op op = node.op;
      const size_t results = node.out.size();
      const Value first = out.append(std::move(node));
      for (uint32_t r = 0; r < results; ++r)
        map[i].push_back(rounds(op) ? result(b, {first.node, r}) : Value{first.node, r});
      if (op == Op::Eq && noise_ != Noise::Rounding) map[i][0] = nearlyEqual(b, first);
    }
    for (const Output& output : graph.outputs)
      out.outputs.push_back({output.role, output.name, map[output.value.node][output.value.result]});
    step_ = outerStep;
    return out;
  }

private:
  Value operand(Builder& b, Value x) { return noise_ == Noise::Rounding ? x : noisy(b, x); }
  Value result(Builder& b, Value x) { return noise_ == Noise::Rounding ? rounded(b, x) : noisy(b, x); }
  /// To the bits of its dtype (Dekker, "A floating-point technique for extending the available precision", 1971), as
  /// the interpreter computes in f64.
  Value rounded(Builder& b, Value x) {
    const Type type = b.type(x);
    if (!isFloat(type.dtype) || type.dtype == DType::F64) return x;
    const int bits = type.dtype == DType::F32 ? 24 : type.dtype == DType::F16 ? 11 : 8;
    const Value c = b.mul(x, b.constant(std::ldexp(1, 53 - bits) + 1, type));
    return b.sub(c, b.sub(c, x));
  }
  Value noisy(Builder& b, Value x) {
    const Type type = b.type(x);
    if (!isFloat(type.dtype)) return x;
    const Value signs = random(b, type);
    Value y = b.add(x, b.mul(x, b.mul(signs, b.constant(noiseOf(type.dtype), type))));
    // What is tiny in f16 is rounded to steps of 2^-24 or flushed.
    if (type.dtype == DType::F16) y = b.add(y, b.mul(random(b, type), b.constant(std::ldexp(1, -13), type)));
    return y;
  }
  /// Numbers that rounding makes equal: noise alone never does. Half of the samples take them so.
  Value nearlyEqual(Builder& b, Value equal) {
    const Value x = b.graph().node(equal).in[0], y = b.graph().node(equal).in[1];
    const Type type = b.type(x);
    if (!isFloat(type.dtype)) return equal;
    const auto magnitude = [&b](Value v) { return b.make(Op::Max, {v, b.neg(v)}); };
    const Value share = b.make(Op::Max, {random(b, type), b.constant(0, type)});
    const Value near =
        b.mul(share, b.mul(b.constant(4 * noiseOf(type.dtype), type), b.add(magnitude(x), magnitude(y))));
    return b.make(Op::Le, {magnitude(b.sub(x, y)), near});
  }
  /// Uniform in (-1, 1).
  Value random(Builder& b, const Type& type) {
    Value key = b.constant(static_cast<double>(rng_() >> 12), {DType::I64, {}});
    const bool common = noise_ == Noise::Common;
    if (step_ && !common) key = b.add(key, *step_);  // other noise in each step
    const Type drawn = common ? Type{type.dtype, {}} : type;
    Value r = b.make(Op::Rand, {key}, {{"type", drawn}, {"minor", int64_t{0}}});
    if (common) r = b.fill(r, type.shape);
    return b.sub(b.add(r, r), b.constant(1, type));
  }

  Noise noise_;
  std::mt19937_64 rng_;
  std::optional<Value> step_;  // of the scan whose body is being built
};

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

Graph perturbed(const Graph& graph, uint64_t sample, int step) {
  return Perturbation(sample, step).run(graph);
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
        runSteps([&](int step) { return perturbed(function_.body, number, step); }, function_.body.outputs, setting_));
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
