// `grad(e, x)`: what it is taken of and by, and what is said where no way leads from one to the other.
#include "frontend/elab/elaborator.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace nnc::elab {

namespace {

/// A value and the frame whose graph has it.
using Place = std::pair<const Frame*, Value>;

/// The values around a region that its arguments stand for.
std::map<Value, Place> outwardOf(const Frame& frame) {
  std::map<Value, Place> outward;
  if (!frame.parent) return outward;
  for (const auto& [from, arg] : frame.captureList) outward[arg] = {frame.parent, from};
  for (const auto& [cell, entry] : frame.cells) {
    if (entry.local) continue;
    std::vector<TensorVal> inside, before;
    collectTensors(entry.entry, inside);
    collectTensors(entry.outer, before);
    for (size_t i = 0; i < inside.size(); ++i) outward[inside[i].value] = {before[i].frame, before[i].value};
  }
  return outward;
}

/// Which values, in a frame and those around it, a value depends on as far as their graphs show it: through floats, not
/// through stop.
class Reached {
public:
  Reached(const Frame& frame, Value e) {
    std::map<const Frame*, std::vector<Value>> seeds{{&frame, {e}}};
    for (const Frame* f = &frame; f; f = f->parent) {
      auto& [reached, outward] = levels_[f];
      reached.resize(f->graph.nodes.size(), false);
      outward = outwardOf(*f);
      for (Value v : seeds[f]) reached[v.node] = true;
      for (size_t i = reached.size(); i-- > 0;) {
        const Node& n = f->graph.nodes[i];
        if (!reached[i] || n.op == Op::Stop) continue;
        for (Value v : n.in) reached[v.node] = reached[v.node] || isFloat(f->graph.type(v).dtype);
        if (const auto at = outward.find({static_cast<uint32_t>(i), 0}); at != outward.end())
          seeds[at->second.first].push_back(at->second.second);
      }
    }
  }

  bool has(const Frame& frame, Value v) const {
    for (Place at{&frame, v};;) {
      const Level& level = levels_.at(at.first);
      if (level.reached[at.second.node]) return true;
      const auto outer = level.outward.find(at.second);
      if (outer == level.outward.end()) return false;
      at = outer->second;
    }
  }

private:
  struct Level {
    std::vector<bool> reached;
    std::map<Value, Place> outward;
  };
  std::map<const Frame*, Level> levels_;
};

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
  const TensorVal e = asTensor(args[0].val, args[0].at, "`grad`");
  if (e.type.rank() != 0 || !isFloat(e.type.dtype)) {
    error(DiagCode::LossNotScalar, args[0].at, fmt::format("`grad` is of one float, and this is {}", e.type.str()))
        .help("reduce it to one number first");
    throw Reported{};
  }
  const Val x = asTree(args[1].val, args[1].at);
  std::vector<TensorVal> xs;
  collectTensors(x, xs);
  if (xs.empty())
    fail(DiagCode::GradTarget, args[1].at,
         fmt::format("a gradient is by a tensor, an instance or a tuple of them, not by {}", describe(x)));
  std::vector<Value> in{use(e, args[0].at)};
  for (const TensorVal& t : xs) {
    if (!isFloat(t.type.dtype))
      fail(DiagCode::GradTarget, args[1].at, fmt::format("a gradient is by floats, not by {}", t.type.str()));
    in.push_back(use(t, args[1].at));
  }
  const Reached reached(*frame_, in[0]);
  std::vector<TensorVal> lost;
  for (size_t i = 1; i < in.size(); ++i)
    if (!reached.has(*frame_, in[i])) lost.push_back(xs[i - 1]);
  if (!lost.empty()) failNoPath(lost, args[0].at, args[1].at);
  place(at);
  const std::vector<Value> grads = b().makeMulti(Op::Grad, in);
  std::vector<TensorVal> results;
  for (size_t i = 0; i < xs.size(); ++i) results.push_back(wrap(grads[i], xs[i].unit));
  size_t next = 0;
  return replaceTensors(x, results, next);
}

}  // namespace nnc::elab
