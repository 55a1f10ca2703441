// Index arithmetic of the planner: views, padding and windows of the graph become integer expressions over a kernel's
// iteration variables; nothing is copied for them.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "plan/ix.h"

namespace nnc::plan {

Ix operator+(const Ix& a, const Ix& b);
Ix operator-(const Ix& a, const Ix& b);
Ix operator*(const Ix& a, const Dim& factor);

/// Inclusive bounds of iteration variables (0 … extent-1 as polynomials), needed to simplify.
using Ranges = std::vector<Dim>;  // extent by iteration variable
/// floor(a / by) and a mod by, simplified where the ranges allow: (8x + y) / 8 = x for 0 <= y < 8.
Ix floorDiv(const Ix& a, const Dim& by, const Ranges& extents);
Ix floorMod(const Ix& a, const Dim& by, const Ranges& extents);

/// True if the polynomial is provably >= 0 for all symbols >= 1 (where a symbol is 0, no loop over it runs).
bool isNonNegative(const Dim& d);
/// Inclusive bounds as polynomials; nothing where Inst atoms or unknown signs stand in the way.
struct Bounds {
  Dim lo, hi;
};
std::optional<Bounds> boundsOf(const Ix& a, const Ranges& extents);
/// True if lo <= a < hi is provable.
bool liesWithin(const Ix& a, const Dim& lo, const Dim& hi, const Ranges& extents);
/// The expression with its Iter and Inst atoms replaced; `extents` are those of the variables of the result.
Ix substitute(const Ix& a, const std::function<Ix(const Atom&)>& replace, const Ranges& extents);

}  // namespace nnc::plan
