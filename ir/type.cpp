#include "ir/type.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <utility>

#include "ir/check.h"

namespace nnc {
namespace {

struct DTypeInfo {
  const char* name;
  int64_t size;
};
constexpr std::array<DTypeInfo, 9> kDTypes = {{
    {"f64", 8},
    {"f32", 4},
    {"bf16", 2},
    {"f16", 2},
    {"i64", 8},
    {"i32", 4},
    {"i8", 1},
    {"u8", 1},
    {"bool", 1},
}};

// Coefficients saturate instead of overflowing: a saturated extent is far above every limit, so it is rejected where
// types are checked (ir/infer), and hostile text can do no harm on the way there.
constexpr int64_t kMaxCoefficient = std::numeric_limits<int64_t>::max();

int64_t saturatingAdd(int64_t a, int64_t b) {
  int64_t r;
  return __builtin_add_overflow(a, b, &r) ? (b > 0 ? kMaxCoefficient : -kMaxCoefficient) : r;
}

int64_t saturatingMul(int64_t a, int64_t b) {
  int64_t r;
  return __builtin_mul_overflow(a, b, &r) ? ((a > 0) == (b > 0) ? kMaxCoefficient : -kMaxCoefficient) : r;
}

Dim::Monomial productOf(const Dim::Monomial& a, const Dim::Monomial& b) {
  Dim::Monomial r;
  r.reserve(a.size() + b.size());
  std::merge(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(r));
  return r;
}

/// a / b if every symbol of b stands in a.
std::optional<Dim::Monomial> quotientOf(const Dim::Monomial& a, const Dim::Monomial& b) {
  if (!std::includes(a.begin(), a.end(), b.begin(), b.end())) return std::nullopt;
  Dim::Monomial r;
  std::set_difference(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(r));
  return r;
}

/// The order in which terms are printed and divided: higher degree first, then alphabetical (graded lexicographic,
/// which is compatible with multiplication, as division needs).
bool leadsBefore(const Dim::Monomial& a, const Dim::Monomial& b) {
  return a.size() != b.size() ? a.size() > b.size() : a < b;
}

std::vector<std::pair<Dim::Monomial, int64_t>> orderedTerms(const Dim& d) {
  std::vector<std::pair<Dim::Monomial, int64_t>> terms(d.terms().begin(), d.terms().end());
  std::sort(terms.begin(), terms.end(), [](auto& a, auto& b) { return leadsBefore(a.first, b.first); });
  return terms;
}

Dim monomialDim(const Dim::Monomial& symbols, int64_t coefficient) {
  Dim d = coefficient;
  for (const std::string& s : symbols) d = d * Dim::symbol(s);
  return d;
}

/// Reads the text of Dim::str(): sums of products of integers and names.
class DimParser {
public:
  explicit DimParser(std::string_view text) : text_(text) {}

  std::optional<Dim> parse() {
    Dim sum;
    bool negative = eat('-');
    for (;;) {
      std::optional<Dim> term = product();
      if (!term) return std::nullopt;
      sum = negative ? sum - *term : sum + *term;
      if (done()) return sum;
      if (eat('+'))
        negative = false;
      else if (eat('-'))
        negative = true;
      else
        return std::nullopt;
    }
  }

private:
  static bool isNameStart(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
  static bool isDigit(char c) { return c >= '0' && c <= '9'; }

  void skipSpaces() {
    while (pos_ < text_.size() && text_[pos_] == ' ') ++pos_;
  }
  bool done() {
    skipSpaces();
    return pos_ == text_.size();
  }
  bool eat(char c) {
    skipSpaces();
    if (pos_ == text_.size() || text_[pos_] != c) return false;
    ++pos_;
    return true;
  }

  std::optional<Dim> product() {
    std::optional<Dim> result = factor();
    while (result && eat('*')) {
      std::optional<Dim> next = factor();
      result = next ? std::optional<Dim>(*result * *next) : std::nullopt;
    }
    return result;
  }

  std::optional<Dim> factor() {
    skipSpaces();
    const size_t begin = pos_;
    if (pos_ < text_.size() && isDigit(text_[pos_])) {
      while (pos_ < text_.size() && isDigit(text_[pos_])) ++pos_;
      int64_t value = 0;
      const auto [end, error] = std::from_chars(text_.data() + begin, text_.data() + pos_, value);
      if (error != std::errc() || end != text_.data() + pos_) return std::nullopt;
      return Dim(value);
    }
    if (pos_ == text_.size() || !isNameStart(text_[pos_])) return std::nullopt;
    while (pos_ < text_.size() && (isNameStart(text_[pos_]) || isDigit(text_[pos_]) || text_[pos_] == '.')) ++pos_;
    return Dim::symbol(std::string(text_.substr(begin, pos_ - begin)));
  }

  std::string_view text_;
  size_t pos_ = 0;
};

}  // namespace

const char* dtypeName(DType t) {
  return kDTypes[static_cast<size_t>(t)].name;
}

std::optional<DType> dtypeFromName(std::string_view name) {
  for (size_t i = 0; i < kDTypes.size(); ++i)
    if (name == kDTypes[i].name) return static_cast<DType>(i);
  return std::nullopt;
}

int64_t dtypeSize(DType t) {
  return kDTypes[static_cast<size_t>(t)].size;
}

std::pair<int64_t, int64_t> integerRange(DType t) {
  switch (t) {
    case DType::I32:
      return {std::numeric_limits<int32_t>::min(), std::numeric_limits<int32_t>::max()};
    case DType::I8:
      return {-128, 127};
    case DType::U8:
      return {0, 255};
    case DType::Bool:
      return {0, 1};
    default:
      return {std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max()};
  }
}

Dim Dim::symbol(std::string name) {
  Dim d;
  d.terms_[{std::move(name)}] = 1;
  return d;
}

int64_t Dim::value() const {
  NNC_CHECK(isConst(), fmt::format("the dimension {} is not a constant", str()));
  return terms_.empty() ? 0 : terms_.begin()->second;
}

std::vector<std::string> Dim::symbols() const {
  std::vector<std::string> names;
  for (const auto& [monomial, coefficient] : terms_) names.insert(names.end(), monomial.begin(), monomial.end());
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

bool Dim::isNonNegative() const {
  return std::all_of(terms_.begin(), terms_.end(), [](const auto& term) { return term.second >= 0; });
}

Dim Dim::operator+(const Dim& o) const {
  Dim r = *this;
  for (const auto& [monomial, coefficient] : o.terms_) {
    const auto at = r.terms_.try_emplace(monomial, 0).first;
    at->second = saturatingAdd(at->second, coefficient);
    if (at->second == 0) r.terms_.erase(at);
  }
  return r;
}

Dim Dim::operator-(const Dim& o) const {
  return *this + o * Dim(-1);
}

Dim Dim::operator*(const Dim& o) const {
  Dim r;
  for (const auto& [ma, ca] : terms_)
    for (const auto& [mb, cb] : o.terms_) {
      const auto at = r.terms_.try_emplace(productOf(ma, mb), 0).first;
      at->second = saturatingAdd(at->second, saturatingMul(ca, cb));
      if (at->second == 0) r.terms_.erase(at);
    }
  return r;
}

std::optional<Dim> Dim::dividedBy(const Dim& o) const {
  if (o.terms_.empty()) return std::nullopt;
  const auto lead = orderedTerms(o).front();
  Dim rest = *this, quotient;
  // Long division: each round removes the leading term of the rest, so it ends.
  while (!rest.terms_.empty()) {
    const auto top = orderedTerms(rest).front();
    const auto monomial = quotientOf(top.first, lead.first);
    if (!monomial || (lead.second != -1 && top.second % lead.second != 0)) return std::nullopt;
    const Dim term =
        monomialDim(*monomial, lead.second == -1 ? saturatingMul(top.second, -1) : top.second / lead.second);
    quotient = quotient + term;
    rest = rest - term * o;
    if (rest.terms_.contains(top.first)) return std::nullopt;  // only after a saturated coefficient
  }
  return quotient;
}

int64_t Dim::evaluate(const std::map<std::string, int64_t>& symbols) const {
  int64_t sum = 0;
  for (const auto& [monomial, coefficient] : terms_) {
    int64_t product = coefficient;
    for (const std::string& name : monomial) {
      const auto at = symbols.find(name);
      NNC_CHECK(at != symbols.end(), fmt::format("the symbol {} has no value", name));
      product = saturatingMul(product, at->second);
    }
    sum = saturatingAdd(sum, product);
  }
  return sum;
}

int64_t Dim::most(const std::map<std::string, int64_t>& bounds) const {
  Dim added;
  for (const auto& [monomial, coefficient] : terms_)
    if (coefficient > 0) added.terms_[monomial] = coefficient;
  return added.evaluate(bounds);
}

std::string Dim::str() const {
  if (terms_.empty()) return "0";
  std::string text;
  for (const auto& [monomial, coefficient] : orderedTerms(*this)) {
    const bool negative = coefficient < 0;
    if (!text.empty())
      text += negative ? " - " : " + ";
    else if (negative)
      text += "-";
    const uint64_t magnitude = negative ? 0 - static_cast<uint64_t>(coefficient) : static_cast<uint64_t>(coefficient);
    if (monomial.empty() || magnitude != 1) text += fmt::format("{}{}", magnitude, monomial.empty() ? "" : "*");
    text += fmt::format("{}", fmt::join(monomial, "*"));
  }
  return text;
}

std::optional<Dim> Dim::parse(std::string_view text) {
  return DimParser(text).parse();
}

Dim elementCount(const Shape& shape) {
  return elementCount(shape, 0, shape.size());
}

Dim elementCount(const Shape& shape, size_t begin, size_t end) {
  Dim count = 1;
  for (size_t i = begin; i < end; ++i) count = count * shape[i];
  return count;
}

bool isConstShape(const Shape& shape) {
  return std::all_of(shape.begin(), shape.end(), [](const Dim& d) { return d.isConst(); });
}

std::vector<int64_t> constExtents(const Shape& shape) {
  std::vector<int64_t> extents;
  extents.reserve(shape.size());
  for (const Dim& d : shape) extents.push_back(d.value());
  return extents;
}

std::string Type::str() const {
  std::string text = fmt::format("{}[", dtypeName(dtype));
  for (size_t i = 0; i < shape.size(); ++i) text += (i ? ", " : "") + shape[i].str();
  return text + "]";
}

std::string typesText(const std::vector<Type>& types) {
  std::string text;
  for (const Type& t : types) text += (text.empty() ? "" : ", ") + t.str();
  return text.empty() ? "()" : text;
}

}  // namespace nnc
