// Reduced precision: the operands of contractions are rounded to the program's compute type. Products and sums are
// those of the rounded numbers, in f32; parameters, activations, state and everything elementwise stay f32.
#include "passes/passes.h"
#include "passes/rewrite.h"

namespace nnc {
namespace {

Graph roundOperands(Graph graph, DType compute) {
  auto rule = [compute](Builder& b, const Node& node) -> std::optional<std::vector<Value>> {
    if ((node.op != Op::Dot && node.op != Op::Conv) || b.type(node.in[0]).dtype != DType::F32) return std::nullopt;
    std::vector<Value> rounded;
    for (Value v : node.in) rounded.push_back(b.cast(b.cast(v, compute), DType::F32));
    return b.makeMulti(node.op, rounded, node.attrs);
  };
  return rebuild(std::move(graph), rule, [compute](Graph region) { return roundOperands(std::move(region), compute); });
}

}  // namespace

Graph mixedPrecision(Graph graph, PassContext& context) {
  if (context.module.compute == DType::F32) return graph;
  return roundOperands(std::move(graph), context.module.compute);
}

}  // namespace nnc
