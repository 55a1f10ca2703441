// Elementwise arithmetic: numbers known when compiling, dtypes, broadcasting, and trees leaf by leaf.
#include "frontend/elab/elaborator.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "ir/infer.h"

namespace nnc::elab {

namespace {

using ast::BinaryOp;


bool isTreeLike(const Val& v) { return v.is(ValKind::Tree) || v.is(ValKind::Instance) || v.is(ValKind::Tuple); }

/// The wider of two integer types; u8 and i8 meet in i32.
DType widerInt(DType a, DType b) {
  if (a == b) return a;
  if (a == DType::I64 || b == DType::I64) return DType::I64;
  return DType::I32;
}

}  // namespace

Val Elaborator::leafwise(const std::vector<Val>& args, Loc at, const std::function<Val(const std::vector<Val>&)>& f) {
  std::vector<Val> vals = args;
  const Val* shape = nullptr;
  for (Val& v : vals) {
    if (v.is(ValKind::Instance)) v = instanceTree(v.instance, at);
    if (isTreeLike(v) && !shape) shape = &v;
  }
  if (!shape) return f(vals);
  const bool isTuple = shape->is(ValKind::Tuple);
  const size_t n = isTuple ? shape->items->size() : shape->fields->size();
  std::vector<Val> results;
  for (size_t i = 0; i < n; ++i) {
    std::vector<Val> leaves;
    for (const Val& v : vals) {
      if (!isTreeLike(v)) {
        leaves.push_back(v);
        continue;
      }
      const bool same = v.kind == shape->kind && (isTuple ? v.items->size() == n : v.fields->size() == n) &&
                        (isTuple || (*v.fields)[i].first == (*shape->fields)[i].first);
      if (!same) {
        Diagnostic& d = error(DiagCode::WrongKind, at, "the two trees have different parts, so there is no leaf by leaf");
        if (!isTuple && v.is(ValKind::Tree)) d.note(fmt::format("one has `{}` where the other differs", (*shape->fields)[i].first));
        throw Reported{};
      }
      leaves.push_back(isTuple ? (*v.items)[i] : (*v.fields)[i].second);
    }
    results.push_back(leafwise(leaves, at, f));
  }
  if (isTuple) return Val::tuple(std::move(results));
  Fields fields;
  for (size_t i = 0; i < n; ++i) fields.emplace_back((*shape->fields)[i].first, std::move(results[i]));
  return Val::tree(std::move(fields));
}

// ---- Numbers known when compiling -------------------------------------------------------------------------------------

namespace {

double numberOf(const Val& v) { return v.is(ValKind::Int) ? static_cast<double>(v.dim.value()) : v.number; }

std::shared_ptr<const Formula> formulaOf(const Val& v) {
  if (v.formula) return v.formula;
  auto f = std::make_shared<Formula>();
  f->kind = Formula::Kind::Number;
  f->isInt = v.is(ValKind::Int);
  f->number = v.is(ValKind::Bool) ? v.flag : numberOf(v);
  return f;
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
    case BinaryOp::Add: return Val::integer(a + c);
    case BinaryOp::Sub: return Val::integer(a - c);
    case BinaryOp::Mul: return Val::integer(a * c);
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
    case BinaryOp::Eq: return compare([](int64_t d) { return d == 0; });
    case BinaryOp::Ne: return compare([](int64_t d) { return d != 0; });
    case BinaryOp::Lt: return compare([](int64_t d) { return d < 0; });
    case BinaryOp::Le: return compare([](int64_t d) { return d <= 0; });
    case BinaryOp::Gt: return compare([](int64_t d) { return d > 0; });
    case BinaryOp::Ge: return compare([](int64_t d) { return d >= 0; });
    default: undecided = true; return Val::none();
  }
}

Val floatResult(BinaryOp op, double a, double c) {
  switch (op) {
    case BinaryOp::Add: return Val::real(a + c);
    case BinaryOp::Sub: return Val::real(a - c);
    case BinaryOp::Mul: return Val::real(a * c);
    case BinaryOp::Div: return Val::real(a / c);
    case BinaryOp::FloorDiv: return Val::real(std::floor(a / c));
    case BinaryOp::Mod: return Val::real(a - c * std::floor(a / c));
    case BinaryOp::Pow: return Val::real(std::pow(a, c));
    case BinaryOp::Eq: return Val::boolean(a == c);
    case BinaryOp::Ne: return Val::boolean(a != c);
    case BinaryOp::Lt: return Val::boolean(a < c);
    case BinaryOp::Le: return Val::boolean(a <= c);
    case BinaryOp::Gt: return Val::boolean(a > c);
    case BinaryOp::Ge: return Val::boolean(a >= c);
    default: return Val::none();
  }
}

bool isConstNumber(const Val& v) { return v.is(ValKind::Float) || v.isConstInt(); }

}  // namespace

Val Elaborator::numberBinary(BinaryOp op, const Val& a, const Val& c, Loc at) {
  if (op == BinaryOp::MatMul) fail(DiagCode::WrongKind, at, "`@` multiplies tensors, not numbers");
  Val r;
  bool undecided = false;
  if (a.is(ValKind::Int) && c.is(ValKind::Int)) {
    if ((op == BinaryOp::Div || op == BinaryOp::FloorDiv || op == BinaryOp::Mod) && c.dim == Dim(0))
      fail(DiagCode::NotDivisible, at, fmt::format("{} is divided by 0", a.dim.str()));
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
    case Op::Neg: return ints ? Val::integer(Dim(0) - args[0].dim) : Val::real(-x);
    case Op::Exp: return Val::real(std::exp(x));
    case Op::Expm1: return Val::real(std::expm1(x));
    case Op::Log: return Val::real(std::log(x));
    case Op::Log1p: return Val::real(std::log1p(x));
    case Op::Sqrt: return Val::real(std::sqrt(x));
    case Op::Tanh: return Val::real(std::tanh(x));
    case Op::Logistic: return Val::real(1 / (1 + std::exp(-x)));
    case Op::Erf: return Val::real(std::erf(x));
    case Op::Sin: return Val::real(std::sin(x));
    case Op::Cos: return Val::real(std::cos(x));
    case Op::Round: return ints ? args[0] : Val::real(std::nearbyint(x));
    case Op::Floor: return ints ? args[0] : Val::real(std::floor(x));
    case Op::Stop: return args[0];
    case Op::Max: return numberOf(args[0]) >= numberOf(args[1]) ? args[0] : args[1];
    case Op::Pow: return Val::real(std::pow(x, numberOf(args[1])));
    default: return std::nullopt;
  }
}

Value Elaborator::formulaValue(const Formula& f, DType dtype, Loc at) {
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
    if (dtype != DType::Bool) fail(DiagCode::DTypeMismatch, at, fmt::format("a bool stands where {} is needed", dtypeName(dtype)));
    return wrap(b().constant(v.flag, Type{DType::Bool, {}}));
  }
  if (!v.isNumber()) fail(DiagCode::WrongKind, at, fmt::format("a number or tensor is needed here, not {}", describe(v)));
  if (dtype == DType::Bool) fail(DiagCode::DTypeMismatch, at, fmt::format("{} stands where a bool is needed", describe(v)));
  if (v.is(ValKind::Float) && isInteger(dtype) && v.number != std::floor(v.number))
    fail(DiagCode::NumberDoesNotFit, at, fmt::format("{} is not a whole number, as {} needs", v.number, dtypeName(dtype)));
  // The initial values are computed once, from the values in force.
  if (v.formula && !initPath_.empty()) asNumber(v, at, "an initial value");
  else if (v.formula && (v.is(ValKind::Float) || v.dim.isConst())) return wrap(formulaValue(*v.formula, dtype, at));
  if (v.is(ValKind::Int) && !v.dim.isConst()) {
    place(at);
    return wrap(b().cast(b().make(Op::Size, {}, {{"dim", v.dim}}), dtype));
  }
  const double x = numberOf(v);
  if (isInteger(dtype)) {
    const double lo = dtype == DType::U8 ? 0 : -std::ldexp(1.0, static_cast<int>(dtypeSize(dtype)) * 8 - 1);
    const double hi = dtype == DType::U8 ? 255 : -lo - 1;
    if (x < lo || x > hi) fail(DiagCode::NumberDoesNotFit, at, fmt::format("{} does not fit {}", x, dtypeName(dtype)));
  }
  return wrap(b().constant(x, Type{dtype, {}}));
}

// ---- Tensors ---------------------------------------------------------------------------------------------------------

TensorVal Elaborator::asTensor(const Val& v, Loc at, const char* what) {
  if (v.is(ValKind::Error)) throw Reported{};
  if (v.isTensor()) {
    TensorVal t = v.tensor;
    t.value = use(t, at);
    t.frame = frame_;
    return t;
  }
  if (v.is(ValKind::Int)) return materialise(v, v.dim.isConst() ? DType::I32 : DType::I64, at);
  if (v.is(ValKind::Float)) return materialise(v, DType::F32, at);
  if (v.is(ValKind::Bool)) return materialise(v, DType::Bool, at);
  if (v.is(ValKind::Fn) && v.fn->isLayer()) {
    Diagnostic& d = error(DiagCode::LayerAsFunction, at, fmt::format("{} needs a tensor, and `{}` is a layer that was not applied", what, v.fn->name()));
    d.help(fmt::format("apply it: `x |> {}`", v.fn->name()));
    throw Reported{};
  }
  if (v.is(ValKind::Fn)) {
    error(DiagCode::ShapeUnknown, at, fmt::format("{} needs a tensor, and {} was not applied", what, describe(v)))
        .help("a function of a shape is called on a declared one: `let z: [batch, 64] = …`");
    throw Reported{};
  }
  fail(DiagCode::WrongKind, at, fmt::format("{} needs a tensor, not {}", what, describe(v)));
}

TensorVal Elaborator::cast(const TensorVal& t, DType dtype, Loc at) {
  if (t.type.dtype == dtype) return t;
  const Value v = use(t, at);
  place(at);
  TensorVal r = wrap(b().cast(v, dtype), t.unit);
  if (isInteger(dtype) && isInteger(t.type.dtype)) r.bound = t.bound;
  return r;
}

TensorVal Elaborator::widen(const TensorVal& t, DType dtype, Loc at) {
  if (t.type.dtype == dtype || (isInteger(t.type.dtype) && isInteger(dtype))) return cast(t, dtype, at);
  Diagnostic& d = error(DiagCode::DTypeMismatch, at,
                        fmt::format("{} and {} do not mix", dtypeName(t.type.dtype), dtypeName(dtype)));
  if (!isFloat(t.type.dtype) && isFloat(dtype)) d.help(fmt::format("write the conversion: `{}(…)`", dtypeName(dtype)));
  throw Reported{};
}

TensorVal Elaborator::broadcastTo(const TensorVal& t, const Shape& shape, const std::vector<bool>& unit, Loc at) {
  Value v = use(t, at);
  if (t.type.shape == shape) return wrap(v, unit, t.bound);
  place(at);
  if (const Node& n = b().graph().node(v); n.op == Op::Const && n.attrs.literal("value").size() == 1) {
    Attrs attrs = n.attrs;
    attrs.set("type", Type{t.type.dtype, shape});
    return wrap(b().make(Op::Const, {}, attrs), unit, t.bound);
  }
  const size_t lead = shape.size() - t.type.shape.size();
  std::vector<int64_t> axes;
  std::vector<Dim> extents;
  Shape kept;
  for (size_t i = 0; i < shape.size(); ++i) {
    const bool fits = i >= lead && t.type.shape[i - lead] == shape[i];
    if (fits) {
      kept.push_back(shape[i]);
    } else {
      axes.push_back(static_cast<int64_t>(i));
      extents.push_back(shape[i]);
    }
  }
  v = b().reshape(v, kept);
  return wrap(b().broadcast(v, axes, extents), unit, t.bound);
}

void Elaborator::broadcastOperands(std::vector<TensorVal>& ts, Loc at, const char* name) {
  size_t rank = 0;
  for (const TensorVal& t : ts) rank = std::max(rank, t.type.shape.size());
  Shape shape(rank);
  std::vector<bool> unit(rank, true);
  const TensorVal* from = nullptr;
  for (size_t back = 1; back <= rank; ++back) {
    const TensorVal* fixed = nullptr;  // an operand whose axis is no written 1
    for (const TensorVal& t : ts) {
      if (t.type.shape.size() < back) continue;
      const size_t i = t.type.shape.size() - back;
      if (t.unit[i]) {
        if (!fixed) shape[rank - back] = t.type.shape[i];
        continue;
      }
      if (!fixed) {
        fixed = &t;
        shape[rank - back] = t.type.shape[i];
        unit[rank - back] = false;
      } else if (fixed->type.shape[fixed->type.shape.size() - back] != t.type.shape[i]) {
        mustDiffer(shape[rank - back], t.type.shape[i]);
        Diagnostic& d = error(DiagCode::BroadcastMismatch, at,
                              fmt::format("`{}` of {} and {}: the axis {} from the end is {} in one and {} in the other", name,
                                          fixed->type.str(), t.type.str(), back, shape[rank - back].str(), t.type.shape[i].str()));
        d.mark(fmt::format("{} and {}", shapeText(fixed->type.shape), shapeText(t.type.shape)));
        if (t.type.shape[i] == Dim(1) || shape[rank - back] == Dim(1))
          d.help("only a written 1 broadcasts: `|> view[… -> … 1]`");
        throw Reported{};
      }
    }
  }
  bool found = rank == 0;
  for (const TensorVal& t : ts)
    if (t.type.shape == shape) {
      found = true;
      from = &t;
    }
  (void)from;
  if (!found) {
    std::vector<std::string> shapes;
    for (const TensorVal& t : ts) shapes.push_back(shapeText(t.type.shape));
    error(DiagCode::BroadcastMismatch, at,
          fmt::format("`{}` of {} would have the shape {}, which is the shape of neither", name, fmt::join(shapes, " and "), shapeText(shape)))
        .help("broadcast one side on purpose: `|> view[B -> B 1]` or a view that names the new axis");
    throw Reported{};
  }
  for (TensorVal& t : ts) t = broadcastTo(t, shape, unit, at);
}

std::vector<TensorVal> Elaborator::unifyOperands(const std::vector<Val>& args, Loc at, const char* name) {
  const TensorVal* lead = nullptr;
  DType dtype = DType::I64;
  bool anyTensor = false, anyFloat = false, allBool = true;
  for (const Val& v : args) {
    if (v.is(ValKind::Error)) throw Reported{};
    anyFloat = anyFloat || v.is(ValKind::Float);
    allBool = allBool && (v.is(ValKind::Bool) || (v.isTensor() && v.tensor.type.dtype == DType::Bool));
    if (!v.isTensor()) continue;
    const DType t = v.tensor.type.dtype;
    if (!anyTensor) {
      dtype = t;
      lead = &v.tensor;
    } else if (dtype != t) {
      if (!isInteger(dtype) || !isInteger(t)) {
        Diagnostic& d = error(DiagCode::DTypeMismatch, at,
                              fmt::format("`{}` of {} and {}: element types do not mix", name, lead->type.str(), v.tensor.type.str()));
        const DType target = isFloat(dtype) ? dtype : t;
        if (isFloat(target)) d.help(fmt::format("write the conversion: `{}(…)`", dtypeName(target)));
        throw Reported{};
      }
      dtype = widerInt(dtype, t);
    }
    anyTensor = true;
  }
  if (!anyTensor) dtype = allBool ? DType::Bool : anyFloat ? DType::F32 : DType::I64;
  if (anyTensor && anyFloat && !isFloat(dtype)) {
    error(DiagCode::DTypeMismatch, at, fmt::format("`{}` of {} and a number with a fraction", name, lead->type.str()))
        .help("write the conversion: `f32(…)`");
    throw Reported{};
  }
  std::vector<TensorVal> ts;
  for (const Val& v : args) {
    TensorVal t = v.isTensor() ? cast(v.tensor, dtype, at) : (v.isNumber() || v.is(ValKind::Bool)) ? materialise(v, dtype, at) : asTensor(v, at, fmt::format("`{}`", name).c_str());
    ts.push_back(std::move(t));
  }
  broadcastOperands(ts, at, name);
  return ts;
}

TensorVal Elaborator::tensorBinary(BinaryOp op, const Val& a, const Val& c, Loc at) {
  const char* name = ast::spelling(op);
  const auto isBool = [](const Val& v) { return v.is(ValKind::Bool) || (v.isTensor() && v.tensor.type.dtype == DType::Bool); };
  // x^2, x^3 and x^0.5 have exact forms that every pass and kernel knows better than pow.
  if (op == BinaryOp::Pow && a.isTensor() && isConstNumber(c) && !c.formula) {
    const double e = numberOf(c);
    TensorVal x = asTensor(a, at, "`^`");
    place(at);
    if (e == 2 || e == 3) {
      Value sq = b().mul(x.value, x.value);
      return wrap(e == 2 ? sq : b().mul(sq, x.value), x.unit);
    }
    if (e == 0.5 && isFloat(x.type.dtype)) return wrap(b().unary(Op::Sqrt, x.value), x.unit);
  }
  std::vector<TensorVal> ts = unifyOperands({a, c}, at, name);
  const Value x = ts[0].value, y = ts[1].value;
  const DType dtype = ts[0].type.dtype;
  const bool logical = op == BinaryOp::And || op == BinaryOp::Or;
  if (logical != (isBool(a) && isBool(c)) && op != BinaryOp::Eq && op != BinaryOp::Ne) {
    Diagnostic& d = error(DiagCode::DTypeMismatch, at, fmt::format("`{}` takes {}, not {} and {}", name, logical ? "bools" : "numbers", describe(a), describe(c)));
    if (!logical) d.help("write the conversion: `f32(…)`");
    throw Reported{};
  }
  place(at);
  Value r;
  switch (op) {
    case BinaryOp::Add: r = b().add(x, y); break;
    case BinaryOp::Sub: r = b().sub(x, y); break;
    case BinaryOp::Mul: r = b().mul(x, y); break;
    case BinaryOp::Div:
      if (!isFloat(dtype)) {
        error(DiagCode::DTypeMismatch, at, fmt::format("`/` is for floats, not {}", ts[0].type.str())).help("`//` divides integers and rounds down; `f32(…)` converts");
        throw Reported{};
      }
      r = b().div(x, y);
      break;
    case BinaryOp::FloorDiv:
      r = isFloat(dtype) ? b().unary(Op::Floor, b().div(x, y)) : b().make(Op::IDiv, {x, y});
      break;
    case BinaryOp::Mod:
      r = isFloat(dtype) ? b().sub(x, b().mul(y, b().unary(Op::Floor, b().div(x, y)))) : b().make(Op::Mod, {x, y});
      break;
    case BinaryOp::Pow:
      if (!isFloat(dtype)) {
        error(DiagCode::DTypeMismatch, at, fmt::format("`^` is for floats, not {}", ts[0].type.str())).help("write the conversion: `f32(…)`");
        throw Reported{};
      }
      r = b().make(Op::Pow, {x, y});
      break;
    case BinaryOp::Eq: r = b().make(Op::Eq, {x, y}); break;
    case BinaryOp::Ne: r = b().unary(Op::Not, b().make(Op::Eq, {x, y})); break;
    case BinaryOp::Lt: r = b().make(Op::Lt, {x, y}); break;
    case BinaryOp::Le: r = b().make(Op::Le, {x, y}); break;
    case BinaryOp::Gt: r = b().make(Op::Lt, {y, x}); break;
    case BinaryOp::Ge: r = b().make(Op::Le, {y, x}); break;
    case BinaryOp::And: r = b().make(Op::And, {x, y}); break;
    case BinaryOp::Or: r = b().make(Op::Or, {x, y}); break;
    case BinaryOp::MatMul: fail(DiagCode::WrongKind, at, "`@` multiplies tensors, not numbers");
  }
  return wrap(r, ts[0].unit);
}

Val Elaborator::binary(BinaryOp op, Val a, Val c, Loc at, const ast::Expr* ae, const ast::Expr* ce) {
  if (a.is(ValKind::Error) || c.is(ValKind::Error)) throw Reported{};
  if ((op == BinaryOp::Eq || op == BinaryOp::Ne)) {
    const auto simple = [](const Val& v) { return !v.isTensor() && !v.is(ValKind::Tree) && !v.is(ValKind::Instance); };
    if (a.is(ValKind::None) || c.is(ValKind::None) || (simple(a) && simple(c) && !(a.isNumber() && c.isNumber())))
      if (const auto same = equalStatic(a, c)) return Val::boolean(*same == (op == BinaryOp::Eq));
    if (a.is(ValKind::None) || c.is(ValKind::None)) return Val::boolean(op == BinaryOp::Ne);
  }
  // A function of a shape takes the other operand's shape, or the expected one.
  for (Val* v : {&a, &c}) {
    const Val& other = v == &a ? c : a;
    if (!v->is(ValKind::Fn) || v->fn->isLayer()) continue;
    if (other.isTensor() && other.tensor.type.rank() > 0) {
      std::vector<Val> dims;
      for (const Dim& d : other.tensor.type.shape) dims.push_back(Val::integer(d));
      *v = applyShapeFn(*v, dims, at);
    } else if (ctx_.expected) {
      *v = applyShapeFn(*v, ctx_.expected->dims, at);
    }
  }
  if (a.isNumber() && c.isNumber()) return numberBinary(op, a, c, at);
  if (a.is(ValKind::Bool) && c.is(ValKind::Bool) && (op == BinaryOp::And || op == BinaryOp::Or)) {
    Val r = Val::boolean(op == BinaryOp::And ? a.flag && c.flag : a.flag || c.flag);
    r.formula = a.formula ? a.formula : c.formula;
    return r;
  }
  if (op == BinaryOp::MatMul) return matmul(a, c, at, ae, ce);
  const bool trees = isTreeLike(a) || isTreeLike(c);
  if (trees)
    return leafwise({a, c}, at, [&](const std::vector<Val>& leaves) { return binary(op, leaves[0], leaves[1], at); });
  // While an initial value is computed, 0 * x needs x's shape only, whatever graph x stands in.
  if (!initPath_.empty() && op == BinaryOp::Mul)
    for (const Val* v : {&a, &c}) {
      const Val& x = v == &a ? c : a;
      if (isConstNumber(*v) && !v->formula && numberOf(*v) == 0 && x.isTensor()) {
        place(at);
        return Val::of(wrap(b().constant(0, x.tensor.type), x.tensor.unit));
      }
    }
  return Val::of(tensorBinary(op, a, c, at));
}

Val Elaborator::elementwise(Op op, const std::vector<Val>& args, const Attrs& attrs, Loc at, const char* name) {
  return leafwise(args, at, [&](const std::vector<Val>& vals) -> Val {
    if (const auto number = numberPrimitive(op, vals)) return *number;
    std::vector<Val> shaped = vals;
    std::vector<TensorVal> ts;
    if (op == Op::Select) {
      TensorVal cond = asTensor(shaped[0], at, "the condition");
      std::vector<TensorVal> sides = unifyOperands({shaped[1], shaped[2]}, at, name);
      ts = {cond, sides[0], sides[1]};
      broadcastOperands(ts, at, name);
    } else {
      if (vals.size() == 1 && !vals[0].isTensor()) shaped[0] = Val::of(vals[0].is(ValKind::Bool) ? materialise(vals[0], DType::Bool, at) : materialise(vals[0], DType::F32, at));
      ts = unifyOperands(shaped, at, name);
    }
    std::vector<Value> in;
    std::vector<Type> types;
    for (const TensorVal& t : ts) {
      in.push_back(t.value);
      types.push_back(t.type);
    }
    if (const Inferred inferred = inferTypes(op, types, attrs); !inferred) {
      Diagnostic& d = error(DiagCode::DTypeMismatch, at, inferred.error);
      if (isInteger(ts[0].type.dtype)) d.help("write the conversion: `f32(…)`");
      throw Reported{};
    }
    place(at);
    TensorVal r = wrap(b().make(op, in, attrs), ts.back().unit);
    if (op == Op::Stop) r.bound = ts[0].bound;
    return Val::of(r);
  });
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
