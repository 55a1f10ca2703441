// The subcommands of nn. Each declares its options on a CLI11 app and returns a function that runs it and yields the
// exit code.
#pragma once

#include <fmt/format.h>
#include <charconv>
#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "runtime/train/description.h"
#include "runtime/train/model.h"
#include "tools/common/command_line.h"
#include "tools/common/compile.h"

namespace nnc::tools {

using Command = std::function<int()>;

Command declareTrain(CLI::App& app);
Command declareEval(CLI::App& app);
Command declareCheck(CLI::App& app);
Command declareBench(CLI::App& app);
Command declareSummary(CLI::App& app);
Command declareFmt(CLI::App& app);
Command declareDoc(CLI::App& app);
Command declarePlot(CLI::App& app);
Command declarePredict(CLI::App& app);

/// Of an option: a whole number, at least and at most so much.
inline CLI::Validator atLeast(int64_t least, int64_t most = INT64_MAX) {
  const std::string range =
      most == INT64_MAX ? fmt::format("from {} on", least) : fmt::format("from {} to {}", least, most);
  return CLI::Validator(
      [=](const std::string& text) {
        int64_t value = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        const bool whole = error == std::errc() && end == text.data() + text.size();
        return whole && value >= least && value <= most ? std::string()
                                                        : fmt::format("wants a whole number {}, not {}", range, text);
      },
      fmt::format("from {}", least));
}

/// Scalars of a model are set by doubles, which hold so many whole numbers.
inline constexpr int64_t kMostSeed = int64_t{1} << 53;

/// Options that every command compiling a model has.
struct ModelArguments {
  std::string file;
  std::vector<std::string> set, data;
  std::string cpu = "native";
  int threads = 0;
  int level = 1;

  void declare(CLI::App& app);
  /// `weights`: a file whose hyperparameters are in force where --set says nothing; or empty.
  CompileOptions compileOptions(const std::string& weights = "") const;
};

/// A model compiled for this run and loaded. The shared object lies in a folder of its own until the object dies, or
/// for good where the caller names a place.
struct LoadedModel {
  std::unique_ptr<train::Model> model;
  train::Description description;
};
/// Null if the source has errors (already printed). `keepAt`: path of the shared object, or empty.
std::unique_ptr<LoadedModel> compileAndLoad(Compilation& compilation, int64_t seed, int threads,
                                            const std::string& keepAt = "");

/// Sets the weights of a file, and says on standard error what it holds that this model has no place for: a layer may
/// have been taken out of the text since. Throws train::DataError.
void loadWeights(const std::string& file, LoadedModel& loaded);

}  // namespace nnc::tools
