// Reductions over nothing, and windows that do not overlap.
#include <algorithm>

#include "passes/simplify/rules.h"

namespace nnc {
namespace {

using Result = std::optional<Value>;
using Ints = std::vector<int64_t>;

Result simplifySum(Builder& b, const Node& node) {
  const Value x = node.in[0];
  const Ints& axes = node.attrs.ints("axes");
  if (axes.empty()) return x;
  if (isSplat(b.graph(), x, 0)) return b.constant(0, node.out[0]);  // Σ 0 = 0
  // Σ over axes of extent 1 moves nothing.
  const bool ones = std::all_of(axes.begin(), axes.end(),
                                [&](int64_t a) { return b.type(x).shape[static_cast<size_t>(a)] == Dim(1); });
  return ones ? Result(b.reshape(x, node.out[0].shape)) : std::nullopt;
}

/// One axis of an unwindow: where it is, and its stride.
struct Tiling {
  size_t axis;
  size_t offsets;  // the axis of the offsets inside a window
  int64_t span, stride, dilation;
  Dim extent;
};

/// Windows that do not overlap (stride ≥ span): overlap-add only puts them side by side.
/// [.., n, .., size] → pad each window to stride → [.., n, stride, ..] → [.., n stride, ..] → pad or crop to the
/// extent.
Result simplifyUnwindow(Builder& b, const Node& node) {
  const Ints &axes = node.attrs.ints("axes"), &size = node.attrs.ints("size"), &stride = node.attrs.ints("stride"),
             &dilation = node.attrs.ints("dilation");
  const auto& extents = node.attrs.dims("extents");
  const size_t rank = node.out[0].shape.size();
  std::vector<Tiling> tilings;
  for (size_t i = 0; i < axes.size(); ++i) {
    const int64_t span = (size[i] - 1) * dilation[i] + 1;
    if (stride[i] < span) return std::nullopt;
    tilings.push_back({static_cast<size_t>(axes[i]), rank + i, span, stride[i], dilation[i], extents[i]});
  }
  const size_t inRank = rank + axes.size();
  const Shape counts = b.type(node.in[0]).shape;
  Value x = node.in[0];
  auto pad = [&](std::vector<Dim> hi, Ints interior) {
    const size_t r = hi.size();
    x = b.make(Op::Pad, {x},
               {{"lo", std::vector<Dim>(r)}, {"hi", std::move(hi)}, {"interior", std::move(interior)}, {"value", 0.0}});
  };
  // Each window becomes `stride` long.
  std::vector<Dim> hi(inRank);
  Ints interior(inRank, 0);
  for (const Tiling& t : tilings) {
    hi[t.offsets] = t.stride - t.span;
    interior[t.offsets] = t.dilation - 1;
  }
  pad(hi, interior);
  // Each offset axis goes behind the axis of its windows.
  Ints perm;
  Shape merged;
  for (size_t axis = 0; axis < rank; ++axis) {
    perm.push_back(static_cast<int64_t>(axis));
    merged.push_back(counts[axis]);
    for (const Tiling& t : tilings)
      if (t.axis == axis) {
        perm.push_back(static_cast<int64_t>(t.offsets));
        merged[axis] = merged[axis] * t.stride;
      }
  }
  x = b.reshape(b.transpose(x, perm), merged);
  std::vector<Dim> rest(rank);
  for (const Tiling& t : tilings) rest[t.axis] = t.extent - merged[t.axis];
  pad(rest, Ints(rank, 0));
  return x;
}

}  // namespace

std::optional<Value> simplifyReduce(Builder& b, const Node& node) {
  switch (node.op) {
    case Op::Sum:
      return simplifySum(b, node);
    case Op::Unwindow:
      return simplifyUnwindow(b, node);
    case Op::RMax:
      // The maximum of one element.
      if (b.type(node.in[0]).shape[static_cast<size_t>(node.attrs.integer("axis"))] == Dim(1))
        return b.reshape(node.in[0], node.out[0].shape);
      return std::nullopt;
    case Op::ArgMax:
      if (b.type(node.in[0]).shape[static_cast<size_t>(node.attrs.integer("axis"))] == Dim(1))
        return b.constant(0, node.out[0]);
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

}  // namespace nnc
