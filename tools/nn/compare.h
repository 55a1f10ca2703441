// The compiled library against the reference interpreter, function by function.
#pragma once

#include "tools/nn/commands.h"

namespace nnc::tools {

/// Runs every function of the library and the interpreter on the same variables and drawn inputs, at several sizes:
/// results, gradients of train blocks, and what two steps of training make of the variables. Prints a line for each
/// function; exit code 1 if one differs.
int compareCompiled(const ModelArguments& model);

}  // namespace nnc::tools
