// The order of a graph's units and the places of its results: who reads and writes what, which temporaries can be the
// variables, carries and results they are meant for.
#include <algorithm>
#include <functional>
#include <map>
#include <queue>
#include <set>

#include "ir/check.h"
#include "ir/contains.h"
#include "plan/planner.h"

namespace nnc::plan {
namespace {

void addUnique(std::vector<BufId>& list, BufId b) {
  if (std::find(list.begin(), list.end(), b) == list.end()) list.push_back(b);
}

void collectAccesses(Unit& unit) {
  unit.reads.clear(), unit.writes.clear();
  if (unit.kind == Unit::Kind::Kernel) {
    for (const Stage& stage : unit.draft.kernel.stages) {
      for (const Inst& inst : stage.body)
        if (inst.kind == Inst::Kind::Load) addUnique(unit.reads, unit.draft.bind[inst.operand]);
      for (const Store& s : stage.stores) addUnique(unit.writes, unit.draft.bind[s.operand]);
    }
    return;
  }
  if (unit.step.predicate != kNoBuffer) addUnique(unit.reads, unit.step.predicate);
  for (auto* list : {&unit.body, &unit.other})
    for (Unit& inner : *list) {
      collectAccesses(inner);
      for (const BufId b : inner.reads) addUnique(unit.reads, b);
      for (const BufId b : inner.writes) addUnique(unit.writes, b);
    }
  for (const Slice& s : unit.step.slices) {
    if (contains(unit.reads, s.slice)) addUnique(unit.reads, s.whole);
    if (contains(unit.writes, s.slice)) addUnique(unit.writes, s.whole);
  }
}

void renameIn(Unit& unit, BufId from, BufId to) {
  KernelDraft& draft = unit.draft;
  for (uint32_t i = 0; i < draft.bind.size(); ++i) {
    if (draft.bind[i] != from) continue;
    const auto other = std::find(draft.bind.begin(), draft.bind.end(), to);
    draft.bind[i] = to;
    if (other == draft.bind.end()) continue;
    // Both were operands: they become one.
    const auto o = static_cast<uint32_t>(other - draft.bind.begin());
    draft.written[i] = draft.written[i] || draft.written[o];
    for (Stage& stage : draft.kernel.stages) {
      for (Inst& inst : stage.body)
        if (inst.kind == Inst::Kind::Load && inst.operand == o) inst.operand = i;
      for (Store& s : stage.stores)
        if (s.operand == o) s.operand = i;
    }
  }
  for (auto* list : {&unit.reads, &unit.writes}) std::replace(list->begin(), list->end(), from, to);
  for (Slice& s : unit.step.slices) {
    if (s.slice == from) s.slice = to;
    if (s.whole == from) s.whole = to;
  }
  if (unit.step.predicate == from) unit.step.predicate = to;
  for (Unit& u : unit.body) renameIn(u, from, to);
  for (Unit& u : unit.other) renameIn(u, from, to);
}

/// True if a kernel may write `home` onto `old`: it reads `old` only element by element, where it then writes.
bool updatesInPlace(const KernelDraft& draft, BufId home, BufId old) {
  bool reads = false;
  for (const Stage& stage : draft.kernel.stages)
    for (const Inst& inst : stage.body) {
      if (inst.kind != Inst::Kind::Load || draft.bind[inst.operand] != old) continue;
      reads = true;
      const auto same = [&](const Store& s) { return draft.bind[s.operand] == home && s.index == inst.index; };
      if (stage.kind != Stage::Kind::Map || std::none_of(stage.stores.begin(), stage.stores.end(), same)) return false;
    }
  if (!reads) return true;
  // A later stage of the same task must not read what an earlier one has overwritten: one storing stage at most.
  return std::count_if(draft.kernel.stages.begin(), draft.kernel.stages.end(),
                       [](const Stage& s) { return s.kind == Stage::Kind::Map; }) <= 1;
}

/// Drops stages that store nothing any more.
void dropIdleStages(Kernel& kernel) {
  std::vector<uint32_t> number;
  uint32_t kept = 0;
  const auto idle = [](const Stage& s) { return s.kind == Stage::Kind::Map && s.stores.empty(); };
  for (const Stage& stage : kernel.stages) {
    number.push_back(kept);
    if (!idle(stage)) ++kept;
  }
  std::erase_if(kernel.stages, idle);
  for (Stage& stage : kernel.stages)
    for (Inst& inst : stage.body)
      if (inst.kind == Inst::Kind::Result) inst.stage = number[inst.stage];
  removeDeadInstructions(kernel);
}

/// Drops stores of what is at their place already; returns false if nothing is left to do.
bool dropSelfCopies(Unit& unit) {
  Kernel& kernel = unit.draft.kernel;
  if (unit.kind != Unit::Kind::Kernel || kernel.tmpl == Template::Sort) return true;
  bool dropped = false;
  for (Stage& stage : kernel.stages)
    dropped |= std::erase_if(stage.stores, [&stage](const Store& s) {
                 const Inst& value = stage.body[s.value];
                 return value.kind == Inst::Kind::Load && value.operand == s.operand && value.index == s.index &&
                        value.guards.empty() && s.guards.empty() && !s.accumulate;
               }) > 0;
  if (!dropped) return true;
  dropIdleStages(kernel);
  collectAccesses(unit);
  return !unit.writes.empty();
}

class Placement {
public:
  Placement(FunctionContext& function, std::vector<Unit> units) : function_(function), units_(std::move(units)) {}

  std::vector<Unit> run(const Moves& moves, const Moves& changes) {
    for (Unit& u : units_) {
      removeDeadInstructions(u.draft.kernel);
      collectAccesses(u);
    }
    dropUnreadStores(moves);
    findEdges();
    for (const auto& [from, to] : changes)
      if (mayChange(from, to, moves) && canWriteAtOnce(from, place(to))) rename(from, place(to));
    for (const auto& [from, to] : moves) {
      if (place(from) == to) continue;
      if (canWriteAtOnce(place(from), to))
        rename(place(from), to);
      else
        copyAtEnd(place(from), to);
    }
    return ordered();
  }

private:
  /// Where the contents of a buffer are by now.
  BufId place(BufId b) const {
    const auto at = renamed_.find(b);
    return at == renamed_.end() ? b : place(at->second);
  }

  /// False where the old value of `to`, or what takes its place in the end, is wanted beside `from`.
  bool mayChange(BufId from, BufId to, const Moves& moves) const {
    return std::none_of(moves.begin(), moves.end(), [&](const auto& move) {
      if (move.first == to) return true;
      // `from` has another goal, and in the end `to` holds something else.
      return move.second == place(to) && std::any_of(moves.begin(), moves.end(), [&](const auto& other) {
               return other.first == from && other.second != move.second;
             });
    });
  }

  void dropUnreadStores(const Moves& moves) {
    std::set<BufId> read;
    for (const auto& [from, to] : moves) read.insert(from);
    for (const Unit& u : units_) {
      read.insert(u.reads.begin(), u.reads.end());
      if (u.kind != Unit::Kind::Kernel) read.insert(u.writes.begin(), u.writes.end());
    }
    for (Unit& u : units_) {
      if (u.kind != Unit::Kind::Kernel || u.draft.kernel.tmpl == Template::Sort) continue;
      const auto unread = [&](const Store& s) {
        const BufId b = u.draft.bind[s.operand];
        return function_.entry.buffers[b].role == Role::Arena && !read.contains(b);
      };
      for (Stage& stage : u.draft.kernel.stages) std::erase_if(stage.stores, unread);
      dropIdleStages(u.draft.kernel);
      collectAccesses(u);
    }
    std::erase_if(units_, [](const Unit& u) { return u.kind == Unit::Kind::Kernel && u.writes.empty(); });
  }

  /// Fillers of a buffer come before those that change parts of it, in order, and these before its readers.
  void findEdges() {
    next_.resize(units_.size());
    for (size_t u = 0; u < units_.size(); ++u) {
      for (const BufId b : units_[u].writes) writers_[b].push_back(u);
      for (const BufId b : units_[u].reads) readers_[b].push_back(u);
    }
    for (const auto& [b, writers] : writers_) {
      std::vector<size_t> chain;
      std::vector<size_t> last;
      for (const size_t w : writers)
        if (!changes(units_[w])) last.push_back(w);
      for (const size_t w : writers) {
        if (!changes(units_[w])) continue;
        for (const size_t before : last) next_[before].insert(w);
        last = {w};
      }
      for (const size_t r : readers_[b])
        for (const size_t before : last)
          if (r != before && !(changes(units_[r]) && contains(units_[r].writes, b))) next_[before].insert(r);
    }
  }

  static bool changes(const Unit& u) { return u.overwrites || u.kind != Unit::Kind::Kernel; }

  bool canWriteAtOnce(BufId from, BufId to) {
    const Buffer& temporary = function_.entry.buffers[from];
    const Buffer& goal = function_.entry.buffers[to];
    if (!function_.options.reuse || temporary.type != goal.type || temporary.layout != goal.layout) return false;
    const std::vector<size_t>& writers = writers_[from];
    for (const size_t w : writers) {
      const Unit& unit = units_[w];
      if (unit.kind != Unit::Kind::Kernel && contains(unit.reads, to)) return false;
      if (unit.kind == Unit::Kind::Kernel && !updatesInPlace(unit.draft, from, to)) return false;
    }
    // Readers of the old value must come first: impossible if one of them needs the new value.
    std::vector<std::pair<size_t, size_t>> added;
    for (const size_t r : readers_[to])
      for (const size_t w : writers)
        if (r != w && next_[r].insert(w).second) added.emplace_back(r, w);
    if (!hasCycle()) return true;
    for (const auto& [r, w] : added) next_[r].erase(w);
    return false;
  }

  bool hasCycle() const {
    std::vector<size_t> missing(units_.size(), 0);
    for (const auto& list : next_)
      for (const size_t u : list) ++missing[u];
    std::vector<size_t> ready;
    for (size_t u = 0; u < units_.size(); ++u)
      if (missing[u] == 0) ready.push_back(u);
    size_t done = 0;
    while (!ready.empty()) {
      const size_t u = ready.back();
      ready.pop_back();
      ++done;
      for (const size_t v : next_[u])
        if (--missing[v] == 0) ready.push_back(v);
    }
    return done != units_.size();
  }

  void rename(BufId from, BufId to) {
    const auto join = [from, to](std::map<BufId, std::vector<size_t>>& table) {
      std::vector<size_t>& all = table[to];
      for (const size_t u : table[from])
        if (std::find(all.begin(), all.end(), u) == all.end()) all.push_back(u);
    };
    join(writers_), join(readers_);
    for (Unit& u : units_) renameIn(u, from, to);
    renamed_[from] = to;
  }

  void copyAtEnd(BufId from, BufId to) {
    Unit copy;
    copy.draft = copyKernel(function_.entry, from, to);
    copy.origin = function_.entry.buffers[from].origin;
    const size_t at = units_.size();
    next_.emplace_back();
    for (const size_t w : writers_[from]) next_[w].insert(at);
    for (const size_t r : readers_[to]) next_[r].insert(at);
    writers_[to] = {at};
    units_.push_back(std::move(copy));
  }

  /// Topological; among units that are ready the earlier in the text goes first.
  std::vector<Unit> ordered() {
    std::vector<size_t> missing(units_.size(), 0);
    for (const auto& list : next_)
      for (const size_t u : list) ++missing[u];
    std::priority_queue<size_t, std::vector<size_t>, std::greater<>> ready;
    for (size_t u = 0; u < units_.size(); ++u)
      if (missing[u] == 0) ready.push(u);
    std::vector<Unit> order;
    size_t done = 0;
    while (!ready.empty()) {
      const size_t u = ready.top();
      ready.pop();
      ++done;
      for (const size_t v : next_[u])
        if (--missing[v] == 0) ready.push(v);
      collectAccesses(units_[u]);
      if (dropSelfCopies(units_[u])) order.push_back(std::move(units_[u]));
    }
    NNC_CHECK(done == units_.size(), "the units of a graph depend on each other in a circle");
    return order;
  }

  FunctionContext& function_;
  std::vector<Unit> units_;
  std::vector<std::set<size_t>> next_;
  std::map<BufId, std::vector<size_t>> writers_, readers_;
  std::map<BufId, BufId> renamed_;
};

}  // namespace

std::vector<Unit> placeUnits(FunctionContext& function, std::vector<Unit> units, const Moves& moves,
                             const Moves& changes) {
  return Placement(function, std::move(units)).run(moves, changes);
}

KernelDraft copyKernel(const Entry& entry, BufId from, BufId to) {
  KernelDraft draft;
  Stage stage;
  Index index;
  for (const Dim& extent : entry.buffers[to].type.shape) {
    const auto id = static_cast<uint32_t>(draft.kernel.iters.size());
    draft.kernel.iters.push_back({extent, {}});
    draft.extents.push_back(extent);
    draft.iterInfo.push_back({static_cast<int>(id), 1});
    draft.kernel.taskIters.push_back(id);
    index.push_back(Ix::iter(id));
  }
  Inst load;
  load.kind = Inst::Kind::Load;
  load.dtype = entry.buffers[from].type.dtype;
  load.operand = draft.operand(from);
  load.index = storageIndex(entry.buffers[from], index, draft.extents);
  stage.body.push_back(std::move(load));
  Store store;
  store.operand = draft.operand(to);
  store.index = storageIndex(entry.buffers[to], index, draft.extents);
  draft.written[store.operand] = true;
  stage.stores.push_back(std::move(store));
  draft.kernel.stages.push_back(std::move(stage));
  return draft;
}

}  // namespace nnc::plan
