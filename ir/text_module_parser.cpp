// Declarations of a module's text: hyperparameters, data, variables, scalars, train blocks, heads of functions.
#include <optional>

#include "ir/text_parser.h"

namespace nnc {

Module IrTextParser::module() {
  Module m;
  if (eatWord("module")) m.name = string("the module's name");
  if (eatWord("compute")) m.compute = dtype();
  while (peek().kind != IrTokenKind::End) declaration(m);
  return m;
}

void IrTextParser::declaration(Module& m) {
  constexpr std::pair<const char*, Variable::Kind> kVariables[] = {{"param", Variable::Kind::Param},
                                                                   {"state", Variable::Kind::State},
                                                                   {"train_state", Variable::Kind::TrainState},
                                                                   {"metric_state", Variable::Kind::MetricState},
                                                                   {"fitted", Variable::Kind::Fitted},
                                                                   {"derived", Variable::Kind::Derived}};
  for (const auto& [word, kind] : kVariables)
    if (eatWord(word)) return m.variables.push_back(variable(kind));
  if (eatWord("func")) return m.functions.push_back(function());
  if (eatWord("hyper")) return m.hypers.push_back(hyper());
  if (eatWord("data")) return m.data.push_back(dataSource());
  if (eatWord("scalar")) return m.scalars.push_back(scalar());
  if (eatWord("train")) return m.trains.push_back(train());
  unexpected(
      "a declaration (hyper, data, param, state, train_state, metric_state, fitted, derived, scalar, train, func)");
}

Hyper IrTextParser::hyper() {
  Hyper h;
  h.name = string("a name");
  expect("=");
  h.value = string("a value");
  if (eatWord("choices")) list("[", "]", [&] { h.choices.push_back(string("a choice")); });
  if (eatWord("range")) {
    h.isRange = true;
    expect("(");
    h.lo = number();
    expect(",");
    h.hi = number();
    expect(")");
  }
  h.logScale = eatWord("log");
  h.isInt = eatWord("int");
  h.runTime = eatWord("run_time");
  h.loc = loc();
  return h;
}

DataSource IrTextParser::dataSource() {
  DataSource d;
  d.name = string("a name");
  expectWord("reader");
  d.reader = string("a reader");
  expectWord("path");
  d.path = string("a path");
  d.loc = loc();
  expect("{");
  while (!eat("}")) {
    if (eatWord("set")) {
      const std::string name = string("a setting");
      expect("=");
      d.settings[name] = string("a value");
      continue;
    }
    if (eatWord("statistic")) {
      DataStatistic statistic;
      statistic.of = string("a statistic");
      expectWord("of");
      statistic.function = string("a function");
      expectWord("in");
      statistic.variable = string("a variable");
      d.statistics.push_back(std::move(statistic));
      continue;
    }
    if (eatWord("check")) {
      DataCheck check;
      check.field = string("a field");
      expectWord("of");
      check.function = string("a function");
      expect("<");
      check.bound = integer();
      d.checks.push_back(std::move(check));
      continue;
    }
    expectWord("field");
    DataField field;
    field.name = string("a name");
    expect(":");
    field.row = type();
    if (eat("<")) field.bound = integer();
    if (atString()) {
      field.symbols = string("a kind of symbols");
      expectWord("of");
      field.source = string("a field");
      expectWord("in");
      field.vocabulary = string("a variable");
    }
    field.loc = loc();
    d.raw.push_back(std::move(field));
  }
  return d;
}

Variable IrTextParser::variable(Variable::Kind kind) {
  Variable v;
  v.kind = kind;
  v.path = string("a path");
  expect(":");
  v.type = type();
  if (eatWord("copies")) v.copyOf = string("a path");
  v.declared = loc();
  return v;
}

Scalar IrTextParser::scalar() {
  Scalar s;
  s.name = string("a name");
  expect(":");
  s.dtype = dtype();
  expect("=");
  s.defaultValue = number();
  return s;
}

TrainBlock IrTextParser::train() {
  TrainBlock t;
  t.name = string("a name");
  t.loc = loc();
  expect("{");
  while (!eat("}")) trainSetting(t);
  return t;
}

void IrTextParser::trainSetting(TrainBlock& t) {
  const IrToken key = peek();
  const std::string name = identifier("a setting");
  expect("=");
  const std::pair<const char*, std::string*> texts[] = {
      {"data", &t.data}, {"step", &t.step}, {"eval", &t.eval}, {"monitor", &t.monitor}};
  for (const auto& [word, field] : texts)
    if (name == word) {
      *field = string("a text");
      return;
    }
  const std::pair<const char*, int64_t*> integers[] = {
      {"batch", &t.batch}, {"epochs", &t.epochs}, {"seed", &t.seed}, {"steps", &t.steps}, {"patience", &t.patience}};
  for (const auto& [word, field] : integers)
    if (name == word) {
      *field = integer();
      return;
    }
  if (name == "maximize") {
    t.maximize = std::get<bool>(attrValue(AttrKind::Bool));
  } else if (name == "metrics") {
    t.metrics.clear();
    list("[", "]", [&] { t.metrics.push_back(string("a metric")); });
  } else {
    stop(DiagCode::IrUnknownName, key.at, fmt::format("a train block has no setting `{}`", name));
  }
}

Function IrTextParser::function() {
  constexpr std::pair<const char*, Function::Kind> kKinds[] = {
      {"init", Function::Kind::Init},           {"step", Function::Kind::Step},     {"eval", Function::Kind::Eval},
      {"export", Function::Kind::Export},       {"derive", Function::Kind::Derive}, {"rows", Function::Kind::Rows},
      {"start_pass", Function::Kind::StartPass}};
  Function f;
  f.name = string("the function's name");
  std::optional<Function::Kind> kind;
  for (const auto& [word, value] : kKinds)
    if (!kind && eatWord(word)) kind = value;
  if (!kind) unexpected("the function's kind (init, step, eval, export, prepare, rows, start_pass)");
  f.kind = *kind;
  list("(", ")", [&] {
    Symbol symbol;
    symbol.name = identifier("a symbol");
    expect("<=");
    symbol.bound = integer();
    f.symbols.push_back(std::move(symbol));
  });
  if (eatWord("requires"))
    list("(", ")", [&] {
      Condition condition;
      condition.text = string("a condition");
      expect(":");
      condition.slack = dim();
      f.conditions.push_back(std::move(condition));
    });
  while (eatWord("text")) {
    const std::string port = string("an input or result");
    expectWord("in");
    f.texts[port] = string("a variable");
  }
  f.loc = loc();
  f.body = graph(0);
  return f;
}

}  // namespace nnc
