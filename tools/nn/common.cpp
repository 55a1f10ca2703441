#include <cstdlib>
#include <filesystem>

#include "runtime/train/checkpoint.h"
#include "tools/nn/commands.h"

namespace nnc::tools {

namespace fs = std::filesystem;

void ModelArguments::declare(CLI::App& app) {
  app.add_option("model", file, "the .nn file")->required();
  app.add_option("--set", set, "name=value of a hyperparameter")->allow_extra_args(false);
  app.add_option("--data", data, "name=DIR of a data block")->allow_extra_args(false);
  app.add_option("--threads", threads,
                 "threads; 0 (the default): as many as CPUs may be used. Results do not depend on it")
      ->check(atLeast(0));
  app.add_option("--mcpu", cpu,
                 "x86-64, x86-64-v3, x86-64-v4, haswell, skylake-avx512, znver4 or native (the default)");
  app.add_option("-O", level, "0: plain, no fusion and no optimisation; 1: the default")->check(CLI::Range(0, 1));
}

CompileOptions ModelArguments::compileOptions(const std::string& weights) const {
  CompileOptions options;
  if (!weights.empty()) options.trained = train::savedHypers(weights);
  options.file = file;
  options.hypers = keyValues(set, "--set");
  options.dataPaths = keyValues(data, "--data");
  options.cpus = {cpu};
  options.plain = level == 0;
  return options;
}

/// A path of data is one from the current folder, or, if nothing is there, from the folder of the .nn file.
static std::string foundPath(const std::string& path, const std::string& file) {
  std::error_code error;
  const fs::path beside = fs::path(file).parent_path() / path;
  return !fs::exists(path, error) && fs::exists(beside, error) ? beside.string() : path;
}

std::unique_ptr<LoadedModel> compileAndLoad(Compilation& compilation, int64_t seed, int threads,
                                            const std::string& keepAt) {
  if (!compilation.plan()) {
    report(compilation.diagnostics());
    return nullptr;
  }
  TemporaryFolder folder;
  std::string path = keepAt.empty() ? (folder.path / "model.so").string() : keepAt;
  compilation.link(path);
  report(compilation.diagnostics());
  auto loaded = std::make_unique<LoadedModel>();
  loaded->model = std::make_unique<train::Model>(path, codegen::modelPrefix(*compilation.plan()), seed, threads);
  loaded->description = train::Description::parse(loaded->model->tables().description);
  for (train::DataInfo& data : loaded->description.data) data.path = foundPath(data.path, compilation.file());
  return loaded;
}

void loadWeights(const std::string& file, LoadedModel& loaded) {
  const std::vector<std::string> rest = train::loadWeights(file, *loaded.model, loaded.description.hypers);
  if (!rest.empty())
    fmt::print(stderr, "nn: {}: not used by this model: `{}`{}\n", file, rest.front(),
               rest.size() == 1 ? "" : fmt::format(" and {} more", rest.size() - 1));
}

}  // namespace nnc::tools
