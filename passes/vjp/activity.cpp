#include "passes/vjp/activity.h"

#include "passes/region.h"

namespace nnc {
namespace {

/// Does the gradient of some result reach operand i of this (region-free) node?
bool carriesGradient(const Node& node, size_t i) {
  switch (node.op) {
    case Op::Select:
      return i != 0;
    case Op::Gather:
    case Op::DSlice:
      return i == 0;
    case Op::Scatter:
      return i != 1;
    case Op::DUpdate:
      return i <= 1;
    case Op::Grad:  // to be expanded: it depends on what it is of and by
      return true;
    default:
      return isDifferentiable(node.op);
  }
}

std::vector<Value> outputValues(const Graph& region) {
  std::vector<Value> values;
  for (const Output& output : region.outputs) values.push_back(output.value);
  return values;
}

/// The flags of a region's outputs, given those of its arguments.
Flags forwardRegion(const Graph& region, const Flags& args) {
  std::vector<Value> seeds;
  std::vector<Value> values = regionArgs(region, args.size());
  for (size_t i = 0; i < args.size(); ++i)
    if (args[i] && values[i]) seeds.push_back(values[i]);
  ValueSet active = dependents(region, seeds);
  Flags flags;
  for (Value v : outputValues(region)) flags.push_back(active.get(v));
  return flags;
}

/// The flags of a region's arguments, given those of its outputs.
Flags backwardRegion(const Graph& region, const Flags& outputs, size_t args) {
  std::vector<Value> seeds;
  for (size_t i = 0; i < outputs.size(); ++i)
    if (outputs[i]) seeds.push_back(region.outputs[i].value);
  ValueSet live = dependencies(region, seeds);
  Flags flags;
  for (Value v : regionArgs(region, args)) flags.push_back(v ? live.get(v) : 0);
  return flags;
}

void merge(Flags& into, const Flags& from) {
  for (size_t i = 0; i < into.size(); ++i) into[i] |= from[i];
}

Flags forwardScan(const Node& node, const Flags& in) {
  ScanLayout scan(node);
  Flags args = activeScanArgs(node, in);
  Flags out = forwardRegion(node.regions[0], args);
  for (uint32_t c = 0; c < scan.carries; ++c) out[c] |= in[scan.carryArg(c)];  // no step at all returns the start
  return out;
}

Flags backwardScan(const Node& node, const Flags& out) {
  ScanLayout scan(node);
  Flags outputs = liveScanOutputs(node, out);
  Flags in = backwardRegion(node.regions[0], outputs, scan.operands() + 1);
  for (uint32_t c = 0; c < scan.carries; ++c) in[scan.carryArg(c)] |= outputs[c];
  in.pop_back();  // the index
  return in;
}

Flags forwardNode(const Node& node, const Flags& in) {
  Flags out(node.out.size(), 0);
  if (node.op == Op::Scan) {
    out = forwardScan(node, in);
  } else if (node.op == Op::Cond) {
    for (const Graph& region : node.regions) merge(out, forwardRegion(region, Flags(in.begin() + 1, in.end())));
  } else {
    for (size_t i = 0; i < in.size(); ++i)
      if (in[i] && carriesGradient(node, i)) out.assign(out.size(), 1);
  }
  for (size_t r = 0; r < out.size(); ++r) out[r] = out[r] && isFloat(node.out[r].dtype);
  return out;
}

Flags backwardNode(const Node& node, const Flags& out) {
  Flags in(node.in.size(), 0);
  if (node.op == Op::Scan) return backwardScan(node, out);
  if (node.op == Op::Cond) {
    for (const Graph& region : node.regions) {
      Flags args = backwardRegion(region, out, node.in.size() - 1);
      for (size_t i = 0; i < args.size(); ++i) in[i + 1] |= args[i];
    }
    return in;
  }
  for (size_t i = 0; i < in.size(); ++i) in[i] = carriesGradient(node, i);
  return in;
}

bool any(const Flags& flags) {
  for (char f : flags)
    if (f) return true;
  return false;
}

}  // namespace

// Carries go round until nothing new is reached.
Flags activeScanArgs(const Node& node, const Flags& operands) {
  ScanLayout scan(node);
  Flags args = operands;
  args.push_back(0);
  for (bool changed = true; changed;) {
    changed = false;
    Flags out = forwardRegion(node.regions[0], args);
    for (uint32_t c = 0; c < scan.carries; ++c) {
      changed |= out[c] && !args[scan.carryArg(c)];
      args[scan.carryArg(c)] |= out[c];
    }
  }
  return args;
}

Flags liveScanOutputs(const Node& node, const Flags& results) {
  ScanLayout scan(node);
  Flags outputs = results;
  for (bool changed = true; changed;) {
    changed = false;
    Flags args = backwardRegion(node.regions[0], outputs, scan.operands() + 1);
    for (uint32_t c = 0; c < scan.carries; ++c) {
      changed |= args[scan.carryArg(c)] && !outputs[c];
      outputs[c] |= args[scan.carryArg(c)];
    }
  }
  return outputs;
}

ValueSet dependents(const Graph& graph, const std::vector<Value>& seeds) {
  ValueSet active;
  for (Value v : seeds)
    if (isFloat(graph.type(v).dtype)) active.set(v, 1);
  for (uint32_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    Flags in;
    for (Value v : node.in) in.push_back(active.get(v));
    if (!any(in)) continue;
    Flags out = forwardNode(node, in);
    for (uint32_t r = 0; r < out.size(); ++r)
      if (out[r]) active.set({i, r}, 1);
  }
  return active;
}

ValueSet dependencies(const Graph& graph, const std::vector<Value>& seeds) {
  ValueSet live;
  for (Value v : seeds)
    if (isFloat(graph.type(v).dtype)) live.set(v, 1);
  for (uint32_t i = static_cast<uint32_t>(graph.nodes.size()); i-- > 0;) {
    const Node& node = graph.nodes[i];
    Flags out;
    for (uint32_t r = 0; r < node.out.size(); ++r) out.push_back(live.get({i, r}));
    if (!any(out)) continue;
    Flags in = backwardNode(node, out);
    for (size_t k = 0; k < in.size(); ++k)
      if (in[k] && isFloat(graph.type(node.in[k]).dtype)) live.set(node.in[k], 1);
  }
  return live;
}

}  // namespace nnc
