#include "tools/nn/held_stops.h"

#include <fmt/format.h>

#include <functional>

#include "ir/builder.h"
#include "passes/region.h"

namespace nnc::tools {

namespace {

std::string nameOfStop(size_t number) {
  return fmt::format("stop {}", number);
}

/// What each `stop` of the graph holds, in the order of the nodes: what stands in regions leaves them as new results.
std::vector<Value> heldValues(Graph& graph) {
  std::vector<Value> held;
  const auto addResult = [&](uint32_t node, const Type& type) {
    graph.nodes[node].out.push_back(type);
    held.push_back({node, static_cast<uint32_t>(graph.nodes[node].out.size() - 1)});
  };
  for (uint32_t i = 0; i < graph.nodes.size(); ++i) {
    Node& node = graph.nodes[i];
    if (node.op == Op::Stop) held.push_back({i, 0});
    if (node.op == Op::Scan) {
      Graph& body = node.regions[0];
      for (const Value v : heldValues(body)) {
        body.outputs.push_back({OutputRole::Result, "", v});
        addResult(i, stackedType(body.type(v), node.attrs.dim("count")));
      }
    }
    if (node.op == Op::Cond)
      for (size_t taken = 0; taken < 2; ++taken)
        for (const Value v : heldValues(node.regions[taken])) {
          const Type type = node.regions[taken].type(v);
          const Value zero = Builder(node.regions[1 - taken]).constant(0, type);
          node.regions[taken].outputs.push_back({OutputRole::Result, "", v});
          node.regions[1 - taken].outputs.push_back({OutputRole::Result, "", zero});
          addResult(i, type);
        }
  }
  return held;
}

/// Appends to a graph the value that stands for its next `stop`, and gives it.
using Given = std::function<Value(Graph&, const Type&)>;

Graph withGiven(const Graph& graph, const Given& given);

/// A loop runs over what its stops held: one element of each a round. In the body's arguments the round's index is
/// last.
void giveToLoop(Node& scan, Graph& outer, const Given& given) {
  const ScanLayout layout(scan);
  const auto index = static_cast<int64_t>(layout.indexArg());
  std::vector<Type> types;
  Graph body = withGiven(scan.regions[0], [&](Graph& g, const Type& type) {
    types.push_back(type);
    return appendArg(g, type, static_cast<size_t>(index) + types.size());
  });
  for (Node& node : body.nodes) {
    if (node.op != Op::Arg) continue;
    const int64_t k = node.attrs.integer("index");
    if (k == index) node.attrs.set("index", index + static_cast<int64_t>(types.size()));
    if (k > index) node.attrs.set("index", k - 1);
  }
  scan.regions[0] = std::move(body);
  for (const Type& type : types) scan.in.push_back(given(outer, stackedType(type, layout.count)));
}

void giveToBranches(Node& cond, Graph& outer, const Given& given) {
  for (Graph& region : cond.regions) {
    const size_t before = cond.in.size() - 1;  // without the predicate
    std::vector<Type> types;
    region = withGiven(region, [&](Graph& g, const Type& type) {
      types.push_back(type);
      return appendArg(g, type, before + types.size() - 1);
    });
    for (const Type& type : types) cond.in.push_back(given(outer, type));
  }
}

Graph withGiven(const Graph& graph, const Given& given) {
  Graph out;
  std::vector<uint32_t> number(graph.nodes.size());
  const auto mapped = [&](Value v) { return Value{number[v.node], v.result}; };
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    Node node = graph.nodes[i];
    for (Value& v : node.in) v = mapped(v);
    if (node.op == Op::Stop) {
      number[i] = given(out, node.out[0]).node;
      continue;
    }
    if (node.op == Op::Scan) giveToLoop(node, out, given);
    if (node.op == Op::Cond) giveToBranches(node, out, given);
    number[i] = out.append(std::move(node)).node;
  }
  for (const Output& o : graph.outputs) out.outputs.push_back({o.role, o.name, mapped(o.value)});
  return out;
}

}  // namespace

void exposeStops(Graph& graph) {
  size_t number = 0;
  for (const Value v : heldValues(graph)) graph.outputs.push_back({OutputRole::Result, nameOfStop(number++), v});
}

Graph withHeldStops(const Graph& graph) {
  size_t number = 0;
  return withGiven(graph, [&](Graph& g, const Type& type) {
    Node leaf;
    leaf.op = Op::Leaf;
    leaf.attrs = {{"type", type}, {"kind", std::string("input")}, {"name", nameOfStop(number++)}};
    leaf.out = {type};
    return g.append(std::move(leaf));
  });
}

}  // namespace nnc::tools
