// Outputs are for the caller, who may not want them: a plan that reads one is refused.
#include "test/unit/plan/support.h"

namespace nnc::plan {
namespace {

using namespace test;

TEST(PlanOutputs, ReadingOneIsRefused) {
  const Module module = moduleOf(R"(  %x = leaf {kind="input", name="x"} : f32[B, 4]
  %m = exp(%x) : f32[B, 4]
  %s = sum(%m) {axes=[0]} : f32[4]
  return %m, %s
)");
  Plan plan = makePlan(module, {false, false, false});
  EXPECT_TRUE(verifyPlan(plan).empty());
  Entry& entry = plan.entries.at(0);
  // The sum reads what it reads from the first output instead.
  for (Phase& phase : entry.phases)
    for (Launch& launch : phase.launches)
      for (BufId& b : launch.bind)
        if (entry.buffers[b].role == Role::Arena) b = entry.outputs.at(0).buffer;
  const std::vector<std::string> errors = verifyPlan(plan);
  const auto named = [](const std::string& e) { return e.find("reads an output") != std::string::npos; };
  EXPECT_TRUE(std::any_of(errors.begin(), errors.end(), named)) << printPlan(plan);
}

}  // namespace
}  // namespace nnc::plan
