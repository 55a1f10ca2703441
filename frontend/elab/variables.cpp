// Parameters and state: where they live, what they start from, and copies of instances.
#include "frontend/elab/elaborator.h"

#include <fmt/format.h>

namespace nnc::elab {

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
      fail(DiagCode::SymbolicDimension, at,
           fmt::format("`{}` has the shape {}: what is kept between calls has a fixed one", path,
                       shapeText(like.type.shape)));
  if (const auto other = variableCells_.find(path); other != variableCells_.end() && !rigid_) {
    error(DiagCode::Redefined, at, fmt::format("`{}` is already the path of another variable", path))
        .help("a path is the name in weight files: instances used together have different names, in several files too");
    throw Reported{};
  }
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
    fail(DiagCode::AxisMismatch, at,
         fmt::format("the initial value of `{}` is {}, not {}", cell->name, t.type.str(), cell->type.str()));
  if (frame_ == initFrame_.get()) {
    initValues_[cell->name] = t.value;
    initOutputs_.push_back({OutputRole::Update, cell->name, t.value});
  } else if (frame_ == fittedFrame_.get()) {
    fittedOutputs_.push_back({OutputRole::Update, cell->name, t.value});
  } else {
    passOutputs_[cell->train].push_back({OutputRole::Update, cell->name, t.value});
  }
}

/// A variable that is taken from the training rows; until then it is `value` everywhere.
Cell* Elaborator::newFitted(const std::string& path, const TensorVal& like, double value, Loc at) {
  Cell* cell = newVariable(path, like, Variable::Kind::Fitted, at);
  cell->bound.reset();
  inInit(fittedFrame_.get(), path, [&] {
    Expected expected{cell->type.dtype, {}};
    for (const Dim& d : cell->type.shape) expected.dims.push_back(Val::integer(d));
    const Val number = isFloat(cell->type.dtype) ? Val::real(value) : Val::integer(static_cast<int64_t>(value));
    emitInit(cell, fill(number, expected, at), at);
    return Val::none();
  });
  return cell;
}

void Elaborator::evalParam(const ast::Param& s) {
  Instance* owner = ctx_.owner;
  if (!owner || owner->isRoot || !owner->mayHaveParameters) {
    error(DiagCode::NoOwner, s.loc, fmt::format("`param {}` stands where nothing owns it", s.name.text))
        .help("only a layer owns parameters, and its instance is made at top level or in another layer");
    throw Reported{};
  }
  const std::string path = owner->path + "." + s.name.text;
  Binding binding;
  binding.kind = Binding::Kind::State;
  binding.at = s.name.loc;
  if (Instance::Member* m = owner->find(s.name.text)) {
    if (!m->param)
      fail(DiagCode::Redefined, s.name.loc, fmt::format("`{}` is already a part of `{}`", s.name.text, owner->path));
    if (s.type)
      if (const auto expected = resolveShape(*s.type); expected && expected->shape() != m->param->type.shape) {
        Diagnostic& d = error(DiagCode::ParameterChanged, s.name.loc,
                              fmt::format("the parameter `{}` is {} and would be {} in this application", path,
                                          m->param->type.str(), shapeText(expected->shape())));
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
               fmt::format("the parameter `{}` would have the shape {}, and {} is known only when running", path,
                           shapeText(expected->shape()), expected->dims[i].dim.str()));
  };
  fixedShape();
  Cell* cell = nullptr;
  // A copy draws what its source draws.
  const Instance* drawn = owner;
  while (drawn->source) drawn = drawn->source;
  inInit(initFrame_.get(), drawn->path + "." + s.name.text, [&] {
    // Which values a parameter starts from says nothing about a definition's shapes.
    const auto rigidShape = rigid_ && s.type ? resolveShape(*s.type) : std::nullopt;
    Val v = rigidShape ? fill(Val::real(0), *rigidShape, s.loc)
            : s.type   ? declared(*s.type, *s.init, path)
                       : eval(*s.init);
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

static void forgetBounds(const CellTree& tree) {
  if (tree.cell) tree.cell->bound.reset();
  for (const auto& child : tree.children) forgetBounds(child.tree);
}

CellTree Elaborator::makeState(const std::string& path, const Val& init, Instance* owner, Loc at) {
  CellTree tree;
  if (init.is(ValKind::Instance)) return makeState(path, instanceTree(init.instance, at), owner, at);
  if (init.is(ValKind::Tuple) || init.is(ValKind::Tree)) {
    tree.isTuple = init.is(ValKind::Tuple);
    const size_t n = tree.isTuple ? init.items->size() : init.fields->size();
    for (size_t i = 0; i < n; ++i) {
      const std::string name = tree.isTuple ? std::to_string(i) : (*init.fields)[i].first;
      tree.children.push_back(
          {name, makeState(path + "." + name, tree.isTuple ? (*init.items)[i] : (*init.fields)[i].second, owner, at)});
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
  if (!owner) {
    error(DiagCode::NoOwner, s.loc, fmt::format("`state {}` stands where nothing owns it", s.name.text))
        .help(
            "a layer owns state, and its instance is made at top level, in another layer, in a train block or in an "
            "exported function");
    throw Reported{};
  }
  const std::string path = owner->path + "." + s.name.text;
  if (owner->find(s.name.text))
    fail(DiagCode::Redefined, s.name.loc, fmt::format("`{}` is already a part of `{}`", s.name.text, owner->path));
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
      if (!s.type || !s.type->bound) forgetBounds(tree);  // that of the first value says nothing about the next
      return v;
    });
    if (owner->stateKind == Variable::Kind::MetricState) {
      auto& pass = passFrames_[owner->train];
      if (!pass) pass = rootFrame();
      inInit(pass.get(), path, [&] {
        const Val v = initial();
        const std::function<void(const CellTree&, const Val&)> emit = [&](const CellTree& cells, const Val& x) {
          if (cells.cell)
            return emitInit(cells.cell, x.isNumber() ? Val::of(materialise(x, cells.cell->type.dtype, s.loc)) : x,
                            s.loc);
          for (size_t i = 0; i < cells.children.size(); ++i)
            emit(cells.children[i].tree, cells.isTuple ? (*x.items)[i] : (*x.fields)[i].second);
        };
        emit(tree, v);
        return v;
      });
    }
    known = owner->states.emplace(s.name.text, std::move(tree)).first;
  } else if (s.type && known->second.cell) {
    if (const auto expected = resolveShape(*s.type); expected && expected->shape() != known->second.cell->type.shape)
      fail(DiagCode::ParameterChanged, s.name.loc,
           fmt::format("the state `{}` is {} and would be {} in this application", path, known->second.cell->type.str(),
                       shapeText(expected->shape())));
  }
  binding.state = known->second;
  ctx_.scope->names[s.name.text] = std::move(binding);
}

Instance* Elaborator::copyInstance(Instance* from, const std::string& path, Instance* parent, Loc at) {
  Instance* copied = newInstance(path, parent, from->layer, at);
  copied->source = from;
  adoptParts(copied, at);
  return copied;
}

/// A copy has the parts and states of its source, with the same initial values. Its source may get them later than the
/// copy is named, so whoever asks for parts asks through this.
void Elaborator::adoptParts(Instance* copied, Loc at) {
  Instance* from = copied->source;
  if (!from) return;
  if (copied->path.empty()) {
    error(DiagCode::NoOwner, at, "a copy is an instance of its own, and this one has no name")
        .help(fmt::format("name it first: `let twin = copy({})`", from->path));
    throw Reported{};
  }
  for (const Instance* around = copied->parent; around; around = around->parent)
    if (around == from)
      fail(DiagCode::WrongKind, at, fmt::format("`{}` would be a copy of `{}` inside of it", copied->path, from->path));
  adoptParts(from, at);
  const auto duplicate = [&](Cell* cell, const std::string& name) {
    Cell* twin = nullptr;
    inInit(initFrame_.get(), copied->path, [&] {
      const Val v = readCell(cell, at);
      twin = newVariable(copied->path + "." + name, v.tensor, cell->kind, copied->at);
      twin->train = cell->train;
      module_.variables.back().copyOf = cell->name;
      emitInit(twin, v, at);
      return v;
    });
    return twin;
  };
  for (const Instance::Member& m : from->members) {
    const Instance::Member* own = copied->find(m.name);
    if (m.param) {
      if (!own) copied->members.push_back({m.name, nullptr, duplicate(m.param, m.name)});
      continue;
    }
    if (own && own->child) {
      // Made by an application of the copy that came before the source's.
      if (!own->child->source) own->child->source = m.child;
      adoptParts(own->child, at);
      continue;
    }
    copied->members.push_back(
        {m.name, copyInstance(m.child, copied->path + "." + m.name, copied, copied->at), nullptr});
    if (auto it = from->claims.find(m.name); it != from->claims.end()) copied->claims[m.name] = it->second;
  }
  const std::function<CellTree(const CellTree&, const std::string&)> twin = [&](const CellTree& t,
                                                                                const std::string& name) {
    CellTree r;
    r.isTuple = t.isTuple;
    if (t.cell) r.cell = duplicate(t.cell, name);
    for (const auto& [child, sub] : t.children) r.children.push_back({child, twin(sub, name + "." + child)});
    return r;
  };
  for (const auto& [name, tree] : from->states)
    if (!copied->states.contains(name)) copied->states[name] = twin(tree, name);
}

}  // namespace nnc::elab
