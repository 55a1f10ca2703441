// Reductions, lane by lane and over lanes.
#include "codegen/kernels/fold.h"

#include <limits>

#include "codegen/scalar_ops.h"

namespace nnc::codegen {
namespace {

using Fold = plan::Stage::Fold;

/// The value below all others of a dtype.
llvm::Constant* lowest(llvm::Type* type, DType t) {
  if (isFloat(t)) return llvm::ConstantFP::getInfinity(type, /*Negative=*/true);
  if (t == DType::U8 || t == DType::Bool) return llvm::Constant::getNullValue(type);
  return llvm::ConstantInt::get(type, llvm::APInt::getSignedMinValue(type->getScalarSizeInBits()));
}

}  // namespace

Folder::Folder(KernelEmitter& e, const plan::Stage& stage, const std::map<uint32_t, llvm::Value*>& known)
    : e_(e),
      stage_(stage),
      known_(known),
      sums_(isSum(stage.fold)),
      fused_(isContraction(stage.fold) && isFloat(stage.acc)),
      valueType_(sums_ ? stage.acc : stage.body[stage.value].dtype) {}

FoldState Folder::start(unsigned lanes) {
  llvm::Type* type = e_.registerType(valueType_);
  if (lanes > 1) type = llvm::FixedVectorType::get(type, lanes);
  if (sums_) return {llvm::Constant::getNullValue(type)};
  if (stage_.fold == Fold::Max) return {lowest(type, valueType_)};
  return {lowest(type, valueType_), llvm::Constant::getNullValue(withLanesOf(e_.ir.getInt32Ty(), type))};
}

FoldState Folder::step(const FoldState& state, const Point& point, llvm::Value* position) {
  llvm::IRBuilder<>& ir = e_.ir;
  FoldState next;
  if (fused_) {
    const plan::Inst& product = stage_.body[stage_.value];
    std::vector<llvm::Value*> values = emitRegion(e_, stage_.body, point, known_);
    auto factor = [&](unsigned i) {
      llvm::Value* v = emitCast(e_, values[product.args[i]], stage_.body[product.args[i]].dtype, stage_.acc);
      return splat(e_, v, point.lanes);
    };
    next = {fmaOrMulAdd(e_, factor(0), factor(1), state[0])};
  } else {
    llvm::Value* value = emitInst(e_, stage_.body, stage_.value, point, known_);
    if (sums_) {
      next = {emitAdd(e_, stage_.acc, state[0], emitCast(e_, value, stage_.body[stage_.value].dtype, stage_.acc))};
    } else if (stage_.fold == Fold::Max) {
      next = {emitMax(e_, valueType_, value, state[0])};
    } else {
      llvm::Value* at = splat(e_, ir.CreateTrunc(position, ir.getInt32Ty()), point.lanes);
      // Lanes over the reduced variable: neighbours in lanes are neighbours in position.
      bool alongLanes = point.laneIter >= 0 && stage_.iters.size() > 0 &&
                        static_cast<uint32_t>(point.laneIter) == stage_.iters.back();
      if (point.lanes > 1 && alongLanes) {
        llvm::SmallVector<uint32_t> numbers;
        for (unsigned l = 0; l < point.lanes; ++l) numbers.push_back(l);
        at = ir.CreateAdd(at, llvm::ConstantDataVector::get(ir.getContext(), numbers));
      }
      // Positions come in rising order, so a later one wins only if it is strictly better.
      llvm::Value* better;
      if (isFloat(valueType_)) {
        llvm::Value* numberBefore = ir.CreateFCmpORD(state[0], state[0]);
        better = ir.CreateAnd(numberBefore, ir.CreateFCmpUGT(value, state[0]));
      } else {
        bool isUnsigned = valueType_ == DType::U8 || valueType_ == DType::Bool;
        better = isUnsigned ? ir.CreateICmpUGT(value, state[0]) : ir.CreateICmpSGT(value, state[0]);
      }
      next = {ir.CreateSelect(better, value, state[0]), ir.CreateSelect(better, at, state[1])};
    }
  }
  if (point.mask) {
    for (size_t i = 0; i < next.size(); ++i) next[i] = ir.CreateSelect(point.mask, next[i], state[i]);
  }
  return next;
}

llvm::Value* Folder::half(llvm::Value* vector, unsigned lanes, bool upper) {
  if (lanes == 2) return e_.ir.CreateExtractElement(vector, uint64_t{upper});
  std::vector<int> numbers;
  for (unsigned l = 0; l < lanes / 2; ++l) numbers.push_back(static_cast<int>(l + (upper ? lanes / 2 : 0)));
  return e_.ir.CreateShuffleVector(vector, numbers);
}

/// The better of two (value, position) pairs: NaN above all numbers, then the larger value, then the lower position.
FoldState Folder::keepLower(const FoldState& a, const FoldState& b) {
  llvm::IRBuilder<>& ir = e_.ir;
  llvm::Value *better, *equal;
  if (isFloat(valueType_)) {
    llvm::Value *aNan = ir.CreateFCmpUNO(a[0], a[0]), *bNan = ir.CreateFCmpUNO(b[0], b[0]);
    better = ir.CreateAnd(ir.CreateNot(aNan), ir.CreateFCmpUGT(b[0], a[0]));
    equal = ir.CreateOr(ir.CreateAnd(aNan, bNan), ir.CreateFCmpOEQ(a[0], b[0]));
  } else {
    bool isUnsigned = valueType_ == DType::U8 || valueType_ == DType::Bool;
    better = isUnsigned ? ir.CreateICmpUGT(b[0], a[0]) : ir.CreateICmpSGT(b[0], a[0]);
    equal = ir.CreateICmpEQ(a[0], b[0]);
  }
  llvm::Value* takeB = ir.CreateOr(better, ir.CreateAnd(equal, ir.CreateICmpULT(b[1], a[1])));
  return {ir.CreateSelect(takeB, b[0], a[0]), ir.CreateSelect(takeB, b[1], a[1])};
}

FoldState Folder::join(const FoldState& a, const FoldState& b) {
  if (sums_) return {emitAdd(e_, stage_.acc, a[0], b[0])};
  if (stage_.fold == Fold::Max) return {emitMax(e_, valueType_, b[0], a[0])};
  return keepLower(a, b);
}

llvm::Value* Folder::finish(std::vector<FoldState> chains) {
  while (chains.size() > 1) {
    std::vector<FoldState> joined;
    for (size_t i = 0; i + 1 < chains.size(); i += 2) joined.push_back(join(chains[i], chains[i + 1]));
    chains = joined;
  }
  FoldState state = chains[0];
  for (unsigned lanes = kRowLanes; lanes > 1; lanes /= 2) {
    FoldState lower, upper;
    for (llvm::Value* v : state) {
      lower.push_back(half(v, lanes, false));
      upper.push_back(half(v, lanes, true));
    }
    state = join(lower, upper);
  }
  return result(state);
}

}  // namespace nnc::codegen
