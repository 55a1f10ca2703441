// Regions that can stand in place.
#include "passes/region.h"
#include "passes/simplify/rules.h"

namespace nnc {
namespace {

/// Copies a region's nodes behind the builder's, its arguments replaced, and returns its outputs.
std::vector<Value> inlineRegion(Builder& b, const Graph& region, const std::vector<Value>& args) {
  ValueMap map;
  std::vector<Value> old = regionArgs(region, args.size());
  for (size_t i = 0; i < args.size(); ++i)
    if (old[i]) map.set(old[i], args[i]);
  for (uint32_t i = 0; i < region.nodes.size(); ++i)
    if (region.nodes[i].op != Op::Arg) copyNode(region, i, b.graph(), map);
  std::vector<Value> outputs;
  for (const Output& output : region.outputs) outputs.push_back(map[output.value]);
  return outputs;
}

/// cond(true, x…) = then(x…), cond(false, x…) = else(x…)
std::optional<std::vector<Value>> inlineCond(Builder& b, const Node& node) {
  auto known = splatValue(b.graph(), node.in[0]);
  if (!known) return std::nullopt;
  return inlineRegion(b, node.regions[*known != 0 ? 0 : 1], {node.in.begin() + 1, node.in.end()});
}

/// A scan of no step returns its starts and empty stacks; of one step, the body at t = 0.
std::optional<std::vector<Value>> inlineScan(Builder& b, const Node& node) {
  const ScanLayout layout(node);
  std::vector<Value> results;
  if (layout.count == Dim(0)) {
    for (uint32_t c = 0; c < layout.carries; ++c) results.push_back(node.in[layout.carryArg(c)]);
    for (uint32_t y = 0; y < layout.ys; ++y) results.push_back(b.constant(0, node.out[layout.carries + y]));
    return results;
  }
  if (layout.count != Dim(1)) return std::nullopt;
  std::vector<Value> args;
  for (uint32_t i = 0; i < layout.operands(); ++i) {
    const Value v = node.in[i];
    args.push_back(layout.isX(i) ? b.reshape(v, elementType(b.type(v)).shape) : v);
  }
  args.push_back(b.constant(0, {DType::I64, {}}));
  results = inlineRegion(b, node.regions[0], args);
  for (uint32_t y = layout.carries; y < results.size(); ++y) results[y] = b.reshape(results[y], node.out[y].shape);
  return results;
}

}  // namespace

std::optional<std::vector<Value>> simplifyControl(Builder& b, const Node& node) {
  return node.op == Op::Cond ? inlineCond(b, node) : inlineScan(b, node);
}

}  // namespace nnc
