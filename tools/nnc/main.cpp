// nnc: compiles a .nn file. The suffix of -o, or --emit, says into what.
#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <filesystem>

#include "frontend/ast_dump.h"
#include "frontend/parse.h"
#include "ir/text.h"
#include "tools/common/compile.h"

namespace nnc::tools {
namespace {

struct Arguments {
  CompileOptions compile;
  std::vector<std::string> set, data;
  std::string output, emit, diagnostics = "text";
  bool report = false, timePasses = false;
  int level = 1;
};

const std::map<std::string, std::string> kStageOfSuffix = {{".so", "so"},   {".o", "obj"},    {".s", "asm"},
                                                           {".ll", "llvm"}, {".nnir", "opt"}, {".plan", "plan"}};

void declare(CLI::App& app, Arguments& a) {
  app.add_option("model", a.compile.file, "the .nn file")->required();
  app.add_option("-o", a.output,
                 "output; its suffix chooses the kind: .so .o .s .ll .nnir .plan; - is standard output");
  app.add_option("--emit", a.emit,
                 "ast, ir, grad, opt, plan, llvm, asm, obj or so: that stage, on standard output without -o")
      ->check(CLI::IsMember({"ast", "ir", "grad", "opt", "plan", "llvm", "asm", "obj", "so"}));
  app.add_option("-O", a.level, "0: plain, no fusion and no optimisation; 1: the default")->check(CLI::Range(0, 1));
  app.add_option("--mcpu", a.compile.cpu, "x86-64, haswell, skylake-avx512, znver4 or native (the default)");
  app.add_option("-j", a.compile.jobs, "threads that compile; the result is the same for any number");
  app.add_option("--set", a.set, "name=value of a hyperparameter");
  app.add_option("--data", a.data, "name=DIR of a data block");
  app.add_option("--weights", a.compile.weights, "safetensors to embed");
  app.add_flag("--report", a.report, "parameters, FLOPs, kernels, peak memory, by layer");
  app.add_flag("--time-passes", a.timePasses, "milliseconds by stage and pass, on standard error");
  app.add_option("--print-after", a.compile.printAfter, "print the graph after this pass (or all), on standard error")
      ->delimiter(',');
  app.add_flag("--verify-each", a.compile.verifyEach, "verify the graph after each pass");
  app.add_option("--diagnostics", a.diagnostics, "text or json")->check(CLI::IsMember({"text", "json"}));
  app.set_version_flag("--version", versionText());
}

std::string printedAst(const std::string& file, bool json, int& code) {
  SourceManager sources;
  Diagnostics diagnostics(sources);
  uint32_t id = sources.add(file, readWholeFile(file));
  auto tree = parseFile(id, sources, diagnostics);
  code = report(diagnostics, json);
  return code == kExitOk ? dumpAst(*tree) : std::string();
}

/// The stage as text; empty where the source has errors.
std::string printed(const std::string& stage, Compilation& c) {
  const Module* module = stage == "ir" ? c.elaborated() : stage == "grad" ? c.differentiated() : nullptr;
  if (stage == "ir" || stage == "grad") return module ? printModule(*module, {.locations = stage == "ir"}) : "";
  if (stage == "opt") return c.optimized() ? printModule(*c.optimized()) : "";
  if (!c.plan()) return "";
  if (stage == "plan") return plan::printPlan(*c.plan());
  if (stage == "llvm") return codegen::emitLlvmText(*c.plan(), c.codegenOptions());
  return codegen::emitAssembly(*c.plan(), c.codegenOptions());
}

/// The model's name, which prefixes every symbol, comes from the source; so does the header's.
void emitShared(const Arguments& a, Compilation& c) {
  namespace fs = std::filesystem;
  if (a.output == "-" || a.output.empty()) {
    fs::path aside = fs::temp_directory_path() / fmt::format("nnc-{}.so", getpid());
    if (c.link(aside)) writeWholeFile("-", readWholeFile(aside));
    fs::remove(aside);
    return;
  }
  if (c.link(a.output)) writeWholeFile(fs::path(a.output).replace_extension(".h"), codegen::makeHeader(*c.plan()));
}

void emitObjects(const Arguments& a, Compilation& c) {
  if (!c.plan()) return;
  std::vector<std::string> objects = codegen::compileObjects(*c.plan(), c.codegenOptions());
  writeWholeFile(a.output.empty() ? "-" : a.output, codegen::mergeObjects(objects));
}

int run(Arguments& a) {
  a.compile.hypers = keyValues(a.set, "--set");
  a.compile.dataPaths = keyValues(a.data, "--data");
  a.compile.plain = a.level == 0;
  std::string stage = a.emit;
  if (stage.empty() && !a.output.empty() && a.output != "-") {
    auto found = kStageOfSuffix.find(std::filesystem::path(a.output).extension());
    if (found == kStageOfSuffix.end())
      throw UsageError{fmt::format("-o {}: unknown suffix; known are .so .o .s .ll .nnir .plan", a.output)};
    stage = found->second;
  }
  Compilation c(a.compile);
  int code = kExitOk;
  if (stage == "ast") {
    writeWholeFile(a.output.empty() ? "-" : a.output, printedAst(a.compile.file, a.diagnostics == "json", code));
    return code;
  }
  if (stage == "so")
    emitShared(a, c);
  else if (stage == "obj")
    emitObjects(a, c);
  else if (!stage.empty()) {
    std::string text = printed(stage, c);
    if (!c.diagnostics().hasErrors()) writeWholeFile(a.output.empty() ? "-" : a.output, text);
  }
  // Without an output the file is checked all the way to its plan.
  if (c.plan() && a.report) fmt::print("{}", plan::reportPlan(*c.plan(), *c.optimized()));
  if (a.timePasses)
    for (const auto& [name, milliseconds] : c.times()) fmt::print(stderr, "{:<24} {:8.2f} ms\n", name, milliseconds);
  return report(c.diagnostics(), a.diagnostics == "json");
}

int guarded(Arguments& a) {
  try {
    return run(a);
  } catch (const UsageError& e) {
    fmt::print(stderr, "nnc: {}\n", e.message);
    return kExitUsage;
  } catch (const IoFailure& e) {
    fmt::print(stderr, "nnc: {}\n", e.message);
    return kExitIo;
  } catch (const codegen::CodegenError& e) {
    fmt::print(stderr, "nnc: {}\n", e.message);
    return kExitUsage;
  }
}

}  // namespace
}  // namespace nnc::tools

int main(int argc, char** argv) {
  CLI::App app("nnc: compiles a network described in a .nn file");
  nnc::tools::Arguments arguments;
  nnc::tools::declare(app, arguments);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? nnc::tools::kExitOk : nnc::tools::kExitUsage;
  }
  return nnc::tools::guarded(arguments);
}
