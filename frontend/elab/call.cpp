// Application: compile-time arguments, arguments by position and name, instances of layers, and the way calls make
// paths.
#include "frontend/elab/elaborator.h"

#include <fmt/format.h>

namespace nnc::elab {

namespace {

constexpr size_t kMaxCallDepth = 1000;
constexpr size_t kMaxCalls = 100'000;

std::vector<std::string> paramNames(const std::vector<ast::ParamDecl>& params) {
  std::vector<std::string> names;
  for (const ast::ParamDecl& p : params) names.push_back(p.name.text);
  return names;
}

/// `mean(x, axis = 0)`: what stands in brackets here.
void helpWithBrackets(Diagnostic& d, const std::vector<ast::ParamDecl>& statics, const std::string& name) {
  if (statics.empty()) return;
  d.help(fmt::format("options stand in brackets: `{}[{} = …](…)`", name, fmt::join(paramNames(statics), " = …, ")));
}

}  // namespace

// ---- Compile-time arguments
// ------------------------------------------------------------------------------------------

Val Elaborator::evalBracket(const ast::Bracket& e) {
  const Val base = evalExpecting(*e.base, nullptr);
  switch (base.kind) {
    case ValKind::Error:
      throw Reported{};
    case ValKind::Fn:
      return bindStatics(base, e);
    case ValKind::Tensor:
    case ValKind::Tuple:
      return index(base, e);
    case ValKind::Raw:
      return rawColumns(*base.data, e);
    default:
      fail(DiagCode::WrongKind, e.loc, fmt::format("{} takes no `[…]`", describe(base)));
  }
}

Val Elaborator::bindStatics(const Val& f, const ast::Bracket& e) {
  FnVal bound = *f.fn;
  bound.staticsEnv = ctx_.scope;
  Restore<const Expected*> keep(ctx_.expected);
  ctx_.expected = nullptr;
  // A primitive's attributes are checked where it is applied.
  const bool isChecked = bound.kind != FnVal::Kind::Primitive;
  std::vector<std::string> names;
  if (bound.kind == FnVal::Kind::Callable) names = paramNames(bound.decl->staticParams);
  if (*bound.option()) names.emplace_back(bound.option());
  if (isChecked && names.empty()) {
    Diagnostic& d =
        error(DiagCode::WrongArguments, e.loc, fmt::format("{} takes no compile-time arguments", describe(f)));
    d.help(fmt::format("its arguments stand in parentheses: `{}(…)`", bound.name()));
    throw Reported{};
  }
  size_t position = 0;
  for (const ast::Arg& a : e.args) {
    StaticArg s;
    s.name = a.name.text;
    s.at = a.value->loc;
    if (isChecked) {
      if (s.name.empty()) {
        if (position >= names.size())
          fail(DiagCode::WrongArguments, s.at,
               fmt::format("`{}` takes at most {} compile-time argument{}", bound.name(), names.size(),
                           names.size() == 1 ? "" : "s"));
        s.name = names[position++];
      } else if (std::find(names.begin(), names.end(), s.name) == names.end()) {
        failUnknown(DiagCode::UnknownOption, a.name.loc, fmt::format("option of `{}` called", bound.name()), s.name,
                    names);
      }
      for (const StaticArg& other : bound.statics)
        if (other.name == s.name) fail(DiagCode::WrongArguments, s.at, fmt::format("`{}` is given twice", s.name));
    }
    if (a.value->is<ast::ShapeMap>())
      s.expr = a.value.get();
    else
      s.value = eval(*a.value);
    if (s.value.is(ValKind::Error) && !s.expr) throw Reported{};
    bound.statics.push_back(std::move(s));
  }
  return Val::function(std::move(bound));
}

void Elaborator::bindStaticParams(const FnVal& f, const ScopePtr& scope, Loc at) {
  for (const ast::ParamDecl& p : f.decl->staticParams) {
    const StaticArg* given = nullptr;
    for (const StaticArg& s : f.statics)
      if (s.name == p.name.text) given = &s;
    if (given) {
      scope->bind(p.name.text, given->value, given->at);
      continue;
    }
    if (!p.fallback) {
      error(DiagCode::WrongArguments, at,
            fmt::format("`{}` needs its compile-time argument `{}`", f.name(), p.name.text))
          .help(fmt::format("write `{}[…]`", f.name()));
      throw Reported{};
    }
    Restore<ScopePtr> keep(ctx_.scope);
    ctx_.scope = scope;
    scope->bind(p.name.text, eval(*p.fallback), p.name.loc);
  }
}

// ---- Arguments
// -------------------------------------------------------------------------------------------------------

void Elaborator::bindParams(const std::vector<ast::ParamDecl>& params, std::vector<ArgVal> args,
                            const std::string& name, Loc at, Loc declaredAt,
                            const std::vector<ast::ParamDecl>& statics) {
  std::vector<const ArgVal*> given(params.size(), nullptr);
  size_t position = 0;
  for (const ArgVal& a : args) {
    size_t i = position;
    if (a.name.empty()) {
      if (position++ >= params.size()) {
        Diagnostic& d = error(DiagCode::WrongArguments, a.at,
                              fmt::format("`{}` takes {} argument{}, and here are {}", name, params.size(),
                                          params.size() == 1 ? "" : "s", args.size()));
        d.note(declaredAt, fmt::format("`{}` is defined", name));
        helpWithBrackets(d, statics, name);
        throw Reported{};
      }
    } else {
      const std::vector<std::string> names = paramNames(params);
      i = static_cast<size_t>(std::find(names.begin(), names.end(), a.name) - names.begin());
      if (i == names.size() && !statics.empty()) {
        Diagnostic& d = error(DiagCode::UnknownOption, a.nameAt,
                              fmt::format("there is no argument of `{}` called `{}`", name, a.name));
        if (const std::string nearest = nearestName(a.name, names); !nearest.empty())
          d.help(fmt::format("did you mean `{}`?", nearest));
        helpWithBrackets(d, statics, name);
        throw Reported{};
      }
      if (i == names.size())
        failUnknown(DiagCode::UnknownOption, a.nameAt, fmt::format("argument of `{}` called", name), a.name, names);
    }
    if (given[i])
      fail(DiagCode::WrongArguments, a.at,
           fmt::format("the argument `{}` of `{}` is given twice", params[i].name.text, name));
    given[i] = &a;
  }
  for (size_t i = 0; i < params.size(); ++i) {
    const ast::ParamDecl& p = params[i];
    if (!given[i] && !p.fallback) {
      Diagnostic& d =
          error(DiagCode::WrongArguments, at, fmt::format("the argument `{}` of `{}` is missing", p.name.text, name));
      d.note(p.name.loc, fmt::format("`{}` is declared", p.name.text));
      throw Reported{};
    }
    Val v = given[i] ? given[i]->val : eval(*p.fallback);
    const Loc where = given[i] ? given[i]->at : p.name.loc;
    if (v.is(ValKind::Error)) throw Reported{};
    if (p.type) v = matchType(*p.type, v, p.name.text, where);
    ctx_.scope->bind(p.name.text, std::move(v), p.name.loc);
  }
}

// ---- Calls
// -----------------------------------------------------------------------------------------------------------

Elaborator::CallScope::CallScope(Elaborator& e, Loc at, const std::string& name) : e_(e) {
  if (e.calls_.size() >= kMaxCallDepth)
    e.fail(DiagCode::CallsTooDeep, at,
           fmt::format("calls nest more than {} deep: does `{}` call itself without an end?", kMaxCallDepth, name));
  // Calls that double with each function would never end; what is said once is enough.
  if (e.callsMade_ > kMaxCalls) throw Reported{};
  if (++e.callsMade_ > kMaxCalls)
    e.fail(DiagCode::TooManyCalls, at, fmt::format("the file makes more than {} calls when compiled", kMaxCalls));
  e.calls_.push_back({at, name});
}

std::string Elaborator::ordinalKey(const std::string& callee, const void* site) {
  if (!ctx_.ordinals) return callee;
  std::vector<const void*>& sites = (*ctx_.ordinals)[callee];
  auto it = std::find(sites.begin(), sites.end(), site);
  const size_t k = static_cast<size_t>(it - sites.begin());
  if (it == sites.end()) sites.push_back(site);
  return fmt::format("{}#{}", callee, k);
}

ArgVal Elaborator::argument(const ast::Arg& a) {
  return {a.name.text, eval(*a.value), a.value->loc, a.name.loc};
}

Val Elaborator::evalCall(const ast::Call& e) {
  if (rawData_)
    if (const auto symbols = symbolField(*rawData_, e)) return rawField(*rawData_, *symbols, e.loc);
  Val f;
  std::vector<ArgVal> args;
  {
    Restore<const Expected*> keep(ctx_.expected);
    ctx_.expected = nullptr;
    // Of a long pipe, what flows in is the first argument: evaluated here one stage after the other, without recursion.
    std::vector<const ast::Call*> stages;
    const ast::Call* inner = &e;
    while (inner->piped && !inner->args.empty() && inner->args[0].value->is<ast::Call>()) {
      stages.push_back(inner);
      inner = &inner->args[0].value->as<ast::Call>();
    }
    if (!stages.empty()) {
      Val flow = evalCall(*inner);
      for (auto it = stages.rbegin(); it != stages.rend(); ++it) {
        const ast::Call& stage = **it;
        const Val callee = eval(*stage.callee);
        std::vector<ArgVal> stageArgs{{"", std::move(flow), stage.args[0].value->loc}};
        for (size_t i = 1; i < stage.args.size(); ++i) stageArgs.push_back(argument(stage.args[i]));
        // What flows in is not at fault by its own place: blame the stage.
        stageArgs[0].at = stage.loc;
        if (&stage == &e) {
          f = callee;
          args = std::move(stageArgs);
          break;
        }
        flow = apply(callee, std::move(stageArgs), stage.loc, &stage);
      }
    } else {
      f = eval(*e.callee);
      for (const ast::Arg& a : e.args) args.push_back(argument(a));
    }
  }
  return apply(f, std::move(args), e.loc, &e);
}

Val Elaborator::apply(const Val& f, std::vector<ArgVal> args, Loc at, const ast::Call* site) {
  for (const ArgVal& a : args)
    if (a.val.is(ValKind::Error)) throw Reported{};
  if (f.is(ValKind::Error)) throw Reported{};
  if (site && site->label && !(f.is(ValKind::Fn) && f.fn->isLayer()))
    fail(DiagCode::NotCallable, site->label.name.loc,
         fmt::format("a label names an instance of a layer, and this is {}", describe(f)));
  if (f.is(ValKind::Instance)) return applyInstance(f.instance, std::move(args), at);
  if (!f.is(ValKind::Fn)) {
    Diagnostic& d = error(DiagCode::NotCallable, at, fmt::format("{} is called like a function", describe(f)));
    if (f.isTensor()) d.help("an index stands in `[…]`");
    throw Reported{};
  }
  if (!f.fn->namesArguments())
    for (const ArgVal& a : args)
      if (!a.name.empty()) failNamed(*f.fn, a);
  switch (f.fn->kind) {
    case FnVal::Kind::Callable:
      return applyCallable(*f.fn, std::move(args), at, site);
    case FnVal::Kind::Lambda:
      return applyLambda(*f.fn, std::move(args), at);
    case FnVal::Kind::Builtin:
      return applyBuiltin(*f.fn, std::move(args), at);
    case FnVal::Kind::Primitive:
      return applyPrimitive(*f.fn, args, at);
    case FnVal::Kind::Cast:
      return applyCast(*f.fn, args, at);
    case FnVal::Kind::Field:
      return applyField(*f.fn->field, args, at);
    case FnVal::Kind::Arithmetic: {
      std::vector<Val> values;
      for (const Val& v : f.fn->operands) values.push_back(v.is(ValKind::Fn) ? apply(v, args, at, nullptr) : v);
      return binary(f.fn->arithmetic, values[0], values[1], at);
    }
  }
  return Val::error();
}

/// `stack(x, y, axis = 1)`: what is not written in the language takes its arguments by position.
void Elaborator::failNamed(const FnVal& f, const ArgVal& a) {
  Diagnostic& d =
      error(DiagCode::UnknownOption, a.nameAt, fmt::format("`{}` has no argument called `{}`", f.name(), a.name));
  if (a.name == f.option() || f.kind == FnVal::Kind::Primitive)
    d.help(fmt::format("what is known when compiling stands in brackets: `{}[{} = …](…)`", f.name(), a.name));
  else if (*f.option())
    d.help(fmt::format("is `{}[{} = …](…)` meant?", f.name(), f.option()));
  throw Reported{};
}

Val Elaborator::applyShapeFn(const Val& f, const std::vector<Val>& dims, Loc at) {
  return apply(f, {{"", Val::tuple(dims), at}}, at, nullptr);
}

Val Elaborator::applyBody(const ast::Callable& decl, const FnVal& f, std::vector<ArgVal> args, Loc at) {
  bindStaticParams(f, ctx_.scope, at);
  bindParams(decl.params, std::move(args), decl.name.text, at, decl.name.loc, decl.staticParams);
  Val v = evalBlock(decl.body, false);
  if (!decl.result) return v;
  const ast::Expr* last = decl.body.value();
  const Loc where = last ? last->loc : decl.name.loc;
  if (v.is(ValKind::None))
    fail(DiagCode::NoValue, where,
         fmt::format("`{}` declares a result, and its last line is no value", decl.name.text));
  return matchType(*decl.result, v, fmt::format("the result of `{}`", decl.name.text), where);
}

Val Elaborator::applyLambda(const FnVal& f, std::vector<ArgVal> args, Loc at) {
  Restore<ScopePtr> keep(ctx_.scope);
  Restore<const Expected*> keepExpected(ctx_.expected);
  ctx_.expected = nullptr;
  ctx_.scope = scopes_.inside(f.env);
  const CallScope call(*this, at, "fn");
  bindParams(f.lambda->params, std::move(args), "fn", at, f.lambda->loc);
  return evalBlock(f.lambda->body, false);
}

Val Elaborator::applyCallable(const FnVal& f, std::vector<ArgVal> args, Loc at, const ast::Call* site) {
  if (f.isLayer()) {
    const size_t errorsBefore = diagnostics_.errorCount();
    Instance* owner = ctx_.owner;
    static const ast::Call kNoSite{Loc{}};
    Instance* child = childFor(site ? *site : kNoSite, f);
    Val v = applyInstance(child, std::move(args), at);
    if (diagnostics_.errorCount() != errorsBefore || !child->ownsAnything()) return v;
    const std::string name = child->path.substr(owner && !owner->path.empty() ? owner->path.size() + 1 : 0);
    if (const size_t mark = name.find('#'); mark != std::string::npos) {
      const std::string kind = name.substr(0, mark);
      Diagnostic& d = error(DiagCode::SecondUnlabelled, at,
                            fmt::format("a second `{}` without a label in `{}`", kind, owner->path));
      d.note(owner->made[kind], fmt::format("the first `{}` is made", kind));
      d.help(fmt::format("name it: `{}2: {}…`", kind, f.name()));
      throw Reported{};
    }
    if (!ctx_.loopLabel.empty() && !(site && site->label && site->label.index)) {
      error(DiagCode::LoopInstance, at, fmt::format("`{}` is made in a loop without saying which", name))
          .help(fmt::format("one for each round: `{}[i]: {}…`; one for all: make it before the loop with `let`", name,
                            f.name()));
      throw Reported{};
    }
    return v;
  }
  Restore<Context> keep(ctx_);
  ctx_.chain += "/" + ordinalKey(f.name(), site);
  std::map<std::string, std::vector<const void*>> ordinals;
  ctx_.ordinals = &ordinals;
  ctx_.scope = scopes_.inside(f.env);
  const CallScope call(*this, at, f.name());
  return applyBody(*f.decl, f, std::move(args), at);
}

// ---- Instances
// -------------------------------------------------------------------------------------------------------

Instance* Elaborator::newInstance(std::string path, Instance* parent, std::shared_ptr<const FnVal> layer, Loc at) {
  instances_.emplace_back();
  Instance* i = &instances_.back();
  i->path = std::move(path);
  i->parent = parent;
  i->layer = std::move(layer);
  i->at = at;
  if (parent) {
    i->stateKind = parent->stateKind;
    i->train = parent->train;
    i->mayHaveParameters = parent->mayHaveParameters;
  }
  return i;
}

Instance* Elaborator::childFor(const ast::Call& e, const FnVal& layer) {
  Instance* owner = ctx_.owner;
  if (!owner) {
    error(DiagCode::LayerAsFunction, e.loc,
          fmt::format("the layer `{}` is applied where nothing can own it", layer.name()))
        .help(fmt::format("an instance is named, and applied where it is used: `let net = {}`, with sizes in brackets, "
                          "`let net = {}[…]`",
                          layer.name(), layer.name()));
    throw Reported{};
  }
  std::string name = e.label ? e.label.name.text : layer.name();
  if (e.label && e.label.index) {
    Val i = eval(*e.label.index);
    name += fmt::format(".{}", asConst(i, e.label.index->loc, "the index of a label"));
  }
  const std::string key = fmt::format("{}|{}", static_cast<const void*>(&e), ctx_.chain);
  auto claim = owner->claims.find(name);
  if (claim != owner->claims.end() && claim->second != key) {
    if (e.label) {
      Diagnostic& d = error(DiagCode::SecondUnlabelled, e.label.name.loc,
                            fmt::format("the label `{}` stands twice in `{}`", name, owner->path));
      d.note(owner->made[name], "the first stands");
      throw Reported{};
    }
    // Harmless if neither owns anything: found out after its application.
    for (int k = 2; claim != owner->claims.end() && claim->second != key; ++k) {
      const std::string next = fmt::format("{}#{}", layer.name(), k);
      claim = owner->claims.find(next);
      name = next;
    }
  }
  // A label with an index makes a part `h` with the parts 0, 1, …; it is kept as one member named `h.3`.
  if (Instance::Member* m = owner->find(name)) {
    if (m->child) {
      // A copied instance knows its parts before its first application.
      m->child->layer = std::make_shared<const FnVal>(layer);
      owner->claims[name] = key;
      return m->child;
    }
    fail(DiagCode::Redefined, e.loc, fmt::format("`{}` is already a parameter of `{}`", name, owner->path));
  }
  owner->claims[name] = key;
  owner->made[name] = e.label ? e.label.name.loc : e.loc;
  Instance* child = newInstance(owner->path.empty() ? name : owner->path + "." + name, owner,
                                std::make_shared<const FnVal>(layer), e.loc);
  if (owner->source)
    if (Instance::Member* twin = owner->source->find(name)) child->source = twin->child;
  owner->members.push_back({name, child, nullptr});
  return child;
}

bool Elaborator::isTrainingPath(const Instance* instance) const {
  if (!entry_ || entry_->kind != Function::Kind::Step) return false;
  const std::string& path = instance->path;
  for (const std::string& t : entry_->trainingPaths)
    if (path == t || (path.size() > t.size() && path.compare(0, t.size(), t) == 0 && path[t.size()] == '.'))
      return true;
  return false;
}

Val Elaborator::applyInstance(Instance* instance, std::vector<ArgVal> args, Loc at) {
  adoptParts(instance, at);
  if (instance->entry != entryNumber_) {
    instance->entry = entryNumber_;
    instance->application = 0;
  }
  ++instance->application;
  Restore<Context> keep(ctx_);
  std::map<std::string, std::vector<const void*>> ordinals;
  ctx_.ordinals = &ordinals;
  ctx_.chain.clear();
  ctx_.loopLabel.clear();
  ctx_.owner = instance;
  ctx_.training = isTrainingPath(instance);
  ctx_.expected = nullptr;
  ctx_.scope = scopes_.inside(instance->layer->env);
  const CallScope call(*this, at, instance->layer->name());
  return applyBody(*instance->layer->decl, *instance->layer, std::move(args), at);
}

}  // namespace nnc::elab
