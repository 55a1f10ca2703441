// Which values a gradient flows through: forwards from the values differentiated by, backwards from the value
// differentiated. Result by result, also through scans and conds, so that "no path" is known exactly.
#pragma once

#include "ir/graph.h"
#include "passes/rewrite.h"

namespace nnc {

/// False for the ops whose result is an integer, a boolean, random, or piecewise constant: the gradient stops there by
/// definition. Every other op has a rule vjp_<text>; a missing one does not link.
constexpr bool isDifferentiable(Op op) {
  switch (op) {
    case Op::Round:
    case Op::Floor:
    case Op::Not:
    case Op::Stop:
    case Op::IDiv:
    case Op::Mod:
    case Op::Lt:
    case Op::Le:
    case Op::Eq:
    case Op::And:
    case Op::Or:
    case Op::Fold:
    case Op::Const:
    case Op::Leaf:
    case Op::Arg:
    case Op::Iota:
    case Op::Size:
    case Op::Rand:
    case Op::ArgMax:
    case Op::Grad:  // expanded before anything differentiates through it
      return false;
    default:
      return true;
  }
}

using ValueSet = ValueTable<char>;

/// The values of the graph that depend differentiably on a seed, the seeds included. Only floats.
ValueSet dependents(const Graph& graph, const std::vector<Value>& seeds);
/// The values of the graph on which a seed depends differentiably, the seeds included.
ValueSet dependencies(const Graph& graph, const std::vector<Value>& seeds);

using Flags = std::vector<char>;

/// Which arguments of a scan's body depend on the flagged operands, over all steps (the index last: never).
Flags activeScanArgs(const Node& scan, const Flags& operands);
/// On which outputs of a scan's body the flagged results depend, over all steps.
Flags liveScanOutputs(const Node& scan, const Flags& results);

}  // namespace nnc
