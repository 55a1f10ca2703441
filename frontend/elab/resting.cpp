// States that an export reads and nothing updates, of instances that are trained: averages of weights whose norms still
// stand where they began.
#include "frontend/elab/elaborator.h"
#include "frontend/elab/walk.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace nnc::elab {

namespace {

std::set<std::string> updatedBy(const Module& m) {
  std::set<std::string> paths;
  for (const Function& f : m.functions) {
    if (f.kind != Function::Kind::Step && f.kind != Function::Kind::Export) continue;
    for (const Output& o : f.body.outputs)
      if (o.role == OutputRole::Update) paths.insert(o.name);
  }
  return paths;
}

std::set<std::string> statesRead(const Function& f) {
  std::set<std::string> paths;
  for (const Node& n : f.body.nodes)
    if (n.op == Op::Leaf && n.attrs.string("kind") == "state") paths.insert(n.attrs.string("name"));
  return paths;
}

void cellsOf(const CellTree& tree, std::vector<std::string>& paths) {
  if (tree.cell) paths.push_back(tree.cell->name);
  for (const CellTree::Child& c : tree.children) cellsOf(c.tree, paths);
}

void parametersOf(const Instance& instance, std::vector<std::string>& paths) {
  for (const Instance::Member& m : instance.members) {
    if (m.param) paths.push_back(m.param->name);
    if (m.child) parametersOf(*m.child, paths);
  }
}

/// Whether training changes the parameters the state belongs to: the instance's, or those of the nearest one around it
/// that has any. A part that is trained elsewhere and only loaded here has states that rest by right.
bool isTrained(const Instance& instance, const std::set<std::string>& trained) {
  std::vector<std::string> parameters;
  for (const Instance* i = &instance; i && !i->isRoot && parameters.empty(); i = i->parent)
    parametersOf(*i, parameters);
  return std::any_of(parameters.begin(), parameters.end(), [&](const std::string& p) { return trained.contains(p); });
}

/// A state that its layer never assigns is a table.
bool assigns(const ast::Callable& layer, const std::string& state) {
  bool found = false;
  Walker w;
  w.onStmt = [&](const ast::Stmt& s) {
    const auto* a = s.tryAs<ast::Assign>();
    const auto* name = a ? a->target->tryAs<ast::Name>() : nullptr;
    found = found || (name && name->text == state);
  };
  w.block(layer.body);
  return found;
}

}  // namespace

void Elaborator::warnOfRestingStates() {
  const std::set<std::string> updated = updatedBy(module_);
  for (const Function& f : module_.functions) {
    if (f.kind != Function::Kind::Export) continue;
    const std::set<std::string> read = statesRead(f);
    std::map<const Instance*, std::vector<std::string>> resting;  // by the outermost instance
    for (const Instance& i : instances_) {
      if (i.isRoot || !i.layer) continue;
      const Instance* outermost = &i;
      while (outermost->parent && !outermost->parent->isRoot) outermost = outermost->parent;
      for (const auto& [name, cells] : i.states) {
        std::vector<std::string> paths;
        cellsOf(cells, paths);
        std::erase_if(paths, [&](const std::string& p) { return !read.contains(p) || updated.contains(p); });
        if (paths.empty() || !isTrained(i, updated) || !assigns(*i.layer->decl, name)) continue;
        resting[outermost].insert(resting[outermost].end(), paths.begin(), paths.end());
      }
    }
    for (const auto& [instance, paths] : resting) {
      constexpr size_t kShown = 4;
      const std::vector<std::string> first(paths.begin(), paths.begin() + std::min(paths.size(), kShown));
      Diagnostic& d = diagnostics_.warning(
          DiagCode::RestingStates, f.loc,
          fmt::format("`{}` uses states of `{}` that nothing updates, though its parameters are trained", f.name,
                      instance->path));
      d.note(fmt::format("`{}`{} {} as at the start", fmt::join(first, "`, `"),
                         paths.size() > kShown ? " and others" : "", paths.size() > 1 ? "are" : "is"));
      const std::string from = instance->source ? instance->source->path : "net";
      d.help(fmt::format("take the states along: `{0} = {1}` does, and so does `{0} = with_states(…, {1})`",
                         instance->path, from));
    }
  }
}

}  // namespace nnc::elab
