// nn check: the gradients of every train block against central differences, in f64, along random directions. The
// kernels are those of a training step, compiled for f64. With --compiled: the library against the interpreter.
#include <fmt/format.h>
#include <cmath>
#include <limits>
#include <random>

#include "runtime/train/feed.h"
#include "runtime/train/statistics.h"
#include "tools/nn/commands.h"
#include "tools/nn/compare.h"
#include "tools/nn/grad_sites.h"

namespace nnc::tools {

namespace {

struct CheckArguments {
  ModelArguments model;
  int64_t batch = 0;  // rows; 0: a few, as far as the block's batch goes
  int directions = 3;
  double tolerance = 1e-6;
  bool compiled = false;
};

/// Evaluates a check function at given parameters.
class Evaluator {
public:
  Evaluator(train::Model& model, const GradSite& site, int64_t rows, const std::vector<const void*>& inputs)
      : model_(model), entry_(model.find(site.function)), rows_(rows), inputs_(inputs) {
    const nnc_entry& e = model.entry(entry_);
    for (uint32_t i = 0; i < e.outputs; ++i) {
      int64_t n = 1;
      for (uint32_t k = 0; k < e.output[i].rank; ++k) n *= e.output[i].extents[k](&rows_);
      results_.emplace_back(static_cast<size_t>(n));
    }
    for (auto& r : results_) pointers_.push_back(r.data());
  }
  double loss() {
    run();
    return results_[0][0];
  }
  void run() {
    std::vector<int64_t> symbols(model_.entry(entry_).symbols, rows_);
    model_.run(entry_, symbols, inputs_, pointers_);
  }
  const std::vector<double>& gradient(size_t path) const { return results_[path + 1]; }

private:
  train::Model& model_;
  int entry_;
  int64_t rows_;
  const std::vector<const void*>& inputs_;
  std::vector<std::vector<double>> results_;
  std::vector<void*> pointers_;
};

struct Tally {
  int checked = 0, redrawn = 0, failed = 0;
  double worst = 0;
};

/// Moves one parameter along a direction and back.
class Mover {
public:
  Mover(train::Model& model, const std::string& path) : model_(model), path_(path), values_(model.get(path)) {}
  ~Mover() { model_.set(path_, values_); }
  size_t size() const { return values_.size(); }
  void to(const std::vector<double>& direction, double distance) {
    std::vector<double> moved = values_;
    for (size_t i = 0; i < moved.size(); ++i) moved[i] += distance * direction[i];
    model_.set(path_, moved);
  }

private:
  train::Model& model_;
  std::string path_;
  std::vector<double> values_;
};

double slope(Evaluator& at, Mover& mover, const std::vector<double>& direction, double h) {
  mover.to(direction, h);
  double up = at.loss();
  mover.to(direction, -h);
  return (up - at.loss()) / (2 * h);
}

/// One direction: the slope from the gradient against central differences of two widths. Where those two disagree the
/// loss has a kink (relu, max) between the points: another direction is drawn.
void checkDirection(Evaluator& at, Mover& mover, const std::vector<double>& gradient, double loss,
                    std::mt19937_64& random, double tolerance, Tally& tally) {
  constexpr int kMostRedraws = 50;
  for (int attempt = 0; attempt <= kMostRedraws; ++attempt) {
    std::vector<double> direction(mover.size());
    std::normal_distribution<double> normal;
    double norm = 0;
    for (double& d : direction) {
      d = normal(random);
      norm += d * d;
    }
    double expected = 0, magnitude = 0;
    for (size_t i = 0; i < direction.size(); ++i) {
      direction[i] /= std::sqrt(norm);
      expected += gradient[i] * direction[i];
      magnitude += std::abs(gradient[i] * direction[i]);
    }
    constexpr double kWide = 6e-6, kNarrow = 2e-6;
    double scale = std::max({std::abs(expected), 0.01 * magnitude, 1e-5});
    double wide = slope(at, mover, direction, kWide), narrow = slope(at, mover, direction, kNarrow);
    // What rounding of the loss (a few units in its last place) makes of a difference over 2h: nothing below it is
    // seen.
    double noise = 8 * std::numeric_limits<double>::epsilon() * std::max(1.0, std::abs(loss));
    if (std::abs(wide - narrow) > tolerance * scale + noise / kNarrow) {
      ++tally.redrawn;
      continue;
    }
    double error = std::max(0.0, std::abs(wide - expected) - noise / kWide) / scale;
    ++tally.checked;
    tally.worst = std::max(tally.worst, error);
    if (!(error <= tolerance)) ++tally.failed;
    return;
  }
  ++tally.failed;  // no direction without a kink: nothing was shown
}

bool checkSite(train::Model& model, const GradSite& site, const CheckArguments& a, int64_t rows,
               const std::vector<const void*>& inputs) {
  std::mt19937_64 random(1);
  Evaluator at(model, site, rows, inputs);
  double loss = at.loss();
  std::vector<std::vector<double>> gradients;
  for (size_t i = 0; i < site.paths.size(); ++i) gradients.push_back(at.gradient(i));
  bool ok = true;
  for (size_t i = 0; i < site.paths.size(); ++i) {
    Tally tally;
    Mover mover(model, site.paths[i]);
    for (int d = 0; d < a.directions; ++d) checkDirection(at, mover, gradients[i], loss, random, a.tolerance, tally);
    fmt::print("{:<7} {:<40} {} directions, {} redrawn at kinks, largest relative error {:.1e}\n",
               tally.failed ? "WRONG" : "ok", site.paths[i], tally.checked, tally.redrawn, tally.worst);
    ok = ok && tally.failed == 0;
  }
  return ok;
}

/// Rows of the block's data, as the check function takes them: floats widened with the program.
int runCheck(CheckArguments& a) {
  if (a.compiled) return compareCompiled(a.model);
  CompileOptions options = a.model.compileOptions();
  options.asF64 = true;
  Compilation compilation(options);
  std::vector<GradSite> sites;
  compilation.beforePasses([&](Module& module) { sites = addGradFunctions(module); });
  auto loaded = compileAndLoad(compilation, 0, a.model.threads);
  if (!loaded) return kExitSource;
  if (sites.empty()) throw UsageError{fmt::format("{} takes no gradient by a parameter", a.model.file)};
  train::Model& model = *loaded->model;
  bool ok = true;
  for (const GradSite& site : sites) {
    model.init(site.block->seed);
    model.setScalar("step", 0);
    model.setScalar("epoch", 1);
    model.setScalar("steps", 1000);
    const int64_t rows = a.batch ? a.batch : std::min<int64_t>(4, site.block->batch);
    std::vector<const void*> inputs;
    train::RawDataset dataset;
    std::unique_ptr<train::Feed> feed;
    if (!site.block->data.empty()) {
      const auto& all = loaded->description.data;
      const auto data = std::find_if(all.begin(), all.end(), [&](const auto& d) { return d.name == site.block->data; });
      dataset = train::openData(*data, model);
      train::computeStatistics(model, *data, dataset);
      feed = std::make_unique<train::Feed>(model.entry(model.find(site.function)), data->name, dataset,
                                           *dataset.find("train"));
      inputs = feed->gatherRange(0, static_cast<size_t>(rows));
    }
    ok = checkSite(model, site, a, rows, inputs) && ok;
  }
  return ok ? kExitOk : kExitSource;
}

}  // namespace

Command declareCheck(CLI::App& app) {
  auto a = std::make_shared<CheckArguments>();
  a->model.declare(app);
  app.add_option("--batch", a->batch, "rows (default: up to 4)")->check(CLI::PositiveNumber);
  app.add_option("--directions", a->directions, "random directions for each parameter");
  app.add_option("--tolerance", a->tolerance, "largest relative error");
  app.add_flag("--compiled", a->compiled, "instead: every function of the compiled library against the interpreter");
  return [a] { return runCheck(*a); };
}

}  // namespace nnc::tools
