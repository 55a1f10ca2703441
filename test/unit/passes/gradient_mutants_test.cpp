// Judges all gradient checks of one process together: every differentiable op has a case, and at least 98 % of mutated
// rules are caught. ctest runs them so as `gradient_mutants`; alone a test has too few.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "mutations.h"
#include "passes/vjp/vjp.h"

namespace nnc::testing {
namespace {

class Judge : public ::testing::Environment {
public:
  void TearDown() override {
    const MutationScore& score = mutationScore();
    if (!score.wanted) return;
    size_t caught = 0;
    for (const auto& [mutant, was] : score.caught) {
      caught += was;
      if (!was) fmt::print("missed {}\n", mutant);
    }
    fmt::print("{} of {} mutated rules caught\n", caught, score.caught.size());
    EXPECT_GT(score.caught.size(), 1000u);
    EXPECT_GE(static_cast<double>(caught), 0.98 * static_cast<double>(score.caught.size()));
#define OP(name, text, ...) \
  if (isDifferentiable(Op::name) && !score.cases.contains(Op::name)) ADD_FAILURE() << #text << " has no gradient case";
#include "ir/ops.def"
#undef OP
  }
};

const auto* const kJudge = ::testing::AddGlobalTestEnvironment(new Judge);

}  // namespace
}  // namespace nnc::testing
