// Lifetimes and places of temporaries.
#include <algorithm>
#include <functional>
#include <set>

#include "ir/check.h"
#include "plan/planner.h"

namespace nnc::plan {
namespace {

constexpr uint64_t kAlign = 64;
uint64_t aligned(uint64_t bytes) { return (bytes + kAlign - 1) / kAlign * kAlign; }

class Arena {
public:
  explicit Arena(FunctionContext& function) : function_(function), entry_(function.entry) {}

  void layOut() {
    measure();
    findLifetimes();
    extendOverLoops();
    for (BufId b = 0; b < entry_.buffers.size(); ++b)
      if (isTemporary(b)) entry_.unsharedBytes += aligned(entry_.buffers[b].bytesAtBound);
    place();
    compact();
  }

private:
  struct Life {
    uint32_t first = UINT32_MAX, last = 0;
    bool used() const { return first != UINT32_MAX; }
    void touch(uint32_t step) { first = std::min(first, step), last = std::max(last, step); }
  };

  bool isTemporary(BufId b) const {
    return entry_.buffers[b].role == Role::Arena && !slices_.contains(b) && life_[b].used();
  }

  void measure() {
    for (Buffer& b : entry_.buffers)
      b.bytesAtBound = static_cast<uint64_t>(elementCount(b.type.shape).evaluate(function_.bounds) * dtypeSize(b.type.dtype));
  }

  /// Storage a buffer number stands for: a slice is part of its whole.
  BufId storageOf(BufId b) const {
    const auto at = slices_.find(b);
    return at == slices_.end() ? b : storageOf(at->second);
  }

  void touch(BufId b, uint32_t step) { life_[storageOf(b)].touch(step); }

  void findLifetimes() {
    life_.resize(entry_.buffers.size());
    for (const Step& step : entry_.steps)
      for (const Slice& s : step.slices) slices_[s.slice] = s.whole;
    for (uint32_t i = 0; i < entry_.steps.size(); ++i) {
      const Step& step = entry_.steps[i];
      if (step.kind == Step::Kind::Phase)
        for (const Launch& launch : entry_.phases[step.phase].launches)
          for (const BufId b : launch.bind) touch(b, i);
      if (step.predicate != UINT32_MAX) touch(step.predicate, i);
      if (step.counter != UINT32_MAX) touch(step.counter, i);
      for (const Slice& s : step.slices) touch(s.whole, i);
    }
  }

  /// What a loop touches and something outside it too, or what it carries from round to round, lives through all of it.
  void extendOverLoops() {
    std::vector<uint32_t> open;
    std::vector<std::pair<uint32_t, uint32_t>> loops;  // inner ones first
    for (uint32_t i = 0; i < entry_.steps.size(); ++i) {
      if (entry_.steps[i].kind == Step::Kind::Loop) open.push_back(i);
      if (entry_.steps[i].kind == Step::Kind::EndLoop) {
        loops.emplace_back(open.back(), i);
        open.pop_back();
      }
    }
    for (const auto& [begin, end] : loops)
      for (const BufId b : carriedBy(begin, end)) {
        life_[b].touch(begin);
        life_[b].touch(end);
      }
  }

  std::set<BufId> carriedBy(uint32_t begin, uint32_t end) const {
    std::set<BufId> inside, carried;
    const Step& loop = entry_.steps[begin];
    if (loop.counter != UINT32_MAX) carried.insert(loop.counter);
    for (const Slice& s : loop.slices) carried.insert(storageOf(s.whole));
    for (uint32_t i = begin + 1; i < end; ++i) {
      const Step& step = entry_.steps[i];
      for (const Slice& s : step.slices) carried.insert(storageOf(s.whole));
      if (step.kind != Step::Kind::Phase) continue;
      for (const Launch& launch : entry_.phases[step.phase].launches) {
        const Kernel& kernel = kernelOf_(launch);
        for (size_t o = 0; o < launch.bind.size(); ++o) {
          const BufId b = storageOf(launch.bind[o]);
          const bool reads = o + kernel.outputs < launch.bind.size() || readsOutput(kernel, static_cast<uint32_t>(o));
          if (reads && !inside.contains(b)) carried.insert(b);
        }
        for (size_t o = launch.bind.size() - kernel.outputs; o < launch.bind.size(); ++o) inside.insert(storageOf(launch.bind[o]));
      }
    }
    for (const BufId b : inside)
      if (life_[b].first < begin || life_[b].last > end) carried.insert(b);
    return carried;
  }

  static bool readsOutput(const Kernel& kernel, uint32_t operand) {
    for (const Stage& stage : kernel.stages) {
      for (const Inst& inst : stage.body)
        if (inst.kind == Inst::Kind::Load && inst.operand == operand) return true;
      for (const Store& s : stage.stores)
        if (s.operand == operand && (s.accumulate || !s.guards.empty())) return true;
    }
    return false;
  }

  /// Largest first, each at the lowest place that is free during its life.
  void place() {
    std::vector<BufId> order;
    for (BufId b = 0; b < entry_.buffers.size(); ++b)
      if (isTemporary(b)) order.push_back(b);
    std::stable_sort(order.begin(), order.end(), [this](BufId a, BufId b) {
      return entry_.buffers[a].bytesAtBound > entry_.buffers[b].bytesAtBound;
    });
    std::vector<BufId> placed;
    for (const BufId b : order) {
      Buffer& buffer = entry_.buffers[b];
      buffer.first = life_[b].first, buffer.last = life_[b].last;
      buffer.offset = function_.options.reuse ? lowestPlace(b, placed) : entry_.arenaBytes;
      entry_.arenaBytes = std::max(entry_.arenaBytes, buffer.offset + aligned(buffer.bytesAtBound));
      placed.push_back(b);
    }
  }

  uint64_t lowestPlace(BufId b, const std::vector<BufId>& placed) const {
    std::vector<std::pair<uint64_t, uint64_t>> taken;
    for (const BufId other : placed)
      if (life_[other].first <= life_[b].last && life_[b].first <= life_[other].last) {
        const Buffer& o = entry_.buffers[other];
        taken.emplace_back(o.offset, o.offset + aligned(o.bytesAtBound));
      }
    std::sort(taken.begin(), taken.end());
    const uint64_t size = aligned(entry_.buffers[b].bytesAtBound);
    uint64_t at = 0, best = UINT64_MAX, bestGap = UINT64_MAX;
    for (const auto& [begin, end] : taken) {
      if (begin > at && begin - at >= size && begin - at < bestGap) best = at, bestGap = begin - at;
      at = std::max(at, end);
    }
    return best == UINT64_MAX ? at : best;
  }

  /// Drops buffers that nothing refers to, but keeps inputs, which have a place in the call.
  void compact() {
    std::vector<BufId> number(entry_.buffers.size(), kNoBuffer);
    std::vector<Buffer> kept;
    for (BufId b = 0; b < entry_.buffers.size(); ++b) {
      const Role role = entry_.buffers[b].role;
      if (!life_[b].used() && !slices_.contains(b) && role != Role::Input && role != Role::Output) continue;
      number[b] = static_cast<BufId>(kept.size());
      kept.push_back(std::move(entry_.buffers[b]));
    }
    entry_.buffers = std::move(kept);
    const auto rename = [&number](BufId& b) {
      if (b != kNoBuffer) b = number[b];
    };
    for (Phase& phase : entry_.phases)
      for (Launch& launch : phase.launches)
        for (BufId& b : launch.bind) rename(b);
    for (Step& step : entry_.steps) {
      rename(step.counter), rename(step.predicate);
      for (Slice& s : step.slices) rename(s.slice), rename(s.whole);
    }
    for (BufId& b : entry_.inputs) rename(b);
    for (EntryOutput& o : entry_.outputs) rename(o.buffer);
  }

public:
  std::function<const Kernel&(const Launch&)> kernelOf_;

private:
  FunctionContext& function_;
  Entry& entry_;
  std::vector<Life> life_;
  std::map<BufId, BufId> slices_;
};

}  // namespace

void layOutArena(FunctionContext& function, const Plan& plan) {
  Arena arena(function);
  arena.kernelOf_ = [&plan](const Launch& launch) -> const Kernel& { return plan.kernels[launch.kernel]; };
  arena.layOut();
}

}  // namespace nnc::plan
