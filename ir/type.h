// Types of graph values: an element type and dimensions. A dimension is an integer polynomial in the bounded symbols of
// its function (a batch size, the length of a prompt), so shapes stay exact when an extent is known only at run time.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace nnc {

enum class DType : uint8_t { F64, F32, BF16, F16, I64, I32, I8, U8, Bool };

const char* dtypeName(DType t);  // "f32"
std::optional<DType> dtypeFromName(std::string_view name);
int64_t dtypeSize(DType t);  // bytes of one element; bool is one byte
/// Lowest and highest value of an integer dtype or bool.
std::pair<int64_t, int64_t> integerRange(DType t);
inline bool isFloat(DType t) {
  return t <= DType::F16;
}
inline bool isInteger(DType t) {
  return t >= DType::I64 && t <= DType::U8;
}

/// A dimension: an integer polynomial in named symbols, in normal form (no zero coefficients). Most are constants.
class Dim {
public:
  /// Product of symbols with multiplicity, sorted: {} is the constant term, {"B","B"} is B².
  using Monomial = std::vector<std::string>;

  Dim() = default;
  Dim(int64_t constant) {
    if (constant != 0) terms_[{}] = constant;
  }  // implicit: most dims are integers
  static Dim symbol(std::string name);

  bool isConst() const { return terms_.empty() || (terms_.size() == 1 && terms_.begin()->first.empty()); }
  /// The value of a constant dimension; asserts isConst().
  int64_t value() const;
  const std::map<Monomial, int64_t>& terms() const { return terms_; }
  std::vector<std::string> symbols() const;
  /// Whether no coefficient is negative: the dimension is at least 0 then, whatever the symbols are.
  bool isNonNegative() const;

  Dim operator+(const Dim& o) const;
  Dim operator-(const Dim& o) const;
  Dim operator*(const Dim& o) const;
  /// Exact quotient as a polynomial, or nothing if `o` does not divide it.
  std::optional<Dim> dividedBy(const Dim& o) const;
  bool operator==(const Dim&) const = default;
  auto operator<=>(const Dim&) const = default;

  /// The value with symbols replaced; every symbol must be present.
  int64_t evaluate(const std::map<std::string, int64_t>& symbols) const;
  /// An upper bound of the values with each symbol between 0 and its bound, every one of which must be present: that of
  /// what is added, whatever is subtracted. Exact where nothing is.
  int64_t most(const std::map<std::string, int64_t>& bounds) const;
  /// "128", "B", "2*B*T + 1".
  std::string str() const;
  /// Parses what str() prints; nothing on malformed text.
  static std::optional<Dim> parse(std::string_view text);

private:
  std::map<Monomial, int64_t> terms_;
};

using Shape = std::vector<Dim>;

Dim elementCount(const Shape& shape);
/// Of the axes begin … end-1.
Dim elementCount(const Shape& shape, size_t begin, size_t end);
bool isConstShape(const Shape& shape);
/// The extents of a constant shape; asserts isConstShape.
std::vector<int64_t> constExtents(const Shape& shape);

struct Type {
  DType dtype = DType::F32;
  Shape shape;

  int rank() const { return static_cast<int>(shape.size()); }
  bool operator==(const Type&) const = default;
  /// "f32[B, 784]", "f32[]".
  std::string str() const;
};

/// A symbol of a function with its inclusive upper bound; run-time values lie in 0..bound.
struct Symbol {
  std::string name;
  int64_t bound = 0;
  bool operator==(const Symbol&) const = default;
};

/// "f32[2], i32", or "()" if there are none.
std::string typesText(const std::vector<Type>& types);

}  // namespace nnc
