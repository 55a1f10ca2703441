// The order of the passes, and the driver that runs, verifies, prints and times them.
#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <chrono>
#include <cstdio>

#include "ir/text.h"
#include "ir/verify.h"
#include "passes/passes.h"

namespace nnc {

const std::vector<PassInfo>& allPasses() {
  static const std::vector<PassInfo> passes = {
#define PASS(name, function, exactness, summary) {name, function, Exactness::exactness, summary},
#include "passes/passes.def"
#undef PASS
  };
  return passes;
}

const PassInfo* findPass(std::string_view name) {
  for (const PassInfo& pass : allPasses())
    if (name == pass.name) return &pass;
  return nullptr;
}

std::vector<std::string> plainPipeline() {
  return {"autodiff", "mixed_precision", "fold", "dce"};
}

std::vector<std::string> defaultPipeline() {
  return {
      // Before differentiation: what a user writes naively becomes safe, and its gradient with it.
      "stable",
      "stack",
      "autodiff",
      "mixed_precision",
      // From here on values may be merged.
      "fold",
      "simplify",
      "stable",
      "algebra",
      "cse",
      // Work and sums out of scans.
      "licm",
      "batch",
      "reductions",
      // What that opened.
      "fold",
      "simplify",
      "algebra",
      "cse",
      "regroup",
      "dce",
      // Last, because common subexpressions would undo it.
      "recompute",
      "dce",
  };
}

namespace {

/// A pass that leaves an ill-formed function behind is a bug: say which, and stop.
void verifyAfter(const Module& module, const Function& function, const PassInfo& pass) {
  std::vector<std::string> errors = verify(function, module);
  if (errors.empty()) return;
  fmt::print(stderr, "internal error: the function `{}` is ill-formed after pass `{}`\n", function.name, pass.name);
  for (const std::string& error : errors) fmt::print(stderr, "  {}\n", error);
  std::fputs(printFunction(function, {.locations = false}).c_str(), stderr);
  std::abort();
}

bool wants(const std::vector<std::string>& names, std::string_view pass) {
  return std::any_of(names.begin(), names.end(), [&](const std::string& n) { return n == "all" || n == pass; });
}

}  // namespace

bool runPasses(Module& module, const std::vector<std::string>& names, Diagnostics& diagnostics,
               const PipelineOptions& options) {
  using Clock = std::chrono::steady_clock;
  for (const std::string& name : names) {
    const PassInfo* pass = findPass(name);
    assert(pass && "unknown pass");
    const size_t errorsBefore = diagnostics.errorCount();
    const auto start = Clock::now();
    for (Function& function : module.functions) {
      PassContext context{module, function, diagnostics};
      function.body = pass->run(std::move(function.body), context);
    }
    if (options.times)
      options.times->emplace_back(name, std::chrono::duration<double, std::milli>(Clock::now() - start).count());
    if (diagnostics.errorCount() != errorsBefore) return false;
    if (options.verifyEach)
      for (const Function& function : module.functions) verifyAfter(module, function, *pass);
    if (wants(options.printAfter, name)) {
      fmt::print(stderr, "// after {}\n", name);
      std::fputs(printModule(module, {.locations = false}).c_str(), stderr);
    }
  }
  return true;
}

}  // namespace nnc
