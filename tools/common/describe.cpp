#include "tools/common/describe.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace nnc::tools {

using nlohmann::ordered_json;

namespace {

ordered_json fieldJson(const DataField& field) {
  return {{"name", field.name},
          {"dtype", dtypeName(field.row.dtype)},
          {"shape", constExtents(field.row.shape)},
          {"bound", field.bound},
          {"source", field.source.empty() ? field.name : field.source},
          {"symbols", field.symbols},
          {"vocabulary", field.vocabulary}};
}

ordered_json dataJson(const DataSource& data) {
  ordered_json fields = ordered_json::array();
  for (const DataField& field : data.raw) fields.push_back(fieldJson(field));
  ordered_json statistics = ordered_json::array();
  for (const DataStatistic& s : data.statistics)
    statistics.push_back({{"entry", s.function}, {"variable", s.variable}, {"of", s.of}});
  ordered_json checks = ordered_json::array();
  for (const DataCheck& c : data.checks)
    checks.push_back({{"entry", c.function}, {"field", c.field}, {"bound", c.bound}});
  return {{"name", data.name}, {"reader", data.reader},    {"path", data.path}, {"settings", data.settings},
          {"fields", fields},  {"statistics", statistics}, {"checks", checks}};
}

/// True if output `name` of the eval function depends on metric state: then its value at the end of a pass is the
/// metric.
bool isStateful(const Module& module, const Function& eval, const std::string& name) {
  std::vector<uint32_t> work;
  for (const Output& output : eval.body.outputs)
    if (output.role == OutputRole::Metric && output.name == name) work.push_back(output.value.node);
  std::vector<bool> seen(eval.body.nodes.size());
  while (!work.empty()) {
    uint32_t at = work.back();
    work.pop_back();
    if (seen[at]) continue;
    seen[at] = true;
    const Node& node = eval.body.nodes[at];
    if (node.op == Op::Leaf && node.attrs.string("kind") == "state") {
      const Variable* variable = module.variable(node.attrs.string("name"));
      if (variable && variable->kind == Variable::Kind::MetricState) return true;
    }
    for (Value in : node.in) work.push_back(in.node);
  }
  return false;
}

/// The names of a metric's numbers in row-major order: its own, or "confusion[0][1]".
std::vector<std::string> elementNames(const std::string& name, const Shape& shape) {
  std::vector<std::string> names = {name};
  for (const Dim& d : shape) {
    std::vector<std::string> longer;
    for (const std::string& n : names)
      for (int64_t i = 0; i < d.value(); ++i) longer.push_back(fmt::format("{}[{}]", n, i));
    names = std::move(longer);
  }
  return names;
}

ordered_json metricsJson(const TrainBlock& train, const Module& module) {
  ordered_json metrics = ordered_json::array();
  const Function* eval = module.function(train.eval);
  const Graph& step = module.function(train.step)->body;
  for (const Output& output : step.outputs) {
    if (output.role != OutputRole::Metric) continue;
    const std::vector<std::string> names = elementNames(output.name, step.type(output.value).shape);
    for (size_t i = 0; i < names.size(); ++i)
      metrics.push_back({{"name", names[i]},
                         {"output", output.name},
                         {"element", i},
                         {"stateful", eval && isStateful(module, *eval, output.name)}});
  }
  return metrics;
}

ordered_json trainJson(const TrainBlock& train, const Module& module) {
  std::string startPass = train.name + ".start_pass";
  return {{"name", train.name},
          {"data", train.data},
          {"step", train.step},
          {"eval", train.eval},
          {"start_pass", module.function(startPass) ? startPass : ""},
          {"batch", train.batch},
          {"epochs", train.epochs},
          {"seed", train.seed},
          {"steps", train.steps},
          {"patience", train.patience},
          {"monitor", train.monitor},
          {"maximize", train.maximize},
          {"metrics", metricsJson(train, module)}};
}

}  // namespace

std::string describe(const Module& module) {
  ordered_json all;
  for (const char* list : {"data", "trains", "hypers", "texts", "copies"}) all[list] = ordered_json::array();
  for (const DataSource& data : module.data) all["data"].push_back(dataJson(data));
  for (const TrainBlock& train : module.trains) all["trains"].push_back(trainJson(train, module));
  for (const Hyper& hyper : module.hypers)
    all["hypers"].push_back({{"name", hyper.name}, {"value", hyper.value}, {"run_time", hyper.runTime}});
  for (const Function& function : module.functions)
    for (const auto& [port, vocabulary] : function.texts)
      all["texts"].push_back({{"entry", function.name}, {"port", port}, {"vocabulary", vocabulary}});
  for (const Variable& v : module.variables)
    if (!v.copyOf.empty()) all["copies"].push_back({{"variable", v.path}, {"of", v.copyOf}});
  return all.dump();
}

}  // namespace nnc::tools
