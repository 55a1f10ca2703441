// Entries: train blocks (a step, an evaluation, the start of a pass) and exported functions.
#include "frontend/elab/elaborator.h"
#include "frontend/elab/walk.h"

#include <fmt/format.h>

#include <algorithm>

namespace nnc::elab {

namespace {

const std::vector<std::string> kTrainSettings = {"batch", "epochs", "seed", "steps", "patience", "monitor", "maximize"};

/// "net", "body.s4" of an assignment's target; of a pattern, what stands before it.
std::string targetPath(const ast::Expr& e) {
  if (const auto* n = e.tryAs<ast::Name>()) return n->text;
  if (const auto* w = e.tryAs<ast::Wild>()) return targetPath(*w->base);
  if (const auto* f = e.tryAs<ast::Field>()) {
    const std::string base = targetPath(*f->base);
    return f->base->is<ast::Wild>() ? base : base.empty() ? "" : base + "." + f->name.text;
  }
  return "";
}

void assignedPaths(const ast::Block& body, std::vector<std::string>& paths) {
  const std::function<void(const ast::Expr&)> target = [&](const ast::Expr& e) {
    if (const auto* t = e.tryAs<ast::Tuple>())
      for (const auto& x : t->elements) target(*x);
    else if (const std::string p = targetPath(e); !p.empty())
      paths.push_back(p);
  };
  Walker w;
  w.onStmt = [&](const ast::Stmt& s) {
    if (const auto* a = s.tryAs<ast::Assign>()) target(*a->target);
  };
  w.block(body);
}

/// The statements of a train block that its loss and metrics need, by name: what an evaluation pass runs.
std::vector<bool> neededForMetrics(const ast::Block& body) {
  std::set<std::string> needed{"loss"};
  std::vector<bool> keep(body.stmts.size(), false);
  for (size_t i = body.stmts.size(); i-- > 0;) {
    const ast::Stmt& s = *body.stmts[i];
    std::set<std::string> defines;
    if (const auto* let = s.tryAs<ast::Let>()) namesOf(let->pattern, defines);
    if (const auto* var = s.tryAs<ast::Var>()) namesOf(var->pattern, defines);
    if (const auto* st = s.tryAs<ast::State>()) defines.insert(st->name.text);
    if (s.is<ast::Metric>()) keep[i] = true;
    for (const std::string& d : defines) keep[i] = keep[i] || needed.contains(d);
    if (keep[i]) namesRead(s, needed);
  }
  // A var may be assigned on the way to a metric.
  for (size_t i = 0; i < body.stmts.size(); ++i)
    if (const auto* a = body.stmts[i]->tryAs<ast::Assign>())
      if (const auto* n = a->target->tryAs<ast::Name>(); n && needed.contains(n->text))
        for (size_t k = 0; k < i; ++k)
          if (const auto* var = body.stmts[k]->tryAs<ast::Var>()) {
            std::set<std::string> names;
            namesOf(var->pattern, names);
            keep[i] = keep[i] || names.contains(n->text);
          }
  return keep;
}

/// Losses and errors are to fall, everything else is to rise, unless `maximize` says otherwise.
bool shouldFall(const std::string& monitor) {
  return monitor.find("loss") != std::string::npos || monitor.find("error") != std::string::npos;
}

}  // namespace

void Elaborator::trainSettings(const ast::Train& t, TrainBlock& block, DataInfo* data) {
  Restore<Context> keep(ctx_);
  bool hasMaximize = false, failed = false;
  for (const ast::Arg& a : t.settings) {
    const Loc at = a.value->loc;
    try {
      if (!a.name) fail(DiagCode::UnknownSetting, at, "the settings of a train block are named: `batch = 128`");
      const std::string& name = a.name.text;
      if (std::find(kTrainSettings.begin(), kTrainSettings.end(), name) == kTrainSettings.end())
        failUnknown(DiagCode::UnknownSetting, a.name.loc, "setting of a train block called", name, kTrainSettings);
      if (name == "monitor") {
        block.monitor = targetPath(*a.value);
        if (block.monitor.empty()) fail(DiagCode::UnknownSetting, at, "`monitor` names a result: `valid.accuracy`, `valid.loss`");
        continue;
      }
      if (name == "maximize") {
        block.maximize = asBool(eval(*a.value), at, "`maximize`");
        hasMaximize = true;
        continue;
      }
      const int64_t n = asConst(eval(*a.value), at, fmt::format("`{}`", name).c_str());
      if (n < 0 || (n == 0 && (name == "batch" || name == "epochs"))) fail(DiagCode::UnknownSetting, at, fmt::format("`{}` is {}", name, n));
      if (name == "batch") block.batch = n;
      if (name == "epochs") block.epochs = n;
      if (name == "seed") block.seed = n;
      if (name == "steps") block.steps = n;
      if (name == "patience") block.patience = n;
    } catch (const Reported&) {
      failed = true;
    }
  }
  if (block.monitor.empty()) block.monitor = "valid.loss";
  if (!hasMaximize) block.maximize = !shouldFall(block.monitor);
  if (!data && block.steps == 0 && !failed) {
    error(DiagCode::UnknownSetting, t.name.loc, fmt::format("`{}` has no data and must say how many steps it takes", t.name.text)).help("write `(steps = 1000)`");
  }
}

void Elaborator::elaborateTrain(const ast::Train& t, const ScopePtr& scope) {
  const size_t before = diagnostics_.errorCount();
  TrainBlock block;
  block.name = t.name.text;
  block.loc = t.name.loc;
  block.step = block.name + ".step";
  block.eval = block.name + ".eval";
  ctx_.scope = scope;
  DataInfo* data = nullptr;
  try {
    if (t.data) data = findData(*t.data);
  } catch (const Reported&) {
    return;
  }
  if (data) block.data = data->ast->name.text;
  trainSettings(t, block, data);
  instances_.emplace_back();
  Instance* root = &instances_.back();
  root->path = root->train = t.name.text;
  root->isRoot = true;
  root->stateKind = Variable::Kind::TrainState;
  root->at = t.name.loc;
  trainRoots_[t.name.text] = root;
  trainEntry(t, scope, Function::Kind::Step, block, data);
  if (diagnostics_.errorCount() == before) trainEntry(t, scope, Function::Kind::Eval, block, data);
  module_.trains.push_back(block);
}

void Elaborator::trainEntry(const ast::Train& t, const ScopePtr& scope, Function::Kind kind, TrainBlock& block, DataInfo* data) {
  const bool step = kind == Function::Kind::Step;
  beginEntry(kind, step ? block.step : block.eval, block.name, t.name.loc);
  entry_->symbols.push_back({"batch", block.batch});
  assignedPaths(t.body, entry_->trainingPaths);
  const bool assigns = !entry_->trainingPaths.empty();
  if (step && !assigns) diagnostics_.warning(DiagCode::NoTraining, t.name.loc, fmt::format("`{}` assigns nothing, so it trains nothing", t.name.text));
  entry_->trainingPaths.push_back(t.name.text);
  std::map<std::string, std::vector<const void*>> ordinals;
  ctx_ = Context{};
  ctx_.ordinals = &ordinals;
  ctx_.owner = trainRoots_[t.name.text];
  ctx_.training = step;
  ctx_.scope = std::make_shared<Scope>(scope);
  if (data)
    for (DataFieldInfo& f : data->fields) {
      FnVal fn;
      fn.kind = FnVal::Kind::Field;
      fn.field = &f;
      ctx_.scope->bind(f.name, Val::function(std::move(fn)), f.ast->name.loc);
      ctx_.scope->names[f.name].kind = Binding::Kind::Field;
    }
  ctx_.scope = std::make_shared<Scope>(ctx_.scope);
  const std::vector<bool> needed = neededForMetrics(t.body);
  bool failed = false;
  for (size_t i = 0; i < t.body.stmts.size(); ++i) {
    const ast::Stmt& s = *t.body.stmts[i];
    if (!step && !needed[i]) continue;
    try {
      if (const auto* m = s.tryAs<ast::Metric>()) {
        elaborateMetric(*m, block);
        continue;
      }
      Val value = Val::none();
      evalStmt(s, false, value);
    } catch (const Reported&) {
      failed = true;
      std::set<std::string> names;
      if (const auto* let = s.tryAs<ast::Let>()) namesOf(let->pattern, names);
      if (const auto* var = s.tryAs<ast::Var>()) namesOf(var->pattern, names);
      for (const std::string& n : names) ctx_.scope->bind(n, Val::error(), s.loc);
    }
  }
  try {
    if (auto it = ctx_.scope->names.find("loss"); it != ctx_.scope->names.end() && !it->second.val.is(ValKind::Error) && it->second.kind == Binding::Kind::Value) {
      const TensorVal loss = asTensor(it->second.val, it->second.at, "the loss");
      if (loss.type.rank() != 0 || !isFloat(loss.type.dtype)) {
        error(DiagCode::LossNotScalar, it->second.at, fmt::format("the loss is one number, and this is {}", loss.type.str())).help("reduce it to one number");
        throw Reported{};
      }
      entry_->outputs.insert(entry_->outputs.begin(), {OutputRole::Loss, "loss", loss.value});
    }
  } catch (const Reported&) {
    failed = true;
  }
  if (!failed) finishEntry();
  else entry_ = nullptr;
}

void Elaborator::elaborateMetric(const ast::Metric& m, TrainBlock& block) {
  Instance* root = ctx_.owner;
  Instance* owner = nullptr;
  if (Instance::Member* known = root->find(m.name.text); known && known->child && known->child->stateKind == Variable::Kind::MetricState) {
    owner = known->child;
  } else {
    if (known) fail(DiagCode::Redefined, m.name.loc, fmt::format("`{}` is already a name in `{}`", m.name.text, root->path));
    owner = newInstance(root->path + "." + m.name.text, root, nullptr, m.name.loc);
    owner->isRoot = true;
    owner->stateKind = Variable::Kind::MetricState;
    root->members.push_back({m.name.text, owner, nullptr});
  }
  Val v;
  {
    Restore<Context> keep(ctx_);
    ctx_.owner = owner;
    v = eval(*m.value);
  }
  TensorVal t = asTensor(v, m.value->loc, "a metric");
  if (!isFloat(t.type.dtype)) t = cast(t, DType::F32, m.value->loc);
  if (Node& n = b().graph().node(t.value); n.name.empty()) n.name = m.name.text;
  entry_->outputs.push_back({OutputRole::Metric, m.name.text, t.value});
  if (entry_->kind == Function::Kind::Step) block.metrics.push_back(m.name.text);
  // A later line of the block may read it like a let.
  if (!ctx_.scope->names.contains(m.name.text) && !ctx_.scope->find(m.name.text)) ctx_.scope->bind(m.name.text, Val::of(t), m.name.loc);
}

// ---- Exports ---------------------------------------------------------------------------------------------------------

Val Elaborator::exportInput(const ast::ParamDecl& p, std::vector<Symbol>& symbols) {
  const auto undeclared = [&](Loc at, const std::string& help) {
    error(DiagCode::ExportUndeclared, at, fmt::format("the input `{}` of an exported function is not fully declared", p.name.text)).help(help);
    throw Reported{};
  };
  if (!p.type || p.type->isTuple) undeclared(p.name.loc, fmt::format("declare it: `{}: f32[B <= 1024, 10]`", p.name.text));
  const ast::TypeExpr& t = *p.type;
  std::optional<Dim> bound;
  if (t.bound) bound = asDim(eval(*t.bound), t.bound->loc, "a bound") + Dim(t.boundKind == ast::TypeExpr::Bound::LessEqual ? 1 : 0);
  if (t.dtype.text == "int" && !t.hasShape) {
    if (bound) {
      symbols.push_back({p.name.text, bound->value() - 1});
      return Val::integer(Dim::symbol(p.name.text));
    }
    return Val::of(wrap(leaf("input", p.name.text, Type{DType::I64, {}})));
  }
  Shape shape;
  std::vector<bool> unit;
  for (const ast::Dim& d : t.shape) {
    if (d.kind == ast::Dim::Kind::Bounded) {
      const int64_t most = asConst(eval(*d.expr), d.loc, "a bound") - (d.strict ? 1 : 0);
      symbols.push_back({d.name, most});
      ctx_.scope->bind(d.name, Val::integer(Dim::symbol(d.name)), d.loc);
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
  TensorVal x = wrap(leaf("input", p.name.text, Type{dtype, shape}), unit, bound);
  return Val::of(x);
}

void Elaborator::elaborateExport(const ast::Callable& f, const ScopePtr& scope) {
  beginEntry(Function::Kind::Export, f.name.text, "", f.name.loc);
  instances_.emplace_back();
  Instance* root = &instances_.back();
  root->isRoot = true;
  root->mayOwn = false;
  std::map<std::string, std::vector<const void*>> ordinals;
  ctx_ = Context{};
  ctx_.ordinals = &ordinals;
  ctx_.owner = root;
  ctx_.scope = std::make_shared<Scope>(scope);
  try {
    for (const ast::ParamDecl& p : f.params) ctx_.scope->bind(p.name.text, exportInput(p, entry_->symbols), p.name.loc);
    Val v = evalBlock(f.body, false);
    const ast::Expr* last = f.body.value();
    if (v.is(ValKind::None)) fail(DiagCode::NoValue, f.name.loc, fmt::format("`{}` has no result", f.name.text));
    if (f.result) v = matchType(*f.result, v, fmt::format("the result of `{}`", f.name.text), last ? last->loc : f.name.loc);
    const std::function<void(const Val&, const std::string&)> result = [&](const Val& x, const std::string& name) {
      if (x.is(ValKind::Tuple)) {
        for (size_t i = 0; i < x.items->size(); ++i) result((*x.items)[i], name.empty() ? std::to_string(i) : fmt::format("{}.{}", name, i));
        return;
      }
      entry_->outputs.push_back({OutputRole::Result, name.empty() ? "0" : name, asTensor(x, last ? last->loc : f.name.loc, "a result").value});
    };
    result(v, "");
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
    root->mayOwn = false;
    std::map<std::string, std::vector<const void*>> ordinals;
    ctx_ = Context{};
    ctx_.ordinals = &ordinals;
    ctx_.owner = root;
    ctx_.scope = std::make_shared<Scope>(v.instance->layer->env);
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
          if (i != 0) fits = false;
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
      for (size_t i = 0; i < ts.size(); ++i) entry_->outputs.push_back({OutputRole::Result, std::to_string(i), use(ts[i], decl.name.loc)});
      finishEntry();
    } catch (const Reported&) {
      entry_ = nullptr;
    }
  }
}

}  // namespace nnc::elab
