// Elementwise ops on registers: arithmetic, comparison, integers, conversions.
#include "codegen/scalar_ops.h"

#include "codegen/vector_math.h"
#include "ir/check.h"

namespace nnc::codegen {
namespace {

llvm::Constant* intOf(llvm::Type* type, int64_t value) {
  return llvm::ConstantInt::getSigned(type, value);
}

bool isUnsigned(DType t) {
  return t == DType::U8 || t == DType::Bool;
}

struct Division {
  llvm::Value* quotient;
  llvm::Value* remainder;
};

/// Floor division of integers without traps: by 0 both are 0; the least integer by -1 wraps.
Division emitFloorDivision(KernelEmitter& e, DType t, llvm::Value* a, llvm::Value* b) {
  llvm::IRBuilder<>& ir = e.ir;
  llvm::Type* type = a->getType();
  llvm::Value *zero = intOf(type, 0), *one = intOf(type, 1);
  llvm::Value* byZero = ir.CreateICmpEQ(b, zero);
  if (isUnsigned(t)) {
    llvm::Value* divisor = ir.CreateSelect(byZero, one, b);
    llvm::Value* q = ir.CreateUDiv(a, divisor);
    llvm::Value* r = ir.CreateSub(a, ir.CreateMul(q, divisor));
    return {ir.CreateSelect(byZero, zero, q), ir.CreateSelect(byZero, zero, r)};
  }
  llvm::Value* byMinusOne = ir.CreateICmpEQ(b, intOf(type, -1));
  llvm::Value* divisor = ir.CreateSelect(ir.CreateOr(byZero, byMinusOne), one, b);
  llvm::Value* q = ir.CreateSDiv(a, divisor);
  llvm::Value* r = ir.CreateSub(a, ir.CreateMul(q, divisor));
  llvm::Value* below = ir.CreateAnd(ir.CreateICmpNE(r, zero), ir.CreateICmpSLT(ir.CreateXor(r, divisor), zero));
  q = ir.CreateSub(q, ir.CreateSelect(below, one, zero));
  r = ir.CreateAdd(r, ir.CreateSelect(below, divisor, zero));
  q = ir.CreateSelect(byMinusOne, ir.CreateSub(zero, a), q);
  r = ir.CreateSelect(byMinusOne, zero, r);
  return {ir.CreateSelect(byZero, zero, q), ir.CreateSelect(byZero, zero, r)};
}

llvm::Value* emitCompare(KernelEmitter& e, Op op, DType t, llvm::Value* a, llvm::Value* b) {
  using P = llvm::CmpInst;
  if (isFloat(t)) return e.ir.CreateFCmp(op == Op::Lt ? P::FCMP_OLT : op == Op::Le ? P::FCMP_OLE : P::FCMP_OEQ, a, b);
  if (op == Op::Eq) return e.ir.CreateICmpEQ(a, b);
  if (isUnsigned(t)) return e.ir.CreateICmp(op == Op::Lt ? P::ICMP_ULT : P::ICMP_ULE, a, b);
  return e.ir.CreateICmp(op == Op::Lt ? P::ICMP_SLT : P::ICMP_SLE, a, b);
}

llvm::Value* emitFloatUnary(KernelEmitter& e, Op op, llvm::Value* x) {
  switch (op) {
    case Op::Neg:
      return e.ir.CreateFNeg(x);
    case Op::Exp:
      return emitExp(e, x);
    case Op::Expm1:
      return emitExpm1(e, x);
    case Op::Log:
      return emitLog(e, x);
    case Op::Log1p:
      return emitLog1p(e, x);
    case Op::Sqrt:
      return e.ir.CreateUnaryIntrinsic(llvm::Intrinsic::sqrt, x);
    case Op::Tanh:
      return emitTanh(e, x);
    case Op::Logistic:
      return emitLogistic(e, x);
    case Op::Erf:
      return emitErf(e, x);
    case Op::Sin:
      return emitSin(e, x);
    case Op::Cos:
      return emitCos(e, x);
    case Op::Atan:
      return emitAtan(e, x);
    case Op::Round:
      return emitRoundEven(e, x);
    case Op::Floor:
      return emitFloor(e, x);
    default:
      break;
  }
  internalError(__FILE__, __LINE__, "no code for an elementwise op on floats");
}

llvm::Value* emitIntUnary(KernelEmitter& e, Op op, llvm::Value* x) {
  switch (op) {
    case Op::Neg:
      return e.ir.CreateNeg(x);
    case Op::Not:
      return e.ir.CreateNot(x);
    case Op::Round:
    case Op::Floor:
      return x;
    default:
      break;
  }
  internalError(__FILE__, __LINE__, "no code for an elementwise op on integers");
}

llvm::Value* emitFloatBinary(KernelEmitter& e, Op op, llvm::Value* a, llvm::Value* b) {
  switch (op) {
    case Op::Add:
      return e.ir.CreateFAdd(a, b);
    case Op::Mul:
      return e.ir.CreateFMul(a, b);
    case Op::Div:
      return e.ir.CreateFDiv(a, b);
    case Op::Pow:
      return emitPow(e, a, b);
    default:
      break;
  }
  internalError(__FILE__, __LINE__, "no code for a binary op on floats");
}

llvm::Value* emitIntBinary(KernelEmitter& e, Op op, DType t, llvm::Value* a, llvm::Value* b) {
  switch (op) {
    case Op::Add:
      return e.ir.CreateAdd(a, b);
    case Op::Mul:
      return e.ir.CreateMul(a, b);
    case Op::IDiv:
      return emitFloorDivision(e, t, a, b).quotient;
    case Op::Mod:
      return emitFloorDivision(e, t, a, b).remainder;
    case Op::And:
      return e.ir.CreateAnd(a, b);
    case Op::Or:
      return e.ir.CreateOr(a, b);
    case Op::Fold:
      return emitFold(e, a, b);
    default:
      break;
  }
  internalError(__FILE__, __LINE__, "no code for a binary op on integers");
}

llvm::Value* floatToInt(KernelEmitter& e, llvm::Value* x, DType to) {
  llvm::Type* type = withLanesOf(e.registerType(to), x->getType());
  llvm::Intrinsic::ID id = isUnsigned(to) ? llvm::Intrinsic::fptoui_sat : llvm::Intrinsic::fptosi_sat;
  return e.ir.CreateIntrinsic(id, {type, x->getType()}, {x});
}

/// Of the two floats around an f64 the one with an odd last bit: rounded once more to a narrow type, it gives what the
/// f64 rounded at once gives (Boldo and Melquiond, "Emulation of a FMA and Correctly Rounded Sums", 2008).
llvm::Value* roundToOdd(KernelEmitter& e, llvm::Value* x) {
  llvm::IRBuilder<>& ir = e.ir;
  llvm::Type *floats = withLanesOf(ir.getFloatTy(), x->getType()), *ints = withLanesOf(ir.getInt32Ty(), x->getType());
  llvm::Value* nearest = ir.CreateFPTrunc(x, floats);
  llvm::Value* back = ir.CreateFPExt(nearest, x->getType());
  const auto magnitude = [&ir](llvm::Value* v) { return ir.CreateUnaryIntrinsic(llvm::Intrinsic::fabs, v); };
  llvm::Value* above = ir.CreateFCmpOGT(magnitude(back), magnitude(x));
  llvm::Value* bits = ir.CreateSub(ir.CreateBitCast(nearest, ints), ir.CreateZExt(above, ints));
  return ir.CreateBitCast(ir.CreateOr(bits, ir.CreateZExt(ir.CreateFCmpONE(back, x), ints)), floats);
}

llvm::Value* toFloat(KernelEmitter& e, llvm::Value* x, DType from, DType to) {
  llvm::Type* type = withLanesOf(e.registerType(to), x->getType());
  const bool narrow = to == DType::BF16 || to == DType::F16;
  if (!isFloat(from)) {
    // f64 holds every i32, floats do not.
    if (narrow) type = withLanesOf(e.ir.getDoubleTy(), type);
    x = isUnsigned(from) ? e.ir.CreateUIToFP(x, type) : e.ir.CreateSIToFP(x, type);
    return narrow ? roundToOdd(e, x) : x;
  }
  if (from == DType::F64 && to != DType::F64) return narrow ? roundToOdd(e, x) : e.ir.CreateFPTrunc(x, type);
  if (from != DType::F64 && to == DType::F64) return e.ir.CreateFPExt(x, type);
  return x;
}

}  // namespace

llvm::Value* splat(KernelEmitter& e, llvm::Value* value, unsigned lanes) {
  return lanes == 1 || value->getType()->isVectorTy() ? value : e.ir.CreateVectorSplat(lanes, value);
}

llvm::Type* withLanesOf(llvm::Type* scalar, llvm::Type* like) {
  auto* vector = llvm::dyn_cast<llvm::FixedVectorType>(like);
  return vector ? llvm::FixedVectorType::get(scalar, vector->getNumElements()) : scalar;
}

llvm::Constant* constantOf(llvm::Type* type, double value) {
  if (type->isFPOrFPVectorTy()) return llvm::ConstantFP::get(type, value);
  if (type->isIntOrIntVectorTy(1)) return llvm::ConstantInt::get(type, value != 0);
  return intOf(type, static_cast<int64_t>(value));
}

llvm::Value* emitCast(KernelEmitter& e, llvm::Value* x, DType from, DType to) {
  if (from == to) return x;
  if (to == DType::Bool) {
    if (isFloat(from)) return e.ir.CreateFCmpUNE(x, constantOf(x->getType(), 0));
    return e.ir.CreateICmpNE(x, intOf(x->getType(), 0));
  }
  if (isFloat(to)) return roundToDType(e, toFloat(e, x, from, to), to);
  if (isFloat(from)) return floatToInt(e, x, to);
  return e.ir.CreateIntCast(x, withLanesOf(e.registerType(to), x->getType()), !isUnsigned(from));
}

llvm::Value* emitMax(KernelEmitter& e, DType t, llvm::Value* a, llvm::Value* b) {
  if (!isFloat(t))
    return e.ir.CreateBinaryIntrinsic(isUnsigned(t) ? llvm::Intrinsic::umax : llvm::Intrinsic::smax, a, b);
  // An unordered comparison keeps b, which is right if b is the NaN; the second select handles a.
  llvm::Value* larger = e.ir.CreateSelect(e.ir.CreateFCmpOGT(a, b), a, b);
  return e.ir.CreateSelect(e.ir.CreateFCmpUNO(a, a), a, larger);
}

llvm::Value* emitAdd(KernelEmitter& e, DType t, llvm::Value* a, llvm::Value* b) {
  return isFloat(t) ? roundToDType(e, e.ir.CreateFAdd(a, b), t) : e.ir.CreateAdd(a, b);
}

llvm::Value* emitElementwise(KernelEmitter& e, Op op, DType from, DType to, const std::vector<llvm::Value*>& args) {
  switch (op) {
    case Op::Cast:
      return emitCast(e, args[0], from, to);
    case Op::Stop:
      return args[0];
    case Op::Select:
      return e.ir.CreateSelect(args[0], args[1], args[2]);
    case Op::Max:
      return emitMax(e, from, args[0], args[1]);
    case Op::Lt:
    case Op::Le:
    case Op::Eq:
      return emitCompare(e, op, from, args[0], args[1]);
    default:
      break;
  }
  if (!isFloat(from))
    return args.size() == 1 ? emitIntUnary(e, op, args[0]) : emitIntBinary(e, op, from, args[0], args[1]);
  llvm::Value* result = args.size() == 1 ? emitFloatUnary(e, op, args[0]) : emitFloatBinary(e, op, args[0], args[1]);
  return roundToDType(e, result, to);
}

}  // namespace nnc::codegen
