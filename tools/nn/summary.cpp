// nn summary: the layers of a model with what they yield and hold, and what its entries cost.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "tools/nn/commands.h"

namespace nnc::tools {

namespace {

struct LayerRow {
  std::string path, output;
  int64_t parameters = 0, state = 0;
};

/// The function that shows the network best: what is exported, else an evaluation.
const Function* shown(const Module& module) {
  for (Function::Kind kind : {Function::Kind::Export, Function::Kind::Eval})
    for (const Function& function : module.functions)
      if (function.kind == kind) return &function;
  return nullptr;
}

class Layers {
public:
  explicit Layers(const Module& module) {
    if (const Function* function = shown(module))
      for (const Node& node : function->body.nodes)
        if (node.op != Op::Leaf && !node.out.empty() && !node.origin.pathOrEmpty().empty())
          row(std::string(node.origin.pathOrEmpty())).output = node.out[0].str();
    for (const Variable& variable : module.variables) {
      if (variable.kind != Variable::Kind::Param && variable.kind != Variable::Kind::State) continue;
      LayerRow& owner = row(variable.path.substr(0, variable.path.rfind('.')));
      const int64_t count = elementCount(variable.type.shape).value();
      (variable.kind == Variable::Kind::Param ? owner.parameters : owner.state) += count;
    }
  }

  std::string table() const {
    size_t wide = 8, output = 6;
    LayerRow sum{"in all", "", 0, 0};
    for (const LayerRow& r : rows_) {
      wide = std::max(wide, r.path.size());
      output = std::max(output, r.output.size());
      sum.parameters += r.parameters;
      sum.state += r.state;
    }
    std::string text =
        fmt::format("{:<{}}  {:<{}}  {:>12}  {:>8}\n", "layer", wide, "output", output, "parameters", "state");
    auto line = [&](const LayerRow& r) {
      text += fmt::format("{:<{}}  {:<{}}  {:>12}  {:>8}\n", r.path, wide, r.output, output, r.parameters, r.state);
    };
    std::for_each(rows_.begin(), rows_.end(), line);
    line(sum);
    return text;
  }

private:
  LayerRow& row(const std::string& path) {
    auto [at, isNew] = known_.try_emplace(path, rows_.size());
    if (isNew) rows_.push_back({path, "", 0, 0});
    return rows_[at->second];
  }

  std::vector<LayerRow> rows_;
  std::map<std::string, size_t> known_;
};

}  // namespace

Command declareSummary(CLI::App& app) {
  struct Arguments {
    ModelArguments model;
    bool costs = false;
  };
  auto a = std::make_shared<Arguments>();
  a->model.declare(app);
  app.add_flag("--costs", a->costs, "also FLOPs, bytes and memory of each entry, by layer and kernel");
  return [a] {
    Compilation compilation(a->model.compileOptions());
    if (compilation.plan()) {
      fmt::print("{}", Layers(*compilation.elaborated()).table());
      if (a->costs) fmt::print("\n{}", plan::reportPlan(*compilation.plan(), *compilation.optimized()));
    }
    return report(compilation.diagnostics());
  };
}

}  // namespace nnc::tools
