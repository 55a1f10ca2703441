// nn bench: the time of each kernel of an entry and its GFLOP/s; or the time of whole steps or predictions.
#include <fmt/format.h>
#include <algorithm>
#include <ctime>
#include <functional>
#include <map>
#include <utility>

#include "runtime/train/error.h"
#include "runtime/train/feed.h"
#include "runtime/train/pass.h"
#include "runtime/train/statistics.h"
#include "tools/nn/commands.h"

namespace nnc::tools {

namespace {

struct BenchArguments {
  ModelArguments model;
  std::string entry;  // an export; empty: the train block
  int64_t rows = 0;
  int steps = 50, repeat = 1;
  bool kernels = false, evaluation = false;
};

/// Microseconds of wall time, or of this thread's CPU time: with one thread that leaves out what else runs here.
double clockNow(bool cpuTime) {
  timespec t{};
  clock_gettime(cpuTime ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) * 1e6 + static_cast<double>(t.tv_nsec) * 1e-3;
}

/// The value below which this share of the values lies.
double quantile(std::vector<double> values, double share) {
  auto at = values.begin() + static_cast<long>(share * static_cast<double>(values.size()));
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

/// What one launch took in a step: a launch in a loop runs several times.
struct LaunchTimes {
  double now = 0;  // microseconds, of the step that is running
  int64_t runs = 0;
  std::vector<double> steps;
};
struct Times {
  std::map<uint32_t, LaunchTimes> launches;
  bool cpuTime = false;
  double last = 0;

  void endStep() {
    for (auto& [launch, t] : launches) t.steps.push_back(std::exchange(t.now, 0));
  }
};

void collect(void* user, uint32_t, uint32_t launch, uint64_t nanoseconds) {
  Times& times = *static_cast<Times*>(user);
  LaunchTimes& t = times.launches[launch];
  double now = times.cpuTime ? clockNow(true) : 0;
  t.now += times.cpuTime ? now - times.last : static_cast<double>(nanoseconds) * 1e-3;
  times.last = now;
  ++t.runs;
}

/// Whether a launch runs once for each block of rows: all its runs together do the work of one.
bool runsInBlocks(const nnc_entry& entry, uint32_t launch) {
  bool inside = false;
  for (uint32_t i = 0; i < entry.steps; ++i) {
    const nnc_step& step = entry.step[i];
    if (step.kind == NNC_STEP_BLOCKS || step.kind == NNC_STEP_END_BLOCKS) inside = step.kind == NNC_STEP_BLOCKS;
    if (step.kind != NNC_STEP_PHASE) continue;
    const nnc_phase& phase = entry.phase[step.target];
    if (launch >= phase.first && launch < phase.first + phase.count) return inside;
  }
  return false;
}

/// By launch, slowest first. Of the steps the lower quartile counts: what else runs on the machine only ever adds.
/// `size`: of the calls, as a part of the largest one, for which the tables have the operations.
void printKernels(const train::Model& model, const nnc_entry& entry, const Times& times, double size) {
  std::vector<std::pair<double, uint32_t>> rows;
  double total = 0;
  for (const auto& [launch, t] : times.launches) {
    rows.emplace_back(quantile(t.steps, 0.25), launch);
    total += rows.back().first;
  }
  std::sort(rows.rbegin(), rows.rend());
  fmt::print("{:>10} {:>6} {:>6} {:>9}  {:<44} {}\n", "us", "share", "runs", "GFLOP/s", "kernel", "origin");
  for (const auto& [us, launch] : rows) {
    const nnc_launch& l = entry.launch[launch];
    const nnc_kernel& kernel = model.target().kernel[l.kernel];
    const LaunchTimes& t = times.launches.at(launch);
    int64_t runs = t.runs / static_cast<int64_t>(t.steps.size());
    const double flops = size * kernel.flops * (runsInBlocks(entry, launch) ? 1 : static_cast<double>(runs));
    fmt::print("{:10.1f} {:5.1f}% {:6} {:9.1f}  {:<44} {}\n", us, 100 * us / total, runs, flops / us * 1e-3,
               kernel.name, model.tables().strings + l.origin);
  }
  fmt::print("{:10.1f} in all, {} launches\n", total, rows.size());
}

/// One step of a train block, or one evaluation, on the rows of its data in turn.
class TrainStep {
public:
  TrainStep(LoadedModel& loaded, bool evaluation)
      : model_(*loaded.model),
        block_(loaded.description.trains.front()),
        caller_(model_, block_, evaluation ? block_.eval : block_.step),
        sums_(train::emptySums(block_)) {
    model_.setScalar("steps", 10000);
    model_.setScalar("epoch", 1);
    if (block_.data.empty()) return;
    const train::DataInfo& data = loaded.description.dataOf(block_);
    dataset_ = train::openData(data, model_);
    train::computeStatistics(model_, data, dataset_);
    train::checkFields(model_, data, dataset_);
    feed_ = std::make_unique<train::Feed>(caller_.entry(), data.name, dataset_, *dataset_.find("train"));
  }

  void operator()() {
    const auto batch = static_cast<size_t>(block_.batch), rows = feed_ ? std::min(batch, feed_->rows()) : batch;
    const size_t first = feed_ ? static_cast<size_t>(at_) * rows % (feed_->rows() - rows + 1) : 0;
    model_.setScalar("step", static_cast<double>(at_++));
    caller_.call(static_cast<int64_t>(rows),
                 feed_ ? feed_->gatherRange(first, first + rows) : std::vector<const void*>{}, sums_);
  }
  const nnc_entry& entry() const { return caller_.entry(); }

private:
  train::Model& model_;
  const train::TrainInfo& block_;
  train::Caller caller_;
  train::RawDataset dataset_;
  std::unique_ptr<train::Feed> feed_;
  train::Sums sums_;
  int64_t at_ = 0;
};

/// One call of an export, with every symbol at `rows` (or at its bound if that is less) and inputs of small numbers.
class ExportCall {
public:
  ExportCall(train::Model& model, const std::string& name, int64_t rows) : model_(model), number_(model.find(name)) {
    if (number_ < 0) throw UsageError{fmt::format("there is no entry {}", name)};
    for (uint32_t i = 0; i < entry().symbols; ++i) symbols_.push_back(std::min(rows, entry().symbol[i].bound));
    for (uint32_t i = 0; i < entry().inputs; ++i) inputs_.push_back(arrayFor(entry().input[i], true));
    for (uint32_t i = 0; i < entry().outputs; ++i) outputs_.push_back(arrayFor(entry().output[i], false));
  }

  void operator()() {
    std::vector<const void*> in;
    std::vector<void*> out;
    for (const auto& a : inputs_) in.push_back(a.data());
    for (auto& a : outputs_) out.push_back(a.data());
    model_.run(number_, symbols_, in, out);
  }
  const nnc_entry& entry() const { return model_.entry(number_); }
  /// Of the call, as a part of the largest one.
  double size() const {
    double part = 1;
    for (size_t i = 0; i < symbols_.size(); ++i)
      part *= static_cast<double>(symbols_[i]) / static_cast<double>(entry().symbol[i].bound);
    return part;
  }

private:
  std::vector<std::byte> arrayFor(const nnc_port& port, bool filled) const {
    size_t elements = 1;
    for (uint32_t k = 0; k < port.rank; ++k) elements *= static_cast<size_t>(port.extents[k](symbols_.data()));
    train::DType dtype = train::dtypeOfAbi(port.dtype);
    std::vector<std::byte> bytes(elements * train::sizeOf(dtype));
    int64_t most = port.bound > 0 ? port.bound : 97;
    for (size_t i = 0; filled && i < elements; ++i)
      train::storeDouble(dtype, bytes.data(), i, static_cast<double>(static_cast<int64_t>(i * 31 % 97) % most));
    return bytes;
  }

  train::Model& model_;
  int number_;
  std::vector<int64_t> symbols_;
  std::vector<std::vector<std::byte>> inputs_, outputs_;
};

void measure(const BenchArguments& a, train::Model& model, const nnc_entry& entry, double size,
             const std::function<void()>& step) {
  for (int i = 0; i < 10; ++i) step();
  Times times;
  times.cpuTime = a.model.threads == 1;
  if (a.kernels) model.setProbe(collect, &times);
  for (int r = 0; r < a.repeat; ++r) {
    std::vector<double> steps;
    for (int i = 0; i < a.steps; ++i) {
      double start = times.last = clockNow(times.cpuTime);
      step();
      steps.push_back((clockNow(times.cpuTime) - start) * 1e-3);
      times.endStep();
    }
    if (!a.kernels) fmt::print("{:.3f}\n", quantile(steps, 0.5));
  }
  if (a.kernels) printKernels(model, entry, times, size);
}

/// The export that `--entry` names, or the first.
std::string exportName(const BenchArguments& a, const train::Model& model) {
  if (!a.entry.empty()) return a.entry;
  for (uint32_t i = 0; i < model.tables().entries; ++i)
    if (std::string_view(model.tables().entry[i].kind) == "export") return model.tables().entry[i].name;
  throw UsageError{fmt::format("{} exports nothing", a.model.file)};
}

int runBench(BenchArguments& a) {
  Compilation compilation(a.model.compileOptions());
  auto loaded = compileAndLoad(compilation, 1, a.model.threads);
  if (!loaded) return kExitSource;
  if (a.rows > 0 || !a.entry.empty()) {
    ExportCall call(*loaded->model, exportName(a, *loaded->model), std::max<int64_t>(a.rows, 1));
    measure(a, *loaded->model, call.entry(), call.size(), std::ref(call));
    return kExitOk;
  }
  if (loaded->description.trains.empty()) throw UsageError{fmt::format("{} has no train block", a.model.file)};
  TrainStep step(*loaded, a.evaluation);
  measure(a, *loaded->model, step.entry(), 1, std::ref(step));
  return kExitOk;
}

}  // namespace

Command declareBench(CLI::App& app) {
  auto a = std::make_shared<BenchArguments>();
  a->model.declare(app);
  auto* entry = app.add_option("--entry", a->entry, "an exported function instead of training steps");
  auto* rows = app.add_option("--rows", a->rows, "rows of a prediction (of the first export unless --entry names one)")
                   ->check(atLeast(1));
  app.add_option("--steps", a->steps, "steps whose median counts")->check(atLeast(1));
  app.add_option("--repeat", a->repeat, "medians to print, one a line")->check(atLeast(1));
  app.add_flag("--kernels", a->kernels, "time each kernel");
  app.add_flag("--eval", a->evaluation, "evaluation instead of training steps")->excludes(entry, rows);
  return [a] { return runBench(*a); };
}

}  // namespace nnc::tools
