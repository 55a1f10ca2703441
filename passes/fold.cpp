// Constant folding by the reference interpreter. Only where the result is the same bit for bit as computing it at run
// time: arithmetic that is correctly rounded, integers, comparisons, conversions and views; no sums, no
// transcendentals.
#include "ir/eval.h"
#include "passes/passes.h"
#include "passes/rewrite.h"

namespace nnc {
namespace {

constexpr int64_t kMaxElements = 1024;  // larger tables stay computations, which are smaller

/// Correctly rounded (or not rounded at all), so that folding changes no bit.
bool isExact(Op op) {
  switch (op) {
    case Op::Exp:
    case Op::Expm1:
    case Op::Log:
    case Op::Log1p:
    case Op::Tanh:
    case Op::Logistic:
    case Op::Erf:
    case Op::Sin:
    case Op::Cos:
    case Op::Atan:
    case Op::Pow:
    case Op::Stop:
      return false;
    default:
      return isElementwise(op) || opInfo(op).cls == OpClass::View;
  }
}

Literal literalOf(const Tensor& tensor) {
  if (isFloat(tensor.dtype)) return {tensor.floats};
  return {tensor.ints};
}

/// The value of `node` on constant operands of the given types.
Tensor evaluateOn(const Node& node, const std::vector<Literal>& operands, const std::vector<Type>& types) {
  Graph graph;
  Builder b(graph);
  std::vector<Value> in;
  for (size_t i = 0; i < operands.size(); ++i) in.push_back(splatConstant(b, operands[i], types[i]));
  graph.outputs.push_back({OutputRole::Result, "", b.make(node.op, in, node.attrs)});
  return evaluate(graph, {}, {.roundToDType = true})[0];
}

/// One element decides all: evaluate the op on scalars, and fill.
std::optional<Value> foldSplats(Builder& b, const Node& node) {
  std::vector<Literal> operands;
  std::vector<Type> scalars;
  for (Value v : node.in) {
    auto literal = splatLiteral(b.graph(), v);
    if (!literal) return std::nullopt;
    operands.push_back(*literal);
    scalars.push_back({b.type(v).dtype, {}});
  }
  if (isElementwise(node.op)) return splatConstant(b, literalOf(evaluateOn(node, operands, scalars)), node.out[0]);
  switch (node.op) {
    case Op::Reshape:
    case Op::Transpose:
    case Op::Reverse:
    case Op::Broadcast:
    case Op::Slice:
    case Op::Window:
      return splatConstant(b, operands[0], node.out[0]);
    default:
      return std::nullopt;
  }
}

bool isSmall(const Type& type) {
  return isConstShape(type.shape) && elementCount(type.shape).value() <= kMaxElements;
}

std::optional<Value> foldTensors(Builder& b, const Node& node) {
  std::vector<Literal> operands;
  std::vector<Type> types;
  if (!isSmall(node.out[0])) return std::nullopt;
  for (Value v : node.in) {
    const Node* constant = defines(b.graph(), v, Op::Const);
    if (!constant || !isSmall(constant->out[0])) return std::nullopt;
    operands.push_back(constant->attrs.literal("value"));
    types.push_back(constant->out[0]);
  }
  return splatConstant(b, literalOf(evaluateOn(node, operands, types)), node.out[0]);
}

std::optional<std::vector<Value>> foldNode(Builder& b, const Node& node) {
  if (node.op == Op::Size && node.attrs.dim("dim").isConst())
    return std::vector{b.constant(static_cast<double>(node.attrs.dim("dim").value()), node.out[0])};
  if (!isExact(node.op) || node.in.empty()) return std::nullopt;
  auto folded = foldSplats(b, node);
  if (!folded) folded = foldTensors(b, node);
  if (!folded) return std::nullopt;
  return std::vector{*folded};
}

Graph foldGraph(Graph graph) {
  return rebuild(std::move(graph), foldNode, foldGraph);
}

}  // namespace

Graph fold(Graph graph, PassContext&) {
  if (hasGrad(graph)) return graph;
  return foldGraph(std::move(graph));
}

}  // namespace nnc
