// Common subexpressions: equal ops on equal operands are computed once. Every op is a function of its operands (random
// numbers of their key), so all take part; operands of commutative ops are put in order first.
#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "passes/passes.h"
#include "passes/rewrite.h"

namespace nnc {
namespace {

/// As ==, but 0 and -0 are two numbers.
bool equalAttrs(const Attrs& a, const Attrs& b) {
  if (!(a == b)) return false;
  const auto sameSign = [](double x, double y) { return std::signbit(x) == std::signbit(y); };
  for (size_t i = 0; i < a.entries().size(); ++i) {
    const AttrValue &x = a.entries()[i].second, &y = b.entries()[i].second;
    if (const auto* number = std::get_if<double>(&x); number && !sameSign(*number, std::get<double>(y))) return false;
    const auto* literal = std::get_if<Literal>(&x);
    if (!literal || literal->isInt()) continue;
    const auto &m = std::get<std::vector<double>>(literal->values),
               &n = std::get<std::vector<double>>(std::get<Literal>(y).values);
    if (!std::equal(m.begin(), m.end(), n.begin(), n.end(), sameSign)) return false;
  }
  return true;
}

bool isCommutative(Op op) {
  return op == Op::Add || op == Op::Mul || op == Op::And || op == Op::Or || op == Op::Eq;
}

bool equalOperands(const Node& a, const Node& b) {
  if (a.in == b.in) return true;
  return isCommutative(a.op) && b.in.size() == 2 && a.in[0] == b.in[1] && a.in[1] == b.in[0];
}

bool equalGraphs(const Graph& a, const Graph& b);

bool equalNodes(const Node& a, const Node& b) {
  return a.op == b.op && equalOperands(a, b) && a.out == b.out && equalAttrs(a.attrs, b.attrs) &&
         std::equal(a.regions.begin(), a.regions.end(), b.regions.begin(), b.regions.end(), equalGraphs);
}

bool equalGraphs(const Graph& a, const Graph& b) {
  return std::equal(a.nodes.begin(), a.nodes.end(), b.nodes.begin(), b.nodes.end(), equalNodes) &&
         std::equal(a.outputs.begin(), a.outputs.end(), b.outputs.begin(), b.outputs.end(),
                    [](const Output& x, const Output& y) { return x.value == y.value; });
}

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
