// The reductions of a loop kernel: several vectors of outputs at once, or one output with lanes along the reduced
// variable. Reductions over equal spaces share one loop and what they load in it.
#pragma once

#include <map>
#include <vector>

#include "codegen/kernels/fold.h"
#include "codegen/kernels/loop_shape.h"

namespace nnc::codegen {

/// Points that run together: neighbouring vectors of outputs.
using Bundle = std::vector<Point>;

/// The point with one variable bound.
Point with(const Point& p, uint32_t iter, llvm::Value* value);
/// Lanes below `count` (i64, any value).
llvm::Value* tailMask(KernelEmitter& e, llvm::Value* count, unsigned lanes);

/// Values by stage and instruction that are known before the loops.
using KnownValues = std::vector<std::map<uint32_t, llvm::Value*>>;
/// The values that are the same for all points, before the loops: stores in them would keep LLVM from moving the
/// loads. A launch in place reads such a value only if it has a single point, which then reads it first too.
KnownValues emitInvariants(KernelEmitter& e, const plan::Kernel& kernel);

class LoopReducer {
public:
  /// `plain`: least code, no two stages together.
  LoopReducer(KernelEmitter& e, const LoopShape& shape, bool plain, const KnownValues& known)
      : e_(e), shape_(shape), kernel_(shape.kernel), plain_(plain), known_(known) {}

  /// Reductions from stage `first` on that run over equal spaces and need none of each other's results.
  std::vector<size_t> reductionsFrom(size_t first) const;
  /// Runs such reductions; leaves their results in the points.
  void reduce(const std::vector<size_t>& numbers, Bundle& bundle);
  /// Whether the loop over the stage's variable `depth` is written out turn by turn, and with it those inside.
  bool isWrittenOut(const plan::Stage& stage, size_t depth, size_t points) const;

private:
  using Body = std::function<std::vector<FoldState>(const Bundle&, std::vector<FoldState>)>;

  bool hasLanes(const plan::Stage& stage) const;
  void reduceColumns(const std::vector<size_t>& numbers, Bundle& bundle);
  void reduceRow(const std::vector<size_t>& numbers, Point& task);
  std::vector<FoldState> foldRow(const std::vector<size_t>& numbers, std::vector<Folder>& folders, const Point& p,
                                 std::vector<FoldState> chains);
  std::vector<FoldState> reduceNest(const std::vector<size_t>& numbers, const Bundle& bundle, size_t depth,
                                    std::vector<FoldState> states, const Body& body, size_t skip = 0);
  std::vector<FoldState> carry(llvm::Value* lo, llvm::Value* hi, int64_t step, const std::vector<FoldState>& states,
                               const std::function<std::vector<FoldState>(llvm::Value*, std::vector<FoldState>)>& body);
  llvm::Value* positionOf(const plan::Stage& stage, const Point& p);

  KernelEmitter& e_;
  const LoopShape& shape_;
  const plan::Kernel& kernel_;
  bool plain_;
  const KnownValues& known_;
};

}  // namespace nnc::codegen
