// Entries as functions of the module, and the public way in.
#include "frontend/elab/elaborator.h"
#include "frontend/parse.h"
#include "ir/read_text.h"

#include <fmt/format.h>
#include <pthread.h>

#include <algorithm>
#include <exception>
#include <filesystem>

namespace nnc::elab {

namespace {

/// "f32[B, 4] with B = 1024".
std::string boundedText(const Type& type, const std::map<std::string, int64_t>& bounds) {
  std::string text = type.str();
  const char* before = " with ";
  for (const std::string& s : elementCount(type.shape).symbols()) {
    text += fmt::format("{}{} = {}", before, s, bounds.at(s));
    before = ", ";
  }
  return text;
}

}  // namespace

void Elaborator::beginEntry(Function::Kind kind, const std::string& name, const std::string& train, Loc at) {
  entries_.push_back(std::make_unique<Entry>());
  entry_ = entries_.back().get();
  entry_->kind = kind;
  entry_->name = name;
  entry_->train = train;
  entry_->loc = at;
  entry_->root = rootFrame();
  frame_ = entry_->root.get();
  ++entryNumber_;
}

static bool isInput(const Node& n) {
  return n.op == Op::Leaf && n.attrs.string("kind") == "input";
}

/// A copy without the nodes that no output needs. Input leaves stay, they are the signature: those named in `inputs`
/// come first, in that order.
static Graph withoutDeadNodes(const Graph& g, const std::vector<std::string>& inputs = {}) {
  std::vector<bool> live(g.nodes.size(), false);
  for (const Output& o : g.outputs) live[o.value.node] = true;
  for (size_t i = g.nodes.size(); i-- > 0;) {
    const Node& n = g.nodes[i];
    if (isInput(n)) live[i] = true;
    if (live[i])
      for (Value v : n.in) live[v.node] = true;
  }
  Graph r;
  std::vector<uint32_t> position(g.nodes.size(), 0);
  const auto take = [&](size_t i) {
    if (!live[i]) return;
    live[i] = false;
    position[i] = static_cast<uint32_t>(r.nodes.size());
    Node n = g.nodes[i];
    for (Value& v : n.in) v.node = position[v.node];
    r.nodes.push_back(std::move(n));
  };
  for (const std::string& input : inputs)
    for (size_t i = 0; i < g.nodes.size(); ++i)
      if (isInput(g.nodes[i]) && g.nodes[i].attrs.string("name") == input) take(i);
  for (size_t i = 0; i < g.nodes.size(); ++i) take(i);
  for (Output o : g.outputs) {
    o.value.node = position[o.value.node];
    r.outputs.push_back(std::move(o));
  }
  return r;
}

/// Every tensor, with the symbols at their bounds, has a size that arithmetic on addresses can hold.
void Elaborator::checkSizes(const Graph& graph) {
  constexpr int64_t kMostBytes = int64_t{1} << 47;  // of an address space
  std::map<std::string, int64_t> bounds;
  for (const Symbol& s : entry_->symbols) bounds[s.name] = s.bound;
  for (const Node& node : graph.nodes) {
    for (const Type& type : node.out) {
      // Saturates, as long as no factor is 0.
      const int64_t elements = elementCount(type.shape).most(bounds);
      if (elements <= kMostBytes / dtypeSize(type.dtype)) continue;
      const Loc at = node.origin.at ? node.origin.at : entry_->loc;
      fail(DiagCode::TooLarge, at, fmt::format("{} has more than 2^47 bytes", boundedText(type, bounds)));
    }
    for (const Graph& region : node.regions) checkSizes(region);
  }
}

void Elaborator::finishEntry() {
  Frame& root = *entry_->root;
  root.graph.outputs = entry_->outputs;
  for (Cell* cell : root.cellOrder) {
    const Frame::CellEntry& entry = root.cells[cell];
    if (!cell->isVariable || !entry.assigned) continue;
    // An evaluation pass leaves everything but the metrics as it was.
    if (entry_->kind == Function::Kind::Eval && cell->kind != Variable::Kind::MetricState) continue;
    root.graph.outputs.push_back({OutputRole::Update, cell->name, entry.current.tensor.value});
  }
  Function f;
  f.name = entry_->name;
  f.kind = entry_->kind;
  f.symbols = entry_->symbols;
  f.texts = entry_->texts;
  f.loc = entry_->loc;
  f.body = withoutDeadNodes(root.graph, entry_->inputs);
  checkSizes(f.body);
  requireInside(f.body);
  requireSomeCall();
  f.conditions = entry_->conditions;
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
  if (!fittedOutputs_.empty()) {
    Function f;
    f.name = kFittedDefaults;
    f.kind = Function::Kind::Init;
    fittedFrame_->graph.outputs = fittedOutputs_;
    f.body = withoutDeadNodes(fittedFrame_->graph);
    module_.functions.push_back(std::move(f));
  }
  for (auto& [train, frame] : passFrames_) {
    Function f;
    f.name = train + ".start_pass";
    f.kind = Function::Kind::StartPass;
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
  main_ = scopes_.inside(library_);
  main_->isFile = true;
  define(file, main_, true);
  checkHypers(file.file);
  if (diagnostics_.hasErrors()) return std::nullopt;
  warnOfRestingStates();
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
  std::exception_ptr failed;  // out of memory, say: thrown again by who waits for the job
};

/// Reports of the definitions by themselves that are certain, where the program as a whole said nothing about the line.
void addDefinitionMistakes(Job& job) {
  Diagnostics found(job.sources);
  elab::Elaborator(job.options, job.sources, found).checkDefinitions(job.file);
  const std::vector<Diagnostic> known = job.diagnostics.all();
  for (const Diagnostic& d : found.all()) {
    const bool certain = d.code == DiagCode::AxisMismatch || d.code == DiagCode::BroadcastMismatch ||
                         d.code == DiagCode::ContractMismatch || d.code == DiagCode::UnknownName ||
                         d.code == DiagCode::UnknownOption;
    const bool said = std::any_of(known.begin(), known.end(), [&](const Diagnostic& k) {
      return k.at.file == d.at.file && k.at.line == d.at.line;
    });
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
  try {
    elab::Elaborator elaborator(job.options, job.sources, job.diagnostics);
    job.result = elaborator.run(job.file);
    addDefinitionMistakes(job);
  } catch (...) {
    job.failed = std::current_exception();
  }
  return nullptr;
}

}  // namespace

std::optional<Module> elaborate(const ast::File& file, const ElabOptions& options, SourceManager& sources,
                                Diagnostics& diagnostics) {
  Job job{file, options, sources, diagnostics, std::nullopt, nullptr};
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_t thread;
  if (pthread_attr_setstacksize(&attributes, kStackBytes) == 0 &&
      pthread_create(&thread, &attributes, runJob, &job) == 0)
    pthread_join(thread, nullptr);
  else
    runJob(&job);
  pthread_attr_destroy(&attributes);
  if (job.failed) std::rethrow_exception(job.failed);
  return std::move(job.result);
}

std::optional<Module> compileText(const std::string& name, const std::string& text, const ElabOptions& options,
                                  SourceManager& sources, Diagnostics& diagnostics) {
  const uint32_t id = sources.add(name, text);
  const std::unique_ptr<ast::File> file = parseFile(id, sources, diagnostics);
  if (diagnostics.hasErrors()) return std::nullopt;
  return elaborate(*file, options, sources, diagnostics);
}

std::optional<Module> compileSource(const std::string& path, const ElabOptions& options, SourceManager& sources,
                                    Diagnostics& diagnostics) {
  const std::optional<std::string> text = readText(path);
  if (!text) {
    diagnostics.error(DiagCode::UnknownFile, {}, fmt::format("the file {} cannot be read", path));
    return std::nullopt;
  }
  return compileText(path, *text, options, sources, diagnostics);
}

}  // namespace nnc
