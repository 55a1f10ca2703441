// Symbols of a data block: fields that are numbers in a vocabulary, the variable that keeps the vocabulary, and index
// types that are bounded by such a field.
#include "frontend/elab/elaborator.h"
#include "frontend/elab/walk.h"

#include <fmt/format.h>

#include <algorithm>

namespace nnc::elab {

namespace {

constexpr const char* kSymbols[] = {"chars", "words", "category"};
/// Room for each symbol that may be: of characters one byte and its length, of others so much on the mean.
constexpr int64_t kCharBytes = 2, kSymbolBytes = 32;

int64_t vocabularyBytes(const std::string& symbols, int64_t most) {
  return 1 + most * (symbols == "chars" ? kCharBytes : kSymbolBytes);
}

/// A column's name in the path of a variable: what is neither a letter, a digit nor an underscore as its two hex
/// digits.
std::string pathPart(const std::string& name) {
  std::string part;
  for (const char c : name) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    part += plain ? std::string(1, c) : fmt::format("%{:02x}", static_cast<unsigned char>(c));
  }
  return part;
}

bool isRaw(const ast::Expr& e) {
  return e.is<ast::Name>() && e.as<ast::Name>().text == "raw";
}

/// What `length(…)` is the length of, if that is a call.
const ast::Call* countedSymbols(const ast::Call& e) {
  const auto* callee = e.callee->tryAs<ast::Name>();
  return callee && callee->text == "length" && e.args.size() == 1 ? e.args[0].value->tryAs<ast::Call>() : nullptr;
}

}  // namespace

/// "sepal length" of raw["sepal length"], "a..z" of raw["a".."z"].
std::optional<std::string> rawColumnName(const ast::Bracket& e) {
  if (e.args.size() != 1 || e.args[0].name) return std::nullopt;
  const ast::Expr& a = *e.args[0].value;
  if (const auto* s = a.tryAs<ast::String>()) return s->value;
  if (const auto* r = a.tryAs<ast::Range>();
      r && r->lo && r->hi && r->lo->is<ast::String>() && r->hi->is<ast::String>())
    return r->lo->as<ast::String>().value + ".." + r->hi->as<ast::String>().value;
  return std::nullopt;
}

/// The raw field that `raw.age`, `raw["body mass"]` or `raw["a".."z"]` names.
std::optional<std::string> rawName(const ast::Expr& e) {
  if (const auto* field = e.tryAs<ast::Field>(); field && isRaw(*field->base)) return field->name.text;
  if (const auto* bracket = e.tryAs<ast::Bracket>(); bracket && isRaw(*bracket->base)) return rawColumnName(*bracket);
  return std::nullopt;
}

std::vector<std::string> rawNames(const ast::Data& data) {
  std::map<std::string, std::pair<uint32_t, uint32_t>> first;  // line and column
  Walker w;
  w.onExpr = [&](const ast::Expr& e) {
    const auto name = rawName(e);
    if (!name) return;
    const std::pair at(e.loc.line, e.loc.column);
    const auto [known, isNew] = first.try_emplace(*name, at);
    if (!isNew) known->second = std::min(known->second, at);
  };
  for (const auto& let : data.lets) w.stmt(*let);
  for (const ast::Data::Field& field : data.fields) w.expr(*field.value);
  std::vector<std::string> names;
  for (const auto& [name, at] : first) names.push_back(name);
  std::sort(names.begin(), names.end(),
            [&](const std::string& a, const std::string& b) { return first.at(a) < first.at(b); });
  return names;
}

/// `chars(raw.text)`, `words(raw.text)`, `category(raw.species)`: a raw field of numbers in a vocabulary, which has the
/// name "chars(text)"; or how many symbols of a text count, `length(chars(raw.text))`.
std::optional<std::string> Elaborator::symbolField(const DataInfo& data, const ast::Call& e) {
  const auto* callee = e.callee->tryAs<ast::Name>();
  if (!callee || data.inner->find(callee->text)) return std::nullopt;
  if (const ast::Call* counted = countedSymbols(e)) {
    const auto symbols = symbolField(data, *counted);
    if (symbols && symbols->starts_with("category("))
      fail(DiagCode::WrongArguments, e.loc, "a category is one number: a length is one of `chars` or `words`");
    return symbols ? std::optional(fmt::format("length({})", *symbols)) : std::nullopt;
  }
  if (std::find(std::begin(kSymbols), std::end(kSymbols), callee->text) == std::end(kSymbols)) return std::nullopt;
  const auto name = e.args.size() == 1 ? rawName(*e.args[0].value) : std::nullopt;
  if (!name)
    fail(DiagCode::WrongArguments, e.loc, fmt::format("`{}` numbers the symbols of one raw field", callee->text));
  const DataSource& source = module_.data[data.module];
  if (source.reader == "csv") return fmt::format("{}({})", callee->text, *name);
  const auto by = source.settings.find("by");
  const bool words = by != source.settings.end() && by->second == "word";
  const char* of = source.reader != "text" ? "" : words ? "words" : "chars";
  if (callee->text != of) {
    Diagnostic& d = error(DiagCode::UnknownData, e.callee->loc,
                          fmt::format("`{}` has no `{}` of its fields", source.reader, callee->text));
    if (*of) d.help(fmt::format("it has `{}`{}", of, words ? "" : "; `by = word` reads words"));
    throw Reported{};
  }
  return fmt::format("{}({})", callee->text, *name);
}

void Elaborator::noteSymbols(DataInfo& data, const ast::Call& e, const std::string& name, const Shape& shape,
                             std::optional<Dim> bound) {
  const ast::Call* counted = countedSymbols(e);
  const ast::Call& numbered = counted ? *counted : e;
  if (!bound || !bound->isConst()) {
    error(DiagCode::BoundMismatch, e.loc,
          fmt::format("how many symbols `{}` may {} is not declared", name, counted ? "be" : "have"))
        .help(counted ? "declare it: `let n: i32 <= 40 = …`, and use `n`"
                      : fmt::format("declare it: `let x: i32{} < 96 = …`, and use `x`", shapeText(shape)));
    throw Reported{};
  }
  const bool isNew = !data.raw.contains(name);
  noteRaw(data, name, Type{DType::I32, shape}, bound, e.loc);
  if (!isNew) return;
  DataField& field = module_.data[data.module].raw.back();
  field.symbols = numbered.callee->as<ast::Name>().text;
  field.source = *rawName(*numbered.args[0].value);
  if (counted) return;
  if (field.row.shape.empty() && field.symbols != "category")
    fail(DiagCode::RankMismatch, e.loc, fmt::format("`{}` are a vector: declare how many may be read of a row", name));
  field.vocabulary = fmt::format("{}.{}.{}", data.ast->name.text, pathPart(field.source), field.symbols);
  TensorVal symbols;
  symbols.type = Type{DType::U8, {Dim(vocabularyBytes(field.symbols, bound->value()))}};
  symbols.unit = {false};
  newFitted(field.vocabulary, symbols, 0, e.loc);
}

/// The exclusive bound of an index type. A field of a data block stands for its own bound: `i32[B] < bible.tokens`.
Dim Elaborator::boundOf(const ast::TypeExpr& t) {
  const Val v = eval(*t.bound);
  const bool inclusive = t.boundKind == ast::TypeExpr::Bound::LessEqual;
  DataFieldInfo* field = v.is(ValKind::Fn) ? v.fn->field : nullptr;
  if (!field) return asDim(v, t.bound->loc, "a bound") + Dim(inclusive ? 1 : 0);
  prepareField(*field);
  if (!field->bound)
    fail(DiagCode::BoundMismatch, t.bound->loc, fmt::format("the field `{}` has no bound", field->name));
  if (inclusive)
    fail(DiagCode::BoundMismatch, t.bound->loc,
         fmt::format("indices of `{0}` are below its bound: `< {0}`", field->name));
  return *field->bound;
}

/// The path of the vocabulary that numbers of this type stand for; empty: they are just numbers.
std::string Elaborator::vocabularyOf(const ast::TypeExpr& t) {
  if (!t.bound) return "";
  const Val v = eval(*t.bound);
  if (!v.is(ValKind::Fn) || !v.fn->field) return "";
  prepareField(*v.fn->field);
  const DataFieldInfo& field = *v.fn->field;
  if (field.raws.size() != 1) return "";
  for (const DataField& raw : module_.data[field.data->module].raw)
    if (raw.name == field.raws[0] && field.bound == Dim(raw.bound)) return raw.vocabulary;
  return "";
}

}  // namespace nnc::elab
