// Saves or makes again: a value one scan stacks only for another (its gradient) is dropped where the other can make it
// from what it reads anyway, by a few operations that cost less than a store and a load.
#include <set>

#include "passes/passes.h"
#include "passes/scan/editor.h"

namespace nnc {
namespace {

constexpr int kMaxOps = 6;

/// No transcendental, no sum, nothing that is large: cheaper than memory.
bool isCheap(Op op) {
  switch (op) {
    case Op::Neg:
    case Op::Not:
    case Op::Cast:
    case Op::Add:
    case Op::Mul:
    case Op::Max:
    case Op::Lt:
    case Op::Le:
    case Op::Eq:
    case Op::And:
    case Op::Or:
    case Op::Select:
    case Op::Const:
    case Op::Iota:
    case Op::Size:
    case Op::Reshape:
    case Op::Transpose:
    case Op::Reverse:
    case Op::Broadcast:
    case Op::Slice:
      return true;
    default:
      return false;
  }
}

/// The stacks of the scan `from` that the scan `to` reads: which of them it makes again, and how.
class Saved {
public:
  /// `readOnce[i]`: nothing but `to` reads its operand i.
  Saved(const Graph& graph, uint32_t from, const Node& to, const std::vector<char>& readOnce)
      : node_(graph.nodes[from]), layout_(node_), body_(node_.regions[0]) {
    for (Value v : to.in)
      if (v.node == from && v.result >= layout_.carries) available_.set(bodyValue(v), 1);
    // From the first to the last, so that each is made from what came before it.
    std::set<Value> candidates;
    for (size_t i = 0; i < to.in.size(); ++i)
      if (to.in[i].node == from && to.in[i].result >= layout_.carries && readOnce[i])
        candidates.insert(bodyValue(to.in[i]));
    for (Value v : candidates) {
      int ops = 0;
      if (body_.node(v).op == Op::Arg || !canMake(v, true, ops) || ops > kMaxOps) continue;
      dropped_.set(v, 1);
      any_ = true;
    }
  }

  bool any() const { return any_; }
  bool isDropped(uint32_t result) const { return dropped_.get(body_.outputs[result].value) != 0; }
  Value bodyValue(Value stack) const { return body_.outputs[stack.result].value; }
  const Graph& body() const { return body_; }
  const ScanLayout& layout() const { return layout_; }
  const Node& node() const { return node_; }
  /// A value that comes in as it is: saved and kept.
  bool isKept(Value v) const { return available_.get(v) && !dropped_.get(v); }

private:
  bool canMake(Value v, bool itself, int& ops) const {
    if (!itself && isKept(v)) return true;
    const Node& node = body_.node(v);
    if (node.op == Op::Arg) return !layout_.isCarry(static_cast<uint32_t>(node.attrs.integer("index")));
    if (!isCheap(node.op) || node.out.size() != 1) return false;
    ops += isElementwise(node.op);
    if (ops > kMaxOps) return false;
    for (Value operand : node.in)
      if (!canMake(operand, false, ops)) return false;
    return true;
  }

  const Node node_;  // a copy: the graph grows while the other scan is made
  const ScanLayout layout_;
  const Graph& body_;
  ValueTable<char> available_, dropped_;
  bool any_ = false;
};

/// The scan `to` with the dropped values made in its body.
class Remaker {
public:
  Remaker(Builder& outer, const Node& to, const Saved& saved, uint32_t from)
      : node_(to), layout_(to), body_(to.regions[0]), saved_(saved), from_(from), edit_(outer, to) {}

  std::vector<Value> run() {
    const std::vector<Value> args = regionArgs(body_, layout_.operands() + 1);
    auto nameOf = [&](Value arg) { return arg ? body_.node(arg).name : std::string(); };
    std::vector<std::pair<Value, Value>> remade;  // argument of the old body, value of the forward body
    for (uint32_t i = 0; i < layout_.operands(); ++i) {
      const Value operand = node_.in[i];
      if (isDropped(i)) {
        if (args[i]) remade.emplace_back(args[i], saved_.bodyValue(operand));
        continue;
      }
      const Value here = layout_.isConst(i)   ? edit_.constArg(operand, nameOf(args[i]))
                         : layout_.isCarry(i) ? edit_.carryArg(operand, nameOf(args[i]))
                                              : edit_.xArg(operand, nameOf(args[i]));
      if (args[i]) map_.set(args[i], here);
    }
    if (Value t = args[layout_.indexArg()]) map_.set(t, edit_.indexArg(nameOf(t)));
    for (auto [arg, value] : remade) map_.set(arg, make(value));
    for (uint32_t i = 0; i < body_.nodes.size(); ++i)
      if (body_.nodes[i].op != Op::Arg) copyNode(body_, i, edit_.body().graph(), map_);
    return finish();
  }

private:
  bool isDropped(uint32_t operand) const {
    const Value v = node_.in[operand];
    return layout_.isX(operand) && v.node == from_ && v.result >= saved_.layout().carries && saved_.isDropped(v.result);
  }

  /// A value of the forward body, in the new body.
  Value make(Value v) {
    if (made_.has(v)) return made_[v];
    const Node& node = saved_.body().node(v);
    const Node& forward = saved_.node();
    Value here;
    if (saved_.isKept(v)) {
      here = edit_.xArg(stackOf(v), node.name);
    } else if (node.op == Op::Arg) {
      const auto arg = static_cast<uint32_t>(node.attrs.integer("index"));
      const ScanLayout& layout = saved_.layout();
      here = layout.isConst(arg) ? edit_.constArg(forward.in[arg], node.name)
             : layout.isX(arg)   ? edit_.xArg(forward.in[arg], node.name)
                                 : edit_.indexArg(node.name);
    } else {
      for (Value operand : node.in) make(operand);
      copyNode(saved_.body(), v.node, edit_.body().graph(), made_);
      return made_[v];
    }
    made_.set(v, here);
    return here;
  }

  Value stackOf(Value v) const {
    for (uint32_t r = saved_.layout().carries; r < saved_.body().outputs.size(); ++r)
      if (saved_.body().outputs[r].value == v) return {from_, r};
    return {};
  }

  std::vector<Value> finish() {
    std::vector<size_t> ys;
    for (uint32_t r = 0; r < body_.outputs.size(); ++r) {
      const Value v = map_[body_.outputs[r].value];
      if (r < layout_.carries) {
        edit_.addCarryOut(v);
      } else {
        ys.push_back(edit_.addY(v));
      }
    }
    std::vector<Value> made = edit_.finish();
    std::vector<Value> results(made.begin(), made.begin() + layout_.carries);
    for (size_t y : ys) results.push_back(made[layout_.carries + y]);
    return results;
  }

  const Node& node_;
  const ScanLayout layout_;
  const Graph& body_;
  const Saved& saved_;
  const uint32_t from_;
  ScanEditor edit_;
  ValueMap map_, made_;
};

/// The earlier scan of as many steps whose stacks this one reads, if it reads those of one.
std::optional<uint32_t> producer(const Graph& graph, const Node& scan) {
  const ScanLayout layout(scan);
  for (uint32_t i = layout.consts + layout.carries; i < layout.operands(); ++i) {
    const Node& from = graph.node(scan.in[i]);
    if (from.op == Op::Scan && from.attrs.dim("count") == layout.count && scan.in[i].result >= ScanLayout(from).carries)
      return scan.in[i].node;
  }
  return std::nullopt;
}

Graph recomputeGraph(Graph graph) {
  const ValueTable<uint32_t> uses = useCounts(graph);
  std::vector<std::vector<char>> readOnce;  // by node, by operand
  for (const Node& node : graph.nodes) {
    readOnce.emplace_back();
    for (Value v : node.in) readOnce.back().push_back(uses.get(v) == 1);
  }
  uint32_t next = 0;
  auto rule = [&](Builder& b, const Node& node) -> std::optional<std::vector<Value>> {
    const uint32_t index = next++;
    if (node.op != Op::Scan) return std::nullopt;
    const auto from = producer(b.graph(), node);
    if (!from) return std::nullopt;
    const Saved saved(b.graph(), *from, node, readOnce[index]);
    if (!saved.any()) return std::nullopt;
    return Remaker(b, node, saved, *from).run();
  };
  return rebuild(std::move(graph), rule, recomputeGraph);
}

}  // namespace

Graph recompute(Graph graph, PassContext&) {
  if (hasGrad(graph) || !hasScan(graph)) return graph;
  return recomputeGraph(std::move(graph));
}

}  // namespace nnc
