#include "ir/text_parser.h"

#include <charconv>
#include <cmath>
#include <limits>

#include "ir/infer/rules.h"
#include "ir/text.h"
#include "ir/verify.h"

namespace nnc {
namespace {

constexpr size_t kMaxDimTerms = 64;
constexpr size_t kMaxDimDegree = 32;

std::string describe(const IrToken& token) {
  if (token.kind == IrTokenKind::End) return "the end of the text";
  if (token.kind == IrTokenKind::Bad) return token.text;
  return fmt::format("`{}{}`", token.kind == IrTokenKind::Value ? "%" : "", token.text);
}

}  // namespace

IrTextParser::IrTextParser(uint32_t file, SourceManager& sources, Diagnostics& diagnostics)
    : sources_(sources), diagnostics_(diagnostics), lexer_(file, sources.text(file)), token_(lexer_.next()) {}

// Tokens

IrToken IrTextParser::take() {
  IrToken taken = std::move(token_);
  token_ = lexer_.next();
  return taken;
}

bool IrTextParser::eat(std::string_view symbol) {
  if (!at(symbol)) return false;
  take();
  return true;
}

bool IrTextParser::eatWord(std::string_view word) {
  if (!atWord(word)) return false;
  take();
  return true;
}

void IrTextParser::expect(std::string_view symbol) {
  if (!eat(symbol)) unexpected(fmt::format("`{}`", symbol));
}

void IrTextParser::expectWord(std::string_view word) {
  if (!eatWord(word)) unexpected(fmt::format("`{}`", word));
}

std::string IrTextParser::identifier(const char* what) {
  if (token_.kind != IrTokenKind::Identifier) unexpected(what);
  return take().text;
}

std::string IrTextParser::string(const char* what) {
  if (token_.kind != IrTokenKind::String) unexpected(fmt::format("{} in quotes", what));
  return take().text;
}

IrTextParser::Numeral IrTextParser::numeral() {
  const bool negative = eat("-");
  if (eatWord("inf")) return {negative ? -HUGE_VAL : HUGE_VAL, 0, false};
  if (eatWord("nan")) return {std::numeric_limits<double>::quiet_NaN(), 0, false};
  if (token_.kind != IrTokenKind::Number) unexpected("a number");
  // The sign belongs to the text that is read: -2^63 has no positive twin.
  const std::string text = (negative ? "-" : "") + take().text;
  const char* end = text.data() + text.size();
  Numeral n;
  const auto asInteger = std::from_chars(text.data(), end, n.integer);
  n.isInteger = asInteger.ec == std::errc() && asInteger.ptr == end;
  if (std::from_chars(text.data(), end, n.real).ec == std::errc::result_out_of_range)
    n.real = std::copysign(text.find("e-") != std::string::npos ? 0.0 : HUGE_VAL, negative ? -1.0 : 1.0);
  return n;
}

int64_t IrTextParser::integer() {
  const Loc start = token_.at;
  const Numeral n = numeral();
  if (!n.isInteger) stop(DiagCode::IrSyntax, start, "expected an integer of 64 bits");
  return n.integer;
}

double IrTextParser::number() {
  return numeral().real;
}

void IrTextParser::stop(DiagCode code, Loc at, std::string message) {
  diagnostics_.error(code, at, std::move(message));
  throw Stop{};
}

void IrTextParser::unexpected(std::string_view wanted) {
  stop(DiagCode::IrSyntax, token_.at, fmt::format("expected {}, found {}", wanted, describe(token_)));
}

// Small parts

Dim IrTextParser::dimFactor() {
  if (token_.kind == IrTokenKind::Number) return Dim(integer());
  return Dim::symbol(identifier("a dimension"));
}

Dim IrTextParser::dim() {
  const Loc start = token_.at;
  Dim sum;
  bool negative = eat("-");
  for (;;) {
    Dim product = dimFactor();
    while (eat("*")) {
      product = product * dimFactor();
      if (!product.terms().empty() && product.terms().begin()->first.size() > kMaxDimDegree)
        stop(DiagCode::IrLimit, start, fmt::format("a dimension has at most degree {}", kMaxDimDegree));
    }
    sum = negative ? sum - product : sum + product;
    if (sum.terms().size() > kMaxDimTerms)
      stop(DiagCode::IrLimit, start, fmt::format("a dimension has at most {} terms", kMaxDimTerms));
    if (eat("+"))
      negative = false;
    else if (eat("-"))
      negative = true;
    else
      return sum;
  }
}

DType IrTextParser::dtype() {
  const IrToken token = token_;
  const std::string name = identifier("a dtype");
  const std::optional<DType> found = dtypeFromName(name);
  if (!found) stop(DiagCode::IrUnknownName, token.at, fmt::format("there is no dtype `{}`", name));
  return *found;
}

Type IrTextParser::type() {
  const Loc start = token_.at;
  Type t;
  t.dtype = dtype();
  list("[", "]", [&] {
    t.shape.push_back(dim());
    if (t.shape.size() > 64) stop(DiagCode::IrLimit, start, "a tensor has too many axes");
  });
  if (std::string error = infer::typeError(t); !error.empty()) stop(DiagCode::IrLimit, start, error);
  return t;
}

Loc IrTextParser::place() {
  const std::string file = string("a file name");
  const auto [entry, isNew] = files_.try_emplace(file, 0);
  if (isNew) entry->second = sources_.add(file, "");
  const auto part = [this] {
    const Loc start = token_.at;
    const int64_t value = integer();
    if (value < 0 || value > std::numeric_limits<uint32_t>::max())
      stop(DiagCode::IrLimit, start, "a place is out of range");
    return static_cast<uint32_t>(value);
  };
  Loc result{entry->second, 0, 0, 1};
  expect(":");
  result.line = part();
  expect(":");
  result.column = part();
  if (eat("+")) result.length = part();
  return result;
}

Loc IrTextParser::loc() {
  if (!eatWord("loc")) return {};
  expect("(");
  const Loc result = place();
  expect(")");
  return result;
}

Origin IrTextParser::origin() {
  Origin origin;
  if (!eatWord("loc")) return origin;
  expect("(");
  if (token_.kind == IrTokenKind::String) {
    origin.at = origin.user = place();
    if (eatWord("from")) origin.user = place();
  }
  if (eatWord("in")) {
    const std::string path = string("an instance path");
    std::shared_ptr<const std::string>& shared = paths_[path];
    if (!shared) shared = std::make_shared<const std::string>(path);
    origin.path = shared;
  }
  expect(")");
  return origin;
}

Literal IrTextParser::literal() {
  std::vector<double> floats;
  std::vector<int64_t> ints;
  const auto element = [&] {
    const Numeral n = numeral();
    floats.push_back(n.real);
    if (n.isInteger) ints.push_back(n.integer);
  };
  if (at("["))
    list("[", "]", element);
  else
    element();
  // Integers as long as all are written so; the type of the constant decides in the end (finishNode).
  if (ints.size() == floats.size()) return {std::move(ints)};
  return {std::move(floats)};
}

AttrValue IrTextParser::attrValue(AttrKind kind) {
  switch (kind) {
    case AttrKind::Int:
      return integer();
    case AttrKind::Float:
      return number();
    case AttrKind::Bool:
      if (eatWord("true")) return true;
      expectWord("false");
      return false;
    case AttrKind::String:
      return string("a text");
    case AttrKind::DType:
      return dtype();
    case AttrKind::Dim:
      return dim();
    case AttrKind::Ints: {
      std::vector<int64_t> ints;
      list("[", "]", [&] { ints.push_back(integer()); });
      return ints;
    }
    case AttrKind::Dims: {
      std::vector<Dim> dims;
      list("[", "]", [&] { dims.push_back(dim()); });
      return dims;
    }
    case AttrKind::Type:
      return type();
    case AttrKind::Literal:
      return literal();
  }
  unexpected("an attribute");
}

Module parseModule(uint32_t file, SourceManager& sources, Diagnostics& diagnostics) {
  Module module;
  try {
    module = IrTextParser(file, sources, diagnostics).module();
  } catch (const IrTextParser::Stop&) {
    return module;
  }
  for (const std::string& violation : verify(module))
    diagnostics.error(DiagCode::IrInvalid, Loc{file, 1, 1, 1}, violation);
  return module;
}

}  // namespace nnc
