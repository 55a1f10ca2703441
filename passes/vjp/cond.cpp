// The gradient of cond: a cond on the same predicate whose regions run the branch again and go back through it.
#include "passes/region.h"
#include "passes/vjp/vjp.h"

namespace nnc {
namespace {

/// What the gradient's regions receive and return.
struct CondGradient {
  const Node& node;
  std::vector<char> wanted;           // by operand after the predicate
  std::vector<uint32_t> resultsUsed;  // results into which a gradient flows, in order
  std::vector<Type> operandTypes;
};

/// One branch and the way back through it; `gradients` gets one value for each operand, empty where none flows.
Graph transposeRegion(const Graph& branch, const CondGradient& c, std::vector<Value>& gradients) {
  Graph region;
  Builder b(region);
  ValueMap map;
  const size_t operands = c.operandTypes.size();
  std::vector<Value> args, incoming;
  for (size_t i = 0; i < operands; ++i) args.push_back(appendArg(region, c.operandTypes[i], i, c.node.origin));
  for (size_t k = 0; k < c.resultsUsed.size(); ++k)
    incoming.push_back(appendArg(region, c.node.out[c.resultsUsed[k]], operands + k, c.node.origin));
  std::vector<Value> old = regionArgs(branch, operands);
  for (size_t i = 0; i < operands; ++i)
    if (old[i]) map.set(old[i], args[i]);
  for (uint32_t i = 0; i < branch.nodes.size(); ++i)
    if (branch.nodes[i].op != Op::Arg) copyNode(branch, i, region, map);

  std::vector<Value> sources;
  for (size_t i = 0; i < operands; ++i)
    if (c.wanted[i]) sources.push_back(args[i]);
  const auto end = static_cast<uint32_t>(region.nodes.size());
  Reverse reverse(b, dependents(region, sources));
  for (size_t k = 0; k < incoming.size(); ++k)
    reverse.accumulate(map[branch.outputs[c.resultsUsed[k]].value], incoming[k]);
  reverse.run(end);
  for (size_t i = 0; i < operands; ++i) gradients.push_back(c.wanted[i] ? reverse.gradient(args[i]) : Value());
  return region;
}

}  // namespace

void vjp_cond(Vjp& v) {
  CondGradient c{v.node, {}, {}, {}};
  std::vector<Value> in = v.node.in;
  for (size_t i = 1; i < v.node.in.size(); ++i) {
    c.wanted.push_back(v.needs(i));
    c.operandTypes.push_back(v.inType(i));
  }
  for (uint32_t r = 0; r < v.node.out.size(); ++r)
    if (v.g(r)) {
      c.resultsUsed.push_back(r);
      in.push_back(v.g(r));
    }

  std::vector<Graph> regions;
  std::vector<std::vector<Value>> gradients(v.node.regions.size());
  for (size_t k = 0; k < v.node.regions.size(); ++k)
    regions.push_back(transposeRegion(v.node.regions[k], c, gradients[k]));
  std::vector<size_t> returned;
  for (size_t i = 0; i < c.wanted.size(); ++i) {
    bool reached = false;
    for (const auto& list : gradients) reached |= static_cast<bool>(list[i]);
    if (!reached) continue;
    returned.push_back(i);
    for (size_t k = 0; k < regions.size(); ++k) {
      Builder b(regions[k]);
      b.setOrigin(v.node.origin);
      Value g = gradients[k][i] ? gradients[k][i] : b.constant(0, c.operandTypes[i]);
      regions[k].outputs.push_back({OutputRole::Result, "", g});
    }
  }
  if (returned.empty()) return;
  std::vector<Value> results = v.b.makeMulti(Op::Cond, in, {}, std::move(regions));
  for (size_t k = 0; k < returned.size(); ++k) v.give(returned[k] + 1, results[k]);
}

}  // namespace nnc
