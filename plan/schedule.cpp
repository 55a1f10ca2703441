// Units to phases: launches without conflicts share a phase; loops and branches stand between phases.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <set>

#include "plan/planner.h"
#include "plan/text.h"

namespace nnc::plan {
namespace {

class Scheduler {
public:
  Scheduler(FunctionContext& function, Plan& plan) : function_(function), entry_(function.entry), plan_(plan) {
    for (KernelId k = 0; k < plan.kernels.size(); ++k) {
      known_[plan.kernels[k].sortKey()] = k;
      names_.insert(plan.kernels[k].name);
    }
  }

  void add(std::vector<Unit> units) {
    std::vector<Unit> segment;
    for (Unit& unit : units) {
      if (unit.kind == Unit::Kind::Kernel) {
        segment.push_back(std::move(unit));
        continue;
      }
      addPhases(std::move(segment));
      segment.clear();
      addControl(std::move(unit));
    }
    addPhases(std::move(segment));
  }

private:
  void addControl(Unit unit) {
    const bool loop = unit.kind == Unit::Kind::Loop;
    entry_.steps.push_back(unit.step);
    add(std::move(unit.body));
    if (!loop) {
      entry_.steps.push_back(markStep(Step::Kind::Else));
      add(std::move(unit.other));
    }
    entry_.steps.push_back(markStep(loop ? Step::Kind::EndLoop : Step::Kind::EndIf));
  }

  static Step markStep(Step::Kind kind) {
    Step step;
    step.kind = kind;
    return step;
  }

  /// Each unit goes into the earliest phase behind all it conflicts with. Writers that fill disjoint parts of one
  /// buffer do not conflict.
  void addPhases(std::vector<Unit> units) {
    std::vector<std::vector<Unit>> phases;
    std::map<BufId, size_t> read, filled, changed;  // 1 + last phase that does so
    for (Unit& unit : units) {
      size_t level = 0;
      const auto after = [&level](const std::map<BufId, size_t>& table, BufId b) {
        if (const auto at = table.find(b); at != table.end()) level = std::max(level, at->second);
      };
      for (const BufId b : unit.reads) after(filled, b), after(changed, b);
      for (const BufId b : unit.writes) {
        after(read, b), after(changed, b);
        if (unit.overwrites) after(filled, b);
      }
      const auto note = [level](std::map<BufId, size_t>& table, BufId b) { table[b] = std::max(table[b], level + 1); };
      for (const BufId b : unit.reads) note(read, b);
      for (const BufId b : unit.writes) note(unit.overwrites ? changed : filled, b);
      if (phases.size() <= level) phases.resize(level + 1);
      phases[level].push_back(std::move(unit));
    }
    for (std::vector<Unit>& group : freeFirst(std::move(phases))) {
      Step step;
      step.phase = static_cast<uint32_t>(entry_.phases.size());
      Phase phase;
      for (Unit& unit : group) phase.launches.push_back(launchOf(unit));
      entry_.phases.push_back(std::move(phase));
      entry_.steps.push_back(step);
    }
  }

  /// Splits a phase in two where some of its launches are the last to read much and others write much that is new: the
  /// first then free the storage that the others take. Small ones are left together: a barrier would cost more.
  std::vector<std::vector<Unit>> freeFirst(std::vector<std::vector<Unit>> phases) const {
    constexpr int64_t kMuch = 1 << 20;
    std::map<BufId, size_t> firstWrite, lastRead;
    for (size_t p = 0; p < phases.size(); ++p)
      for (const Unit& unit : phases[p]) {
        for (const BufId b : unit.writes) firstWrite.try_emplace(b, p);
        for (const BufId b : unit.reads) lastRead[b] = p;
      }
    std::vector<std::vector<Unit>> result;
    for (size_t p = 0; p < phases.size(); ++p) {
      int64_t freed = 0, taken = 0;
      std::vector<Unit> freeing, taking;
      for (Unit& unit : phases[p]) {
        int64_t takes = 0, frees = 0;
        for (const BufId b : unit.writes)
          if (firstWrite[b] == p) takes += temporaryBytes(b);
        for (const BufId b : unit.reads)
          if (lastRead[b] == p) frees += temporaryBytes(b);
        (takes >= kMuch ? taken : freed) += takes >= kMuch ? takes : frees;
        (takes >= kMuch ? taking : freeing).push_back(std::move(unit));
      }
      const bool split = freed >= kMuch && taken >= kMuch;
      if (!split) std::move(taking.begin(), taking.end(), std::back_inserter(freeing));
      result.push_back(std::move(freeing));
      if (split) result.push_back(std::move(taking));
    }
    return result;
  }

  /// The most bytes of a buffer that needs a place in the arena.
  int64_t temporaryBytes(BufId b) const {
    const Buffer& buffer = entry_.buffers[b];
    if (buffer.role != Role::Arena) return 0;
    return elementCount(buffer.type.shape).most(function_.bounds) * dtypeSize(buffer.type.dtype);
  }

  Launch launchOf(Unit& unit) {
    KernelDraft& draft = unit.draft;
    orderLoops(draft, function_.bounds);
    collapseLoops(draft.kernel);
    chooseSumOrders(draft.kernel);
    finishKernel(draft, function_.bounds);
    const std::string key = draft.kernel.sortKey();
    const auto [at, isNew] = known_.try_emplace(key, static_cast<KernelId>(plan_.kernels.size()));
    if (isNew) {
      const std::string name = draft.kernel.name;
      for (int i = 2; !names_.insert(draft.kernel.name).second; ++i) draft.kernel.name = fmt::format("{}_{}", name, i);
      plan_.kernels.push_back(draft.kernel);
    }
    return {at->second, draft.bind, unit.origin};
  }

  FunctionContext& function_;
  Entry& entry_;
  Plan& plan_;
  std::map<std::string, KernelId> known_;
  std::set<std::string> names_;
};

}  // namespace

void schedule(FunctionContext& function, Plan& plan, std::vector<Unit> units) {
  Scheduler(function, plan).add(std::move(units));
}

std::string Kernel::sortKey() const {
  Kernel copy = *this;
  copy.name.clear();
  for (Iter& iter : copy.iters) iter.name.clear();
  copy.flops = 0;
  return printKernel(copy);
}

}  // namespace nnc::plan
