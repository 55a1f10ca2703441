#include "tools/nn/first_round.h"

#include <algorithm>

#include "passes/region.h"
#include "passes/rewrite.h"

namespace nnc::tools {

namespace {

class Straightener {
public:
  Graph of(const Graph& graph) {
    ValueMap map;
    copy(graph, map);
    for (const Output& o : graph.outputs) out_.outputs.push_back({o.role, o.name, map[o.value]});
    return std::move(out_);
  }

private:
  /// All nodes of a graph, or of a region, whose arguments are mapped already.
  void copy(const Graph& from, ValueMap& map) {
    for (uint32_t i = 0; i < from.nodes.size(); ++i) {
      const Node& node = from.nodes[i];
      if (node.op == Op::Arg) continue;
      const bool holds = std::ranges::any_of(node.regions, hasGrad);
      if (holds && node.op == Op::Scan && !node.attrs.flag("reverse"))
        firstRound(node, i, map);
      else if (holds && node.op == Op::Cond)
        taken(node, i, map);
      else
        copyNode(from, i, out_, map);
    }
  }

  void firstRound(const Node& scan, uint32_t number, ValueMap& map) {
    const ScanLayout layout(scan);
    const Graph& body = scan.regions[0];
    const std::vector<Value> args = regionArgs(body, layout.operands() + 1);
    ValueMap inside;
    for (uint32_t k = 0; k < args.size(); ++k) {
      if (!args[k]) continue;
      const Type& type = body.type(args[k]);
      if (k == layout.indexArg())
        inside.set(args[k], builder_.constant(0, type));
      else if (layout.isX(k))
        inside.set(args[k], first(map[scan.in[k]], type));
      else
        inside.set(args[k], map[scan.in[k]]);
    }
    copy(body, inside);
    for (uint32_t r = 0; r < scan.out.size(); ++r) {
      const Value v = inside[body.outputs[r].value];
      map.set({number, r}, r < layout.carries ? v : builder_.broadcast(v, {0}, {layout.count}));
    }
  }

  /// Element 0 of a stacked value.
  Value first(Value stacked, const Type& element) {
    const Value start = builder_.constant(0, Type{DType::I32, {}});
    const Value one = builder_.make(Op::DSlice, {stacked, start},
                                    {{"axes", std::vector<int64_t>{0}}, {"sizes", std::vector<Dim>{1}}});
    return builder_.reshape(one, element.shape);
  }

  void taken(const Node& cond, uint32_t number, ValueMap& map) {
    std::vector<Value> results;
    for (const Graph& region : cond.regions) {
      if (!hasGrad(region)) continue;
      ValueMap inside;
      const std::vector<Value> args = regionArgs(region, cond.in.size() - 1);
      for (uint32_t k = 0; k < args.size(); ++k)
        if (args[k]) inside.set(args[k], map[cond.in[k + 1]]);
      copy(region, inside);
      if (!results.empty()) continue;
      for (const Output& o : region.outputs) results.push_back(inside[o.value]);
    }
    for (uint32_t r = 0; r < results.size(); ++r) map.set({number, r}, results[r]);
  }

  Graph out_;
  Builder builder_{out_};
};

}  // namespace

Graph withFirstRounds(const Graph& graph) {
  return Straightener().of(graph);
}

}  // namespace nnc::tools
