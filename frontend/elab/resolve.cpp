// What is known when compiling: values as dimensions, numbers and flags, and declared shapes whose names are all known.
#include "frontend/elab/elaborator.h"
#include "frontend/elab/walk.h"

#include <fmt/format.h>
#include <cmath>

namespace nnc::elab {

Shape Expected::shape() const {
  Shape s;
  for (const Val& v : dims) s.push_back(v.dim);
  return s;
}

static void fixHypers(const Formula& f, std::set<std::string>& fixed) {
  if (f.kind == Formula::Kind::Hyper) fixed.insert(f.hyper);
  if (f.a) fixHypers(*f.a, fixed);
  if (f.b) fixHypers(*f.b, fixed);
}

Dim Elaborator::asDim(const Val& v, Loc at, const char* what) {
  if (v.is(ValKind::Error)) throw Reported{};
  if (v.formula) fixHypers(*v.formula, hypersFixed_);
  if (v.is(ValKind::Int)) return v.dim;
  if (v.is(ValKind::Float) && !v.text.empty())
    fail(DiagCode::NotDivisible, at, fmt::format("{} must be a whole number, and {} is not", what, v.text));
  constexpr double kExact = int64_t{1} << 53;  // whole numbers up to here are floats without rounding
  if (v.is(ValKind::Float) && std::trunc(v.number) == v.number && std::fabs(v.number) <= kExact)
    return static_cast<int64_t>(v.number);
  if (v.isTensor())
    fail(DiagCode::NotCompileTime, at,
         fmt::format("{} must be known when compiling, and this is computed when running ({})", what, describe(v)));
  fail(DiagCode::WrongKind, at, fmt::format("{} must be a whole number, not {}", what, describe(v)));
}

int64_t Elaborator::asConst(const Val& v, Loc at, const char* what) {
  const Dim d = asDim(v, at, what);
  if (!d.isConst() && rigid_) throw Reported{};
  if (!d.isConst())
    fail(DiagCode::SymbolicDimension, at,
         fmt::format("{} must be one fixed number, and {} is known only when running", what, d.str()));
  return d.value();
}

double Elaborator::asNumber(const Val& v, Loc at, const char* what) {
  if (v.is(ValKind::Float)) {
    if (v.formula) fixHypers(*v.formula, hypersFixed_);
    return v.number;
  }
  return static_cast<double>(asConst(v, at, what));
}

bool Elaborator::asBool(const Val& v, Loc at, const char* what) {
  if (v.is(ValKind::Error)) throw Reported{};
  if (v.formula) fixHypers(*v.formula, hypersFixed_);
  if (v.is(ValKind::Bool)) return v.flag;
  fail(DiagCode::WrongKind, at, fmt::format("{} must be true or false, not {}", what, describe(v)));
}

DType Elaborator::dtypeOf(const ast::Ident& name) {
  if (const auto t = dtypeFromName(name.text)) return *t;
  failUnknown(DiagCode::UnknownName, name.loc, "element type", name.text,
              {"f64", "f32", "bf16", "f16", "i64", "i32", "i8", "u8", "bool", "int", "float"});
}

// ---- Shapes that are known
// -------------------------------------------------------------------------------------------

bool Elaborator::isResolvable(const ast::TypeExpr& t) {
  for (const ast::Dim& d : t.shape) {
    if (d.kind == ast::Dim::Kind::Bounded) return false;
    if (d.kind == ast::Dim::Kind::Rest) {
      if (!ctx_.scope->find("..." + d.name)) return false;
      continue;
    }
    std::set<std::string> names;
    namesRead(*d.expr, names);
    for (const std::string& n : names)
      if (!ctx_.scope->find(n)) {
        // A single unknown name is a new variable where a value is matched; where one must be filled it is a mistake.
        bool known = false;
        builtinName(n, {}, known);
        if (!known) return false;
      }
  }
  return true;
}

std::vector<Val> Elaborator::resolveDims(const std::vector<ast::Dim>& dims) {
  std::vector<Val> result;
  for (const ast::Dim& d : dims) {
    if (d.kind == ast::Dim::Kind::Rest) {
      for (const Val& v : *ctx_.scope->find("..." + d.name)->val.items) result.push_back(v);
      continue;
    }
    const Val v = eval(*d.expr);
    const Dim extent = asDim(v, d.loc, "a dimension");
    if (extent.isConst() && extent.value() < 0)
      fail(DiagCode::AxisMismatch, d.loc, fmt::format("a dimension is {}", extent.str()));
    result.push_back(Val::integer(extent, d.expr->is<ast::Int>() && extent == Dim(1)));
  }
  return result;
}

std::optional<Expected> Elaborator::resolveShape(const ast::TypeExpr& t) {
  if (t.isTuple || !isResolvable(t)) return std::nullopt;
  Expected e;
  if (t.dtype && t.dtype.text != "int" && t.dtype.text != "float") e.dtype = dtypeOf(t.dtype);
  e.dims = resolveDims(t.shape);
  return e;
}

Val Elaborator::fill(const Val& v, const Expected& e, Loc at) {
  if (v.is(ValKind::Fn) && !v.fn->isLayer()) return fill(applyShapeFn(v, e.dims, at), e, at);
  std::vector<bool> unit;
  for (const Val& d : e.dims) unit.push_back(d.unit);
  if (v.isNumber() || v.is(ValKind::Bool)) {
    const DType dtype = e.dtype ? *e.dtype : v.is(ValKind::Bool) ? DType::Bool : DType::F32;
    const TensorVal t = materialise(v, dtype, at);
    place(at);
    return Val::of(wrap(b().fill(t.value, e.shape()), unit, t.bound));
  }
  // A function of a shape draws f32; another declared float type converts it, so that `normal` serves every precision.
  if (v.isTensor() && e.dtype && isFloat(*e.dtype) && isFloat(v.tensor.type.dtype))
    return Val::of(cast(v.tensor, *e.dtype, at));
  return v;
}

}  // namespace nnc::elab
