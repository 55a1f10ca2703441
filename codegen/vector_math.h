// Elementary functions as inline polynomials, for float and double, scalars and vectors of any length with the same
// bits. Targets with FMA agree with each other in every bit, those without form a class of their own. Special values as
// in C. Accuracy: f32 within 4 ULP (most within 1), f64 within a few ULP; denormal results may be flushed by the
// caller's mode.
#pragma once

#include "codegen/emitter.h"

namespace nnc::codegen {

llvm::Value* emitExp(KernelEmitter& e, llvm::Value* x);
llvm::Value* emitExpm1(KernelEmitter& e, llvm::Value* x);
llvm::Value* emitLog(KernelEmitter& e, llvm::Value* x);
llvm::Value* emitLog1p(KernelEmitter& e, llvm::Value* x);
llvm::Value* emitTanh(KernelEmitter& e, llvm::Value* x);
llvm::Value* emitLogistic(KernelEmitter& e, llvm::Value* x);
llvm::Value* emitErf(KernelEmitter& e, llvm::Value* x);
llvm::Value* emitSin(KernelEmitter& e, llvm::Value* x);
llvm::Value* emitCos(KernelEmitter& e, llvm::Value* x);
llvm::Value* emitAtan(KernelEmitter& e, llvm::Value* x);
llvm::Value* emitPow(KernelEmitter& e, llvm::Value* a, llvm::Value* b);
/// a^b of doubles for a >= 0, without C's special values of the exponent; the relative error grows with |b log a| only
/// from about 2^-57.
llvm::Value* emitPositivePow(KernelEmitter& e, llvm::Value* a, llvm::Value* b);
/// Exact: nearest integer with halves to even, and the largest integer not above x. No library call on any target.
llvm::Value* emitRoundEven(KernelEmitter& e, llvm::Value* x);
llvm::Value* emitFloor(KernelEmitter& e, llvm::Value* x);

}  // namespace nnc::codegen
