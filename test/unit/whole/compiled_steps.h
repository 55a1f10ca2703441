// Functions of modules planned, compiled, linked and loaded, and run step by step through the C interface.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "../codegen/kernel_harness.h"
#include "reference.h"

namespace nnc::testing {

/// Runs passes over a module; throws if one of them reports an error.
void optimize(Module& module, const std::vector<std::string>& passes);
/// The default pipeline without what may change bits.
std::vector<std::string> exactPipeline();

class CompiledSteps {
public:
  struct Options {
    bool plain = false;  // every kernel by the fallback emitter
    plan::PlanOptions plan;
    std::string cpu = "native";
    bool quickCode = false;
  };
  /// A plan that is for `-O0`: plain kernels, one for each node, nothing shared.
  static Options plainOptions() { return {true, {false, false, false}, "native", true}; }

  /// `module`: after its passes; it must outlive this.
  CompiledSteps(const Module& module, const Options& options);
  /// The results of function i, step by step, from the setting's values on.
  Trajectory run(size_t i, const Setting& setting, int threads);
  /// What went wrong on the way; empty if nothing did.
  const std::string& trouble() const { return trouble_; }

private:
  void expect(int code);
  bool isScalar(const std::string& name) const;
  std::vector<Tensor> runStep(size_t i, const Setting& setting);

  const Module& module_;
  plan::Plan plan_;
  std::unique_ptr<LoadedPlan> loaded_;
  std::string trouble_;
};

/// One sentence on the first element whose bits differ, among the outputs of each step that count (none given: all).
std::string bitDifference(const Trajectory& a, const Trajectory& b, const char* what,
                          const std::vector<std::vector<bool>>& counts = {});

}  // namespace nnc::testing
