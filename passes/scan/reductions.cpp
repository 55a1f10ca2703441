// Sums leave the loop: a carry c' = c + f that nothing else reads is c₀ + Σ f over the steps. Where f is a dot, its
// operands are stacked and the step is one more contracted axis, so that the gradient of a recurrent weight is one dot.
#include <algorithm>

#include "passes/passes.h"
#include "passes/scan/editor.h"
#include "passes/scan/steps.h"

namespace nnc {
namespace {

using Ints = std::vector<int64_t>;

class Reducer {
public:
  Reducer(Builder& outer, const Node& scan)
      : outer_(outer),
        node_(scan),
        layout_(scan),
        body_(scan.regions[0]),
        args_(regionArgs(body_, layout_.operands() + 1)),
        uses_(useCounts(body_)),
        steps_(outer, scan),
        edit_(outer, scan) {}

  std::optional<std::vector<Value>> run() {
    terms_.resize(layout_.carries);
    bool any = false;
    for (uint32_t c = 0; c < layout_.carries; ++c) {
      Value term = addedTerm(c);
      if (!term || !canReduce(term)) continue;
      terms_[c] = term;
      any = true;
    }
    if (!any) return std::nullopt;
    copyRest();
    return finish();
  }

private:
  /// f of c' = c + f, if neither c nor c' is read by anything else.
  Value addedTerm(uint32_t c) const {
    const Value arg = args_[layout_.carryArg(c)], out = body_.outputs[c].value;
    const Node* add = defines(body_, out, Op::Add);
    if (!arg || !add || uses_.get(arg) != 1 || uses_.get(out) != 1 || !isFloat(body_.type(out).dtype)) return {};
    if (add->in[0] == arg) return add->in[1];
    return add->in[1] == arg ? add->in[0] : Value();
  }

  /// Σ op(f) = op(Σ f): ops of one operand that are linear, conversions to a longer float among them.
  bool isLinear(const Node& node) const {
    switch (node.op) {
      case Op::Neg:
      case Op::Transpose:
      case Op::Reshape:
        return true;
      case Op::Cast:
        return isFloat(body_.type(node.in[0]).dtype) &&
               dtypeSize(body_.type(node.in[0]).dtype) < dtypeSize(node.out[0].dtype);
      default:
        return false;
    }
  }

  bool isZeros(Value v) const { return splatValue(body_, v) == 0.0; }
  bool isScatterOfZeros(const Node& node) const {
    return node.op == Op::Scatter && node.attrs.string("mode") == "add" && node.attrs.integer("axis") == 0 &&
           node.attrs.integer("batch") == 0 && isZeros(node.in[0]);
  }

  /// Worth it: sums of dots, sums and scatters, whose operands are no larger than a step's activations, and small
  /// vectors.
  bool canReduce(Value f) const {
    const Node& node = body_.node(f);
    if (isLinear(node)) return canReduce(node.in[0]);
    switch (node.op) {
      case Op::Add:
        return canReduce(node.in[0]) && canReduce(node.in[1]);
      case Op::Dot:
        return !steps_.isInvariant(f);
      case Op::Sum:
        return true;
      default:
        return isScatterOfZeros(node) || steps_.isLiftable(f) || body_.type(f).rank() <= 1;
    }
  }

  /// Makes the values that Σ f needs stacked results of the new scan.
  void request(Value f) {
    const Node& node = body_.node(f);
    if (isLinear(node)) return request(node.in[0]);
    switch (node.op) {
      case Op::Add:
        request(node.in[0]);
        request(node.in[1]);
        return;
      case Op::Dot:
        requestStack(node.in[0]);
        requestStack(node.in[1]);
        return;
      case Op::Sum:
        return requestStack(node.in[0]);
      default:
        if (isScatterOfZeros(node)) {
          requestStack(node.in[1]);
          requestStack(node.in[2]);
        } else {
          requestStack(f);
        }
    }
  }

  void requestStack(Value v) {
    if (steps_.isInvariant(v) || steps_.isLiftable(v) || requested_.get(v)) return;
    requested_.set(v, edit_.addY(inBody(v)) + 1);
  }

  /// [count, …] of a value that was requested.
  Value stackOf(Value v) {
    if (size_t number = requested_.get(v)) return made_[keptCarries_ + number - 1];
    return steps_.stacked(v);
  }

  Value overSteps(Value stack) { return outer_.sum(stack, {0}); }

  /// Σ f over the steps.
  Value reduced(Value f) {
    const Node& node = body_.node(f);
    outer_.setOrigin(node.origin);
    if (isLinear(node)) {
      Value inner = reduced(node.in[0]);
      return outer_.make(node.op, {inner}, node.attrs);
    }
    switch (node.op) {
      case Op::Add: {
        Value first = reduced(node.in[0]);
        return outer_.add(first, reduced(node.in[1]));
      }
      case Op::Dot:
        return reducedDot(node);
      case Op::Sum: {
        Ints axes = {0};
        for (int64_t axis : node.attrs.ints("axes")) axes.push_back(axis + 1);
        Attrs attrs = node.attrs;
        attrs.set("axes", axes);
        return outer_.make(Op::Sum, {stackOf(node.in[0])}, attrs);
      }
      default: {
        if (!isScatterOfZeros(node)) return overSteps(stackOf(f));
        Value zeros = outer_.constant(0, node.out[0]);
        return outer_.make(Op::Scatter, {zeros, stackOf(node.in[1]), stackOf(node.in[2])}, node.attrs);
      }
    }
  }

  /// Σ_t a_t · b_t contracts the step too; with one operand the same in every step, Σ_t a · b_t = a · Σ_t b_t.
  Value reducedDot(const Node& node) {
    const Value a = node.in[0], b = node.in[1];
    if (steps_.isInvariant(a)) return outer_.make(Op::Dot, {steps_.outside(a), overSteps(stackOf(b))}, node.attrs);
    if (steps_.isInvariant(b)) return outer_.make(Op::Dot, {overSteps(stackOf(a)), steps_.outside(b)}, node.attrs);
    Attrs attrs = node.attrs;
    for (const char* name : {"batch_a", "batch_b", "contract_a", "contract_b"}) {
      Ints axes = node.attrs.ints(name);
      for (int64_t& axis : axes) ++axis;
      if (name[0] == 'c') axes.insert(axes.begin(), 0);
      attrs.set(name, axes);
    }
    return outer_.make(Op::Dot, {stackOf(a), stackOf(b)}, attrs);
  }

  /// Everything that is left of the body, from its outputs back.
  void copyRest() {
    for (uint32_t i = 0; i < layout_.operands(); ++i) {
      const Value arg = args_[i];
      const std::string name = arg ? body_.node(arg).name : "";
      if (layout_.isCarry(i) && terms_[i - layout_.consts]) continue;
      const Value here = layout_.isConst(i)   ? edit_.constArg(node_.in[i], name)
                         : layout_.isCarry(i) ? edit_.carryArg(node_.in[i], name)
                                              : edit_.xArg(node_.in[i], name);
      if (arg) map_.set(arg, here);
    }
    keptCarries_ = edit_.carries();
    if (Value t = args_[layout_.indexArg()]) map_.set(t, edit_.indexArg(body_.node(t).name));
    for (uint32_t r = 0; r < body_.outputs.size(); ++r) {
      if (r >= layout_.carries) {
        ys_.push_back(edit_.addY(inBody(body_.outputs[r].value)));
      } else if (!terms_[r]) {
        edit_.addCarryOut(inBody(body_.outputs[r].value));
      }
    }
    for (Value f : terms_)
      if (f) request(f);
  }

  Value inBody(Value v) {
    if (map_.has(v)) return map_[v];
    for (Value operand : body_.node(v).in) inBody(operand);
    copyNode(body_, v.node, edit_.body().graph(), map_);
    return map_[v];
  }

  std::vector<Value> finish() {
    made_ = edit_.finish();
    std::vector<Value> results;
    size_t kept = 0;
    for (uint32_t c = 0; c < layout_.carries; ++c) {
      if (!terms_[c]) {
        results.push_back(made_[kept++]);
        continue;
      }
      const Value init = node_.in[layout_.carryArg(c)];
      Value total = reduced(terms_[c]);
      if (splatValue(outer_.graph(), init) != 0.0) total = outer_.add(init, total);
      if (outer_.graph().node(total).name.empty())
        outer_.graph().node(total).name = body_.node(args_[layout_.carryArg(c)]).name;
      results.push_back(total);
    }
    for (size_t y : ys_) results.push_back(made_[keptCarries_ + y]);
    return results;
  }

  Builder& outer_;
  const Node& node_;
  const ScanLayout layout_;
  const Graph& body_;
  const std::vector<Value> args_;
  const ValueTable<uint32_t> uses_;
  StepsAtOnce steps_;
  ScanEditor edit_;
  std::vector<Value> terms_;      // of each carry that leaves: what is added
  ValueTable<size_t> requested_;  // 1 + the number of the stack
  std::vector<size_t> ys_;
  std::vector<Value> made_;
  size_t keptCarries_ = 0;
  ValueMap map_;
};

}  // namespace

Graph reductions(Graph graph, PassContext&) {
  return rewriteScans<Reducer>(std::move(graph));
}

}  // namespace nnc
