// Files and their definitions: the library, used files, lets at the top level.
#include "frontend/elab/elaborator.h"
#include "frontend/elab/unique_names.h"
#include "frontend/elab/walk.h"
#include "frontend/parse.h"
#include "ir/read_text.h"
#include "stdlib/stdlib.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

namespace nnc::elab {

Elaborator::Elaborator(const ElabOptions& options, SourceManager& sources, Diagnostics& diagnostics)
    : options_(options),
      sources_(sources),
      diagnostics_(diagnostics),
      initFrame_(rootFrame()),
      fittedFrame_(rootFrame()) {
  frame_ = initFrame_.get();
}

std::unique_ptr<Frame> Elaborator::rootFrame() {
  return std::make_unique<Frame>(
      nullptr, [this](const std::string& reason) { fail(DiagCode::TooLarge, b().origin().at, reason); });
}

void Elaborator::loadLibrary() {
  library_ = scopes_.inside(nullptr);
  library_->isFile = true;
  for (const StdlibFile& f : stdlibFiles()) {
    const uint32_t id = sources_.add(fmt::format("<stdlib>/{}", f.name), std::string(f.text), true);
    files_.push_back(parseFile(id, sources_, diagnostics_));
    define(*files_.back(), library_, false);
  }
}

ScopePtr Elaborator::useFile(const ast::Use& use) {
  std::string relative;
  for (const ast::Ident& part : use.path) relative += (relative.empty() ? "" : "/") + part.text;
  const std::filesystem::path base = std::filesystem::path(sources_.name(use.loc.file)).parent_path();
  const std::string path = (base / (relative + ".nn")).string();
  if (auto it = usedFiles_.find(path); it != usedFiles_.end()) {
    if (!it->second) fail(DiagCode::UnknownFile, use.loc, fmt::format("{} uses itself, by way of others", path));
    return it->second;
  }
  std::optional<std::string> text = readText(path);
  if (!text) fail(DiagCode::UnknownFile, use.loc, fmt::format("the file {} cannot be read", path));
  usedFiles_[path] = nullptr;
  const uint32_t id = sources_.add(path, std::move(*text));
  files_.push_back(parseFile(id, sources_, diagnostics_));
  auto scope = scopes_.inside(library_);
  scope->isFile = true;
  define(*files_.back(), scope, false);
  return usedFiles_[path] = scope;
}

void Elaborator::define(const ast::File& file, const ScopePtr& scope, bool isMain) {
  reportRepeatedNames(file, diagnostics_);
  // Functions, layers and data first: their bodies may refer to what stands below them.
  const auto unique = [&](const ast::Ident& name) {
    auto it = scope->names.find(name.text);
    if (it == scope->names.end()) return true;
    error(DiagCode::Redefined, name.loc, fmt::format("`{}` is defined twice", name.text))
        .note(it->second.at, "the first definition stands");
    return false;
  };
  for (const auto& s : file.items) {
    if (const auto* f = s->tryAs<ast::Callable>(); f && unique(f->name)) {
      FnVal fn;
      fn.kind = FnVal::Kind::Callable;
      fn.decl = f;
      fn.env = scope;
      scope->bind(f->name.text, Val::function(std::move(fn)), f->name.loc);
    }
    if (const auto* let = s->tryAs<ast::Let>()) {
      const std::function<void(const ast::Pattern&)> bind = [&](const ast::Pattern& p) {
        for (const ast::Pattern& q : p.elements) bind(q);
        if (p.isTuple() || p.name == "_" || !unique({p.name, p.loc})) return;
        Binding binding;
        binding.kind = Binding::Kind::Lazy;
        binding.lazy = let;
        binding.lazyPart = &p;
        binding.at = p.loc;
        scope->names[p.name] = std::move(binding);
      };
      bind(let->pattern);
    }
    if (const auto* h = s->tryAs<ast::Hyper>(); h && unique(h->name))
      scope->bind(h->name.text, Val::error(), h->name.loc);
  }
  ctx_ = Context{};
  ctx_.scope = scope;
  for (const auto& s : file.items) {
    try {
      ctx_.scope = scope;
      if (const auto* u = s->tryAs<ast::Use>()) {
        const ast::Ident& name = u->alias ? u->alias : u->path.back();
        Val v = Val::ofKind(ValKind::File);
        v.scope = useFile(*u);
        if (unique(name)) scope->bind(name.text, v, name.loc);
      }
      if (const auto* h = s->tryAs<ast::Hyper>()) defineHyper(*h, scope);
      if (const auto* d = s->tryAs<ast::Data>()) defineData(*d, scope);
    } catch (const Reported&) {
    }
  }
  if (!isMain) return;
  bool exports = false;
  for (const auto& s : file.items) {
    try {
      ctx_ = Context{};
      ctx_.scope = scope;
      switch (s->kind) {
        case ast::StmtKind::Let: {
          std::set<std::string> names;
          namesOf(s->as<ast::Let>().pattern, names);
          for (const std::string& n : names)
            if (Binding* binding = n == "_" ? nullptr : scope->find(n); binding && binding->kind == Binding::Kind::Lazy)
              forceLazy(*binding, n, scope);
          break;
        }
        case ast::StmtKind::Train:
          elaborateTrain(s->as<ast::Train>(), scope);
          break;
        case ast::StmtKind::Callable:
          if (s->as<ast::Callable>().exported) {
            exports = true;
            elaborateExport(s->as<ast::Callable>(), scope);
          }
          break;
        case ast::StmtKind::ExprStmt:
          if (const auto* call = s->as<ast::ExprStmt>().expr->tryAs<ast::Call>();
              call && call->callee->is<ast::Name>() && call->callee->as<ast::Name>().text == "precision") {
            setPrecision(*call);
            break;
          }
          fail(DiagCode::ValueUnused, s->as<ast::ExprStmt>().expr->loc,
               "an expression does nothing at the top level of a file");
        default:
          break;
      }
    } catch (const Reported&) {
    }
  }
  for (const auto& s : file.items) {
    ctx_ = Context{};
    ctx_.scope = scope;
    try {
      if (const auto* search = s->tryAs<ast::Search>()) checkSearch(*search, file);
    } catch (const Reported&) {
    }
  }
  // A field that nothing reads is checked all the same.
  for (DataInfo& data : data_)
    for (DataFieldInfo& field : data.fields) {
      if (field.ready || field.failed || data.scope != scope) continue;
      beginEntry(Function::Kind::Export, field.name, "", field.ast->name.loc);
      try {
        prepareField(field);
      } catch (const Reported&) {
      }
      entry_ = nullptr;
      frame_ = initFrame_.get();
    }
  if (!exports) exportInstances(scope);
}

// ---- Lets of a file
// --------------------------------------------------------------------------------------------------

Val Elaborator::forceLazy(Binding& binding, const std::string& name, const ScopePtr& scope) {
  if (binding.busy) fail(DiagCode::UnknownName, binding.at, fmt::format("`{}` is defined by itself", name));
  const ast::Let& let = *binding.lazy;
  binding.busy = true;
  struct Done {
    Binding& b;
    ~Done() { b.busy = false; }
  } done{binding};
  // Its own file's names, whatever the place it is read at.
  ScopePtr home = scope;
  while (home && !home->names.contains(name)) home = home->parent;
  Val v;
  {
    Restore<Context> keep(ctx_);
    const bool inData = rawData_ && home == rawData_->inner;
    ctx_ = Context{};
    ctx_.ordinals = keep.old().ordinals;
    ctx_.scope = home;
    try {
      v = let.type ? declared(*let.type, *let.value, name) : eval(*let.value);
      if (!inData) v = nameInstance(let.pattern, v, let.pattern.loc);
    } catch (const Reported&) {
      binding.kind = Binding::Kind::Value;
      binding.val = Val::error();
      throw;
    }
  }
  // The part of a pattern that this name is.
  const std::function<std::optional<Val>(const ast::Pattern&, const Val&)> part =
      [&](const ast::Pattern& p, const Val& x) -> std::optional<Val> {
    if (!p.isTuple()) return &p == binding.lazyPart || !binding.lazyPart ? std::optional(x) : std::nullopt;
    if (!x.is(ValKind::Tuple) || x.items->size() != p.elements.size())
      fail(DiagCode::WrongKind, p.loc, fmt::format("{} names are given {}", p.elements.size(), describe(x)));
    for (size_t i = 0; i < p.elements.size(); ++i)
      if (auto found = part(p.elements[i], (*x.items)[i])) return found;
    return std::nullopt;
  };
  v = part(let.pattern, v).value_or(v);
  std::vector<TensorVal> tensors;
  const std::function<void(const Val&)> collect = [&](const Val& x) {
    collectTensors(x, tensors);
    if (x.is(ValKind::Fn)) std::for_each(x.fn->operands.begin(), x.fn->operands.end(), collect);
  };
  collect(v);
  // A tensor belongs to the graph it was built in: the next entry builds its own.
  if (tensors.empty()) {
    binding.kind = Binding::Kind::Value;
    binding.val = v;
  }
  return v;
}

}  // namespace nnc::elab
