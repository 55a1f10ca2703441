// Index expressions as the plan's verifier reads them: numbers, with every symbol at its size.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "plan/plan.h"

namespace nnc::plan {

/// Inclusive, and empty if hi < lo. The ends of int64 stand for values that nothing bounds.
struct Interval {
  int64_t lo = INT64_MIN, hi = INT64_MAX;
  bool empty() const { return hi < lo; }
};

/// A round of the loops, and what instructions yield in it.
struct Point {
  std::vector<int64_t> iters;
  std::map<uint32_t, int64_t> insts;
};

struct SizedIx {
  struct Term {
    Atom::Kind kind = Atom::Kind::Iter;
    uint32_t id = 0;
    int64_t by = 0;
    std::vector<SizedIx> arg;  // one for Div and Mod
    int64_t factor = 0;
    bool sameAtom(const Term& o) const { return kind == o.kind && id == o.id && by == o.by && arg == o.arg; }
    bool operator==(const Term&) const = default;
  };
  int64_t constant = 0;
  std::vector<Term> terms;
  bool operator==(const SizedIx&) const = default;

  /// True if no instruction's value is part of it.
  bool isStatic() const;
  int64_t at(const Point& point) const;
};

struct SizedGuard {
  SizedIx value;
  int64_t lo = 0, hi = 0;  // lo <= value < hi
  bool holds(const Point& point) const;
};

/// Where an access lies, and under which guards it is made.
struct SizedAccess {
  SizedIx index;
  std::vector<SizedGuard> guards;
  bool isStatic() const;
  bool isMade(const Point& point) const;
};

using Sizes = std::function<int64_t(const Dim&)>;
SizedIx sized(const Ix& ix, const Sizes& sizes);
/// With what guards on quotients say of what is divided: lo <= x / by < hi is lo * by <= x < hi * by.
SizedAccess sized(const Ix& index, const std::vector<Guard>& guards, const Sizes& sizes);

/// What bounds an index: the extents of the loops, and what an instruction's value can be.
struct Surroundings {
  std::vector<int64_t> extents;                   // by iteration variable, all above 0
  std::function<Interval(uint32_t)> valueOfInst;  // by instruction
};
Interval boundsOf(const SizedIx& ix, const Surroundings& surroundings);
/// Bounds of the elements accessed; tighter than those of the index where the value of a guard is part of it. Empty if
/// the guards never hold.
Interval boundsOf(const SizedAccess& access, const Surroundings& surroundings);

/// Calls f for every point of some of the loops, in row-major order; the other variables stay 0. Stops where f is
/// false.
void forEachPoint(const std::vector<uint32_t>& iters, const std::vector<int64_t>& extents,
                  const std::function<bool(const Point&)>& f);

}  // namespace nnc::plan
