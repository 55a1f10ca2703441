#include "plan/interpret_op.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ir/check.h"
#include "ir/eval.h"

namespace nnc::plan {
namespace {

int64_t wrapped(uint64_t value, DType type) {
  switch (type) {
    case DType::I32:
      return static_cast<int32_t>(value);
    case DType::I8:
      return static_cast<int8_t>(value);
    case DType::U8:
      return static_cast<uint8_t>(value);
    case DType::Bool:
      return value != 0;
    default:
      return static_cast<int64_t>(value);
  }
}

int64_t saturated(double value, DType type) {
  if (std::isnan(value)) return 0;
  const auto clamp = [value](double lo, double hi) {
    return static_cast<int64_t>(std::clamp(std::trunc(value), lo, hi));
  };
  switch (type) {
    case DType::I32:
      return clamp(-0x1p31, 0x1p31 - 1);
    case DType::I8:
      return clamp(-128, 127);
    case DType::U8:
      return clamp(0, 255);
    default:
      break;
  }
  if (value >= 0x1p63) return std::numeric_limits<int64_t>::max();
  return value <= -0x1p63 ? std::numeric_limits<int64_t>::min() : static_cast<int64_t>(value);
}

Number cast(const Number& x, DType from, DType to) {
  if (isFloat(to)) return {isFloat(from) ? x.real : static_cast<double>(x.integer), 0};
  if (to == DType::Bool) return {0, isFloat(from) ? x.real != 0 : x.integer != 0};
  return {0, isFloat(from) ? saturated(x.real, to) : wrapped(static_cast<uint64_t>(x.integer), to)};
}

int64_t floorQuotient(int64_t a, int64_t b) {
  if (b == 0) return 0;
  if (b == -1) return static_cast<int64_t>(-static_cast<uint64_t>(a));
  const int64_t q = a / b;
  return a % b != 0 && (a < 0) != (b < 0) ? q - 1 : q;
}

double logistic(double x) {
  const double e = std::exp(-std::fabs(x));
  return x < 0 ? e / (1 + e) : 1 / (1 + e);
}

double unary(Op op, double x) {
  switch (op) {
    case Op::Neg:
      return -x;
    case Op::Exp:
      return std::exp(x);
    case Op::Expm1:
      return std::expm1(x);
    case Op::Log:
      return std::log(x);
    case Op::Log1p:
      return std::log1p(x);
    case Op::Sqrt:
      return std::sqrt(x);
    case Op::Tanh:
      return std::tanh(x);
    case Op::Logistic:
      return logistic(x);
    case Op::Erf:
      return std::erf(x);
    case Op::Sin:
      return std::sin(x);
    case Op::Cos:
      return std::cos(x);
    case Op::Atan:
      return std::atan(x);
    case Op::Round:
      return std::nearbyint(x);
    case Op::Floor:
      return std::floor(x);
    default:
      break;
  }
  internalError(__FILE__, __LINE__, "no unary op of floats");
}

double binary(Op op, double a, double b) {
  switch (op) {
    case Op::Add:
      return a + b;
    case Op::Mul:
      return a * b;
    case Op::Div:
      return a / b;
    case Op::Pow:
      return std::pow(a, b);
    case Op::Max:
      return std::isnan(a) || std::isnan(b) ? std::numeric_limits<double>::quiet_NaN() : a > b ? a : b;
    default:
      break;
  }
  internalError(__FILE__, __LINE__, "no binary op of floats");
}

int64_t integers(Op op, DType type, int64_t a, int64_t b) {
  const auto ua = static_cast<uint64_t>(a), ub = static_cast<uint64_t>(b);
  switch (op) {
    case Op::Neg:
      return wrapped(0 - ua, type);
    case Op::Not:
      return a == 0;
    case Op::Add:
      return wrapped(ua + ub, type);
    case Op::Mul:
      return wrapped(ua * ub, type);
    case Op::Max:
      return std::max(a, b);
    case Op::IDiv:
      return wrapped(static_cast<uint64_t>(floorQuotient(a, b)), type);
    case Op::Mod:
      return b == 0 ? 0 : wrapped(ua - ub * static_cast<uint64_t>(floorQuotient(a, b)), type);
    case Op::And:
      return a & b;
    case Op::Or:
      return a | b;
    case Op::Fold:
      return static_cast<int64_t>(foldKey(ua, ub));
    default:
      break;
  }
  internalError(__FILE__, __LINE__, "no op of integers");
}

template <typename T>
bool compare(Op op, T a, T b) {
  return op == Op::Lt ? a < b : op == Op::Le ? a <= b : a == b;
}

}  // namespace

Number applyOp(Op op, DType type, const std::vector<Number>& args, const std::vector<DType>& types) {
  switch (op) {
    case Op::Cast:
      return cast(args[0], types[0], type);
    case Op::Select:
      return args[0].integer ? args[1] : args[2];
    case Op::Rand: {
      const uint32_t word = philoxWord(static_cast<uint64_t>(args[0].integer), args[1].integer);
      return {((word >> 9) + 0.5) * 0x1p-23, 0};
    }
    case Op::Lt:
    case Op::Le:
    case Op::Eq:
      return {0, isFloat(types[0]) ? compare(op, args[0].real, args[1].real)
                                   : compare(op, args[0].integer, args[1].integer)};
    default:
      break;
  }
  const bool two = args.size() == 2;
  if (isFloat(type)) return {two ? binary(op, args[0].real, args[1].real) : unary(op, args[0].real), 0};
  return {0, integers(op, type, args[0].integer, two ? args[1].integer : 0)};
}

}  // namespace nnc::plan
