// Expands each `grad(e, x…)` into ordinary nodes by reverse-mode differentiation (see vjp/). Grads are taken in text
// order, so an outer one finds the inner ones expanded: gradients of gradients need nothing more.
#include <fmt/format.h>

#include <algorithm>

#include "passes/passes.h"
#include "passes/rewrite.h"
#include "passes/vjp/enclose.h"
#include "passes/vjp/vjp.h"

namespace nnc {
namespace {

/// What to call a value in a message: a parameter's path, the source's name, or nothing.
std::string describe(const Graph& graph, Value v) {
  const Node& node = graph.node(v);
  if (node.op == Op::Leaf) return fmt::format("`{}`", node.attrs.string("name"));
  if (!node.name.empty()) return fmt::format("`{}`", node.name);
  return "";
}

Loc place(const Node& node) {
  return node.origin.user ? node.origin.user : node.origin.at;
}

/// Does x reach e at all, along paths that carry no gradient too?
bool reachesWithoutGradient(const Graph& graph, Value x, Value e) {
  std::vector<char> reached(graph.nodes.size(), 0);
  reached[x.node] = 1;
  for (uint32_t i = x.node + 1; i <= e.node; ++i)
    for (Value v : graph.nodes[i].in) reached[i] |= reached[v.node];
  return reached[e.node];
}

void reportNoPath(const Graph& graph, Value x, Value e, const Node& grad, PassContext& context) {
  std::string from = describe(graph, x), to = describe(graph, e);
  std::string message = fmt::format("{} does not reach {}", from.empty() ? "this value" : from,
                                    to.empty() ? "the value that is differentiated" : to);
  Diagnostic& error = context.diagnostics.error(DiagCode::GradNoPath, place(grad), message);
  error.mark("the gradient would be 0 everywhere");
  const Node& source = graph.node(x);
  const Variable* variable = source.op == Op::Leaf ? context.module.variable(source.attrs.string("name")) : nullptr;
  if (variable && variable->declared) error.note(variable->declared, fmt::format("{} is declared here", from));
  if (reachesWithoutGradient(graph, x, e))
    error.note("every path between them goes through `stop`, a comparison, rounding, an index or an integer");
}

/// The gradients of grad's first operand by the others, as nodes appended to the builder's graph.
std::vector<Value> differentiate(Builder& b, const Node& grad, PassContext& context) {
  const Value e = grad.in[0];
  const std::vector<Value> sources(grad.in.begin() + 1, grad.in.end());
  const auto end = static_cast<uint32_t>(b.graph().nodes.size());
  Reverse reverse(b, dependents(b.graph(), sources));
  b.setOrigin(b.graph().node(e).origin);
  reverse.accumulate(e, b.constantLike(1, e));
  reverse.run(end);

  b.setOrigin(grad.origin);
  std::vector<Value> gradients;
  for (Value x : sources) {
    Value g = reverse.gradient(x);
    if (!g) {
      reportNoPath(b.graph(), x, e, grad, context);
      g = b.constant(0, b.type(x));  // lets the other errors be found
    }
    gradients.push_back(g);
  }
  return gradients;
}

Graph expandGrads(Graph graph, PassContext& context) {
  auto expand = [&](Builder& b, const Node& node) -> std::optional<std::vector<Value>> {
    if (node.op == Op::Grad) return differentiate(b, node, context);
    if (std::none_of(node.regions.begin(), node.regions.end(), hasGrad)) return std::nullopt;
    Node expanded = node;
    expandInside(b.graph(), expanded, context, [&](Graph region) { return expandGrads(std::move(region), context); });
    return resultsOf(b.graph(), b.graph().append(std::move(expanded)).node);
  };
  return rebuild(std::move(graph), expand, [](Graph region) { return region; });
}

/// Once nothing is left to differentiate, stop(x) = x.
Graph dropStops(Graph graph) {
  auto drop = [](Builder&, const Node& node) -> std::optional<std::vector<Value>> {
    if (node.op != Op::Stop) return std::nullopt;
    return std::vector{node.in[0]};
  };
  return rebuild(std::move(graph), drop, dropStops);
}

}  // namespace

Graph autodiff(Graph graph, PassContext& context) {
  return dropStops(expandGrads(std::move(graph), context));
}

}  // namespace nnc
