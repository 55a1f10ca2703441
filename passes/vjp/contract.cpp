// Gradients of dot and conv: dots and convs of g with the other operand.
#include <algorithm>
#include <cassert>

#include "passes/vjp/vjp.h"

namespace nnc {
namespace {

using Ints = std::vector<int64_t>;

Ints concat(Ints a, const Ints& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

Ints range(size_t from, size_t count) {
  Ints axes;
  for (size_t i = 0; i < count; ++i) axes.push_back(static_cast<int64_t>(from + i));
  return axes;
}

Ints sorted(Ints axes) {
  std::sort(axes.begin(), axes.end());
  return axes;
}

/// The permutation that moves axes now standing for the operand's axes `order` into the operand's own order.
Ints permutationTo(const Ints& order) {
  Ints perm(order.size());
  for (size_t i = 0; i < order.size(); ++i) perm[static_cast<size_t>(order[i])] = static_cast<int64_t>(i);
  return perm;
}

/// For each contracted axis of the operand, listed in the order of the other operand's axes, its own axis.
Ints pairedInOrderOfOther(const Ints& own, const Ints& other) {
  Ints result;
  for (int64_t axis : sorted(other))
    for (size_t i = 0; i < other.size(); ++i)
      if (other[i] == axis) result.push_back(own[i]);
  return result;
}

Value dot(Vjp& v, Value a, Value b, Ints batchA, Ints batchB, Ints contractA, Ints contractB) {
  Attrs attrs = {{"batch_a", std::move(batchA)},
                 {"batch_b", std::move(batchB)},
                 {"contract_a", std::move(contractA)},
                 {"contract_b", std::move(contractB)}};
  if (v.node.attrs.has("acc")) attrs.set("acc", v.node.attrs.dtype("acc"));
  return v.b.make(Op::Dot, {a, b}, attrs);
}

}  // namespace

// y[n, i, j] = Σ_k a[n, i, k] b[n, j, k]:  da[n, i, k] = Σ_j g[n, i, j] b[n, j, k],  db[n, k, j] = Σ_i a[n, i, k] g[n,
// i, j], where n, i, j, k stand for lists of axes, and a transpose brings them into the operand's own order.
void vjp_dot(Vjp& v) {
  const Attrs& at = v.node.attrs;
  const Ints batchA = at.ints("batch_a"), batchB = at.ints("batch_b");
  const Ints contractA = at.ints("contract_a"), contractB = at.ints("contract_b");
  const Ints freeA = otherAxes(v.inType(0).rank(), concat(batchA, contractA));
  const Ints freeB = otherAxes(v.inType(1).rank(), concat(batchB, contractB));
  const Ints batchG = range(0, batchA.size());
  const Ints freeAinG = range(batchA.size(), freeA.size());
  const Ints freeBinG = range(batchA.size() + freeA.size(), freeB.size());
  if (v.needs(0)) {
    Value da = dot(v, v.g(), v.in(1), batchG, batchB, freeBinG, freeB);
    Ints order = concat(concat(batchA, freeA), pairedInOrderOfOther(contractA, contractB));
    v.give(0, v.b.transpose(da, permutationTo(order)));
  }
  if (v.needs(1)) {
    Value db = dot(v, v.in(0), v.g(), batchA, batchG, freeA, freeAinG);
    Ints order = concat(concat(batchB, pairedInOrderOfOther(contractB, contractA)), freeB);
    v.give(1, v.b.transpose(db, permutationTo(order)));
  }
}

namespace {

/// One conv's attributes by name, and the extents its gradients' padding follows from.
struct ConvView {
  Ints xDims, wDims, yDims, stride, padLo, padHi, xDilation, wDilation;
  int64_t groups, batchGroups;

  explicit ConvView(const Attrs& a)
      : xDims(a.ints("x_dims")),
        wDims(a.ints("w_dims")),
        yDims(a.ints("y_dims")),
        stride(a.ints("stride")),
        padLo(a.ints("pad_lo")),
        padHi(a.ints("pad_hi")),
        xDilation(a.ints("x_dilation")),
        wDilation(a.ints("w_dilation")),
        groups(a.integer("groups")),
        batchGroups(a.integer("batch_groups")) {}

  Attrs attrs() const {
    return {{"x_dims", xDims},         {"w_dims", wDims},
            {"y_dims", yDims},         {"stride", stride},
            {"pad_lo", padLo},         {"pad_hi", padHi},
            {"x_dilation", xDilation}, {"w_dilation", wDilation},
            {"groups", groups},        {"batch_groups", batchGroups}};
  }
  size_t spatial() const { return stride.size(); }
};

Dim extent(const Type& type, const Ints& dims, size_t role) {
  return type.shape[static_cast<size_t>(dims[role])];
}

/// (n - 1) d + 1
Dim spread(const Dim& n, int64_t d) {
  return (n - 1) * d + 1;
}

/// Splits axis `from` into (groups, rest) and merges the groups, as the slower index, into axis `into`.
Value moveGroups(Builder& b, Value x, int64_t from, int64_t into, int64_t groups) {
  Shape split = b.type(x).shape;
  auto rest = split[static_cast<size_t>(from)].dividedBy(groups);
  assert(rest && "groups divide the axis");
  Shape merged = split;
  merged[static_cast<size_t>(from)] = *rest;
  merged[static_cast<size_t>(into)] = merged[static_cast<size_t>(into)] * groups;
  split[static_cast<size_t>(from)] = *rest;
  split.insert(split.begin() + from, Dim(groups));
  Ints perm;  // the groups stand at axis `from` of the split shape; axes from there on are one later
  for (int64_t axis = 0; axis < b.type(x).rank(); ++axis) {
    if (axis == into) perm.push_back(from);
    perm.push_back(axis >= from ? axis + 1 : axis);
  }
  return b.reshape(b.transpose(b.reshape(x, split), perm), merged);
}

bool hasNoElements(const Type& type) {
  return elementCount(type.shape) == Dim(0);
}

/// The conv `d` of x, whose spatial axes get these borders around the dilated elements. A conv's own borders have
/// constant widths; where one follows from an extent known only at run time, x is padded first.
Value convWithBorders(Builder& b, Value x, Value w, ConvView d, const std::vector<Dim>& lo,
                      const std::vector<Dim>& hi) {
  const auto isConst = [](const Dim& e) { return e.isConst(); };
  if (std::all_of(lo.begin(), lo.end(), isConst) && std::all_of(hi.begin(), hi.end(), isConst)) {
    for (size_t i = 0; i < d.spatial(); ++i) d.padLo[i] = lo[i].value(), d.padHi[i] = hi[i].value();
    return b.make(Op::Conv, {x, w}, d.attrs());
  }
  const auto rank = static_cast<size_t>(b.type(x).rank());
  std::vector<Dim> before(rank, Dim(0)), after(rank, Dim(0));
  Ints interior(rank, 0);
  for (size_t i = 0; i < d.spatial(); ++i) {
    const auto axis = static_cast<size_t>(d.xDims[i + 2]);
    before[axis] = lo[i];
    after[axis] = hi[i];
    interior[axis] = d.xDilation[i] - 1;
    d.padLo[i] = d.padHi[i] = 0;
    d.xDilation[i] = 1;
  }
  const Value padded = b.make(Op::Pad, {x}, {{"lo", before}, {"hi", after}, {"interior", interior}, {"value", 0.0}});
  return b.make(Op::Conv, {padded, w}, d.attrs());
}

// y[p] = Σ_k x̂[p s + k d - lo] w[k], x̂ the dilated x. So dx̂[q] = Σ_k' ĝ[q + k' d - ((K-1) d - lo)] w[K-1-k'], ĝ being g
// dilated by s: a conv of g with the mirrored kernel whose in and out features change places.
Value convGradientOfX(Vjp& v, const ConvView& c) {
  Builder& b = v.b;
  const Type xType = v.inType(0), wType = v.inType(1), gType = b.type(v.g());
  ConvView d = c;
  d.xDims = c.yDims;
  d.yDims = c.xDims;
  std::swap(d.wDims[0], d.wDims[1]);
  d.stride = c.xDilation;
  d.xDilation = c.stride;
  d.groups = c.groups * c.batchGroups;
  d.batchGroups = 1;
  std::vector<Dim> lo, hi;
  for (size_t i = 0; i < c.spatial(); ++i) {
    Dim n = extent(xType, c.xDims, i + 2), k = extent(wType, c.wDims, i + 2), m = extent(gType, c.yDims, i + 2);
    lo.push_back((k - 1) * c.wDilation[i] - c.padLo[i]);
    hi.push_back(spread(n, c.xDilation[i]) + c.padLo[i] - spread(m, c.stride[i]));
  }
  Value w = v.in(1);
  if (c.spatial() > 0) w = b.make(Op::Reverse, {w}, {{"axes", sorted(Ints(c.wDims.begin() + 2, c.wDims.end()))}});
  if (d.groups > 1) w = moveGroups(b, w, c.wDims[0], c.wDims[1], d.groups);
  Value dx = convWithBorders(b, v.g(), w, d, lo, hi);
  return c.batchGroups > 1 ? moveGroups(b, dx, c.xDims[1], c.xDims[0], c.batchGroups) : dx;
}

/// Whether a conv's kernel is as long as an axis of the data and its result is not, as where it is itself the gradient
/// of weights.
bool hasLongKernel(const ConvView& c, const Type& w, const Type& y) {
  bool longKernel = false, longResult = false;
  for (size_t i = 0; i < c.spatial(); ++i) {
    longKernel |= !extent(w, c.wDims, i + 2).isConst();
    longResult |= !extent(y, c.yDims, i + 2).isConst();
  }
  return longKernel && !longResult;
}

// The same where the kernel is long and the result short: dx̂[q] = Σ_p' ŵ[q + p' s - ((M-1) s - lo)] g[M-1-p'], ŵ being
// w dilated by d: a conv of w with the mirrored g. Features of x are its batch and the batch of x its features.
Value convGradientOfLongX(Vjp& v, const ConvView& c) {
  Builder& b = v.b;
  const Type xType = v.inType(0), wType = v.inType(1), gType = b.type(v.g());
  ConvView d = c;
  d.xDims = c.wDims;
  std::swap(d.xDims[0], d.xDims[1]);
  d.wDims = c.yDims;
  d.yDims = c.xDims;
  std::swap(d.yDims[0], d.yDims[1]);
  d.stride = c.xDilation;
  d.xDilation = c.wDilation;
  d.wDilation = c.stride;
  d.groups = c.groups * c.batchGroups;
  d.batchGroups = 1;
  for (size_t i = 0; i < c.spatial(); ++i) {
    Dim n = extent(xType, c.xDims, i + 2), k = extent(wType, c.wDims, i + 2), m = extent(gType, c.yDims, i + 2);
    d.padLo[i] = ((m - 1) * c.stride[i] - c.padLo[i]).value();
    d.padHi[i] = (spread(n, c.xDilation[i]) + c.padLo[i] - spread(k, c.wDilation[i])).value();
  }
  Value g = b.make(Op::Reverse, {v.g()}, {{"axes", sorted(Ints(c.yDims.begin() + 2, c.yDims.end()))}});
  if (d.groups > 1) g = moveGroups(b, g, c.yDims[1], c.yDims[0], d.groups);
  Value dx = b.make(Op::Conv, {v.in(1), g}, d.attrs());
  return c.groups > 1 ? moveGroups(b, dx, c.xDims[0], c.xDims[1], c.groups) : dx;
}

// dw[k] = Σ_p x̂[p s + k d - lo] g[p]: a conv of x with g, dilated by s, that steps by d; the sum runs over the batch,
// so batch and features change places, and feature groups become batch groups.
Value convGradientOfW(Vjp& v, const ConvView& c) {
  const Type xType = v.inType(0), wType = v.inType(1), gType = v.b.type(v.g());
  ConvView d = c;
  std::swap(d.xDims[0], d.xDims[1]);
  d.wDims = c.yDims;
  std::swap(d.wDims[0], d.wDims[1]);
  d.yDims = c.wDims;
  std::swap(d.yDims[0], d.yDims[1]);
  d.stride = c.wDilation;
  d.wDilation = c.stride;
  std::swap(d.groups, d.batchGroups);
  for (size_t i = 0; i < c.spatial(); ++i) {
    Dim n = extent(xType, c.xDims, i + 2), k = extent(wType, c.wDims, i + 2), m = extent(gType, c.yDims, i + 2);
    d.padHi[i] =
        (spread(k, c.wDilation[i]) - 1 + spread(m, c.stride[i]) - spread(n, c.xDilation[i]) - c.padLo[i]).value();
  }
  return v.b.make(Op::Conv, {v.in(0), v.g()}, d.attrs());
}

}  // namespace

void vjp_conv(Vjp& v) {
  const ConvView c(v.node.attrs);
  const Type gType = v.b.type(v.g());
  const bool empty = hasNoElements(v.inType(0)) || hasNoElements(v.inType(1)) || hasNoElements(gType);
  if (v.needs(0))
    v.give(0, empty                                  ? zerosLike(v.b, v.in(0))
              : hasLongKernel(c, v.inType(1), gType) ? convGradientOfLongX(v, c)
                                                     : convGradientOfX(v, c));
  if (v.needs(1)) v.give(1, empty ? zerosLike(v.b, v.in(1)) : convGradientOfW(v, c));
}

}  // namespace nnc
