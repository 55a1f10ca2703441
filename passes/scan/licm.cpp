// Loop-invariant code: what is the same in every step of a scan is computed once before it. A carry that is handed on
// as it came, and a stacked operand whose elements are equal, are constants of the loop.
#include <algorithm>

#include "passes/passes.h"
#include "passes/scan/editor.h"

namespace nnc {
namespace {

/// Costs nothing where it stands: it stays in the body.
bool isFree(Op op) {
  const OpClass cls = opInfo(op).cls;
  return cls == OpClass::View || (cls == OpClass::Source && op != Op::Rand);
}

class Hoister {
public:
  Hoister(Builder& outer, const Node& scan)
      : outer_(outer),
        node_(scan),
        layout_(scan),
        body_(scan.regions[0]),
        args_(regionArgs(body_, layout_.operands() + 1)),
        edit_(outer, scan) {}

  std::vector<Value> run() {
    for (uint32_t c = 0; c < layout_.carries; ++c) invariantCarry_.push_back(isHandedOn(c));
    declareArgs();
    for (uint32_t i = 0; i < body_.nodes.size(); ++i) {
      const Node& node = body_.nodes[i];
      if (node.op == Op::Arg) continue;
      const bool invariant =
          std::all_of(node.in.begin(), node.in.end(), [&](Value v) { return invariant_.get(v) != 0; });
      if (invariant) {
        for (Value v : resultsOf(body_, i)) invariant_.set(v, 1);
      } else {
        for (Value v : node.in) inBody(v);
        copyNode(body_, i, edit_.body().graph(), map_);
      }
    }
    return finish();
  }

private:
  /// c' = c
  bool isHandedOn(uint32_t c) const {
    const Value arg = args_[layout_.carryArg(c)];
    return arg && body_.outputs[c].value == arg;
  }

  void declareArgs() {
    for (uint32_t i = 0; i < layout_.operands(); ++i) {
      const Value arg = args_[i];
      const std::string name = arg ? body_.node(arg).name : "";
      if (layout_.isCarry(i) && !invariantCarry_[i - layout_.consts]) {
        const Value carried = edit_.carryArg(node_.in[i], name);
        if (arg) map_.set(arg, carried);
        continue;
      }
      if (!arg) continue;
      if (auto same = layout_.isX(i) ? equalElements(node_.in[i]) : std::optional(node_.in[i])) {
        invariant_.set(arg, 1);
        outside_.set(arg, *same);
      } else {
        map_.set(arg, edit_.xArg(node_.in[i], name));
      }
    }
    if (Value t = args_[layout_.indexArg()]) map_.set(t, edit_.indexArg(body_.node(t).name));
  }

  /// x = broadcast(y) along its first axis: each element is y.
  std::optional<Value> equalElements(Value x) {
    const Type type = outer_.type(x);
    if (auto literal = splatLiteral(outer_.graph(), x)) return splatConstant(outer_, *literal, elementType(type));
    const Node* spread = defines(outer_.graph(), x, Op::Broadcast);
    if (!spread || spread->attrs.ints("axes").empty() || spread->attrs.ints("axes")[0] != 0) return std::nullopt;
    const Value inner = spread->in[0];
    std::vector<int64_t> axes = spread->attrs.ints("axes");
    std::vector<Dim> extents = spread->attrs.dims("extents");
    axes.erase(axes.begin());
    extents.erase(extents.begin());
    for (int64_t& axis : axes) --axis;
    return axes.empty() ? inner : outer_.broadcast(inner, axes, extents);
  }

  /// An invariant value computed before the scan.
  Value hoisted(Value v) {
    if (Value known = outside_.get(v)) return known;
    Node node = body_.node(v);
    for (Value& operand : node.in) operand = hoisted(operand);
    const Value first = outer_.graph().append(std::move(node));
    for (uint32_t r = 0; r < body_.nodes[v.node].out.size(); ++r) outside_.set({v.node, r}, {first.node, r});
    return outside_.get(v);
  }

  /// A value in the new body. Invariant ones come in as constants, or are free and stand there again.
  Value inBody(Value v) {
    if (map_.has(v)) return map_[v];
    const Node& node = body_.node(v);
    Value here;
    if (node.op == Op::Arg) {
      const Value operand = outside_.get(v);
      auto literal = splatLiteral(outer_.graph(), operand);
      here = literal ? splatConstant(edit_.body(), *literal, body_.type(v)) : edit_.constArg(operand, node.name);
    } else if (isFree(node.op)) {
      for (Value operand : node.in) inBody(operand);
      copyNode(body_, v.node, edit_.body().graph(), map_);
      return map_[v];
    } else {
      here = edit_.constArg(hoisted(v), node.name);
    }
    map_.set(v, here);
    return here;
  }

  std::vector<Value> finish() {
    std::vector<Value> results(body_.outputs.size());
    std::vector<size_t> fromCarry(body_.outputs.size()), fromY(body_.outputs.size());
    size_t carries = 0;
    for (uint32_t r = 0; r < body_.outputs.size(); ++r) {
      const Value v = body_.outputs[r].value;
      if (r < layout_.carries) {
        if (invariantCarry_[r]) {
          results[r] = node_.in[layout_.carryArg(r)];
        } else {
          edit_.addCarryOut(inBody(v));
          fromCarry[r] = carries++;
        }
      } else if (invariant_.get(v)) {
        results[r] = outer_.broadcast(hoisted(v), {0}, {layout_.count});
      } else {
        fromY[r] = edit_.addY(map_[v]);
      }
    }
    std::vector<Value> made = edit_.finish();
    for (uint32_t r = 0; r < results.size(); ++r)
      if (!results[r]) results[r] = made[r < layout_.carries ? fromCarry[r] : carries + fromY[r]];
    return results;
  }

  Builder& outer_;
  const Node& node_;
  const ScanLayout layout_;
  const Graph& body_;
  const std::vector<Value> args_;
  ScanEditor edit_;
  std::vector<char> invariantCarry_;
  ValueTable<char> invariant_;
  ValueTable<Value> outside_;  // of invariant values: where they are before the scan
  ValueMap map_;               // into the new body
};

}  // namespace

Graph licm(Graph graph, PassContext&) {
  return rewriteScans<Hoister>(std::move(graph));
}

}  // namespace nnc
