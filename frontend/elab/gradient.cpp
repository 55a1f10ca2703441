// `grad(e, x)`: what it is taken of and by, and what is said where no way leads from one to the other.
#include "frontend/elab/elaborator.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace nnc::elab {

namespace {

/// The value of `target`, an outer frame, that a region's value stands for; nothing if it was computed in the region.
std::optional<TensorVal> outward(TensorVal t, Frame* target) {
  while (t.frame != target) {
    if (!t.frame->parent) return std::nullopt;
    std::optional<TensorVal> outer;
    for (const auto& [from, arg] : t.frame->captureList)
      if (arg == t.value) {
        outer = t;
        outer->value = from;
      }
    for (const auto& [cell, entry] : t.frame->cells) {
      if (entry.local || entry.assigned) continue;
      std::vector<TensorVal> inside, before;
      collectTensors(entry.entry, inside);
      collectTensors(entry.outer, before);
      for (size_t i = 0; i < inside.size(); ++i)
        if (inside[i].value == t.value) outer = before[i];
    }
    if (!outer) return std::nullopt;
    outer->frame = t.frame->parent;
    t = *outer;
  }
  return t;
}

}  // namespace

Elaborator::Holder Elaborator::holderOf(const TensorVal& t) const {
  const Node& n = t.frame->graph.node(t.value);
  for (Frame* f = t.frame; f; f = f->parent)
    for (const auto& [cell, entry] : f->cells) {
      std::vector<TensorVal> held;
      collectTensors(entry.current, held);
      const auto isIt = [&](const TensorVal& x) { return x.value == t.value && x.frame == t.frame; };
      if (std::none_of(held.begin(), held.end(), isIt)) continue;
      // In a region the value may be an argument, assigned further out.
      for (; f; f = f->parent)
        if (const Frame::CellEntry* e = f->find(cell); e && e->assigned) return {cell->name, e->at};
      return {cell->name, {}};
    }
  return {n.name.empty() ? "x" : n.name, {}};
}

/// None of these tensors reaches the value at `value`; `by` is where they are named.
void Elaborator::failNoPath(const std::vector<TensorVal>& lost, Loc value, Loc by) {
  constexpr size_t kShown = 5;
  std::vector<std::string> names;
  Holder assigned;
  for (const TensorVal& t : lost) {
    const Holder holder = holderOf(t);
    if (names.size() < kShown) names.push_back(holder.name);
    if (!assigned.assigned) assigned = holder;
  }
  Diagnostic& d = error(DiagCode::GradNoPath, by,
                        fmt::format("`{}` {} not reach the value whose gradient is taken", fmt::join(names, "`, `"),
                                    names.size() > 1 ? "do" : "does"));
  if (lost.size() > kShown) d.note(fmt::format("and {} more", lost.size() - kShown));
  d.label(value, "the value");
  if (assigned.assigned) {
    d.note(assigned.assigned, fmt::format("`{}` is assigned", assigned.name));
    d.help("the new values are not in the loss: take the gradient above that line, `let g = grad(…)`");
  }
  throw Reported{};
}

Val Elaborator::gradOf(const std::vector<ArgVal>& args, Loc at) {
  // A gradient of a value from around a loop or `every` is taken where that value is: in here it is an argument without
  // a past.
  if (args[0].val.isTensor() && args[0].val.tensor.frame != frame_ && frame_->isInside(args[0].val.tensor.frame)) {
    Frame* home = args[0].val.tensor.frame;
    Val x = args[1].val.is(ValKind::Instance) ? instanceTree(args[1].val.instance, at) : args[1].val;
    if (x.is(ValKind::Tuple)) x = leafwise({x}, at, [](const std::vector<Val>& v) { return v[0]; });
    std::vector<TensorVal> xs, outer;
    collectTensors(x, xs);
    for (const TensorVal& t : xs)
      if (const auto found = outward(t, home)) outer.push_back(*found);
    if (!xs.empty() && outer.size() == xs.size()) {
      Restore<Frame*> keep(frame_);
      frame_ = home;
      size_t next = 0;
      return gradOf({args[0], {"", replaceTensors(x, outer, next), args[1].at}}, at);
    }
  }
  const TensorVal e = asTensor(args[0].val, args[0].at, "`grad`");
  if (e.type.rank() != 0 || !isFloat(e.type.dtype)) {
    error(DiagCode::LossNotScalar, args[0].at, fmt::format("`grad` is of one float, and this is {}", e.type.str()))
        .help("reduce it to one number first");
    throw Reported{};
  }
  Val x = args[1].val;
  if (x.is(ValKind::Instance)) x = instanceTree(x.instance, args[1].at);
  if (x.is(ValKind::Tuple)) {
    std::vector<Val> items;
    for (const Val& v : *x.items) items.push_back(v.is(ValKind::Instance) ? instanceTree(v.instance, args[1].at) : v);
    x = Val::tuple(std::move(items));
  }
  std::vector<TensorVal> xs;
  collectTensors(x, xs);
  if (xs.empty())
    fail(DiagCode::GradTarget, args[1].at,
         fmt::format("a gradient is by a tensor, an instance or a tuple of them, not by {}", describe(x)));
  std::vector<Value> in{e.value};
  for (const TensorVal& t : xs) {
    if (!isFloat(t.type.dtype))
      fail(DiagCode::GradTarget, args[1].at, fmt::format("a gradient is by floats, not by {}", t.type.str()));
    in.push_back(use(t, args[1].at));
  }
  // What reaches e, as far as this graph shows it: floats, not through stop.
  std::vector<bool> reaches(frame_->graph.nodes.size(), false);
  reaches[e.value.node] = true;
  for (size_t i = frame_->graph.nodes.size(); i-- > 0;) {
    const Node& n = frame_->graph.nodes[i];
    if (!reaches[i] || n.op == Op::Stop) continue;
    for (Value v : n.in) reaches[v.node] = reaches[v.node] || isFloat(frame_->graph.type(v).dtype);
  }
  std::vector<TensorVal> lost;
  for (size_t i = 1; i < in.size(); ++i)
    if (!reaches[in[i].node]) lost.push_back(xs[i - 1]);
  if (!lost.empty()) failNoPath(lost, args[0].at, args[1].at);
  place(at);
  const std::vector<Value> grads = b().makeMulti(Op::Grad, in);
  std::vector<TensorVal> results;
  for (size_t i = 0; i < xs.size(); ++i) results.push_back(wrap(grads[i], xs[i].unit));
  size_t next = 0;
  return replaceTensors(x, results, next);
}

}  // namespace nnc::elab
