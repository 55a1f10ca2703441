// The way from a .nn file to a shared object, stage by stage, shared by nnc and nn. Each stage runs once, when first
// asked for, and is timed. Errors of the source are printed on standard error by whoever called, from `diagnostics`.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "codegen/codegen.h"
#include "ir/diagnostic.h"
#include "ir/graph.h"
#include "plan/plan.h"

namespace nnc::tools {

struct CompileOptions {
  std::string file;
  std::map<std::string, std::string> hypers;     // --set
  std::map<std::string, std::string> trained;    // what weights were trained with, where --set says nothing
  std::map<std::string, std::string> dataPaths;  // --data
  bool plain = false;                            // -O0
  bool verifyEach = false;
  bool asF64 = false;  // every f32 of the program in f64 (gradient checks)
  std::vector<std::string> cpus = {"native"};
  int jobs = 0;
  std::string weights;  // file to embed
  std::vector<std::string> printAfter;
};

using StageTimes = std::vector<std::pair<std::string, double>>;  // milliseconds

class Compilation {
public:
  explicit Compilation(CompileOptions options);

  // Each returns null (or false) if the source has errors; they stand in diagnostics().
  const Module* elaborated();      // as the frontend made it
  const Module* differentiated();  // after autodiff and dead code
  const Module* optimized();       // after all passes
  const plan::Plan* plan();
  /// A change to the elaborated module before anything is made of it (gradient checks add functions).
  void beforePasses(std::function<void(Module&)> change) { change_ = std::move(change); }
  /// The tree the parser makes of the file, as text; nothing if it has errors.
  std::optional<std::string> syntaxTree();
  /// The kernels and tables as objects; there must be a plan. Throws codegen::CodegenError.
  const std::vector<std::string>& objects();
  /// Links the shared object at `path`; there must be a plan. Throws codegen::CodegenError.
  void link(const std::string& path);

  const std::string& file() const { return options_.file; }
  codegen::CodegenOptions codegenOptions();
  const Diagnostics& diagnostics() const { return diagnostics_; }
  const SourceManager& sources() const { return sources_; }
  const StageTimes& times() const { return times_; }

private:
  template <class F>
  auto timed(const std::string& stage, F&& run);

  CompileOptions options_;
  SourceManager sources_;
  Diagnostics diagnostics_{sources_};
  std::optional<Module> elaborated_, differentiated_, optimized_;
  std::optional<plan::Plan> plan_;
  std::optional<std::vector<std::string>> objects_;
  std::function<void(Module&)> change_;
  StageTimes times_;
};

}  // namespace nnc::tools
