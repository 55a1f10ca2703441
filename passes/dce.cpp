// Dead code: keeps what the outputs need, result by result for scans and conds. Leaves of kind "input" always stay,
// because their order is the function's signature.
#include <algorithm>

#include "passes/passes.h"
#include "passes/region.h"
#include "passes/rewrite.h"
#include "passes/vjp/activity.h"

namespace nnc {
namespace {

Graph keepLive(Graph graph);

/// A control node without its dead parts, and where its old results went.
struct Shrunk {
  Node node;
  std::vector<uint32_t> oldResults;  // of each new result
};

Graph withOutputs(const Graph& region, const std::vector<uint32_t>& kept) {
  Graph copy;
  copy.nodes = region.nodes;
  for (uint32_t r : kept) copy.outputs.push_back(region.outputs[r]);
  return copy;
}

/// Which arguments the region still reads.
Flags argsRead(const Graph& region, size_t count) {
  Flags read;
  for (Value v : regionArgs(region, count)) read.push_back(static_cast<bool>(v));
  return read;
}

void renumberArgs(Graph& region, const std::vector<int64_t>& newIndex) {
  for (Node& node : region.nodes)
    if (node.op == Op::Arg) node.attrs.set("index", newIndex[static_cast<size_t>(node.attrs.integer("index"))]);
}

std::vector<uint32_t> indicesOf(const Flags& flags) {
  std::vector<uint32_t> indices;
  for (uint32_t i = 0; i < flags.size(); ++i)
    if (flags[i]) indices.push_back(i);
  return indices;
}

/// A carry stays if its last value is used or if what stays reads it.
Shrunk shrinkScan(const Node& scan, Flags liveResults) {
  const ScanLayout layout(scan);
  Graph body;
  Flags read;
  for (bool changed = true; changed;) {
    changed = false;
    body = keepLive(withOutputs(scan.regions[0], indicesOf(liveResults)));
    read = argsRead(body, layout.operands() + 1);
    for (uint32_t c = 0; c < layout.carries; ++c)
      if (read[layout.carryArg(c)] && !liveResults[c]) {
        liveResults[c] = 1;
        changed = true;
      }
  }
  Shrunk shrunk{scan, indicesOf(liveResults)};
  shrunk.node.in.clear();
  std::vector<int64_t> newIndex(layout.operands() + 1, -1);
  int64_t consts = 0, carries = 0;
  for (uint32_t i = 0; i < layout.operands(); ++i) {
    const bool keep = layout.isCarry(i) ? liveResults[i - layout.consts] : read[i];
    if (!keep) continue;
    newIndex[i] = static_cast<int64_t>(shrunk.node.in.size());
    shrunk.node.in.push_back(scan.in[i]);
    consts += layout.isConst(i);
    carries += layout.isCarry(i);
  }
  newIndex[layout.indexArg()] = static_cast<int64_t>(shrunk.node.in.size());
  renumberArgs(body, newIndex);
  shrunk.node.attrs.set("consts", consts);
  shrunk.node.attrs.set("carries", carries);
  shrunk.node.regions[0] = std::move(body);
  return shrunk;
}

Shrunk shrinkCond(const Node& cond, const Flags& liveResults) {
  Shrunk shrunk{cond, indicesOf(liveResults)};
  const size_t operands = cond.in.size() - 1;
  Flags read(operands, 0);
  for (Graph& region : shrunk.node.regions) {
    region = keepLive(withOutputs(region, shrunk.oldResults));
    Flags here = argsRead(region, operands);
    for (size_t i = 0; i < operands; ++i) read[i] |= here[i];
  }
  std::vector<int64_t> newIndex(operands, -1);
  shrunk.node.in.resize(1);
  for (size_t i = 0; i < operands; ++i) {
    if (!read[i]) continue;
    newIndex[i] = static_cast<int64_t>(shrunk.node.in.size()) - 1;
    shrunk.node.in.push_back(cond.in[i + 1]);
  }
  for (Graph& region : shrunk.node.regions) renumberArgs(region, newIndex);
  return shrunk;
}

bool alwaysStays(const Node& node) {
  return node.op == Op::Leaf && node.attrs.string("kind") == "input";
}

Graph keepLive(Graph graph) {
  ValueSet live;
  for (const Output& output : graph.outputs) live.set(output.value, 1);
  std::vector<std::vector<uint32_t>> kept(graph.nodes.size());  // the old results of each new node; none: dead
  for (uint32_t i = static_cast<uint32_t>(graph.nodes.size()); i-- > 0;) {
    Node& node = graph.nodes[i];
    Flags results;
    for (uint32_t r = 0; r < node.out.size(); ++r) results.push_back(live.get({i, r}));
    if (std::find(results.begin(), results.end(), 1) == results.end() && !alwaysStays(node)) continue;
    if (node.op == Op::Scan || node.op == Op::Cond) {
      Shrunk shrunk = node.op == Op::Scan ? shrinkScan(node, results) : shrinkCond(node, results);
      node = std::move(shrunk.node);
      kept[i] = std::move(shrunk.oldResults);
    } else {
      kept[i] = indicesOf(Flags(node.out.size(), 1));
    }
    for (Value v : node.in) live.set(v, 1);
  }

  Graph out;
  ValueMap map;
  for (uint32_t i = 0; i < graph.nodes.size(); ++i) {
    if (kept[i].empty()) continue;
    Node node = std::move(graph.nodes[i]);
    for (Value& v : node.in) v = map[v];
    std::vector<Type> types;
    for (uint32_t r : kept[i]) types.push_back(std::move(node.out[r]));
    node.out = std::move(types);
    const Value first = out.append(std::move(node));
    for (uint32_t k = 0; k < kept[i].size(); ++k) map.set({i, kept[i][k]}, {first.node, k});
  }
  for (const Output& output : graph.outputs) out.outputs.push_back({output.role, output.name, map[output.value]});
  return out;
}

}  // namespace

Graph deadCode(Graph graph, PassContext&) {
  return keepLive(std::move(graph));
}

}  // namespace nnc
