// bf16 and f16 in registers are floats that hold values of the narrow type; bool is i1. Conversions at loads and
// stores, and the rounding after each operation. f16 uses the CPU's conversions where it has them, else integer
// arithmetic (Giesen, "Float->half conversion"): LLVM would call a library function there.
#include "codegen/scalar_ops.h"

namespace nnc::codegen {
namespace {

/// Integer arithmetic on the bits of floats, lane by lane.
struct Bits {
  llvm::IRBuilder<>& ir;
  llvm::Type* floats;
  llvm::Type* ints;
  Bits(KernelEmitter& e, llvm::Type* like)
      : ir(e.ir), floats(withLanesOf(e.ir.getFloatTy(), like)), ints(withLanesOf(e.ir.getInt32Ty(), like)) {}

  llvm::Value* constant(uint32_t v) const { return llvm::ConstantInt::get(ints, v); }
  llvm::Value* ofFloat(llvm::Value* x) const { return ir.CreateBitCast(x, ints); }
  llvm::Value* asFloat(llvm::Value* x) const { return ir.CreateBitCast(x, floats); }
  llvm::Value* number(float v) const { return llvm::ConstantFP::get(floats, v); }
};

llvm::Value* bf16ToFloat(const Bits& b, llvm::Value* raw) {
  return b.asFloat(b.ir.CreateShl(b.ir.CreateZExt(raw, b.ints), b.constant(16)));
}

/// The upper half of the float's bits after rounding to nearest even, as 32-bit integers; NaN stays a quiet NaN.
llvm::Value* floatToBf16(const Bits& b, llvm::Value* x) {
  llvm::Value* bits = b.ofFloat(x);
  llvm::Value* upper = b.ir.CreateLShr(bits, b.constant(16));
  llvm::Value* bias = b.ir.CreateAdd(b.ir.CreateAnd(upper, b.constant(1)), b.constant(0x7fff));
  llvm::Value* rounded = b.ir.CreateLShr(b.ir.CreateAdd(bits, bias), b.constant(16));
  return b.ir.CreateSelect(b.ir.CreateFCmpUNO(x, x), b.ir.CreateOr(upper, b.constant(0x40)), rounded);
}

llvm::Value* f16ToFloat(const Bits& b, llvm::Value* raw) {
  llvm::Value* h = b.ir.CreateZExt(raw, b.ints);
  llvm::Value* magnitude = b.ir.CreateAnd(h, b.constant(0x7fff));
  llvm::Value* sign = b.ir.CreateShl(b.ir.CreateAnd(h, b.constant(0x8000)), b.constant(16));
  llvm::Value* shifted = b.ir.CreateShl(magnitude, b.constant(13));
  llvm::Value* normal = b.ir.CreateAdd(shifted, b.constant((127 - 15) << 23));
  llvm::Value* special = b.ir.CreateAdd(normal, b.constant((128 - 16) << 23));
  llvm::Value* denormal = b.ofFloat(b.ir.CreateFMul(b.ir.CreateSIToFP(magnitude, b.floats), b.number(0x1p-24f)));
  llvm::Value* bits = b.ir.CreateSelect(b.ir.CreateICmpULT(magnitude, b.constant(0x400)), denormal, normal);
  bits = b.ir.CreateSelect(b.ir.CreateICmpUGE(magnitude, b.constant(0x7c00)), special, bits);
  return b.asFloat(b.ir.CreateOr(bits, sign));
}

llvm::Value* floatToF16(const Bits& b, llvm::Value* x) {
  llvm::Value* bits = b.ofFloat(x);
  llvm::Value* magnitude = b.ir.CreateAnd(bits, b.constant(0x7fffffff));
  llvm::Value* sign = b.ir.CreateLShr(b.ir.CreateAnd(bits, b.constant(0x80000000)), b.constant(16));
  llvm::Value* odd = b.ir.CreateAnd(b.ir.CreateLShr(magnitude, b.constant(13)), b.constant(1));
  llvm::Value* rebased = b.ir.CreateAdd(magnitude, b.constant((uint32_t(15 - 127) << 23) + 0xfff));
  llvm::Value* normal = b.ir.CreateLShr(b.ir.CreateAdd(rebased, odd), b.constant(13));
  // Adding 0.5 aligns the mantissa with f16's denormal step of 2^-24, rounded by the addition.
  llvm::Value* aligned = b.ir.CreateFAdd(b.asFloat(magnitude), b.number(0.5f));
  llvm::Value* denormal = b.ir.CreateSub(b.ofFloat(aligned), b.constant(0x3f000000));
  llvm::Value* isNan = b.ir.CreateICmpUGT(magnitude, b.constant(0x7f800000));
  llvm::Value* special = b.ir.CreateSelect(isNan, b.constant(0x7e00), b.constant(0x7c00));
  llvm::Value* result = b.ir.CreateSelect(b.ir.CreateICmpULT(magnitude, b.constant(0x38800000)), denormal, normal);
  result = b.ir.CreateSelect(b.ir.CreateICmpUGE(magnitude, b.constant(0x47800000)), special, result);
  return b.ir.CreateOr(result, sign);
}

}  // namespace

llvm::Value* fromMemory(KernelEmitter& e, llvm::Value* raw, DType t) {
  if (t == DType::Bool) return e.ir.CreateICmpNE(raw, llvm::ConstantInt::get(raw->getType(), 0));
  if (t != DType::BF16 && t != DType::F16) return raw;
  Bits b(e, raw->getType());
  if (t == DType::BF16) return bf16ToFloat(b, raw);
  if (!e.target.hasFma) return f16ToFloat(b, raw);  // every target with FMA has F16C
  llvm::Type* half = withLanesOf(e.ir.getHalfTy(), raw->getType());
  return e.ir.CreateFPExt(e.ir.CreateBitCast(raw, half), b.floats);
}

llvm::Value* toMemory(KernelEmitter& e, llvm::Value* value, DType t) {
  llvm::Type* memory = withLanesOf(e.scalarType(t), value->getType());
  if (t == DType::Bool) return e.ir.CreateZExt(value, memory);
  if (t != DType::BF16 && t != DType::F16) return value;
  Bits b(e, value->getType());
  if (t == DType::BF16) return e.ir.CreateTrunc(floatToBf16(b, value), memory);
  if (!e.target.hasFma) return e.ir.CreateTrunc(floatToF16(b, value), memory);
  llvm::Type* half = withLanesOf(e.ir.getHalfTy(), value->getType());
  return e.ir.CreateBitCast(e.ir.CreateFPTrunc(value, half), memory);
}

llvm::Value* roundToDType(KernelEmitter& e, llvm::Value* value, DType t) {
  return t == DType::BF16 || t == DType::F16 ? fromMemory(e, toMemory(e, value, t), t) : value;
}

}  // namespace nnc::codegen
