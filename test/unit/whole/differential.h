// Step functions, compiled plain and by the default pipeline, against each other and against the interpreter.
#pragma once

#include <string>
#include <vector>

#include "ir/graph.h"

namespace nnc::testing {

struct Comparison {
  std::vector<std::string> failures;   // for each module one sentence, empty if all agrees
  std::string trouble;                 // what went wrong with the library as a whole
  size_t decided = 0, undecided = 0;   // values with a bound that says something, values at ties
  size_t bitwise = 0, outOfRange = 0;  // results compared bit for bit, runs with nothing to compare
};

struct How {
  bool exact = false;  // without the passes that may change bits, and plain = default bit for bit
  bool quick = false;  // machine code of the default pipeline by LLVM's shortest way
};

/// Each module has one step function. All are compiled as one library for each of two pipelines: three training steps
/// at the bound of the batch, one at smaller sizes; plain = interpreter = default, and 1 thread = 3 threads bit for
/// bit. Crashes are the caller's to catch.
Comparison compare(const std::vector<Module>& modules, How how);

}  // namespace nnc::testing
