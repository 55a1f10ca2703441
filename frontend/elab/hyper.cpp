// Hyperparameters: their values in force, their domains, and which of them the run may still set.
#include "frontend/elab/elaborator.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace nnc::elab {

Val Elaborator::parseHyper(const std::string& text, const Val& like, const ast::Hyper& h) {
  const auto wrong = [&](const char* want) {
    fail(DiagCode::BadHyper, h.name.loc, fmt::format("`{}` is {}, and `{}` was given", h.name.text, want, text));
  };
  const char* end = text.data() + text.size();
  if (like.is(ValKind::Fn)) {
    std::vector<std::string> names;
    for (const auto& c : h.choices) {
      names.push_back(c->as<ast::Name>().text);
      if (names.back() == text) return eval(*c);
    }
    wrong(fmt::format("one of {}", fmt::join(names, ", ")).c_str());
  }
  if (like.is(ValKind::Int)) {
    int64_t n = 0;
    if (const auto r = std::from_chars(text.data(), end, n); r.ec != std::errc() || r.ptr != end)
      wrong("a whole number");
    return Val::integer(n);
  }
  if (like.is(ValKind::Float)) {
    double x = 0;
    if (const auto r = std::from_chars(text.data(), end, x); r.ec != std::errc() || r.ptr != end || !std::isfinite(x))
      wrong("a number");
    return Val::real(x);
  }
  if (like.is(ValKind::Bool)) {
    if (text != "true" && text != "false") wrong("true or false");
    return Val::boolean(text == "true");
  }
  return Val::string(text);
}

/// A function or layer is chosen by its name among those of the domain.
void Elaborator::checkFunctionHyper(const ast::Hyper& h) {
  const auto named = [&](const ast::Expr& e) {
    if (!e.is<ast::Name>())
      fail(DiagCode::BadHyper, e.loc, "a hyperparameter chooses functions and layers by their plain names");
  };
  named(*h.fallback);
  if (h.choices.empty()) {
    error(DiagCode::BadHyper, h.fallback->loc,
          fmt::format("`{}` chooses a function, and nothing says among which", h.name.text))
        .help(fmt::format("list them: `hyper {0} = {1} in [{1}, …]`", h.name.text, h.fallback->as<ast::Name>().text));
    throw Reported{};
  }
  for (const auto& c : h.choices) {
    named(*c);
    if (const Val choice = eval(*c); !choice.is(ValKind::Fn))
      fail(DiagCode::BadHyper, c->loc,
           fmt::format("`{}` chooses a function or layer, and this is {}", h.name.text, describe(choice)));
  }
}

/// The value in force, the default or one from outside (`isSet`), lies in the domain that the file declares.
void Elaborator::checkDomain(const ast::Hyper& h, const Hyper& record, const Val& v, bool isSet) {
  std::string domain;
  bool inside = true;
  if (record.isRange) {
    const double x = asNumber(v, h.name.loc, "a hyperparameter");
    inside = x >= record.lo && x <= record.hi;
    domain = fmt::format(fmt::runtime(record.logScale ? "log({} .. {})" : "{} .. {}"), record.lo, record.hi);
  } else if (!record.choices.empty()) {
    inside = std::find(record.choices.begin(), record.choices.end(), record.value) != record.choices.end();
    domain = fmt::format("[{}]", fmt::join(record.choices, ", "));
  }
  if (inside) return;
  if (isSet)
    fail(DiagCode::BadHyper, h.domainLoc,
         fmt::format("`--set {0}={1}` is outside of the domain {2} of `{0}`", h.name.text, record.value, domain));
  fail(DiagCode::BadHyper, h.fallback->loc,
       fmt::format("the default {} of `{}` is outside of its domain {}", record.value, h.name.text, domain));
}

void Elaborator::defineHyper(const ast::Hyper& h, const ScopePtr& scope) {
  if (const auto other = hyperDecls_.find(h.name.text); other != hyperDecls_.end() && other->second != &h) {
    error(DiagCode::Redefined, h.name.loc, fmt::format("`{}` is a hyperparameter of another file, too", h.name.text))
        .note(other->second->name.loc, "the other stands here: `--set` and the weights know both by this name");
    throw Reported{};
  }
  hyperDecls_[h.name.text] = &h;
  if (std::find(std::begin(kHostScalars), std::end(kHostScalars), h.name.text) != std::end(kHostScalars))
    fail(DiagCode::BadHyper, h.name.loc,
         fmt::format("`{}` is set by what runs the program: a hyperparameter has another name", h.name.text));
  Val v = h.type ? declared(*h.type, *h.fallback, h.name.text) : eval(*h.fallback);
  const auto simple = [](const Val& x) {
    return x.isConstInt() || x.is(ValKind::Float) || x.is(ValKind::Bool) || x.is(ValKind::Str);
  };
  if (v.is(ValKind::Fn))
    checkFunctionHyper(h);
  else if (!simple(v))
    fail(DiagCode::WrongKind, h.fallback->loc,
         fmt::format("a hyperparameter is a number, true, false, a text or one of several functions, not {}",
                     describe(v)));
  const std::string* given = nullptr;
  for (const auto* values : {&options_.hypers, &options_.trained})
    if (auto it = values->find(h.name.text); !given && it != values->end()) given = &it->second;
  if (given) v = parseHyper(*given, v, h);
  const auto text = [&](const Val& x, const ast::Expr& written) {
    return x.is(ValKind::Fn)      ? written.as<ast::Name>().text
           : x.is(ValKind::Int)   ? x.dim.str()
           : x.is(ValKind::Float) ? fmt::format("{}", x.number)
           : x.is(ValKind::Bool)  ? (x.flag ? "true" : "false")
                                  : x.text;
  };
  Hyper record;
  record.name = h.name.text;
  record.loc = h.name.loc;
  record.value = given && v.is(ValKind::Fn) ? *given : text(v, *h.fallback);
  record.isInt = v.is(ValKind::Int);
  record.logScale = h.domain == ast::Hyper::Domain::LogRange;
  record.isRange = record.logScale || h.domain == ast::Hyper::Domain::Range;
  if (record.isRange) {
    record.lo = asNumber(eval(*h.lo), h.lo->loc, "an end of a domain");
    record.hi = asNumber(eval(*h.hi), h.hi->loc, "an end of a domain");
    if (record.lo > record.hi || (record.logScale && record.lo <= 0))
      fail(DiagCode::BadHyper, h.domainLoc,
           record.lo > record.hi
               ? fmt::format("the domain of `{}` is empty", h.name.text)
               : fmt::format("a domain of logarithms begins above 0, that of `{}` does not", h.name.text));
  }
  for (const auto& c : h.choices) {
    const Val choice = eval(*c);
    if (!v.is(ValKind::Fn) && !simple(choice))
      fail(DiagCode::BadHyper, c->loc,
           fmt::format("`{}` is {}, and this choice is {}", h.name.text, describe(v), describe(choice)));
    record.choices.push_back(text(choice, *c));
  }
  // What weights were trained with stays in force, whatever the file says today.
  const bool isSet = options_.hypers.contains(h.name.text);
  if (isSet || !given) checkDomain(h, record, v, isSet);
  hyperValues_[h.name.text] = v;
  if (v.isNumber()) {
    auto f = std::make_shared<Formula>();
    f->kind = Formula::Kind::Hyper;
    f->hyper = h.name.text;
    f->isInt = v.is(ValKind::Int);
    v.formula = f;
  }
  Binding binding;
  binding.val = v;
  binding.hyper = h.name.text;
  binding.at = h.name.loc;
  scope->names[h.name.text] = std::move(binding);
  module_.hypers.push_back(record);
}

/// A hyper of a used file may serve other programs than this one.
void Elaborator::checkHypers(uint32_t mainFile) {
  std::vector<std::string> names;
  for (Hyper& h : module_.hypers) {
    names.push_back(h.name);
    h.runTime = hypersRunTime_.contains(h.name) && !hypersFixed_.contains(h.name);
    if (h.loc.file == mainFile && !hypersUsed_.contains(h.name) && !diagnostics_.hasErrors())
      error(DiagCode::UnusedHyper, h.loc, fmt::format("the hyperparameter `{}` is not used", h.name))
          .help("use it or remove it");
  }
  for (const auto& [name, value] : options_.hypers)
    if (!hyperDecls_.contains(name)) {
      Diagnostic& d =
          diagnostics_.error(DiagCode::UnknownHyper, {}, fmt::format("there is no hyperparameter `{}`", name));
      if (const std::string near = nearestName(name, names); !near.empty())
        d.help(fmt::format("did you mean `{}`?", near));
    }
  std::vector<std::string> dataNames;
  for (const DataSource& s : module_.data) dataNames.push_back(s.name);
  for (const auto& [name, path] : options_.dataPaths)
    if (std::find(dataNames.begin(), dataNames.end(), name) == dataNames.end()) {
      Diagnostic& d = diagnostics_.error(DiagCode::UnknownData, {}, fmt::format("there is no data block `{}`", name));
      if (const std::string near = nearestName(name, dataNames); !near.empty())
        d.help(fmt::format("did you mean `{}`?", near));
    }
}

}  // namespace nnc::elab
