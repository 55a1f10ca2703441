// Files, definitions and the module as a whole.
#include "frontend/elab/elaborator.h"
#include "frontend/elab/walk.h"
#include "frontend/parse.h"
#include "stdlib/stdlib.h"

#include <fmt/format.h>
#include <pthread.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace nnc::elab {

Elaborator::Elaborator(const ElabOptions& options, SourceManager& sources, Diagnostics& diagnostics)
    : options_(options), sources_(sources), diagnostics_(diagnostics), initFrame_(std::make_unique<Frame>(nullptr)) {
  frame_ = initFrame_.get();
}

void Elaborator::loadLibrary() {
  library_ = std::make_shared<Scope>();
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
  std::ifstream in(path, std::ios::binary);
  if (!in) fail(DiagCode::UnknownFile, use.loc, fmt::format("the file {} cannot be read", path));
  std::stringstream text;
  text << in.rdbuf();
  usedFiles_[path] = nullptr;
  const uint32_t id = sources_.add(path, text.str());
  files_.push_back(parseFile(id, sources_, diagnostics_));
  auto scope = std::make_shared<Scope>(library_);
  scope->isFile = true;
  define(*files_.back(), scope, false);
  return usedFiles_[path] = scope;
}

void Elaborator::define(const ast::File& file, const ScopePtr& scope, bool isMain) {
  // Functions, layers and data first: their bodies may refer to what stands below them.
  const auto unique = [&](const ast::Ident& name) {
    auto it = scope->names.find(name.text);
    if (it == scope->names.end()) return true;
    error(DiagCode::Redefined, name.loc, fmt::format("`{}` is defined twice", name.text)).note(it->second.at, "the first definition stands");
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
    if (const auto* h = s->tryAs<ast::Hyper>(); h && unique(h->name)) scope->bind(h->name.text, Val::error(), h->name.loc);
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
            if (Binding* binding = n == "_" ? nullptr : scope->find(n); binding && binding->kind == Binding::Kind::Lazy) forceLazy(*binding, n, scope);
          break;
        }
        case ast::StmtKind::Train: elaborateTrain(s->as<ast::Train>(), scope); break;
        case ast::StmtKind::Callable:
          if (s->as<ast::Callable>().exported) {
            exports = true;
            elaborateExport(s->as<ast::Callable>(), scope);
          }
          break;
        case ast::StmtKind::Search: break;
        case ast::StmtKind::ExprStmt:
          fail(DiagCode::ValueUnused, s->as<ast::ExprStmt>().expr->loc, "an expression does nothing at the top level of a file");
        default: break;
      }
    } catch (const Reported&) {
    }
  }
  if (!exports) exportInstances(scope);
}

// ---- Lets of a file --------------------------------------------------------------------------------------------------

Val Elaborator::forceLazy(Binding& binding, const std::string& name, const ScopePtr& scope) {
  if (binding.busy) fail(DiagCode::UnknownName, binding.at, fmt::format("`{}` is defined by itself", name));
  const ast::Let& let = *binding.lazy;
  binding.busy = true;
  struct Done { Binding& b; ~Done() { b.busy = false; } } done{binding};
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
  const std::function<std::optional<Val>(const ast::Pattern&, const Val&)> part = [&](const ast::Pattern& p, const Val& x) -> std::optional<Val> {
    if (!p.isTuple()) return &p == binding.lazyPart || !binding.lazyPart ? std::optional(x) : std::nullopt;
    if (!x.is(ValKind::Tuple) || x.items->size() != p.elements.size())
      fail(DiagCode::WrongKind, p.loc, fmt::format("{} names are given {}", p.elements.size(), describe(x)));
    for (size_t i = 0; i < p.elements.size(); ++i)
      if (auto found = part(p.elements[i], (*x.items)[i])) return found;
    return std::nullopt;
  };
  v = part(let.pattern, v).value_or(v);
  std::vector<TensorVal> tensors;
  collectTensors(v, tensors);
  // A tensor belongs to the graph it was built in: the next entry builds its own.
  if (tensors.empty()) {
    binding.kind = Binding::Kind::Value;
    binding.val = v;
  }
  return v;
}

// ---- Hyperparameters -------------------------------------------------------------------------------------------------

Val Elaborator::parseHyper(const std::string& text, const Val& like, const ast::Hyper& h) {
  const auto wrong = [&](const char* want) {
    fail(DiagCode::BadHyper, h.name.loc, fmt::format("`{}` is {}, and `{}` was given", h.name.text, want, text));
  };
  const char* end = text.data() + text.size();
  if (like.is(ValKind::Int)) {
    int64_t n = 0;
    if (const auto r = std::from_chars(text.data(), end, n); r.ec != std::errc() || r.ptr != end) wrong("a whole number");
    return Val::integer(n);
  }
  if (like.is(ValKind::Float)) {
    double x = 0;
    if (const auto r = std::from_chars(text.data(), end, x); r.ec != std::errc() || r.ptr != end) wrong("a number");
    return Val::real(x);
  }
  if (like.is(ValKind::Bool)) {
    if (text != "true" && text != "false") wrong("true or false");
    return Val::boolean(text == "true");
  }
  return Val::string(text);
}

void Elaborator::defineHyper(const ast::Hyper& h, const ScopePtr& scope) {
  Val v = h.type ? declared(*h.type, *h.fallback, h.name.text) : eval(*h.fallback);
  const auto simple = [](const Val& x) { return x.isConstInt() || x.is(ValKind::Float) || x.is(ValKind::Bool) || x.is(ValKind::Str); };
  if (!simple(v)) fail(DiagCode::WrongKind, h.fallback->loc, fmt::format("a hyperparameter is a number, true, false or a text, not {}", describe(v)));
  if (auto it = options_.hypers.find(h.name.text); it != options_.hypers.end()) v = parseHyper(it->second, v, h);
  const auto text = [&](const Val& x) {
    return x.is(ValKind::Int) ? x.dim.str() : x.is(ValKind::Float) ? fmt::format("{}", x.number) : x.is(ValKind::Bool) ? (x.flag ? "true" : "false") : x.text;
  };
  Hyper record;
  record.name = h.name.text;
  record.loc = h.name.loc;
  record.value = text(v);
  record.isInt = v.is(ValKind::Int);
  record.logScale = h.domain == ast::Hyper::Domain::LogRange;
  record.isRange = record.logScale || h.domain == ast::Hyper::Domain::Range;
  bool inside = true;
  if (record.isRange) {
    record.lo = asNumber(eval(*h.lo), h.lo->loc, "an end of a domain");
    record.hi = asNumber(eval(*h.hi), h.hi->loc, "an end of a domain");
    if (record.lo > record.hi || (record.logScale && record.lo <= 0)) fail(DiagCode::BadHyper, h.domainLoc, fmt::format("the domain of `{}` is empty", h.name.text));
    const double x = asNumber(v, h.name.loc, "a hyperparameter");
    inside = x >= record.lo && x <= record.hi;
  }
  for (const auto& c : h.choices) record.choices.push_back(text(eval(*c)));
  if (!record.choices.empty()) inside = std::find(record.choices.begin(), record.choices.end(), record.value) != record.choices.end();
  if (!inside && !options_.hypers.contains(h.name.text))
    fail(DiagCode::BadHyper, h.fallback->loc, fmt::format("the default {} of `{}` is outside of its domain", record.value, h.name.text));
  hyperValues_[h.name.text] = v;
  hyperDecls_[h.name.text] = &h;
  if (v.isNumber()) {
    auto f = std::make_shared<Formula>();
    f->kind = Formula::Kind::Hyper;
    f->hyper = h.name.text;
    f->isInt = v.is(ValKind::Int);
    v.formula = f;
  }
  Binding binding;
  binding.val = v;
  binding.hyper = h.name.text;
  binding.at = h.name.loc;
  scope->names[h.name.text] = std::move(binding);
  module_.hypers.push_back(record);
}

void Elaborator::checkHypers() {
  std::vector<std::string> names;
  for (Hyper& h : module_.hypers) {
    names.push_back(h.name);
    h.runTime = hypersRunTime_.contains(h.name) && !hypersFixed_.contains(h.name);
    if (!hypersUsed_.contains(h.name) && !diagnostics_.hasErrors())
      error(DiagCode::UnusedHyper, h.loc, fmt::format("the hyperparameter `{}` is not used", h.name)).help("use it or remove it");
  }
  for (const auto& [name, value] : options_.hypers)
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      Diagnostic& d = diagnostics_.error(DiagCode::UnknownHyper, {}, fmt::format("there is no hyperparameter `{}`", name));
      if (const std::string near = nearestName(name, names); !near.empty()) d.help(fmt::format("did you mean `{}`?", near));
    }
  std::vector<std::string> dataNames;
  for (const DataSource& s : module_.data) dataNames.push_back(s.name);
  for (const auto& [name, path] : options_.dataPaths)
    if (std::find(dataNames.begin(), dataNames.end(), name) == dataNames.end()) {
      Diagnostic& d = diagnostics_.error(DiagCode::UnknownData, {}, fmt::format("there is no data block `{}`", name));
      if (const std::string near = nearestName(name, dataNames); !near.empty()) d.help(fmt::format("did you mean `{}`?", near));
    }
}

// ---- Entries and the module ------------------------------------------------------------------------------------------

void Elaborator::beginEntry(Function::Kind kind, const std::string& name, const std::string& train, Loc at) {
  entries_.push_back(std::make_unique<Entry>());
  entry_ = entries_.back().get();
  entry_->kind = kind;
  entry_->name = name;
  entry_->train = train;
  entry_->loc = at;
  entry_->root = std::make_unique<Frame>(nullptr);
  frame_ = entry_->root.get();
  ++entryNumber_;
}

/// A copy without the nodes that no output needs; input leaves stay, they are the signature.
static Graph withoutDeadNodes(const Graph& g) {
  std::vector<bool> live(g.nodes.size(), false);
  for (const Output& o : g.outputs) live[o.value.node] = true;
  for (size_t i = g.nodes.size(); i-- > 0;) {
    const Node& n = g.nodes[i];
    if (n.op == Op::Leaf && n.attrs.string("kind") == "input") live[i] = true;
    if (live[i])
      for (Value v : n.in) live[v.node] = true;
  }
  Graph r;
  std::vector<uint32_t> position(g.nodes.size(), 0);
  for (size_t i = 0; i < g.nodes.size(); ++i) {
    if (!live[i]) continue;
    position[i] = static_cast<uint32_t>(r.nodes.size());
    Node n = g.nodes[i];
    for (Value& v : n.in) v.node = position[v.node];
    r.nodes.push_back(std::move(n));
  }
  for (Output o : g.outputs) {
    o.value.node = position[o.value.node];
    r.outputs.push_back(std::move(o));
  }
  return r;
}

void Elaborator::finishEntry() {
  Frame& root = *entry_->root;
  root.graph.outputs = entry_->outputs;
  for (Cell* cell : root.cellOrder) {
    const Frame::CellEntry& entry = root.cells[cell];
    if (!cell->isVariable || !entry.assigned) continue;
    const bool metric = cell->kind == Variable::Kind::MetricState, state = cell->kind == Variable::Kind::State;
    // An evaluation pass leaves everything but the metrics as it was.
    if (entry_->kind == Function::Kind::Eval && !metric) continue;
    if (entry_->kind == Function::Kind::Export && !state) continue;
    root.graph.outputs.push_back({OutputRole::Update, cell->name, entry.current.tensor.value});
  }
  Function f;
  f.name = entry_->name;
  f.kind = entry_->kind;
  f.symbols = entry_->symbols;
  f.loc = entry_->loc;
  f.body = withoutDeadNodes(root.graph);
  module_.functions.push_back(std::move(f));
  entry_ = nullptr;
  frame_ = initFrame_.get();
}

void Elaborator::addInitFunctions() {
  Function init;
  init.name = "init";
  init.kind = Function::Kind::Init;
  initFrame_->graph.outputs = initOutputs_;
  init.body = withoutDeadNodes(initFrame_->graph);
  module_.functions.insert(module_.functions.begin(), std::move(init));
  for (auto& [train, frame] : passFrames_) {
    Function f;
    f.name = train + ".start_pass";
    f.kind = Function::Kind::Init;
    frame->graph.outputs = passOutputs_[train];
    f.body = withoutDeadNodes(frame->graph);
    module_.functions.push_back(std::move(f));
  }
}

std::optional<Module> Elaborator::run(const ast::File& file) {
  const std::string& path = sources_.name(file.file);
  module_.name = std::filesystem::path(path).stem().string();
  loadLibrary();
  if (diagnostics_.hasErrors()) return std::nullopt;
  main_ = std::make_shared<Scope>(library_);
  main_->isFile = true;
  define(file, main_, true);
  checkHypers();
  if (diagnostics_.hasErrors()) return std::nullopt;
  addInitFunctions();
  return std::move(module_);
}

}  // namespace nnc::elab

namespace nnc {

namespace {

/// Elaboration recurses as deep as the program's calls nest, which may be a thousand: it gets a stack of its own.
constexpr size_t kStackBytes = size_t{512} << 20;

struct Job {
  const ast::File& file;
  const ElabOptions& options;
  SourceManager& sources;
  Diagnostics& diagnostics;
  std::optional<Module> result;
};

/// Reports of the definitions by themselves that are certain, where the program as a whole said nothing about the line.
void addDefinitionMistakes(Job& job) {
  Diagnostics found(job.sources);
  elab::Elaborator(job.options, job.sources, found).checkDefinitions(job.file);
  const std::vector<Diagnostic> known = job.diagnostics.all();
  for (const Diagnostic& d : found.all()) {
    const bool certain = d.code == DiagCode::AxisMismatch || d.code == DiagCode::BroadcastMismatch || d.code == DiagCode::ContractMismatch ||
                         d.code == DiagCode::UnknownName || d.code == DiagCode::UnknownOption;
    const bool said = std::any_of(known.begin(), known.end(), [&](const Diagnostic& k) { return k.at.file == d.at.file && k.at.line == d.at.line; });
    if (!certain || said || job.sources.isLibrary(d.at.file)) continue;
    Diagnostic& copy = job.diagnostics.error(d.code, d.at, d.message);
    copy.atLabel = d.atLabel;
    copy.labels = d.labels;
    copy.notes = d.notes;
    copy.helps = d.helps;
    job.result.reset();
  }
}

void* runJob(void* p) {
  Job& job = *static_cast<Job*>(p);
  elab::Elaborator elaborator(job.options, job.sources, job.diagnostics);
  job.result = elaborator.run(job.file);
  addDefinitionMistakes(job);
  return nullptr;
}

}  // namespace

std::optional<Module> elaborate(const ast::File& file, const ElabOptions& options, SourceManager& sources, Diagnostics& diagnostics) {
  Job job{file, options, sources, diagnostics, std::nullopt};
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_t thread;
  if (pthread_attr_setstacksize(&attributes, kStackBytes) == 0 && pthread_create(&thread, &attributes, runJob, &job) == 0)
    pthread_join(thread, nullptr);
  else
    runJob(&job);
  pthread_attr_destroy(&attributes);
  return std::move(job.result);
}

std::optional<Module> compileText(const std::string& name, const std::string& text, const ElabOptions& options, SourceManager& sources, Diagnostics& diagnostics) {
  const uint32_t id = sources.add(name, text);
  const std::unique_ptr<ast::File> file = parseFile(id, sources, diagnostics);
  if (diagnostics.hasErrors()) return std::nullopt;
  return elaborate(*file, options, sources, diagnostics);
}

std::optional<Module> compileSource(const std::string& path, const ElabOptions& options, SourceManager& sources, Diagnostics& diagnostics) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  if (in) text << in.rdbuf();
  if (!in || in.bad()) {
    diagnostics.error(DiagCode::UnknownFile, {}, fmt::format("the file {} cannot be read", path));
    return std::nullopt;
  }
  return compileText(path, text.str(), options, sources, diagnostics);
}

}  // namespace nnc
