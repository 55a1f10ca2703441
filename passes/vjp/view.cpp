// Gradients of views and of the reductions that are their transposes: each moves g back to where the elements came
// from.
#include <cassert>

#include "passes/vjp/vjp.h"

namespace nnc {
namespace {

/// The extents of `type` at some axes.
std::vector<Dim> extentsAt(const Type& type, const std::vector<int64_t>& axes) {
  std::vector<Dim> extents;
  for (int64_t axis : axes) extents.push_back(type.shape[static_cast<size_t>(axis)]);
  return extents;
}

/// n elements with interior-1 values between neighbours: (n - 1) stride + 1, nothing of nothing.
Dim dilated(const Dim& n, int64_t stride) {
  if (n == Dim(0)) return n;
  return (n - 1) * stride + 1;
}

std::vector<int64_t> ones(size_t n, int64_t value) {
  return std::vector<int64_t>(n, value);
}

Value padZeros(Builder& b, Value x, std::vector<Dim> lo, std::vector<Dim> hi, std::vector<int64_t> interior) {
  return b.make(Op::Pad, {x},
                {{"lo", std::move(lo)}, {"hi", std::move(hi)}, {"interior", std::move(interior)}, {"value", 0.0}});
}

Value slice(Builder& b, Value x, std::vector<Dim> lo, std::vector<Dim> hi, std::vector<int64_t> stride) {
  return b.make(Op::Slice, {x}, {{"lo", std::move(lo)}, {"hi", std::move(hi)}, {"stride", std::move(stride)}});
}

}  // namespace

void vjp_reshape(Vjp& v) {
  v.give(0, v.b.reshape(v.g(), v.inType().shape));
}

// The inverse permutation.
void vjp_transpose(Vjp& v) {
  const auto& perm = v.node.attrs.ints("perm");
  std::vector<int64_t> inverse(perm.size());
  for (size_t i = 0; i < perm.size(); ++i) inverse[static_cast<size_t>(perm[i])] = static_cast<int64_t>(i);
  v.give(0, v.b.transpose(v.g(), inverse));
}

void vjp_reverse(Vjp& v) {
  v.give(0, v.b.make(Op::Reverse, {v.g()}, v.node.attrs));
}

// Every copy contributes: sum over the new axes.
void vjp_broadcast(Vjp& v) {
  v.give(0, v.b.sum(v.g(), v.node.attrs.ints("axes")));
}

// Every summand gets g.
void vjp_sum(Vjp& v) {
  const auto& axes = v.node.attrs.ints("axes");
  v.give(0, v.b.broadcast(v.g(), axes, extentsAt(v.inType(), axes)));
}

// Elements lo, lo + stride, … went in: pad g with stride - 1 zeros between neighbours back to the old extents.
void vjp_slice(Vjp& v) {
  const auto& lo = v.node.attrs.dims("lo");
  const auto& stride = v.node.attrs.ints("stride");
  std::vector<Dim> hi;
  std::vector<int64_t> interior;
  for (size_t i = 0; i < lo.size(); ++i) {
    hi.push_back(v.inType().shape[i] - lo[i] - dilated(v.b.type(v.g()).shape[i], stride[i]));
    interior.push_back(stride[i] - 1);
  }
  v.give(0, padZeros(v.b, v.g(), lo, hi, interior));
}

// The border drops out (a border of negative width comes back as zeros), then every (interior + 1)th element is taken.
void vjp_pad(Vjp& v) {
  auto lo = v.node.attrs.dims("lo"), hi = v.node.attrs.dims("hi");
  auto stride = v.node.attrs.ints("interior");
  const size_t rank = lo.size();
  bool crops = false, strided = false;
  std::vector<Dim> end, negLo, negHi;
  for (size_t i = 0; i < rank; ++i) {
    strided |= stride[i] != 0;
    end.push_back(dilated(v.inType().shape[i], ++stride[i]));
    crops |= !lo[i].isNonNegative() || !hi[i].isNonNegative();
    negLo.push_back(Dim(0) - lo[i]);
    negHi.push_back(Dim(0) - hi[i]);
  }
  Value g = v.g();
  if (!crops) {
    for (size_t i = 0; i < rank; ++i) end[i] = end[i] + lo[i];
    v.give(0, slice(v.b, g, lo, end, stride));
    return;
  }
  g = padZeros(v.b, g, negLo, negHi, ones(rank, 0));
  v.give(0, strided ? slice(v.b, g, std::vector<Dim>(rank), end, stride) : g);
}

// Overlap-add of the windows.
void vjp_window(Vjp& v) {
  Attrs attrs = v.node.attrs;
  attrs.set("extents", extentsAt(v.inType(), v.node.attrs.ints("axes")));
  v.give(0, v.b.make(Op::Unwindow, {v.g()}, attrs));
}

// The windows of g.
void vjp_unwindow(Vjp& v) {
  const Attrs& a = v.node.attrs;
  v.give(0, v.b.make(Op::Window, {v.g()},
                     {{"axes", a.ints("axes")},
                      {"size", a.ints("size")},
                      {"stride", a.ints("stride")},
                      {"dilation", a.ints("dilation")}}));
}

// The pieces of g.
void vjp_concat(Vjp& v) {
  const auto axis = static_cast<size_t>(v.node.attrs.integer("axis"));
  const Shape shape = v.b.type(v.g()).shape;
  Dim start;
  for (size_t i = 0; i < v.node.in.size(); ++i) {
    Dim end = start + v.inType(i).shape[axis];
    if (v.needs(i)) {
      std::vector<Dim> lo(shape.size()), hi = shape;
      lo[axis] = start;
      hi[axis] = end;
      v.give(i, slice(v.b, v.g(), lo, hi, ones(shape.size(), 1)));
    }
    start = end;
  }
}

}  // namespace nnc
