// nnc-opt: IR text in, passes, IR text out. The tool of the tests of passes.
#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <cstdio>
#include <iostream>
#include <iterator>

#include "ir/read_text.h"
#include "ir/text.h"
#include "passes/pass.h"
#include "plan/plan.h"

namespace {

enum ExitCode { kOk = 0, kSourceError = 1, kUsage = 2, kIo = 3 };

struct Settings {
  std::string file;
  std::vector<std::string> passes;
  nnc::PipelineOptions pipeline;
  bool showTimes = false;
  bool showLocations = false;
  bool list = false;
  bool json = false;
  bool plan = false;
  nnc::plan::PlanOptions planOptions;
};

/// "default" and "plain" stand for the passes of those pipelines.
std::optional<std::vector<std::string>> expandNames(const std::vector<std::string>& names) {
  std::vector<std::string> passes;
  for (const std::string& name : names) {
    if (name == "default" || name == "plain") {
      auto list = name == "default" ? nnc::defaultPipeline() : nnc::plainPipeline();
      passes.insert(passes.end(), list.begin(), list.end());
    } else if (nnc::findPass(name)) {
      passes.push_back(name);
    } else {
      std::vector<std::string> known;
      for (const nnc::PassInfo& pass : nnc::allPasses()) known.emplace_back(pass.name);
      std::string near = nnc::nearestName(name, known);
      fmt::print(stderr, "nnc-opt: there is no pass `{}`{}\n", name,
                 near.empty() ? "; --list shows them" : fmt::format("; did you mean `{}`?", near));
      return std::nullopt;
    }
  }
  return passes;
}

std::optional<std::string> readAll(const std::string& file) {
  if (file == "-") return std::string(std::istreambuf_iterator<char>(std::cin), {});
  return nnc::readText(file);
}

void listPasses() {
  for (const nnc::PassInfo& pass : nnc::allPasses())
    fmt::print("{:<12} {:<13} {}\n", pass.name, pass.exactness == nnc::Exactness::Exact ? "exact" : "reassociates",
               pass.summary);
}

int run(Settings& settings) {
  auto passes = expandNames(settings.passes);
  if (!passes) return kUsage;
  auto text = readAll(settings.file);
  if (!text) {
    fmt::print(stderr, "nnc-opt: cannot read {}\n", settings.file);
    return kIo;
  }
  nnc::SourceManager sources;
  nnc::Diagnostics diagnostics(sources);
  const uint32_t file = sources.add(settings.file == "-" ? "<stdin>" : settings.file, std::move(*text));
  nnc::Module module = nnc::parseModule(file, sources, diagnostics);

  std::vector<std::pair<std::string, double>> times;
  if (settings.showTimes) settings.pipeline.times = &times;
  const bool ok = !diagnostics.hasErrors() && nnc::runPasses(module, *passes, diagnostics, settings.pipeline);
  const auto format = settings.json ? nnc::DiagFormat::Json : nnc::DiagFormat::Text;
  if (!diagnostics.all().empty()) std::fputs(diagnostics.render(format).c_str(), stderr);
  for (const auto& [name, milliseconds] : times) fmt::print(stderr, "{:<12} {:8.3f} ms\n", name, milliseconds);
  if (!ok) return kSourceError;
  if (settings.plan) {
    const nnc::plan::Plan plan = nnc::plan::makePlan(module, settings.planOptions);
    std::fputs(nnc::plan::printPlan(plan).c_str(), stdout);
    return std::fflush(stdout) == 0 ? kOk : kIo;
  }
  std::fputs(nnc::printModule(module, {.locations = settings.showLocations, .sources = &sources}).c_str(), stdout);
  return std::fflush(stdout) == 0 ? kOk : kIo;
}

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  CLI::App app{"Runs passes over IR text", "nnc-opt"};
  app.add_option("file", settings.file, "IR text, or - for standard input");
  app.add_option("--passes", settings.passes, "the passes to run, in order; `default` and `plain` are pipelines")
      ->delimiter(',');
  app.add_flag("--verify-each", settings.pipeline.verifyEach, "verify the module after each pass");
  app.add_option("--print-after", settings.pipeline.printAfter, "print the module after these passes, or `all`")
      ->delimiter(',');
  app.add_flag("--time-passes", settings.showTimes, "print the time of each pass");
  app.add_flag("--locations", settings.showLocations, "print the places of values");
  app.add_flag("--plan", settings.plan, "print the plan instead of IR text");
  app.add_flag("!--no-fuse", settings.planOptions.fuse, "plan one kernel for each node");
  app.add_flag("!--no-reuse", settings.planOptions.reuse, "plan without shared storage");
  app.add_flag("!--no-layouts", settings.planOptions.layouts, "plan everything row-major");
  app.add_flag("--list", settings.list, "list the passes and stop");
  app.add_option("--diagnostics", settings.json, "json: diagnostics for editors")
      ->transform(CLI::CheckedTransformer(std::map<std::string, bool>{{"text", false}, {"json", true}}));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kOk : kUsage;
  }
  if (settings.list) {
    listPasses();
    return kOk;
  }
  if (settings.file.empty()) {
    fmt::print(stderr, "nnc-opt: no file given; see --help\n");
    return kUsage;
  }
  return run(settings);
}
