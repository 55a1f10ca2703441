// Folds of Reduce stages: sum, maximum, position of the maximum; their start, step and the final fold over lanes.
#pragma once

#include "codegen/emitter.h"

namespace nnc::codegen {

/// Virtual lanes and accumulators of a reduction whose lanes run over the reduced variable: the same on every target,
/// so that the order of additions, and with it the sum, is too.
constexpr unsigned kRowLanes = 16;
constexpr unsigned kRowChains = 4;

/// The carried values of one fold: the accumulator, and for ArgMax the position.
using FoldState = std::vector<llvm::Value*>;

class Folder {
public:
  /// `known`: values of instructions emitted before.
  Folder(KernelEmitter& e, const plan::Stage& stage, const std::map<uint32_t, llvm::Value*>& known);

  FoldState start(unsigned lanes);
  /// Folds the stage's value at `point` in; `position` (i64, of the first lane) is read by ArgMax only.
  FoldState step(const FoldState& state, const Point& point, llvm::Value* position);
  /// Folds several vector states into one scalar result, by a fixed tree.
  llvm::Value* finish(std::vector<FoldState> chains);
  llvm::Value* result(const FoldState& state) { return state.back(); }

private:
  FoldState join(const FoldState& a, const FoldState& b);
  FoldState keepLower(const FoldState& a, const FoldState& b);
  llvm::Value* half(llvm::Value* vector, unsigned lanes, bool upper);

  KernelEmitter& e_;
  const plan::Stage& stage_;
  const std::map<uint32_t, llvm::Value*>& known_;
  bool sums_, fused_;
  DType valueType_;
};

}  // namespace nnc::codegen
