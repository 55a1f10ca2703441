#include "passes/passes.h"
#include "passes/simplify/rules.h"

namespace nnc {
namespace {

std::optional<Value> simplifyOne(Builder& b, const Node& node) {
  switch (opInfo(node.op).cls) {
    case OpClass::Unary:
    case OpClass::Binary:
    case OpClass::Ternary:
      return simplifyElementwise(b, node);
    case OpClass::View:
    case OpClass::Index:
      return simplifyView(b, node);
    case OpClass::Reduce:
      return simplifyReduce(b, node);
    case OpClass::Contract:
      return node.op == Op::Dot ? simplifyDot(b, node) : std::nullopt;
    default:
      return std::nullopt;
  }
}

/// Rewrites until no rule applies; a rule's result is looked at again, because it often opens the next.
std::optional<std::vector<Value>> simplifyNode(Builder& b, const Node& node) {
  if (node.op == Op::Scan || node.op == Op::Cond) return simplifyControl(b, node);
  std::optional<Value> value = simplifyOne(b, node);
  if (!value) return std::nullopt;
  for (int round = 0; round < 16; ++round) {
    const Node again = b.graph().node(*value);
    if (again.out.size() != 1) break;
    std::optional<Value> next = simplifyOne(b, again);
    if (!next) break;
    value = next;
  }
  return std::vector{*value};
}

Graph simplifyGraph(Graph graph) {
  return rebuildUntilSteady(std::move(graph), simplifyNode, simplifyGraph);
}

}  // namespace

Graph simplify(Graph graph, PassContext&) {
  if (hasGrad(graph)) return graph;
  return simplifyGraph(std::move(graph));
}

}  // namespace nnc
