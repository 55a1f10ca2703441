#include "mutations.h"

#include <cstdlib>
#include <numeric>
#include <optional>

#include "ir/builder.h"

namespace nnc::testing {

MutationScore& mutationScore() {
  static MutationScore score{std::getenv("NNC_MUTATE_GRADIENTS") != nullptr, {}, {}};
  return score;
}

std::vector<bool> notForLoss(const Graph& graph) {
  std::vector<bool> rest(graph.nodes.size(), true);
  rest[graph.outputs[0].value.node] = false;
  for (size_t n = graph.nodes.size(); n-- > 0;)
    if (!rest[n])
      for (Value v : graph.nodes[n].in) rest[v.node] = false;
  return rest;
}

void countOps(const Graph& graph, std::map<Op, size_t>& counts) {
  for (const Node& node : graph.nodes) {
    ++counts[node.op];
    for (const Graph& region : node.regions) countOps(region, counts);
  }
}

namespace {

/// What readers of a node's result see instead; nothing if the change does not apply.
using Change = std::optional<Value> (*)(Builder&, Value);

std::optional<Value> negated(Builder& b, Value v) {
  return b.neg(v);
}
std::optional<Value> dropped(Builder& b, Value v) {
  const Node& node = b.graph().node(v);
  if (node.op != Op::Add && node.op != Op::Mul && node.op != Op::Div) return std::nullopt;
  return node.in[0];
}
std::optional<Value> exchanged(Builder& b, Value v) {
  const Node node = b.graph().node(v);
  if (node.op == Op::Select) return b.select(node.in[0], node.in[2], node.in[1]);
  if (node.op == Op::Add || node.op == Op::Mul) return node.in[1];  // the other term dropped
  return std::nullopt;
}
std::optional<Value> transposed(Builder& b, Value v) {
  const Shape& shape = b.type(v).shape;
  for (size_t d = 0; d + 1 < shape.size(); ++d) {
    if (shape[d] != shape[d + 1] || shape[d] == Dim(1)) continue;
    std::vector<int64_t> perm(shape.size());
    std::iota(perm.begin(), perm.end(), 0);
    std::swap(perm[d], perm[d + 1]);
    return b.transpose(v, perm);
  }
  return std::nullopt;
}

/// The graph with a change behind result v, which only later nodes and outputs see.
std::optional<Mutation> mutated(const Graph& graph, Value v, Change change, const std::string& what) {
  Mutation m;
  m.what = what;
  m.before = v;
  Builder b(m.graph);
  std::vector<uint32_t> moved;
  std::optional<Value> instead;
  const auto map = [&](Value old) { return old == v && instead ? *instead : Value{moved[old.node], old.result}; };
  for (uint32_t n = 0; n < graph.nodes.size(); ++n) {
    Node node = graph.nodes[n];
    for (Value& in : node.in) in = map(in);
    moved.push_back(m.graph.append(std::move(node)).node);
    if (n != v.node) continue;
    instead = change(b, {moved[n], v.result});
    if (!instead) return std::nullopt;
  }
  m.after = *instead;
  for (const Output& o : graph.outputs) m.graph.outputs.push_back({o.role, o.name, map(o.value)});
  return m;
}

}  // namespace

namespace {

/// Changes of one node's results, and inside its regions of all results.
void addMutations(const Graph& graph, uint32_t n, std::vector<Mutation>& list) {
  static const std::pair<Change, const char*> changes[] = {
      {negated, "sign"}, {dropped, "dropped"}, {exchanged, "exchanged"}, {transposed, "transposed"}};
  const Node& node = graph.nodes[n];
  for (uint32_t r = 0; r < node.out.size(); ++r) {
    if (!isFloat(node.out[r].dtype)) continue;
    for (const auto& [change, name] : changes)
      if (auto m =
              mutated(graph, {n, r}, change, std::string(opInfo(node.op).text) + " " + std::to_string(n) + " " + name))
        list.push_back(std::move(*m));
  }
  for (size_t k = 0; k < node.regions.size(); ++k) {
    std::vector<Mutation> inside;
    for (uint32_t i = 0; i < node.regions[k].nodes.size(); ++i)
      if (node.regions[k].nodes[i].op != Op::Arg) addMutations(node.regions[k], i, inside);
    for (Mutation& m : inside) {
      Graph whole = graph;
      whole.nodes[n].regions[k] = std::move(m.graph);
      list.push_back({std::move(whole), std::string(opInfo(node.op).text) + ": " + m.what, {}, {}});
    }
  }
}

}  // namespace

std::vector<Mutation> mutationsOf(const Graph& graph, const std::vector<bool>& emitted) {
  std::vector<Mutation> list;
  for (uint32_t n = 0; n < graph.nodes.size(); ++n)
    if (emitted[n]) addMutations(graph, n, list);
  return list;
}

}  // namespace nnc::testing
