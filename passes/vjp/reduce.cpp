// Gradients of the reductions that choose elements: maximum and sort.
#include "passes/vjp/vjp.h"

namespace nnc {

// g goes to the element argmax names, so of equal maxima only the first gets it.
void vjp_rmax(Vjp& v) {
  const int64_t axis = v.node.attrs.integer("axis");
  const Type type = v.inType();
  const Dim extent = type.shape[static_cast<size_t>(axis)];
  Value chosen = v.b.make(Op::ArgMax, {v.in()}, {{"axis", axis}});
  Value position = v.b.make(Op::Iota, {}, {{"type", Type{v.b.type(chosen).dtype, type.shape}}, {"axis", axis}});
  Value hit = v.b.make(Op::Eq, {position, v.b.broadcast(chosen, {axis}, {extent})});
  Value g = v.b.broadcast(v.g(), {axis}, {extent});
  v.give(0, v.b.select(hit, g, zerosLike(v.b, g)));
}

// Values y[j] = x[i[j]] along the axis: dx[i[j]] = g[j]. The sorted axis is brought to the end, so that all others are
// batch axes of the scatter.
void vjp_sort(Vjp& v) {
  const int64_t axis = v.node.attrs.integer("axis");
  const int rank = v.inType().rank();
  const std::vector<int64_t> sorted = {axis};
  std::vector<int64_t> perm = otherAxes(rank, sorted);
  perm.push_back(axis);
  std::vector<int64_t> back(perm.size());
  for (size_t i = 0; i < perm.size(); ++i) back[static_cast<size_t>(perm[i])] = static_cast<int64_t>(i);

  Value g = v.b.transpose(v.g(), perm);
  Value indices = v.b.transpose(v.out(1), perm);
  Value dx = v.b.make(Op::Scatter, {zerosLike(v.b, g), indices, g},
                      {{"axis", int64_t{rank - 1}}, {"batch", int64_t{rank - 1}}, {"mode", std::string("add")}});
  v.give(0, v.b.transpose(dx, back));
}

}  // namespace nnc
