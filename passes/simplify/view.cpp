// Views of views, views that do nothing, and indexed views whose positions are known.
#include <algorithm>

#include "passes/simplify/rules.h"
#include "passes/vjp/vjp.h"

namespace nnc {
namespace {

using Result = std::optional<Value>;
using Ints = std::vector<int64_t>;
using Dims = std::vector<Dim>;

bool isZero(const Dims& dims) {
  return std::all_of(dims.begin(), dims.end(), [](const Dim& d) { return d == Dim(0); });
}
bool allAre(const Ints& values, int64_t v) {
  return std::all_of(values.begin(), values.end(), [&](int64_t x) { return x == v; });
}

Result simplifyReshape(Builder& b, const Node& node) {
  const Value x = node.in[0];
  const Shape& shape = node.out[0].shape;
  if (b.type(x).shape == shape) return x;  // to its own shape
  if (const Node* inner = defines(b.graph(), x, Op::Reshape)) {
    const Value y = inner->in[0];
    return b.reshape(y, shape);  // reshape(reshape y) = reshape y
  }
  return std::nullopt;
}

/// Does the permutation leave the axes that are not 1 in their order?
bool movesOnlyOnes(const Ints& perm, const Shape& shape) {
  int64_t last = -1;
  for (int64_t axis : perm) {
    if (shape[static_cast<size_t>(axis)] == Dim(1)) continue;
    if (axis < last) return false;
    last = axis;
  }
  return true;
}

Result simplifyTranspose(Builder& b, const Node& node) {
  const Value x = node.in[0];
  const Ints& perm = node.attrs.ints("perm");
  if (movesOnlyOnes(perm, b.type(x).shape)) return b.reshape(x, node.out[0].shape);  // same order in memory
  if (const Node* inner = defines(b.graph(), x, Op::Transpose)) {
    const Value y = inner->in[0];
    const Ints& first = inner->attrs.ints("perm");
    Ints both;
    for (int64_t axis : perm) both.push_back(first[static_cast<size_t>(axis)]);
    return b.transpose(y, both);  // transpose(transpose(y, p), q) = transpose(y, p∘q)
  }
  if (const Node* spread = defines(b.graph(), x, Op::Broadcast)) {
    // transpose(broadcast y) = broadcast(transpose y): views that repeat come last
    const Value y = spread->in[0];
    const Ints axes = spread->attrs.ints("axes");
    const Ints own = otherAxes(b.type(x).rank(), axes);
    Ints newAxes, innerPerm;
    Dims extents;
    for (size_t i = 0; i < perm.size(); ++i) {
      auto at = std::find(own.begin(), own.end(), perm[i]);
      if (at == own.end()) {
        newAxes.push_back(static_cast<int64_t>(i));
        extents.push_back(node.out[0].shape[i]);
      } else {
        innerPerm.push_back(at - own.begin());
      }
    }
    return b.broadcast(b.transpose(y, innerPerm), newAxes, extents);
  }
  return swapDot(b, node);
}

Result simplifyReverse(Builder& b, const Node& node) {
  const Value x = node.in[0];
  Ints axes;
  for (int64_t axis : node.attrs.ints("axes"))
    if (b.type(x).shape[static_cast<size_t>(axis)] != Dim(1)) axes.push_back(axis);
  if (axes.empty()) return x;  // of axes of extent 1
  if (const Node* inner = defines(b.graph(), x, Op::Reverse)) {
    const Value y = inner->in[0];
    Ints once;  // an axis mirrored twice is as it was
    for (int64_t axis : inner->attrs.ints("axes"))
      if (std::find(axes.begin(), axes.end(), axis) == axes.end()) once.push_back(axis);
    for (int64_t axis : axes)
      if (std::find(inner->attrs.ints("axes").begin(), inner->attrs.ints("axes").end(), axis) ==
          inner->attrs.ints("axes").end())
        once.push_back(axis);
    std::sort(once.begin(), once.end());
    return once.empty() ? y : b.make(Op::Reverse, {y}, {{"axes", once}});
  }
  return std::nullopt;
}

Result simplifyBroadcast(Builder& b, const Node& node) {
  const Value x = node.in[0];
  const Ints& axes = node.attrs.ints("axes");
  const Dims& extents = node.attrs.dims("extents");
  if (axes.empty()) return x;
  if (std::all_of(extents.begin(), extents.end(), [](const Dim& d) { return d == Dim(1); }))
    return b.reshape(x, node.out[0].shape);  // by ones
  if (const Node* inner = defines(b.graph(), x, Op::Broadcast)) {
    // broadcast(broadcast y) = broadcast y, by the axes of both
    const Value y = inner->in[0];
    const Ints own = otherAxes(node.out[0].rank(), axes);
    Ints all = axes;
    for (int64_t axis : inner->attrs.ints("axes")) all.push_back(own[static_cast<size_t>(axis)]);
    std::sort(all.begin(), all.end());
    Dims sizes;
    for (int64_t axis : all) sizes.push_back(node.out[0].shape[static_cast<size_t>(axis)]);
    return b.broadcast(y, all, sizes);
  }
  return std::nullopt;
}

/// slice(concat(…)) that is exactly one operand = that operand.
Result sliceOfConcat(Builder& b, const Node& node, const Node& concat) {
  const auto axis = static_cast<size_t>(concat.attrs.integer("axis"));
  const Dims &lo = node.attrs.dims("lo"), &hi = node.attrs.dims("hi");
  Dim start;
  for (Value piece : concat.in) {
    const Shape& shape = b.type(piece).shape;
    Dims from(lo.size()), to = shape;
    from[axis] = start;
    to[axis] = start = start + shape[axis];
    if (lo == from && hi == to) return piece;
  }
  return std::nullopt;
}

Result simplifySlice(Builder& b, const Node& node) {
  const Value x = node.in[0];
  const Dims &lo = node.attrs.dims("lo"), &hi = node.attrs.dims("hi");
  const Ints& stride = node.attrs.ints("stride");
  if (!allAre(stride, 1)) return std::nullopt;
  if (isZero(lo) && hi == b.type(x).shape) return x;  // everything
  if (const Node* inner = defines(b.graph(), x, Op::Slice); inner && allAre(inner->attrs.ints("stride"), 1)) {
    const Value y = inner->in[0];
    const Dims& base = inner->attrs.dims("lo");
    Dims from, to;
    for (size_t i = 0; i < lo.size(); ++i) {
      from.push_back(base[i] + lo[i]);
      to.push_back(base[i] + hi[i]);
    }
    return b.make(Op::Slice, {y}, {{"lo", from}, {"hi", to}, {"stride", stride}});  // a slice of a slice
  }
  if (const Node* pad = defines(b.graph(), x, Op::Pad); pad && allAre(pad->attrs.ints("interior"), 0)) {
    const Value y = pad->in[0];
    Dims end;
    for (size_t i = 0; i < lo.size(); ++i) end.push_back(lo[i] + b.type(y).shape[i]);
    if (pad->attrs.dims("lo") == lo && hi == end) return y;  // slice(pad y) without the border = y
  }
  if (const Node* concat = defines(b.graph(), x, Op::Concat)) return sliceOfConcat(b, node, Node(*concat));
  return std::nullopt;
}

bool isNonPositive(const Dims& dims) {
  for (const Dim& dim : dims)
    for (const auto& [monomial, coefficient] : dim.terms())
      if (coefficient > 0) return false;
  return true;
}

Result simplifyPad(Builder& b, const Node& node) {
  const Value x = node.in[0];
  const Dims &lo = node.attrs.dims("lo"), &hi = node.attrs.dims("hi");
  const Ints& interior = node.attrs.ints("interior");
  if (!allAre(interior, 0)) return std::nullopt;
  if (isZero(lo) && isZero(hi)) return x;  // by nothing
  if (isNonPositive(lo) && isNonPositive(hi)) {
    // a border that only crops = slice
    Dims from, to;
    for (size_t i = 0; i < lo.size(); ++i) {
      from.push_back(Dim(0) - lo[i]);
      to.push_back(b.type(x).shape[i] + hi[i]);
    }
    return b.make(Op::Slice, {x}, {{"lo", from}, {"hi", to}, {"stride", Ints(lo.size(), 1)}});
  }
  return std::nullopt;
}

Result simplifyWindow(Builder& b, const Node& node) {
  if (!allAre(node.attrs.ints("size"), 1) || !allAre(node.attrs.ints("stride"), 1)) return std::nullopt;
  return b.reshape(node.in[0], node.out[0].shape);  // windows of one element
}

/// concat of slices that follow one another = the slice of all of them.
Result concatOfSlices(Builder& b, const Node& node) {
  const auto axis = static_cast<size_t>(node.attrs.integer("axis"));
  const Node* first = defines(b.graph(), node.in[0], Op::Slice);
  if (!first || !allAre(first->attrs.ints("stride"), 1)) return std::nullopt;
  const Dims lo = first->attrs.dims("lo");
  Dims hi = first->attrs.dims("hi");
  for (size_t i = 1; i < node.in.size(); ++i) {
    const Node* next = defines(b.graph(), node.in[i], Op::Slice);
    if (!next || next->in[0] != first->in[0] || !allAre(next->attrs.ints("stride"), 1)) return std::nullopt;
    Dims from = lo, to = hi;
    from[axis] = hi[axis];
    to[axis] = next->attrs.dims("hi")[axis];
    if (next->attrs.dims("lo") != from || next->attrs.dims("hi") != to) return std::nullopt;
    hi = to;
  }
  const Value x = first->in[0];
  return b.make(Op::Slice, {x}, {{"lo", lo}, {"hi", hi}, {"stride", Ints(hi.size(), 1)}});
}

Result simplifyConcat(Builder& b, const Node& node) {
  if (node.in.size() == 1) return node.in[0];  // of one
  const auto axis = static_cast<size_t>(node.attrs.integer("axis"));
  std::vector<Value> pieces;
  for (Value v : node.in)
    if (b.type(v).shape[axis] != Dim(0)) pieces.push_back(v);  // empty pieces add nothing
  if (!pieces.empty() && pieces.size() < node.in.size()) return b.make(Op::Concat, pieces, node.attrs);
  pieces.clear();
  for (Value v : node.in) {
    const Node* inner = defines(b.graph(), v, Op::Concat);
    const bool same = inner && inner->attrs == node.attrs;
    const std::vector<Value> parts = same ? inner->in : std::vector{v};
    pieces.insert(pieces.end(), parts.begin(), parts.end());
  }
  if (pieces.size() > node.in.size()) return b.make(Op::Concat, pieces, node.attrs);  // a concat of concats
  return concatOfSlices(b, node);
}

/// dslice at known starts = slice.
Result simplifyDSlice(Builder& b, const Node& node) {
  const Value x = node.in[0];
  const Shape shape = b.type(x).shape;
  if (node.out[0].shape == shape) return x;  // the whole
  Dims lo(shape.size()), hi = shape;
  const Ints& axes = node.attrs.ints("axes");
  for (size_t i = 0; i < axes.size(); ++i) {
    const auto axis = static_cast<size_t>(axes[i]);
    const Dim &extent = shape[axis], &size = node.out[0].shape[axis];
    auto start = splatLiteral(b.graph(), node.in[i + 1]);
    if (!start || !extent.isConst() || !size.isConst()) return std::nullopt;
    const int64_t at = std::clamp<int64_t>(start->asInt(0), 0, extent.value() - size.value());
    lo[axis] = at;
    hi[axis] = at + size.value();
  }
  return b.make(Op::Slice, {x}, {{"lo", lo}, {"hi", hi}, {"stride", Ints(shape.size(), 1)}});
}

/// gather at lo, lo + 1, … = slice.
Result simplifyGather(Builder& b, const Node& node) {
  const Value x = node.in[0], indices = node.in[1];
  const auto axis = static_cast<size_t>(node.attrs.integer("axis"));
  const auto lo = countsFrom(b.graph(), indices);
  const Shape shape = b.type(x).shape;
  if (!lo || node.attrs.integer("batch") != 0 || !indicesInRange(b.graph(), indices, shape[axis])) return std::nullopt;
  Dims from(shape.size()), to = shape;
  from[axis] = *lo;
  to[axis] = *lo + b.type(indices).shape[0];
  return b.make(Op::Slice, {x}, {{"lo", from}, {"hi", to}, {"stride", Ints(shape.size(), 1)}});
}

}  // namespace

std::optional<Value> simplifyView(Builder& b, const Node& node) {
  switch (node.op) {
    case Op::Reshape:
      return simplifyReshape(b, node);
    case Op::Transpose:
      return simplifyTranspose(b, node);
    case Op::Reverse:
      return simplifyReverse(b, node);
    case Op::Broadcast:
      return simplifyBroadcast(b, node);
    case Op::Slice:
      return simplifySlice(b, node);
    case Op::Pad:
      return simplifyPad(b, node);
    case Op::Window:
      return simplifyWindow(b, node);
    case Op::Concat:
      return simplifyConcat(b, node);
    case Op::Gather:
      return simplifyGather(b, node);
    case Op::DSlice:
      return simplifyDSlice(b, node);
    case Op::DUpdate:
      // dupdate of the whole = the block
      if (b.type(node.in[0]).shape == b.type(node.in[1]).shape) return node.in[1];
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

}  // namespace nnc
