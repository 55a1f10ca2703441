// Rules for a launch: its kernel on its buffers, with every symbol at its
// bound.
#include "plan/verify.h"

#include <algorithm>
#include <cstdlib>
#include <optional>

namespace nnc::plan {
namespace {

struct Interval {
  int64_t lo = 0, hi = 0;
};

int64_t floorDivide(int64_t a, int64_t b) {
  return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

class LaunchRules {
public:
  LaunchRules(const EntryView& view, const Launch& launch, Violations& violations)
      : view_(view), launch_(launch), kernel_(view.kernelOf(launch)), violations_(violations) {
    for (const Iter& iter : kernel_.iters) extents_.push_back(view.at(iter.extent));
    runs_ = std::all_of(extents_.begin(), extents_.end(), [](int64_t e) { return e > 0; });
  }

  void check() {
    for (size_t s = 0; s < kernel_.stages.size(); ++s) {
      const Stage& stage = kernel_.stages[s];
      for (const Inst& inst : stage.body)
        if (inst.kind == Inst::Kind::Load) checkLoad(inst);
      for (const Store& store : stage.stores) {
        checkStore(stage, store);
        checkInPlace(s, store);
      }
    }
  }

private:
  template <typename... Args>
  void report(fmt::format_string<Args...> text, Args&&... args) {
    violations_.report("{} {}", kernel_.name, fmt::format(text, std::forward<Args>(args)...));
  }

  const Buffer& operand(uint32_t o) const { return view_.buffer(launch_.bind[o]); }

  void checkLoad(const Inst& inst) {
    if (operand(inst.operand).type.dtype != inst.dtype) report("loads another type than its buffer's");
    if (view_.isOutput(launch_.bind[inst.operand])) report("reads an output, which its caller may not want");
    checkBounds(inst.index, inst.guards, inst.operand);
  }

  void checkStore(const Stage& stage, const Store& s) {
    const Buffer& buffer = operand(s.operand);
    const bool indices = kernel_.tmpl == Template::Sort && &s != &stage.stores[0];
    if (buffer.type.dtype != (indices ? DType::I32 : stage.body[s.value].dtype))
      report("stores another type than its buffer's");
    if (buffer.role == Role::Input || buffer.role == Role::Const || buffer.role == Role::Scalar)
      report("writes what is only to be read");
    checkBounds(s.index, s.guards, s.operand);
    checkDisjoint(s);
  }

  // ---- bounds ----

  std::optional<Interval> boundsOf(const Ix& ix) const {
    Interval sum{view_.at(ix.constant), view_.at(ix.constant)};
    for (const auto& [atom, factor] : ix.terms) {
      Interval v;
      if (atom.kind == Atom::Kind::Inst) return std::nullopt;
      if (atom.kind == Atom::Kind::Iter) {
        v = {0, extents_[atom.id] - 1};
      } else {
        const auto arg = boundsOf(*atom.arg);
        const int64_t by = view_.at(atom.by);
        if (!arg || by <= 0) return std::nullopt;
        v = atom.kind == Atom::Kind::Div ? Interval{floorDivide(arg->lo, by), floorDivide(arg->hi, by)}
                                         : Interval{0, by - 1};
      }
      const int64_t c = view_.at(factor);
      sum.lo += std::min(c * v.lo, c * v.hi);
      sum.hi += std::max(c * v.lo, c * v.hi);
    }
    return sum;
  }

  /// The value at a point of the loops; nothing where an instruction's value
  /// decides.
  std::optional<int64_t> valueOf(const Ix& ix, const std::vector<int64_t>& point) const {
    int64_t sum = view_.at(ix.constant);
    for (const auto& [atom, factor] : ix.terms) {
      if (atom.kind == Atom::Kind::Inst) return std::nullopt;
      int64_t v = 0;
      if (atom.kind == Atom::Kind::Iter) {
        v = point[atom.id];
      } else {
        const auto arg = valueOf(*atom.arg, point);
        const int64_t by = view_.at(atom.by);
        if (!arg || by <= 0) return std::nullopt;
        v = atom.kind == Atom::Kind::Div ? floorDivide(*arg, by) : *arg - by * floorDivide(*arg, by);
      }
      sum += v * view_.at(factor);
    }
    return sum;
  }

  void checkBounds(const Ix& index, const std::vector<Guard>& guards, uint32_t o) {
    if (!runs_) return;
    const int64_t count = view_.count(launch_.bind[o]);
    if (guards.empty()) {
      const auto bounds = boundsOf(index);
      if (bounds && (bounds->lo < 0 || bounds->hi >= count))
        report("accesses elements {} to {} of {}", bounds->lo, bounds->hi, operand(o).type.str());
      return;
    }
    // What guards leave over is no interval: looked at where they are most
    // likely wrong, at corners, and in between.
    constexpr int kPoints = 96;
    for (int i = 0; i < kPoints; ++i) {
      const std::vector<int64_t> point = pointOf(i);
      const auto holds = [&](const Guard& g) {
        const auto v = valueOf(g.value, point);
        return v && view_.at(g.lo) <= *v && *v < view_.at(g.hi);
      };
      if (!std::all_of(guards.begin(), guards.end(), holds)) continue;
      const auto at = valueOf(index, point);
      if (at && (*at < 0 || *at >= count))
        return report("accesses element {} of {} past its guards", *at, operand(o).type.str());
    }
  }

  /// Points in a fixed order; every third a corner of the loops.
  std::vector<int64_t> pointOf(int number) const {
    uint64_t state = static_cast<uint64_t>(number) * 0x9e3779b97f4a7c15ULL + 1;
    std::vector<int64_t> point;
    for (const int64_t extent : extents_) {
      state = (state ^ (state >> 29)) * 0xbf58476d1ce4e5b9ULL;
      const uint64_t r = state >> 33;
      point.push_back(number % 3 == 0 ? (r & 1 ? extent - 1 : 0)
                                      : static_cast<int64_t>(r % static_cast<uint64_t>(extent)));
    }
    return point;
  }

  // ---- tasks among each other ----

  /// No two tasks write one element: sorted by stride, each variable steps over
  /// all that the smaller ones reach.
  void checkDisjoint(const Store& s) {
    if (!runs_) return;
    for (const uint32_t i : kernel_.taskIters)
      if (extents_[i] > 1 && !s.index.dependsOn(i))
        report("writes the same elements in all tasks along {}", kernel_.iters[i].name);
    std::vector<std::pair<int64_t, int64_t>> strides;  // stride, extent
    for (const auto& [atom, factor] : s.index.terms) {
      if (atom.kind != Atom::Kind::Iter) return;
      strides.emplace_back(std::abs(view_.at(factor)), extents_[atom.id]);
    }
    std::sort(strides.begin(), strides.end());
    int64_t reach = 0;
    for (const auto& [stride, extent] : strides) {
      if (extent > 1 && stride <= reach) report("may write one element in two tasks");
      reach += stride * (extent - 1);
    }
  }

  /// An operand on the storage that a store overwrites is read, in each task,
  /// only where the task itself then writes.
  void checkInPlace(size_t storing, const Store& store) {
    if (store.accumulate) return;  // in order on one thread
    for (size_t s = 0; s < kernel_.stages.size(); ++s)
      for (const Inst& load : kernel_.stages[s].body) {
        if (load.kind != Inst::Kind::Load) continue;
        if (!view_.overlap(launch_.bind[load.operand], launch_.bind[store.operand])) continue;
        const bool same = load.operand == store.operand;
        if (s > storing && !same) return report("reads operand {} after overwriting it", load.operand);
        const bool here = isSameIndex(load.index, kernel_.stages[s], store.index, kernel_.stages[storing]);
        if (!here && (s == storing || !keepsToItsTask(load.index, store.index)))
          return report("may read what another task has overwritten of operand {}", load.operand);
      }
  }

  /// Equal, where the variables of one stage stand for those of the other in
  /// their order.
  static bool isSameIndex(const Ix& a, const Stage& ofA, const Ix& b, const Stage& ofB) {
    if (a.constant != b.constant || a.terms.size() != b.terms.size()) return false;
    for (size_t i = 0; i < a.terms.size(); ++i) {
      const auto& [x, xFactor] = a.terms[i];
      const auto& [y, yFactor] = b.terms[i];
      if (x.kind != y.kind || xFactor != yFactor) return false;
      if (x.kind == Atom::Kind::Inst && (&ofA != &ofB || x.id != y.id)) return false;
      if (x.kind == Atom::Kind::Iter && placeOf(x.id, ofA) != placeOf(y.id, ofB)) return false;
      if (x.arg && (x.by != y.by || !isSameIndex(*x.arg, ofA, *y.arg, ofB))) return false;
    }
    return true;
  }

  /// A task variable by its number, a stage's by its place in the stage.
  static std::pair<bool, uint32_t> placeOf(uint32_t iter, const Stage& stage) {
    const auto at = std::find(stage.iters.begin(), stage.iters.end(), iter);
    return at == stage.iters.end() ? std::pair(false, iter)
                                   : std::pair(true, static_cast<uint32_t>(at - stage.iters.begin()));
  }

  /// Both move alike with the tasks, and stay within one step of them
  /// otherwise.
  bool keepsToItsTask(const Ix& load, const Ix& store) const {
    int64_t step = INT64_MAX;
    Ix loadRest = load, storeRest = store;
    for (const uint32_t i : kernel_.taskIters) {
      const Dim factor = store.coefficient(i);
      if (load.coefficient(i) != factor) return false;
      if (extents_[i] > 1) step = std::min(step, std::abs(view_.at(factor)));
      const auto isIt = [i](const auto& term) { return term.first.kind == Atom::Kind::Iter && term.first.id == i; };
      std::erase_if(loadRest.terms, isIt);
      std::erase_if(storeRest.terms, isIt);
      if (loadRest.dependsOn(i) || storeRest.dependsOn(i)) return false;
    }
    const auto a = boundsOf(loadRest), b = boundsOf(storeRest);
    return a && b && std::max(a->hi, b->hi) - std::min(a->lo, b->lo) < step;
  }

  const EntryView& view_;
  const Launch& launch_;
  const Kernel& kernel_;
  Violations& violations_;
  std::vector<int64_t> extents_;
  bool runs_ = false;
};

}  // namespace

void verifyLaunches(const EntryView& view, Violations& violations) {
  for (const Phase& phase : view.entry.phases)
    for (const Launch& launch : phase.launches) LaunchRules(view, launch, violations).check();
}

}  // namespace nnc::plan
