// Passes are functions from graph to graph, listed once in passes.def, run in the order of pipeline.cpp.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ir/diagnostic.h"
#include "ir/graph.h"

namespace nnc {

struct PassContext {
  const Module& module;
  const Function& function;  // the function whose body is rewritten (symbols, kind); its body is the pass's argument
  Diagnostics& diagnostics;  // e.g. "`w` does not reach the loss"
};

using PassFn = Graph (*)(Graph graph, PassContext& context);

enum class Exactness : uint8_t { Exact, Reassociates };

struct PassInfo {
  const char* name;  // "simplify"
  PassFn run;
  Exactness exactness;  // exact passes leave every result bit alone
  const char* summary;  // one sentence: what it does and what it needs
};

/// All passes of passes.def.
const std::vector<PassInfo>& allPasses();
const PassInfo* findPass(std::string_view name);

struct PipelineOptions {
  bool verifyEach = false;
  std::vector<std::string> printAfter;                           // names, or "all"; printed to standard error
  std::vector<std::pair<std::string, double>>* times = nullptr;  // milliseconds by pass, if wanted
};

/// Runs the named passes over every function of the module. False if a pass reported errors.
bool runPasses(Module& module, const std::vector<std::string>& names, Diagnostics& diagnostics,
               const PipelineOptions& options = {});
/// The default pipeline (and the one of -O0: only what is needed to be plannable).
std::vector<std::string> defaultPipeline();
std::vector<std::string> plainPipeline();

}  // namespace nnc
