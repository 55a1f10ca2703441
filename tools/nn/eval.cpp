// nn eval: loss and metrics of given weights over a split.
#include <fmt/format.h>

#include "runtime/train/checkpoint.h"
#include "runtime/train/feed.h"
#include "runtime/train/pass.h"
#include "tools/nn/commands.h"

namespace nnc::tools {

namespace {

struct EvalArguments {
  ModelArguments model;
  std::string weights, split = "test", block;
};

int evaluateBlock(train::Model& model, const train::Description& description, const train::TrainInfo& block,
                  const EvalArguments& a, const CompileOptions& options) {
  const train::DataInfo& data = description.dataOf(block);
  auto path = options.dataPaths.find(data.name);
  train::RawDataset dataset = train::openData(data, path == options.dataPaths.end() ? "" : path->second);
  const train::Split* split = dataset.find(a.split);
  if (!split) throw UsageError{fmt::format("`{}` has no split named {}", data.name, a.split)};
  train::Feed feed(model.entry(model.find(block.eval)), data, dataset, *split);
  train::Sums sums = train::evaluatePass(model, block, feed);
  fmt::print("{} {} rows {}\n{} {} loss {:.6g}\n", block.name, a.split, feed.rows(), block.name, a.split,
             sums.meanLoss());
  for (const auto& [name, value] : train::metricValues(block, sums))
    fmt::print("{} {} {} {:.6g}\n", block.name, a.split, name, value);
  return kExitOk;
}

int runEval(EvalArguments& a) {
  CompileOptions options = a.model.compileOptions(a.weights);
  Compilation compilation(options);
  auto loaded = compileAndLoad(compilation, 0, a.model.threads);
  if (!loaded) return kExitSource;
  train::loadWeights(a.weights, *loaded->model, loaded->description.hypers);
  bool any = false;
  for (const train::TrainInfo& block : loaded->description.trains) {
    if (block.eval.empty() || block.data.empty() || (!a.block.empty() && a.block != block.name)) continue;
    evaluateBlock(*loaded->model, loaded->description, block, a, options);
    any = true;
  }
  if (!any) throw UsageError{fmt::format("{} has nothing to evaluate", a.model.file)};
  return kExitOk;
}

}  // namespace

Command declareEval(CLI::App& app) {
  auto a = std::make_shared<EvalArguments>();
  a->model.declare(app);
  app.add_option("--weights", a->weights, "safetensors")->required();
  app.add_option("--split", a->split, "train, valid or test (the default)")
      ->check(CLI::IsMember({"train", "valid", "test"}));
  app.add_option("--train", a->block, "only this train block");
  return [a] { return runEval(*a); };
}

}  // namespace nnc::tools
