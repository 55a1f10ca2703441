// Elementwise arithmetic on tensors and trees: element types, broadcasting, leaf by leaf.
#include "frontend/elab/elaborator.h"

#include <fmt/format.h>

#include <algorithm>

#include "ir/infer.h"

namespace nnc::elab {

namespace {

using ast::BinaryOp;

bool isTreeLike(const Val& v) {
  return v.is(ValKind::Tree) || v.is(ValKind::Instance) || v.is(ValKind::Tuple);
}

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
        Diagnostic& d =
            error(DiagCode::WrongKind, at, "the two trees have different parts, so there is no leaf by leaf");
        if (!isTuple && v.is(ValKind::Tree))
          d.note(fmt::format("one has `{}` where the other differs", (*shape->fields)[i].first));
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
    Diagnostic& d =
        error(DiagCode::LayerAsFunction, at,
              fmt::format("{} needs a tensor, and `{}` is a layer that was not applied", what, v.fn->name()));
    d.help(fmt::format("apply it: `x |> {}`", v.fn->name()));
    throw Reported{};
  }
  if (v.is(ValKind::Fn) && v.fn->kind == FnVal::Kind::Field) {
    Diagnostic& d =
        error(DiagCode::WrongKind, at, fmt::format("{} needs a tensor, and {} was not applied", what, describe(v)));
    d.help(
        fmt::format("in a train block on `{}` the field is called `{}`; elsewhere it is a function of the raw fields",
                    v.fn->field->data->ast->name.text, v.fn->field->name));
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
  if (isInteger(dtype) && t.type.dtype == DType::Bool) r.bound = Dim(2);
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
        Diagnostic& d =
            error(DiagCode::BroadcastMismatch, at,
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
          fmt::format("`{}` of {} would have the shape {}, which is the shape of neither", name,
                      fmt::join(shapes, " and "), shapeText(shape)))
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
        Diagnostic& d = error(
            DiagCode::DTypeMismatch, at,
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
    TensorVal t = v.isTensor()                            ? cast(v.tensor, dtype, at)
                  : (v.isNumber() || v.is(ValKind::Bool)) ? materialise(v, dtype, at)
                                                          : asTensor(v, at, fmt::format("`{}`", name).c_str());
    ts.push_back(std::move(t));
  }
  broadcastOperands(ts, at, name);
  return ts;
}

TensorVal Elaborator::tensorBinary(BinaryOp op, const Val& a, const Val& c, Loc at) {
  const char* name = ast::spelling(op);
  const auto isBool = [](const Val& v) {
    return v.is(ValKind::Bool) || (v.isTensor() && v.tensor.type.dtype == DType::Bool);
  };
  // x^2, x^3 and x^0.5 have exact forms that every pass and kernel knows better than pow.
  if (op == BinaryOp::Pow && a.isTensor() && isConstNumber(c) && !c.formula) {
    const double e = numberOf(c);
    TensorVal x = asTensor(a, at, "`^`");
    place(at);
    if (isFloat(x.type.dtype) && (e == 2 || e == 3)) {
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
    Diagnostic& d = error(
        DiagCode::DTypeMismatch, at,
        fmt::format("`{}` takes {}, not {} and {}", name, logical ? "bools" : "numbers", describe(a), describe(c)));
    if (!logical) d.help("write the conversion: `f32(…)`");
    throw Reported{};
  }
  place(at);
  Value r;
  switch (op) {
    case BinaryOp::Add:
      r = b().add(x, y);
      break;
    case BinaryOp::Sub:
      r = b().sub(x, y);
      break;
    case BinaryOp::Mul:
      r = b().mul(x, y);
      break;
    case BinaryOp::Div:
      if (!isFloat(dtype)) {
        error(DiagCode::DTypeMismatch, at, fmt::format("`/` is for floats, not {}", ts[0].type.str()))
            .help("`//` divides integers and rounds down; `f32(…)` converts");
        throw Reported{};
      }
      if (c.is(ValKind::Int) && entry_) noteDivisor(c.dim, ts[0].type.shape);
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
        error(DiagCode::DTypeMismatch, at, fmt::format("`^` is for floats, not {}", ts[0].type.str()))
            .help("write the conversion: `f32(…)`");
        throw Reported{};
      }
      r = b().make(Op::Pow, {x, y});
      break;
    case BinaryOp::Eq:
      r = b().make(Op::Eq, {x, y});
      break;
    case BinaryOp::Ne:
      r = b().unary(Op::Not, b().make(Op::Eq, {x, y}));
      break;
    case BinaryOp::Lt:
      r = b().make(Op::Lt, {x, y});
      break;
    case BinaryOp::Le:
      r = b().make(Op::Le, {x, y});
      break;
    case BinaryOp::Gt:
      r = b().make(Op::Lt, {y, x});
      break;
    case BinaryOp::Ge:
      r = b().make(Op::Le, {y, x});
      break;
    case BinaryOp::And:
      r = b().make(Op::And, {x, y});
      break;
    case BinaryOp::Or:
      r = b().make(Op::Or, {x, y});
      break;
    case BinaryOp::MatMul:
      fail(DiagCode::WrongKind, at, "`@` multiplies tensors, not numbers");
  }
  TensorVal result = wrap(r, ts[0].unit);
  if (op == BinaryOp::Add && isInteger(dtype))
    if (const auto p = reachOf(a), q = reachOf(c); p && q) result.reach = *p + *q - Dim(1);
  if (op == BinaryOp::Mod && isInteger(dtype) && c.is(ValKind::Int) && isConstNumber(c) && !c.formula &&
      c.dim.value() > 0)
    result.bound = c.dim;
  return result;
}

Val Elaborator::binary(BinaryOp op, Val a, Val c, Loc at, const ast::Expr* ae, const ast::Expr* ce) {
  if (a.is(ValKind::Error) || c.is(ValKind::Error)) throw Reported{};
  if ((op == BinaryOp::Eq || op == BinaryOp::Ne)) {
    const auto simple = [](const Val& v) { return !v.isTensor() && !v.is(ValKind::Tree) && !v.is(ValKind::Instance); };
    if (a.is(ValKind::None) || c.is(ValKind::None) || (simple(a) && simple(c) && !(a.isNumber() && c.isNumber())))
      if (const auto same = equalStatic(a, c)) return Val::boolean(*same == (op == BinaryOp::Eq));
    if (a.is(ValKind::None) || c.is(ValKind::None)) return Val::boolean(op == BinaryOp::Ne);
  }
  // A function of a shape takes the other operand's shape, or the expected one. Beside a scalar it waits for a shape.
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
  const auto isShapeFn = [](const Val& v) { return v.is(ValKind::Fn) && !v.fn->isLayer(); };
  const auto isScalar = [](const Val& v) { return v.isNumber() || (v.isTensor() && v.tensor.type.rank() == 0); };
  if (op != BinaryOp::MatMul && (isShapeFn(a) || isShapeFn(c)) && (isShapeFn(a) || isScalar(a)) &&
      (isShapeFn(c) || isScalar(c))) {
    FnVal f;
    f.kind = FnVal::Kind::Arithmetic;
    f.arithmetic = op;
    f.operands = {a, c};
    return Val::function(std::move(f));
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
      if (vals.size() == 1 && !vals[0].isTensor())
        shaped[0] = Val::of(vals[0].is(ValKind::Bool) ? materialise(vals[0], DType::Bool, at)
                                                      : materialise(vals[0], DType::F32, at));
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
    if (op == Op::Select) r.bound = jointBound(ts[1].bound, ts[2].bound);
    return Val::of(r);
  });
}

}  // namespace nnc::elab
