#include "passes/rewrite.h"

#include <cassert>
#include <cmath>

namespace nnc {

Value ValueMap::operator[](Value old) const {
  Value now = table_.get(old);
  assert(now && "the value was not copied");
  return now;
}

void ValueMap::setNode(const Graph& old, uint32_t oldNode, uint32_t newNode) {
  for (uint32_t r = 0; r < old.nodes[oldNode].out.size(); ++r) set({oldNode, r}, {newNode, r});
}

std::vector<Value> resultsOf(const Graph& graph, uint32_t node) {
  std::vector<Value> values;
  for (uint32_t r = 0; r < graph.nodes[node].out.size(); ++r) values.push_back({node, r});
  return values;
}

void copyNode(const Graph& from, uint32_t index, Graph& to, ValueMap& map) {
  Node node = from.nodes[index];
  for (Value& v : node.in) v = map[v];
  Value first = to.append(std::move(node));
  map.setNode(from, index, first.node);
}

Graph rebuild(Graph graph, const NodeRule& rule, const RegionPass& regionPass) {
  Graph out;
  out.nodes.reserve(graph.nodes.size());
  Builder builder(out);
  ValueMap map;
  for (uint32_t i = 0; i < graph.nodes.size(); ++i) {
    Node node = std::move(graph.nodes[i]);
    for (Value& v : node.in) v = map[v];
    for (Graph& region : node.regions) region = regionPass(std::move(region));
    builder.setOrigin(node.origin);
    auto firstNew = static_cast<uint32_t>(out.nodes.size());
    if (auto values = rule(builder, node)) {
      assert(values->size() == node.out.size());
      for (uint32_t r = 0; r < values->size(); ++r) map.set({i, r}, (*values)[r]);
      // A value built here takes over the name; one that was there keeps its own.
      if (values->size() == 1) {
        Node& now = out.node((*values)[0]);
        if ((*values)[0].node >= firstNew && now.name.empty() && now.out.size() == 1) now.name = node.name;
      }
    } else {
      const auto results = static_cast<uint32_t>(node.out.size());
      const Value first = out.append(std::move(node));
      for (uint32_t r = 0; r < results; ++r) map.set({i, r}, {first.node, r});
    }
  }
  for (const Output& output : graph.outputs) out.outputs.push_back({output.role, output.name, map[output.value]});
  return out;
}

Graph rebuildUntilSteady(Graph graph, const NodeRule& rule, const RegionPass& regionPass) {
  constexpr int kRounds = 4;
  for (int round = 0; round < kRounds; ++round) {
    bool changed = false;
    auto watched = [&](Builder& b, const Node& node) {
      auto values = rule(b, node);
      changed |= values.has_value();
      return values;
    };
    graph = rebuild(std::move(graph), watched, regionPass);
    if (!changed) break;
  }
  return graph;
}

namespace {

/// The first element as a literal, if all elements are equal bit for bit.
std::optional<Literal> singleElement(const Literal& literal) {
  if (literal.size() == 0) return std::nullopt;
  return std::visit(
      [](const auto& values) -> std::optional<Literal> {
        const auto first = values[0];
        for (const auto& value : values)
          if (value != first || std::signbit(static_cast<double>(value)) != std::signbit(static_cast<double>(first)))
            return std::nullopt;
        return Literal{std::decay_t<decltype(values)>{first}};
      },
      literal.values);
}

}  // namespace

std::optional<Literal> splatLiteral(const Graph& graph, Value v) {
  for (;;) {
    const Node& node = graph.node(v);
    switch (node.op) {
      case Op::Const:
        return singleElement(node.attrs.literal("value"));
      case Op::Broadcast:
      case Op::Reshape:
      case Op::Transpose:
      case Op::Reverse:
      case Op::Slice:
      case Op::Window:
        v = node.in[0];
        break;
      default:
        return std::nullopt;
    }
  }
}

std::optional<double> splatValue(const Graph& graph, Value v) {
  if (auto literal = splatLiteral(graph, v)) return literal->asDouble(0);
  return std::nullopt;
}

bool isSplat(const Graph& graph, Value v, double number) {
  std::optional<double> value = splatValue(graph, v);
  return value && *value == number && std::signbit(*value) == std::signbit(number);
}

const Node* defines(const Graph& graph, Value v, Op op) {
  const Node& node = graph.node(v);
  return node.op == op ? &node : nullptr;
}

namespace {

bool hasOp(const Graph& graph, Op op) {
  for (const Node& node : graph.nodes) {
    if (node.op == op) return true;
    for (const Graph& region : node.regions)
      if (hasOp(region, op)) return true;
  }
  return false;
}

}  // namespace

bool hasGrad(const Graph& graph) {
  return hasOp(graph, Op::Grad);
}
bool hasScan(const Graph& graph) {
  return hasOp(graph, Op::Scan);
}

Value splatConstant(Builder& b, const Literal& element, const Type& type) {
  return b.make(Op::Const, {}, {{"type", type}, {"value", element}});
}

}  // namespace nnc
