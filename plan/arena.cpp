// Lifetimes and places of temporaries.
#include <algorithm>
#include <functional>
#include <set>

#include "ir/check.h"
#include "plan/planner.h"

namespace nnc::plan {
namespace {

constexpr uint64_t kAlign = 64;
uint64_t aligned(uint64_t bytes) {
  return (bytes + kAlign - 1) / kAlign * kAlign;
}

class Arena {
public:
  explicit Arena(FunctionContext& function) : function_(function), entry_(function.entry) {}

  void layOut() {
    measure();
    findLifetimes();
    extendOverLoops();
    group_ = life_;
    if (function_.options.reuse) shareInPlace();
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
    const Role role = entry_.buffers[b].role;
    return (role == Role::Arena || role == Role::Scratch) && !slices_.contains(b) && life_[b].used();
  }

  void measure() {
    const auto bytes = [](const Buffer& b, const std::map<std::string, int64_t>& symbols) {
      return static_cast<uint64_t>(elementCount(b.type.shape).most(symbols) * dtypeSize(b.type.dtype));
    };
    for (Buffer& b : entry_.buffers) b.bytesAtBound = bytes(b, function_.bounds);
    std::map<std::string, int64_t> inBlock = function_.bounds;
    for (const Step& step : entry_.steps) {
      if (step.kind == Step::Kind::Blocks) inBlock[step.symbol] = step.rows;
      if (step.kind == Step::Kind::EndBlocks) inBlock = function_.bounds;
      if (step.kind != Step::Kind::Phase) continue;
      for (const Launch& launch : entry_.phases[step.phase].launches)
        for (const BufId b : launch.bind)
          if (Buffer& buffer = entry_.buffers[b]; buffer.role == Role::Scratch)
            buffer.bytesAtBound = bytes(buffer, inBlock);
    }
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
      if (step.predicate != kNoBuffer) touch(step.predicate, i);
      if (step.counter != kNoBuffer) touch(step.counter, i);
      for (const Slice& s : step.slices) touch(s.whole, i);
      for (const BufId b : step.moved) touch(b, i);
    }
  }

  /// What a loop (over rounds or blocks) touches and something outside it too, or what it carries from round to round,
  /// lives through all of it.
  void extendOverLoops() {
    std::vector<uint32_t> open;
    std::vector<std::pair<uint32_t, uint32_t>> loops;  // inner ones first
    for (uint32_t i = 0; i < entry_.steps.size(); ++i) {
      const Step::Kind kind = entry_.steps[i].kind;
      if (kind == Step::Kind::Loop || kind == Step::Kind::Blocks) open.push_back(i);
      if (kind == Step::Kind::EndLoop || kind == Step::Kind::EndBlocks) {
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
    if (loop.counter != kNoBuffer) carried.insert(loop.counter);
    for (const Slice& s : loop.slices) carried.insert(storageOf(s.whole));
    for (const BufId b : loop.moved) carried.insert(storageOf(b));
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
        for (size_t o = launch.bind.size() - kernel.outputs; o < launch.bind.size(); ++o)
          inside.insert(storageOf(launch.bind[o]));
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

  // ---- in place: a result on top of an operand that nobody reads afterwards ----

  BufId rootOf(BufId b) const {
    while (entry_.buffers[b].alias != kNoBuffer) b = entry_.buffers[b].alias;
    return b;
  }

  void shareInPlace() {
    for (uint32_t i = 0; i < entry_.steps.size(); ++i) {
      if (entry_.steps[i].kind != Step::Kind::Phase) continue;
      const std::vector<Launch>& launches = entry_.phases[entry_.steps[i].phase].launches;
      std::map<BufId, int> users;  // launches of the phase by storage
      for (const Launch& launch : launches) {
        std::set<BufId> touched;
        for (const BufId b : launch.bind) touched.insert(rootOf(storageOf(b)));
        for (const BufId b : touched) ++users[b];
      }
      for (const Launch& launch : launches) shareLaunch(launch, i, users);
    }
  }

  void shareLaunch(const Launch& launch, uint32_t step, const std::map<BufId, int>& users) {
    const Kernel& kernel = kernelOf_(launch);
    const size_t inputs = launch.bind.size() - kernel.outputs;
    std::set<BufId> used;
    for (size_t o = inputs; o < launch.bind.size(); ++o) {
      const BufId out = launch.bind[o];
      if (!isTemporary(out) || life_[out].first != step || users.at(out) != 1) continue;
      for (size_t i = 0; i < inputs; ++i) {
        const BufId in = launch.bind[i], root = rootOf(in);
        if (!isTemporary(in) || entry_.buffers[in].role != entry_.buffers[out].role || used.contains(root) ||
            group_[root].last != step || life_[in].last != step || life_[in].first == step)
          continue;
        if (users.at(root) != 1 || entry_.buffers[root].bytesAtBound < entry_.buffers[out].bytesAtBound) continue;
        if (!overwritesInStep(kernel, static_cast<uint32_t>(i), static_cast<uint32_t>(o), launch)) continue;
        entry_.buffers[out].alias = in;
        group_[root].touch(life_[out].last);
        used.insert(root);
        break;
      }
    }
  }

  /// True if every task reads the operand only where it then writes: in the storing stage at the very index, in earlier
  /// reductions over the same part.
  bool overwritesInStep(const Kernel& kernel, uint32_t in, uint32_t out, const Launch& launch) const {
    if (kernel.tmpl == Template::Sort) return false;
    const auto size = [&](uint32_t o) { return dtypeSize(entry_.buffers[launch.bind[o]].type.dtype); };
    if (size(in) != size(out)) return false;
    // A root used through another operand of this launch would be read at other places.
    for (uint32_t o = 0; o < launch.bind.size(); ++o)
      if (o != in && rootOf(launch.bind[o]) == rootOf(launch.bind[in])) return false;
    const Stage* storing = nullptr;
    const Store* store = nullptr;
    for (const Stage& stage : kernel.stages)
      for (const Store& s : stage.stores)
        if (s.operand == out) {
          if (store || s.accumulate || !s.guards.empty()) return false;
          storing = &stage, store = &s;
        }
    if (!store) return false;
    bool after = false;
    for (const Stage& stage : kernel.stages) {
      for (const Inst& inst : stage.body)
        if (inst.kind == Inst::Kind::Load && inst.operand == in &&
            (after || !coversSamePart(kernel, stage, inst, *storing, *store)))
          return false;
      after = after || &stage == storing;
    }
    return true;
  }

  static bool coversSamePart(const Kernel& kernel, const Stage& stage, const Inst& load, const Stage& storing,
                             const Store& store) {
    if (!load.guards.empty()) return false;
    if (&stage == &storing) return load.index == store.index;
    if (kernel.tmpl != Template::Loop || stage.iters.size() != storing.iters.size()) return false;
    Ranges extents;
    for (const Iter& iter : kernel.iters) extents.push_back(iter.extent);
    for (size_t i = 0; i < stage.iters.size(); ++i)
      if (kernel.iters[stage.iters[i]].extent != kernel.iters[storing.iters[i]].extent) return false;
    const Ix moved = substitute(
        load.index,
        [&](const Atom& atom) {
          if (atom.kind == Atom::Kind::Inst) return Ix::inst(atom.id);
          const auto at = std::find(stage.iters.begin(), stage.iters.end(), atom.id);
          return Ix::iter(at == stage.iters.end() ? atom.id
                                                  : storing.iters[static_cast<size_t>(at - stage.iters.begin())]);
        },
        extents);
    return std::none_of(load.index.terms.begin(), load.index.terms.end(),
                        [](const auto& t) { return t.first.kind == Atom::Kind::Inst; }) &&
           moved == store.index;
  }

  /// Each at the best place that is free during its life, in the order (largest first, longest-lived first, or by the
  /// product of both) that makes the smallest arena.
  void place() {
    const auto bytes = [this](BufId b) { return static_cast<double>(entry_.buffers[b].bytesAtBound); };
    const auto life = [this](BufId b) { return static_cast<double>(group_[b].last - group_[b].first + 1); };
    const std::vector<std::function<double(BufId)>> weights = {bytes, [&](BufId b) { return bytes(b) * life(b); },
                                                               life};
    std::vector<uint64_t> best(entry_.buffers.size(), 0);
    for (const auto& [role, bytes] :
         {std::pair(Role::Arena, &entry_.arenaBytes), {Role::Scratch, &entry_.scratchBytes}}) {
      *bytes = UINT64_MAX;
      for (const auto& weight : weights) {
        const uint64_t size = placeBy(role, weight);
        if (size >= *bytes) continue;
        *bytes = size;
        for (BufId b = 0; b < entry_.buffers.size(); ++b)
          if (entry_.buffers[b].role == role) best[b] = entry_.buffers[b].offset;
      }
    }
    for (BufId b = 0; b < entry_.buffers.size(); ++b)
      if (isTemporary(b)) {
        Buffer& buffer = entry_.buffers[b];
        buffer.first = life_[b].first, buffer.last = life_[b].last;
        buffer.offset = best[rootOf(b)];
      }
  }

  /// Places all of a role that share no other's storage, heaviest first; returns the size of the arena or the scratch.
  uint64_t placeBy(Role role, const std::function<double(BufId)>& weight) {
    std::vector<BufId> order;
    for (BufId b = 0; b < entry_.buffers.size(); ++b)
      if (isTemporary(b) && entry_.buffers[b].role == role && rootOf(b) == b) order.push_back(b);
    // Of equals the one that lives longest into the program first: the others find room in what is taken only later.
    std::stable_sort(order.begin(), order.end(), [&](BufId a, BufId b) {
      return std::pair(weight(a), group_[a].last) > std::pair(weight(b), group_[b].last);
    });
    std::vector<BufId> placed;
    uint64_t size = 0;
    for (const BufId b : order) {
      Buffer& buffer = entry_.buffers[b];
      buffer.offset = function_.options.reuse ? lowestPlace(b, placed) : size;
      size = std::max(size, buffer.offset + aligned(buffer.bytesAtBound));
      placed.push_back(b);
    }
    return size;
  }

  uint64_t lowestPlace(BufId b, const std::vector<BufId>& placed) const {
    std::vector<std::pair<uint64_t, uint64_t>> taken;
    for (const BufId other : placed)
      if (group_[other].first <= group_[b].last && group_[b].first <= group_[other].last) {
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
    // An alias names the buffer that decided the place.
    for (BufId b = 0; b < entry_.buffers.size(); ++b)
      if (entry_.buffers[b].alias != kNoBuffer) entry_.buffers[b].alias = rootOf(b);
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
    for (Buffer& b : entry_.buffers) rename(b.alias);
    for (Phase& phase : entry_.phases)
      for (Launch& launch : phase.launches)
        for (BufId& b : launch.bind) rename(b);
    for (Step& step : entry_.steps) {
      rename(step.counter), rename(step.predicate);
      for (Slice& s : step.slices) rename(s.slice), rename(s.whole);
      for (BufId& b : step.moved) rename(b);
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
  std::vector<Life> group_;  // by root: of all that share its place
  std::map<BufId, BufId> slices_;
};

}  // namespace

void layOutArena(FunctionContext& function, const Plan& plan) {
  Arena arena(function);
  arena.kernelOf_ = [&plan](const Launch& launch) -> const Kernel& { return plan.kernels[launch.kernel]; };
  arena.layOut();
}

}  // namespace nnc::plan
