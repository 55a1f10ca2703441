// Assignment: to vars, states, instances, their parts, and patterns of parts.
#include "frontend/elab/elaborator.h"

#include <fmt/format.h>

namespace nnc::elab {

void Elaborator::evalAssign(const ast::Assign& s) {
  Val v = eval(*s.value);
  if (v.is(ValKind::Error)) throw Reported{};
  // All of the right side is read before any of the left is written: `(a, b) = (b, a)`.
  if (v.is(ValKind::Tuple)) {
    std::vector<Val> items = *v.items;
    for (Val& item : items)
      if (item.is(ValKind::Instance)) item = wholeInstance(item.instance, s.value->loc);
    v = Val::tuple(std::move(items));
  }
  assignTo(*s.target, v, s.target->loc);
}

void Elaborator::failInSelect(const std::string& name, Loc at, const std::string& shown) {
  Diagnostic& d = error(DiagCode::AssignInSelect, at,
                        fmt::format("`{}` is assigned under a condition known only when running", name));
  d.help(fmt::format("let the condition choose the value: `{0} = if c {{ … }} else {{ {0} }}`", shown));
  if (entry_ && entry_->kind == Function::Kind::Step)
    d.help("or leave out the `else`: in a train block, an `if` of one bool that only assigns runs where it holds");
  throw Reported{};
}

void Elaborator::assignCells(const CellTree& cells, const Val& v, Loc at, const std::string& name) {
  if (cells.cell) {
    if (ctx_.selectDepth > cells.cell->selectDepth) {
      failInSelect(name, at, "x");
    }
    TensorVal t = v.isNumber() || v.is(ValKind::Bool) ? materialise(v, cells.cell->type.dtype, at)
                                                      : asTensor(v, at, "an assignment");
    if (v.isNumber() && t.type.shape != cells.cell->type.shape) {
      place(at);
      t = wrap(b().fill(t.value, cells.cell->type.shape));
    }
    if (t.type != cells.cell->type) {
      Diagnostic& d =
          error(t.type.shape == cells.cell->type.shape ? DiagCode::DTypeMismatch : DiagCode::AxisMismatch, at,
                fmt::format("`{}` is {} and is assigned {}", name, cells.cell->type.str(), t.type.str()));
      d.note(cells.cell->declared, fmt::format("`{}` is declared", name));
      throw Reported{};
    }
    if (const auto& declared = cells.cell->bound; declared && cells.cell->isVariable) {
      const std::optional<Dim> over = t.bound ? std::optional(*t.bound - *declared) : std::nullopt;
      if (!over || (over->isConst() && over->value() > 0)) {
        Diagnostic& d = error(DiagCode::BoundMismatch, at,
                              fmt::format("`{}` is declared below {}, and this may be more", name, declared->str()));
        d.help(fmt::format("bring it there: `clamp(…, {})`", declared->str()));
        throw Reported{};
      }
    }
    t.unit = cells.cell->unit;
    t.bound = cells.cell->bound;
    writeCell(cells.cell, Val::of(t), at);
    return;
  }
  const Val tree = v.is(ValKind::Instance) ? instanceTree(v.instance, at) : v;
  const bool fits = cells.isTuple ? tree.is(ValKind::Tuple) && tree.items->size() == cells.children.size()
                                  : tree.is(ValKind::Tree) && tree.fields->size() == cells.children.size();
  if (!fits)
    fail(DiagCode::WrongKind, at, fmt::format("`{}` is assigned {}, which has other parts", name, describe(v)));
  for (size_t i = 0; i < cells.children.size(); ++i)
    assignCells(cells.children[i].tree, cells.isTuple ? (*tree.items)[i] : (*tree.fields)[i].second, at,
                fmt::format("{}.{}", name, cells.children[i].name));
}

/// What an instance stands for is a tree of parameters in arithmetic, and all of it where it is assigned as it is.
void Elaborator::assignInstance(Instance* instance, const Val& v, Loc at) {
  if (v.is(ValKind::Error)) throw Reported{};
  if (v.is(ValKind::Instance) && v.instance == instance) return;
  const Val tree = v.is(ValKind::Instance) ? wholeInstance(v.instance, at) : v;
  requireParts(instance, at);
  if (!tree.is(ValKind::Tree))
    fail(DiagCode::WrongKind, at,
         fmt::format("`{}` is assigned {}: an instance takes a tree with a tensor for each parameter", instance->path,
                     describe(v)));
  assignParts(instance, tree, at);
  if (tree.states) assignStates(instance, *tree.states, at);
}

void Elaborator::assignParts(Instance* instance, const Val& tree, Loc at) {
  size_t used = 0;
  for (const Instance::Member& m : instance->members) {
    if (m.child && instanceTree(m.child, at).fields->empty()) continue;
    const Val* part = nullptr;
    for (const auto& [name, x] : *tree.fields)
      if (name == m.name) part = &x;
    if (!part)
      fail(DiagCode::WrongKind, at, fmt::format("`{}` is assigned a tree without `{}`", instance->path, m.name));
    ++used;
    if (m.child)
      assignInstance(m.child, *part, at);
    else
      assignCells(CellTree{m.param, false, {}}, *part, at, m.param->name);
  }
  if (used != tree.fields->size())
    fail(DiagCode::WrongKind, at, fmt::format("`{}` is assigned a tree that has more parts", instance->path));
}

/// The states that both have: a layer may keep one in training only.
void Elaborator::assignStates(Instance* instance, const Fields& states, Loc at) {
  for (const auto& [name, value] : states) {
    if (auto it = instance->states.find(name); it != instance->states.end())
      assignCells(it->second, value, at, fmt::format("{}.{}", instance->path, name));
    else if (const Instance::Member* m = instance->find(name); m && m->child && value.is(ValKind::Tree))
      assignStates(m->child, *value.fields, at);
  }
}

void Elaborator::assignTo(const ast::Expr& target, const Val& v, Loc at) {
  if (const auto* name = target.tryAs<ast::Name>()) {
    if (name->text == "_") return;
    Binding* binding = ctx_.scope->find(name->text);
    if (!binding) {
      std::vector<std::string> names;
      ctx_.scope->allNames(names);
      Diagnostic& d =
          error(DiagCode::UndefinedTarget, at, fmt::format("`{}` is assigned but nothing defines it", name->text));
      d.help(fmt::format("a new name is written `let {} = …`", name->text));
      if (const std::string near = nearestName(name->text, names); !near.empty())
        d.help(fmt::format("did you mean `{}`?", near));
      ctx_.scope->bind(name->text, Val::error(), at);
      throw Reported{};
    }
    if (binding->kind == Binding::Kind::Lazy) forceLazy(*binding, name->text, ctx_.scope);
    if (binding->kind == Binding::Kind::Var) {
      if (ctx_.selectDepth > binding->var->selectDepth) {
        failInSelect(name->text, at, name->text);
      }
      writeCell(binding->var, v, at);
      nameValue(v, name->text);
      return;
    }
    if (binding->kind == Binding::Kind::State) {
      if (binding->state.cell && binding->state.cell->kind == Variable::Kind::Param) {
        error(DiagCode::AssignTarget, at,
              fmt::format("`{}` is a parameter: it changes in a train block only", name->text))
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
    std::set<std::string> paths;
    for (const auto& element : tuple->elements)
      if (const std::string path = isPattern(*element) ? "" : targetPath(*element);
          !path.empty() && path != "_" && !paths.insert(path).second)
        fail(DiagCode::Redefined, element->loc, fmt::format("`{}` is assigned twice", path));
    for (size_t i = 0; i < tuple->elements.size(); ++i)
      assignTo(*tuple->elements[i], (*v.items)[i], tuple->elements[i]->loc);
    return;
  }
  if (isPattern(target)) return assignPattern(target, v, at);
  if (const auto* field = target.tryAs<ast::Field>()) {
    const Val base = eval(*field->base);
    if (base.is(ValKind::Instance)) {
      adoptParts(base.instance, at);
      if (Instance::Member* m = base.instance->find(field->name.text)) {
        if (m->child) return assignInstance(m->child, v, at);
        return assignCells(CellTree{m->param, false, {}}, v, at, m->param->name);
      }
      if (auto it = base.instance->states.find(field->name.text); it != base.instance->states.end())
        return assignCells(it->second, v, at, field->name.text);
      fieldOf(base, field->name, at);  // reports
    }
    if (base.is(ValKind::File))
      if (const Val part = fieldOf(base, field->name, at); part.is(ValKind::Instance))
        return assignInstance(part.instance, v, at);
    fail(DiagCode::AssignTarget, at, fmt::format("a part of {} cannot be assigned", describe(base)));
  }
  if (target.is<ast::Bracket>()) {
    error(DiagCode::AssignTarget, at, "an element cannot be assigned")
        .help("`x = put(x, i, value)` gives x with one part replaced");
    throw Reported{};
  }
  fail(DiagCode::AssignTarget, at, "this cannot be assigned");
}

}  // namespace nnc::elab
