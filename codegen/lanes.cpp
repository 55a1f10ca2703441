// Index expressions over lanes: which are the same in every lane, which run evenly, which must be computed lane by
// lane.
#include "codegen/lanes.h"

#include <algorithm>
#include <bit>

#include "ir/check.h"

namespace nnc::codegen {

using plan::Atom;
using plan::Ix;

bool IndexEmitter::varies(const Ix& index) const {
  if (point.lanes == 1) return false;
  return std::any_of(index.terms.begin(), index.terms.end(), [&](const auto& term) {
    const Atom& a = term.first;
    switch (a.kind) {
      case Atom::Kind::Iter:
        return static_cast<int>(a.id) == point.laneIter;
      case Atom::Kind::Inst:
        return insts[a.id] && insts[a.id]->getType()->isVectorTy();
      default:
        return varies(*a.arg);
    }
  });
}

std::optional<int64_t> IndexEmitter::stride(const Ix& index) const {
  int64_t step = 0;
  for (const auto& [atom, coefficient] : index.terms) {
    if (atom.kind == Atom::Kind::Iter && static_cast<int>(atom.id) == point.laneIter && point.lanes > 1) {
      if (!coefficient.isConst()) return std::nullopt;
      step += coefficient.value();
      continue;
    }
    Ix alone;
    alone.terms.push_back({atom, 1});
    if (varies(alone)) return std::nullopt;
  }
  return step;
}

llvm::Value* IndexEmitter::first(const Ix& index) {
  return sum(index, false);
}

llvm::Value* IndexEmitter::all(const Ix& index) {
  return varies(index) ? sum(index, true) : splat(e, sum(index, false), point.lanes);
}

llvm::Value* IndexEmitter::sum(const Ix& index, bool vector) {
  llvm::IRBuilder<>& ir = e.ir;
  llvm::Value* uniform = e.dim(index.constant);
  llvm::Value* lanes = nullptr;
  for (const auto& [a, coefficient] : index.terms) {
    Ix alone;
    alone.terms.push_back({a, 1});
    bool wide = vector && varies(alone);
    llvm::Value* factor = e.dim(coefficient);
    if (wide) {
      llvm::Value* term = ir.CreateMul(atom(a, true), splat(e, factor, point.lanes));
      lanes = lanes ? ir.CreateAdd(lanes, term) : term;
    } else {
      uniform = ir.CreateAdd(uniform, ir.CreateMul(atom(a, false), factor));
    }
  }
  return lanes ? ir.CreateAdd(lanes, splat(e, uniform, point.lanes)) : uniform;
}

llvm::Value* IndexEmitter::atom(const Atom& a, bool vector) {
  llvm::IRBuilder<>& ir = e.ir;
  switch (a.kind) {
    case Atom::Kind::Iter: {
      llvm::Value* base = point.iters[a.id];
      NNC_CHECK(base, "an index reads an iteration variable that is not bound");
      if (!vector || static_cast<int>(a.id) != point.laneIter) return base;
      return ir.CreateAdd(splat(e, base, point.lanes), laneNumbers(e, point.lanes, ir.getInt64Ty()));
    }
    case Atom::Kind::Inst: {
      llvm::Value* value = insts[a.id];
      NNC_CHECK(value, "an index reads an instruction that has no value yet");
      if (value->getType()->isVectorTy() && !vector) value = ir.CreateExtractElement(value, uint64_t{0});
      return ir.CreateSExt(value, withLanesOf(ir.getInt64Ty(), value->getType()));
    }
    case Atom::Kind::Div:
    case Atom::Kind::Mod: {
      llvm::Value* value = vector ? all(*a.arg) : first(*a.arg);
      return floorDivide(value, a.by, a.kind == Atom::Kind::Mod);
    }
  }
  return nullptr;
}

llvm::Value* IndexEmitter::floorDivide(llvm::Value* a, const Dim& by, bool remainder) {
  llvm::IRBuilder<>& ir = e.ir;
  llvm::Type* type = a->getType();
  if (by.isConst() && std::has_single_bit(static_cast<uint64_t>(by.value()))) {
    auto shift = static_cast<uint64_t>(std::countr_zero(static_cast<uint64_t>(by.value())));
    return remainder ? ir.CreateAnd(a, llvm::ConstantInt::get(type, by.value() - 1)) : ir.CreateAShr(a, shift);
  }
  llvm::Value* divisor = e.dim(by);
  // Where it is 0 there is nothing to load: the guard says so, but the index is computed all the same.
  if (!by.isConst()) divisor = ir.CreateBinaryIntrinsic(llvm::Intrinsic::smax, divisor, e.i64(1));
  if (type->isVectorTy()) divisor = splat(e, divisor, point.lanes);
  llvm::Value* r = ir.CreateSRem(a, divisor);
  llvm::Value* negative = ir.CreateICmpSLT(r, llvm::ConstantInt::get(type, 0));
  if (remainder) return ir.CreateSelect(negative, ir.CreateAdd(r, divisor), r);
  llvm::Value* q = ir.CreateSDiv(a, divisor);
  return ir.CreateSub(q, ir.CreateZExt(negative, type));
}

llvm::Value* laneNumbers(KernelEmitter& e, unsigned lanes, llvm::Type* type) {
  std::vector<llvm::Constant*> numbers;
  for (unsigned i = 0; i < lanes; ++i) numbers.push_back(llvm::ConstantInt::get(type, i));
  (void)e;
  return llvm::ConstantVector::get(numbers);
}

namespace {

/// lo <= v + lane < hi for indices that grow by one: compares 32-bit lane numbers, which are half as wide.
llvm::Value* guardOfRun(KernelEmitter& e, llvm::Value* v, llvm::Value* lo, llvm::Value* hi, unsigned lanes) {
  llvm::IRBuilder<>& ir = e.ir;
  auto bound = [&](llvm::Value* limit) {
    llvm::Value* lane = ir.CreateSub(limit, v);
    lane = ir.CreateBinaryIntrinsic(llvm::Intrinsic::smax, lane, e.i64(0));
    lane = ir.CreateBinaryIntrinsic(llvm::Intrinsic::smin, lane, e.i64(lanes));
    return ir.CreateVectorSplat(lanes, ir.CreateTrunc(lane, ir.getInt32Ty()));
  };
  llvm::Value* numbers = laneNumbers(e, lanes, ir.getInt32Ty());
  return ir.CreateAnd(ir.CreateICmpSGE(numbers, bound(lo)), ir.CreateICmpSLT(numbers, bound(hi)));
}

llvm::Value* conjunction(KernelEmitter& e, llvm::Value* a, llvm::Value* b) {
  return a && b ? e.ir.CreateAnd(a, b) : a ? a : b;
}

}  // namespace

Condition emitGuards(KernelEmitter& e, IndexEmitter& index, const std::vector<plan::Guard>& guards, unsigned lanes) {
  Condition condition;
  llvm::IRBuilder<>& ir = e.ir;
  for (const plan::Guard& g : guards) {
    llvm::Value *lo = e.dim(g.lo), *hi = e.dim(g.hi);
    if (!index.varies(g.value)) {
      llvm::Value* v = index.first(g.value);
      llvm::Value* holds = ir.CreateAnd(ir.CreateICmpSGE(v, lo), ir.CreateICmpSLT(v, hi));
      condition.uniform = conjunction(e, condition.uniform, holds);
      continue;
    }
    llvm::Value* holds;
    if (index.stride(g.value) == 1) {
      holds = guardOfRun(e, index.first(g.value), lo, hi, lanes);
    } else {
      llvm::Value* v = index.all(g.value);
      holds = ir.CreateAnd(ir.CreateICmpSGE(v, splat(e, lo, lanes)), ir.CreateICmpSLT(v, splat(e, hi, lanes)));
    }
    condition.lanes = conjunction(e, condition.lanes, holds);
  }
  return condition;
}

}  // namespace nnc::codegen
