// Rules for storage over time: the steps are run on what each buffer holds, loops until nothing changes, both sides of
// a branch.
#include <algorithm>
#include <utility>

#include "plan/verify.h"
#include "plan/verify_coverage.h"

namespace nnc::plan {
namespace {

/// What a launch reads and writes.
struct Access {
  std::set<BufId> reads;
  std::vector<Piece> writes;
};

/// What the buffers hold between two steps, whichever way led there.
struct Held {
  std::vector<char> whole;                    // all of its value
  std::map<BufId, std::vector<Piece>> parts;  // of buffers that are not whole: what has been written of them
  std::vector<BufId> takenBy;                 // the buffer whose write took the value away, if one did
  bool operator==(const Held& o) const { return whole == o.whole && parts == o.parts; }
};

class StorageRules {
public:
  StorageRules(const EntryView& view, Violations& violations)
      : view_(view), entry_(view.entry), violations_(violations), coverage_(view) {
    for (const Phase& phase : entry_.phases)
      for (const Launch& launch : phase.launches) accesses_[&launch] = accessOf(launch);
  }

  void check() {
    for (const Phase& phase : entry_.phases) checkPhase(phase);
    checkLifetimes();
    const size_t n = entry_.buffers.size();
    held_ = {std::vector<char>(n, false), {}, std::vector<BufId>(n, kNoBuffer)};
    for (BufId b = 0; b < n; ++b) {
      const Role role = entry_.buffers[b].role;
      held_.whole[b] = (!isTemporary(entry_.buffers[b]) && role != Role::Output) || view_.count(b) == 0;
    }
    run(0, entry_.steps.size());
    for (const EntryOutput& o : entry_.outputs)
      if (!held_.whole[o.buffer]) violations_.report("the output `{}` is never written{}", o.name, inPart(o.buffer));
  }

private:
  Access accessOf(const Launch& launch) const {
    Access a;
    std::set<uint32_t> written;  // by an earlier stage of the same task
    for (const Stage& stage : view_.kernelOf(launch).stages) {
      for (const Inst& inst : stage.body)
        if (inst.kind == Inst::Kind::Load && !written.contains(inst.operand)) a.reads.insert(launch.bind[inst.operand]);
      for (const Store& s : stage.stores) {
        const BufId b = launch.bind[s.operand];
        a.writes.push_back({b, &launch, &stage, &s});
        if (s.accumulate) a.reads.insert(b);
        written.insert(s.operand);
      }
    }
    return a;
  }

  // ---- launches of one phase run in any order ----

  void checkPhase(const Phase& phase) {
    for (const Launch& writer : phase.launches)
      for (const Launch& other : phase.launches) {
        if (&writer == &other) continue;
        const Access& a = accesses_.at(&writer);
        const Access& b = accesses_.at(&other);
        for (const Piece& w : a.writes) {
          for (const BufId r : b.reads)
            if (view_.overlap(w.buffer, r))
              violations_.report("{} reads b{} in the phase in which {} writes b{}", view_.kernelOf(other).name, r,
                                 view_.kernelOf(writer).name, w.buffer);
          for (const Piece& v : b.writes) checkTogether(w, v);
        }
      }
  }

  void checkTogether(const Piece& w, const Piece& v) {
    if (!view_.overlap(w.buffer, v.buffer)) return;
    const bool apart =
        view_.storageOf(w.buffer) == view_.storageOf(v.buffer) && (w.buffer != v.buffer || coverage_.areApart(w, v));
    if (!apart) violations_.report("b{} and b{} share storage and are written in one phase", w.buffer, v.buffer);
  }

  // ---- the lives that the plan declares ----

  bool lives(BufId b) const { return isTemporary(entry_.buffers[b]) && view_.storageOf(b) == b; }

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
      if (step.counter != kNoBuffer) checkUse(step.counter, i);
      if (step.kind != Step::Kind::Phase) continue;
      for (const Launch& launch : entry_.phases[step.phase].launches)
        for (const BufId b : launch.bind) checkUse(b, i);
    }
    for (BufId a = 0; a < entry_.buffers.size(); ++a) {
      if (!lives(a)) continue;
      const Buffer& x = entry_.buffers[a];
      if (x.offset % 64 != 0 ||
          x.offset + x.bytesAtBound > (x.role == Role::Arena ? entry_.arenaBytes : entry_.scratchBytes))
        violations_.report("b{} leaves the arena or is not aligned", a);
      for (BufId b = a + 1; b < entry_.buffers.size(); ++b)
        if (lives(b) && view_.overlap(a, b)) checkShared(a, b);
    }
  }

  /// In place: the one begins in the step in which the other ends.
  void checkShared(BufId a, BufId b) {
    const Buffer &x = entry_.buffers[a], &y = entry_.buffers[b];
    if (x.first > y.last || y.first > x.last) return;
    const bool related = x.alias == b || y.alias == a || (x.alias != kNoBuffer && x.alias == y.alias);
    if (!related || (x.last != y.first && y.last != x.first))
      violations_.report("b{} and b{} share storage while both live", a, b);
  }

  // ---- what is read holds its value ----

  std::string inPart(BufId b) const { return held_.parts.contains(b) ? " whole" : ""; }

  void mustHold(BufId b, const std::string& reader) {
    if (held_.whole[b]) return;
    if (held_.takenBy[b] == kNoBuffer)
      violations_.report("{} reads b{} before it is written{}", reader, b, inPart(b));
    else
      violations_.report("{} reads b{}, whose storage b{} has taken", reader, b, held_.takenBy[b]);
  }

  /// What lay where b is written, is gone.
  void take(BufId b) {
    for (BufId other = 0; other < entry_.buffers.size(); ++other) {
      if (view_.storageOf(other) == view_.storageOf(b) || !view_.overlap(b, other)) continue;
      if (!held_.whole[other] && !held_.parts.contains(other)) continue;
      held_.whole[other] = false;
      held_.parts.erase(other);
      held_.takenBy[other] = b;
    }
  }

  void write(const Piece& piece) {
    take(piece.buffer);
    if (held_.whole[piece.buffer]) return;
    std::vector<Piece>& parts = held_.parts[piece.buffer];
    if (std::find(parts.begin(), parts.end(), piece) == parts.end()) parts.push_back(piece);
    if (!coverage_.isWhole(piece.buffer, parts)) return;
    held_.parts.erase(piece.buffer);
    held_.whole[piece.buffer] = true;
  }

  void runPhase(const Phase& phase) {
    for (const Launch& launch : phase.launches)
      for (const BufId b : accesses_.at(&launch).reads) mustHold(b, view_.kernelOf(launch).name);
    for (const Launch& launch : phase.launches)
      for (const Piece& piece : accesses_.at(&launch).writes) write(piece);
  }

  /// What is held whichever way was taken.
  static Held both(const Held& a, const Held& b) {
    Held common{a.whole, {}, a.takenBy};
    for (BufId i = 0; i < a.whole.size(); ++i) {
      common.whole[i] = a.whole[i] && b.whole[i];
      if (a.whole[i]) common.takenBy[i] = b.takenBy[i];
      const auto x = a.parts.find(i), y = b.parts.find(i);
      if (a.whole[i] && y != b.parts.end()) common.parts.insert(*y);
      if (b.whole[i] && x != a.parts.end()) common.parts.insert(*x);
      if (x == a.parts.end() || y == b.parts.end()) continue;
      for (const Piece& p : x->second)
        if (std::find(y->second.begin(), y->second.end(), p) != y->second.end()) common.parts[i].push_back(p);
    }
    return common;
  }

  size_t matching(size_t at, Step::Kind open, Step::Kind close) const {
    for (int depth = 0;; ++at) {
      if (entry_.steps[at].kind == open) ++depth;
      if (entry_.steps[at].kind == close && --depth == 0) return at;
    }
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
        i = runBranch(i);
      }
    }
  }

  /// The step that ends it.
  size_t runBranch(size_t at) {
    const size_t close = matching(at, Step::Kind::If, Step::Kind::EndIf);
    size_t middle = at + 1;
    for (; entry_.steps[middle].kind != Step::Kind::Else; ++middle)
      if (entry_.steps[middle].kind == Step::Kind::If) middle = matching(middle, Step::Kind::If, Step::Kind::EndIf);
    const Held before = held_;
    run(at + 1, middle);
    const Held then = std::exchange(held_, before);
    run(middle + 1, close);
    held_ = both(then, held_);
    return close;
  }

  /// A round may begin after any other: what it relies on, every round leaves. It finds in its slices what their wholes
  /// hold; a slice that it writes, all rounds together make a whole.
  void runLoop(const Step& step, size_t begin, size_t end) {
    for (Held before = held_;;) {
      if (step.counter != kNoBuffer) take(step.counter), held_.whole[step.counter] = true;
      for (const Slice& s : step.slices) {
        held_.whole[s.slice] = held_.whole[s.whole];
        held_.parts.erase(s.slice);
        held_.takenBy[s.slice] = held_.takenBy[s.whole];
      }
      run(begin, end);
      const Held again = both(before, held_);
      if (again == before) break;
      held_ = before = again;
    }
    for (const Slice& s : step.slices)
      if (held_.whole[s.slice]) held_.whole[s.whole] = true;
  }

  const EntryView& view_;
  const Entry& entry_;
  Violations& violations_;
  Coverage coverage_;
  std::map<const Launch*, Access> accesses_;
  Held held_;
};

}  // namespace

void verifyStorage(const EntryView& view, Violations& violations) {
  StorageRules(view, violations).check();
}

}  // namespace nnc::plan
