#include "passes/perturb.h"

#include <cmath>
#include <optional>
#include <random>

#include "ir/builder.h"
#include "passes/region.h"

namespace nnc {
namespace {

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
    case Op::Atan:
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
  Perturbation(uint64_t sample, uint64_t step) : noise_(noiseOfSample(sample)), rng_((sample << 32) + step) {}

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

}  // namespace

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

Graph perturbed(const Graph& graph, uint64_t sample, uint64_t step) {
  return Perturbation(sample, step).run(graph);
}

}  // namespace nnc
