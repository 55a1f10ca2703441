// Numbers known when compiling: their arithmetic, how they were computed from hyperparameters, and how they become
// tensors.
#include "frontend/elab/elaborator.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace nnc::elab {

using ast::BinaryOp;

namespace {

std::shared_ptr<const Formula> formulaOf(const Val& v) {
  if (v.formula) return v.formula;
  auto f = std::make_shared<Formula>();
  f->kind = Formula::Kind::Number;
  f->isInt = v.is(ValKind::Int);
  f->number = v.is(ValKind::Bool) ? v.flag : numberOf(v);
  return f;
}

/// Whether a number has a value of this type: no integer beyond its range, and no float from where it rounds to
/// infinity, half a unit in the last place above the largest number.
bool fits(double x, DType dtype) {
  switch (dtype) {
    case DType::F32:
      return !std::isfinite(x) || std::abs(x) < 0x1.ffffffp127;
    case DType::BF16:
      return !std::isfinite(x) || std::abs(x) < 0x1.ffp127;
    case DType::F16:
      return !std::isfinite(x) || std::abs(x) < 0x1.ffep15;
    case DType::F64:
    case DType::Bool:
      return true;
    default: {
      const auto [lowest, highest] = integerRange(dtype);
      return x >= static_cast<double>(lowest) && x < static_cast<double>(highest) + 1;
    }
  }
}

Val intResult(BinaryOp op, const Dim& a, const Dim& c, bool& undecided) {
  const bool consts = a.isConst() && c.isConst();
  const auto compare = [&](auto test) {
    const Dim d = a - c;
    if (!d.isConst()) {
      undecided = true;
      return Val::none();
    }
    return Val::boolean(test(d.value()));
  };
  switch (op) {
    case BinaryOp::Add:
      return Val::integer(a + c);
    case BinaryOp::Sub:
      return Val::integer(a - c);
    case BinaryOp::Mul:
      return Val::integer(a * c);
    case BinaryOp::Div: {
      if (const auto q = a.dividedBy(c)) return Val::integer(*q);
      if (consts && c.value() != 0) {
        Val v = Val::real(static_cast<double>(a.value()) / static_cast<double>(c.value()));
        v.text = fmt::format("{} / {}", a.str(), c.str());
        return v;
      }
      undecided = true;
      return Val::none();
    }
    case BinaryOp::FloorDiv:
    case BinaryOp::Mod: {
      if (consts && c.value() != 0) {
        const int64_t x = a.value(), y = c.value();
        if (y == -1) return Val::integer(op == BinaryOp::FloorDiv ? Dim(0) - a : Dim(0));  // -2^63 has no negative
        const int64_t q = x / y - ((x % y != 0 && (x < 0) != (y < 0)) ? 1 : 0);
        return Val::integer(op == BinaryOp::FloorDiv ? q : x - q * y);
      }
      if (const auto q = a.dividedBy(c)) return Val::integer(op == BinaryOp::FloorDiv ? *q : Dim(0));
      undecided = true;
      return Val::none();
    }
    case BinaryOp::Pow: {
      if (!consts) {
        undecided = true;
        return Val::none();
      }
      const double p = std::pow(static_cast<double>(a.value()), static_cast<double>(c.value()));
      return c.value() >= 0 && std::abs(p) < 9e15 ? Val::integer(static_cast<int64_t>(p)) : Val::real(p);
    }
    case BinaryOp::Eq:
      return compare([](int64_t d) { return d == 0; });
    case BinaryOp::Ne:
      return compare([](int64_t d) { return d != 0; });
    case BinaryOp::Lt:
      return compare([](int64_t d) { return d < 0; });
    case BinaryOp::Le:
      return compare([](int64_t d) { return d <= 0; });
    case BinaryOp::Gt:
      return compare([](int64_t d) { return d > 0; });
    case BinaryOp::Ge:
      return compare([](int64_t d) { return d >= 0; });
    default:
      undecided = true;
      return Val::none();
  }
}

Val floatResult(BinaryOp op, double a, double c) {
  switch (op) {
    case BinaryOp::Add:
      return Val::real(a + c);
    case BinaryOp::Sub:
      return Val::real(a - c);
    case BinaryOp::Mul:
      return Val::real(a * c);
    case BinaryOp::Div:
      return Val::real(a / c);
    case BinaryOp::FloorDiv:
      return Val::real(std::floor(a / c));
    case BinaryOp::Mod:
      return Val::real(a - c * std::floor(a / c));
    case BinaryOp::Pow:
      return Val::real(std::pow(a, c));
    case BinaryOp::Eq:
      return Val::boolean(a == c);
    case BinaryOp::Ne:
      return Val::boolean(a != c);
    case BinaryOp::Lt:
      return Val::boolean(a < c);
    case BinaryOp::Le:
      return Val::boolean(a <= c);
    case BinaryOp::Gt:
      return Val::boolean(a > c);
    case BinaryOp::Ge:
      return Val::boolean(a >= c);
    default:
      return Val::none();
  }
}

}  // namespace

void Elaborator::requireNoOverflow(BinaryOp op, int64_t a, int64_t c, Loc at) {
  int64_t r = 0;
  const bool over = op == BinaryOp::Add   ? __builtin_add_overflow(a, c, &r)
                    : op == BinaryOp::Sub ? __builtin_sub_overflow(a, c, &r)
                    : op == BinaryOp::Mul ? __builtin_mul_overflow(a, c, &r)
                                          : false;
  if (over) fail(DiagCode::NumberDoesNotFit, at, fmt::format("{} {} {} does not fit 64 bits", a, ast::spelling(op), c));
}

Val Elaborator::numberBinary(BinaryOp op, const Val& a, const Val& c, Loc at) {
  if (op == BinaryOp::MatMul) fail(DiagCode::WrongKind, at, "`@` multiplies tensors, not numbers");
  Val r;
  bool undecided = false;
  if (a.is(ValKind::Int) && c.is(ValKind::Int)) {
    if ((op == BinaryOp::Div || op == BinaryOp::FloorDiv || op == BinaryOp::Mod) && c.dim == Dim(0))
      fail(DiagCode::NotDivisible, at, fmt::format("{} is divided by 0", a.dim.str()));
    if (a.dim.isConst() && c.dim.isConst()) requireNoOverflow(op, a.dim.value(), c.dim.value(), at);
    r = intResult(op, a.dim, c.dim, undecided);
  } else if (isConstNumber(a) && isConstNumber(c)) {
    r = floatResult(op, numberOf(a), numberOf(c));
  } else {
    undecided = true;
  }
  if (undecided && rigid_ && a.is(ValKind::Int) && c.is(ValKind::Int)) {
    // A branch that a symbol decides is the instance's; a quotient of symbols stays what it is.
    if (op >= BinaryOp::Eq) throw Reported{};
    return Val::integer(Dim::symbol(fmt::format("opaque.{}", opaque_++)));
  }
  if (undecided) return Val::of(tensorBinary(op, a, c, at));
  if (a.formula || c.formula) {
    auto f = std::make_shared<Formula>();
    f->kind = Formula::Kind::Binary;
    f->op = op;
    f->isInt = r.is(ValKind::Int);
    // A dimension of the run has no place in a formula: what is computed from it and a hyper is fixed when compiling.
    if ((a.is(ValKind::Int) && !a.dim.isConst()) || (c.is(ValKind::Int) && !c.dim.isConst())) {
      for (const Val* v : {&a, &c}) asNumber(*v, at, "a dimension");
      return r;
    }
    f->a = formulaOf(a);
    f->b = formulaOf(c);
    r.formula = f;
  }
  return r;
}

std::optional<Val> Elaborator::numberPrimitive(Op op, const std::vector<Val>& args) {
  for (const Val& v : args)
    if (!isConstNumber(v) || v.formula) return std::nullopt;
  const double x = numberOf(args[0]);
  const bool ints = std::all_of(args.begin(), args.end(), [](const Val& v) { return v.is(ValKind::Int); });
  switch (op) {
    case Op::Neg:
      return ints ? Val::integer(Dim(0) - args[0].dim) : Val::real(-x);
    case Op::Exp:
      return Val::real(std::exp(x));
    case Op::Expm1:
      return Val::real(std::expm1(x));
    case Op::Log:
      return Val::real(std::log(x));
    case Op::Log1p:
      return Val::real(std::log1p(x));
    case Op::Sqrt:
      return Val::real(std::sqrt(x));
    case Op::Tanh:
      return Val::real(std::tanh(x));
    case Op::Logistic:
      return Val::real(1 / (1 + std::exp(-x)));
    case Op::Erf:
      return Val::real(std::erf(x));
    case Op::Sin:
      return Val::real(std::sin(x));
    case Op::Cos:
      return Val::real(std::cos(x));
    case Op::Atan:
      return Val::real(std::atan(x));
    case Op::Round:
      return ints ? args[0] : Val::real(std::nearbyint(x));
    case Op::Floor:
      return ints ? args[0] : Val::real(std::floor(x));
    case Op::Stop:
      return args[0];
    case Op::Max:
      if (std::isnan(x)) return args[0];
      if (std::isnan(numberOf(args[1]))) return args[1];
      return numberOf(args[0]) >= numberOf(args[1]) ? args[0] : args[1];
    case Op::Pow:
      return Val::real(std::pow(x, numberOf(args[1])));
    default:
      return std::nullopt;
  }
}

/// Whether integers of the run compute it: what has quotients or powers is whole only for some values.
static bool isIntegral(const Formula& f) {
  if (!f.isInt) return false;
  if (f.kind == Formula::Kind::Neg) return isIntegral(*f.a);
  if (f.kind != Formula::Kind::Binary) return true;
  const bool keeps = f.op == BinaryOp::Add || f.op == BinaryOp::Sub || f.op == BinaryOp::Mul ||
                     f.op == BinaryOp::FloorDiv || f.op == BinaryOp::Mod;
  return keeps && isIntegral(*f.a) && isIntegral(*f.b);
}

Value Elaborator::formulaValue(const Formula& f, DType dtype, Loc at) {
  // Whole numbers are computed as such, whatever they meet.
  if (dtype != DType::I64 && f.kind == Formula::Kind::Binary && isIntegral(f))
    return b().cast(formulaValue(f, DType::I64, at), dtype);
  switch (f.kind) {
    case Formula::Kind::Number:
      return b().constant(f.number, Type{dtype, {}});
    case Formula::Kind::Hyper: {
      const Val& h = hyperValues_.at(f.hyper);
      hypersRunTime_.insert(f.hyper);
      const bool isInt = h.is(ValKind::Int);
      const Value v = scalarLeaf(f.hyper, isInt ? DType::I64 : DType::F32, numberOf(h));
      return b().cast(v, dtype);
    }
    case Formula::Kind::Neg:
      return b().neg(formulaValue(*f.a, dtype, at));
    case Formula::Kind::Binary: {
      const TensorVal a = wrap(formulaValue(*f.a, dtype, at)), c = wrap(formulaValue(*f.b, dtype, at));
      return tensorBinary(f.op, Val::of(a), Val::of(c), at).value;
    }
  }
  return {};
}

TensorVal Elaborator::materialise(const Val& v, DType dtype, Loc at) {
  place(at);
  if (v.is(ValKind::Bool)) {
    if (dtype != DType::Bool)
      fail(DiagCode::DTypeMismatch, at, fmt::format("a bool stands where {} is needed", dtypeName(dtype)));
    return wrap(b().constant(v.flag, Type{DType::Bool, {}}));
  }
  if (!v.isNumber())
    fail(DiagCode::WrongKind, at, fmt::format("a number or tensor is needed here, not {}", describe(v)));
  if (dtype == DType::Bool)
    fail(DiagCode::DTypeMismatch, at, fmt::format("{} stands where a bool is needed", describe(v)));
  if (v.is(ValKind::Float) && isInteger(dtype) && v.number != std::floor(v.number))
    fail(DiagCode::NumberDoesNotFit, at,
         fmt::format("{} is not a whole number, as {} needs", v.number, dtypeName(dtype)));
  // Taken from the values in force: initial values, which are computed once, bytes, which must fit, and what is whole
  // for some values only.
  const bool narrow = isInteger(dtype) && dtypeSize(dtype) == 1;
  if (v.formula && (!initPath_.empty() || narrow || (isInteger(dtype) && !isIntegral(*v.formula))))
    asNumber(v, at, "a number");
  else if (v.formula && (v.is(ValKind::Float) || v.dim.isConst()))
    return wrap(formulaValue(*v.formula, dtype, at));
  if (v.is(ValKind::Int) && !v.dim.isConst()) {
    if (narrow) {
      error(DiagCode::NumberDoesNotFit, at, fmt::format("{} may not fit {}", v.dim.str(), dtypeName(dtype)))
          .help("write the conversion: `i32(…)`");
      throw Reported{};
    }
    place(at);
    return wrap(b().cast(b().make(Op::Size, {}, {{"dim", v.dim}}), dtype));
  }
  const double x = numberOf(v);
  if (!fits(x, dtype)) fail(DiagCode::NumberDoesNotFit, at, fmt::format("{} does not fit {}", x, dtypeName(dtype)));
  if (v.is(ValKind::Int) && isInteger(dtype)) {
    const Literal exact{std::vector<int64_t>{v.dim.value()}};
    return wrap(b().make(Op::Const, {}, {{"type", Type{dtype, {}}}, {"value", exact}}), {},
                x >= 0 ? std::optional(v.dim + Dim(1)) : std::nullopt);
  }
  return wrap(b().constant(x, Type{dtype, {}}));
}

Val Elaborator::negate(const Val& v, Loc at) {
  if (v.is(ValKind::Int) || v.is(ValKind::Float)) {
    Val r = v.is(ValKind::Int) ? Val::integer(Dim(0) - v.dim) : Val::real(-v.number);
    if (v.formula) {
      auto f = std::make_shared<Formula>();
      f->kind = Formula::Kind::Neg;
      f->isInt = v.is(ValKind::Int);
      f->a = v.formula;
      r.formula = f;
    }
    return r;
  }
  if (v.is(ValKind::Fn) && ctx_.expected) return negate(applyShapeFn(v, ctx_.expected->dims, at), at);
  if (v.is(ValKind::Fn) && !v.fn->isLayer()) return binary(ast::BinaryOp::Mul, Val::integer(-1), v, at);
  return elementwise(Op::Neg, {v}, {}, at, "-");
}

Val Elaborator::logicalNot(const Val& v, Loc at) {
  if (v.is(ValKind::Bool)) {
    Val r = v;
    r.flag = !v.flag;
    return r;
  }
  return elementwise(Op::Not, {v}, {}, at, "not");
}

}  // namespace nnc::elab
