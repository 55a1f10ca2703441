#include "codegen/kernels/row_cache.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "codegen/kernels/loop_shape.h"
#include "plan/index.h"

namespace nnc::codegen {
namespace {

using plan::Atom;
using plan::Inst;
using plan::Ix;
using plan::Kernel;
using plan::Region;
using plan::Stage;

constexpr double kDear = 10;              // operations that are worth a store and a load
constexpr int64_t kNearBytes = 16 << 10;  // a row should stay in the nearest cache
constexpr int64_t kRowSlack = 64;         // elements that a last vector may write beyond the row

/// The row-major position among a stage's variables; nothing where an extent is not constant.
std::optional<Ix> positionIn(const Kernel& kernel, const Stage& stage, int64_t& elements) {
  Ix position;
  elements = 1;
  for (auto iter = stage.iters.rbegin(); iter != stage.iters.rend(); ++iter) {
    const Dim& extent = kernel.iters[*iter].extent;
    if (!extent.isConst()) return std::nullopt;
    position = position + Ix::iter(*iter) * Dim(elements);
    elements *= extent.value();
  }
  return position;
}

/// The instructions that compute `root`, in order.
std::vector<uint32_t> needed(const Region& body, const std::vector<uint32_t>& roots) {
  std::set<uint32_t> found;
  std::vector<uint32_t> open = roots;
  const auto visit = [&](const Ix& ix, auto&& self) -> void {
    for (const auto& [atom, coefficient] : ix.terms) {
      if (atom.kind == Atom::Kind::Inst) open.push_back(atom.id);
      if (atom.arg) self(*atom.arg, self);
    }
  };
  while (!open.empty()) {
    const uint32_t id = open.back();
    open.pop_back();
    if (!found.insert(id).second) continue;
    open.insert(open.end(), body[id].args.begin(), body[id].args.end());
    visit(body[id].index, visit);
    for (const plan::Guard& g : body[id].guards) visit(g.value, visit);
  }
  return {found.begin(), found.end()};
}

std::vector<uint32_t> rootsOf(const Stage& stage) {
  if (stage.kind == Stage::Kind::Reduce) return {stage.value};
  std::vector<uint32_t> roots;
  for (const plan::Store& s : stage.stores) roots.push_back(s.value);
  return roots;
}

/// Whether an index moves with a gathered position.
bool gathers(const Ix& ix) {
  return std::any_of(ix.terms.begin(), ix.terms.end(), [](const auto& term) {
    return term.first.kind == Atom::Kind::Inst || (term.first.arg && gathers(*term.first.arg));
  });
}

/// What an instruction computes, in words that are the same in stages over equal rows; empty where that is not known.
class Keys {
public:
  Keys(const Kernel& kernel, const Stage& stage) : kernel_(kernel), stage_(stage) {
    for (const Inst& inst : stage.body) {
      keys_.push_back(keyOf(inst));
      costs_.push_back(costOf(inst));
    }
    for (const uint32_t iter : stage.iters) extents_ += fmt::format("{},", kernel.iters[iter].extent.str());
  }

  /// The instruction's words if it is dear and moves along the row.
  std::string dear(uint32_t i) const {
    return !keys_[i].text.empty() && keys_[i].moves && costs_[i] >= kDear ? extents_ + keys_[i].text : "";
  }

private:
  struct Key {
    std::string text;
    bool moves = false;  // differs along the row
  };

  std::string nameOf(uint32_t iter) const {
    const auto at = std::find(stage_.iters.begin(), stage_.iters.end(), iter);
    return at == stage_.iters.end() ? fmt::format("t{}", iter) : fmt::format("r{}", at - stage_.iters.begin());
  }
  bool moves(const Ix& ix) const {
    return std::any_of(stage_.iters.begin(), stage_.iters.end(), [&](uint32_t iter) { return ix.dependsOn(iter); });
  }
  std::string text(const Ix& ix) const {
    return ix.str([this](uint32_t iter) { return nameOf(iter); });
  }

  Key keyOf(const Inst& inst) const {
    Key key;
    const auto kind = static_cast<int>(inst.kind), dtype = static_cast<int>(inst.dtype);
    switch (inst.kind) {
      case Inst::Kind::Const:
        return {fmt::format("c{}:{:a}", dtype, inst.constant), false};
      case Inst::Kind::Result:
        return {fmt::format("s{}:{}", dtype, inst.stage), false};
      case Inst::Kind::Index:
        if (gathers(inst.index)) return {};
        return {fmt::format("i{}:{}", dtype, text(inst.index)), moves(inst.index)};
      case Inst::Kind::Load:
        if (gathers(inst.index) || inst.operand >= kernel_.operands - kernel_.outputs) return {};
        key = {fmt::format("l{}:{}[{}]{:a}", dtype, inst.operand, text(inst.index), inst.otherwise), moves(inst.index)};
        for (const plan::Guard& g : inst.guards) {
          if (gathers(g.value)) return {};
          key.text += fmt::format("?{}:{}:{}", text(g.value), g.lo.str(), g.hi.str());
          key.moves |= moves(g.value);
        }
        return key;
      case Inst::Kind::Op:
        break;
    }
    key.text = fmt::format("{}.{}:{}(", kind, dtype, static_cast<int>(inst.op));
    for (const uint32_t a : inst.args) {
      if (keys_[a].text.empty() || key.text.size() > kLongest) return {};
      key.text += keys_[a].text + ",";
      key.moves |= keys_[a].moves;
    }
    key.text += ")";
    return key;
  }

  double costOf(const Inst& inst) const {
    double cost = inst.kind == Inst::Kind::Op ? opCost(inst.op) : inst.kind == Inst::Kind::Load ? 1 : 0;
    for (const uint32_t a : inst.args)
      if (keys_[a].moves) cost += costs_[a];
    return cost;
  }

  static constexpr size_t kLongest = 4000;

  const Kernel& kernel_;
  const Stage& stage_;
  std::vector<Key> keys_;
  std::vector<double> costs_;
  std::string extents_;
};

/// The largest of the allowed expressions that a stage needs: instruction by words.
std::map<std::string, uint32_t> largest(const Stage& stage, const Keys& keys, const std::set<std::string>& refused) {
  std::map<std::string, uint32_t> found;
  std::set<uint32_t> seen;
  std::vector<uint32_t> open = rootsOf(stage);
  while (!open.empty()) {
    const uint32_t i = open.back();
    open.pop_back();
    if (!seen.insert(i).second) continue;
    const std::string key = keys.dear(i);
    if (!key.empty() && !refused.contains(key))
      found.emplace(key, i);
    else
      open.insert(open.end(), stage.body[i].args.begin(), stage.body[i].args.end());
  }
  return found;
}

/// The expressions that at least two stages share, by stage: instruction by words.
std::vector<std::map<std::string, uint32_t>> sharedExpressions(const Kernel& kernel) {
  std::vector<Keys> keys;
  for (const Stage& stage : kernel.stages) keys.emplace_back(kernel, stage);
  std::set<std::string> refused;
  for (;;) {
    std::vector<std::map<std::string, uint32_t>> found;
    std::map<std::string, int> count;
    for (size_t s = 0; s < kernel.stages.size(); ++s) {
      const bool runs = !kernel.stages[s].iters.empty();
      found.push_back(runs ? largest(kernel.stages[s], keys[s], refused) : std::map<std::string, uint32_t>());
      for (const auto& [key, inst] : found.back()) ++count[key];
    }
    // What only one stage needs is given up for its parts, the largest first: a part of it may be shared.
    std::string alone;
    for (const auto& [key, n] : count)
      if (n < 2 && key.size() > alone.size()) alone = key;
    if (alone.empty()) return found;
    refused.insert(alone);
  }
}

/// A stage that stores an expression into a row.
Stage storingStage(const Stage& from, uint32_t root, uint32_t operand, const Ix& position) {
  Stage stage;
  stage.iters = from.iters;
  std::map<uint32_t, uint32_t> renumbered;
  for (const uint32_t i : needed(from.body, {root})) {
    Inst inst = from.body[i];
    for (uint32_t& a : inst.args) a = renumbered.at(a);
    renumbered[i] = static_cast<uint32_t>(stage.body.size());
    stage.body.push_back(std::move(inst));
  }
  stage.stores.push_back({operand, position, {}, renumbered.at(root), false});
  return stage;
}

/// Drops what a stage no longer needs.
void prune(Stage& stage) {
  if (std::any_of(stage.body.begin(), stage.body.end(), [](const Inst& i) { return gathers(i.index); })) return;
  std::map<uint32_t, uint32_t> renumbered;
  Region body;
  std::vector<uint32_t> roots = rootsOf(stage);
  for (const uint32_t i : needed(stage.body, roots)) {
    renumbered[i] = static_cast<uint32_t>(body.size());
    Inst inst = std::move(stage.body[i]);
    for (uint32_t& a : inst.args) a = renumbered.at(a);
    body.push_back(std::move(inst));
  }
  stage.body = std::move(body);
  for (plan::Store& s : stage.stores) s.value = renumbered.at(s.value);
  if (stage.kind == Stage::Kind::Reduce) stage.value = renumbered.at(stage.value);
}

/// Stores may be guarded or addressed by instructions, whose numbers pruning would change.
bool storesPlainly(const Stage& stage) {
  return std::all_of(stage.stores.begin(), stage.stores.end(), [](const plan::Store& s) {
    return !gathers(s.index) &&
           std::none_of(s.guards.begin(), s.guards.end(), [](const plan::Guard& g) { return gathers(g.value); });
  });
}

}  // namespace

std::vector<uint64_t> shareRows(Kernel& kernel) {
  std::vector<uint64_t> sizes;
  if (kernel.stages.size() < 2 || !std::all_of(kernel.stages.begin(), kernel.stages.end(), storesPlainly)) return sizes;
  const auto shared = sharedExpressions(kernel);
  std::vector<Stage> stages;
  std::vector<uint32_t> numbers;  // of the old stages among the new ones
  std::map<std::string, uint32_t> rows;
  for (size_t s = 0; s < kernel.stages.size(); ++s) {
    Stage stage = kernel.stages[s];
    bool changed = false;
    for (const auto& [key, inst] : shared[s]) {
      int64_t elements = 0;
      const std::optional<Ix> position = positionIn(kernel, stage, elements);
      const DType dtype = stage.body[inst].dtype;
      if (!position || elements * dtypeSize(dtype) > kNearBytes) continue;
      const auto [row, isNew] = rows.emplace(key, kernel.operands + static_cast<uint32_t>(sizes.size()));
      if (isNew) {
        sizes.push_back(static_cast<uint64_t>((elements + kRowSlack) * dtypeSize(dtype)));
        stages.push_back(storingStage(kernel.stages[s], inst, row->second, *position));
      }
      Inst load;
      load.kind = Inst::Kind::Load;
      load.dtype = dtype;
      load.operand = row->second;
      load.index = *position;
      stage.body[inst] = std::move(load);
      changed = true;
    }
    if (changed) prune(stage);
    numbers.push_back(static_cast<uint32_t>(stages.size()));
    stages.push_back(std::move(stage));
  }
  for (Stage& stage : stages)
    for (Inst& inst : stage.body)
      if (inst.kind == Inst::Kind::Result) inst.stage = numbers[inst.stage];
  kernel.stages = std::move(stages);
  return sizes;
}

}  // namespace nnc::codegen
