#include "runtime/train/loop.h"

#include <fmt/format.h>
#include <algorithm>
#include <cmath>
#include <csignal>
#include <memory>
#include <utility>

#include "runtime/train/earlier_run.h"
#include "runtime/train/error.h"
#include "runtime/train/feed.h"
#include "runtime/train/metrics_log.h"
#include "runtime/train/progress.h"
#include "runtime/train/shuffle.h"
#include "runtime/train/statistics.h"

namespace nnc::train {

namespace {

volatile std::sig_atomic_t interrupted = 0;

void onInterrupt(int signal) {
  interrupted = 1;
  std::signal(signal, SIG_DFL);
}

/// Steps between snapshots from which a NaN is traced: replaying so many steps takes a second or so.
constexpr int64_t kSnapshotEvery = 64;

using DataSets = std::map<std::string, RawDataset>;  // by data block

/// Opens every data set that a train block runs on, or that the model keeps something of.
DataSets openAll(const Description& description, Model& model) {
  DataSets sets;
  for (const DataInfo& info : description.data) {
    const auto runsOn = [&](const TrainInfo& t) { return t.data == info.name; };
    const auto numbered = [](const FieldInfo& f) { return !f.vocabulary.empty(); };
    if (std::any_of(description.trains.begin(), description.trains.end(), runsOn) || !info.statistics.empty() ||
        std::any_of(info.fields.begin(), info.fields.end(), numbered))
      sets[info.name] = openData(info, model);
  }
  return sets;
}

/// One train block at work.
class Trainer {
public:
  /// `columns`: the metrics of all blocks, which share the log.
  Trainer(Model& model, const TrainInfo& train, const DataSets& data, const Hypers& hypers, const LoopOptions& options,
          const std::vector<std::string>& columns, Checkpoint& checkpoint, Progress& progress, int64_t& stepsLeft);

  RunEnd run(Divergence& divergence);

private:
  RunState& state() { return checkpoint_.state; }
  void checkState();
  int64_t epochSteps() const;
  double runStep(int64_t epoch, int64_t epochStep, int64_t step, Sums& sums);
  void setScalars(int64_t epoch, int64_t step);
  RunEnd runEpoch(Divergence& divergence);
  RunEnd finishEpoch(Divergence& divergence);
  void traceValid(double loss, Divergence& divergence);
  void judge(const Sums& valid, const NamedValues& metrics);
  void keepBest(double value);
  bool patienceIsOver() const;
  void trace(double loss, Divergence& divergence);
  void save();
  void show();
  void log(const char* split, double loss, const NamedValues& metrics);
  const std::vector<uint32_t>& order(int64_t epoch);

  Model& model_;
  const TrainInfo& train_;
  const Hypers& hypers_;
  const LoopOptions& options_;
  const std::vector<std::string>& columns_;
  Checkpoint& checkpoint_;
  Progress& progress_;
  int64_t& stepsLeft_;
  Caller caller_;
  std::unique_ptr<Feed> feed_, validFeed_;
  std::unique_ptr<MetricsLog> log_;
  std::vector<uint32_t> order_;
  int64_t orderEpoch_ = 0;
  RunState snapshotState_;
  std::vector<std::byte> snapshot_;
};

std::vector<std::string> metricNames(const Description& description) {
  std::vector<std::string> names;
  for (const TrainInfo& train : description.trains)
    for (const MetricInfo& m : train.metrics)
      if (std::ranges::find(names, m.name) == names.end()) names.push_back(m.name);
  return names;
}

Trainer::Trainer(Model& model, const TrainInfo& train, const DataSets& data, const Hypers& hypers,
                 const LoopOptions& options, const std::vector<std::string>& columns, Checkpoint& checkpoint,
                 Progress& progress, int64_t& stepsLeft)
    : model_(model),
      train_(train),
      hypers_(hypers),
      options_(options),
      columns_(columns),
      checkpoint_(checkpoint),
      progress_(progress),
      stepsLeft_(stepsLeft),
      caller_(model, train, train.step) {
  if (!train.data.empty()) {
    const RawDataset& dataset = data.at(train.data);
    feed_ = std::make_unique<Feed>(caller_.entry(), train.data, dataset, *dataset.find("train"));
    if (const Split* valid = dataset.find("valid"); valid && !train.eval.empty())
      validFeed_ = std::make_unique<Feed>(model.entry(model.find(train.eval)), train.data, dataset, *valid);
    if (!validFeed_ && train.patience > 0)
      fmt::print(stderr, "`{}` has no validation split: its patience never ends\n", train.name);
  }
  checkState();
  if (state().sums.metrics.size() != train.metrics.size()) state().sums = emptySums(train);
}

/// What a checkpoint says must be a place where this run can be.
void Trainer::checkState() {
  const RunState& s = state();
  const int64_t steps = epochSteps(), before = s.step - s.epochStep;
  const bool inside =
      s.epochStep <= steps && (steps == 0 ? before == 0 : before % steps == 0 && before / steps == s.epoch - 1);
  if (!inside)
    throw DataError(
        options_.folder + "/checkpoint.safetensors", "metadata",
        fmt::format("stands at step {} of epoch {} of `{}`, {} in all; with these data an epoch has {} steps",
                    s.epochStep, s.epoch, train_.name, s.step, steps));
  if (s.epochStep > 0 && s.sums.metrics.size() != train_.metrics.size())
    throw DataError(
        options_.folder + "/checkpoint.safetensors", "metadata",
        fmt::format("has {} metrics; `{}` has {}", s.sums.metrics.size(), train_.name, train_.metrics.size()));
}

int64_t Trainer::epochSteps() const {
  if (!feed_) return train_.steps;
  int64_t rows = static_cast<int64_t>(feed_->rows());
  return (rows + train_.batch - 1) / train_.batch;
}

const std::vector<uint32_t>& Trainer::order(int64_t epoch) {
  if (orderEpoch_ != epoch) {
    order_ = shuffledRows(static_cast<uint32_t>(feed_->rows()), static_cast<uint64_t>(train_.seed),
                          static_cast<uint64_t>(epoch));
    orderEpoch_ = epoch;
  }
  return order_;
}

void Trainer::setScalars(int64_t epoch, int64_t step) {
  model_.setScalar("epoch", static_cast<double>(epoch));
  model_.setScalar("step", static_cast<double>(step));
}

/// The step after `step` others: a pure function of the store, so that it can be run again.
double Trainer::runStep(int64_t epoch, int64_t epochStep, int64_t step, Sums& sums) {
  setScalars(epoch, step);
  if (!feed_) return caller_.call(train_.batch, {}, sums);
  const std::vector<uint32_t>& rows = order(epoch);
  size_t first = static_cast<size_t>(epochStep * train_.batch);
  size_t count = std::min(static_cast<size_t>(train_.batch), rows.size() - first);
  return caller_.call(static_cast<int64_t>(count), feed_->gather(std::span(rows).subspan(first, count)), sums);
}

std::vector<std::string> validScalars(const Model& model) {
  std::vector<std::string> names;
  for (uint32_t i = 0; i < model.tables().scalars; ++i)
    if (const std::string name = model.tables().scalar[i].name; name.starts_with("valid.")) names.push_back(name);
  return names;
}

RunEnd Trainer::run(Divergence& divergence) {
  bool goOn = state().step > 0 || state().train > 0;
  log_ = std::make_unique<MetricsLog>(goOn ? MetricsLog::resume(options_.folder, columns_, train_.name, state().epoch)
                                           : MetricsLog(options_.folder, columns_));
  model_.setScalar("steps", static_cast<double>(epochSteps() * train_.epochs));
  model_.setScalar("seed", static_cast<double>(train_.seed));
  // A block's results are 0 before its first validation, whatever the block before it left there.
  for (const std::string& name : validScalars(model_)) model_.setScalar(name.c_str(), 0);
  for (const auto& [name, value] : state().reported) model_.setScalar(name.c_str(), value);
  while (state().epoch <= train_.epochs && !patienceIsOver()) {
    RunEnd end = runEpoch(divergence);
    if (end == RunEnd::Finished) end = finishEpoch(divergence);
    if (end != RunEnd::Finished) return end;
  }
  // The best weights go on to the next train block and to the user; optimizer state ends with its block.
  if (!checkpoint_.bestStore.empty()) model_.setStore(checkpoint_.bestStore);
  progress_.clear();
  return RunEnd::Finished;
}

RunEnd Trainer::runEpoch(Divergence& divergence) {
  if (state().epochStep == 0) {
    startPass(model_, train_);
    state().sums = emptySums(train_);
  }
  for (int64_t steps = epochSteps(); state().epochStep < steps;) {
    if (snapshot_.empty() || state().step % kSnapshotEvery == 0) {
      snapshot_ = model_.store();
      snapshotState_ = state();
    }
    double loss = runStep(state().epoch, state().epochStep, state().step, state().sums);
    if (!std::isfinite(loss)) {
      trace(loss, divergence);
      return RunEnd::Diverged;
    }
    ++state().step;
    ++state().epochStep;
    show();
    bool due = options_.checkpointEvery > 0 && state().step % options_.checkpointEvery == 0;
    bool stop = interrupted || (stepsLeft_ > 0 && --stepsLeft_ == 0);
    if (due || stop) save();
    if (stop) return RunEnd::Interrupted;
  }
  return RunEnd::Finished;
}

/// Runs the steps since the snapshot again, with every kernel's result looked at. The bits are the same, so the NaN
/// comes again where it came first.
void Trainer::trace(double loss, Divergence& divergence) {
  int64_t failed = state().step;
  divergence.message =
      fmt::format("the loss is {} at step {} of `{}` (epoch {})", loss, failed + 1, train_.name, state().epoch);
  model_.setStore(snapshot_);
  model_.setNanCheck(true);
  Sums sums = emptySums(train_);
  int64_t epoch = snapshotState_.epoch, epochStep = snapshotState_.epochStep;
  for (int64_t step = snapshotState_.step; step <= failed; ++step) {
    try {
      runStep(epoch, epochStep, step, sums);
    } catch (const CallError& e) {
      if (e.code != NNC_ERR_NAN) throw;
      divergence.message += fmt::format("; first: {} at step {}", e.message, step + 1);
      break;
    }
    if (++epochStep == epochSteps()) {
      ++epoch;
      epochStep = 0;
    }
  }
  model_.setNanCheck(false);
}

void Trainer::log(const char* split, double loss, const NamedValues& metrics) {
  LogRecord record;
  record.train = train_.name;
  record.step = state().step;
  record.epoch = state().epoch;
  record.split = split;
  record.loss = loss;
  record.metrics = metrics;
  log_->append(record);
}

std::string summary(const char* split, double loss, const NamedValues& metrics) {
  std::string text = fmt::format("{}: loss {}", split, valueText(loss));
  for (const auto& [name, value] : metrics) text += fmt::format(", {} {}", name, valueText(value));
  return text;
}

RunEnd Trainer::finishEpoch(Divergence& divergence) {
  NamedValues metrics = metricValues(train_, state().sums);
  double loss = state().sums.meanLoss();
  log("train", loss, metrics);
  std::string line = fmt::format("{}: epoch {}/{}: {}", train_.name, state().epoch, train_.epochs,
                                 summary("train", loss, metricValues(train_, state().sums, Numbers::Single)));
  if (validFeed_) {
    Sums valid = evaluatePass(model_, train_, *validFeed_);
    NamedValues validMetrics = metricValues(train_, valid);
    log("valid", valid.meanLoss(), validMetrics);
    if (!std::isfinite(valid.meanLoss())) {
      traceValid(valid.meanLoss(), divergence);
      return RunEnd::Diverged;
    }
    line += "; " + summary("valid", valid.meanLoss(), metricValues(train_, valid, Numbers::Single));
    judge(valid, validMetrics);
  }
  progress_.message(line);
  ++state().epoch;
  state().epochStep = 0;
  save();
  return RunEnd::Finished;
}

/// Runs the validation pass again, with every kernel's result looked at.
void Trainer::traceValid(double loss, Divergence& divergence) {
  divergence.message =
      fmt::format("the loss of validation is {} after epoch {} of `{}`", loss, state().epoch, train_.name);
  model_.setNanCheck(true);
  try {
    evaluatePass(model_, train_, *validFeed_);
  } catch (const CallError& e) {
    if (e.code != NNC_ERR_NAN) throw;
    divergence.message += fmt::format("; first: {}", e.message);
  }
  model_.setNanCheck(false);
}

/// Makes valid.* readable for the program, and keeps the weights if the monitored value is the best so far. Where
/// nothing is monitored, the last weights count.
void Trainer::judge(const Sums& valid, const NamedValues& metrics) {
  state().reported["valid.loss"] = valid.meanLoss();
  for (const auto& [name, value] : metrics) state().reported["valid." + name] = value;
  for (const auto& [name, value] : state().reported) model_.setScalar(name.c_str(), value);
  auto monitored = state().reported.find(train_.monitor);
  if (monitored != state().reported.end()) keepBest(monitored->second);
}

void Trainer::keepBest(double value) {
  RunState& s = state();
  bool better = !s.hasBest || std::isnan(s.best) || (train_.maximize ? value > s.best : value < s.best);
  s.sinceBest = better ? 0 : s.sinceBest + 1;
  if (!better) return;
  s.hasBest = true;
  s.best = value;
  s.bestEpoch = s.epoch;
  checkpoint_.bestStore = model_.store();
  saveWeights(options_.folder + "/best.safetensors", model_, hypers_);
}

bool Trainer::patienceIsOver() const {
  return train_.patience > 0 && checkpoint_.state.sinceBest >= train_.patience;
}

void Trainer::save() {
  saveCheckpoint(options_.folder + "/checkpoint.safetensors", model_, checkpoint_, hypers_);
}

void Trainer::show() {
  ProgressState p;
  p.train = train_.name;
  p.epoch = state().epoch;
  p.epochs = train_.epochs;
  p.step = state().step;
  p.steps = epochSteps() * train_.epochs;
  p.epochStep = state().epochStep;
  p.epochSteps = epochSteps();
  p.rows =
      (feed_ ? static_cast<int64_t>(feed_->rows()) : 0) * (state().epoch - 1) + static_cast<int64_t>(state().sums.rows);
  p.loss = state().sums.meanLoss();
  p.metrics = metricValues(train_, state().sums, Numbers::Single);
  progress_.update(p);
}

}  // namespace

void installInterruptHandler() {
  std::signal(SIGINT, onInterrupt);
  std::signal(SIGTERM, onInterrupt);
}

/// Nothing can be refused any more: the run takes its folder, which tells what is run.
static void takeFolder(const LoopOptions& options) {
  if (!options.resume && setAsideEarlierRun(options.folder))
    fmt::print(stderr, "the run that was in {0} is now in {0}/previous\n", options.folder);
  replaceFile(options.folder + "/model.nn", options.source);
  replaceFile(options.folder + "/model.so", readFile(options.library).text());
}

RunEnd runTraining(Model& model, const Description& description, const LoopOptions& options, Divergence& divergence) {
  makeFolder(options.folder);
  Checkpoint checkpoint;
  if (options.resume)
    checkpoint = loadCheckpoint(options.folder + "/checkpoint.safetensors", model, description.hypers);
  if (checkpoint.state.train > 0 && static_cast<size_t>(checkpoint.state.train) >= description.trains.size())
    throw DataError(options.folder + "/checkpoint.safetensors", "metadata",
                    fmt::format("stands in train block {}; the model has {}", checkpoint.state.train + 1,
                                description.trains.size()));
  // What was asked for when the run began holds until something else is asked for.
  if (options.epochs > 0) checkpoint.state.epochs = options.epochs;
  if (options.seed >= 0) checkpoint.state.seed = options.seed;
  const auto [epochs, seed] = std::pair(checkpoint.state.epochs, checkpoint.state.seed);
  WeightReport found;
  if (!options.resume) {
    if (!description.trains.empty()) model.init(seed >= 0 ? seed : description.trains.front().seed);
    if (!options.weights.empty()) {
      found = transferWeights(options.weights, model, description.copies);
      fmt::print(stderr, "{}:\n{}\n", options.weights, found.text());
    }
  }
  const DataSets data = openAll(description, model);
  // Weights and a checkpoint bring the statistics that they were trained with.
  for (const DataInfo& info : description.data) {
    if (!options.resume) computeStatistics(model, info, data.at(info.name), found.matched);
    if (data.contains(info.name)) checkFields(model, info, data.at(info.name));
  }
  const std::vector<std::string> columns = metricNames(description);
  Progress progress;
  int64_t stepsLeft = options.stopAfter;
  bool hasFolder = false;
  for (size_t i = static_cast<size_t>(checkpoint.state.train); i < description.trains.size(); ++i) {
    TrainInfo train = description.trains[i];
    if (epochs > 0) train.epochs = epochs;
    if (seed >= 0) train.seed = seed;
    Trainer trainer(model, train, data, description.hypers, options, columns, checkpoint, progress, stepsLeft);
    if (!std::exchange(hasFolder, true)) takeFolder(options);
    RunEnd end = trainer.run(divergence);
    if (end != RunEnd::Finished) return end;
    if (i + 1 == description.trains.size()) break;
    checkpoint = {};
    checkpoint.state.epochs = epochs;
    checkpoint.state.seed = seed;
    checkpoint.state.train = static_cast<int64_t>(i + 1);
  }
  // Without validation there is no best epoch: the last weights are the result.
  saveWeights(options.folder + "/best.safetensors", model, description.hypers);
  return RunEnd::Finished;
}

}  // namespace nnc::train
