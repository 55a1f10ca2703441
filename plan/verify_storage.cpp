// Rules for storage over time: the steps are run on what each buffer holds,
// whole values of it or nothing, loops until nothing changes, both sides of a
// branch.
#include "plan/verify.h"

#include <algorithm>
#include <utility>

namespace nnc::plan {
namespace {

constexpr BufId kNone = UINT32_MAX;

/// What a launch reads and writes.
struct Access {
  std::set<BufId> reads, writes;
};

/// For each buffer whether it holds its value; where not, the buffer whose
/// write took it away, if one did.
struct Held {
  std::vector<char> value;
  std::vector<BufId> takenBy;
  bool operator==(const Held& o) const { return value == o.value; }
};

class StorageRules {
public:
  StorageRules(const EntryView& view, Violations& violations)
      : view_(view), entry_(view.entry), violations_(violations) {}

  void check() {
    for (const Phase& phase : entry_.phases) checkPhase(phase);
    checkLifetimes();
    checkWrittenWhole();
    const size_t n = entry_.buffers.size();
    held_ = {std::vector<char>(n, false), std::vector<BufId>(n, kNone)};
    for (BufId b = 0; b < n; ++b) {
      const Role role = entry_.buffers[b].role;
      held_.value[b] = role != Role::Arena && role != Role::Output;
    }
    run(0, entry_.steps.size());
    for (const EntryOutput& o : entry_.outputs)
      if (!held_.value[o.buffer]) violations_.report("the output `{}` is never written", o.name);
  }

private:
  Access accessOf(const Launch& launch) const {
    Access a;
    std::set<uint32_t> written;  // by an earlier stage of the same task
    for (const Stage& stage : view_.kernelOf(launch).stages) {
      for (const Inst& inst : stage.body)
        if (inst.kind == Inst::Kind::Load && !written.contains(inst.operand)) a.reads.insert(launch.bind[inst.operand]);
      for (const Store& s : stage.stores) {
        a.writes.insert(launch.bind[s.operand]);
        if (s.accumulate) a.reads.insert(launch.bind[s.operand]);
        written.insert(s.operand);
      }
    }
    return a;
  }

  // ---- launches of one phase run in any order ----

  void checkPhase(const Phase& phase) {
    std::vector<Access> accesses;
    for (const Launch& launch : phase.launches) accesses.push_back(accessOf(launch));
    for (size_t i = 0; i < accesses.size(); ++i)
      for (size_t j = 0; j < accesses.size(); ++j) {
        if (i == j) continue;
        for (const BufId w : accesses[i].writes) {
          for (const BufId r : accesses[j].reads)
            if (view_.overlap(w, r))
              violations_.report("{} reads b{} in the phase in which {} writes b{}",
                                 view_.kernelOf(phase.launches[j]).name, r, view_.kernelOf(phase.launches[i]).name, w);
          for (const BufId other : accesses[j].writes)
            if (w < other && view_.overlap(w, other) && view_.storageOf(w) != view_.storageOf(other))
              violations_.report("b{} and b{} share storage and are written in one phase", w, other);
        }
      }
  }

  // ---- the lives that the plan declares ----

  bool lives(BufId b) const { return entry_.buffers[b].role == Role::Arena && view_.storageOf(b) == b; }

  void checkUse(BufId b, uint32_t step) {
    b = view_.storageOf(b);
    const Buffer& buffer = entry_.buffers[b];
    if (lives(b) && (step < buffer.first || step > buffer.last))
      violations_.report("b{} is used at step {} but lives from {} to {}", b, step, buffer.first, buffer.last);
  }

  void checkLifetimes() {
    for (uint32_t i = 0; i < entry_.steps.size(); ++i) {
      const Step& step = entry_.steps[i];
      if (step.kind == Step::Kind::If) {
        checkUse(step.predicate, i);
        if (view_.isOutput(step.predicate))
          violations_.report("step {} asks an output, which its caller may not want", i);
      }
      if (step.counter != kNone) checkUse(step.counter, i);
      if (step.kind != Step::Kind::Phase) continue;
      for (const Launch& launch : entry_.phases[step.phase].launches)
        for (const BufId b : launch.bind) checkUse(b, i);
    }
    for (BufId a = 0; a < entry_.buffers.size(); ++a) {
      if (!lives(a)) continue;
      const Buffer& x = entry_.buffers[a];
      if (x.offset % 64 != 0 || x.offset + x.bytesAtBound > entry_.arenaBytes)
        violations_.report("b{} leaves the arena or is not aligned", a);
      for (BufId b = a + 1; b < entry_.buffers.size(); ++b)
        if (lives(b) && view_.overlap(a, b)) checkShared(a, b);
    }
  }

  /// In place: the one begins in the step in which the other ends.
  void checkShared(BufId a, BufId b) {
    const Buffer &x = entry_.buffers[a], &y = entry_.buffers[b];
    if (x.first > y.last || y.first > x.last) return;
    const bool related = x.alias == b || y.alias == a || (x.alias != kNone && x.alias == y.alias);
    if (!related || (x.last != y.first && y.last != x.first))
      violations_.report("b{} and b{} share storage while both live", a, b);
  }

  // ---- every element is written ----

  /// Elements that a store writes; -1 if its index does not tell.
  int64_t countOf(const Launch& launch, const Stage& stage, const Store& store) const {
    const Kernel& kernel = view_.kernelOf(launch);
    if (!store.guards.empty() || store.accumulate) return -1;
    int64_t count = 1;
    for (const auto* iters : {&kernel.taskIters, &stage.iters})
      for (const uint32_t i : *iters) count *= view_.at(kernel.iters[i].extent);
    return count;
  }

  void checkWrittenWhole() {
    std::vector<int64_t> written(entry_.buffers.size(), 0);
    std::vector<char> unknown(entry_.buffers.size(), false), read(entry_.buffers.size(), false);
    for (const Phase& phase : entry_.phases)
      for (const Launch& launch : phase.launches) {
        for (const Stage& stage : view_.kernelOf(launch).stages)
          for (const Store& s : stage.stores) {
            const BufId b = launch.bind[s.operand];
            const int64_t count = countOf(launch, stage, s);
            if (count < 0)
              unknown[b] = true;
            else
              written[b] += count;
          }
        for (const BufId b : accessOf(launch).reads) read[b] = true;
      }
    for (const auto& [slice, whole] : view_.wholes) unknown[whole] = true;
    for (BufId b = 0; b < entry_.buffers.size(); ++b) {
      const Role role = entry_.buffers[b].role;
      const bool wanted = role == Role::Output || (role == Role::Arena && read[b] && view_.storageOf(b) == b);
      if (wanted && !unknown[b] && !isCounter(b) && written[b] < view_.count(b))
        violations_.report("b{} has {} elements, of which {} are written", b, view_.count(b), written[b]);
    }
  }

  bool isCounter(BufId b) const {
    return std::any_of(entry_.steps.begin(), entry_.steps.end(), [b](const Step& s) { return s.counter == b; });
  }

  // ---- what is read holds its value ----

  void mustHold(BufId b, const std::string& reader) {
    b = view_.storageOf(b);
    if (held_.value[b]) return;
    if (held_.takenBy[b] == kNone)
      violations_.report("{} reads b{} before it is written", reader, b);
    else
      violations_.report("{} reads b{}, whose storage b{} has taken", reader, b, held_.takenBy[b]);
  }

  void write(BufId b) {
    b = view_.storageOf(b);
    for (BufId other = 0; other < entry_.buffers.size(); ++other) {
      if (other == b || !held_.value[other] || !view_.overlap(b, other) || view_.storageOf(other) == b) continue;
      held_.value[other] = false;
      held_.takenBy[other] = b;
    }
    held_.value[b] = true;
  }

  void runPhase(const Phase& phase) {
    std::vector<Access> accesses;
    for (const Launch& launch : phase.launches) {
      accesses.push_back(accessOf(launch));
      for (const BufId b : accesses.back().reads) mustHold(b, view_.kernelOf(launch).name);
    }
    for (const Access& a : accesses)
      for (const BufId b : a.writes) write(b);
  }

  size_t matching(size_t at, Step::Kind open, Step::Kind close) const {
    for (int depth = 0;; ++at) {
      if (entry_.steps[at].kind == open) ++depth;
      if (entry_.steps[at].kind == close && --depth == 0) return at;
    }
  }

  /// What both hold.
  static Held both(Held a, const Held& b) {
    for (size_t i = 0; i < a.value.size(); ++i)
      if (!b.value[i]) {
        if (a.value[i]) a.takenBy[i] = b.takenBy[i];
        a.value[i] = false;
      }
    return a;
  }

  void run(size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      const Step& step = entry_.steps[i];
      if (step.kind == Step::Kind::Phase) runPhase(entry_.phases[step.phase]);
      if (step.kind == Step::Kind::Loop) {
        const size_t close = matching(i, Step::Kind::Loop, Step::Kind::EndLoop);
        runLoop(step, i + 1, close);
        i = close;
      }
      if (step.kind == Step::Kind::If) {
        mustHold(step.predicate, fmt::format("step {}", i));
        const size_t close = matching(i, Step::Kind::If, Step::Kind::EndIf);
        size_t middle = i + 1;
        for (; entry_.steps[middle].kind != Step::Kind::Else; ++middle)
          if (entry_.steps[middle].kind == Step::Kind::If) middle = matching(middle, Step::Kind::If, Step::Kind::EndIf);
        const Held before = held_;
        run(i + 1, middle);
        const Held then = std::exchange(held_, before);
        run(middle + 1, close);
        held_ = both(then, held_);
        i = close;
      }
    }
  }

  /// A round may begin after any other: what it relies on, every round leaves.
  void runLoop(const Step& step, size_t begin, size_t end) {
    for (Held before = held_;;) {
      if (step.counter != kNone) write(step.counter);
      run(begin, end);
      const Held again = both(before, held_);
      if (again == before) return;
      held_ = before = again;
    }
  }

  const EntryView& view_;
  const Entry& entry_;
  Violations& violations_;
  Held held_;
};

}  // namespace

void verifyStorage(const EntryView& view, Violations& violations) {
  StorageRules(view, violations).check();
}

}  // namespace nnc::plan
