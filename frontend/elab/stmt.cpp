// Statements: let and var, parameters and state with their initial values, assignment.
#include "frontend/elab/elaborator.h"

#include <fmt/format.h>

namespace nnc::elab {

namespace {

void nameNode(const Val& v, Frame* frame, const std::string& name) {
  if (!v.isTensor() || v.tensor.frame != frame) return;
  Node& node = frame->graph.node(v.tensor.value);
  if (node.name.empty()) node.name = name;
}

std::string patternName(const ast::Pattern& p) { return p.isTuple() ? "the tuple" : p.name; }

}  // namespace

// ---- let and var -----------------------------------------------------------------------------------------------------

Val Elaborator::nameInstance(const ast::Pattern& p, const Val& v, Loc at) {
  if (v.is(ValKind::Fn) && v.fn->isLayer() && !p.isTuple()) {
    Instance* owner = ctx_.owner;
    if (!owner) return Val::of(newInstance(p.name, nullptr, v.fn, at));
    const std::string key = fmt::format("let {}", static_cast<const void*>(&p));
    if (Instance::Member* m = owner->find(p.name)) {
      if (m->child && owner->claims[p.name] == key) return Val::of(m->child);
      fail(DiagCode::Redefined, at, fmt::format("`{}` is already a part of `{}`", p.name, owner->path));
    }
    owner->claims[p.name] = key;
    Instance* child = newInstance(owner->path.empty() ? p.name : owner->path + "." + p.name, owner, v.fn, at);
    owner->members.push_back({p.name, child, nullptr});
    owner->made[p.name] = at;
    return Val::of(child);
  }
  if (!v.is(ValKind::Instance)) return v;
  if (v.instance->path.empty() && v.instance->source) {
    Instance* owner = ctx_.owner;
    if (owner)
      if (Instance::Member* m = owner->find(p.name); m && m->child) return Val::of(m->child);
    Instance* copied = copyInstance(v.instance->source, owner ? owner->path + "." + p.name : p.name, owner, at);
    if (owner) owner->members.push_back({p.name, copied, nullptr});
    return Val::of(copied);
  }
  error(DiagCode::InstanceAlias, at, fmt::format("`{}` would be a second name for the instance `{}`", p.name, v.instance->path))
      .help(fmt::format("use `{}` itself, or make another with the same values: `let {} = copy({})`", v.instance->path, p.name, v.instance->path));
  throw Reported{};
}

void Elaborator::bindPattern(const ast::Pattern& p, const Val& v, bool isVar, Loc at) {
  if (v.is(ValKind::Error)) throw Reported{};
  if (!p.isTuple()) {
    if (p.name == "_") return;
    if (v.is(ValKind::None)) fail(DiagCode::NoValue, at, fmt::format("`{}` is given no value: the last line of the block is no expression", p.name));
    nameNode(v, frame_, p.name);
    if (!isVar) {
      ctx_.scope->bind(p.name, v, p.loc);
      return;
    }
    cells_.emplace_back();
    Cell* cell = &cells_.back();
    cell->name = p.name;
    cell->declared = p.loc;
    cell->selectDepth = ctx_.selectDepth;
    frame_->enter(cell, {v, v, v, false, true, p.loc});
    Binding binding;
    binding.kind = Binding::Kind::Var;
    binding.var = cell;
    binding.at = p.loc;
    ctx_.scope->names[p.name] = std::move(binding);
    return;
  }
  const size_t n = p.elements.size();
  if (v.is(ValKind::Tuple)) {
    if (v.items->size() != n)
      fail(DiagCode::WrongKind, at, fmt::format("{} names are given {}", n, describe(v)));
    for (size_t i = 0; i < n; ++i) bindPattern(p.elements[i], (*v.items)[i], isVar, at);
    return;
  }
  // A tensor comes apart along its first axis.
  if (v.isTensor() && v.tensor.type.rank() > 0 && v.tensor.type.shape[0] == Dim(static_cast<int64_t>(n))) {
    const TensorVal x = asTensor(v, at, "a pattern");
    for (size_t i = 0; i < n; ++i) {
      const Dim k = static_cast<int64_t>(i);
      bindPattern(p.elements[i], Val::of(dropAxis(sliceAxis(x, 0, k, k + Dim(1), at), 0, at)), isVar, at);
    }
    return;
  }
  fail(DiagCode::WrongKind, at, fmt::format("{} names are given {}", n, describe(v)));
}

void Elaborator::evalLet(const ast::Let& s) {
  Val v = s.type ? declared(*s.type, *s.value, patternName(s.pattern)) : eval(*s.value);
  // A parameter of a function may hold an instance; only a name of an instance makes an alias.
  v = nameInstance(s.pattern, v, s.pattern.loc);
  bindPattern(s.pattern, v, false, s.value->loc);
}

void Elaborator::evalVar(const ast::Var& s) {
  const Val v = s.type ? declared(*s.type, *s.value, patternName(s.pattern)) : eval(*s.value);
  if (v.is(ValKind::Fn) || v.is(ValKind::Instance))
    fail(DiagCode::WrongKind, s.value->loc, fmt::format("a `var` holds tensors and numbers, not {}", describe(v)));
  bindPattern(s.pattern, v, true, s.value->loc);
}

// ---- Parameters and state --------------------------------------------------------------------------------------------

Val Elaborator::inInit(Frame* frame, const std::string& path, const std::function<Val()>& body) {
  Restore<Frame*> keepFrame(frame_);
  Restore<std::string> keepPath(initPath_);
  Restore<Context> keepContext(ctx_);
  frame_ = frame;
  initPath_ = path;
  std::map<std::string, std::vector<const void*>> ordinals;
  ctx_.ordinals = &ordinals;
  ctx_.chain.clear();
  ctx_.training = false;
  ctx_.expected = nullptr;
  ctx_.selectDepth = 0;
  return body();
}

Cell* Elaborator::newVariable(const std::string& path, const TensorVal& like, Variable::Kind kind, Loc at) {
  for (const Dim& d : like.type.shape)
    if (!d.isConst() && !rigid_)
      fail(DiagCode::SymbolicDimension, at, fmt::format("`{}` has the shape {}: what is kept between calls has a fixed one", path, shapeText(like.type.shape)));
  cells_.emplace_back();
  Cell* cell = &cells_.back();
  cell->name = path;
  cell->isVariable = true;
  cell->kind = kind;
  cell->type = like.type;
  cell->unit = like.unit;
  cell->bound = like.bound;
  cell->declared = at;
  variableCells_[path] = cell;
  module_.variables.push_back({path, like.type, kind, at});
  return cell;
}

void Elaborator::emitInit(Cell* cell, const Val& init, Loc at) {
  const TensorVal t = asTensor(init, at, "an initial value");
  if (t.type != cell->type)
    fail(DiagCode::AxisMismatch, at, fmt::format("the initial value of `{}` is {}, not {}", cell->name, t.type.str(), cell->type.str()));
  if (frame_ == initFrame_.get()) {
    initValues_[cell->name] = t.value;
    initOutputs_.push_back({OutputRole::Update, cell->name, t.value});
  } else {
    passOutputs_[cell->train].push_back({OutputRole::Update, cell->name, t.value});
  }
}

void Elaborator::evalParam(const ast::Param& s) {
  Instance* owner = ctx_.owner;
  if (!owner || owner->isRoot || !owner->mayOwn) {
    error(DiagCode::NoOwner, s.loc, fmt::format("`param {}` stands where nothing owns it", s.name.text))
        .help("only a layer owns parameters, and its instance is made at top level or in another layer");
    throw Reported{};
  }
  const std::string path = owner->path + "." + s.name.text;
  Binding binding;
  binding.kind = Binding::Kind::State;
  binding.at = s.name.loc;
  if (Instance::Member* m = owner->find(s.name.text)) {
    if (!m->param) fail(DiagCode::Redefined, s.name.loc, fmt::format("`{}` is already a part of `{}`", s.name.text, owner->path));
    if (s.type)
      if (const auto expected = resolveShape(*s.type); expected && expected->shape() != m->param->type.shape) {
        Diagnostic& d = error(DiagCode::ParameterChanged, s.name.loc,
                              fmt::format("the parameter `{}` is {} and would be {} in this application", path, m->param->type.str(), shapeText(expected->shape())));
        d.note(m->param->declared, fmt::format("`{}` got its shape from the first application", path));
        throw Reported{};
      }
    binding.state.cell = m->param;
    ctx_.scope->names[s.name.text] = std::move(binding);
    return;
  }
  if (s.type && !isResolvable(*s.type)) {
    for (const ast::Dim& d : s.type->shape)
      if (d.expr) eval(*d.expr);  // reports the unknown name
    fail(DiagCode::ShapeUnknown, s.type->loc, fmt::format("the shape of `{}` is not known here", path));
  }
  const auto fixedShape = [&] {
    if (const auto expected = s.type ? resolveShape(*s.type) : std::nullopt)
      for (size_t i = 0; i < expected->dims.size(); ++i)
        if (!rigid_ && !expected->dims[i].dim.isConst())
          fail(DiagCode::SymbolicDimension, i < s.type->shape.size() ? s.type->shape[i].loc : s.type->loc,
               fmt::format("the parameter `{}` would have the shape {}, and {} is known only when running", path, shapeText(expected->shape()), expected->dims[i].dim.str()));
  };
  fixedShape();
  Cell* cell = nullptr;
  // A copy draws what its source draws.
  const Instance* drawn = owner;
  while (drawn->source) drawn = drawn->source;
  inInit(initFrame_.get(), drawn->path + "." + s.name.text, [&] {
    // Which values a parameter starts from says nothing about a definition's shapes.
    const auto rigidShape = rigid_ && s.type ? resolveShape(*s.type) : std::nullopt;
    Val v = rigidShape ? fill(Val::real(0), *rigidShape, s.loc) : s.type ? declared(*s.type, *s.init, path) : eval(*s.init);
    if (v.isNumber()) v = Val::of(materialise(v, DType::F32, s.init->loc));
    const TensorVal t = asTensor(v, s.init->loc, "a parameter");
    cell = newVariable(path, t, Variable::Kind::Param, s.loc);
    emitInit(cell, Val::of(t), s.init->loc);
    return v;
  });
  owner->members.push_back({s.name.text, nullptr, cell});
  binding.state.cell = cell;
  ctx_.scope->names[s.name.text] = std::move(binding);
}

CellTree Elaborator::makeState(const std::string& path, const Val& init, Instance* owner, Loc at) {
  CellTree tree;
  if (init.is(ValKind::Instance)) return makeState(path, instanceTree(init.instance, at), owner, at);
  if (init.is(ValKind::Tuple) || init.is(ValKind::Tree)) {
    tree.isTuple = init.is(ValKind::Tuple);
    const size_t n = tree.isTuple ? init.items->size() : init.fields->size();
    for (size_t i = 0; i < n; ++i) {
      const std::string name = tree.isTuple ? std::to_string(i) : (*init.fields)[i].first;
      tree.children.emplace_back(name, makeState(path + "." + name, tree.isTuple ? (*init.items)[i] : (*init.fields)[i].second, owner, at));
    }
    return tree;
  }
  Val v = init;
  if (v.isNumber()) v = Val::of(materialise(v, v.is(ValKind::Int) ? DType::I64 : DType::F32, at));
  const TensorVal t = asTensor(v, at, "a state");
  tree.cell = newVariable(path, t, owner->stateKind, at);
  tree.cell->train = owner->train;
  emitInit(tree.cell, Val::of(t), at);
  return tree;
}

void Elaborator::evalState(const ast::State& s) {
  Instance* owner = ctx_.owner;
  if (!owner || !owner->mayOwn) {
    error(DiagCode::NoOwner, s.loc, fmt::format("`state {}` stands where nothing owns it", s.name.text))
        .help("a layer owns state, and its instance is made at top level, in another layer or in a train block");
    throw Reported{};
  }
  const std::string path = owner->path + "." + s.name.text;
  if (owner->find(s.name.text)) fail(DiagCode::Redefined, s.name.loc, fmt::format("`{}` is already a part of `{}`", s.name.text, owner->path));
  Binding binding;
  binding.kind = Binding::Kind::State;
  binding.at = s.name.loc;
  auto known = owner->states.find(s.name.text);
  if (known == owner->states.end()) {
    const auto initial = [&] { return s.type ? declared(*s.type, *s.init, path) : eval(*s.init); };
    CellTree tree;
    inInit(initFrame_.get(), path, [&] {
      const Val v = initial();
      tree = makeState(path, v, owner, s.loc);
      return v;
    });
    if (owner->stateKind == Variable::Kind::MetricState) {
      auto& pass = passFrames_[owner->train];
      if (!pass) pass = std::make_unique<Frame>(nullptr);
      inInit(pass.get(), path, [&] {
        const Val v = initial();
        const std::function<void(const CellTree&, const Val&)> emit = [&](const CellTree& cells, const Val& x) {
          if (cells.cell) return emitInit(cells.cell, x.isNumber() ? Val::of(materialise(x, cells.cell->type.dtype, s.loc)) : x, s.loc);
          for (size_t i = 0; i < cells.children.size(); ++i)
            emit(cells.children[i].second, cells.isTuple ? (*x.items)[i] : (*x.fields)[i].second);
        };
        emit(tree, v);
        return v;
      });
    }
    known = owner->states.emplace(s.name.text, std::move(tree)).first;
  } else if (s.type && known->second.cell) {
    if (const auto expected = resolveShape(*s.type); expected && expected->shape() != known->second.cell->type.shape)
      fail(DiagCode::ParameterChanged, s.name.loc,
           fmt::format("the state `{}` is {} and would be {} in this application", path, known->second.cell->type.str(), shapeText(expected->shape())));
  }
  binding.state = known->second;
  ctx_.scope->names[s.name.text] = std::move(binding);
}

Instance* Elaborator::copyInstance(const Instance* from, const std::string& path, Instance* parent, Loc at) {
  Instance* copied = newInstance(path, parent, from->layer, at);
  copied->source = const_cast<Instance*>(from);
  const auto duplicate = [&](Cell* cell, const std::string& name) {
    Cell* twin = nullptr;
    inInit(initFrame_.get(), path, [&] {
      const Val v = readCell(cell, at);
      twin = newVariable(path + "." + name, v.tensor, cell->kind, at);
      twin->train = cell->train;
      emitInit(twin, v, at);
      return v;
    });
    return twin;
  };
  for (const Instance::Member& m : from->members) {
    if (m.param) {
      copied->members.push_back({m.name, nullptr, duplicate(m.param, m.name)});
      continue;
    }
    copied->members.push_back({m.name, copyInstance(m.child, path + "." + m.name, copied, at), nullptr});
    if (auto it = from->claims.find(m.name); it != from->claims.end()) copied->claims[m.name] = it->second;
  }
  for (const auto& [name, tree] : from->states) {
    const std::function<CellTree(const CellTree&, const std::string&)> twin = [&](const CellTree& t, const std::string& n) {
      CellTree r;
      r.isTuple = t.isTuple;
      if (t.cell) r.cell = duplicate(t.cell, n);
      for (const auto& [child, sub] : t.children) r.children.emplace_back(child, twin(sub, n + "." + child));
      return r;
    };
    copied->states[name] = twin(tree, name);
  }
  return copied;
}

// ---- Assignment ------------------------------------------------------------------------------------------------------

void Elaborator::evalAssign(const ast::Assign& s) {
  Val v = eval(*s.value);
  if (v.is(ValKind::Error)) throw Reported{};
  assignTo(*s.target, v, s.target->loc);
}

void Elaborator::assignCells(const CellTree& cells, const Val& v, Loc at, const std::string& name) {
  if (cells.cell) {
    if (ctx_.selectDepth > cells.cell->selectDepth) {
      error(DiagCode::AssignInSelect, at, fmt::format("`{}` is assigned under a condition known only when running", name))
          .help("assign it in every case, and let the condition choose the value: `x = if c { … } else { x }`");
      throw Reported{};
    }
    TensorVal t = v.isNumber() || v.is(ValKind::Bool) ? materialise(v, cells.cell->type.dtype, at) : asTensor(v, at, "an assignment");
    if (v.isNumber() && t.type.shape != cells.cell->type.shape) {
      place(at);
      t = wrap(b().fill(t.value, cells.cell->type.shape));
    }
    if (t.type != cells.cell->type) {
      Diagnostic& d = error(t.type.shape == cells.cell->type.shape ? DiagCode::DTypeMismatch : DiagCode::AxisMismatch, at,
                            fmt::format("`{}` is {} and is assigned {}", name, cells.cell->type.str(), t.type.str()));
      d.note(cells.cell->declared, fmt::format("`{}` is declared", name));
      throw Reported{};
    }
    t.unit = cells.cell->unit;
    t.bound = cells.cell->bound;
    writeCell(cells.cell, Val::of(t), at);
    return;
  }
  const Val tree = v.is(ValKind::Instance) ? instanceTree(v.instance, at) : v;
  const bool fits = cells.isTuple ? tree.is(ValKind::Tuple) && tree.items->size() == cells.children.size()
                                  : tree.is(ValKind::Tree) && tree.fields->size() == cells.children.size();
  if (!fits) fail(DiagCode::WrongKind, at, fmt::format("`{}` is assigned {}, which has other parts", name, describe(v)));
  for (size_t i = 0; i < cells.children.size(); ++i)
    assignCells(cells.children[i].second, cells.isTuple ? (*tree.items)[i] : (*tree.fields)[i].second, at, fmt::format("{}.{}", name, cells.children[i].first));
}

void Elaborator::assignInstance(Instance* instance, const Val& v, Loc at) {
  if (v.is(ValKind::Error)) throw Reported{};
  if (v.is(ValKind::Instance) && v.instance == instance) return;
  const Val tree = v.is(ValKind::Instance) ? instanceTree(v.instance, at) : v;
  if (!tree.is(ValKind::Tree))
    fail(DiagCode::WrongKind, at, fmt::format("`{}` is assigned {}: an instance takes a tree with a tensor for each parameter", instance->path, describe(v)));
  size_t used = 0;
  for (const Instance::Member& m : instance->members) {
    if (m.child && instanceTree(m.child, at).fields->empty()) continue;
    const Val* part = nullptr;
    for (const auto& [name, x] : *tree.fields)
      if (name == m.name) part = &x;
    if (!part) fail(DiagCode::WrongKind, at, fmt::format("`{}` is assigned a tree without `{}`", instance->path, m.name));
    ++used;
    if (m.child) assignInstance(m.child, *part, at);
    else assignCells(CellTree{m.param, false, {}}, *part, at, m.param->name);
  }
  if (used != tree.fields->size())
    fail(DiagCode::WrongKind, at, fmt::format("`{}` is assigned a tree that has more parts", instance->path));
}

void Elaborator::assignWild(const ast::Expr& target, const Val& v, Loc at) {
  const ast::Wild& wild = (target.is<ast::Wild>() ? target : *target.as<ast::Field>().base).as<ast::Wild>();
  const Val base = eval(*wild.base);
  if (!base.is(ValKind::Instance)) fail(DiagCode::AssignTarget, at, fmt::format("`.*` and `.**` stand after an instance, not after {}", describe(base)));
  const Val matched = eval(target);  // the part of the tree the pattern names
  const std::function<void(Instance*, const Val&, const Val*)> walk = [&](Instance* instance, const Val& part, const Val* value) {
    for (size_t i = 0; i < part.fields->size(); ++i) {
      const auto& [name, sub] = (*part.fields)[i];
      const Val* x = value;
      if (value && value->is(ValKind::Tree)) {
        x = nullptr;
        for (const auto& [n, y] : *value->fields)
          if (n == name) x = &y;
        if (!x) fail(DiagCode::WrongKind, at, fmt::format("the value has no part `{}`", name));
      }
      Instance::Member* m = instance->find(name);
      if (m->child) walk(m->child, sub, x);
      else assignCells(CellTree{m->param, false, {}}, *x, at, m->param->name);
    }
  };
  const Val tree = v.is(ValKind::Instance) ? instanceTree(v.instance, at) : v;
  walk(base.instance, matched, &tree);
}

void Elaborator::assignTo(const ast::Expr& target, const Val& v, Loc at) {
  if (const auto* name = target.tryAs<ast::Name>()) {
    if (name->text == "_") return;
    Binding* binding = ctx_.scope->find(name->text);
    if (!binding) {
      std::vector<std::string> names;
      ctx_.scope->allNames(names);
      Diagnostic& d = error(DiagCode::UndefinedTarget, at, fmt::format("`{}` is assigned but nothing defines it", name->text));
      d.help(fmt::format("a new name is written `let {} = …`", name->text));
      if (const std::string near = nearestName(name->text, names); !near.empty()) d.help(fmt::format("did you mean `{}`?", near));
      ctx_.scope->bind(name->text, Val::error(), at);
      throw Reported{};
    }
    if (binding->kind == Binding::Kind::Lazy) forceLazy(*binding, name->text, ctx_.scope);
    if (binding->kind == Binding::Kind::Var) {
      if (ctx_.selectDepth > binding->var->selectDepth) {
        error(DiagCode::AssignInSelect, at, fmt::format("`{}` is assigned under a condition known only when running", name->text))
            .help(fmt::format("let the condition choose the value: `{} = if c {{ … }} else {{ {} }}`", name->text, name->text));
        throw Reported{};
      }
      writeCell(binding->var, v, at);
      nameNode(v, frame_, name->text);
      return;
    }
    if (binding->kind == Binding::Kind::State) {
      if (binding->state.cell && binding->state.cell->kind == Variable::Kind::Param) {
        error(DiagCode::AssignTarget, at, fmt::format("`{}` is a parameter: it changes in a train block only", name->text))
            .help(fmt::format("what a layer changes itself is a `state {}`", name->text));
        throw Reported{};
      }
      return assignCells(binding->state, v, at, name->text);
    }
    if (binding->val.is(ValKind::Error)) throw Reported{};
    if (binding->val.is(ValKind::Instance)) return assignInstance(binding->val.instance, v, at);
    Diagnostic& d = error(DiagCode::AssignTarget, at, fmt::format("`{}` cannot be assigned", name->text));
    d.note(binding->at, fmt::format("`{}` is defined", name->text));
    d.help(fmt::format("what changes is introduced by `var {} = …`", name->text));
    throw Reported{};
  }
  if (const auto* tuple = target.tryAs<ast::Tuple>()) {
    if (!v.is(ValKind::Tuple) || v.items->size() != tuple->elements.size())
      fail(DiagCode::WrongKind, at, fmt::format("{} names are assigned {}", tuple->elements.size(), describe(v)));
    for (size_t i = 0; i < tuple->elements.size(); ++i) assignTo(*tuple->elements[i], (*v.items)[i], tuple->elements[i]->loc);
    return;
  }
  if (target.is<ast::Wild>() || (target.is<ast::Field>() && target.as<ast::Field>().base->is<ast::Wild>())) return assignWild(target, v, at);
  if (const auto* field = target.tryAs<ast::Field>()) {
    const Val base = eval(*field->base);
    if (base.is(ValKind::Instance)) {
      if (Instance::Member* m = base.instance->find(field->name.text)) {
        if (m->child) return assignInstance(m->child, v, at);
        return assignCells(CellTree{m->param, false, {}}, v, at, m->param->name);
      }
      if (auto it = base.instance->states.find(field->name.text); it != base.instance->states.end()) return assignCells(it->second, v, at, field->name.text);
      fieldOf(base, field->name, at);  // reports
    }
    fail(DiagCode::AssignTarget, at, fmt::format("a part of {} cannot be assigned", describe(base)));
  }
  if (target.is<ast::Bracket>()) {
    error(DiagCode::AssignTarget, at, "an element cannot be assigned").help("`x = put(x, i, value)` gives x with one part replaced");
    throw Reported{};
  }
  fail(DiagCode::AssignTarget, at, "this cannot be assigned");
}

}  // namespace nnc::elab
