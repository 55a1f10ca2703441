#include "plan/verify_index.h"

#include <algorithm>

namespace nnc::plan {
namespace {

int64_t floorDivide(int64_t a, int64_t b) {
  return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

int64_t plus(int64_t a, int64_t b) {
  int64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? (a < 0 ? INT64_MIN : INT64_MAX) : sum;
}

int64_t times(int64_t a, int64_t b) {
  int64_t product = 0;
  return __builtin_mul_overflow(a, b, &product) ? ((a < 0) != (b < 0) ? INT64_MIN : INT64_MAX) : product;
}

Interval operator+(const Interval& a, const Interval& b) {
  return {plus(a.lo, b.lo), plus(a.hi, b.hi)};
}

Interval operator*(const Interval& a, int64_t factor) {
  const int64_t x = times(a.lo, factor), y = times(a.hi, factor);
  return {std::min(x, y), std::max(x, y)};
}

Interval boundsOf(const SizedIx::Term& atom, const Surroundings& surroundings) {
  if (atom.kind == Atom::Kind::Inst) return surroundings.valueOfInst(atom.id);
  if (atom.kind == Atom::Kind::Iter) return {0, surroundings.extents[atom.id] - 1};
  if (atom.by <= 0) return {};
  const Interval arg = boundsOf(atom.arg[0], surroundings);
  if (atom.kind == Atom::Kind::Div) return {floorDivide(arg.lo, atom.by), floorDivide(arg.hi, atom.by)};
  const bool oneRound = floorDivide(arg.lo, atom.by) == floorDivide(arg.hi, atom.by);
  if (!oneRound) return {0, atom.by - 1};
  const int64_t below = atom.by * floorDivide(arg.lo, atom.by);
  return {arg.lo - below, arg.hi - below};
}

/// How often the value of a guard is part of an index; 0 if it is not as a whole.
int64_t timesIn(const SizedIx& value, const SizedIx& index) {
  int64_t k = 0;
  for (const SizedIx::Term& part : value.terms) {
    const auto same = [&](const SizedIx::Term& t) { return t.sameAtom(part); };
    const auto at = std::find_if(index.terms.begin(), index.terms.end(), same);
    if (part.factor == 0 || at == index.terms.end() || at->factor % part.factor != 0) return 0;
    const int64_t here = at->factor / part.factor;
    if (k != 0 && here != k) return 0;
    k = here;
  }
  return k;
}

void takeOut(const SizedIx& value, int64_t k, SizedIx& index) {
  index.constant -= k * value.constant;
  for (const SizedIx::Term& part : value.terms)
    std::erase_if(index.terms, [&](const SizedIx::Term& t) { return t.sameAtom(part); });
}

}  // namespace

bool SizedIx::isStatic() const {
  return std::all_of(terms.begin(), terms.end(), [](const Term& t) {
    return t.arg.empty() ? t.kind == Atom::Kind::Iter : t.by > 0 && t.arg[0].isStatic();
  });
}

int64_t SizedIx::at(const Point& point) const {
  int64_t sum = constant;
  for (const Term& t : terms) {
    if (t.arg.empty()) {
      sum += t.factor * (t.kind == Atom::Kind::Iter ? point.iters[t.id] : point.insts.at(t.id));
      continue;
    }
    const int64_t arg = t.arg[0].at(point), quotient = floorDivide(arg, t.by);
    sum += t.factor * (t.kind == Atom::Kind::Div ? quotient : arg - t.by * quotient);
  }
  return sum;
}

bool SizedGuard::holds(const Point& point) const {
  const int64_t v = value.at(point);
  return lo <= v && v < hi;
}

bool SizedAccess::isStatic() const {
  return index.isStatic() &&
         std::all_of(guards.begin(), guards.end(), [](const SizedGuard& g) { return g.value.isStatic(); });
}

bool SizedAccess::isMade(const Point& point) const {
  return std::all_of(guards.begin(), guards.end(), [&](const SizedGuard& g) { return g.holds(point); });
}

SizedIx sized(const Ix& ix, const Sizes& sizes) {
  SizedIx s;
  s.constant = sizes(ix.constant);
  for (const auto& [atom, factor] : ix.terms) {
    SizedIx::Term term{atom.kind, atom.id, 0, {}, sizes(factor)};
    if (atom.arg) {
      term.by = sizes(atom.by);
      term.arg.push_back(sized(*atom.arg, sizes));
    }
    s.terms.push_back(std::move(term));
  }
  return s;
}

SizedAccess sized(const Ix& index, const std::vector<Guard>& guards, const Sizes& sizes) {
  SizedAccess access{sized(index, sizes), {}};
  for (const Guard& g : guards) {
    SizedGuard guard{sized(g.value, sizes), sizes(g.lo), sizes(g.hi)};
    access.guards.push_back(guard);
    while (guard.value.terms.size() == 1 && guard.value.terms[0].kind == Atom::Kind::Div &&
           guard.value.terms[0].factor == 1 && guard.value.terms[0].by > 0) {
      const SizedIx::Term quotient = guard.value.terms[0];
      guard = {quotient.arg[0], (guard.lo - guard.value.constant) * quotient.by,
               (guard.hi - guard.value.constant) * quotient.by};
      access.guards.push_back(guard);
    }
  }
  return access;
}

Interval boundsOf(const SizedIx& ix, const Surroundings& surroundings) {
  Interval sum{ix.constant, ix.constant};
  for (const SizedIx::Term& t : ix.terms) sum = sum + boundsOf(t, surroundings) * t.factor;
  return sum;
}

Interval boundsOf(const SizedAccess& access, const Surroundings& surroundings) {
  SizedIx rest = access.index;
  Interval sum{0, 0};
  for (const SizedGuard& g : access.guards) {
    const Interval free = boundsOf(g.value, surroundings);
    const Interval kept{std::max(free.lo, g.lo), std::min(free.hi, g.hi - 1)};
    if (kept.empty()) return {0, -1};
    const int64_t k = timesIn(g.value, rest);
    if (k == 0) continue;
    takeOut(g.value, k, rest);
    sum = sum + kept * k;
  }
  return sum + boundsOf(rest, surroundings);
}

void forEachPoint(const std::vector<uint32_t>& iters, const std::vector<int64_t>& extents,
                  const std::function<bool(const Point&)>& f) {
  Point at{std::vector<int64_t>(extents.size(), 0), {}};
  std::vector<int64_t>& point = at.iters;
  for (const uint32_t i : iters)
    if (extents[i] <= 0) return;
  for (bool more = true; more;) {
    if (!f(at)) return;
    more = false;
    for (size_t d = iters.size(); d-- > 0;) {
      more = ++point[iters[d]] < extents[iters[d]];
      if (more) break;
      point[iters[d]] = 0;
    }
  }
}

}  // namespace nnc::plan
