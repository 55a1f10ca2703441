// Dots of a scan that no carry decides are taken for all steps at once: x_t · W becomes one dot of the stacked x. So is
// a stacked result no carry decides; a scan of which nothing is left is gone.
#include <algorithm>

#include "passes/passes.h"
#include "passes/scan/editor.h"
#include "passes/scan/steps.h"

namespace nnc {
namespace {

class Batcher {
public:
  Batcher(Builder& outer, const Node& scan)
      : node_(scan),
        layout_(scan),
        body_(scan.regions[0]),
        args_(regionArgs(body_, layout_.operands() + 1)),
        steps_(outer, scan),
        edit_(outer, scan) {}

  std::optional<std::vector<Value>> run() {
    if (!findLifted()) return std::nullopt;
    for (uint32_t c = 0; c < layout_.carries; ++c) {
      const Value arg = args_[layout_.carryArg(c)];
      const Value carried = edit_.carryArg(node_.in[layout_.carryArg(c)], arg ? body_.node(arg).name : "");
      if (arg) map_.set(arg, carried);
    }
    if (Value t = args_[layout_.indexArg()]) map_.set(t, edit_.indexArg(body_.node(t).name));
    // What is needed is copied from the outputs back, so that nothing stays that was lifted.
    return finish();
  }

private:
  /// Marks what leaves the loop: dots, and whole stacked results with an op in them.
  bool findLifted() {
    lifted_.assign(body_.nodes.size(), 0);
    for (uint32_t i = 0; i < body_.nodes.size(); ++i)
      lifted_[i] = body_.nodes[i].op == Op::Dot && steps_.isLiftable({i, 0});
    bool any = std::find(lifted_.begin(), lifted_.end(), 1) != lifted_.end();
    for (uint32_t r = layout_.carries; r < body_.outputs.size(); ++r) any |= steps_.isLiftable(body_.outputs[r].value);
    return any;
  }

  Value inBody(Value v) {
    if (map_.has(v)) return map_[v];
    const Node& node = body_.node(v);
    Value here;
    if (node.op == Op::Arg) {
      here = steps_.isInvariant(v) ? edit_.constArg(steps_.outside(v), node.name)
                                   : edit_.xArg(steps_.stacked(v), node.name);
    } else if (lifted_[v.node]) {
      here = edit_.xArg(steps_.stacked(v), node.name);
    } else {
      for (Value operand : node.in) inBody(operand);
      copyNode(body_, v.node, edit_.body().graph(), map_);
      return map_[v];
    }
    map_.set(v, here);
    return here;
  }

  std::vector<Value> finish() {
    std::vector<Value> results(body_.outputs.size());
    std::vector<size_t> ys(body_.outputs.size());
    for (uint32_t r = 0; r < body_.outputs.size(); ++r) {
      const Value v = body_.outputs[r].value;
      if (r < layout_.carries) {
        edit_.addCarryOut(inBody(v));
      } else if (steps_.isLiftable(v) || steps_.isInvariant(v)) {
        results[r] = steps_.stacked(v);
      } else {
        ys[r] = edit_.addY(inBody(v));
      }
    }
    std::vector<Value> made = edit_.finish();
    for (uint32_t r = 0; r < results.size(); ++r)
      if (!results[r]) results[r] = made[r < layout_.carries ? r : layout_.carries + ys[r]];
    return results;
  }

  const Node& node_;
  const ScanLayout layout_;
  const Graph& body_;
  const std::vector<Value> args_;
  StepsAtOnce steps_;
  ScanEditor edit_;
  std::vector<char> lifted_;
  ValueMap map_;
};

}  // namespace

Graph batchSteps(Graph graph, PassContext&) {
  return rewriteScans<Batcher>(std::move(graph));
}

}  // namespace nnc
