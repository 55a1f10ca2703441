#include "plan/index.h"

#include <algorithm>
#include <numeric>
#include <optional>

#include "ir/check.h"

namespace nnc::plan {
namespace {

void addTerm(Ix& sum, const Atom& atom, const Dim& factor) {
  const auto at = std::lower_bound(sum.terms.begin(), sum.terms.end(), atom,
                                   [](const auto& term, const Atom& x) { return term.first < x; });
  if (at == sum.terms.end() || at->first != atom) {
    if (factor != Dim()) sum.terms.insert(at, {atom, factor});
    return;
  }
  at->second = at->second + factor;
  if (at->second == Dim()) sum.terms.erase(at);
}

Ix single(Atom atom) {
  Ix ix;
  ix.terms.emplace_back(std::move(atom), Dim(1));
  return ix;
}

Atom compound(Atom::Kind kind, Ix arg, Dim by) {
  Atom atom;
  atom.kind = kind;
  atom.arg = std::make_shared<const Ix>(std::move(arg));
  atom.by = std::move(by);
  return atom;
}

/// Greatest common divisor of the coefficients of all monomials; 0 for the zero polynomial.
int64_t contentOf(const Dim& d) {
  int64_t g = 0;
  for (const auto& [monomial, c] : d.terms()) g = std::gcd(g, c);
  return g;
}

/// floor(x/a) by b is floor(x/(a*b)): the atom that floor(arg / by) is where nothing else can be said.
Ix divAtom(Ix arg, Dim by) {
  if (arg.terms.size() == 1 && arg.constant == Dim() && arg.terms[0].second == Dim(1) &&
      arg.terms[0].first.kind == Atom::Kind::Div) {
    const Atom& inner = arg.terms[0].first;
    return single(compound(Atom::Kind::Div, *inner.arg, inner.by * by));
  }
  return single(compound(Atom::Kind::Div, std::move(arg), std::move(by)));
}

/// by * floor(x / by) + (x mod by) = x, anywhere in a sum. One rewrite; false if there was none.
bool recombineOnce(Ix& sum) {
  for (const auto& [atom, factor] : sum.terms) {
    if (atom.kind != Atom::Kind::Mod) continue;
    const Ix quotient = divAtom(*atom.arg, atom.by);
    if (quotient.terms.size() != 1) continue;
    for (const auto& [other, otherFactor] : sum.terms) {
      if (!(other == quotient.terms[0].first) || otherFactor != factor * atom.by) continue;
      const Atom mod = atom, div = other;
      const Dim modFactor = factor, divFactor = otherFactor;
      addTerm(sum, mod, Dim() - modFactor);
      addTerm(sum, div, Dim() - divFactor);
      sum = sum + *mod.arg * modFactor;
      return true;
    }
  }
  return false;
}

/// a = by * multiple + rest, where `rest` keeps the terms whose coefficients `by` does not divide.
struct Split {
  Ix multiple, rest;
};

Split splitBy(const Ix& a, const Dim& by) {
  Split s;
  const auto share = [&by](const Dim& d, Dim& quotient, Dim& remainder) {
    if (const auto q = d.dividedBy(by)) {
      quotient = *q;
      return;
    }
    remainder = d;
    if (!by.isConst()) return;
    // A constant part above the divisor is cut down into [0, by).
    const int64_t n = by.value();
    int64_t c = 0;
    if (const auto at = d.terms().find({}); at != d.terms().end()) c = at->second;
    const int64_t q = c >= 0 ? c / n : -((-c + n - 1) / n);
    quotient = Dim(q);
    remainder = d - Dim(q * n);
  };
  Dim quotient, remainder;
  share(a.constant, quotient, remainder);
  s.multiple.constant = quotient;
  s.rest.constant = remainder;
  for (const auto& [atom, factor] : a.terms) {
    Dim q, r;
    share(factor, q, r);
    if (q != Dim()) addTerm(s.multiple, atom, q);
    if (r != Dim()) addTerm(s.rest, atom, r);
  }
  return s;
}

/// A common integer factor of all coefficients of `rest` (not of its constant, which only needs to stay below it) and
/// `by`.
int64_t commonFactor(const Ix& rest, const Dim& by) {
  int64_t g = contentOf(by);
  for (const auto& [atom, factor] : rest.terms) g = std::gcd(g, contentOf(factor));
  return g;
}

struct Reduced {
  Ix rest;  // divided by `factor`
  Dim by;
  int64_t factor = 1;
  Dim low;  // the part of the constant below `factor`
};

Reduced reduceCommonFactor(const Ix& rest, const Dim& by) {
  const int64_t g = commonFactor(rest, by);
  if (g <= 1) return {rest, by, 1, {}};
  Reduced r;
  r.factor = g;
  r.by = *by.dividedBy(Dim(g));
  for (const auto& [atom, factor] : rest.terms) addTerm(r.rest, atom, *factor.dividedBy(Dim(g)));
  const Split constant = splitBy(Ix(rest.constant), Dim(g));
  if (!constant.rest.constant.isConst()) return {rest, by, 1, {}};
  r.rest.constant = constant.multiple.constant;
  r.low = constant.rest.constant;
  return r;
}

}  // namespace

Ix operator+(const Ix& a, const Ix& b) {
  Ix sum = a;
  sum.constant = a.constant + b.constant;
  for (const auto& [atom, factor] : b.terms) addTerm(sum, atom, factor);
  while (recombineOnce(sum)) {
  }
  return sum;
}

Ix operator-(const Ix& a, const Ix& b) {
  return a + b * Dim(-1);
}

Ix operator*(const Ix& a, const Dim& factor) {
  if (factor == Dim()) return {};
  Ix product = a;
  product.constant = a.constant * factor;
  for (auto& term : product.terms) term.second = term.second * factor;
  return product;
}

bool isNonNegative(const Dim& d) {
  // Symbols are at least 1 wherever a loop over them runs: write each as 1 + s with s >= 0 and look at the signs.
  Dim shifted;
  for (const auto& [monomial, c] : d.terms()) {
    Dim product = c;
    for (const std::string& s : monomial) product = product * (Dim(1) + Dim::symbol(s));
    shifted = shifted + product;
  }
  return std::all_of(shifted.terms().begin(), shifted.terms().end(), [](const auto& t) { return t.second >= 0; });
}

std::optional<Bounds> boundsOf(const Ix& a, const Ranges& extents) {
  Bounds sum{a.constant, a.constant};
  for (const auto& [atom, factor] : a.terms) {
    Bounds b;
    switch (atom.kind) {
      case Atom::Kind::Inst:
        return std::nullopt;
      case Atom::Kind::Iter:
        b = {Dim(), extents[atom.id] - Dim(1)};
        break;
      case Atom::Kind::Mod:
        b = {Dim(), atom.by - Dim(1)};
        break;
      case Atom::Kind::Div: {
        const auto arg = boundsOf(*atom.arg, extents);
        if (!arg) return std::nullopt;
        // floor is monotone; the quotients must be exact or constant to be polynomials.
        const Ix lo = floorDiv(Ix(arg->lo), atom.by, extents), hi = floorDiv(Ix(arg->hi), atom.by, extents);
        if (!lo.isConst() || !hi.isConst()) return std::nullopt;
        b = {lo.constant, hi.constant};
        break;
      }
    }
    if (isNonNegative(factor))
      sum = {sum.lo + b.lo * factor, sum.hi + b.hi * factor};
    else if (isNonNegative(Dim() - factor))
      sum = {sum.lo + b.hi * factor, sum.hi + b.lo * factor};
    else
      return std::nullopt;
  }
  return sum;
}

bool liesWithin(const Ix& a, const Dim& lo, const Dim& hi, const Ranges& extents) {
  const auto b = boundsOf(a, extents);
  return b && isNonNegative(b->lo - lo) && isNonNegative(hi - Dim(1) - b->hi);
}

Ix floorDiv(const Ix& a, const Dim& by, const Ranges& extents) {
  if (by == Dim(1)) return a;
  if (by == Dim()) return {};  // the digit of an axis without elements, which nothing is ever read at
  const Split s = splitBy(a, by);
  if (s.rest.isConst() && s.rest.constant == Dim()) return s.multiple;
  if (liesWithin(s.rest, Dim(), by, extents)) return s.multiple;
  // A constant polynomial between two multiples: (n - 1) / by = n / by - 1 for by >= 1.
  if (s.rest.isConst())
    if (liesWithin(s.rest, Dim() - by, Dim(), extents)) return s.multiple + Ix(Dim(-1));
  const Reduced r = reduceCommonFactor(s.rest, by);
  if (r.factor > 1) return s.multiple + floorDiv(r.rest, r.by, extents);
  return s.multiple + divAtom(s.rest, by);
}

Ix floorMod(const Ix& a, const Dim& by, const Ranges& extents) {
  if (by == Dim(1) || by == Dim()) return {};
  const Ix rest = splitBy(a, by).rest;
  if (liesWithin(rest, Dim(), by, extents)) return rest;
  const Reduced r = reduceCommonFactor(rest, by);
  if (r.factor > 1) return floorMod(r.rest, r.by, extents) * Dim(r.factor) + Ix(r.low);
  if (rest.terms.size() == 1 && rest.constant == Dim() && rest.terms[0].second == Dim(1)) {
    const Atom& inner = rest.terms[0].first;
    // (x mod a) mod b = x mod b where b divides a.
    if (inner.kind == Atom::Kind::Mod && inner.by.dividedBy(by)) return floorMod(*inner.arg, by, extents);
  }
  return single(compound(Atom::Kind::Mod, rest, by));
}

Ix substitute(const Ix& a, const std::function<Ix(const Atom&)>& replace, const Ranges& extents) {
  Ix sum(a.constant);
  for (const auto& [atom, factor] : a.terms) {
    Ix value;
    if (atom.kind == Atom::Kind::Div)
      value = floorDiv(substitute(*atom.arg, replace, extents), atom.by, extents);
    else if (atom.kind == Atom::Kind::Mod)
      value = floorMod(substitute(*atom.arg, replace, extents), atom.by, extents);
    else
      value = replace(atom);
    sum = sum + value * factor;
  }
  return sum;
}

}  // namespace nnc::plan
