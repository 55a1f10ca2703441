// Decisions of the loop emitter, made from the kernel alone so that they, and with them the results' bits, are the same
// for every target and number of threads: which iteration variables are one, which runs over the lanes, what a task is.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "plan/plan.h"

namespace nnc::codegen {

/// How the loops of a kernel are run.
struct LoopShape {
  plan::Kernel kernel;  // with neighbouring variables merged where every index treats them as one
  /// Column style: lanes are neighbouring values of this task variable, each its own chain of a reduction. Nothing: row
  /// style, lanes run over the innermost variable of each stage.
  std::optional<uint32_t> laneIter;
  std::vector<uint32_t> points;  // the task variables but laneIter, outer to inner
  Dim pointCount = 1;
  int64_t pointBlock = 1;          // task = block of points x block of lanes
  int64_t laneBlock = 1;           // a multiple of kLaneStep unless it is the whole extent
  std::vector<uint64_t> rowBytes;  // of rows of scratch, which are operands behind the kernel's (row_cache.h)
  bool inOrder = false;  // there are accumulating stores: all points of a block of lanes in one task, in order
  double pointOps = 1;   // estimated scalar operations for one point and lane
  double totalOps = 1;   // of the whole kernel, symbols guessed
};

/// Blocks of lanes are multiples of this: no vector is longer.
constexpr int64_t kLaneStep = 64;

/// Merges neighbouring variables (i, j), j inner, into j where i always comes with coefficient extent(j) times that of
/// j.
plan::Kernel mergeIters(const plan::Kernel& kernel);
LoopShape shapeOf(const plan::Kernel& kernel);

/// Estimated scalar operations of an op.
double opCost(Op op);
/// Estimated cost of the instructions and stores of a stage at one point, with lanes over `laneIter` (nothing: scalar).
double stageCost(const plan::Stage& stage, std::optional<uint32_t> laneIter);
/// True if lanes over `iter` never let two accumulating stores of the stage meet in one element, in different lanes.
bool lanesApart(const plan::Kernel& kernel, const plan::Stage& stage, uint32_t iter);
bool accumulates(const plan::Stage& stage);

}  // namespace nnc::codegen
