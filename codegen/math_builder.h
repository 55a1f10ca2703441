// What the elementary functions share: constants of the right type, polynomials, the exponent of a float.
#pragma once

#include <initializer_list>

#include "codegen/emitter.h"
#include "codegen/scalar_ops.h"

namespace nnc::codegen {

class MathBuilder {
public:
  MathBuilder(KernelEmitter& emitter, llvm::Type* floats)
      : e(emitter),
        ir(e.ir),
        type(floats),
        isDouble(floats->getScalarType()->isDoubleTy()),
        ints(withLanesOf(isDouble ? e.ir.getInt64Ty() : e.ir.getInt32Ty(), floats)) {}

  llvm::Value* num(double v) { return llvm::ConstantFP::get(type, v); }
  /// One of two constants, by the type.
  llvm::Value* num(float single, double twice) { return num(isDouble ? twice : static_cast<double>(single)); }
  llvm::Value* integer(int64_t v) { return llvm::ConstantInt::getSigned(ints, v); }
  llvm::Value* fma(llvm::Value* a, llvm::Value* b, llvm::Value* c) { return fmaOrMulAdd(e, a, b, c); }
  llvm::Value* add(llvm::Value* a, llvm::Value* b) { return ir.CreateFAdd(a, b); }
  llvm::Value* sub(llvm::Value* a, llvm::Value* b) { return ir.CreateFSub(a, b); }
  llvm::Value* mul(llvm::Value* a, llvm::Value* b) { return ir.CreateFMul(a, b); }
  llvm::Value* div(llvm::Value* a, llvm::Value* b) { return ir.CreateFDiv(a, b); }
  llvm::Value* abs(llvm::Value* x) { return ir.CreateUnaryIntrinsic(llvm::Intrinsic::fabs, x); }
  llvm::Value* withSignOf(llvm::Value* x, llvm::Value* sign) {
    return ir.CreateBinaryIntrinsic(llvm::Intrinsic::copysign, x, sign);
  }
  llvm::Value* bits(llvm::Value* x) { return ir.CreateBitCast(x, ints); }
  llvm::Value* floats(llvm::Value* x) { return ir.CreateBitCast(x, type); }
  llvm::Value* select(llvm::Value* c, llvm::Value* a, llvm::Value* b) { return ir.CreateSelect(c, a, b); }
  llvm::Value* isZero(llvm::Value* x) { return ir.CreateFCmpOEQ(x, num(0)); }
  llvm::Value* isInfinite(llvm::Value* x) { return ir.CreateFCmpOEQ(abs(x), infinity()); }
  llvm::Value* infinity() { return llvm::ConstantFP::getInfinity(type); }
  llvm::Value* nan() { return llvm::ConstantFP::getNaN(type); }
  /// x held to [lo, hi]; NaN stays.
  llvm::Value* atMost(llvm::Value* x, llvm::Value* hi) { return select(ir.CreateFCmpOGT(x, hi), hi, x); }
  llvm::Value* atLeast(llvm::Value* x, llvm::Value* lo) { return select(ir.CreateFCmpOLT(x, lo), lo, x); }

  /// c0 + x (c1 + x (c2 + …)).
  llvm::Value* polynomial(llvm::Value* x, std::initializer_list<double> coefficients) {
    auto c = std::rbegin(coefficients);
    llvm::Value* sum = num(*c);
    while (++c != std::rend(coefficients)) sum = fma(sum, x, num(*c));
    return sum;
  }
  llvm::Value* polynomial(llvm::Value* x, std::initializer_list<double> single, std::initializer_list<double> twice) {
    return polynomial(x, isDouble ? twice : single);
  }

  unsigned mantissaBits() const { return isDouble ? 52 : 23; }
  /// Adding this to a number of moderate size leaves its nearest integer in the low bits of the sum.
  double magic() const { return isDouble ? 0x1.8p52 : 0x1.8p23; }
  /// 2^i of integers within the exponent range.
  llvm::Value* powerOfTwo(llvm::Value* i) {
    llvm::Value* biased = ir.CreateAdd(i, integer(isDouble ? 1023 : 127));
    return floats(ir.CreateShl(biased, integer(mantissaBits())));
  }

  KernelEmitter& e;
  llvm::IRBuilder<>& ir;
  llvm::Type* type;
  bool isDouble;
  llvm::Type* ints;
};

}  // namespace nnc::codegen
