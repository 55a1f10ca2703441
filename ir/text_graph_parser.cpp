// Graphs of a module's text: nodes, their regions, outputs. Every node is checked by inference as soon as it is read,
// so that later ones can rely on it.
#include <algorithm>

#include "ir/infer.h"
#include "ir/text_parser.h"

namespace nnc {
namespace {

constexpr int kMaxDepth = 64;

bool isNumber(std::string_view name) {
  return name.find_first_not_of("0123456789") == std::string_view::npos;
}

bool hasTypeAttr(Op op) {
  const std::vector<AttrSpec>& specs = attrSpecs(op);
  return std::any_of(specs.begin(), specs.end(), [](const AttrSpec& s) { return s.kind == AttrKind::Type; });
}

/// A constant's numbers are floats or integers as its type says, however they are written.
void fitLiteral(Node& n) {
  const AttrValue* value = n.attrs.find("value");
  const auto* literal = value ? std::get_if<Literal>(value) : nullptr;
  if (literal == nullptr || !literal->isInt() || !isFloat(n.out[0].dtype)) return;
  std::vector<double> floats;
  for (size_t i = 0; i < literal->size(); ++i) floats.push_back(literal->asDouble(i));
  n.attrs.set("value", Literal{std::move(floats)});
}

}  // namespace

Graph IrTextParser::graph(int depth) {
  if (depth > kMaxDepth)
    stop(DiagCode::IrLimit, peek().at, fmt::format("regions are nested at most {} deep", kMaxDepth));
  Graph g;
  Scope scope;
  expect("{");
  while (peek().kind == IrTokenKind::Value) node(g, scope, depth);
  outputs(g, scope);
  expect("}");
  return g;
}

void IrTextParser::node(Graph& g, Scope& scope, int depth) {
  const IrToken name = take();
  int64_t results = 1;
  if (eat(":")) results = integer();
  expect("=");
  const IrToken opToken = peek();
  const std::string opName = identifier("an op");
  const std::optional<Op> op = opFromName(opName);
  if (!op) stop(DiagCode::IrUnknownName, opToken.at, fmt::format("there is no op `{}`", opName));

  Node n;
  n.op = *op;
  if (!isNumber(name.text)) {
    n.name = name.text;
    if (n.name[0] == '.' || isNumber(n.name.substr(0, 1)))
      stop(DiagCode::IrSyntax, name.at, fmt::format("`%{}` is neither a name nor a number", n.name));
  }
  if (at("(")) list("(", ")", [&] { n.in.push_back(value(g, scope)); });
  n.attrs = attrs(*op);
  expect(":");
  resultTypes(n, results);
  if (hasTypeAttr(*op) && n.out.size() == 1) {
    n.attrs.set("type", n.out[0]);
    fitLiteral(n);
  }
  n.attrs = normalizedAttrs(*op, n.attrs);
  n.origin = origin();
  if (at("{")) {
    n.regions.push_back(graph(depth + 1));
    while (eatWord("else")) n.regions.push_back(graph(depth + 1));
  }
  finishNode(g, n, opToken.at);
  if (!scope.try_emplace(name.text, static_cast<uint32_t>(g.nodes.size())).second)
    stop(DiagCode::IrSyntax, name.at, fmt::format("`%{}` is defined twice", name.text));
  g.nodes.push_back(std::move(n));
}

void IrTextParser::resultTypes(Node& n, int64_t count) {
  const Loc start = peek().at;
  if (eat("(")) {
    expect(")");
  } else {
    do n.out.push_back(type());
    while (eat(","));
  }
  if (static_cast<int64_t>(n.out.size()) != count)
    stop(DiagCode::IrBadNode, start, fmt::format("the node has {} results and {} types", count, n.out.size()));
}

Attrs IrTextParser::attrs(Op op) {
  Attrs result;
  if (!at("{")) return result;
  list("{", "}", [&] {
    const IrToken key = peek();
    const std::string name = identifier("an attribute");
    const std::vector<AttrSpec>& specs = attrSpecs(op);
    const auto spec = std::find_if(specs.begin(), specs.end(), [&](const AttrSpec& s) { return s.name == name; });
    if (spec == specs.end())
      stop(DiagCode::IrUnknownName, key.at, fmt::format("`{}` has no attribute `{}`", opInfo(op).text, name));
    if (result.has(name)) stop(DiagCode::IrSyntax, key.at, fmt::format("the attribute `{}` stands twice", name));
    expect("=");
    result.set(name, attrValue(spec->kind));
  });
  return result;
}

void IrTextParser::finishNode(const Graph& g, Node& n, Loc at) {
  std::vector<Type> operands;
  for (const Value& v : n.in) operands.push_back(g.type(v));
  const Inferred inferred = inferTypes(n.op, operands, n.attrs, n.regions);
  if (!inferred) stop(DiagCode::IrBadNode, at, inferred.error);
  if (inferred.types != n.out)
    stop(DiagCode::IrBadNode, at,
         fmt::format("`{}` gives {}, but the text says {}", opInfo(n.op).text, typesText(inferred.types),
                     typesText(n.out)));
}

void IrTextParser::outputs(Graph& g, const Scope& scope) {
  if (eatWord("return")) {
    if (at("}")) return;
    do g.outputs.push_back({OutputRole::Result, "", value(g, scope)});
    while (eat(","));
    return;
  }
  constexpr std::pair<const char*, OutputRole> kRoles[] = {{"result", OutputRole::Result},
                                                           {"update", OutputRole::Update},
                                                           {"loss", OutputRole::Loss},
                                                           {"metric", OutputRole::Metric}};
  while (!at("}")) {
    const auto role = std::find_if(std::begin(kRoles), std::end(kRoles), [&](auto& r) { return eatWord(r.first); });
    if (role == std::end(kRoles)) unexpected("a node or an output (return, result, update, loss, metric)");
    Output output;
    output.role = role->second;
    if (peek().kind == IrTokenKind::String) output.name = take().text;
    output.value = value(g, scope);
    g.outputs.push_back(std::move(output));
  }
}

Value IrTextParser::value(const Graph& g, const Scope& scope) {
  if (peek().kind != IrTokenKind::Value) unexpected("a value");
  const IrToken name = take();
  const auto found = scope.find(name.text);
  if (found == scope.end())
    stop(DiagCode::IrUnknownName, name.at, fmt::format("there is no value `%{}` before this line", name.text));
  const size_t results = g.nodes[found->second].out.size();
  int64_t result = 0;
  if (eat("#"))
    result = integer();
  else if (results != 1)
    stop(DiagCode::IrSyntax, name.at,
         fmt::format("`%{}` has {} results: write `%{}#0`", name.text, results, name.text));
  if (result < 0 || result >= static_cast<int64_t>(results))
    stop(DiagCode::IrUnknownName, name.at, fmt::format("`%{}` has no result {}", name.text, result));
  return {found->second, static_cast<uint32_t>(result)};
}

}  // namespace nnc
