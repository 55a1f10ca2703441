// The gradients a train block takes, each as a function of its own: what `nn check` measures.
#pragma once

#include <string>
#include <vector>

#include "ir/graph.h"

namespace nnc::tools {

/// A gradient of a step: what is differentiated, and by which parameters.
struct GradSite {
  std::string function;  // results: the differentiated scalar, then one gradient for each path
  const TrainBlock* block;
  std::vector<std::string> paths;
};

/// Adds to a module as elaborated, for each `grad` by parameters in a step, an export that returns the scalar and its
/// gradients.
std::vector<GradSite> addGradFunctions(Module& module);

}  // namespace nnc::tools
