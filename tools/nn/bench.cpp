// nn bench: the time of each kernel of an entry, its GFLOP/s and share of this machine's peak, measured in the same
// run; or the time of whole steps.
#include <fmt/format.h>
#include <algorithm>
#include <chrono>
#include <map>

#include "runtime/train/feed.h"
#include "runtime/train/pass.h"
#include "tools/nn/commands.h"

namespace nnc::tools {

namespace {

struct BenchArguments {
  ModelArguments model;
  int steps = 50, repeat = 1;
  bool kernels = false, evaluation = false;
};

double milliseconds(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<long>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

using LaunchTimes = std::map<uint32_t, std::vector<double>>;  // microseconds by launch

void collect(void* user, uint32_t, uint32_t launch, uint64_t nanoseconds) {
  (*static_cast<LaunchTimes*>(user))[launch].push_back(static_cast<double>(nanoseconds) * 1e-3);
}

/// Medians by launch, slowest first.
void printKernels(const train::Model& model, const nnc_entry& entry, const LaunchTimes& times) {
  std::vector<std::pair<double, uint32_t>> rows;
  double total = 0;
  for (const auto& [launch, values] : times) {
    rows.emplace_back(median(values), launch);
    total += rows.back().first;
  }
  std::sort(rows.rbegin(), rows.rend());
  fmt::print("{:>10} {:>6} {:>9}  {:<44} {}\n", "us", "share", "GFLOP/s", "kernel", "origin");
  for (const auto& [us, launch] : rows) {
    const nnc_launch& l = entry.launch[launch];
    const nnc_kernel& kernel = model.target().kernel[l.kernel];
    fmt::print("{:10.1f} {:5.1f}% {:9.1f}  {:<44} {}\n", us, 100 * us / total, kernel.flops / us * 1e-3, kernel.name,
               model.tables().strings + l.origin);
  }
  fmt::print("{:10.1f} in all, {} launches\n", total, rows.size());
}

int runBench(BenchArguments& a) {
  Compilation compilation(a.model.compileOptions());
  auto loaded = compileAndLoad(compilation, 1, a.model.threads);
  if (!loaded) return kExitSource;
  if (loaded->description.trains.empty()) throw UsageError{fmt::format("{} has no train block", a.model.file)};
  train::Model& model = *loaded->model;
  const train::TrainInfo& block = loaded->description.trains.front();
  train::Caller caller(model, block, a.evaluation ? block.eval : block.step);
  train::RawDataset dataset;
  std::unique_ptr<train::Feed> feed;
  if (!block.data.empty()) {
    dataset = train::openData(loaded->description.dataOf(block));
    feed = std::make_unique<train::Feed>(caller.entry(), loaded->description.dataOf(block), dataset,
                                         *dataset.find("train"));
  }
  train::Sums sums = train::emptySums(block);
  model.setScalar("steps", 10000);
  model.setScalar("epoch", 1);
  int64_t at = 0;
  auto step = [&] {
    size_t rows = static_cast<size_t>(block.batch);
    size_t first = feed ? static_cast<size_t>(at) * rows % (feed->rows() - rows + 1) : 0;
    model.setScalar("step", static_cast<double>(at++));
    caller.call(block.batch, feed ? feed->gatherRange(first, first + rows) : std::vector<const void*>{}, sums);
  };
  for (int i = 0; i < 10; ++i) step();
  LaunchTimes times;
  if (a.kernels) model.setProbe(collect, &times);
  for (int r = 0; r < a.repeat; ++r) {
    std::vector<double> steps;
    for (int i = 0; i < a.steps; ++i) {
      auto start = std::chrono::steady_clock::now();
      step();
      steps.push_back(milliseconds(start));
    }
    if (!a.kernels) fmt::print("{:.3f}\n", median(steps));
  }
  if (a.kernels) printKernels(model, caller.entry(), times);
  return kExitOk;
}

}  // namespace

Command declareBench(CLI::App& app) {
  auto a = std::make_shared<BenchArguments>();
  a->model.declare(app);
  app.add_option("--steps", a->steps, "steps whose median counts");
  app.add_option("--repeat", a->repeat, "medians to print, one a line");
  app.add_flag("--kernels", a->kernels, "time each kernel");
  app.add_flag("--eval", a->evaluation, "evaluation instead of training steps");
  return [a] { return runBench(*a); };
}

}  // namespace nnc::tools
