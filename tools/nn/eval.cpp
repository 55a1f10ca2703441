// nn eval: loss and metrics of given weights over a split.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "runtime/train/checkpoint.h"
#include "runtime/train/error.h"
#include "runtime/train/feed.h"
#include "runtime/train/pass.h"
#include "runtime/train/statistics.h"
#include "tools/nn/commands.h"

namespace nnc::tools {

namespace {

struct EvalArguments {
  ModelArguments model;
  std::string weights, split, block;
};

/// The split asked for; without a wish the test split, or, saying so, the validation split where there is none.
const train::Split& splitOf(const train::RawDataset& dataset, const std::string& data, const std::string& wanted) {
  if (const train::Split* split = dataset.find(wanted.empty() ? "test" : wanted)) return *split;
  const train::Split* valid = wanted.empty() ? dataset.find("valid") : nullptr;
  if (!valid) {
    std::vector<std::string> there;
    for (const train::Split& split : dataset.splits) there.push_back("--split " + split.name);
    throw UsageError{fmt::format("`{}` has no {} split; there is {}", data, wanted.empty() ? "test" : wanted,
                                 fmt::join(there, ", "))};
  }
  fmt::print(stderr, "nn: `{}` has no test split; this is the validation split\n", data);
  return *valid;
}

/// The vocabularies are those of the weights: others would give the symbols other numbers.
void requireVocabularies(const train::DataInfo& data, const train::Model& model, const std::string& weights) {
  for (const train::FieldInfo& field : data.fields)
    if (!field.vocabulary.empty() && !model.bytes(field.vocabulary)[0])
      throw train::DataError(weights, fmt::format("tensor `{}`", field.vocabulary), "is empty: no data were seen");
}

void evaluateBlock(train::Model& model, const train::DataInfo& data, const train::TrainInfo& block,
                   const std::string& wanted, int64_t seed) {
  train::RawDataset dataset = train::openData(data, model);
  train::checkFields(model, data, dataset);
  const train::Split& split = splitOf(dataset, data.name, wanted);
  train::Feed feed(model.entry(model.find(block.eval)), data.name, dataset, split);
  model.setScalar("seed", static_cast<double>(seed));  // what is drawn is drawn as in training
  train::Sums sums = train::evaluatePass(model, block, feed);
  const train::NamedValues values = train::metricValues(block, sums);
  fmt::print("{} {} rows {}\n{} {} loss {:.6g}\n", block.name, split.name, feed.rows(), block.name, split.name,
             sums.meanLoss());
  std::string row;  // numbers along the last axis of a metric stand in one line
  for (size_t i = 0; i < block.metrics.size(); ++i) {
    const train::MetricInfo& metric = block.metrics[i];
    const std::string name = metric.isWhole() ? metric.name : metric.name.substr(0, metric.name.rfind('['));
    if (metric.isWhole() || name != row) fmt::print("{}{} {} {}", i ? "\n" : "", block.name, split.name, name);
    row = name;
    fmt::print(" {:.6g}", values[i].second);
  }
  if (!values.empty()) fmt::print("\n");
}

int runEval(EvalArguments& a) {
  Compilation compilation(a.model.compileOptions(a.weights));
  auto loaded = compileAndLoad(compilation, 0, a.model.threads);
  if (!loaded) return kExitSource;
  loaded->model->setScalar("epoch", 1);  // where the weights do not say it
  loadWeights(a.weights, *loaded);
  const int64_t seed = train::savedSeed(a.weights);
  bool any = false;
  for (const train::TrainInfo& block : loaded->description.trains) {
    if (block.eval.empty() || block.data.empty() || (!a.block.empty() && a.block != block.name)) continue;
    const train::DataInfo& data = loaded->description.dataOf(block);
    requireVocabularies(data, *loaded->model, a.weights);
    evaluateBlock(*loaded->model, data, block, a.split, seed >= 0 ? seed : block.seed);
    any = true;
  }
  if (!any && a.block.empty()) throw UsageError{fmt::format("{} has no train block on data to evaluate", a.model.file)};
  if (!any) throw UsageError{fmt::format("{} has no train block `{}` on data", a.model.file, a.block)};
  return kExitOk;
}

}  // namespace

Command declareEval(CLI::App& app) {
  auto a = std::make_shared<EvalArguments>();
  a->model.declare(app);
  app.add_option("--weights", a->weights, "safetensors")->required();
  app.add_option("--split", a->split, "train, valid or test; without it test, or valid where there is no test")
      ->check(CLI::IsMember({"train", "valid", "test"}));
  app.add_option("--train", a->block, "only this train block");
  return [a] { return runEval(*a); };
}

}  // namespace nnc::tools
