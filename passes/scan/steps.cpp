#include "passes/scan/steps.h"

#include <algorithm>
#include <cassert>
#include <numeric>

namespace nnc {
namespace {

using Ints = std::vector<int64_t>;

/// Axes of one step, as axes of the stack.
Ints shifted(Ints axes) {
  for (int64_t& axis : axes) ++axis;
  return axes;
}

template <class T>
std::vector<T> withFront(T first, const std::vector<T>& rest) {
  std::vector<T> all = {first};
  all.insert(all.end(), rest.begin(), rest.end());
  return all;
}

/// Ops for which `build` has a form over all steps.
bool hasStackedForm(const Node& node) {
  if (isElementwise(node.op)) return true;
  switch (node.op) {
    case Op::Reshape:
    case Op::Transpose:
    case Op::Reverse:
    case Op::Broadcast:
    case Op::Slice:
    case Op::Pad:
    case Op::Window:
    case Op::Unwindow:
    case Op::Concat:
    case Op::Sum:
    case Op::RMax:
    case Op::ArgMax:
    case Op::Dot:
      return true;
    case Op::Gather:
      return node.attrs.integer("batch") == 0;
    default:
      return false;
  }
}

}  // namespace

StepsAtOnce::StepsAtOnce(Builder& outer, const Node& scan)
    : outer_(outer), body_(scan.regions[0]), count_(scan.attrs.dim("count")) {
  const ScanLayout layout(scan);
  for (uint32_t i = 0; i < body_.nodes.size(); ++i) {
    const Node& node = body_.nodes[i];
    if (node.op != Op::Arg) {
      for (Value v : resultsOf(body_, i)) kind_.set(v, kindOf(node));
      continue;
    }
    const auto arg = static_cast<uint32_t>(node.attrs.integer("index"));
    const Value v = {i, 0};
    if (layout.isConst(arg)) {
      kind_.set(v, kSame);
      outside_.set(v, scan.in[arg]);
    } else if (layout.isX(arg)) {
      kind_.set(v, kStacked);
      stacked_.set(v, scan.in[arg]);
    }
  }
}

StepsAtOnce::Kind StepsAtOnce::kindOf(const Node& node) const {
  bool same = true;
  for (Value v : node.in) {
    if (kind_.get(v) == kNeither) return kNeither;
    same &= kind_.get(v) == kSame;
  }
  if (same) return node.op == Op::Scan || node.op == Op::Cond ? kNeither : kSame;
  return hasStackedForm(node) ? kStacked : kNeither;
}

Value StepsAtOnce::outside(Value v) {
  if (Value known = outside_.get(v)) return known;
  assert(isInvariant(v));
  Node node = body_.node(v);
  for (Value& operand : node.in) operand = outside(operand);
  const Value first = outer_.graph().append(std::move(node));
  for (uint32_t r = 0; r < body_.nodes[v.node].out.size(); ++r) outside_.set({v.node, r}, {first.node, r});
  return outside_.get(v);
}

Value StepsAtOnce::stacked(Value v) {
  if (Value known = stacked_.get(v)) return known;
  Value all;
  if (isInvariant(v)) {
    all = outer_.broadcast(outside(v), {0}, {count_});
  } else {
    assert(isLiftable(v));
    const Node& node = body_.node(v);
    outer_.setOrigin(node.origin);
    all = build(node);
    if (outer_.graph().node(all).name.empty()) outer_.graph().node(all).name = node.name;
  }
  stacked_.set(v, all);
  return all;
}

Value StepsAtOnce::toFront(Value v, int64_t axis) {
  Ints perm(static_cast<size_t>(outer_.type(v).rank()));
  std::iota(perm.begin(), perm.end(), 0);
  perm.erase(perm.begin() + axis);
  perm.insert(perm.begin(), axis);
  return outer_.transpose(v, perm);
}

Value StepsAtOnce::build(const Node& node) {
  Attrs a = node.attrs;
  if (node.op == Op::Dot) return buildDot(node);
  if (node.op == Op::Gather) return buildGather(node);
  switch (node.op) {
    case Op::Reshape:
      a.set("shape", withFront(count_, a.dims("shape")));
      break;
    case Op::Transpose:
      a.set("perm", withFront<int64_t>(0, shifted(a.ints("perm"))));
      break;
    case Op::Reverse:
    case Op::Broadcast:
    case Op::Window:
    case Op::Unwindow:
    case Op::Sum:
      a.set("axes", shifted(a.ints("axes")));
      break;
    case Op::Slice:
      a.set("lo", withFront(Dim(0), a.dims("lo")));
      a.set("hi", withFront(count_, a.dims("hi")));
      a.set("stride", withFront<int64_t>(1, a.ints("stride")));
      break;
    case Op::Pad:
      a.set("lo", withFront(Dim(0), a.dims("lo")));
      a.set("hi", withFront(Dim(0), a.dims("hi")));
      a.set("interior", withFront<int64_t>(0, a.ints("interior")));
      break;
    case Op::Concat:
    case Op::RMax:
    case Op::ArgMax:
      a.set("axis", a.integer("axis") + 1);
      break;
    default:
      break;  // elementwise
  }
  std::vector<Value> in;
  for (Value v : node.in) in.push_back(stacked(v));
  return outer_.make(node.op, in, a);
}

/// The step is a free axis of the operand that has it, or a batch axis if both have.
Value StepsAtOnce::buildDot(const Node& node) {
  const Value a = node.in[0], b = node.in[1];
  const bool both = isLiftable(a) && isLiftable(b);
  Attrs at = node.attrs;
  auto shift = [&](const char* batch, const char* contract) {
    at.set(batch, both ? withFront<int64_t>(0, shifted(at.ints(batch))) : shifted(at.ints(batch)));
    at.set(contract, shifted(at.ints(contract)));
  };
  if (isLiftable(a)) shift("batch_a", "contract_a");
  if (isLiftable(b)) shift("batch_b", "contract_b");
  const Value y =
      outer_.make(Op::Dot, {isLiftable(a) ? stacked(a) : outside(a), isLiftable(b) ? stacked(b) : outside(b)}, at);
  if (both) return y;
  const auto batch = static_cast<int64_t>(node.attrs.ints("batch_a").size());
  const auto contracted = static_cast<int64_t>(node.attrs.ints("contract_a").size());
  return toFront(y, isLiftable(a) ? batch : body_.type(a).rank() - contracted);
}

Value StepsAtOnce::buildGather(const Node& node) {
  const Value x = node.in[0], indices = node.in[1];
  const int64_t axis = node.attrs.integer("axis");
  auto gather = [&](Value from, Value i, int64_t at, int64_t batch) {
    return outer_.make(Op::Gather, {from, i}, {{"axis", at}, {"batch", batch}});
  };
  if (isInvariant(x)) return toFront(gather(outside(x), stacked(indices), axis, 0), axis);
  if (isInvariant(indices)) return gather(stacked(x), outside(indices), axis + 1, 0);
  return gather(stacked(x), stacked(indices), axis + 1, 1);
}

}  // namespace nnc
