// A compiled library against the reference interpreter, function by function.
#pragma once

#include "ir/graph.h"
#include "runtime/train/model.h"

namespace nnc::tools {

/// Runs every function of the library and the interpreter on the same variables and drawn inputs, at several sizes:
/// results, gradients of train blocks, and what two steps of training make of the variables. Prints a line for each
/// function and says whether all agree. `reference`: the library's module with its gradients expanded and nothing else
/// done to it. A number that is off is right only if rounding decides it (passes/perturb.h): what an optimizer that
/// divides by the gradient's size makes of a gradient that is 0 but for rounding, say.
bool compareWithInterpreter(const Module& reference, train::Model& model);

}  // namespace nnc::tools
