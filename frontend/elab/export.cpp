// Exported functions: their inputs as declared, their results by name.
#include "frontend/elab/elaborator.h"

#include <fmt/format.h>

#include <algorithm>

namespace nnc::elab {

Val Elaborator::exportInput(const ast::ParamDecl& p, std::vector<Symbol>& symbols) {
  const auto undeclared = [&](Loc at, const std::string& help) {
    error(DiagCode::ExportUndeclared, at,
          fmt::format("the input `{}` of an exported function is not fully declared", p.name.text))
        .help(help);
    throw Reported{};
  };
  // A name is one size of the call, however often its bound is given.
  const auto declareSize = [&](const std::string& name, int64_t bound, Loc at) {
    const auto known = std::find_if(symbols.begin(), symbols.end(), [&](const Symbol& s) { return s.name == name; });
    if (known == symbols.end()) {
      symbols.push_back({name, bound});
      ctx_.scope->bind(name, Val::integer(Dim::symbol(name)), at);
    } else if (known->bound != bound) {
      fail(DiagCode::ExportUndeclared, at,
           fmt::format("`{}` is at most {} here and at most {} above", name, bound, known->bound));
    }
  };
  // Inputs and what an export's draws and hyperparameters read are known by their names.
  const bool isScalar = p.name.text == "seed" || p.name.text == "first_row";
  if (isScalar || hyperDecls_.contains(p.name.text))
    fail(DiagCode::Redefined, p.name.loc,
         fmt::format("`{}` is {}: an input has another name", p.name.text,
                     isScalar ? "set by what runs the program" : "a hyperparameter"));
  if (!p.type || p.type->isTuple)
    undeclared(p.name.loc, fmt::format("declare it: `{}: f32[B <= 1024, 10]`", p.name.text));
  const ast::TypeExpr& t = *p.type;
  place(p.name.loc);
  std::optional<Dim> bound;
  if (t.bound) bound = boundOf(t);
  if (bound && bound->isConst() && bound->value() < 1)
    fail(DiagCode::ExportUndeclared, t.bound->loc, fmt::format("the bound of `{}` leaves no number", p.name.text));
  if (t.dtype.text == "int" && !t.hasShape) {
    if (bound) {
      const int64_t beyond = asConst(Val::integer(*bound), t.bound->loc, "a bound");
      if (beyond < 1)
        fail(DiagCode::ExportUndeclared, t.bound->loc, fmt::format("the bound of `{}` leaves no number", p.name.text));
      declareSize(p.name.text, beyond - 1, t.bound->loc);
      return Val::integer(Dim::symbol(p.name.text));
    }
    return Val::of(wrap(leaf("input", p.name.text, Type{DType::I64, {}})));
  }
  Shape shape;
  std::vector<bool> unit;
  for (const ast::Dim& d : t.shape) {
    if (d.kind == ast::Dim::Kind::Bounded) {
      const int64_t given = asConst(eval(*d.expr), d.loc, "a bound"), least = d.strict ? 1 : 0;
      if (given < least) fail(DiagCode::ExportUndeclared, d.loc, fmt::format("the bound of `{}` is {}", d.name, given));
      const int64_t most = given - least;
      if (most < 1) fail(DiagCode::ExportUndeclared, d.loc, fmt::format("the bound of `{}` leaves no row", d.name));
      declareSize(d.name, most, d.loc);
      shape.push_back(Dim::symbol(d.name));
      unit.push_back(false);
      continue;
    }
    if (d.kind == ast::Dim::Kind::Rest) undeclared(d.loc, "an exported function has a fixed number of axes");
    if (const auto* n = d.expr->tryAs<ast::Name>(); n && !ctx_.scope->find(n->text))
      undeclared(d.loc, fmt::format("give the dimension a bound: `{} <= 1024`", n->text));
    const Dim extent = asDim(eval(*d.expr), d.loc, "a dimension");
    shape.push_back(extent);
    unit.push_back(d.expr->is<ast::Int>() && extent == Dim(1));
  }
  const DType dtype = t.dtype && t.dtype.text != "float" ? dtypeOf(t.dtype) : DType::F32;
  if (bound && (!isInteger(dtype) || t.dtype.text == "float"))
    fail(DiagCode::DTypeMismatch, t.bound->loc,
         fmt::format("`{}` has a bound and must be integers, not {}", p.name.text, dtypeName(dtype)));
  if (const std::string vocabulary = vocabularyOf(t); !vocabulary.empty()) entry_->texts[p.name.text] = vocabulary;
  TensorVal x = wrap(leaf("input", p.name.text, Type{dtype, shape}, bound), unit, bound);
  return Val::of(x);
}

void Elaborator::elaborateExport(const ast::Callable& f, const ScopePtr& scope) {
  beginEntry(Function::Kind::Export, f.name.text, "", f.name.loc);
  instances_.emplace_back();
  Instance* root = &instances_.back();
  root->path = f.name.text;
  root->isRoot = true;
  root->mayHaveParameters = false;
  root->stateKind = Variable::Kind::TrainState;
  std::map<std::string, std::vector<const void*>> ordinals;
  ctx_ = Context{};
  ctx_.ordinals = &ordinals;
  ctx_.owner = root;
  ctx_.scope = scopes_.inside(scope);
  try {
    for (const ast::ParamDecl& p : f.staticParams)
      fail(DiagCode::ExportUndeclared, p.name.loc,
           "an exported function has no compile-time arguments: a hyper is one");
    for (const ast::ParamDecl& p : f.params)
      if (p.fallback)
        fail(DiagCode::ExportUndeclared, p.fallback->loc,
             fmt::format("whoever calls an export gives all inputs: `{}` has no default", p.name.text));
    for (const ast::ParamDecl& p : f.params) ctx_.scope->bind(p.name.text, exportInput(p, entry_->symbols), p.name.loc);
    Val v = evalBlock(f.body, false);
    const ast::Expr* last = f.body.value();
    const auto assigned = [&](Cell* cell) { return cell->isVariable && entry_->root->cells[cell].assigned; };
    const bool acts = std::any_of(entry_->root->cellOrder.begin(), entry_->root->cellOrder.end(), assigned);
    // A NaN that is only returned is seen and gone; one that is assigned stays.
    for (const Dim& divisor : entry_->divisors)
      if (acts) require(1, divisor);
    if (v.is(ValKind::None) && (f.result || !acts))
      fail(DiagCode::NoValue, f.name.loc, fmt::format("`{}` has no result and assigns nothing", f.name.text));
    if (f.result)
      v = matchType(*f.result, v, fmt::format("the result of `{}`", f.name.text), last ? last->loc : f.name.loc);
    // A tuple's and a tree's results are named by their place in it: "1.fc.w".
    const std::function<void(const Val&, const std::string&)> result = [&](const Val& x, const std::string& name) {
      if (x.is(ValKind::None)) return;
      const auto part = [&](const Val& v, const std::string& key) {
        result(v, name.empty() ? key : fmt::format("{}.{}", name, key));
      };
      if (x.is(ValKind::Instance)) return result(instanceTree(x.instance, last ? last->loc : f.name.loc), name);
      if (x.is(ValKind::Tree)) {
        for (const auto& [key, v] : *x.fields) part(v, key);
        return;
      }
      if (x.is(ValKind::Tuple)) {
        for (size_t i = 0; i < x.items->size(); ++i) part((*x.items)[i], std::to_string(i));
        return;
      }
      entry_->outputs.push_back({OutputRole::Result, name.empty() ? "0" : name,
                                 asTensor(x, last ? last->loc : f.name.loc, "a result").value});
    };
    result(v, "");
    const std::function<void(const ast::TypeExpr&, const std::string&)> texts = [&](const ast::TypeExpr& t,
                                                                                    const std::string& name) {
      for (size_t i = 0; i < t.elements.size(); ++i)
        texts(t.elements[i], name.empty() ? std::to_string(i) : fmt::format("{}.{}", name, i));
      const std::string vocabulary = vocabularyOf(t);
      if (!vocabulary.empty()) entry_->texts[name.empty() ? "0" : name] = vocabulary;
    };
    if (f.result) texts(*f.result, "");
    finishEntry();
  } catch (const Reported&) {
    entry_ = nullptr;
  }
}

void Elaborator::exportInstances(const ScopePtr& scope) {
  for (auto& [name, binding] : std::map<std::string, Binding>(scope->names.begin(), scope->names.end())) {
    const Val v = binding.val;
    if (binding.kind != Binding::Kind::Value || !v.is(ValKind::Instance)) continue;
    const ast::Callable& decl = *v.instance->layer->decl;
    const auto isDeclared = [](const ast::ParamDecl& p) { return p.type && p.type->hasShape && !p.type->isTuple; };
    if (decl.params.empty() || !std::all_of(decl.params.begin(), decl.params.end(), isDeclared)) continue;
    beginEntry(Function::Kind::Export, name, "", decl.name.loc);
    instances_.emplace_back();
    Instance* root = &instances_.back();
    root->isRoot = true;
    root->mayHaveParameters = false;
    std::map<std::string, std::vector<const void*>> ordinals;
    ctx_ = Context{};
    ctx_.ordinals = &ordinals;
    ctx_.owner = root;
    ctx_.scope = scopes_.inside(v.instance->layer->env);
    try {
      // A leading name that nothing defines is the number of rows.
      std::vector<ArgVal> args;
      bool fits = true;
      bindStaticParams(*v.instance->layer, ctx_.scope, decl.name.loc);
      for (const ast::ParamDecl& p : decl.params)
        for (size_t i = 0; i < p.type->shape.size(); ++i) {
          const ast::Dim& d = p.type->shape[i];
          const auto* n = d.expr ? d.expr->tryAs<ast::Name>() : nullptr;
          if (d.kind == ast::Dim::Kind::Rest) fits = false;
          if (!n || ctx_.scope->find(n->text)) continue;
          if (i != 0)
            fits = false;
          else {
            entry_->symbols.push_back({n->text, 1024});
            ctx_.scope->bind(n->text, Val::integer(Dim::symbol(n->text)), d.loc);
          }
        }
      if (!fits) {
        entry_ = nullptr;
        continue;
      }
      for (const ast::ParamDecl& p : decl.params) args.push_back({"", exportInput(p, entry_->symbols), p.name.loc});
      const Val r = applyInstance(v.instance, std::move(args), decl.name.loc);
      std::vector<TensorVal> ts;
      collectTensors(r, ts);
      for (size_t i = 0; i < ts.size(); ++i)
        entry_->outputs.push_back({OutputRole::Result, std::to_string(i), use(ts[i], decl.name.loc)});
      finishEntry();
    } catch (const Reported&) {
      entry_ = nullptr;
    }
  }
}

}  // namespace nnc::elab
