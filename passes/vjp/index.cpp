// Gradients of the ops whose positions are data.
#include "passes/vjp/vjp.h"

namespace nnc {
namespace {

Attrs indexAttrs(const Node& node, const char* mode) {
  Attrs attrs = {{"axis", node.attrs.integer("axis")}, {"batch", node.attrs.integer("batch")}};
  if (mode) attrs.set("mode", std::string(mode));
  return attrs;
}

/// A tensor over batch and index axes, [b…, I…], repeated over the axes u has besides: [b…, pre…, I…, post…].
Value spreadOverBlocks(Builder& b, Value perIndex, const Node& scatter, const Type& u) {
  const int64_t axis = scatter.attrs.integer("axis"), batch = scatter.attrs.integer("batch");
  const int64_t indexAxes = b.type(perIndex).rank() - batch;
  std::vector<int64_t> axes;
  std::vector<Dim> extents;
  for (int64_t i = 0; i < u.rank(); ++i)
    if ((i >= batch && i < axis) || i >= axis + indexAxes) {
      axes.push_back(i);
      extents.push_back(u.shape[static_cast<size_t>(i)]);
    }
  return b.broadcast(perIndex, axes, extents);
}

/// Where a scatter of mode set writes one place more than once only the last write counts: true for those. Each index
/// writes its own number into a table, and the numbers still there afterwards are the last ones.
Value isLastWrite(Builder& b, Value indices, const Dim& extent, int64_t batch) {
  const Type type = b.type(indices);
  Shape table(type.shape.begin(), type.shape.begin() + batch);
  Shape inner(type.shape.begin() + batch, type.shape.end());
  Value number = b.make(Op::Iota, {}, {{"type", Type{DType::I32, {elementCount(inner)}}}, {"axis", int64_t{0}}});
  number = b.reshape(number, inner);
  std::vector<int64_t> batchAxes;
  for (int64_t i = 0; i < batch; ++i) batchAxes.push_back(i);
  number = b.broadcast(number, batchAxes, table);
  table.push_back(extent);
  Attrs place = {{"axis", batch}, {"batch", batch}};
  Attrs set = place;
  set.set("mode", std::string("set"));
  Value last = b.make(Op::Scatter, {b.constant(-1, Type{DType::I32, table}), indices, number}, set);
  return b.make(Op::Eq, {b.make(Op::Gather, {last, indices}, place), number});
}

}  // namespace

// y = x[i]: dx is zero with g added at i. Gather clamps its indices and scatter drops those outside, so clamp first.
void vjp_gather(Vjp& v) {
  const Dim extent = v.inType(0).shape[static_cast<size_t>(v.node.attrs.integer("axis"))];
  Value indices = clampIndices(v.b, v.in(1), extent);
  v.give(0, v.b.make(Op::Scatter, {zerosLike(v.b, v.in(0)), indices, v.g()}, indexAttrs(v.node, "add")));
}

// y = x with u added (or set) at i. dx = g, with zeros at i for set; du = g[i], without what was dropped or
// overwritten.
void vjp_scatter(Vjp& v) {
  Builder& b = v.b;
  const bool set = v.node.attrs.string("mode") == "set";
  const Dim extent = v.inType(0).shape[static_cast<size_t>(v.node.attrs.integer("axis"))];
  Value indices = v.in(1);
  if (v.needs(0))
    v.give(0, set ? b.make(Op::Scatter, {v.g(), indices, zerosLike(b, v.in(2))}, indexAttrs(v.node, "set")) : v.g());
  if (!v.needs(2)) return;

  Value du = b.make(Op::Gather, {v.g(), indices}, indexAttrs(v.node, nullptr));
  Value counts;
  if (!indicesInRange(b.graph(), indices, extent)) {
    Value low = b.make(Op::Le, {zerosLike(b, indices), indices});
    counts = b.make(Op::And, {low, b.make(Op::Lt, {indices, dimLike(b, extent, indices)})});
  }
  if (set && !indicesDiffer(b.graph(), indices)) {
    Value last = isLastWrite(b, indices, extent, v.node.attrs.integer("batch"));
    counts = counts ? b.make(Op::And, {counts, last}) : last;
  }
  if (counts) du = b.select(spreadOverBlocks(b, counts, v.node, v.inType(2)), du, zerosLike(b, du));
  v.give(2, du);
}

// y = a block of x: dx is zero with g written there.
void vjp_dslice(Vjp& v) {
  std::vector<Value> in = v.node.in;
  in[0] = zerosLike(v.b, v.in(0));
  in.insert(in.begin() + 1, v.g());
  v.give(0, v.b.make(Op::DUpdate, in, {{"axes", v.node.attrs.ints("axes")}}));
}

// y = x with the block u written in: dx is g with zeros there, du the block of g.
void vjp_dupdate(Vjp& v) {
  const auto& axes = v.node.attrs.ints("axes");
  if (v.needs(0)) {
    std::vector<Value> in = v.node.in;
    in[0] = v.g();
    in[1] = zerosLike(v.b, v.in(1));
    v.give(0, v.b.make(Op::DUpdate, in, {{"axes", axes}}));
  }
  if (v.needs(1)) {
    std::vector<Value> in = v.node.in;
    in[0] = v.g();
    in.erase(in.begin() + 1);
    std::vector<Dim> sizes;
    for (int64_t axis : axes) sizes.push_back(v.inType(1).shape[static_cast<size_t>(axis)]);
    v.give(1, v.b.make(Op::DSlice, in, {{"axes", axes}, {"sizes", sizes}}));
  }
}

}  // namespace nnc
