// Index arithmetic of the plan: integer expressions over a kernel's iteration variables. Views, padding and windows of the
// graph become such expressions; nothing is copied for them.
#pragma once

#include <cstdint>
#include <memory>
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
  std::string str() const;
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

}  // namespace nnc::plan
