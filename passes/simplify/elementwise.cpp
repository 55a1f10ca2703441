// Identities of elementwise ops.
#include <cmath>

#include "passes/simplify/rules.h"

namespace nnc {
namespace {

using Result = std::optional<Value>;

/// Every value of `from` is a value of `to`, so the conversion loses nothing.
bool isWidening(DType from, DType to) {
  if (from == to) return true;
  auto bits = [](DType t) { return dtypeSize(t) * 8; };
  if (isFloat(from) && isFloat(to)) return to == DType::F64 || (to == DType::F32 && bits(from) == 16);
  if (from == DType::Bool) return true;
  if (isInteger(from) && isInteger(to))
    return from == DType::U8 ? bits(to) > 8 : to != DType::U8 && bits(to) >= bits(from);
  return false;
}

Result simplifyCast(Builder& b, const Node& node) {
  const DType to = node.attrs.dtype("dtype");
  if (b.type(node.in[0]).dtype == to) return node.in[0];  // cast to its own dtype
  const Node* inner = defines(b.graph(), node.in[0], Op::Cast);
  if (!inner) return std::nullopt;
  const Value x = inner->in[0];
  const DType from = b.type(x).dtype, between = b.type(node.in[0]).dtype;
  // cast(cast(x, wider), to) = cast(x, to), within floats or within integers
  const bool oneKind = (isFloat(from) && isFloat(to)) || (isInteger(from) && isInteger(to)) || from == DType::Bool;
  if (!isWidening(from, between) || !oneKind || (from == DType::Bool && to == DType::Bool)) return std::nullopt;
  return b.cast(x, to);
}

/// Known not to be -0, so that adding +0 changes nothing.
bool isNeverNegativeZero(const Graph& graph, Value v) {
  if (auto number = splatValue(graph, v)) return !(*number == 0 && std::signbit(*number));
  const Node& node = graph.node(v);
  switch (node.op) {
    case Op::Exp:
    case Op::Logistic:
    case Op::Rand:
      return true;
    case Op::Mul:
      return node.in[0] == node.in[1];
    case Op::Broadcast:
    case Op::Reshape:
    case Op::Transpose:
      return isNeverNegativeZero(graph, node.in[0]);
    case Op::Add:
      return isNeverNegativeZero(graph, node.in[0]) || isNeverNegativeZero(graph, node.in[1]);
    default:
      return isInteger(graph.type(v).dtype);
  }
}

Result simplifyAdd(Builder& b, const Node& node) {
  if (node.in[0] == node.in[1] && isFloat(node.out[0].dtype))
    return b.mul(node.in[0], b.constant(2, node.out[0]));  // x + x = 2x
  for (int i = 0; i < 2; ++i) {
    const Value x = node.in[1 - i], zero = node.in[i];
    if (isSplat(b.graph(), zero, -0.0)) return x;                                      // x + -0 = x
    if (isSplat(b.graph(), zero, 0.0) && isNeverNegativeZero(b.graph(), x)) return x;  // x + 0 = x unless x is -0
  }
  return std::nullopt;
}

/// ±2ⁿ whose reciprocal the type holds exactly too.
bool isPowerOfTwo(double v, DType dtype) {
  int exponent;
  const double fraction = std::frexp(std::abs(v), &exponent);
  return std::isfinite(v) && fraction == 0.5 && std::abs(exponent) < (dtypeSize(dtype) >= 4 ? 100 : 14);
}

Result simplifyMul(Builder& b, const Node& node) {
  for (int i = 0; i < 2; ++i) {
    const Value x = node.in[1 - i];
    if (isSplat(b.graph(), node.in[i], 1)) return x;          // x · 1 = x
    if (isSplat(b.graph(), node.in[i], -1)) return b.neg(x);  // x · -1 = -x
  }
  const Node* p = defines(b.graph(), node.in[0], Op::Neg);
  const Node* q = defines(b.graph(), node.in[1], Op::Neg);
  if (p && q) return b.mul(p->in[0], q->in[0]);  // -x · -y = x y
  for (int i = 0; i < 2; ++i) {
    const Node* negated = defines(b.graph(), node.in[i], Op::Neg);
    const Value other = node.in[1 - i];
    if (!negated) continue;
    const Value x = negated->in[0];
    if (auto c = splatValue(b.graph(), other); c && isFloat(b.type(other).dtype))
      return b.mul(x, b.constantLike(-*c, other));  // -x · c = x · -c
  }
  return std::nullopt;
}

Result simplifyDiv(Builder& b, const Node& node) {
  if (auto c = splatValue(b.graph(), node.in[1]); c && isPowerOfTwo(*c, node.out[0].dtype)) {
    if (*c == 1) return node.in[0];                                // x / 1 = x
    return b.mul(node.in[0], b.constantLike(1 / *c, node.in[1]));  // x / 2ⁿ = x · 2⁻ⁿ
  }
  const Node* p = defines(b.graph(), node.in[0], Op::Neg);
  const Node* q = defines(b.graph(), node.in[1], Op::Neg);
  if (p && q) return b.div(p->in[0], q->in[0]);  // -x / -y = x / y
  return std::nullopt;
}

Result simplifyNeg(Builder& b, const Node& node) {
  if (const Node* inner = defines(b.graph(), node.in[0], Op::Neg)) return inner->in[0];  // -(-x) = x
  if (const Node* product = defines(b.graph(), node.in[0], Op::Mul)) {
    const Value x = product->in[0], y = product->in[1];
    if (!isFloat(b.type(x).dtype)) return std::nullopt;
    if (auto c = splatValue(b.graph(), y)) return b.mul(x, b.constantLike(-*c, y));  // -(x c) = x · -c
    if (auto c = splatValue(b.graph(), x)) return b.mul(y, b.constantLike(-*c, x));
  }
  return std::nullopt;
}

Result simplifySelect(Builder& b, const Node& node) {
  const Value c = node.in[0], yes = node.in[1], no = node.in[2];
  if (yes == no) return yes;                                                 // c ? x : x = x
  if (auto known = splatValue(b.graph(), c)) return *known != 0 ? yes : no;  // true ? x : y = x
  if (const Node* inverted = defines(b.graph(), c, Op::Not)) {
    const Value condition = inverted->in[0];
    return b.select(condition, no, yes);  // !c ? x : y = c ? y : x
  }
  if (const Node* inner = defines(b.graph(), yes, Op::Select); inner && inner->in[0] == c) {
    const Value x = inner->in[1];
    return b.select(c, x, no);  // c ? (c ? x : y) : z = c ? x : z
  }
  if (const Node* inner = defines(b.graph(), no, Op::Select); inner && inner->in[0] == c) {
    const Value z = inner->in[2];
    return b.select(c, yes, z);  // c ? x : (c ? y : z) = c ? x : z
  }
  return std::nullopt;
}

Result simplifyLogic(Builder& b, const Node& node) {
  const bool isAnd = node.op == Op::And;
  if (node.in[0] == node.in[1]) return node.in[0];  // p ∧ p = p ∨ p = p
  for (int i = 0; i < 2; ++i)
    if (auto known = splatValue(b.graph(), node.in[i]))
      return (*known != 0) == isAnd ? node.in[1 - i] : node.in[i];  // true ∧ p = p, false ∧ p = false; dually for ∨
  return std::nullopt;
}

Result simplifyCompare(Builder& b, const Node& node) {
  if (node.in[0] != node.in[1]) return std::nullopt;
  if (node.op == Op::Lt) return b.constant(0, node.out[0]);  // x < x is false, for NaN too
  if (!isFloat(b.type(node.in[0]).dtype)) return b.constant(1, node.out[0]);
  return std::nullopt;
}

/// A value that is one number everywhere, in another shape: a constant, or a scalar repeated.
std::optional<Value> inShape(Builder& b, Value v, const Shape& shape) {
  if (auto literal = splatLiteral(b.graph(), v)) return splatConstant(b, *literal, {b.type(v).dtype, shape});
  const Node* spread = defines(b.graph(), v, Op::Broadcast);
  if (!spread || b.type(spread->in[0]).rank() != 0) return std::nullopt;
  const Value scalar = spread->in[0];
  return b.fill(scalar, shape);
}

/// op(view x, view y, c) = view(op(x, y, c)) for one broadcast, reshape or transpose of all operands: a broadcast's
/// work is done on fewer elements, and the others meet their inverses further on.
Result hoistView(Builder& b, const Node& node) {
  std::optional<Node> view;
  for (Value v : node.in) {
    const Node& operand = b.graph().node(v);
    const bool hoists = operand.op == Op::Broadcast || operand.op == Op::Reshape || operand.op == Op::Transpose;
    if (!hoists || splatLiteral(b.graph(), v)) continue;
    // A repeated scalar goes along with any other view.
    if (!view || b.type(view->in[0]).rank() == 0) view = operand;
  }
  if (!view) return std::nullopt;
  const Shape shape = b.type(view->in[0]).shape;
  std::vector<Value> in;
  for (Value v : node.in) {
    const Node& operand = b.graph().node(v);
    if (operand.op == view->op && operand.attrs == view->attrs && b.type(operand.in[0]).shape == shape) {
      in.push_back(operand.in[0]);
    } else if (auto uniform = inShape(b, v, shape)) {
      in.push_back(*uniform);
    } else {
      return std::nullopt;
    }
  }
  return b.make(view->op, {b.make(node.op, in, node.attrs)}, view->attrs);
}

Result simplifyByOp(Builder& b, const Node& node) {
  switch (node.op) {
    case Op::Cast:
      return simplifyCast(b, node);
    case Op::Add:
      return simplifyAdd(b, node);
    case Op::Mul:
      return simplifyMul(b, node);
    case Op::Div:
      return simplifyDiv(b, node);
    case Op::Neg:
      return simplifyNeg(b, node);
    case Op::Select:
      return simplifySelect(b, node);
    case Op::And:
    case Op::Or:
      return simplifyLogic(b, node);
    case Op::Lt:
    case Op::Le:
    case Op::Eq:
      return simplifyCompare(b, node);
    case Op::Not:
      if (const Node* inner = defines(b.graph(), node.in[0], Op::Not)) return inner->in[0];  // ¬¬p = p
      return std::nullopt;
    case Op::Max:
      if (node.in[0] == node.in[1]) return node.in[0];  // max(x, x) = x
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

}  // namespace

std::optional<Value> simplifyElementwise(Builder& b, const Node& node) {
  if (Result simpler = simplifyByOp(b, node)) return simpler;
  return hoistView(b, node);
}

}  // namespace nnc
