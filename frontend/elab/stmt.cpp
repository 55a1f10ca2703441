// Statements that name values: let and var.
#include "frontend/elab/elaborator.h"

#include <fmt/format.h>

namespace nnc::elab {

namespace {

std::string patternName(const ast::Pattern& p) {
  return p.isTuple() ? "the tuple" : p.name;
}

}  // namespace

void Elaborator::nameValue(const Val& v, const std::string& name) {
  if (!v.isTensor() || v.tensor.frame != frame_) return;
  Node& node = frame_->graph.node(v.tensor.value);
  if (node.name.empty()) node.name = name;
}

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
  error(DiagCode::InstanceAlias, at,
        fmt::format("`{}` would be a second name for the instance `{}`", p.name, v.instance->path))
      .help(fmt::format("use `{}` itself, or make another with the same values: `let {} = copy({})`", v.instance->path,
                        p.name, v.instance->path));
  throw Reported{};
}

void Elaborator::bindPattern(const ast::Pattern& p, const Val& v, bool isVar, Loc at) {
  if (v.is(ValKind::Error)) throw Reported{};
  if (!p.isTuple()) {
    if (p.name == "_") return;
    if (v.is(ValKind::None))
      fail(DiagCode::NoValue, at,
           fmt::format("`{}` is given no value: this is `none`, or a block whose last line is no expression", p.name));
    nameValue(v, p.name);
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
    if (v.items->size() != n) fail(DiagCode::WrongKind, at, fmt::format("{} names are given {}", n, describe(v)));
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

}  // namespace nnc::elab
