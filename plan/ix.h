// An index into a buffer as the plan writes it: an integer expression over a kernel's iteration variables. Only its
// form; the arithmetic that makes such expressions is in plan/index.h.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
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
  /// "8*i0 + i1 + 3"; Inst atoms are written %id.
  std::string str() const;
  std::string str(const std::function<std::string(uint32_t)>& iterName) const;
};

/// A total order, which the terms of a sum keep.
std::strong_ordering operator<=>(const Atom& a, const Atom& b);
std::strong_ordering operator<=>(const Ix& a, const Ix& b);
bool operator==(const Atom& a, const Atom& b);
bool operator==(const Ix& a, const Ix& b);

}  // namespace nnc::plan
