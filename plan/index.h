// Index arithmetic of the plan: integer expressions over a kernel's iteration variables. Views, padding and windows of
// the graph become such expressions; nothing is copied for them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ir/type.h"

namespace nnc::plan {

struct Ix;

/// What an index expression is made of.
struct Atom {
  enum class Kind : uint8_t {
    Iter,  // iteration variable `id` of the kernel
    Div,   // floor(arg / by); only where it could not be simplified away
    Mod,   // arg - by * floor(arg / by)
    Inst,  // integer value of instruction `id` of the region (a gathered index, a run-time start)
  };
  Kind kind = Kind::Iter;
  uint32_t id = 0;
  std::shared_ptr<const Ix> arg;
  Dim by;
};

/// constant + Σ coefficient · atom. Coefficients are polynomials in the symbols: strides of run-time extents.
struct Ix {
  Dim constant;
  std::vector<std::pair<Atom, Dim>> terms;

  Ix() = default;
  Ix(Dim value) : constant(std::move(value)) {}
  static Ix iter(uint32_t id);
  static Ix inst(uint32_t id);

  bool isConst() const { return terms.empty(); }
  /// The coefficient of an iteration variable outside Div and Mod; 0 if absent.
  Dim coefficient(uint32_t iter) const;
  /// True if the variable occurs anywhere, also inside Div, Mod.
  bool dependsOn(uint32_t iter) const;
  /// "8*i0 + i1 + 3"; Inst atoms are written %id.
  std::string str() const;
  std::string str(const std::function<std::string(uint32_t)>& iterName) const;
};

bool operator==(const Ix& a, const Ix& b);
bool operator==(const Atom& a, const Atom& b);

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
