// nn check: the gradients of every train block against central differences, in f64, along random directions. The
// kernels are those of a training step, compiled for f64. With --compiled: the library against the interpreter.
#include <fmt/format.h>
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <random>

#include "runtime/train/feed.h"
#include "runtime/train/statistics.h"
#include "tools/common/comparison.h"
#include "tools/nn/commands.h"
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

/// An entry with room for its results.
class Call {
public:
  Call(train::Model& model, const std::string& function, int64_t rows)
      : model_(model), entry_(model.find(function)), symbols_(entry().symbols, rows) {
    for (uint32_t i = 0; i < entry().outputs; ++i) {
      const nnc_port& port = entry().output[i];
      size_t bytes = train::sizeOf(train::dtypeOfAbi(port.dtype));
      for (uint32_t k = 0; k < port.rank; ++k) bytes *= static_cast<size_t>(port.extents[k](symbols_.data()));
      results_.emplace_back(bytes);
    }
    for (auto& r : results_) pointers_.push_back(r.data());
  }
  const nnc_entry& entry() const { return model_.entry(entry_); }
  void run(const std::vector<const void*>& inputs) { model_.run(entry_, symbols_, inputs, pointers_); }
  const void* result(const std::string& name) const {
    for (uint32_t i = 0; i < entry().outputs; ++i)
      if (entry().output[i].name == name) return pointers_[i];
    return nullptr;
  }
  std::vector<double> numbers(size_t result) const {
    std::vector<double> values(results_[result].size() / sizeof(double));
    std::memcpy(values.data(), results_[result].data(), results_[result].size());
    return values;
  }

private:
  train::Model& model_;
  int entry_;
  std::vector<int64_t> symbols_;
  std::vector<std::vector<std::byte>> results_;
  std::vector<void*> pointers_;
};

/// The scalar of a site and its gradients where the parameters stood first; then the scalar wherever they are moved,
/// with what `stop` holds as it was.
class Evaluator {
public:
  /// `inputs`: those of the site's function.
  Evaluator(train::Model& model, const GradSite& site, int64_t rows, const std::vector<const void*>& inputs)
      : here_(model, site.function, rows), moved_(model, site.moved, rows) {
    here_.run(inputs);
    std::map<std::string, const void*> given;
    for (uint32_t i = 0; i < here_.entry().inputs; ++i) given[here_.entry().input[i].name] = inputs[i];
    for (uint32_t i = 0; i < moved_.entry().inputs; ++i) {
      const std::string name = moved_.entry().input[i].name;
      movedInputs_.push_back(given.contains(name) ? given[name] : here_.result(name));
    }
  }
  double lossHere() const { return here_.numbers(0)[0]; }
  std::vector<double> gradient(size_t path) const { return here_.numbers(path + 1); }
  double loss() {
    moved_.run(movedInputs_);
    return moved_.numbers(0)[0];
  }

private:
  Call here_, moved_;
  std::vector<const void*> movedInputs_;
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
/// loss has a kink (relu, max) between the points: another direction is drawn, and the points move closer together.
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
    const double far = 6e-6 * std::max(0.005, std::pow(0.8, attempt)), near = far / 3;
    double scale = std::max({std::abs(expected), 0.01 * magnitude, 1e-5});
    double wide = slope(at, mover, direction, far), narrow = slope(at, mover, direction, near);
    // What rounding of the loss (a few units in its last place) makes of a difference over 2h: nothing below it is
    // seen.
    double noise = 8 * std::numeric_limits<double>::epsilon() * std::max(1.0, std::abs(loss));
    if (std::abs(wide - narrow) > tolerance * scale + noise / near) {
      ++tally.redrawn;
      continue;
    }
    double error = std::max(0.0, std::abs(wide - expected) - noise / far) / scale;
    ++tally.checked;
    tally.worst = std::max(tally.worst, error);
    if (!(error <= tolerance)) ++tally.failed;
    return;
  }
  ++tally.failed;  // no direction without a kink: nothing was shown
}

/// Initial values put units on a kink all at once (an offset of 0 under black pixels), where no direction has a slope.
void offKinks(train::Model& model, const std::vector<std::string>& paths, std::mt19937_64& random) {
  std::normal_distribution<double> normal(0, 0.01);
  for (const std::string& path : paths) {
    std::vector<double> values = model.get(path);
    for (double& x : values) x += normal(random);
    model.set(path, values);
  }
}

bool checkSite(train::Model& model, const GradSite& site, const CheckArguments& a, int64_t rows,
               const std::vector<const void*>& inputs) {
  std::mt19937_64 random(1);
  offKinks(model, site.paths, random);
  Evaluator at(model, site, rows, inputs);
  const double loss = at.lossHere();
  if (!std::isfinite(loss)) {
    fmt::print("WRONG   {:<40} is {}: its gradients say nothing\n", site.function, loss);
    return false;
  }
  bool ok = true;
  for (size_t i = 0; i < site.paths.size(); ++i) {
    Tally tally;
    Mover mover(model, site.paths[i]);
    const std::vector<double> gradient = at.gradient(i);
    if (const auto bad = std::ranges::find_if_not(gradient, [](double g) { return std::isfinite(g); });
        bad != gradient.end()) {
      fmt::print("WRONG   {:<40} element {} of the gradient is {}\n", site.paths[i], bad - gradient.begin(), *bad);
      ok = false;
      continue;
    }
    for (int d = 0; d < a.directions; ++d) checkDirection(at, mover, gradient, loss, random, a.tolerance, tally);
    fmt::print(
        "{:<7} {:<40} {} directions, {} redrawn at kinks, {}\n", tally.failed ? "WRONG" : "ok", site.paths[i],
        tally.checked, tally.redrawn,
        tally.worst > 0 ? fmt::format("largest relative error {:.1e}", tally.worst) : "no error beyond rounding");
    ok = ok && tally.failed == 0;
  }
  return ok;
}

int compareCompiled(const ModelArguments& arguments) {
  Compilation compilation(arguments.compileOptions());
  compilation.beforePasses([](Module& module) { addGradFunctions(module); });
  const Module* reference = compilation.differentiated();
  auto loaded = compileAndLoad(compilation, 0, arguments.threads);
  if (!loaded) return kExitSource;
  return compareWithInterpreter(*reference, *loaded->model) ? kExitOk : kExitSource;
}

/// Rows of the block's data, as the check function takes them: floats widened with the program.
int runCheck(CheckArguments& a) {
  if (a.compiled) return compareCompiled(a.model);
  CompileOptions options = a.model.compileOptions();
  options.asF64 = true;
  Compilation compilation(options);
  GradSites sites;
  compilation.beforePasses([&](Module& module) { sites = addGradFunctions(module); });
  auto loaded = compileAndLoad(compilation, 0, a.model.threads);
  if (!loaded) return kExitSource;
  if (sites.all.empty())
    throw UsageError{
        fmt::format("{}: no train block takes a gradient by a parameter outside of loops and branches; those inside of "
                    "them, and of "
                    "exported functions, are not checked",
                    a.model.file)};
  train::Model& model = *loaded->model;
  bool ok = true;
  for (const GradSite& site : sites.all) {
    model.init(site.block->seed);
    model.setScalar("step", 0);
    model.setScalar("epoch", 1);
    model.setScalar("steps", 1000);
    int64_t rows = a.batch ? a.batch : std::min<int64_t>(4, site.block->batch);
    std::vector<const void*> inputs;
    train::RawDataset dataset;
    std::unique_ptr<train::Feed> feed;
    if (!site.block->data.empty()) {
      const auto& all = loaded->description.data;
      const auto data = std::find_if(all.begin(), all.end(), [&](const auto& d) { return d.name == site.block->data; });
      dataset = train::openData(*data, model);
      train::computeStatistics(model, *data, dataset);
      train::checkFields(model, *data, dataset);
      feed = std::make_unique<train::Feed>(model.entry(model.find(site.function)), data->name, dataset,
                                           *dataset.find("train"));
      const auto most = static_cast<int64_t>(feed->rows());
      if (a.batch > most) throw UsageError{fmt::format("--batch {}: {} trains on {} rows", a.batch, data->name, most)};
      rows = std::min(rows, most);
      inputs = feed->gatherRange(0, static_cast<size_t>(rows));
    }
    ok = checkSite(model, site, a, rows, inputs) && ok;
  }
  if (sites.others)
    fmt::print("{} gradient{} by values that are no parameters {} not checked\n", sites.others,
               sites.others == 1 ? "" : "s", sites.others == 1 ? "is" : "are");
  return ok ? kExitOk : kExitSource;
}

}  // namespace

Command declareCheck(CLI::App& app) {
  auto a = std::make_shared<CheckArguments>();
  a->model.declare(app);
  auto* batch = app.add_option("--batch", a->batch, "rows (default: up to 4)")->check(atLeast(1));
  auto* directions =
      app.add_option("--directions", a->directions, "random directions for each parameter")->check(atLeast(1));
  auto* tolerance = app.add_option("--tolerance", a->tolerance, "largest relative error")->check(CLI::PositiveNumber);
  app.add_flag("--compiled", a->compiled, "instead: every function of the compiled library against the interpreter")
      ->excludes(batch, directions, tolerance);
  return [a] { return runCheck(*a); };
}

}  // namespace nnc::tools
