// Rules a plan must keep, checked on the finished plan alone.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "plan/blocks.h"

namespace nnc::plan {
namespace {

using Symbols = std::map<std::string, int64_t>;
constexpr BufId kNone = UINT32_MAX;

struct Interval {
  int64_t lo = 0, hi = 0;
};

class EntryCheck {
public:
  EntryCheck(const Plan& plan, const Entry& entry, std::vector<std::string>& errors)
      : plan_(plan), entry_(entry), errors_(errors) {
    for (const Symbol& s : entry.symbols) symbols_[s.name] = s.bound;
    for (const Condition& c : entry.conditions) meet(c);
    for (const Step& step : entry.steps)
      for (const Slice& s : step.slices) slices_.insert(s.slice);
  }

  void run() {
    for (const Phase& phase : entry_.phases) {
      for (const Launch& launch : phase.launches) checkLaunch(launch);
      checkPhase(phase);
    }
    checkLifetimes();
    checkBlocks();
  }

private:
  template <typename... Args>
  void report(fmt::format_string<Args...> text, Args&&... args) {
    errors_.push_back(fmt::format("in entry {}: {}", entry_.name, fmt::format(text, std::forward<Args>(args)...)));
  }

  const Kernel& kernelOf(const Launch& launch) const { return plan_.kernels[launch.kernel]; }
  /// Lowers what a condition subtracts until it holds: no call has other sizes.
  void meet(const Condition& condition) {
    while (condition.slack.evaluate(symbols_) < 0) {
      int64_t* largest = nullptr;
      for (const auto& [monomial, coefficient] : condition.slack.terms())
        for (const std::string& name : monomial)
          if (coefficient < 0 && (!largest || symbols_.at(name) > *largest)) largest = &symbols_.at(name);
      if (!largest || *largest == 0) return;
      --*largest;
    }
  }

  int64_t at(const Dim& d) const { return d.evaluate(symbols_); }

  // ---- one launch ----

  void checkLaunch(const Launch& launch) {
    const Kernel& kernel = kernelOf(launch);
    if (launch.bind.size() != kernel.operands || kernel.outputs > kernel.operands)
      return report("{} is bound to {} buffers, not {}", kernel.name, launch.bind.size(), kernel.operands);
    if (std::any_of(launch.bind.begin(), launch.bind.end(), [this](BufId b) { return b >= entry_.buffers.size(); }))
      return report("{} is bound to a buffer that does not exist", kernel.name);
    for (size_t s = 0; s < kernel.stages.size(); ++s) checkStage(launch, kernel, s);
  }

  void checkStage(const Launch& launch, const Kernel& kernel, size_t number) {
    const Stage& stage = kernel.stages[number];
    for (const uint32_t i : stage.iters)
      if (std::count(kernel.taskIters.begin(), kernel.taskIters.end(), i))
        report("{}: a stage repeats a task variable", kernel.name);
    for (size_t i = 0; i < stage.body.size(); ++i) checkInst(launch, kernel, number, i);
    if (stage.kind == Stage::Kind::Reduce && stage.value >= stage.body.size())
      report("{}: a reduction folds nothing", kernel.name);
    for (const Store& s : stage.stores) checkStore(launch, kernel, stage, s);
  }

  void checkInst(const Launch& launch, const Kernel& kernel, size_t number, size_t i) {
    const Inst& inst = kernel.stages[number].body[i];
    for (const uint32_t arg : inst.args)
      if (arg >= i) report("{}: instruction {} uses a later one", kernel.name, i);
    if (inst.kind == Inst::Kind::Result &&
        (inst.stage >= number || kernel.stages[inst.stage].kind != Stage::Kind::Reduce ||
         kernel.stages[inst.stage].acc != inst.dtype))
      report("{}: instruction {} reads no earlier reduction of its type", kernel.name, i);
    if (inst.kind != Inst::Kind::Load) return;
    if (inst.operand >= launch.bind.size()) return report("{}: a load from no operand", kernel.name);
    const Buffer& buffer = entry_.buffers[launch.bind[inst.operand]];
    if (buffer.type.dtype != inst.dtype) report("{}: a load of another type than its buffer's", kernel.name);
    if (isOutput(launch.bind[inst.operand])) report("{} reads an output, which its caller may not want", kernel.name);
    if (inst.guards.empty()) checkBounds(kernel, inst.index, buffer);
  }

  void checkStore(const Launch& launch, const Kernel& kernel, const Stage& stage, const Store& s) {
    if (s.operand >= launch.bind.size() || s.operand + kernel.outputs < launch.bind.size())
      return report("{}: a store to an operand that is no output", kernel.name);
    const Buffer& buffer = entry_.buffers[launch.bind[s.operand]];
    const bool indices = kernel.tmpl == Template::Sort && &s != &stage.stores[0];
    if (!indices && buffer.type.dtype != stage.body[s.value].dtype)
      report("{}: a store of another type than its buffer's", kernel.name);
    if (buffer.role == Role::Input || buffer.role == Role::Const || buffer.role == Role::Scalar)
      report("{} writes what is only to be read", kernel.name);
    if (s.guards.empty()) checkBounds(kernel, s.index, buffer);
    checkDisjoint(kernel, s);
  }

  std::optional<Interval> boundsOf(const Kernel& kernel, const Ix& ix) const {
    Interval sum{at(ix.constant), at(ix.constant)};
    for (const auto& [atom, factor] : ix.terms) {
      Interval v;
      if (atom.kind == Atom::Kind::Inst) return std::nullopt;
      if (atom.kind == Atom::Kind::Iter) {
        v = {0, at(kernel.iters[atom.id].extent) - 1};
      } else {
        const auto arg = boundsOf(kernel, *atom.arg);
        if (!arg) return std::nullopt;
        const int64_t by = at(atom.by);
        const auto quotient = [by](int64_t x) { return x >= 0 ? x / by : -((-x + by - 1) / by); };
        v = atom.kind == Atom::Kind::Div ? Interval{quotient(arg->lo), quotient(arg->hi)} : Interval{0, by - 1};
      }
      const int64_t c = at(factor);
      sum.lo += std::min(c * v.lo, c * v.hi);
      sum.hi += std::max(c * v.lo, c * v.hi);
    }
    return sum;
  }

  bool runs(const Kernel& kernel) const {
    return std::all_of(kernel.iters.begin(), kernel.iters.end(), [this](const Iter& i) { return at(i.extent) > 0; });
  }

  void checkBounds(const Kernel& kernel, const Ix& index, const Buffer& buffer) {
    if (!runs(kernel)) return;
    const auto bounds = boundsOf(kernel, index);
    if (bounds && (bounds->lo < 0 || bounds->hi >= at(elementCount(buffer.type.shape))))
      report("{} accesses elements {} to {} of {}", kernel.name, bounds->lo, bounds->hi, buffer.type.str());
  }

  /// No two tasks write one element: sorted by stride, each variable steps over all that the smaller ones reach.
  void checkDisjoint(const Kernel& kernel, const Store& s) {
    if (!runs(kernel)) return;
    const bool affine = std::all_of(s.index.terms.begin(), s.index.terms.end(),
                                    [](const auto& t) { return t.first.kind == Atom::Kind::Iter; });
    for (const uint32_t i : kernel.taskIters)
      if (at(kernel.iters[i].extent) > 1 && !s.index.dependsOn(i))
        report("{}: all tasks along {} write the same elements", kernel.name, kernel.iters[i].name);
    if (!affine) return;
    std::vector<std::pair<int64_t, int64_t>> strides;  // stride, extent
    for (const auto& [atom, factor] : s.index.terms)
      strides.emplace_back(std::abs(at(factor)), at(kernel.iters[atom.id].extent));
    std::sort(strides.begin(), strides.end());
    int64_t reach = 0;
    for (const auto& [stride, extent] : strides) {
      if (extent > 1 && stride <= reach) report("{}: two tasks may write one element", kernel.name);
      reach += stride * (extent - 1);
    }
  }

  // ---- launches of a phase, and storage over time ----

  struct Access {
    std::set<BufId> reads, writes;
  };

  Access accessOf(const Launch& launch) const {
    const Kernel& kernel = kernelOf(launch);
    Access a;
    for (const Stage& stage : kernel.stages) {
      for (const Inst& inst : stage.body)
        if (inst.kind == Inst::Kind::Load) a.reads.insert(launch.bind[inst.operand]);
      for (const Store& s : stage.stores) {
        a.writes.insert(launch.bind[s.operand]);
        if (s.accumulate) a.reads.insert(launch.bind[s.operand]);
      }
    }
    return a;
  }

  /// An output or a slice of one. The caller may pass null for it; then it lies where other outputs are written too.
  bool isOutput(BufId b) const {
    if (entry_.buffers[b].role == Role::Output) return true;
    for (const Step& step : entry_.steps)
      for (const Slice& s : step.slices)
        if (s.slice == b && s.whole != b && isOutput(s.whole)) return true;
    return false;
  }

  bool isSlice(BufId b) const { return slices_.contains(b); }
  bool isTemporary(BufId b) const {
    return entry_.buffers[b].role == Role::Arena || entry_.buffers[b].role == Role::Scratch;
  }

  bool overlap(BufId a, BufId b) const {
    if (a == b) return true;
    const Buffer &x = entry_.buffers[a], &y = entry_.buffers[b];
    if (x.role != y.role || !isTemporary(a) || isSlice(a) || isSlice(b)) return false;
    return x.offset < y.offset + y.bytesAtBound && y.offset < x.offset + x.bytesAtBound;
  }

  void checkPhase(const Phase& phase) {
    std::vector<Access> accesses;
    for (const Launch& launch : phase.launches) accesses.push_back(accessOf(launch));
    for (size_t i = 0; i < accesses.size(); ++i)
      for (size_t j = 0; j < accesses.size(); ++j) {
        if (i == j) continue;
        for (const BufId w : accesses[i].writes) {
          for (const BufId r : accesses[j].reads)
            if (overlap(w, r))
              report("{} reads b{} in the phase in which {} writes b{}", kernelOf(phase.launches[j]).name, r,
                     kernelOf(phase.launches[i]).name, w);
          for (const BufId other : accesses[j].writes)
            if (w != other && overlap(w, other))
              report("b{} and b{} share storage and are written in one phase", w, other);
        }
      }
  }

  void checkLifetimes() {
    for (uint32_t i = 0; i < entry_.steps.size(); ++i) {
      if (entry_.steps[i].kind == Step::Kind::If && isOutput(entry_.steps[i].predicate))
        report("step {} asks an output, which its caller may not want", i);
      if (entry_.steps[i].kind != Step::Kind::Phase) continue;
      for (const Launch& launch : entry_.phases[entry_.steps[i].phase].launches)
        for (const BufId b : launch.bind) {
          const Buffer& buffer = entry_.buffers[b];
          if (isTemporary(b) && !isSlice(b) && (i < buffer.first || i > buffer.last))
            report("b{} is used at step {} but lives from {} to {}", b, i, buffer.first, buffer.last);
        }
    }
    const auto lives = [this](BufId b) { return isTemporary(b) && !isSlice(b); };
    for (BufId a = 0; a < entry_.buffers.size(); ++a) {
      const Buffer& x = entry_.buffers[a];
      if (!lives(a)) continue;
      const uint64_t room = x.role == Role::Arena ? entry_.arenaBytes : entry_.scratchBytes;
      if (x.offset % 64 != 0 || x.offset + x.bytesAtBound > room) report("b{} leaves the arena or is not aligned", a);
      for (BufId b = a + 1; b < entry_.buffers.size(); ++b) {
        const Buffer& y = entry_.buffers[b];
        if (!lives(b) || !overlap(a, b) || x.first > y.last || y.first > x.last) continue;
        // In place: the one begins in the step in which the other ends.
        const bool related = x.alias == b || y.alias == a || (x.alias != kNone && x.alias == y.alias);
        if (!related || (x.last != y.first && y.last != x.first))
          report("b{} and b{} share storage while both live", a, b);
      }
    }
  }

  // ---- blocks of rows ----

  /// Each launch works by rows; what has rows is moved or scratch; no scratch is used outside of its blocks.
  void checkBlocks() {
    std::map<BufId, uint32_t> blocksOf;  // of a Scratch buffer: where its blocks begin
    const Step* open = nullptr;
    uint32_t begin = 0;
    for (uint32_t i = 0; i < entry_.steps.size(); ++i) {
      const Step& step = entry_.steps[i];
      if (step.kind == Step::Kind::Blocks) open = &step, begin = i;
      if (step.kind == Step::Kind::EndBlocks) open = nullptr;
      if (open && step.kind != Step::Kind::Blocks && step.kind != Step::Kind::Phase)
        report("step {} is no phase, within blocks", i);
      if (step.kind == Step::Kind::Blocks && step.rows < 1) report("step {} has blocks of no rows", i);
      if (step.kind != Step::Kind::Phase) continue;
      for (const Launch& launch : entry_.phases[step.phase].launches) {
        for (const BufId b : launch.bind)
          if (entry_.buffers[b].role == Role::Scratch &&
              (!open || blocksOf.try_emplace(b, begin).first->second != begin))
            report("b{} is scratch and used outside of its blocks", b);
        if (open) checkByRows(launch, *open);
      }
    }
  }

  void checkByRows(const Launch& launch, const Step& blocks) {
    std::vector<const Type*> types;
    for (const BufId b : launch.bind) {
      types.push_back(&entry_.buffers[b].type);
      const bool moved = std::find(blocks.moved.begin(), blocks.moved.end(), b) != blocks.moved.end();
      const bool scratch = entry_.buffers[b].role == Role::Scratch;
      if (rowElements(*types.back(), blocks.symbol) ? moved == scratch : moved)
        report("b{} should be {} in its blocks", b, scratch ? "scratch alone" : "moved");
    }
    if (!worksByRows(kernelOf(launch), types, blocks.symbol))
      report("{} does not work by rows of {}", kernelOf(launch).name, blocks.symbol);
  }

  const Plan& plan_;
  const Entry& entry_;
  std::vector<std::string>& errors_;
  Symbols symbols_;
  std::set<BufId> slices_;
};

}  // namespace

std::vector<std::string> verifyPlan(const Plan& plan) {
  std::vector<std::string> errors;
  for (const Entry& entry : plan.entries) EntryCheck(plan, entry, errors).run();
  return errors;
}

}  // namespace nnc::plan
