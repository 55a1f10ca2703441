// Declared types: whether a value fits one, and what a declared shape pushes inward. Dimensions of a signature are
// matched left to right: plain names first, then those linear in one unbound name.
#include "frontend/elab/elaborator.h"

#include <fmt/format.h>

namespace nnc::elab {

namespace {

constexpr const char* kUnknown = "?";

/// num / den, polynomials in the symbols in force and the unknown "?".
struct Ratio {
  Dim num, den = 1;
};

/// A name in a dimension. As an argument of a call it may be anything (`[rows_of(x), 2]`); elsewhere it is a dimension.
struct DimName {
  const ast::Name* name;
  bool isArgument;
};

void namesIn(const ast::Expr& e, std::vector<DimName>& into, bool inCall = false) {
  if (const auto* n = e.tryAs<ast::Name>()) into.push_back({n, inCall});
  if (const auto* u = e.tryAs<ast::Unary>()) namesIn(*u->operand, into, inCall);
  if (const auto* bin = e.tryAs<ast::Binary>()) {
    namesIn(*bin->lhs, into, inCall);
    namesIn(*bin->rhs, into, inCall);
  }
  if (const auto* c = e.tryAs<ast::Call>())
    for (const ast::Arg& a : c->args) namesIn(*a.value, into, true);
}

/// Solves a·? + c = 0 for the unknown.
std::optional<Dim> solveLinear(const Dim& p) {
  Dim a, c;
  for (const auto& [monomial, coefficient] : p.terms()) {
    Dim term = coefficient;
    int degree = 0;
    for (const std::string& s : monomial) {
      if (s == kUnknown)
        ++degree;
      else
        term = term * Dim::symbol(s);
    }
    if (degree > 1) return std::nullopt;
    (degree ? a : c) = (degree ? a : c) + term;
  }
  return (Dim(0) - c).dividedBy(a);
}

}  // namespace

/// A name in a message; what has a space already is a phrase.
static std::string named(const std::string& what) {
  return what.find(' ') == std::string::npos ? fmt::format("`{}`", what) : what;
}

static Binding* dimBinding(const ScopePtr& scope, const std::string& name) {
  Binding* found = scope->find(name);
  if (!found) return nullptr;
  if (found->kind == Binding::Kind::Lazy || found->val.is(ValKind::Int)) return found;
  return nullptr;
}

Val Elaborator::declared(const ast::TypeExpr& t, const ast::Expr& value, const std::string& what) {
  const bool scalar = !t.isTuple && !t.hasShape && t.dtype.text != "int";
  if (t.isTuple || (!t.hasShape && !scalar)) return matchType(t, eval(value), what, value.loc);
  const std::optional<Expected> expected = resolveShape(t);
  if (!expected) {
    const Val v = eval(value);
    if (v.isNumber() || (v.is(ValKind::Fn) && !v.fn->isLayer())) {
      std::vector<DimName> names;
      for (const ast::Dim& d : t.shape)
        if (d.expr) namesIn(*d.expr, names);
      for (const DimName& n : names) eval(*n.name);  // reports the unknown one
      fail(DiagCode::ShapeUnknown, t.loc, fmt::format("the shape of {} is not known here", named(what)));
    }
    return matchType(t, v, what, value.loc);
  }
  Val v = evalExpecting(value, &*expected);
  const bool fixedSign = v.isNumber() || v.is(ValKind::Bool) || (v.is(ValKind::Fn) && !v.fn->isLayer());
  v = fixedSign ? fill(v, *expected, value.loc) : v;
  return matchType(t, v, what, value.loc);
}

Val Elaborator::asIndexOrInt(const ast::TypeExpr& t, Val v, const std::string& what, Loc at) {
  if (v.is(ValKind::Int)) {
    if (t.bound) {
      const Dim bound = boundOf(t);
      if (!require(v.dim + Dim(1), bound))
        fail(DiagCode::BoundMismatch, at,
             fmt::format("{} is {} and must be less than {}", named(what), v.dim.str(), bound.str()));
    }
    return v;
  }
  TensorVal x = asTensor(v, at, what.c_str());
  if (!isInteger(x.type.dtype) || x.type.rank() != 0)
    fail(DiagCode::DTypeMismatch, at, fmt::format("{} is an int, and this is {}", named(what), x.type.str()));
  checkBound(t, x, what, at);
  return Val::of(x);
}

void Elaborator::checkBound(const ast::TypeExpr& t, TensorVal& v, const std::string& what, Loc at) {
  if (!t.bound) return;
  const Dim bound = boundOf(t);
  if (!isInteger(v.type.dtype))
    fail(DiagCode::DTypeMismatch, at,
         fmt::format("{} has a bound and must be integers, and this is {}", named(what), v.type.str()));
  if (trustBounds_) {
    v.bound = bound;
    return;
  }
  const std::optional<Dim> rest = v.bound ? std::optional(bound - *v.bound) : std::nullopt;
  if (!rest || !rest->isConst() || rest->value() < 0) {
    Diagnostic& d = error(
        DiagCode::BoundMismatch, at,
        v.bound
            ? fmt::format("{} needs indices below {}, and these are below {}", named(what), bound.str(), v.bound->str())
            : fmt::format("{} needs indices below {}, and these have no bound", named(what), bound.str()));
    d.help(fmt::format("declare it where they come from (`i32 < {0}`), or `clamp(…, {0})`", bound.str()));
    throw Reported{};
  }
  v.bound = bound;
}

Val Elaborator::matchType(const ast::TypeExpr& t, Val v, const std::string& what, Loc at) {
  if (v.is(ValKind::Error)) throw Reported{};
  if (t.isTuple) {
    if (!v.is(ValKind::Tuple) || v.items->size() != t.elements.size())
      fail(DiagCode::WrongKind, at,
           fmt::format("{} is a tuple of {}, and this is {}", named(what), t.elements.size(), describe(v)));
    std::vector<Val> items;
    for (size_t i = 0; i < t.elements.size(); ++i)
      items.push_back(matchType(t.elements[i], (*v.items)[i], fmt::format("{}.{}", what, i), at));
    return Val::tuple(std::move(items));
  }
  if (t.dtype.text == "int") return asIndexOrInt(t, v, what, at);
  if (!t.hasShape && v.isNumber()) {
    if (t.dtype.text == "float" || !t.dtype) return v;
    const DType dtype = dtypeOf(t.dtype);
    if (dtype == DType::Bool)
      fail(DiagCode::DTypeMismatch, at, fmt::format("{} is a bool, and this is {}", named(what), describe(v)));
    if (isInteger(dtype) && v.is(ValKind::Float))
      fail(DiagCode::DTypeMismatch, at,
           fmt::format("{} is {}, and this is {}", named(what), t.dtype.text, describe(v)));
    return v;
  }
  if (!t.hasShape && v.is(ValKind::Bool) && t.dtype.text == "bool") return v;
  if (v.isNumber() || v.is(ValKind::Bool)) {
    const DType dtype = t.dtype && t.dtype.text != "float" ? dtypeOf(t.dtype)
                        : v.is(ValKind::Bool)              ? DType::Bool
                                                           : DType::F32;
    v = Val::of(materialise(v, dtype, at));
  }
  if (v.is(ValKind::Fn) && !v.fn->isLayer())
    if (const auto e = resolveShape(t)) v = fill(v, *e, at);
  TensorVal x = asTensor(v, at, fmt::format("{}", named(what)).c_str());
  if (t.dtype && t.dtype.text != "float") {
    const DType want = dtypeOf(t.dtype);
    if (x.type.dtype != want) {
      if (isInteger(want) && isInteger(x.type.dtype) && dtypeSize(want) > dtypeSize(x.type.dtype)) {
        x = cast(x, want, at);
      } else {
        const std::string held = fmt::format("; if the file holds {0}, say so: `let r: {0}… = raw.…`", dtypeName(want));
        error(DiagCode::DTypeMismatch, at,
              fmt::format("{} is {}, and this is {}", named(what), dtypeName(want), x.type.str()))
            .help(fmt::format("write the conversion: `{}(…)`{}", dtypeName(want), rawData_ ? held : ""));
        throw Reported{};
      }
    }
  } else if (!isFloat(x.type.dtype)) {
    error(DiagCode::DTypeMismatch, at, fmt::format("{} takes floats, and this is {}", named(what), x.type.str()))
        .help(fmt::format("convert it (`f32(…)`), or declare {} with its element type: `{}[…]`", named(what),
                          dtypeName(x.type.dtype)));
    throw Reported{};
  }
  matchShape(t, x, what, at);
  checkBound(t, x, what, at);
  return Val::of(x);
}

void Elaborator::matchShape(const ast::TypeExpr& t, TensorVal& v, const std::string& what, Loc at) {
  const Shape& shape = v.type.shape;
  std::optional<size_t> rest;
  for (size_t i = 0; i < t.shape.size(); ++i)
    if (t.shape[i].kind == ast::Dim::Kind::Rest) {
      if (rest) fail(DiagCode::BadShapeMap, t.shape[i].loc, "at most one `...` stands in a shape");
      rest = i;
    }
  const size_t fixed = t.shape.size() - (rest ? 1 : 0);
  if (rest ? shape.size() < fixed : shape.size() != fixed) {
    Diagnostic& d = error(DiagCode::RankMismatch, at,
                          fmt::format("{} has {}{} ax{}s, and this is {}", named(what), rest ? "at least " : "", fixed,
                                      fixed == 1 ? "i" : "e", v.type.str()));
    d.note(t.loc, fmt::format("{} is declared", named(what)));
    if (shape.empty()) d.help("`x |> view[-> n]` repeats a scalar along axes that are known");
    throw Reported{};
  }
  const size_t restSize = shape.size() - fixed;
  const auto axisOf = [&](size_t i) { return rest && i > *rest ? i + restSize - 1 : i; };
  std::vector<size_t> deferred;
  for (size_t i = 0; i < t.shape.size(); ++i) {
    const ast::Dim& d = t.shape[i];
    const size_t axis = axisOf(i);
    if (d.kind != ast::Dim::Kind::Rest) {
      if (!matchDim(d, shape[axis], what, static_cast<int>(axis), v, at, true)) deferred.push_back(i);
      continue;
    }
    std::vector<Val> dims;
    for (size_t k = 0; k < restSize; ++k) dims.push_back(Val::integer(shape[axis + k], v.unit[axis + k]));
    if (const Binding* known = ctx_.scope->find("..." + d.name)) {
      bool same = known->val.items->size() == restSize;
      for (size_t k = 0; same && k < restSize; ++k) same = (*known->val.items)[k].dim == shape[axis + k];
      if (!same) {
        Shape want;
        for (const Val& x : *known->val.items) want.push_back(x.dim);
        Diagnostic& diag = error(
            DiagCode::AxisMismatch, at,
            fmt::format("the axes `...{}` of {} are {}, and here {} is needed", d.name, named(what),
                        shapeText(Shape(shape.begin() + axis, shape.begin() + axis + restSize)), shapeText(want)));
        diag.note(t.loc, fmt::format("{} is declared", named(what)));
        throw Reported{};
      }
    } else {
      ctx_.scope->bind("..." + d.name, Val::tuple(std::move(dims)), d.loc);
    }
  }
  for (size_t i : deferred)
    if (!matchDim(t.shape[i], shape[axisOf(i)], what, static_cast<int>(axisOf(i)), v, at, false))
      fail(DiagCode::ShapeUnknown, t.shape[i].loc, "this dimension has more than one unknown name");
  for (size_t i = 0; i < t.shape.size(); ++i)
    if (t.shape[i].kind != ast::Dim::Kind::Rest)
      v.unit[axisOf(i)] = t.shape[i].expr && t.shape[i].expr->is<ast::Int>() && shape[axisOf(i)] == Dim(1);
}

bool Elaborator::matchDim(const ast::Dim& d, const Dim& actual, const std::string& what, int axis, const TensorVal& v,
                          Loc at, bool defer) {
  const auto bindNew = [&](const std::string& name) {
    ctx_.scope->bind(name, Val::integer(actual), d.loc);
    return true;
  };
  const auto mismatch = [&](const Dim& want) {
    mustDiffer(actual, want);
    Diagnostic& diag =
        error(DiagCode::AxisMismatch, at,
              fmt::format("axis {} of {} is {}, and here {} is needed", axis, named(what), actual.str(), want.str()));
    diag.mark(fmt::format("this is {}", v.type.str()));
    diag.note(d.loc, fmt::format("{} is declared", named(what)));
    throw Reported{};
  };
  if (d.kind == ast::Dim::Kind::Bounded) {
    if (Binding* known = dimBinding(ctx_.scope, d.name)) {
      if (known->val.dim != actual) mismatch(known->val.dim);
      return true;
    }
    return bindNew(d.name);
  }
  std::vector<DimName> names;
  namesIn(*d.expr, names);
  std::set<std::string> unknown;
  for (const auto& [n, isArgument] : names) {
    const bool bound = ctx_.scope->find(n->text) != nullptr;
    bool known = dimBinding(ctx_.scope, n->text) != nullptr || (isArgument && bound);
    if (!known && !bound) builtinName(n->text, n->loc, known);
    if (!known) unknown.insert(n->text);
  }
  // The callee of `max(a, b)` in a dimension is no dimension.
  if (unknown.empty()) {
    const Dim want = asDim(eval(*d.expr), d.loc, "a dimension");
    if (want != actual) mismatch(want);
    return true;
  }
  if (d.expr->is<ast::Name>()) return bindNew(*unknown.begin());
  if (defer || unknown.size() > 1) return false;
  const std::string name = *unknown.begin();
  const std::function<std::optional<Ratio>(const ast::Expr&)> ratio = [&](const ast::Expr& e) -> std::optional<Ratio> {
    if (const auto* n = e.tryAs<ast::Name>(); n && n->text == name) return Ratio{Dim::symbol(kUnknown), 1};
    if (const auto* bin = e.tryAs<ast::Binary>()) {
      const auto a = ratio(*bin->lhs), c = ratio(*bin->rhs);
      if (!a || !c) return std::nullopt;
      switch (bin->op) {
        case ast::BinaryOp::Add:
          return Ratio{a->num * c->den + c->num * a->den, a->den * c->den};
        case ast::BinaryOp::Sub:
          return Ratio{a->num * c->den - c->num * a->den, a->den * c->den};
        case ast::BinaryOp::Mul:
          return Ratio{a->num * c->num, a->den * c->den};
        case ast::BinaryOp::Div:
          return Ratio{a->num * c->den, a->den * c->num};
        default:
          return std::nullopt;
      }
    }
    return Ratio{asDim(eval(e), e.loc, "a dimension"), 1};
  };
  const auto r = ratio(*d.expr);
  if (!r) fail(DiagCode::ShapeUnknown, d.loc, fmt::format("`{}` cannot be told from this dimension", name));
  const auto solved = solveLinear(r->num - r->den * actual);
  if (!solved)
    fail(DiagCode::NotDivisible, at,
         fmt::format("axis {} of {} is {}, from which `{}` has no whole value", axis, named(what), actual.str(), name));
  ctx_.scope->bind(name, Val::integer(*solved), d.loc);
  return true;
}

}  // namespace nnc::elab
