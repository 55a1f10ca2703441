// Which values live in buffers, and what becomes a kernel of its own.
#include <algorithm>

#include "plan/planner.h"

namespace nnc::plan {
bool isSpecial(const Node& node) {
  switch (node.op) {
    case Op::Concat:
    case Op::Sort:
    case Op::Scatter:
    case Op::DUpdate:
    case Op::Scan:
    case Op::Cond:
      return true;
    default:
      return false;
  }
}

bool isReducing(const Node& node) {
  switch (node.op) {
    case Op::Sum:
    case Op::RMax:
    case Op::ArgMax:
    case Op::Dot:
    case Op::Conv:
      return true;
    case Op::Unwindow:
      return !isIndexMap(node);
    default:
      return false;
  }
}

std::vector<int> identityAxes(const Shape& shape, bool keepUnits) {
  std::vector<int> axes;
  int next = 0;
  for (const Dim& d : shape) axes.push_back(d == Dim(1) && !keepUnits ? Item::kUnit : next++);
  return axes;
}

namespace {

Template templateOf(const Graph& graph, const Node& node) {
  if (node.op == Op::Dot) return Template::Gemm;
  if (node.op != Op::Conv) return Template::Loop;
  const bool gradient = isWeightGradient(graph, node);
  // One kernel position, and every input position used once: a matrix product.
  const auto& dims = node.attrs.ints(gradient ? "y_dims" : "w_dims");
  const Shape& window = gradient ? node.out[0].shape : graph.type(node.in[1]).shape;
  bool pointwise = true;
  for (size_t j = 2; j < dims.size(); ++j) {
    pointwise = pointwise && window[static_cast<size_t>(dims[j])] == Dim(1) && node.attrs.ints("pad_lo")[j - 2] == 0 &&
                node.attrs.ints("pad_hi")[j - 2] == 0 && node.attrs.ints("x_dilation")[j - 2] == 1;
  }
  const bool grouped = node.attrs.integer("groups") != 1 || node.attrs.integer("batch_groups") != 1;
  if (pointwise && !grouped) return Template::Gemm;
  return gradient ? Template::ConvWeights : Template::Conv;
}

}  // namespace

Cluster clusterOf(const GraphContext& context, uint32_t n, uint32_t anchor) {
  const Graph& graph = context.graph;
  const Node& node = graph.nodes[anchor];
  Cluster c;
  c.origin = node.origin;
  c.tmpl = isReducing(node) ? templateOf(graph, node) : Template::Loop;
  const bool keepUnits = c.tmpl == Template::Conv || c.tmpl == Template::ConvWeights;
  const Shape& shape = node.out[0].shape;
  for (const Dim& d : shape)
    if (keepUnits || d != Dim(1)) c.task.push_back(d);
  if (keepUnits) {
    const auto& y = node.attrs.ints("y_dims");
    for (size_t j = 2; j < y.size(); ++j) c.order.push_back(static_cast<int>(y[j]));
    c.order.insert(c.tmpl == Template::Conv ? c.order.begin() : c.order.end(), static_cast<int>(y[0]));
    c.order.push_back(static_cast<int>(y[1]));
  }
  Item item;
  item.axes = identityAxes(shape, keepUnits);
  if (isReducing(node)) {
    item.value = Value{anchor, 0};
    item.reduce = true;
    c.items.push_back(item);
    item.reduce = false;
  }
  item.value = Value{n, 0};
  item.targets.push_back({context.homes[n][0], {}, {}});
  c.items.push_back(std::move(item));
  return c;
}

Roots chooseRoots(const Graph& graph, const std::vector<bool>& live, const std::set<Value>& wanted,
                  const GraphContext& context, const PlanOptions& options) {
  Roots roots;
  for (const Node& node : graph.nodes) roots.stored.emplace_back(node.out.size(), false);
  const auto need = [&](Value v) {
    if (context.homeOf(v) == kNoBuffer) roots.stored[v.node][v.result] = true;
  };
  for (uint32_t n = 0; n < graph.nodes.size(); ++n) {
    const Node& node = graph.nodes[n];
    if (!live[n]) continue;
    const bool plain = !options.fuse && (isElementwise(node.op) || node.op == Op::Rand || node.op == Op::Gather);
    if (isSpecial(node) || isReducing(node) || plain)
      for (uint32_t r = 0; r < node.out.size(); ++r) need({n, r});
    if (node.op == Op::Scan) {
      const auto consts = static_cast<size_t>(node.attrs.integer("consts")),
                 carries = static_cast<size_t>(node.attrs.integer("carries"));
      for (size_t i = 0; i < node.in.size(); ++i)
        if (i < consts || i >= consts + carries) need(node.in[i]);
    }
    if (node.op == Op::Cond)
      for (const Value& v : node.in) need(v);
  }
  for (const Value& v : wanted) need(v);
  return roots;
}

}  // namespace nnc::plan
