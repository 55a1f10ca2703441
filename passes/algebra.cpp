// Identities of real numbers that change rounding: merged sums, scales moved out of sums, constants gathered.
#include <algorithm>
#include <cmath>

#include "ir/contains.h"
#include "passes/passes.h"
#include "passes/rewrite.h"
#include "passes/vjp/vjp.h"

namespace nnc {
namespace {

using Result = std::optional<Value>;
using Ints = std::vector<int64_t>;

/// The product of the extents at some axes, as a scalar of the dtype.
Value extentProduct(Builder& b, const Type& type, const Ints& axes, DType dtype) {
  Dim count = 1;
  for (int64_t axis : axes) count = count * type.shape[static_cast<size_t>(axis)];
  if (count.isConst()) return b.constant(static_cast<double>(count.value()), {dtype, {}});
  return b.cast(b.make(Op::Size, {}, {{"dim", count}}), dtype);
}

/// The value without the broadcast over `axes`: y of v = broadcast(y, axes and others), still repeated over the others.
std::optional<Value> withoutBroadcast(Builder& b, Value v, const Ints& axes) {
  if (auto literal = splatLiteral(b.graph(), v)) {
    Shape shape;
    for (int64_t axis : otherAxes(b.type(v).rank(), axes)) shape.push_back(b.type(v).shape[static_cast<size_t>(axis)]);
    return splatConstant(b, *literal, {b.type(v).dtype, shape});
  }
  const Node* spread = defines(b.graph(), v, Op::Broadcast);
  if (!spread) return std::nullopt;
  const Ints repeated = spread->attrs.ints("axes");
  const Value inner = spread->in[0];
  for (int64_t axis : axes)
    if (!contains(repeated, axis)) return std::nullopt;
  const Ints kept = otherAxes(b.type(v).rank(), axes);
  Ints left;
  std::vector<Dim> extents;
  for (size_t i = 0; i < kept.size(); ++i)
    if (contains(repeated, kept[i])) {
      left.push_back(static_cast<int64_t>(i));
      extents.push_back(b.type(v).shape[static_cast<size_t>(kept[i])]);
    }
  return left.empty() ? inner : b.broadcast(inner, left, extents);
}

Value sumOf(Builder& b, const Node& node, Value x) {
  return b.make(Op::Sum, {x}, node.attrs);
}

/// The same sum of x, if the graph has it.
std::optional<Value> existingSum(const Graph& graph, const Node& sum, Value x) {
  for (uint32_t i = x.node + 1; i < graph.nodes.size(); ++i) {
    const Node& other = graph.nodes[i];
    if (other.op == Op::Sum && other.in[0] == x && other.attrs == sum.attrs) return Value{i, 0};
  }
  return std::nullopt;
}

Value timesExtent(Builder& b, Value y, const Type& summed, const Ints& axes) {
  return b.mul(y, b.fill(extentProduct(b, summed, axes, b.type(y).dtype), b.type(y).shape));
}

/// Σ (x + broadcast y) = Σ x + n y, where Σ x is known: batch norm's Σ (x - mean) costs nothing then.
Result sumOfShifted(Builder& b, const Node& node, const Node& add) {
  const Ints& axes = node.attrs.ints("axes");
  for (int i = 0; i < 2; ++i) {
    auto total = existingSum(b.graph(), node, add.in[i]);
    auto y = total ? withoutBroadcast(b, add.in[1 - i], axes) : std::nullopt;
    if (y) return b.add(*total, timesExtent(b, *y, add.out[0], axes));
  }
  return std::nullopt;
}

Result rewriteSum(Builder& b, const Node& node) {
  const Value x = node.in[0];
  const Ints& axes = node.attrs.ints("axes");
  if (!isFloat(node.out[0].dtype) || axes.empty()) return std::nullopt;
  if (auto y = withoutBroadcast(b, x, axes))  // Σ broadcast y = n y
    return timesExtent(b, *y, b.type(x), axes);
  const Node inner = b.graph().node(x);
  switch (inner.op) {
    case Op::Add:
      return sumOfShifted(b, node, inner);
    case Op::Neg:
      return b.neg(sumOf(b, node, inner.in[0]));  // Σ -x = -Σ x
    case Op::Mul:
      for (int i = 0; i < 2; ++i)
        if (auto c = withoutBroadcast(b, inner.in[i], axes))
          return b.mul(sumOf(b, node, inner.in[1 - i]), *c);  // Σ c x = c Σ x
      return std::nullopt;
    case Op::Div:
      if (auto c = withoutBroadcast(b, inner.in[1], axes))
        return b.div(sumOf(b, node, inner.in[0]), *c);  // Σ x/c = Σ x / c
      return std::nullopt;
    case Op::Sum: {
      // ΣΣ x = Σ x over the axes of both
      if (inner.attrs.has("acc") != node.attrs.has("acc")) return std::nullopt;
      const Ints own = otherAxes(b.type(inner.in[0]).rank(), inner.attrs.ints("axes"));
      Ints all = inner.attrs.ints("axes");
      for (int64_t axis : axes) all.push_back(own[static_cast<size_t>(axis)]);
      std::sort(all.begin(), all.end());
      Attrs attrs = node.attrs;
      attrs.set("axes", all);
      return b.make(Op::Sum, {inner.in[0]}, attrs);
    }
    case Op::Transpose: {
      // Σ transpose x = Σ x, if the axes left keep their order
      const Ints& perm = inner.attrs.ints("perm");
      Ints summed, left;
      for (int64_t axis : axes) summed.push_back(perm[static_cast<size_t>(axis)]);
      for (int64_t axis : otherAxes(b.type(x).rank(), axes)) left.push_back(perm[static_cast<size_t>(axis)]);
      if (!std::is_sorted(left.begin(), left.end())) return std::nullopt;
      std::sort(summed.begin(), summed.end());
      Attrs attrs = node.attrs;
      attrs.set("axes", summed);
      return b.make(Op::Sum, {inner.in[0]}, attrs);
    }
    default:
      return std::nullopt;
  }
}

/// A tensor with zeros before and behind it along one axis.
struct Placed {
  Value x;
  size_t axis;
  Dim lo, hi;  // of the zeros
  Dim end(const Graph& graph) const { return lo + graph.type(x).shape[axis]; }
};

std::optional<Placed> placedIn(const Graph& graph, Value v) {
  const Node* pad = defines(graph, v, Op::Pad);
  if (!pad || pad->attrs.number("value") != 0) return std::nullopt;
  std::optional<Placed> placed;
  for (size_t axis = 0; axis < pad->attrs.dims("lo").size(); ++axis) {
    const Dim &lo = pad->attrs.dims("lo")[axis], &hi = pad->attrs.dims("hi")[axis];
    if (pad->attrs.ints("interior")[axis] != 0) return std::nullopt;
    if (lo == Dim(0) && hi == Dim(0)) continue;
    const bool border = lo.isConst() && hi.isConst() && lo.value() >= 0 && hi.value() >= 0;
    if (placed || !border) return std::nullopt;
    placed = Placed{pad->in[0], axis, lo, hi};
  }
  return placed;
}

Value padAlong(Builder& b, const Placed& p) {
  if (p.lo == Dim(0) && p.hi == Dim(0)) return p.x;
  const size_t rank = b.type(p.x).shape.size();
  std::vector<Dim> lo(rank), hi(rank);
  lo[p.axis] = p.lo;
  hi[p.axis] = p.hi;
  return b.make(Op::Pad, {p.x}, {{"lo", lo}, {"hi", hi}, {"interior", Ints(rank, 0)}, {"value", 0.0}});
}

void collectSummands(const Graph& graph, Value v, std::vector<Value>& summands) {
  const Node* sum = summands.size() < 64 ? defines(graph, v, Op::Add) : nullptr;
  if (!sum) return summands.push_back(v);
  collectSummands(graph, sum->in[0], summands);
  collectSummands(graph, sum->in[1], summands);
}

/// pad(x) + pad(y) = pad(concat(x, y)) where one begins where the other ends: the gradients of slices are put side by
/// side.
Result rewriteAdd(Builder& b, const Node& node) {
  std::vector<Value> summands, rest;
  for (Value v : node.in) collectSummands(b.graph(), v, summands);
  std::vector<Placed> placed;
  for (Value v : summands) {
    auto p = placedIn(b.graph(), v);
    if (p && (placed.empty() || placed[0].axis == p->axis)) {
      placed.push_back(*p);
    } else {
      rest.push_back(v);
    }
  }
  std::stable_sort(placed.begin(), placed.end(),
                   [](const Placed& p, const Placed& q) { return p.lo.value() < q.lo.value(); });
  bool merged = false;
  for (size_t i = 0; i < placed.size();) {
    size_t next = i + 1;
    std::vector<Value> run = {placed[i].x};
    Dim end = placed[i].end(b.graph());
    for (; next < placed.size() && placed[next].lo == end; ++next) {
      run.push_back(placed[next].x);
      end = placed[next].end(b.graph());
    }
    Placed whole = placed[i];
    whole.hi = placed[next - 1].hi;
    if (run.size() > 1) {
      whole.x = b.make(Op::Concat, run, {{"axis", static_cast<int64_t>(whole.axis)}});
      merged = true;
    }
    rest.push_back(padAlong(b, whole));
    i = next;
  }
  if (!merged) return std::nullopt;
  Value sum = rest[0];
  for (size_t i = 1; i < rest.size(); ++i) sum = b.add(sum, rest[i]);
  return sum;
}

/// Adding at lo, lo + 1, … into zeros is padding.
Result rewriteScatter(Builder& b, const Node& node) {
  const auto axis = static_cast<size_t>(node.attrs.integer("axis"));
  const auto lo = countsFrom(b.graph(), node.in[1]);
  const Shape shape = node.out[0].shape;
  const bool counts = lo && node.attrs.integer("batch") == 0 && indicesInRange(b.graph(), node.in[1], shape[axis]);
  if (!counts || splatValue(b.graph(), node.in[0]) != 0.0) return std::nullopt;
  std::vector<Dim> from(shape.size()), after(shape.size());
  from[axis] = *lo;
  after[axis] = shape[axis] - *lo - b.type(node.in[1]).shape[0];
  return b.make(Op::Pad, {node.in[2]},
                {{"lo", from}, {"hi", after}, {"interior", Ints(shape.size(), 0)}, {"value", 0.0}});
}

/// A divisor: a value, or its repetition along some axes.
struct Divisor {
  Value root;
  Ints spread;

  static Divisor of(const Graph& graph, Value v) {
    const Node* broadcast = defines(graph, v, Op::Broadcast);
    return broadcast ? Divisor{broadcast->in[0], broadcast->attrs.ints("axes")} : Divisor{v, {}};
  }
  bool operator==(const Divisor&) const = default;
};

/// w with v = w / d, for a v of which every term is divided by d.
Result withoutDivisor(Builder& b, Value v, const Divisor& d) {
  const Node node = b.graph().node(v);
  const auto part = [&](size_t i) { return withoutDivisor(b, node.in[i], d); };
  const auto folded = [&](const Divisor& inside) -> Result {
    const Result x = withoutDivisor(b, node.in[0], inside);
    return x ? Result(b.make(node.op, {*x}, node.attrs)) : std::nullopt;
  };
  switch (node.op) {
    case Op::Div:
      return Divisor::of(b.graph(), node.in[1]) == d ? Result(node.in[0]) : std::nullopt;
    case Op::Neg:
      return folded(d);
    case Op::Mul:
      if (const Result x = part(0)) return b.mul(*x, node.in[1]);
      if (const Result y = part(1)) return b.mul(node.in[0], *y);
      return std::nullopt;
    case Op::Add: {
      const Result x = part(0), y = x ? part(1) : std::nullopt;
      return y ? Result(b.add(*x, *y)) : std::nullopt;
    }
    case Op::Broadcast:  // repeats what a smaller divisor divides, or nothing
      return node.attrs.ints("axes") == d.spread ? folded({d.root, {}}) : std::nullopt;
    case Op::Sum:  // along axes where the divisor is the same
      return d.spread.empty() ? folded({d.root, node.attrs.ints("axes")}) : std::nullopt;
    default:
      return std::nullopt;
  }
}

/// The divisor of the first of several terms.
std::optional<Value> firstDivisor(const Graph& graph, Value v) {
  if (!defines(graph, v, Op::Add)) return std::nullopt;
  while (const Node* sum = defines(graph, v, Op::Add)) v = sum->in[0];
  const Node* quotient = defines(graph, v, Op::Div);
  return quotient ? std::optional(quotient->in[1]) : std::nullopt;
}

/// (Σ g/s) e = (Σ g) (e/s), where e/s is known: the gradient of softmax then needs nothing but softmax.
Result quotientFor(Builder& b, Value terms, Value e) {
  const auto s = firstDivisor(b.graph(), terms);
  if (!s) return std::nullopt;
  for (uint32_t i = e.node + 1; i < b.graph().nodes.size(); ++i) {
    const Node& quotient = b.graph().nodes[i];
    if (quotient.op != Op::Div || quotient.in[0] != e || quotient.in[1] != *s) continue;
    const Result numerator = withoutDivisor(b, terms, Divisor::of(b.graph(), *s));
    return numerator ? Result(b.mul(*numerator, Value{i, 0})) : std::nullopt;
  }
  return std::nullopt;
}

/// (x c) d = x (c d), for numbers c and d
Result rewriteMul(Builder& b, const Node& node) {
  if (!isFloat(node.out[0].dtype)) return std::nullopt;
  for (size_t i = 0; i < 2; ++i)
    if (const Result product = quotientFor(b, node.in[i], node.in[1 - i])) return product;
  for (int i = 0; i < 2; ++i) {
    auto d = splatValue(b.graph(), node.in[i]);
    const Node* product = defines(b.graph(), node.in[1 - i], Op::Mul);
    if (!d || !product) continue;
    const std::vector<Value> factors = product->in;
    for (int k = 0; k < 2; ++k)
      if (auto c = splatValue(b.graph(), factors[k])) return b.mul(factors[1 - k], b.constantLike(*c * *d, node.in[i]));
  }
  return std::nullopt;
}

/// x / c = x (1/c), for a number c whose reciprocal is a normal number
Result rewriteDiv(Builder& b, const Node& node) {
  auto c = splatValue(b.graph(), node.in[1]);
  if (!c || !(std::abs(*c) > 1e-30 && std::abs(*c) < 1e30) || dtypeSize(node.out[0].dtype) < 4) return std::nullopt;
  return b.mul(node.in[0], b.constantLike(1 / *c, node.in[1]));
}

std::optional<std::vector<Value>> rewrite(Builder& b, const Node& node) {
  Result result;
  if (node.op == Op::Sum) result = rewriteSum(b, node);
  if (node.op == Op::Add) result = rewriteAdd(b, node);
  if (node.op == Op::Scatter) result = rewriteScatter(b, node);
  if (node.op == Op::Mul) result = rewriteMul(b, node);
  if (node.op == Op::Div) result = rewriteDiv(b, node);
  if (!result) return std::nullopt;
  // What came out may be rewritten again: a sum of a product of a negation.
  const Node again = b.graph().node(*result);
  if (auto further = again.out.size() == 1 ? rewrite(b, again) : std::nullopt) return further;
  return std::vector{*result};
}

Graph algebraGraph(Graph graph) {
  return rebuildUntilSteady(std::move(graph), rewrite, algebraGraph);
}

}  // namespace

Graph algebra(Graph graph, PassContext&) {
  if (hasGrad(graph)) return graph;
  return algebraGraph(std::move(graph));
}

}  // namespace nnc
