#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <unordered_map>
#include <unordered_set>

#include "ir/op_schema.h"
#include "ir/text.h"
#include "ir/text_lexer.h"

namespace nnc {
namespace {

std::string identifierOf(const std::string& name) {
  std::string id;
  if (!name.empty() && (name[0] == '.' || (name[0] >= '0' && name[0] <= '9'))) id += '_';
  for (const char c : name) id += isNameChar(c) ? c : '_';
  return id;
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\')
      out += {'\\', c};
    else if (c == '\n')
      out += "\\n";
    else if (byte < 0x20 || byte == 0x7f)
      out += fmt::format("\\x{:02x}", byte);
    else
      out += c;
  }
  return out + '"';
}

/// The shortest text that reads back as the same number, always recognisable as a float.
std::string floatText(double value) {
  if (std::isnan(value)) return "nan";
  std::string text = fmt::format("{}", value);
  if (text.find_first_of(".en") == std::string::npos) text += ".0";
  return text;
}

template <typename T, typename F>
std::string listText(const std::vector<T>& items, F text) {
  std::string out = "[";
  for (size_t i = 0; i < items.size(); ++i) out += (i ? ", " : "") + text(items[i]);
  return out + "]";
}

std::string literalText(const Literal& literal) {
  const auto element = [&](size_t i) {
    return literal.isInt() ? fmt::format("{}", literal.asInt(i)) : floatText(literal.asDouble(i));
  };
  if (literal.size() == 1) return element(0);
  std::string out = "[";
  for (size_t i = 0; i < literal.size(); ++i) out += (i ? ", " : "") + element(i);
  return out + "]";
}

struct AttrText {
  std::string operator()(int64_t v) const { return fmt::format("{}", v); }
  std::string operator()(double v) const { return floatText(v); }
  std::string operator()(bool v) const { return v ? "true" : "false"; }
  std::string operator()(const std::string& v) const { return quoted(v); }
  std::string operator()(DType v) const { return dtypeName(v); }
  std::string operator()(const Dim& v) const { return v.str(); }
  std::string operator()(const std::vector<int64_t>& v) const {
    return listText(v, [](int64_t i) { return fmt::format("{}", i); });
  }
  std::string operator()(const std::vector<Dim>& v) const {
    return listText(v, [](const Dim& d) { return d.str(); });
  }
  std::string operator()(const Type& v) const { return v.str(); }
  std::string operator()(const Literal& v) const { return literalText(v); }
};

/// What the parser supplies by itself: empty lists, false flags, and the type, which stands after the colon.
bool isImplied(const std::string& name, const AttrValue& value) {
  if (const auto* ints = std::get_if<std::vector<int64_t>>(&value)) return ints->empty();
  if (const auto* dims = std::get_if<std::vector<Dim>>(&value)) return dims->empty();
  if (const bool* flag = std::get_if<bool>(&value)) return !*flag;
  return name == "type" && std::holds_alternative<Type>(value);
}

class Printer {
public:
  explicit Printer(const PrintOptions& options) : options_(options) {}

  void module(const Module& m) {
    line("module {}", quoted(m.name));
    if (m.compute != DType::F32) line("compute {}", dtypeName(m.compute));
    section(m.hypers, [this](const Hyper& h) { hyper(h); });
    section(m.data, [this](const DataSource& d) { dataSource(d); });
    section(m.variables, [this](const Variable& v) { variable(v); });
    section(m.scalars, [this](const Scalar& s) {
      line("scalar {} : {} = {}", quoted(s.name), dtypeName(s.dtype), floatText(s.defaultValue));
    });
    section(m.trains, [this](const TrainBlock& t) { train(t); });
    for (const Function& f : m.functions) {
      out_ += '\n';
      function(f);
    }
  }

  void function(const Function& f) {
    std::string symbols;
    for (const Symbol& s : f.symbols)
      symbols += fmt::format("{}{} <= {}", symbols.empty() ? "" : ", ", s.name, s.bound);
    std::string conditions;
    for (const Condition& c : f.conditions)
      conditions += fmt::format("{}{}: {}", conditions.empty() ? "" : ", ", quoted(c.text), c.slack.str());
    if (!conditions.empty()) conditions = fmt::format(" requires({})", conditions);
    std::string texts;
    for (const auto& [port, vocabulary] : f.texts)
      texts += fmt::format(" text {} in {}", quoted(port), quoted(vocabulary));
    line("func {} {}({}){}{}{} {{", quoted(f.name), kindName(f.kind), symbols, conditions, texts, place(f.loc));
    graph(f.body);
    line("}}");
  }

  std::string take() { return std::move(out_); }

private:
  template <typename... Args>
  void line(fmt::format_string<Args...> format, Args&&... args) {
    out_.append(indent_, ' ');
    fmt::format_to(std::back_inserter(out_), format, std::forward<Args>(args)...);
    out_ += '\n';
  }

  template <typename T, typename F>
  void section(const std::vector<T>& items, F print) {
    if (!items.empty()) out_ += '\n';
    for (const T& item : items) print(item);
  }

  static const char* kindName(Function::Kind kind) {
    constexpr const char* kNames[] = {"init", "step", "eval", "export", "derive", "rows", "start_pass"};
    return kNames[static_cast<size_t>(kind)];
  }

  std::string placeText(const Loc& loc) const {
    if (!options_.sources || !loc) return {};
    std::string text = fmt::format("{}:{}:{}", quoted(options_.sources->name(loc.file)), loc.line, loc.column);
    return loc.length == 1 ? text : text + fmt::format("+{}", loc.length);
  }

  /// " loc(…)", or nothing.
  std::string place(const Loc& loc) const {
    const std::string text = options_.locations ? placeText(loc) : "";
    return text.empty() ? "" : fmt::format(" loc({})", text);
  }

  std::string place(const Origin& origin) const {
    if (!options_.locations) return {};
    std::string text = placeText(origin.at);
    if (!text.empty() && !(origin.user == origin.at))
      if (const std::string user = placeText(origin.user); !user.empty()) text += " from " + user;
    if (origin.path) text += fmt::format("{}in {}", text.empty() ? "" : " ", quoted(*origin.path));
    return text.empty() ? "" : fmt::format(" loc({})", text);
  }

  void hyper(const Hyper& h) {
    std::string text = fmt::format("hyper {} = {}", quoted(h.name), quoted(h.value));
    if (!h.choices.empty()) text += " choices " + listText(h.choices, [](const std::string& c) { return quoted(c); });
    if (h.isRange) text += fmt::format(" range({}, {})", floatText(h.lo), floatText(h.hi));
    if (h.logScale) text += " log";
    if (h.isInt) text += " int";
    if (h.runTime) text += " run_time";
    line("{}{}", text, place(h.loc));
  }

  void dataSource(const DataSource& d) {
    line("data {} reader {} path {}{} {{", quoted(d.name), quoted(d.reader), quoted(d.path), place(d.loc));
    indent_ += 2;
    for (const auto& [name, value] : d.settings) line("set {} = {}", quoted(name), quoted(value));
    for (const DataField& f : d.raw)
      line("field {} : {}{}{}{}", quoted(f.name), f.row.str(), f.bound ? fmt::format(" < {}", f.bound) : "",
           f.symbols.empty()
               ? ""
               : fmt::format(" {} of {} in {}", quoted(f.symbols), quoted(f.source), quoted(f.vocabulary)),
           place(f.loc));
    for (const DataStatistic& s : d.statistics)
      line("statistic {} of {} in {}", quoted(s.of), quoted(s.function), quoted(s.variable));
    for (const DataCheck& c : d.checks) line("check {} of {} < {}", quoted(c.field), quoted(c.function), c.bound);
    indent_ -= 2;
    line("}}");
  }

  void variable(const Variable& v) {
    constexpr const char* kNames[] = {"param", "state", "train_state", "metric_state", "fitted", "derived"};
    line("{} {} : {}{}{}", kNames[static_cast<size_t>(v.kind)], quoted(v.path), v.type.str(),
         v.copyOf.empty() ? "" : " copies " + quoted(v.copyOf), place(v.declared));
  }

  void train(const TrainBlock& t) {
    line("train {}{} {{", quoted(t.name), place(t.loc));
    indent_ += 2;
    const auto text = [this](const char* key, const std::string& value) {
      if (!value.empty()) line("{} = {}", key, quoted(value));
    };
    text("data", t.data);
    text("step", t.step);
    text("eval", t.eval);
    line("batch = {}", t.batch);
    line("epochs = {}", t.epochs);
    line("seed = {}", t.seed);
    if (t.steps) line("steps = {}", t.steps);
    if (t.patience) line("patience = {}", t.patience);
    text("monitor", t.monitor);
    if (t.maximize) line("maximize = true");
    if (!t.metrics.empty()) line("metrics = {}", listText(t.metrics, [](const std::string& m) { return quoted(m); }));
    indent_ -= 2;
    line("}}");
  }

  // Graphs

  static std::string valueText(const Graph& g, const std::vector<std::string>& names, Value v) {
    const bool single = g.nodes[v.node].out.size() == 1;
    return single ? "%" + names[v.node] : fmt::format("%{}#{}", names[v.node], v.result);
  }

  std::string attrsText(const Node& node) const {
    std::string text;
    const Attrs attrs = normalizedAttrs(node.op, node.attrs);
    for (const auto& [name, value] : attrs.entries())
      if (!isImplied(name, value))
        text += fmt::format("{}{}={}", text.empty() ? "" : ", ", name, std::visit(AttrText{}, value));
    return text.empty() ? "" : " {" + text + "}";
  }

  void node(const Graph& g, const std::vector<std::string>& names, size_t index) {
    const Node& n = g.nodes[index];
    std::string operands, types;
    for (const Value& v : n.in) operands += (operands.empty() ? "" : ", ") + valueText(g, names, v);
    for (const Type& t : n.out) types += (types.empty() ? "" : ", ") + t.str();
    line("%{}{} = {}{}{} : {}{}{}", names[index], n.out.size() == 1 ? "" : fmt::format(":{}", n.out.size()),
         opInfo(n.op).text, n.in.empty() ? "" : "(" + operands + ")", attrsText(n), types.empty() ? "()" : types,
         place(n.origin), n.regions.empty() ? "" : " {");
    for (size_t r = 0; r < n.regions.size(); ++r) {
      if (r != 0) line("}} else {{");
      graph(n.regions[r]);
    }
    if (!n.regions.empty()) line("}}");
  }

  void graph(const Graph& g) {
    indent_ += 2;
    const std::vector<std::string> names = valueNames(g);
    for (size_t i = 0; i < g.nodes.size(); ++i) node(g, names, i);
    const bool plain = std::all_of(g.outputs.begin(), g.outputs.end(),
                                   [](const Output& o) { return o.role == OutputRole::Result && o.name.empty(); });
    if (plain) {
      std::string values;
      for (const Output& o : g.outputs) values += (values.empty() ? " " : ", ") + valueText(g, names, o.value);
      line("return{}", values);
    } else {
      constexpr const char* kRoles[] = {"result", "update", "loss", "metric"};
      for (const Output& o : g.outputs)
        line("{}{} {}", kRoles[static_cast<size_t>(o.role)], o.name.empty() ? "" : " " + quoted(o.name),
             valueText(g, names, o.value));
    }
    indent_ -= 2;
  }

  const PrintOptions& options_;
  std::string out_;
  size_t indent_ = 0;
};

}  // namespace

std::vector<std::string> valueNames(const Graph& graph) {
  std::vector<std::string> names;
  std::unordered_set<std::string> used;
  std::unordered_map<std::string, int> suffixes;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const std::string base = identifierOf(graph.nodes[i].name);
    std::string name = base.empty() ? std::to_string(i) : base;
    while (!used.insert(name).second) name = fmt::format("{}_{}", base, ++suffixes[base]);
    names.push_back(std::move(name));
  }
  return names;
}

std::string printModule(const Module& module, const PrintOptions& options) {
  Printer printer(options);
  printer.module(module);
  return printer.take();
}

std::string printFunction(const Function& function, const PrintOptions& options) {
  Printer printer(options);
  printer.function(function);
  return printer.take();
}

}  // namespace nnc
