// Blocks of rows: which kernels work by rows, what becomes of a plan, and what its verifier refuses.
#include "plan/blocks.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "plan/verify.h"
#include "test/unit/plan/support.h"

namespace nnc::plan {
namespace {

using namespace test;

/// y[r, i] = x[index], for rows r < B and i < 6.
Kernel copyKernelOf(const Ix& load) {
  Kernel k;
  k.iters = {{kB, "r"}, {6, "i"}};
  k.taskIters = {0, 1};
  k.operands = 2;
  k.outputs = 1;
  Inst x;
  x.kind = Inst::Kind::Load;
  x.dtype = DType::F32;
  x.index = load;
  Stage stage;
  stage.body = {x};
  stage.stores = {{1, Ix::iter(0) * Dim(6) + Ix::iter(1), {}, 0, false}};
  k.stages = {stage};
  return k;
}

/// True if the verifier lets blocks of rows run the kernel on x and y.
bool mayRunInBlocks(const Kernel& kernel, const Type& x, const Type& y) {
  Plan plan;
  plan.kernels = {kernel};
  Entry entry;
  entry.symbols = {{"B", 16}};
  Step begin, phase, end;
  begin.kind = Step::Kind::Blocks, begin.symbol = "B", begin.rows = 1;
  end.kind = Step::Kind::EndBlocks;
  for (const Type* type : {&x, &y}) {
    Buffer buffer;
    buffer.role = type == &x ? Role::Input : Role::Output;
    buffer.type = *type;
    if (rowElements(*type, "B")) begin.moved.push_back(static_cast<BufId>(entry.buffers.size()));
    entry.buffers.push_back(buffer);
  }
  Launch launch;
  launch.kernel = 0, launch.bind = {0, 1};
  entry.phases = {{{launch}}};
  entry.steps = {begin, phase, end};
  std::vector<std::string> list;
  Violations violations(list);
  verifyBlocks(EntryView(plan, entry, EntryView::Size::Largest), violations);
  return violations.none();
}

/// What planner and verifier, each by rules of its own, say.
bool byRows(const Kernel& kernel, const Type& x) {
  const Type y{DType::F32, {kB, 6}};
  const bool works = worksByRows(kernel, {&x, &y}, "B");
  EXPECT_EQ(works, mayRunInBlocks(kernel, x, y));
  return works;
}

TEST(PlanBlocks, KernelsThatWorkByRows) {
  const Ix row = Ix::iter(0), i = Ix::iter(1);
  const Type rows{DType::F32, {kB, 6}}, wide{DType::F32, {kB, 9}}, same{DType::F32, {6}}, columns{DType::F32, {6, kB}};
  EXPECT_TRUE(byRows(copyKernelOf(row * Dim(6) + i), rows));
  EXPECT_TRUE(byRows(copyKernelOf(row * Dim(9) + i + Ix(Dim(3))), wide));
  EXPECT_TRUE(byRows(copyKernelOf(i), same));
  EXPECT_FALSE(byRows(copyKernelOf(row * Dim(6) + i), wide)) << "the rows of x are longer";
  EXPECT_FALSE(byRows(copyKernelOf(i), rows)) << "every row reads the first";
  EXPECT_FALSE(byRows(copyKernelOf((Ix(kB - Dim(1)) - row) * Dim(6) + i), rows)) << "rows in reverse";
  EXPECT_FALSE(byRows(copyKernelOf(row + i * kB), columns)) << "rows side by side";
  EXPECT_FALSE(byRows(copyKernelOf(floorMod(row, Dim(2), {kB, 6}) + i), same)) << "other rows, other elements";

  Kernel numbered = copyKernelOf(row * Dim(6) + i);
  Inst number;
  number.kind = Inst::Kind::Index;
  number.dtype = DType::F32;
  number.index = row;
  numbered.stages[0].body.push_back(number);
  EXPECT_FALSE(byRows(numbered, rows)) << "the number of a row counts from the first";

  Kernel parts = copyKernelOf(row * Dim(6) + i);  // rows in two parts, run over by one variable
  parts.iters = {{kB * Dim(2), "part"}, {3, "i"}};
  for (Ix* index : {&parts.stages[0].body[0].index, &parts.stages[0].stores[0].index})
    *index = Ix::iter(0) * Dim(3) + Ix::iter(1);
  EXPECT_TRUE(byRows(parts, rows));

  Kernel sum = copyKernelOf(row * Dim(6) + i);
  sum.taskIters = {1};
  sum.stages[0].kind = Stage::Kind::Reduce;
  sum.stages[0].iters = {0};
  sum.stages[0].stores.clear();
  EXPECT_FALSE(byRows(sum, rows)) << "a sum over the rows";
}

/// Rows through two contractions with a mean over the rows beside them, which has nothing to do with them.
const char* kTwoLayers = R"(  %x = leaf {kind="input", name="x"} : f32[B, 40]
  %v = leaf {kind="param", name="v"} : f32[40, 30]
  %w = leaf {kind="param", name="w"} : f32[30, 20]
  %s = sum(%x) {axes=[0]} : f32[40]
  %h = dot(%x, %v) {contract_a=[1], contract_b=[0]} : f32[B, 30]
  %e = exp(%h) : f32[B, 30]
  %y = dot(%e, %w) {contract_a=[1], contract_b=[0]} : f32[B, 20]
  return %y, %s
)";

Plan planOfTwoLayers() {
  return makePlan(moduleOf(kTwoLayers), {.blocks = PlanOptions::Blocks::OneRow});
}

size_t stepOf(const Entry& entry, Step::Kind kind) {
  const auto at = std::find_if(entry.steps.begin(), entry.steps.end(), [&](const Step& s) { return s.kind == kind; });
  return static_cast<size_t>(at - entry.steps.begin());
}

TEST(PlanBlocks, WhatOneLaunchHandsToTheNextIsScratch) {
  const Plan plan = planOfTwoLayers();
  const Entry& entry = plan.entries[0];
  const size_t begin = stepOf(entry, Step::Kind::Blocks), end = stepOf(entry, Step::Kind::EndBlocks);
  ASSERT_LT(begin, entry.steps.size()) << printPlan(plan);
  EXPECT_EQ(end - begin, 3u) << "two phases";
  EXPECT_EQ(entry.steps[begin].rows, 1);
  EXPECT_EQ(entry.steps[begin].symbol, "B");
  EXPECT_EQ(entry.steps[begin].moved.size(), 2u) << "x and y";
  EXPECT_EQ(entry.scratchBytes, 128u) << "30 floats";
  EXPECT_EQ(entry.arenaBytes, 0u);
  check(kTwoLayers);
}

TEST(PlanBlocks, FewRowsOrLittleDataAreNotWorthBlocks) {
  const Plan plan = makePlan(moduleOf(kTwoLayers));
  EXPECT_EQ(stepOf(plan.entries[0], Step::Kind::Blocks), plan.entries[0].steps.size());
}

TEST(PlanBlocks, TheVerifierRefuses) {
  const auto errorsOf = [](const std::function<void(Entry&, Step&)>& spoil) {
    Plan plan = planOfTwoLayers();
    EXPECT_TRUE(verifyPlan(plan).empty());
    Entry& entry = plan.entries[0];
    spoil(entry, entry.steps[stepOf(entry, Step::Kind::Blocks)]);
    return fmt::format("{}", fmt::join(verifyPlan(plan), "; "));
  };
  EXPECT_NE(errorsOf([](Entry&, Step& s) { s.moved.pop_back(); }).find("should be moved"), std::string::npos);
  EXPECT_NE(errorsOf([](Entry&, Step& s) { s.symbol = "C"; }).find("no symbol of the entry"), std::string::npos);
  EXPECT_NE(errorsOf([](Entry&, Step& s) { s.rows = 0; }).find("blocks of no rows"), std::string::npos);
  EXPECT_NE(errorsOf([](Entry& e, Step&) {
              e.steps.push_back(e.steps[stepOf(e, Step::Kind::EndBlocks) - 1]);  // the second layer again, outside
            }).find("stands in 2 steps"),
            std::string::npos);
  EXPECT_NE(errorsOf([](Entry& e, Step&) {
              // The sum over all rows comes into the blocks.
              std::swap(e.steps[stepOf(e, Step::Kind::Blocks)], e.steps[0]);
            }).find("has no tasks by rows, in blocks of B"),
            std::string::npos);
}

}  // namespace
}  // namespace nnc::plan
