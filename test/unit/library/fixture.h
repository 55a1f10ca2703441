// The files of test/library/fixtures: a program, and for each of its entries inputs and what PyTorch makes of them. The
// form is described in test/library/make_fixtures.py, which writes them.
#pragma once

#include <string>
#include <vector>

#include "ir/eval.h"

namespace nnc::test {

struct Expected {
  enum class Kind : uint8_t { Value, State, Gradient, Second } kind{};
  std::string output;  // name of the function's output
  std::string leaf;    // Gradient, Second: what it is differentiated by
  Tensor tensor;
};

struct Case {
  std::string name, expression;
  int steps = 0;       // 0: an exported function, else a train block
  bool rough = false;  // finite differences say nothing
  std::vector<std::pair<std::string, Tensor>> inputs;
  std::vector<Expected> expected;
};

struct FixtureFile {
  std::string program;
  std::vector<Case> cases;
};

/// A file of test/library/fixtures by the name of its area; a malformed one fails the test.
FixtureFile readFixtures(const std::string& area);

}  // namespace nnc::test
