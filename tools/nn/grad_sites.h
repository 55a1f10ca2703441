// The gradients a train block takes, each as a function of its own: what `nn check` measures.
#pragma once

#include <string>
#include <vector>

#include "ir/graph.h"

namespace nnc::tools {

/// A gradient of a step: what is differentiated, and by which parameters.
struct GradSite {
  std::string function;  // results: the differentiated scalar, one gradient for each path, what each `stop` holds
  std::string moved;     // the scalar alone; what `stop` holds are inputs, named as the results of `function`
  const TrainBlock* block;
  std::vector<std::string> paths;
};

struct GradSites {
  std::vector<GradSite> all;
  size_t others = 0;  // gradients by what is no parameter
};

/// Adds to a module as elaborated, for each `grad` by parameters in a step, two exports: one that returns the scalar
/// and its gradients, and one that returns the scalar where parameters are moved and the values of `stop` are not, for
/// that is what a gradient says. A gradient in a loop is that of the first round, one in a branch that of the branch
/// taken.
GradSites addGradFunctions(Module& module);

}  // namespace nnc::tools
