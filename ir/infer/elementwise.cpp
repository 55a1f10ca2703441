// Elementwise ops: operands have equal shapes and dtypes (broadcasts are written out), so the rules check dtypes.
#include "ir/infer/rules.h"

namespace nnc::infer {
namespace {

bool isNumber(DType t) {
  return t != DType::Bool;
}
bool isBool(DType t) {
  return t == DType::Bool;
}

using DTypeTest = bool (*)(DType);

Inferred unary(const Context& c, DTypeTest accepts, const char* wanted) {
  if (!accepts(c.x().dtype)) return fail(c, "takes {}, not {}", wanted, c.x().str());
  return result(c.x());
}

Inferred binary(const Context& c, DTypeTest accepts, const char* wanted) {
  if (c.in[0] != c.in[1]) return fail(c, "takes operands of one type, not {} and {}", c.in[0].str(), c.in[1].str());
  return unary(c, accepts, wanted);
}

Inferred compare(const Context& c, DTypeTest accepts, const char* wanted) {
  Inferred r = binary(c, accepts, wanted);
  if (r) r.types[0].dtype = DType::Bool;
  return r;
}

Inferred floatUnary(const Context& c) {
  return unary(c, isFloat, "floats");
}
Inferred numberBinary(const Context& c) {
  return binary(c, isNumber, "numbers");
}
Inferred floatBinary(const Context& c) {
  return binary(c, isFloat, "floats");
}
Inferred intBinary(const Context& c) {
  return binary(c, isInteger, "integers");
}
Inferred boolBinary(const Context& c) {
  return binary(c, isBool, "bool");
}

}  // namespace

Inferred infer_neg(const Context& c) {
  return unary(c, isNumber, "numbers");
}
Inferred infer_exp(const Context& c) {
  return floatUnary(c);
}
Inferred infer_expm1(const Context& c) {
  return floatUnary(c);
}
Inferred infer_log(const Context& c) {
  return floatUnary(c);
}
Inferred infer_log1p(const Context& c) {
  return floatUnary(c);
}
Inferred infer_sqrt(const Context& c) {
  return floatUnary(c);
}
Inferred infer_tanh(const Context& c) {
  return floatUnary(c);
}
Inferred infer_logistic(const Context& c) {
  return floatUnary(c);
}
Inferred infer_erf(const Context& c) {
  return floatUnary(c);
}
Inferred infer_sin(const Context& c) {
  return floatUnary(c);
}
Inferred infer_cos(const Context& c) {
  return floatUnary(c);
}
Inferred infer_atan(const Context& c) {
  return floatUnary(c);
}
Inferred infer_round(const Context& c) {
  return floatUnary(c);
}
Inferred infer_floor(const Context& c) {
  return floatUnary(c);
}
Inferred infer_not(const Context& c) {
  return unary(c, isBool, "bool");
}
Inferred infer_stop(const Context& c) {
  return result(c.x());
}
Inferred infer_cast(const Context& c) {
  return result(c.attrs.dtype("dtype"), c.x().shape);
}

Inferred infer_add(const Context& c) {
  return numberBinary(c);
}
Inferred infer_mul(const Context& c) {
  return numberBinary(c);
}
Inferred infer_div(const Context& c) {
  return floatBinary(c);
}
Inferred infer_pow(const Context& c) {
  return floatBinary(c);
}
Inferred infer_max(const Context& c) {
  return numberBinary(c);
}
Inferred infer_idiv(const Context& c) {
  return intBinary(c);
}
Inferred infer_mod(const Context& c) {
  return intBinary(c);
}
Inferred infer_lt(const Context& c) {
  return compare(c, isNumber, "numbers");
}
Inferred infer_le(const Context& c) {
  return compare(c, isNumber, "numbers");
}
Inferred infer_eq(const Context& c) {
  return compare(c, [](DType) { return true; }, "anything");
}
Inferred infer_and(const Context& c) {
  return boolBinary(c);
}
Inferred infer_or(const Context& c) {
  return boolBinary(c);
}
Inferred infer_fold(const Context& c) {
  return binary(c, [](DType t) { return t == DType::I64; }, "i64");
}

Inferred infer_select(const Context& c) {
  if (c.in[0].dtype != DType::Bool) return fail(c, "takes a bool condition, not {}", c.in[0].str());
  if (c.in[1] != c.in[2]) return fail(c, "chooses between equal types, not {} and {}", c.in[1].str(), c.in[2].str());
  if (c.in[0].shape != c.in[1].shape)
    return fail(c, "takes a condition of the shape of its branches, not {} for {}", c.in[0].str(), c.in[1].str());
  return result(c.in[1]);
}

}  // namespace nnc::infer
