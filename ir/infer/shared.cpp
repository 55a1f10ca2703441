#include <algorithm>

#include "ir/infer/rules.h"

namespace nnc::infer {
namespace {

constexpr size_t kMaxRank = 16;
constexpr size_t kMaxTerms = 4096;  // of a product of polynomials, so that checking stays cheap
constexpr int64_t kMaxExtent = int64_t{1} << 47;
constexpr int64_t kMaxElements = int64_t{1} << 59;
constexpr size_t kMaxDegree = 32;

int64_t floorDivInt(int64_t a, int64_t b) {
  return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

std::string coefficientError(const Dim& d, int64_t limit) {
  for (const auto& [monomial, coefficient] : d.terms())
    if (coefficient > limit || coefficient < -limit || monomial.size() > kMaxDegree)
      return fmt::format("the extent {} is too large", d.str());
  return {};
}

}  // namespace

std::string shapeText(const Shape& shape) {
  const std::string text = Type{DType::F32, shape}.str();
  return text.substr(text.find('['));
}

bool distinctAxes(const std::vector<int64_t>& axes, int rank) {
  std::vector<bool> seen(static_cast<size_t>(rank));
  for (const int64_t axis : axes) {
    if (!validAxis(axis, rank) || seen[axis]) return false;
    seen[axis] = true;
  }
  return true;
}

bool increasingAxes(const std::vector<int64_t>& axes, int rank) {
  return distinctAxes(axes, rank) && std::is_sorted(axes.begin(), axes.end());
}

std::vector<int64_t> otherAxes(const std::vector<int64_t>& axes, int rank) {
  std::vector<int64_t> rest;
  for (int64_t axis = 0; axis < rank; ++axis)
    if (!contains(axes, axis)) rest.push_back(axis);
  return rest;
}

std::optional<Dim> floorDiv(const Dim& a, int64_t divisor) {
  Dim symbolic = a;
  int64_t constant = 0;
  if (const auto at = a.terms().find({}); at != a.terms().end()) {
    constant = at->second;
    symbolic = a - Dim(constant);
  }
  const std::optional<Dim> quotient = symbolic.dividedBy(Dim(divisor));
  if (!quotient) return std::nullopt;
  return *quotient + Dim(floorDivInt(constant, divisor));
}

std::optional<Dim> ceilDiv(const Dim& a, int64_t divisor) {
  return floorDiv(a + Dim(divisor - 1), divisor);
}

bool surelyGreater(const Dim& a, const Dim& b) {
  const Dim difference = a - b;
  return difference.isConst() && difference.value() > 0;
}

Dim dilatedExtent(const Dim& extent, int64_t dilation) {
  if (extent == Dim(0)) return 0;
  return (extent - Dim(1)) * Dim(dilation) + Dim(1);
}

std::optional<Dim> windowCount(const Dim& extent, const Dim& size, int64_t stride, int64_t dilation) {
  const std::optional<Dim> steps = floorDiv(extent - dilatedExtent(size, dilation), stride);
  if (!steps) return std::nullopt;
  const Dim count = *steps + Dim(1);
  return surelyGreater(0, count) ? Dim(0) : count;
}

Inferred tooLarge(const Context& c, const std::string& reason) {
  Inferred inferred = fail(c, "{}", reason);
  inferred.limit = reason;
  return inferred;
}

std::string dimsError(const std::vector<Dim>& dims) {
  for (const Dim& d : dims)
    if (std::string error = coefficientError(d, kMaxExtent); !error.empty()) return error;
  return {};
}

std::string typeError(const Type& type) {
  if (type.shape.size() > kMaxRank)
    return fmt::format("a tensor has at most {} axes, not {}", kMaxRank, type.shape.size());
  if (std::string error = dimsError(type.shape); !error.empty()) return error;
  size_t terms = 1;
  Dim count = 1;
  for (const Dim& d : type.shape) {
    if (surelyGreater(0, d)) return fmt::format("{} has a negative extent", type.str());
    terms *= std::max<size_t>(1, d.terms().size());
    if (terms > kMaxTerms) return "the product of the extents has too many terms";
    count = count * d;
  }
  return coefficientError(count, kMaxElements).empty() ? "" : fmt::format("{} has too many elements", type.str());
}

}  // namespace nnc::infer
