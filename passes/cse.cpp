// Common subexpressions: equal ops on equal operands are computed once. Every op is a function of its operands (random
// numbers of their key), so all take part; operands of commutative ops are put in order first.
#include <algorithm>
#include <unordered_map>

#include "passes/passes.h"
#include "passes/rewrite.h"

namespace nnc {
namespace {

bool equalGraphs(const Graph& a, const Graph& b);

bool equalNodes(const Node& a, const Node& b) {
  return a.op == b.op && a.in == b.in && a.out == b.out && a.attrs == b.attrs && a.regions.size() == b.regions.size() &&
         std::equal(a.regions.begin(), a.regions.end(), b.regions.begin(), equalGraphs);
}

bool equalGraphs(const Graph& a, const Graph& b) {
  return std::equal(a.nodes.begin(), a.nodes.end(), b.nodes.begin(), b.nodes.end(), equalNodes) &&
         std::equal(a.outputs.begin(), a.outputs.end(), b.outputs.begin(), b.outputs.end(),
                    [](const Output& x, const Output& y) { return x.value == y.value; });
}

/// Equal nodes have equal hashes; attributes are left to the comparison.
size_t hashOf(const Node& node) {
  size_t hash = static_cast<size_t>(node.op) * 0x9e3779b97f4a7c15u;
  auto mix = [&](size_t x) { hash = (hash ^ x) * 0xbf58476d1ce4e5b9u + (hash >> 29); };
  for (Value v : node.in) mix((static_cast<size_t>(v.node) << 8) + v.result);
  for (const Type& type : node.out) {
    mix(static_cast<size_t>(type.dtype));
    for (const Dim& dim : type.shape) mix(dim.isConst() ? static_cast<size_t>(dim.value()) : 7);
  }
  return hash;
}

bool isCommutative(Op op) {
  return op == Op::Add || op == Op::Mul || op == Op::And || op == Op::Or || op == Op::Eq;
}

Graph cseGraph(const Graph& graph) {
  std::unordered_multimap<size_t, uint32_t> seen;
  auto rule = [&](Builder& b, const Node& node) -> std::optional<std::vector<Value>> {
    Node ordered = node;
    if (isCommutative(node.op) && ordered.in[1] < ordered.in[0]) std::swap(ordered.in[0], ordered.in[1]);
    const size_t hash = hashOf(ordered);
    auto [first, last] = seen.equal_range(hash);
    for (auto it = first; it != last; ++it) {
      Node candidate = b.graph().nodes[it->second];
      if (isCommutative(node.op) && candidate.in[1] < candidate.in[0]) std::swap(candidate.in[0], candidate.in[1]);
      if (equalNodes(candidate, ordered)) return resultsOf(b.graph(), it->second);
    }
    seen.emplace(hash, static_cast<uint32_t>(b.graph().nodes.size()));
    return std::nullopt;
  };
  return rebuild(graph, rule, cseGraph);
}

}  // namespace

Graph cse(Graph graph, PassContext&) {
  return hasGrad(graph) ? graph : cseGraph(graph);
}

}  // namespace nnc
