// Rules for a launch: its kernel on its buffers.
#include "plan/verify.h"

#include <algorithm>
#include <cstdlib>
#include <optional>

#include "plan/verify_index.h"

namespace nnc::plan {
namespace {

/// What is known of the values of a stage's instructions.
struct Values {
  std::vector<Interval> within;  // of integers
  std::vector<bool> vary;        // false: the same in all rounds of all loops
};

constexpr int64_t kFar = int64_t{1} << 40;  // further than any element of a buffer

class LaunchRules {
public:
  LaunchRules(const EntryView& view, const Launch& launch, Violations& violations)
      : view_(view),
        launch_(launch),
        kernel_(view.kernelOf(launch)),
        violations_(violations),
        sizes_([&view](const Dim& d) { return view.at(d); }),
        extents_(view.extentsOf(kernel_)) {
    runs_ = std::all_of(extents_.begin(), extents_.end(), [](int64_t e) { return e > 0; });
  }

  void check() {
    if (runs_)
      for (const Stage& stage : kernel_.stages) values_[&stage] = valuesOf(stage);
    for (size_t s = 0; s < kernel_.stages.size(); ++s) {
      const Stage& stage = kernel_.stages[s];
      for (const Inst& inst : stage.body)
        if (inst.kind == Inst::Kind::Load) checkLoad(stage, inst);
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

  void checkLoad(const Stage& stage, const Inst& inst) {
    if (operand(inst.operand).type.dtype != inst.dtype) report("loads another type than its buffer's");
    if (view_.isOutput(launch_.bind[inst.operand])) report("reads an output, which its caller may not want");
    checkBounds(stage, inst.index, inst.guards, inst.operand);
  }

  void checkStore(const Stage& stage, const Store& s) {
    const Buffer& buffer = operand(s.operand);
    const bool indices = kernel_.tmpl == Template::Sort && &s != &stage.stores[0];
    if (buffer.type.dtype != (indices ? DType::I32 : stage.body[s.value].dtype))
      report("stores another type than its buffer's");
    if (buffer.role == Role::Input || buffer.role == Role::Const || buffer.role == Role::Scalar)
      report("writes what is only to be read");
    checkBounds(stage, s.index, s.guards, s.operand);
    checkDisjoint(stage, s);
  }

  // ---- bounds ----

  void checkBounds(const Stage& stage, const Ix& index, const std::vector<Guard>& guards, uint32_t o) {
    if (!runs_) return;
    const int64_t count = view_.count(launch_.bind[o]);
    const SizedAccess access = sized(index, guards, sizes_);
    const Interval bounds = boundsOf(access, surroundingsOf(stage));
    if (bounds.empty() || (bounds.lo >= 0 && bounds.hi < count)) return;
    const auto values = valuesIn(stage, access);
    if (!values) return report("accesses elements {} to {} of {}", bounds.lo, bounds.hi, operand(o).type.str());
    // What several guards leave over need be no interval, and quotients and remainders of one value move together: a
    // point outside decides.
    somePoints(stage, *values, [&](const Point& point) {
      if (!access.isMade(point)) return true;
      const int64_t at = access.index.at(point);
      if (at >= 0 && at < count) return true;
      report("accesses element {} of {}{}", at, operand(o).type.str(), guards.empty() ? "" : " past its guards");
      return false;
    });
  }

  Surroundings surroundingsOf(const Stage& stage) const {
    return {extents_, [&known = values_.at(&stage)](uint32_t inst) { return known.within[inst]; }};
  }

  Values valuesOf(const Stage& stage) const {
    Values known;
    const Surroundings above{extents_, [&known](uint32_t inst) { return known.within[inst]; }};
    const auto moves = [&known](const Ix& ix) {
      return std::any_of(ix.terms.begin(), ix.terms.end(), [&](const auto& term) {
        return term.first.kind != Atom::Kind::Inst || known.vary[term.first.id];
      });
    };
    for (const Inst& inst : stage.body) {
      known.within.push_back(rangeOf(stage, inst, above));
      known.vary.push_back(
          inst.kind == Inst::Kind::Result || moves(inst.index) ||
          std::any_of(inst.guards.begin(), inst.guards.end(), [&](const Guard& g) { return moves(g.value); }) ||
          std::any_of(inst.args.begin(), inst.args.end(), [&](uint32_t a) { return known.vary[a]; }));
    }
    return known;
  }

  /// As far as constants, positions, max and min (written as a select) tell.
  Interval rangeOf(const Stage& stage, const Inst& inst, const Surroundings& above) const {
    const auto arg = [&](size_t i) { return above.valueOfInst(inst.args[i]); };
    const bool integer = !isFloat(inst.dtype);
    if (inst.kind == Inst::Kind::Const && integer)
      return {static_cast<int64_t>(inst.constant), static_cast<int64_t>(inst.constant)};
    if (inst.kind == Inst::Kind::Index && integer) return boundsOf(sized(inst.index, sizes_), above);
    if (inst.kind != Inst::Kind::Op) return {};
    if (inst.op == Op::Max) return {std::max(arg(0).lo, arg(1).lo), std::max(arg(0).hi, arg(1).hi)};
    if (inst.op != Op::Select) return {};
    const Inst& test = stage.body[inst.args[0]];
    const bool smaller = test.kind == Inst::Kind::Op && test.op == Op::Lt && test.args[0] == inst.args[1] &&
                         test.args[1] == inst.args[2];
    const int64_t lo = std::min(arg(1).lo, arg(2).lo);
    return {lo, smaller ? std::min(arg(1).hi, arg(2).hi) : std::max(arg(1).hi, arg(2).hi)};
  }

  using Ranges = std::map<uint32_t, Interval>;  // by instruction

  /// What the instructions that decide an access can yield; nothing where one is not bounded.
  std::optional<Ranges> valuesIn(const Stage& stage, const SizedAccess& access) const {
    Ranges values;
    const std::function<bool(const SizedIx&)> add = [&](const SizedIx& ix) {
      return std::all_of(ix.terms.begin(), ix.terms.end(), [&](const SizedIx::Term& t) {
        if (!t.arg.empty()) return t.by > 0 && add(t.arg[0]);
        if (t.kind != Atom::Kind::Inst) return true;
        const Interval within = boundsOf({{0, {{t.kind, t.id, 0, {}, 1}}}, access.guards}, surroundingsOf(stage));
        values[t.id] = within;
        return within.lo > -kFar && within.hi < kFar;
      });
    };
    const bool bounded = add(access.index) && std::all_of(access.guards.begin(), access.guards.end(),
                                                          [&](const SizedGuard& g) { return add(g.value); });
    return bounded ? std::optional(values) : std::nullopt;
  }

  /// All points of a stage where they are few, else some in a fixed order, every third a corner.
  void somePoints(const Stage& stage, const Ranges& values, const std::function<bool(const Point&)>& f) const {
    constexpr int64_t kFew = 1 << 14;
    constexpr int kSome = 1 << 12;
    const std::vector<uint32_t> iters = loopsOf(stage);
    if (values.empty() && view_.pointsOf(kernel_, stage) <= kFew) return forEachPoint(iters, extents_, f);
    uint64_t state = 1;
    for (int i = 0; i < kSome; ++i) {
      const auto choose = [&state, corner = i % 3 == 0](const Interval& range) {
        state = (state ^ (state >> 29)) * 0xbf58476d1ce4e5b9ULL + 0x9e3779b97f4a7c15ULL;
        const uint64_t r = state >> 33, values = static_cast<uint64_t>(range.hi - range.lo) + 1;
        return corner ? (r & 1 ? range.hi : range.lo) : range.lo + static_cast<int64_t>(r % values);
      };
      Point point{std::vector<int64_t>(extents_.size(), 0), {}};
      for (const uint32_t v : iters) point.iters[v] = choose({0, extents_[v] - 1});
      for (const auto& [inst, range] : values) point.insts[inst] = choose(range);
      if (!f(point)) return;
    }
  }

  std::vector<uint32_t> loopsOf(const Stage& stage) const {
    std::vector<uint32_t> iters = kernel_.taskIters;
    iters.insert(iters.end(), stage.iters.begin(), stage.iters.end());
    return iters;
  }

  // ---- tasks among each other ----

  /// No two points write one element.
  void checkDisjoint(const Stage& stage, const Store& s) {
    if (!runs_ || s.accumulate) return;  // which runs in order on one thread
    for (const uint32_t i : kernel_.taskIters)
      if (extents_[i] > 1 && !s.index.dependsOn(i))
        report("writes the same elements in all tasks along {}", kernel_.iters[i].name);
    const SizedAccess access = sized(s.index, s.guards, sizes_);
    const bool digits = std::all_of(access.index.terms.begin(), access.index.terms.end(),
                                    [](const SizedIx::Term& t) { return t.arg.empty(); });
    if (digits ? !areDigits(stage, access) : !writesEachOnce(stage, s, access))
      report("may write one element in two tasks");
  }

  /// Sorted by stride, each term that moves steps over all that the smaller ones reach.
  bool areDigits(const Stage& stage, const SizedAccess& access) const {
    std::vector<std::pair<int64_t, int64_t>> strides;  // stride, steps
    for (const SizedIx::Term& t : access.index.terms) {
      if (t.kind == Atom::Kind::Inst && !values_.at(&stage).vary[t.id]) continue;
      const SizedIx alone{0, {{t.kind, t.id, t.by, t.arg, 1}}};
      const Interval values = boundsOf({alone, access.guards}, surroundingsOf(stage));
      if (values.lo < values.hi) strides.emplace_back(std::abs(t.factor), values.hi - values.lo);
    }
    std::sort(strides.begin(), strides.end());
    int64_t reach = 0;
    for (const auto& [stride, steps] : strides) {
      if (stride <= reach) return false;
      reach += stride * steps;
    }
    return true;
  }

  /// Where an index divides: by looking, as far as there are few elements.
  bool writesEachOnce(const Stage& stage, const Store& s, const SizedAccess& access) const {
    const int64_t count = view_.count(launch_.bind[s.operand]);
    if (!access.isStatic() || view_.pointsOf(kernel_, stage) > kMostElements || count > kMostElements) return true;
    std::vector<bool> written(static_cast<size_t>(count), false);
    bool once = true;
    forEachPoint(loopsOf(stage), extents_, [&](const Point& point) {
      if (!access.isMade(point)) return true;
      const int64_t at = access.index.at(point);
      if (at < 0 || at >= count) return true;  // reported with the bounds
      once = !written[static_cast<size_t>(at)];
      written[static_cast<size_t>(at)] = true;
      return once;
    });
    return once;
  }

  /// An operand on the storage that a store overwrites is read, in each task, only where the task itself then writes.
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

  /// Equal, where the variables of one stage stand for those of the other in their order.
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

  /// Both move alike with the tasks, and stay within one step of them otherwise.
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
    const Surroundings loops{extents_, [](uint32_t) { return Interval{}; }};
    const Interval a = boundsOf(sized(loadRest, sizes_), loops), b = boundsOf(sized(storeRest, sizes_), loops);
    const int64_t lo = std::min(a.lo, b.lo), hi = std::max(a.hi, b.hi);
    return lo > -kFar && hi < kFar && hi - lo < step;
  }

  const EntryView& view_;
  const Launch& launch_;
  const Kernel& kernel_;
  Violations& violations_;
  const Sizes sizes_;
  const std::vector<int64_t> extents_;
  bool runs_ = false;  // all loops at least once
  std::map<const Stage*, Values> values_;
};

}  // namespace

void verifyLaunches(const EntryView& view, Violations& violations) {
  size_t idle = 0;  // loops around that run no round, from the first of them on
  for (const Step& step : view.entry.steps) {
    if (step.kind == Step::Kind::Loop && (idle > 0 || view.at(step.trip) <= 0)) ++idle;
    if (step.kind == Step::Kind::EndLoop && idle > 0) --idle;
    if (step.kind != Step::Kind::Phase || idle > 0) continue;
    for (const Launch& launch : view.entry.phases[step.phase].launches) LaunchRules(view, launch, violations).check();
  }
}

}  // namespace nnc::plan
