// Whole training steps, small: the plan's interpreter agrees with the graph's, and the plans stay as tight as they are.
#include <algorithm>
#include <fstream>
#include <sstream>

#include "test/unit/plan/support.h"

namespace nnc::plan {
namespace {

using namespace test;

Module load(const std::string& name) {
  std::ifstream in(std::string(NNC_SOURCE_DIR) + "/test/plan/Inputs/" + name);
  std::ostringstream text;
  text << in.rdbuf();
  SourceManager sources;
  Diagnostics diagnostics(sources);
  Module module = parseModule(sources.add(name, text.str()), sources, diagnostics);
  EXPECT_FALSE(diagnostics.hasErrors()) << diagnostics.render(DiagFormat::Text);
  return module;
}

size_t launchesOf(const Entry& entry) {
  size_t n = 0;
  for (const Phase& phase : entry.phases) n += phase.launches.size();
  return n;
}

TEST(PlanTraining, MlpStep) {
  const Module module = load("mlp_step.nnir");
  checkModule(module, {{"batch", 4}});
  checkModule(module, {{"batch", 1}});
  const Plan plan = makePlan(module);
  EXPECT_LE(launchesOf(plan.entries[0]), 10u);
  EXPECT_LE(plan.entries[0].phases.size(), 5u);
}

TEST(PlanTraining, CnnStep) {
  const Module module = load("cnn_step.nnir");
  checkModule(module, {{"batch", 3}});
  const Plan plan = makePlan(module);
  EXPECT_LE(launchesOf(plan.entries[0]), 34u);
  const Plan plain = makePlan(module, {.fuse = false, .reuse = false, .layouts = false});
  EXPECT_LE(4 * plan.entries[0].arenaBytes, plain.entries[0].unsharedBytes);
  // Nothing is rearranged: the image is read where it lies, and the dense layer's weights follow the image's order.
  for (const Kernel& k : plan.kernels) EXPECT_TRUE(k.flops > 0) << printPlan(plan);
}

TEST(PlanTraining, ConvolutionsOfAllKinds) {
  checkModule(load("convs.nnir"), {{"batch", 3}, {"B", 2}});
}

TEST(PlanTraining, RecurrentNetwork) {
  checkModule(load("rnn.nnir"), {{"batch", 3}});
}

TEST(PlanTraining, Transformer) {
  checkModule(load("gpt.nnir"), {{"batch", 2}});
}

}  // namespace
}  // namespace nnc::plan
