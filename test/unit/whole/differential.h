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

/// Each module has one step function. All are compiled as one library for each of two pipelines: three training steps
/// at several sizes of the batch; plain = interpreter = default, and 1 thread = 3 threads bit for bit. With `exact`,
/// the passes that may change bits are left out, and plain = default bit for bit too. Crashes are the caller's to
/// catch.
Comparison compare(const std::vector<Module>& modules, bool exact);

}  // namespace nnc::testing
