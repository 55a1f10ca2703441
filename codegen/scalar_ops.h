// The scalar instructions of regions as LLVM code: one function for each family. All take values in registers (see
// KernelEmitter::registerType), scalars or vectors alike, and give the same bits for any number of lanes.
#pragma once

#include <vector>

#include "codegen/emitter.h"

namespace nnc::codegen {

/// `op` of elementwise class applied to `args`, whose first value argument has dtype `from`; the result has dtype `to`.
llvm::Value* emitElementwise(KernelEmitter& e, Op op, DType from, DType to, const std::vector<llvm::Value*>& args);
/// Conversion as ops.def defines it: float to integer truncates, saturates and makes NaN 0; to bool: x != 0.
llvm::Value* emitCast(KernelEmitter& e, llvm::Value* x, DType from, DType to);
/// Larger of two; NaN if either is; a tie yields `b`.
llvm::Value* emitMax(KernelEmitter& e, DType t, llvm::Value* a, llvm::Value* b);
/// a + b of a dtype, rounded to it.
llvm::Value* emitAdd(KernelEmitter& e, DType t, llvm::Value* a, llvm::Value* b);
/// The register value of a number in `type` (a register type or a vector of it).
llvm::Constant* constantOf(llvm::Type* type, double value);

/// Between the representation in memory and in registers.
llvm::Value* fromMemory(KernelEmitter& e, llvm::Value* raw, DType t);
llvm::Value* toMemory(KernelEmitter& e, llvm::Value* value, DType t);
/// A float rounded to bf16 or f16 and back; other dtypes pass.
llvm::Value* roundToDType(KernelEmitter& e, llvm::Value* value, DType t);

/// Uniform numbers in (0, 1) of `rand`: element numbers as i64. Where they run consecutively over the lanes, pass the
/// first one in `first` and the number of lanes: lanes then share Philox blocks. `aligned`: first is known to be a
/// multiple of 4.
llvm::Value* emitRand(KernelEmitter& e, llvm::Value* key, llvm::Value* elements, DType t);
llvm::Value* emitRandRun(KernelEmitter& e, llvm::Value* key, llvm::Value* first, unsigned lanes, bool aligned, DType t);
/// The op `fold` on i64 keys.
llvm::Value* emitFold(KernelEmitter& e, llvm::Value* key, llvm::Value* data);

/// `value` in every lane, unless it is a vector already or lanes is 1.
llvm::Value* splat(KernelEmitter& e, llvm::Value* value, unsigned lanes);
/// `scalar` with as many lanes as `like` has.
llvm::Type* withLanesOf(llvm::Type* scalar, llvm::Type* like);

}  // namespace nnc::codegen
