#include "ir/eval.h"

#include <fmt/format.h>

#include "ir/check.h"
#include "ir/eval/rules.h"

namespace nnc {
namespace eval {
namespace {

using Rule = Results (*)(const Context&);
constexpr Rule kRules[] = {
#define OP(name, text, ...) eval_##text,
#include "ir/ops.def"
#undef OP
};

void roundResults(Results& results) {
  for (Tensor& t : results)
    for (double& value : t.floats) value = roundTo(value, t.dtype);
}

}  // namespace

std::vector<Results> runGraph(const Graph& graph, std::span<const Tensor* const> args, const EvalInputs& inputs,
                              const EvalOptions& options) {
  std::vector<Results> values;
  values.reserve(graph.nodes.size());
  for (const Node& node : graph.nodes) {
    Context context{node, {}, args, inputs, options};
    for (const Value& v : node.in) context.in.push_back(&values[v.node][v.result]);
    values.push_back(kRules[static_cast<size_t>(node.op)](context));
    NNC_CHECK(values.back().size() == node.out.size(), fmt::format("eval of `{}` lost a result", opInfo(node.op).text));
    if (options.roundToDType) roundResults(values.back());
  }
  return values;
}

std::vector<Tensor> runRegion(const Graph& graph, std::span<const Tensor* const> args, const Context& c) {
  const std::vector<Results> values = runGraph(graph, args, c.inputs, c.options);
  std::vector<Tensor> outputs;
  for (const Output& output : graph.outputs) outputs.push_back(values[output.value.node][output.value.result]);
  return outputs;
}

}  // namespace eval

std::vector<std::vector<Tensor>> evaluateAll(const Graph& graph, const EvalInputs& inputs, const EvalOptions& options) {
  return eval::runGraph(graph, {}, inputs, options);
}

std::vector<Tensor> evaluate(const Graph& graph, const EvalInputs& inputs, const EvalOptions& options) {
  const std::vector<std::vector<Tensor>> values = evaluateAll(graph, inputs, options);
  std::vector<Tensor> outputs;
  for (const Output& output : graph.outputs) outputs.push_back(values[output.value.node][output.value.result]);
  return outputs;
}

}  // namespace nnc
