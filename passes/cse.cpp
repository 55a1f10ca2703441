// Common subexpressions: equal ops on equal operands are computed once. Every op is a function of its operands (random
// numbers of their key), so all take part; operands of commutative ops are put in order first.
#include <unordered_map>

#include "ir/equal.h"
#include "passes/passes.h"
#include "passes/rewrite.h"

namespace nnc {
namespace {

/// Equal nodes have equal hashes: operands count in any order, attributes are left to the comparison.
size_t hashOf(const Node& node) {
  size_t hash = static_cast<size_t>(node.op);
  for (Value v : node.in) hash += ((static_cast<size_t>(v.node) << 8) + v.result) * 0xbf58476d1ce4e5b9u;
  auto mix = [&](size_t x) { hash = (hash ^ x) * 0x9e3779b97f4a7c15u + (hash >> 29); };
  for (const Type& type : node.out) {
    mix(static_cast<size_t>(type.dtype));
    for (const Dim& dim : type.shape) mix(dim.isConst() ? static_cast<size_t>(dim.value()) : 7);
  }
  return hash;
}

Graph cseGraph(Graph graph) {
  std::unordered_multimap<size_t, uint32_t> seen;
  auto rule = [&](Builder& b, const Node& node) -> std::optional<std::vector<Value>> {
    const size_t hash = hashOf(node);
    auto [first, last] = seen.equal_range(hash);
    for (auto it = first; it != last; ++it)
      if (equalNodes(b.graph().nodes[it->second], node)) return resultsOf(b.graph(), it->second);
    seen.emplace(hash, static_cast<uint32_t>(b.graph().nodes.size()));
    return std::nullopt;
  };
  return rebuild(std::move(graph), rule, cseGraph);
}

}  // namespace

Graph cse(Graph graph, PassContext&) {
  if (hasGrad(graph)) return graph;
  return cseGraph(std::move(graph));
}

}  // namespace nnc
