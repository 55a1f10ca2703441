// Patterns of parts: `net.*.w`, `net.**.conv.w`, `net.h.*`. A pattern is a path with holes below an instance: `*`
// stands for one name,
// `**` for any number of them, none included.
#include "frontend/elab/elaborator.h"
#include "frontend/elab/walk.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace nnc::elab {

namespace {

/// Which prefixes of a pattern a path matches, as positions in the pattern.
class Matcher {
public:
  explicit Matcher(const std::vector<std::string>& pattern) : pattern_(pattern) {}

  using Positions = std::set<size_t>;
  Positions start() const { return closed({0}); }
  bool isWhole(const Positions& at) const { return at.contains(pattern_.size()); }

  /// After one more name of the path.
  Positions after(const Positions& at, const std::string& name) const {
    Positions next;
    for (size_t p : at) {
      if (p == pattern_.size()) continue;
      if (pattern_[p] == "**") next.insert(p);
      if (pattern_[p] == "*" || pattern_[p] == name) next.insert(p + 1);
    }
    return closed(next);
  }

private:
  Positions closed(Positions at) const {
    for (size_t p = 0; p < pattern_.size(); ++p)
      if (at.contains(p) && pattern_[p] == "**") at.insert(p + 1);
    return at;
  }
  const std::vector<std::string>& pattern_;
};

/// The parts of a tree that match; what is below a matching part belongs to it, unless only `leaves` are looked for.
Val matching(const Val& tree, const Matcher& matcher, const Matcher::Positions& at, bool leaves) {
  Fields kept;
  for (const auto& [name, part] : *tree.fields) {
    // A part of a loop is one member `h.3`, and two names of the path.
    Matcher::Positions here = at;
    for (size_t from = 0; from <= name.size() && (leaves || !matcher.isWhole(here));) {
      const size_t dot = std::min(name.find('.', from), name.size());
      here = matcher.after(here, name.substr(from, dot - from));
      from = dot + 1;
    }
    if (matcher.isWhole(here) && !(leaves && part.is(ValKind::Tree)))
      kept.emplace_back(name, part);
    else if (part.is(ValKind::Tree))
      if (Val below = matching(part, matcher, here, leaves); !below.fields->empty())
        kept.emplace_back(name, std::move(below));
  }
  return Val::tree(std::move(kept));
}

}  // namespace

bool isPattern(const ast::Expr& e) {
  if (e.is<ast::Wild>()) return true;
  const auto* field = e.tryAs<ast::Field>();
  return field && isPattern(*field->base);
}

Elaborator::PartsPattern Elaborator::partsPattern(const ast::Expr& e) {
  if (!isPattern(e)) {
    Val base = evalExpecting(e, nullptr);
    // `h` of h.0, h.1, … is a tuple, and a name of the path below what owns it.
    if (const auto* field = e.tryAs<ast::Field>(); field && base.is(ValKind::Tuple))
      if (const Val owner = eval(*field->base); owner.is(ValKind::Instance)) return {owner, {field->name.text}};
    return {base, {}};
  }
  const auto* wild = e.tryAs<ast::Wild>();
  PartsPattern pattern = partsPattern(wild ? *wild->base : *e.as<ast::Field>().base);
  pattern.names.push_back(wild ? (wild->deep ? "**" : "*") : e.as<ast::Field>().name.text);
  return pattern;
}

Val Elaborator::evalPattern(const ast::Expr& e) {
  const PartsPattern pattern = partsPattern(e);
  const bool instance = pattern.base.is(ValKind::Instance);
  if (!instance && !pattern.base.is(ValKind::Tree))
    fail(DiagCode::WrongKind, e.loc,
         fmt::format("`.*` and `.**` stand after an instance, not after {}", describe(pattern.base)));
  const Matcher matcher(pattern.names);
  const Val tree = instance ? instanceTree(pattern.base.instance, e.loc) : pattern.base;
  // `net.**` is all of it, be it nothing.
  if (matcher.isWhole(matcher.start())) return tree;
  // `net.**.b` is every offset, also where a part is labelled `b`: what its weights are is not asked of the label.
  const std::string& last = pattern.names.back();
  Val found = Val::tree({});
  if (last != "*" && last != "**") found = matching(tree, matcher, matcher.start(), true);
  if (found.fields->empty()) found = matching(tree, matcher, matcher.start(), false);
  if (found.fields->empty())
    fail(DiagCode::NoMatch, e.loc, fmt::format("no part matches `{}`", fmt::join(pattern.names, ".")));
  return found;
}

void Elaborator::assignPattern(const ast::Expr& target, const Val& v, Loc at) {
  const PartsPattern pattern = partsPattern(target);
  if (!pattern.base.is(ValKind::Instance))
    fail(DiagCode::AssignTarget, at,
         fmt::format("`.*` and `.**` stand after an instance, not after {}", describe(pattern.base)));
  const std::function<void(Instance*, const Val&, const Val*)> walk = [&](Instance* instance, const Val& part,
                                                                          const Val* value) {
    for (const auto& [name, sub] : *part.fields) {
      const Val* x = value;
      if (value->is(ValKind::Tree)) {
        x = nullptr;
        for (const auto& [n, y] : *value->fields)
          if (n == name) x = &y;
        if (!x) fail(DiagCode::WrongKind, at, fmt::format("the value has no part `{}`", name));
      }
      Instance::Member* m = instance->find(name);
      if (m->child)
        walk(m->child, sub, x);
      else
        assignCells(CellTree{m->param, false, {}}, *x, at, m->param->name);
    }
  };
  const Val tree = v.is(ValKind::Instance) ? instanceTree(v.instance, at) : v;
  walk(pattern.base.instance, evalPattern(target), &tree);
}

}  // namespace nnc::elab
