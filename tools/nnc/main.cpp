// nnc: compiles a .nn file. The suffix of -o, or --emit, says into what.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <CLI/CLI.hpp>
#include <csignal>
#include <filesystem>

#include "passes/pass.h"
#include "runtime/train/checkpoint.h"
#include "tools/common/command_line.h"
#include "tools/common/compile.h"
#include "tools/common/weights.h"
#include "tools/nnc/outputs.h"

namespace nnc::tools {
namespace {

struct Arguments {
  CompileOptions compile;
  std::vector<std::string> set, data;
  std::string output, emit, diagnostics = "text";
  bool report = false, timePasses = false, saveTemps = false, verbose = false;
  int level = 1;
};

std::string helpOf(bool suffixes) {
  std::string text = suffixes ? "output; - is standard output; the suffix chooses the kind:"
                              : "a stage, on standard output without -o:";
  for (const OutputKind& kind : outputKinds()) {
    const char* name = suffixes ? kind.suffix : kind.emit;
    if (*name) text += fmt::format("\n  {:<8} {}", name, kind.meaning);
  }
  return text;
}

void declare(CLI::App& app, Arguments& a) {
  std::vector<std::string> stages;
  for (const OutputKind& kind : outputKinds()) stages.emplace_back(kind.emit);
  app.add_option("model", a.compile.file, "the .nn file")->required();
  app.add_option("-o", a.output, helpOf(true));
  app.add_option("--emit", a.emit, helpOf(false))->check(CLI::IsMember(stages));
  app.add_option("-O", a.level, "0: plain, no fusion and no optimisation; 1: the default")->check(CLI::Range(0, 1));
  app.add_option(
         "--mcpu", a.compile.cpus,
         "CPUs to make kernels for, chosen among when loaded (default: x86-64,x86-64-v3,x86-64-v4); also haswell, "
         "skylake-avx512, znver4, native")
      ->delimiter(',');
  app.add_option("-j", a.compile.jobs, "threads that compile; the result is the same for any number")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--set", a.set, "name=value of a hyperparameter")->allow_extra_args(false);
  app.add_option("--data", a.data, "name=DIR of a data block")->allow_extra_args(false);
  app.add_option("--weights", a.compile.weights, "safetensors to embed");
  app.add_flag("--report", a.report, "parameters, FLOPs, kernels, peak memory, by layer");
  app.add_flag("--time-passes", a.timePasses, "milliseconds by stage and pass, on standard error");
  std::vector<std::string> passes{"all"};
  for (const PassInfo& pass : allPasses()) passes.emplace_back(pass.name);
  app.add_option("--print-after", a.compile.printAfter, "print the graph after this pass (or all), on standard error")
      ->delimiter(',')
      ->check(CLI::IsMember(passes));
  app.add_flag("--verify-each", a.compile.verifyEach, "verify the graph after each pass");
  app.add_flag("--save-temps", a.saveTemps, "keep every stage in files beside the output");
  app.add_option("--diagnostics", a.diagnostics, "text or json")->check(CLI::IsMember({"text", "json"}));
  app.add_flag("-v", a.verbose, "say on standard error what is done");
  app.set_version_flag("--version", versionText());
}

/// The stage asked for; null where the file is only to be checked.
const OutputKind* kindOf(const Arguments& a) {
  if (!a.emit.empty()) return kindOfEmit(a.emit);
  if (a.output.empty()) return nullptr;
  if (a.output == "-") throw UsageError{"-o -: --emit must say what to write"};
  return &kindOfPath(a.output);
}

/// Writes what was asked for; returns the files.
std::vector<std::string> write(const Arguments& a, const OutputKind& kind, Compilation& c) {
  std::optional<std::string> bytes = kind.bytes(c);
  if (!bytes) return {};
  const std::string path = a.output.empty() ? "-" : a.output;
  writeWholeFile(path, *bytes);
  std::vector<std::string> files;
  if (path == "-") return files;
  files.push_back(path);
  if (kind.library) {
    // The model's name, which prefixes every symbol, comes from the source; the header's file goes with the output.
    files.push_back(std::filesystem::path(path).replace_extension(".h"));
    writeWholeFile(files.back(), codegen::makeHeader(*c.plan()));
  }
  return files;
}

void tell(const Arguments& a, const Compilation& c, const std::vector<std::string>& files) {
  if (a.verbose) {
    fmt::print(stderr, "{}\ncompiled {} for {}{}\n", versionText(), a.compile.file, fmt::join(a.compile.cpus, ", "),
               a.compile.plain ? ", plain" : "");
    for (const std::string& file : files)
      fmt::print(stderr, "wrote {} ({} bytes)\n", file, std::filesystem::file_size(file));
  }
  if (a.timePasses || a.verbose)
    for (const auto& [name, milliseconds] : c.times()) fmt::print(stderr, "{:<24} {:8.2f} ms\n", name, milliseconds);
}

int run(Arguments& a) {
  a.compile.hypers = keyValues(a.set, "--set");
  a.compile.dataPaths = keyValues(a.data, "--data");
  a.compile.plain = a.level == 0;
  const OutputKind* kind = kindOf(a);
  if (!a.compile.weights.empty()) a.compile.trained = train::savedHypers(a.compile.weights);
  if (a.saveTemps && (a.output.empty() || a.output == "-"))
    throw UsageError{"--save-temps: -o must name a file beside which they go"};
  Compilation c(a.compile);
  if (!a.compile.weights.empty() && c.elaborated()) weightsFor(*c.elaborated(), a.compile.weights);
  std::vector<std::string> files;
  if (kind) files = write(a, *kind, c);
  if (a.saveTemps)
    for (std::string& file : saveTemps(c, a.output)) files.push_back(std::move(file));
  // Without an output the file is checked all the way to its plan.
  const bool planned = !kind || a.report ? c.plan() != nullptr : false;
  if (planned && a.report) fmt::print("{}", plan::reportPlan(*c.plan(), *c.optimized()));
  tell(a, c, files);
  return report(c.diagnostics(), a.diagnostics == "json");
}

}  // namespace
}  // namespace nnc::tools

int main(int argc, char** argv) {
  std::signal(SIGXFSZ, SIG_IGN);  // a file beyond its limit is an error of write, like a full disk
  CLI::App app("nnc: compiles a network described in a .nn file");
  nnc::tools::Arguments arguments;
  arguments.compile.cpus = nnc::codegen::genericCpus();
  nnc::tools::declare(app, arguments);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? nnc::tools::kExitOk : nnc::tools::kExitUsage;
  }
  return nnc::tools::guarded("nnc", [&] { return nnc::tools::run(arguments); });
}
