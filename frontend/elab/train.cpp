// Train blocks: a step of training and one of evaluation.
#include "frontend/elab/elaborator.h"
#include "frontend/elab/walk.h"

#include <fmt/format.h>

#include <algorithm>

namespace nnc::elab {

namespace {

/// Those that are whole numbers, with the least.
const std::map<std::string, std::pair<int64_t, int64_t TrainBlock::*>> kCounts = {
    {"batch", {1, &TrainBlock::batch}},
    {"epochs", {1, &TrainBlock::epochs}},
    {"seed", {0, &TrainBlock::seed}},
    {"steps", {1, &TrainBlock::steps}},
    {"patience", {0, &TrainBlock::patience}}};
const std::vector<std::string> kTrainSettings = {"batch", "epochs", "seed", "steps", "patience", "monitor", "maximize"};

void assignedPaths(const ast::Block& body, std::vector<std::string>& paths) {
  const std::function<void(const ast::Expr&)> target = [&](const ast::Expr& e) {
    if (const auto* t = e.tryAs<ast::Tuple>())
      for (const auto& x : t->elements) target(*x);
    else if (const std::string p = targetPath(e); !p.empty())
      paths.push_back(p);
  };
  Walker w;
  w.onStmt = [&](const ast::Stmt& s) {
    if (const auto* a = s.tryAs<ast::Assign>()) target(*a->target);
  };
  w.block(body);
}

/// The statements of a train block that `isSink` names, and those that these and the loss need, by name.
std::vector<bool> neededBy(const ast::Block& body, bool (*isSink)(const ast::Stmt&)) {
  std::set<std::string> needed{"loss"};
  std::vector<bool> keep(body.stmts.size(), false);
  for (size_t i = body.stmts.size(); i-- > 0;) {
    const ast::Stmt& s = *body.stmts[i];
    std::set<std::string> defines;
    namesOf(s, defines);
    if (isSink(s)) keep[i] = true;
    for (const std::string& d : defines) keep[i] = keep[i] || needed.contains(d);
    if (keep[i]) namesRead(s, needed);
  }
  // A var may be assigned on the way to a metric.
  for (size_t i = 0; i < body.stmts.size(); ++i)
    if (const auto* a = body.stmts[i]->tryAs<ast::Assign>())
      if (const auto* n = a->target->tryAs<ast::Name>(); n && needed.contains(n->text))
        for (size_t k = 0; k < i; ++k)
          if (const auto* var = body.stmts[k]->tryAs<ast::Var>()) {
            std::set<std::string> names;
            namesOf(var->pattern, names);
            keep[i] = keep[i] || names.contains(n->text);
          }
  return keep;
}

/// What an evaluation pass runs.
bool isMetric(const ast::Stmt& s) {
  return s.is<ast::Metric>();
}
/// What a step is run for, besides its loss.
bool isAction(const ast::Stmt& s) {
  return !s.is<ast::Metric>() && !s.is<ast::Let>() && !s.is<ast::Var>();
}

/// Losses, errors and the like are to fall, everything else is to rise, unless `maximize` says otherwise.
bool shouldFall(const std::string& monitor) {
  for (const char* word : {"loss", "error", "perplexity", "mse", "mae", "divergence"})
    if (monitor.find(word) != std::string::npos) return true;
  return false;
}

}  // namespace

std::string targetPath(const ast::Expr& e) {
  if (const auto* n = e.tryAs<ast::Name>()) return n->text;
  if (const auto* w = e.tryAs<ast::Wild>()) return targetPath(*w->base);
  if (const auto* f = e.tryAs<ast::Field>()) {
    const std::string base = targetPath(*f->base);
    return isPattern(*f->base) ? base : base.empty() ? "" : base + "." + f->name.text;
  }
  return "";
}

void Elaborator::trainSettings(const ast::Train& t, TrainBlock& block, DataInfo* data) {
  Restore<Context> keep(ctx_);
  const size_t before = diagnostics_.errorCount();
  bool hasMaximize = false;
  for (const ast::Arg* a : knownSettings(t.settings, "a train block", kTrainSettings)) {
    try {
      const std::string& name = a->name.text;
      if (name == "monitor") {
        block.monitor = resultSetting(*a);
        validReads_.emplace_back(block.monitor, a->value->loc);
      } else if (name == "maximize") {
        block.maximize = asBool(eval(*a->value), a->value->loc, "`maximize`");
        hasMaximize = true;
      } else if (name == "steps" && data) {
        fail(DiagCode::UnknownSetting, a->name.loc,
             "`steps` is for a block without data: with data an epoch takes each row once");
      } else {
        const auto& [least, number] = kCounts.at(name);
        block.*number = wholeSetting(*a, least, name == "seed" ? int64_t{1} << 53 : kMostCount);
      }
    } catch (const Reported&) {
    }
  }
  if (!hasMaximize) block.maximize = !block.monitor.empty() && !shouldFall(block.monitor);
  if (!data && block.steps == 0 && diagnostics_.errorCount() == before) {
    error(DiagCode::UnknownSetting, t.name.loc,
          fmt::format("`{}` has no data and must say how many steps it takes", t.name.text))
        .help("write `(steps = 1000)`");
  }
}

void Elaborator::elaborateTrain(const ast::Train& t, const ScopePtr& scope) {
  const size_t before = diagnostics_.errorCount();
  for (const TrainBlock& other : module_.trains)
    if (other.name == t.name.text) {
      error(DiagCode::Redefined, t.name.loc, fmt::format("`{}` is defined twice", t.name.text))
          .note(other.loc, "the first definition stands");
      return;
    }
  TrainBlock block;
  block.name = t.name.text;
  block.loc = t.name.loc;
  block.step = block.name + ".step";
  block.eval = block.name + ".eval";
  ctx_.scope = scope;
  DataInfo* data = nullptr;
  try {
    if (t.data) data = findData(*t.data);
  } catch (const Reported&) {
    return;
  }
  if (data) block.data = data->ast->name.text;
  validReads_.clear();
  trainSettings(t, block, data);
  instances_.emplace_back();
  Instance* root = &instances_.back();
  root->path = root->train = t.name.text;
  root->isRoot = true;
  root->stateKind = Variable::Kind::TrainState;
  root->at = t.name.loc;
  trainRoots_[t.name.text] = root;
  trainEntry(t, scope, Function::Kind::Step, block, data);
  if (module_.function(block.step) && diagnostics_.errorCount() == before) {
    // Without either, the last weights count.
    if (block.monitor.empty() && reportsLoss(block)) block.monitor = "valid.loss";
    checkValidReads(block, validReads_);
    if (diagnostics_.errorCount() == before) trainEntry(t, scope, Function::Kind::Eval, block, data);
  }
  module_.trains.push_back(block);
}

bool Elaborator::reportsLoss(const TrainBlock& block) const {
  const std::vector<Output>& outputs = module_.function(block.step)->body.outputs;
  return std::any_of(outputs.begin(), outputs.end(), [](const Output& o) { return o.role == OutputRole::Loss; });
}

/// What is read of validation is the loss or a metric of the block: `valid.acuracy` would be 0 for ever.
void Elaborator::checkValidReads(const TrainBlock& block, const std::vector<std::pair<std::string, Loc>>& reads) {
  std::vector<std::string> known;
  if (reportsLoss(block)) known.push_back("valid.loss");
  const Graph& step = module_.function(block.step)->body;
  for (const Output& o : step.outputs)
    if (o.role == OutputRole::Metric && step.type(o.value).shape.empty()) known.push_back("valid." + o.name);
  std::set<std::string> reported;
  for (const auto& [name, at] : reads) {
    if (std::find(known.begin(), known.end(), name) != known.end() || !reported.insert(name).second) continue;
    Diagnostic& d = error(DiagCode::UnknownName, at, fmt::format("`{}` has no result `{}`", block.name, name));
    // `accuracy` for `valid.accuracy`, `valid.acc` for that too.
    const auto isPart = [&](const std::string& k) { return k.ends_with("." + name) || k.starts_with(name); };
    if (const auto it = std::find_if(known.begin(), known.end(), isPart); it != known.end())
      d.help(fmt::format("did you mean `{}`?", *it));
    else if (const std::string near = nearestName(name, known); !near.empty())
      d.help(fmt::format("did you mean `{}`?", near));
  }
}

void Elaborator::trainEntry(const ast::Train& t, const ScopePtr& scope, Function::Kind kind, TrainBlock& block,
                            DataInfo* data) {
  const bool step = kind == Function::Kind::Step;
  beginEntry(kind, step ? block.step : block.eval, block.name, t.name.loc);
  entry_->symbols.push_back({"batch", block.batch});
  require(1, Dim::symbol("batch"));  // of no rows there is no mean, and a NaN in the weights would stay
  assignedPaths(t.body, entry_->trainingPaths);
  const bool assigns = !entry_->trainingPaths.empty();
  if (step && !assigns)
    diagnostics_.warning(DiagCode::NoTraining, t.name.loc,
                         fmt::format("`{}` assigns nothing, so it trains nothing", t.name.text));
  entry_->trainingPaths.push_back(t.name.text);
  std::map<std::string, std::vector<const void*>> ordinals;
  ctx_ = Context{};
  ctx_.ordinals = &ordinals;
  ctx_.owner = trainRoots_[t.name.text];
  ctx_.training = step;
  ctx_.scope = scopes_.inside(scope);
  if (data)
    for (DataFieldInfo& f : data->fields) {
      FnVal fn;
      fn.kind = FnVal::Kind::Field;
      fn.field = &f;
      ctx_.scope->bind(f.name, Val::function(std::move(fn)), f.ast->name.loc);
      ctx_.scope->names[f.name].kind = Binding::Kind::Field;
    }
  ctx_.scope = scopes_.inside(ctx_.scope);
  const std::vector<bool> evaluated = neededBy(t.body, isMetric), acted = neededBy(t.body, isAction);
  bool failed = false;
  for (size_t i = 0; i < t.body.stmts.size(); ++i) {
    const ast::Stmt& s = *t.body.stmts[i];
    if (!step && !evaluated[i]) continue;
    try {
      if (const auto* m = s.tryAs<ast::Metric>()) {
        elaborateMetric(*m, block);
        continue;
      }
      // An instance that only metrics read is part of them: its state starts anew with each pass.
      Restore<Variable::Kind> keepKind(ctx_.owner->stateKind);
      if (evaluated[i] && !acted[i]) ctx_.owner->stateKind = Variable::Kind::MetricState;
      Val value = Val::none();
      evalStmt(s, false, value);
    } catch (const Reported&) {
      failed = true;
      defineFailed(s);
    }
  }
  try {
    if (auto it = ctx_.scope->names.find("loss"); it != ctx_.scope->names.end() && !it->second.val.is(ValKind::Error) &&
                                                  it->second.kind == Binding::Kind::Value) {
      const TensorVal loss = asTensor(it->second.val, it->second.at, "the loss");
      if (loss.type.rank() != 0 || !isFloat(loss.type.dtype)) {
        error(DiagCode::LossNotScalar, it->second.at,
              fmt::format("the loss is one float, and this is {}", loss.type.str()))
            .help(loss.type.rank() ? "reduce it to one number" : "write the conversion: `f32(…)`");
        throw Reported{};
      }
      entry_->outputs.insert(entry_->outputs.begin(), {OutputRole::Loss, "loss", loss.value});
    } else if (step && !failed) {
      requireLoss(t);
    }
  } catch (const Reported&) {
    failed = true;
  }
  if (failed) {
    entry_ = nullptr;
    return;
  }
  if (data) entry_->inputs = stepInputs(*data);
  finishEntry();
}

/// What a step takes, in an order that is the data block's alone: a host calls it by position, and must not be handed
/// the fields in another order because the block's lines changed places.
std::vector<std::string> Elaborator::stepInputs(const DataInfo& data) {
  const DataSource& source = module_.data[data.module];
  std::vector<std::string> inputs;
  for (const std::string& name : rawNames(*data.ast))
    for (const DataField& f : source.raw)
      if (f.name == name || f.source == name) inputs.push_back(fmt::format("{}.{}", source.name, f.name));
  return inputs;
}

/// A block that trains says by `let loss` what is reported, and what decides the best weights.
void Elaborator::requireLoss(const ast::Train& t) {
  const auto trains = [&](Cell* cell) {
    return cell->isVariable && cell->kind == Variable::Kind::Param && entry_->root->cells[cell].assigned;
  };
  const std::vector<Cell*>& cells = entry_->root->cellOrder;
  if (std::none_of(cells.begin(), cells.end(), trains)) return;
  std::vector<std::string> names;
  for (const auto& [name, binding] : ctx_.scope->names)
    if (binding.kind == Binding::Kind::Value) names.push_back(name);
  Diagnostic& d = error(DiagCode::NoLoss, t.name.loc, fmt::format("`{}` trains and has no `let loss`", t.name.text));
  if (const std::string near = nearestName("loss", names); !near.empty())
    d.help(fmt::format("is `{}` meant? It must be called `loss`", near));
  else
    d.help("`let loss = …` is one number that is reported and decides which weights are the best");
  throw Reported{};
}

void Elaborator::elaborateMetric(const ast::Metric& m, TrainBlock& block) {
  Instance* root = ctx_.owner;
  Instance* owner = nullptr;
  if (Instance::Member* known = root->find(m.name.text);
      known && known->child && known->child->stateKind == Variable::Kind::MetricState) {
    owner = known->child;
  } else {
    if (known)
      fail(DiagCode::Redefined, m.name.loc, fmt::format("`{}` is already a name in `{}`", m.name.text, root->path));
    owner = newInstance(root->path + "." + m.name.text, root, nullptr, m.name.loc);
    owner->isRoot = true;
    owner->stateKind = Variable::Kind::MetricState;
    root->members.push_back({m.name.text, owner, nullptr});
  }
  Val v;
  {
    Restore<Context> keep(ctx_);
    ctx_.owner = owner;
    v = eval(*m.value);
  }
  TensorVal t = asTensor(v, m.value->loc, "a metric");
  constexpr int64_t kMostNumbers = 10000;
  int64_t numbers = 1;
  for (const Dim& d : t.type.shape) {
    if (!d.isConst()) {
      error(DiagCode::SymbolicDimension, m.value->loc,
            fmt::format("a metric has the same shape in each batch, and this is {}", t.type.str()))
          .help("reduce it, to one number for example: `mean(…)`");
      throw Reported{};
    }
    numbers = std::min(numbers, kMostNumbers) * d.value();
  }
  if (numbers > kMostNumbers)
    fail(DiagCode::TooLarge, m.value->loc,
         fmt::format("a metric of {}; at most {} numbers are reported", t.type.str(), kMostNumbers));
  if (!isFloat(t.type.dtype)) t = cast(t, DType::F32, m.value->loc);
  if (Node& n = b().graph().node(t.value); n.name.empty()) n.name = m.name.text;
  entry_->outputs.push_back({OutputRole::Metric, m.name.text, t.value});
  if (entry_->kind == Function::Kind::Step) block.metrics.push_back(m.name.text);
  // A later line of the block may read it like a let.
  if (!ctx_.scope->names.contains(m.name.text) && !ctx_.scope->find(m.name.text))
    ctx_.scope->bind(m.name.text, Val::of(t), m.name.loc);
}

}  // namespace nnc::elab
