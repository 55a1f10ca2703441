// Blocks of rows. Kernels that work on each row by itself are run one after the other on a few rows at a time, by one
// thread: what one hands to the next then stays in that thread's caches, needs neither a place for all rows nor a
// barrier. Image by image a convolution and its pooling; text by text scores, softmax and values of an attention.
#include "plan/blocks.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <set>

namespace nnc::plan {
namespace {

/// What a launch reads and writes of a block should stay in the second level of caches.
constexpr double kBlockBytes = 1024 << 10;
/// Contractions pack their weights once for each block. With so many operations for each element of them that takes two
/// percent of their time.
constexpr double kUsesOfWeights = 400;

struct Scheduled {
  Launch launch;
  uint32_t phase = 0;  // in which it was scheduled
  std::set<BufId> reads, writes;
  bool byRows = false;
  double rowBytes = 0;  // of all it reads and writes
  double leastRows = 1;
};

bool meet(const std::set<BufId>& a, const std::set<BufId>& b) {
  return std::any_of(a.begin(), a.end(), [&b](BufId x) { return b.contains(x); });
}

class Blocks {
public:
  Blocks(FunctionContext& function, const Plan& plan, const Symbol& symbol)
      : entry_(function.entry),
        plan_(plan),
        bounds_(function.bounds),
        symbol_(symbol),
        always_(function.options.blocks == PlanOptions::Blocks::OneRow) {}

  void run() {
    countUses();
    const std::vector<Step> steps = std::exchange(entry_.steps, {});
    phases_ = std::exchange(entry_.phases, {});
    int depth = 0;
    std::vector<Scheduled> segment;
    for (const Step& step : steps) {
      using Kind = Step::Kind;
      if (step.kind == Kind::Phase && depth == 0) {
        for (const Launch& launch : phases_[step.phase].launches) segment.push_back(itemOf(launch, step.phase));
        continue;
      }
      blockSegment(std::exchange(segment, {}));
      addPlain();
      depth += step.kind == Kind::Loop || step.kind == Kind::If || step.kind == Kind::Blocks;
      depth -= step.kind == Kind::EndLoop || step.kind == Kind::EndIf || step.kind == Kind::EndBlocks;
      entry_.steps.push_back(step);
      if (step.kind == Kind::Phase) {
        entry_.steps.back().phase = static_cast<uint32_t>(entry_.phases.size());
        entry_.phases.push_back(phases_[step.phase]);
      }
    }
    blockSegment(std::move(segment));
    addPlain();
  }

private:
  /// How many launches touch each buffer; those that steps name count as touched from outside.
  void countUses() {
    for (const Phase& phase : entry_.phases)
      for (const Launch& launch : phase.launches)
        for (const BufId b : std::set<BufId>(launch.bind.begin(), launch.bind.end())) ++uses_[b];
    for (const Step& step : entry_.steps) {
      ++uses_[step.counter], ++uses_[step.predicate];
      for (const Slice& s : step.slices) ++uses_[s.slice], ++uses_[s.whole];
    }
  }

  const Type& typeOf(BufId b) const { return entry_.buffers[b].type; }

  double bytesOfRow(BufId b) const {
    const auto elements = rowElements(typeOf(b), symbol_.name);
    return elements ? static_cast<double>(elements->most(bounds_) * dtypeSize(typeOf(b).dtype)) : 0;
  }

  Scheduled itemOf(const Launch& launch, uint32_t phase) const {
    const Kernel& kernel = plan_.kernels[launch.kernel];
    Scheduled item{launch, phase, {}, {}};
    std::vector<const Type*> types;
    double weights = 0;
    for (size_t o = 0; o < launch.bind.size(); ++o) {
      const BufId b = launch.bind[o];
      types.push_back(&typeOf(b));
      (o + kernel.outputs < launch.bind.size() ? item.reads : item.writes).insert(b);
      const double row = bytesOfRow(b);
      item.rowBytes += row;
      if (row == 0) weights += static_cast<double>(elementCount(typeOf(b).shape).most(bounds_));
    }
    item.byRows = worksByRows(kernel, types, symbol_.name);
    if (kernel.tmpl != Template::Loop)
      item.leastRows =
          std::ceil(kUsesOfWeights * weights / std::max(kernel.flops / static_cast<double>(symbol_.bound), 1.0));
    return item;
  }

  double rowsOfBlock(const std::vector<Scheduled>& group) const {
    double rows = static_cast<double>(symbol_.bound);
    for (const Scheduled& item : group) rows = std::min(rows, std::floor(kBlockBytes / std::max(item.rowBytes, 1.0)));
    return always_ ? 1 : std::max(rows, 1.0);
  }

  bool joins(const Scheduled& item, std::vector<Scheduled> group) const {
    if (!item.byRows) return false;
    group.push_back(item);
    const double rows = rowsOfBlock(group);
    return always_ ||
           std::all_of(group.begin(), group.end(), [rows](const Scheduled& i) { return i.leastRows <= rows; });
  }

  static bool conflicts(const Scheduled& item, const std::vector<Scheduled>& group) {
    return std::any_of(group.begin(), group.end(), [&item](const Scheduled& g) {
      return meet(item.reads, g.writes) || meet(item.writes, g.reads) || meet(item.writes, g.writes);
    });
  }

  /// Launches in the order of their phases. What can join the group does; what is independent of it comes before it.
  void blockSegment(std::vector<Scheduled> items) {
    std::vector<Scheduled> before, group;
    for (Scheduled& item : items) {
      if (joins(item, group)) {
        group.push_back(std::move(item));
      } else if (!conflicts(item, group)) {
        before.push_back(std::move(item));
      } else {
        emit(std::exchange(before, {}), std::exchange(group, {}));
        (joins(item, {}) ? group : before).push_back(std::move(item));
      }
    }
    emit(std::move(before), std::move(group));
  }

  /// Temporaries that only launches of the group touch.
  std::set<BufId> ownOf(const std::vector<Scheduled>& group) const {
    std::map<BufId, int> uses;
    for (const Scheduled& item : group)
      for (const BufId b : std::set<BufId>(item.launch.bind.begin(), item.launch.bind.end())) ++uses[b];
    std::set<BufId> own;
    for (const auto& [b, count] : uses)
      if (entry_.buffers[b].role == Role::Arena && bytesOfRow(b) > 0 && uses_.at(b) == count) own.insert(b);
    return own;
  }

  /// Blocks of what lies between the first and the last launch of the group that touch its own temporaries, if that
  /// pays; the others, and those that must come before, stay as they are.
  void emit(std::vector<Scheduled> before, std::vector<Scheduled> group) {
    const std::set<BufId> own = ownOf(group);
    const auto touches = [&own](const Scheduled& i) { return meet(i.reads, own) || meet(i.writes, own); };
    const auto first = std::find_if(group.begin(), group.end(), touches);
    const auto last = std::find_if(group.rbegin(), std::make_reverse_iterator(first), touches).base();
    const std::vector<Scheduled> blocked(first, last);
    const double rows = rowsOfBlock(blocked);
    std::move(before.begin(), before.end(), std::back_inserter(plain_));
    const bool pays = !own.empty() && rows < static_cast<double>(symbol_.bound);
    plain_.insert(plain_.end(), group.begin(), pays ? first : group.end());
    if (!pays) return;
    addPlain();
    Step step;
    step.kind = Step::Kind::Blocks;
    step.symbol = symbol_.name;
    step.rows = static_cast<int64_t>(rows);
    std::set<BufId> moved;
    for (const Scheduled& item : blocked)
      for (const BufId b : item.launch.bind)
        if (bytesOfRow(b) > 0 && !own.contains(b)) moved.insert(b);
    step.moved.assign(moved.begin(), moved.end());
    for (const BufId b : own) entry_.buffers[b].role = Role::Scratch;
    entry_.steps.push_back(std::move(step));
    addPhases(blocked);
    step = Step();
    step.kind = Step::Kind::EndBlocks;
    entry_.steps.push_back(std::move(step));
    plain_.assign(last, group.end());
  }

  void addPlain() {
    std::stable_sort(plain_.begin(), plain_.end(),
                     [](const Scheduled& a, const Scheduled& b) { return a.phase < b.phase; });
    addPhases(std::exchange(plain_, {}));
  }

  /// Launches in the order of their phases: as many phases again.
  void addPhases(const std::vector<Scheduled>& items) {
    for (size_t i = 0; i < items.size(); ++i) {
      if (i == 0 || items[i].phase != items[i - 1].phase) {
        Step step;
        step.phase = static_cast<uint32_t>(entry_.phases.size());
        entry_.steps.push_back(step);
        entry_.phases.emplace_back();
      }
      entry_.phases.back().launches.push_back(items[i].launch);
    }
  }

  Entry& entry_;
  const Plan& plan_;
  const std::map<std::string, int64_t>& bounds_;
  const Symbol symbol_;
  bool always_;
  std::vector<Phase> phases_;     // as they were scheduled
  std::vector<Scheduled> plain_;  // not in blocks, to be added before the next blocks
  std::map<BufId, int> uses_;
};

}  // namespace

void blockRows(FunctionContext& function, const Plan& plan) {
  if (function.options.blocks == PlanOptions::Blocks::None || !function.options.reuse) return;
  for (const Symbol& symbol : function.entry.symbols)
    if (symbol.bound > 1) Blocks(function, plan, symbol).run();
}

}  // namespace nnc::plan
