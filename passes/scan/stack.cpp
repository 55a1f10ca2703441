// Slices at the step's index become elements of a stacked operand: x[.., t + lo, ..] of a constant x of the loop is the
// t-th element of x with that axis first. Its gradient is then a stack, not a sum of mostly-zero tensors. Runs before
// autodiff.
#include "passes/passes.h"
#include "passes/scan/editor.h"

namespace nnc {
namespace {

/// sign · t + offset
struct StepIndex {
  int sign = 0;
  Dim offset;
};

class Stacker {
public:
  Stacker(Builder& outer, const Node& scan)
      : outer_(outer),
        node_(scan),
        layout_(scan),
        body_(scan.regions[0]),
        args_(regionArgs(body_, layout_.operands() + 1)) {}

  std::optional<std::vector<Value>> run() {
    std::vector<Value> stacked(body_.nodes.size());
    bool any = false;
    for (uint32_t i = 0; i < body_.nodes.size(); ++i)
      if (body_.nodes[i].op == Op::DSlice && (stacked[i] = stackFor(body_.nodes[i]))) any = true;
    if (!any) return std::nullopt;
    return rebuildWith(stacked);
  }

private:
  /// The index of an argument, if the value is one.
  std::optional<uint32_t> argIndex(Value v) const {
    const Node& node = body_.node(v);
    if (node.op != Op::Arg) return std::nullopt;
    return static_cast<uint32_t>(node.attrs.integer("index"));
  }

  std::optional<StepIndex> sumOf(std::optional<StepIndex> a, std::optional<StepIndex> b) const {
    if (!a || !b) return std::nullopt;
    return StepIndex{a->sign + b->sign, a->offset + b->offset};
  }

  /// A value of the graph around the scan that is a number or a dimension.
  std::optional<StepIndex> outerIndex(Value v) const {
    const Node& node = outer_.graph().node(v);
    if (node.op == Op::Cast && isInteger(node.out[0].dtype)) return outerIndex(node.in[0]);
    if (node.op == Op::Size) return StepIndex{0, node.attrs.dim("dim")};
    if (node.op == Op::Const && node.attrs.literal("value").isInt())
      return StepIndex{0, node.attrs.literal("value").asInt(0)};
    return std::nullopt;
  }

  std::optional<StepIndex> indexOf(Value v) const {
    const Node& node = body_.node(v);
    switch (node.op) {
      case Op::Arg: {
        const uint32_t arg = *argIndex(v);
        if (arg == layout_.indexArg()) return StepIndex{1, 0};
        return layout_.isConst(arg) ? outerIndex(node_.in[arg]) : std::nullopt;
      }
      case Op::Const:
        if (node.attrs.literal("value").isInt()) return StepIndex{0, node.attrs.literal("value").asInt(0)};
        return std::nullopt;
      case Op::Size:
        return StepIndex{0, node.attrs.dim("dim")};
      case Op::Cast:
        return isInteger(body_.type(v).dtype) ? indexOf(node.in[0]) : std::nullopt;
      case Op::Reshape:
        return indexOf(node.in[0]);
      case Op::Add:
        return sumOf(indexOf(node.in[0]), indexOf(node.in[1]));
      case Op::Neg: {
        auto x = indexOf(node.in[0]);
        if (!x) return std::nullopt;
        return StepIndex{-x->sign, Dim(0) - x->offset};
      }
      default:
        return std::nullopt;
    }
  }

  /// The stacked operand whose t-th element, with an axis of 1 put back, is this dslice. Empty if there is none.
  Value stackFor(const Node& slice) {
    const auto arg = argIndex(slice.in[0]);
    if (!arg || !layout_.isConst(*arg) || slice.in.size() != 2) return {};
    auto index = indexOf(slice.in[1]);
    if (!index || (index->sign != 1 && index->sign != -1) || slice.attrs.dims("sizes")[0] != Dim(1)) return {};
    const Value x = node_.in[*arg];
    const Shape shape = outer_.type(x).shape;
    const auto axis = static_cast<size_t>(slice.attrs.ints("axes")[0]);
    // Positions lo … lo + count - 1; all inside, so that nothing is clamped.
    const Dim lo = index->sign == 1 ? index->offset : index->offset - layout_.count + 1;
    if (!lo.isNonNegative() || !(shape[axis] - lo - layout_.count).isNonNegative()) return {};
    std::vector<Dim> from(shape.size()), to = shape;
    from[axis] = lo;
    to[axis] = lo + layout_.count;
    Value part = x;
    if (from[axis] != Dim(0) || to[axis] != shape[axis])
      part = outer_.make(Op::Slice, {x}, {{"lo", from}, {"hi", to}, {"stride", std::vector<int64_t>(shape.size(), 1)}});
    std::vector<int64_t> perm = {static_cast<int64_t>(axis)};
    for (size_t i = 0; i < shape.size(); ++i)
      if (i != axis) perm.push_back(static_cast<int64_t>(i));
    part = outer_.transpose(part, perm);
    return index->sign == 1 ? part : outer_.make(Op::Reverse, {part}, {{"axes", std::vector<int64_t>{0}}});
  }

  std::vector<Value> rebuildWith(const std::vector<Value>& stacked) {
    ScanEditor edit(outer_, node_);
    ValueMap map;
    auto nameOf = [&](Value arg) { return arg ? body_.node(arg).name : std::string(); };
    for (uint32_t i = 0; i < layout_.operands(); ++i) {
      const Value operand = node_.in[i];
      const Value arg = layout_.isConst(i)   ? edit.constArg(operand, nameOf(args_[i]))
                        : layout_.isCarry(i) ? edit.carryArg(operand, nameOf(args_[i]))
                                             : edit.xArg(operand, nameOf(args_[i]));
      if (args_[i]) map.set(args_[i], arg);
    }
    const Value t = args_[layout_.indexArg()];
    if (t) map.set(t, edit.indexArg(nameOf(t)));
    for (uint32_t i = 0; i < body_.nodes.size(); ++i) {
      const Node& node = body_.nodes[i];
      if (stacked[i]) {
        edit.body().setOrigin(node.origin);
        map.set({i, 0}, edit.body().reshape(edit.xArg(stacked[i], node.name), node.out[0].shape));
      } else if (node.op != Op::Arg) {
        copyNode(body_, i, edit.body().graph(), map);
      }
    }
    std::vector<size_t> ys;
    for (uint32_t r = 0; r < body_.outputs.size(); ++r) {
      const Value v = map[body_.outputs[r].value];
      if (r < layout_.carries) {
        edit.addCarryOut(v);
      } else {
        ys.push_back(edit.addY(v));
      }
    }
    std::vector<Value> made = edit.finish();
    std::vector<Value> results(made.begin(), made.begin() + layout_.carries);
    for (size_t y : ys) results.push_back(made[layout_.carries + y]);
    return results;
  }

  Builder& outer_;
  const Node& node_;
  const ScanLayout layout_;
  const Graph& body_;
  const std::vector<Value> args_;
};

Graph stackGraph(Graph graph) {
  auto rule = [](Builder& b, const Node& node) -> std::optional<std::vector<Value>> {
    // A grad inside the body may name the constant itself.
    if (node.op != Op::Scan || hasGrad(node.regions[0])) return std::nullopt;
    return Stacker(b, node).run();
  };
  return rebuild(std::move(graph), rule, stackGraph);
}

}  // namespace

Graph stack(Graph graph, PassContext&) {
  if (!hasScan(graph)) return graph;
  return stackGraph(std::move(graph));
}

}  // namespace nnc
