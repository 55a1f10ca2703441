// What is known of index tensors: where they lie, and whether they differ, so that gradients of gathers and scatters
// need no clamps and no tables where the indices are plain counts.
#include <algorithm>

#include "passes/vjp/vjp.h"

namespace nnc {
namespace {

/// Bounds of all elements, each as far as it is known; dimensions are taken to be at least 0.
struct Range {
  std::optional<Dim> lo, hi;
};

std::optional<Dim> sum(const std::optional<Dim>& a, const std::optional<Dim>& b) {
  return a && b ? std::optional(*a + *b) : std::nullopt;
}
std::optional<Dim> negative(const std::optional<Dim>& a) {
  return a ? std::optional(Dim(0) - *a) : std::nullopt;
}

/// The larger of two, if it is known which that is.
std::optional<Dim> larger(const Dim& a, const Dim& b) {
  if ((a - b).isNonNegative()) return a;
  return (b - a).isNonNegative() ? std::optional(b) : std::nullopt;
}

Range maximum(const Range& a, const Range& b) {
  Range r;
  if (a.lo && b.lo) {
    r.lo = larger(*a.lo, *b.lo);
    if (!r.lo) r.lo = a.lo;  // either is a bound
  } else {
    r.lo = a.lo ? a.lo : b.lo;
  }
  if (a.hi && b.hi) r.hi = larger(*a.hi, *b.hi);
  return r;
}

Range countUpTo(const Dim& n) {
  return {Dim(0), n - 1};
}

Range constantRange(const Literal& literal) {
  if (!literal.isInt() || literal.size() == 0) return {};
  const auto& values = std::get<std::vector<int64_t>>(literal.values);
  auto [lo, hi] = std::minmax_element(values.begin(), values.end());
  return {Dim(*lo), Dim(*hi)};
}

Range rangeOf(const Graph& graph, Value v) {
  const Node& node = graph.node(v);
  auto operand = [&](size_t i) { return rangeOf(graph, node.in[i]); };
  auto extent = [&](const Type& type) { return type.shape[static_cast<size_t>(node.attrs.integer("axis"))]; };
  switch (node.op) {
    case Op::Reshape:
    case Op::Transpose:
    case Op::Reverse:
    case Op::Broadcast:
    case Op::Slice:
      return operand(0);
    case Op::Cast:
      return isInteger(graph.type(node.in[0]).dtype) ? operand(0) : Range();
    case Op::ArgMax:
      return countUpTo(extent(graph.type(node.in[0])));
    case Op::Sort:
      return v.result == 1 ? countUpTo(extent(graph.type(node.in[0]))) : Range();
    case Op::Iota:
      return countUpTo(extent(node.out[0]));
    case Op::Size:
      return {node.attrs.dim("dim"), node.attrs.dim("dim")};
    case Op::Const:
      return constantRange(node.attrs.literal("value"));
    case Op::Add: {
      const Range a = operand(0), b = operand(1);
      return {sum(a.lo, b.lo), sum(a.hi, b.hi)};
    }
    case Op::Neg: {
      const Range a = operand(0);
      return {negative(a.hi), negative(a.lo)};
    }
    case Op::Max:
      return maximum(operand(0), operand(1));
    default:
      return {};
  }
}

/// The same number everywhere.
bool isUniform(const Graph& graph, Value v) {
  const Node& node = graph.node(v);
  if (node.out[0].rank() == 0 || node.op == Op::Size || splatLiteral(graph, v)) return true;
  return (node.op == Op::Broadcast || node.op == Op::Cast || node.op == Op::Neg) && isUniform(graph, node.in[0]);
}

}  // namespace

Value dimLike(Builder& b, const Dim& dim, Value like) {
  const Type type = b.type(like);
  if (dim.isConst()) return b.constant(static_cast<double>(dim.value()), type);
  return b.fill(b.cast(b.make(Op::Size, {}, {{"dim", dim}}), type.dtype), type.shape);
}

bool indicesInRange(const Graph& graph, Value indices, const Dim& n) {
  const Range range = rangeOf(graph, indices);
  return range.lo && range.hi && range.lo->isNonNegative() && (n - 1 - *range.hi).isNonNegative();
}

std::optional<Dim> countsFrom(const Graph& graph, Value indices) {
  const Node& node = graph.node(indices);
  if (node.out[0].rank() != 1) return std::nullopt;
  switch (node.op) {
    case Op::Iota:
      return Dim(0);
    case Op::Cast:
      return isInteger(graph.type(node.in[0]).dtype) ? countsFrom(graph, node.in[0]) : std::nullopt;
    case Op::Add:
      for (int i = 0; i < 2; ++i) {
        const Range offset = rangeOf(graph, node.in[1 - i]);
        auto first = countsFrom(graph, node.in[i]);
        if (first && offset.lo && offset.lo == offset.hi) return *first + *offset.lo;
      }
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

bool indicesDiffer(const Graph& graph, Value indices) {
  const Node& node = graph.node(indices);
  switch (node.op) {
    case Op::Iota:
      return node.out[0].rank() == 1;
    case Op::Const: {
      const Literal& literal = node.attrs.literal("value");
      if (!literal.isInt() || node.out[0].rank() > 1) return false;
      if (literal.size() == 1) return node.out[0].rank() == 0 || node.out[0].shape[0] == Dim(1);
      auto values = std::get<std::vector<int64_t>>(literal.values);
      std::sort(values.begin(), values.end());
      return std::adjacent_find(values.begin(), values.end()) == values.end();
    }
    case Op::Cast:
    case Op::Neg:
    case Op::Reverse:
      return isInteger(graph.type(node.in[0]).dtype) && indicesDiffer(graph, node.in[0]);
    case Op::Add:
      return (isUniform(graph, node.in[0]) && indicesDiffer(graph, node.in[1])) ||
             (isUniform(graph, node.in[1]) && indicesDiffer(graph, node.in[0]));
    default:
      return node.out[0].rank() == 0;
  }
}

Value clampIndices(Builder& b, Value indices, const Dim& n) {
  const Range range = rangeOf(b.graph(), indices);
  Value inside = indices;
  if (!range.lo || !range.lo->isNonNegative()) inside = b.make(Op::Max, {inside, zerosLike(b, inside)});
  if (range.hi && (n - 1 - *range.hi).isNonNegative()) return inside;
  Value last = dimLike(b, n - 1, inside);
  return b.neg(b.make(Op::Max, {b.neg(inside), b.neg(last)}));  // min(i, n - 1)
}

}  // namespace nnc
