// nn train: compiles a file for this machine and runs its train blocks.
#include <fmt/format.h>
#include <filesystem>

#include "runtime/train/file.h"
#include "runtime/train/loop.h"
#include "tools/nn/commands.h"

namespace nnc::tools {

namespace fs = std::filesystem;

namespace {

struct TrainArguments {
  ModelArguments model;
  std::string out, resume;
  train::LoopOptions loop;
  bool timePasses = false;
};

int runTrain(TrainArguments& a) {
  CompileOptions options =
      a.model.compileOptions(a.resume.empty() ? a.loop.weights : a.resume + "/checkpoint.safetensors");
  a.loop.resume = !a.resume.empty();
  a.loop.folder = a.loop.resume ? a.resume : !a.out.empty() ? a.out : "runs/" + fs::path(a.model.file).stem().string();
  Compilation compilation(options);
  if (!compilation.plan()) return report(compilation.diagnostics());
  if (compilation.elaborated()->trains.empty()) throw UsageError{fmt::format("{} has no train block", a.model.file)};
  a.loop.source = readWholeFile(a.model.file);
  train::makeFolder(a.loop.folder);
  const train::FolderLock lock(a.loop.folder);
  const TemporaryFolder made;
  a.loop.library = (made.path / "model.so").string();
  auto loaded = compileAndLoad(compilation, 0, a.model.threads, a.loop.library);
  if (!loaded) return kExitSource;
  if (a.timePasses)
    for (const auto& [name, milliseconds] : compilation.times())
      fmt::print(stderr, "{:<24} {:8.2f} ms\n", name, milliseconds);
  train::installInterruptHandler();
  train::Divergence divergence;
  switch (train::runTraining(*loaded->model, loaded->description, a.loop, divergence)) {
    case train::RunEnd::Interrupted:
      fmt::print(stderr, "stopped; go on with: nn train {} --resume {}\n", a.model.file, a.loop.folder);
      return kExitInterrupted;
    case train::RunEnd::Diverged:
      fmt::print(stderr, "nn: {}\n", divergence.message);
      return kExitDiverged;
    case train::RunEnd::Finished:
      break;
  }
  fmt::print(stderr, "weights: {}/best.safetensors\n", a.loop.folder);
  return kExitOk;
}

}  // namespace

Command declareTrain(CLI::App& app) {
  auto a = std::make_shared<TrainArguments>();
  a->model.declare(app);
  CLI::Option* out = app.add_option("--out", a->out, "folder of the run (default: runs/<model>)");
  auto* resume = app.add_option("--resume", a->resume, "go on with the run in this folder")->excludes(out);
  app.add_option("--weights", a->loop.weights, "start from what this file has of the model's weights, by path")
      ->excludes(resume);
  app.add_option("--checkpoint-every", a->loop.checkpointEvery, "steps between checkpoints inside an epoch")
      ->check(atLeast(1));
  app.add_option("--epochs", a->loop.epochs, "epochs, instead of the file's")->check(atLeast(1, INT32_MAX));
  app.add_option("--seed", a->loop.seed, "seed, instead of the file's")->check(atLeast(0, kMostSeed))->excludes(resume);
  app.add_option("--stop-after", a->loop.stopAfter, "stop, as if interrupted, after so many steps")->check(atLeast(1));
  app.add_flag("--time-passes", a->timePasses, "milliseconds of each stage of compilation");
  return [a] { return runTrain(*a); };
}

}  // namespace nnc::tools
