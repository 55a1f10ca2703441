// Numerically stable forms of what a user writes naively, before differentiation, so that gradients are stable too:
// softmax and log-sum-exp are shifted by their maximum, logarithms of quotients, sums and logistics never underflow.
// Values that a grad names keep their place on the path: no rule looks through them.
#include <cmath>
#include <limits>

#include "passes/passes.h"
#include "passes/rewrite.h"

namespace nnc {
namespace {

using Result = std::optional<Value>;
using Ints = std::vector<int64_t>;

class StableForms {
public:
  StableForms(const Graph& graph) : pinnedOld_(graph.nodes.size(), 0) {
    for (const Node& node : graph.nodes)
      if (node.op == Op::Grad)
        for (size_t i = 1; i < node.in.size(); ++i) pinnedOld_[node.in[i].node] = 1;
  }

  /// The rule for the nodes of the graph in order.
  std::optional<std::vector<Value>> next(Builder& b, const Node& node) {
    b_ = &b;
    const uint32_t old = next_++;
    const auto position = static_cast<uint32_t>(b.graph().nodes.size());
    Result stable = rewrite(node);
    if (pinnedOld_[old]) pinned_.set(stable ? *stable : Value{position, 0}, 1);
    if (!stable) return std::nullopt;
    return std::vector{*stable};
  }

private:
  const Graph& graph() const { return b_->graph(); }
  /// The node of v, unless it is of another kind or a grad names it.
  std::optional<Node> match(Value v, Op op) const {
    if (graph().node(v).op != op || pinned_.get({v.node, 0})) return std::nullopt;
    return graph().node(v);
  }
  /// The number everywhere in a constant, written plainly or as the negation of one, that no grad names.
  std::optional<double> numberOf(Value v) const {
    if (pinned_.get({v.node, 0})) return std::nullopt;
    if (const Node* negated = defines(graph(), v, Op::Neg)) {
      auto number = numberOf(negated->in[0]);
      return number ? std::optional(-*number) : std::nullopt;
    }
    if (graph().node(v).op == Op::Broadcast || graph().node(v).op == Op::Reshape)
      return numberOf(graph().node(v).in[0]);
    return graph().node(v).op == Op::Const ? splatValue(graph(), v) : std::nullopt;
  }
  bool isNumber(Value v, double number) const { return numberOf(v) == number; }
  Value like(double value, Value of) { return b_->constantLike(value, of); }
  Value unary(Op op, Value x) { return b_->unary(op, x); }

  Result rewrite(const Node& node) {
    switch (node.op) {
      case Op::Log:
        return rewriteLog(node);
      case Op::Log1p:
        return softplus(node);
      case Op::Div:
        return rewriteDiv(node);
      case Op::Add:
        return rewriteAdd(node);
      case Op::Pow:
        return rewritePow(node);
      default:
        return std::nullopt;
    }
  }

  Result rewriteLog(const Node& node) {
    const Value x = node.in[0];
    if (auto e = match(x, Op::Exp)) return e->in[0];  // log(e^x) = x
    if (auto p = match(x, Op::Logistic)) return logLogistic(p->in[0]);
    if (auto q = match(x, Op::Div)) {
      // log(e^x / s) = x - log s
      auto e = match(q->in[0], Op::Exp);
      if (!e) return std::nullopt;
      return b_->sub(e->in[0], logOf(q->in[1]));
    }
    if (auto spread = match(x, Op::Broadcast))  // log(broadcast x) = broadcast(log x)
      return b_->make(Op::Broadcast, {logOf(spread->in[0])}, spread->attrs);
    if (auto sum = match(x, Op::Sum)) return logSumExp(*sum);
    if (auto sum = match(x, Op::Add)) {
      // log(1 + x) = log1p(x)
      for (int i = 0; i < 2; ++i)
        if (isNumber(sum->in[i], 1)) return log1pOf(sum->in[1 - i]);
    }
    return std::nullopt;
  }

  /// log x in the form the rules give it.
  Value logOf(Value x) {
    Node node;
    node.op = Op::Log;
    node.in = {x};
    Result stable = rewriteLog(node);
    return stable ? *stable : unary(Op::Log, x);
  }

  Value log1pOf(Value x) {
    Node node;
    node.op = Op::Log1p;
    node.in = {x};
    Result stable = softplus(node);
    return stable ? *stable : unary(Op::Log1p, x);
  }

  /// log(1/(1 + e^-x)) = -(max(-x, 0) + log1p(e^-|x|)). The order of the operands of max makes the slope at 0 be 1/2.
  Value logLogistic(Value x) {
    Value negative = b_->neg(x);
    Value size = b_->make(Op::Max, {negative, x});
    Value tail = unary(Op::Log1p, unary(Op::Exp, b_->neg(size)));
    return b_->neg(b_->add(b_->make(Op::Max, {negative, like(0, x)}), tail));
  }

  /// log(1 + e^x) = max(x, 0) + log1p(e^-|x|), which does not overflow.
  Result softplus(const Node& node) {
    auto e = match(node.in[0], Op::Exp);
    if (!e || isNeverPositive(e->in[0])) return std::nullopt;
    const Value x = e->in[0];
    Value size = b_->make(Op::Max, {x, b_->neg(x)});
    Value tail = unary(Op::Log1p, unary(Op::Exp, b_->neg(size)));
    return b_->add(b_->make(Op::Max, {x, like(0, x)}), tail);
  }

  /// -max(x, -x) and -(x x)
  bool isNeverPositive(Value v) const {
    const Node* negated = defines(graph(), v, Op::Neg);
    if (!negated) return false;
    const Node& inner = graph().node(negated->in[0]);
    if (inner.op == Op::Mul) return inner.in[0] == inner.in[1];
    if (inner.op != Op::Max) return false;
    auto negates = [&](Value a, Value b) {
      const Node* n = defines(graph(), a, Op::Neg);
      return n && n->in[0] == b;
    };
    return negates(inner.in[0], inner.in[1]) || negates(inner.in[1], inner.in[0]);
  }

  /// Is x something minus a maximum already?
  bool isShifted(Value x) const {
    const Node* sum = defines(graph(), x, Op::Add);
    if (!sum) return false;
    for (Value v : sum->in) {
      const Node* n = &graph().node(v);
      while (n->op == Op::Neg || n->op == Op::Broadcast || n->op == Op::Stop || n->op == Op::Reshape)
        n = &graph().node(n->in[0]);
      if (n->op == Op::RMax || n->op == Op::Max) return true;
    }
    return false;
  }

  /// The maximum over some axes, kept finite so that x - max is no NaN of infinities; no gradient goes through it.
  Value finiteMaximum(Value x, const Ints& axes) {
    Value m = x;
    for (size_t i = axes.size(); i-- > 0;) m = b_->make(Op::RMax, {m}, {{"axis", axes[i]}});
    const double limit = graph().type(x).dtype == DType::F64   ? std::numeric_limits<double>::max()
                         : graph().type(x).dtype == DType::F16 ? 65504.0
                                                               : 3.3895313892515355e38;  // the largest bf16, an f32 too
    m = b_->make(Op::Max, {m, like(-limit, m)});
    m = b_->neg(b_->make(Op::Max, {b_->neg(m), like(-limit, m)}));
    return unary(Op::Stop, m);
  }

  Value spread(Value m, const Ints& axes, Value like) {
    std::vector<Dim> extents;
    for (int64_t axis : axes) extents.push_back(graph().type(like).shape[static_cast<size_t>(axis)]);
    return b_->broadcast(m, axes, extents);
  }

  /// log Σ e^x = m + log Σ e^(x - m), m the maximum
  Result logSumExp(const Node& sum) {
    auto e = match(sum.in[0], Op::Exp);
    if (!e || isShifted(e->in[0])) return std::nullopt;
    const Value x = e->in[0];
    const Ints axes = sum.attrs.ints("axes");
    Value m = finiteMaximum(x, axes);
    Value shifted = unary(Op::Exp, b_->sub(x, spread(m, axes, x)));
    return b_->add(m, unary(Op::Log, b_->make(Op::Sum, {shifted}, sum.attrs)));
  }

  Result rewriteDiv(const Node& node) {
    const Value x = node.in[0], y = node.in[1];
    if (isNumber(x, 1))
      if (auto sum = match(y, Op::Add))
        for (int i = 0; i < 2; ++i) {
          // 1 / (1 + e^-x) = logistic(x)
          auto e = match(sum->in[1 - i], Op::Exp);
          if (e && isNumber(sum->in[i], 1)) return unary(Op::Logistic, negated(e->in[0]));
        }
    return softmax(x, y);
  }

  Value negated(Value x) {
    const Node* inner = defines(graph(), x, Op::Neg);
    return inner ? inner->in[0] : b_->neg(x);
  }

  /// e^x / Σ e^x = e^(x - m) / Σ e^(x - m), m the maximum
  Result softmax(Value numerator, Value denominator) {
    auto e = match(numerator, Op::Exp);
    auto repeated = match(denominator, Op::Broadcast);
    if (!e || !repeated || isShifted(e->in[0])) return std::nullopt;
    auto sum = match(repeated->in[0], Op::Sum);
    if (!sum) return std::nullopt;
    auto summed = match(sum->in[0], Op::Exp);
    const Ints axes = sum->attrs.ints("axes");
    if (!summed || summed->in[0] != e->in[0] || axes != repeated->attrs.ints("axes")) return std::nullopt;
    const Value x = e->in[0];
    Value shifted = unary(Op::Exp, b_->sub(x, spread(finiteMaximum(x, axes), axes, x)));
    return b_->div(shifted, b_->make(Op::Broadcast, {b_->make(Op::Sum, {shifted}, sum->attrs)}, repeated->attrs));
  }

  Result rewriteAdd(const Node& node) {
    for (int i = 0; i < 2; ++i) {
      const Value x = node.in[i], y = node.in[1 - i];
      if (isNumber(x, 1))
        if (auto minus = match(y, Op::Neg))
          if (auto p = match(minus->in[0], Op::Logistic))
            return unary(Op::Logistic, negated(p->in[0]));  // 1 - σ(x) = σ(-x)
      if (isNumber(x, -1))
        if (auto e = match(y, Op::Exp)) return unary(Op::Expm1, e->in[0]);  // e^x - 1 = expm1(x)
    }
    return std::nullopt;
  }

  /// Powers by small numbers: x² = x x, x³ = x x x, x⁻¹ = 1/x, x^½ = √x, x^-½ = 1/√x, x⁰ = 1.
  Result rewritePow(const Node& node) {
    const Value x = node.in[0];
    auto exponent = numberOf(node.in[1]);
    if (!exponent) return std::nullopt;
    if (*exponent == 1) return x;
    if (*exponent == 2) return b_->mul(x, x);
    if (*exponent == 3) return b_->mul(b_->mul(x, x), x);
    if (*exponent == -1) return b_->div(like(1, x), x);
    if (*exponent == 0.5) return unary(Op::Sqrt, x);
    if (*exponent == -0.5) return b_->div(like(1, x), unary(Op::Sqrt, x));
    return std::nullopt;
  }

  Builder* b_ = nullptr;
  uint32_t next_ = 0;
  std::vector<char> pinnedOld_;
  ValueTable<char> pinned_;
};

Graph stableGraph(Graph graph) {
  StableForms forms(graph);
  return rebuild(std::move(graph), [&](Builder& b, const Node& node) { return forms.next(b, node); }, stableGraph);
}

}  // namespace

Graph stable(Graph graph, PassContext&) {
  return stableGraph(std::move(graph));
}

}  // namespace nnc
