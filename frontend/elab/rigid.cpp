// Definitions by themselves. Dimensions of a signature are free symbols ("rigid"), so `[B, T] + [T, B]` is wrong here
// even if every call has B = T. A quotient or a compile-time argument is an opaque symbol, and what depends on one, on
// a fixed number or on a branch that a symbol decides, is left to the instances: only what is wrong for all of them is
// reported.
#include "frontend/elab/elaborator.h"
#include "frontend/elab/walk.h"

#include <fmt/format.h>

#include <algorithm>

namespace nnc::elab {

namespace {

constexpr const char* kOpaque = "opaque.";

bool isOpaque(const Dim& d) {
  const std::vector<std::string> symbols = d.symbols();
  return std::any_of(symbols.begin(), symbols.end(), [](const std::string& s) { return s.starts_with(kOpaque); });
}

bool isFullyDeclared(const ast::TypeExpr& t) {
  if (t.isTuple) return std::all_of(t.elements.begin(), t.elements.end(), isFullyDeclared);
  return t.hasShape || static_cast<bool>(t.dtype);
}

}  // namespace

/// Goes on to report that two dimensions differ only if they differ for every choice of the symbols that a caller may
/// make.
void Elaborator::mustDiffer(const Dim& a, const Dim& b) {
  if (!rigid_) return;
  if (a.isConst() != b.isConst() || isOpaque(a) || isOpaque(b)) throw Reported{};
  certain_ = true;
}

Val Elaborator::rigidInput(const ast::ParamDecl& p, const ast::TypeExpr& t, const std::string& name) {
  if (t.isTuple) {
    std::vector<Val> items;
    for (size_t i = 0; i < t.elements.size(); ++i)
      items.push_back(rigidInput(p, t.elements[i], fmt::format("{}.{}", name, i)));
    return Val::tuple(std::move(items));
  }
  if (t.dtype.text == "int" && !t.hasShape) return Val::of(wrap(leaf("input", name, Type{DType::I64, {}})));
  Shape shape;
  std::vector<bool> unit;
  for (const ast::Dim& d : t.shape) {
    unit.push_back(false);
    if (d.kind == ast::Dim::Kind::Rest) {
      if (!ctx_.scope->find("..." + d.name))
        ctx_.scope->bind("..." + d.name, Val::tuple({Val::integer(Dim::symbol("..." + d.name))}), d.loc);
      shape.push_back(Dim::symbol("..." + d.name));
      continue;
    }
    std::set<std::string> names;
    if (d.kind == ast::Dim::Kind::Bounded)
      names.insert(d.name);
    else
      namesRead(*d.expr, names);
    for (const std::string& n : names)
      if (!ctx_.scope->find(n)) ctx_.scope->bind(n, Val::integer(Dim::symbol(n)), d.loc);
    const Val extent = d.kind == ast::Dim::Kind::Bounded ? ctx_.scope->find(d.name)->val : eval(*d.expr);
    shape.push_back(asDim(extent, d.loc, "a dimension"));
    unit.back() = d.expr->is<ast::Int>() && d.kind == ast::Dim::Kind::Expr && shape.back() == Dim(1);
  }
  std::optional<Dim> bound;
  if (t.bound) bound = boundOf(t);
  const DType dtype = t.dtype && t.dtype.text != "float" ? dtypeOf(t.dtype) : DType::F32;
  return Val::of(wrap(leaf("input", name, Type{dtype, shape}), unit, bound));
}

void Elaborator::checkDefinition(const ast::Callable& f, const ScopePtr& scope) {
  if (f.exported || f.params.empty()) return;
  for (const ast::ParamDecl& p : f.params)
    if (!p.type || !isFullyDeclared(*p.type)) return;
  beginEntry(Function::Kind::Export, f.name.text, "", f.name.loc);
  instances_.emplace_back();
  Instance* owner = &instances_.back();
  owner->path = f.name.text;
  std::map<std::string, std::vector<const void*>> ordinals;
  ctx_ = Context{};
  ctx_.ordinals = &ordinals;
  ctx_.owner = owner;
  ctx_.scope = scopes_.inside(scope);
  try {
    for (const ast::ParamDecl& p : f.staticParams)
      ctx_.scope->bind(p.name.text, p.fallback ? eval(*p.fallback) : Val::integer(Dim::symbol(kOpaque + p.name.text)),
                       p.name.loc);
    for (const ast::ParamDecl& p : f.params)
      ctx_.scope->bind(p.name.text, rigidInput(p, *p.type, p.name.text), p.name.loc);
    const Val v = evalBlock(f.body, false);
    const ast::Expr* last = f.body.value();
    if (f.result && last) matchType(*f.result, v, fmt::format("the result of `{}`", f.name.text), last->loc);
  } catch (const Reported&) {
  }
  entry_ = nullptr;
  frame_ = initFrame_.get();
}

void Elaborator::checkDefinitions(const ast::File& file) {
  rigid_ = true;
  loadLibrary();
  main_ = scopes_.inside(library_);
  main_->isFile = true;
  define(file, main_, false);
  for (const auto& s : file.items)
    if (const auto* f = s->tryAs<ast::Callable>()) checkDefinition(*f, main_);
}

}  // namespace nnc::elab
