// Derived parameters. What an export or an evaluation computes of variables alone, such as the weights of a normalised
// layer, does not change from call to call: a function of its own computes it into a variable that only plans know, and
// the runtime calls that function before the first run that wants them after a change of what it reads.
#include <fmt/format.h>

#include <map>
#include <set>

#include "ir/equal.h"
#include "plan/planner.h"

namespace nnc::plan {
namespace {

/// Only reads its operand elsewhere.
bool isMove(Op op) {
  return opInfo(op).cls == OpClass::View && op != Op::Concat;
}

/// Whether computing an op anew wherever it is read, as fusion does, takes more time than reading its result.
bool takesTime(Op op) {
  switch (opInfo(op).cls) {
    case OpClass::Source:
      return false;
    case OpClass::View:
      return !isMove(op);
    case OpClass::Unary:
      return op != Op::Neg && op != Op::Not && op != Op::Stop && op != Op::Cast;
    case OpClass::Binary:
      return op == Op::Div || op == Op::Pow || op == Op::IDiv || op == Op::Mod;
    case OpClass::Ternary:
      return false;
    default:
      return true;
  }
}

int64_t bytesOf(const Type& type) {
  return elementCount(type.shape).value() * dtypeSize(type.dtype);
}

/// Whether a node hangs on the sizes of a call; one that owns regions may.
bool namesSymbols(const Node& node) {
  const auto isFixed = [](const AttrValue& value) {
    if (const auto* dim = std::get_if<Dim>(&value)) return dim->isConst();
    if (const auto* dims = std::get_if<std::vector<Dim>>(&value)) return isConstShape(*dims);
    return true;
  };
  return !node.regions.empty() || !isConstShape(node.out[0].shape) ||
         !std::all_of(node.attrs.entries().begin(), node.attrs.entries().end(),
                      [&](const Attrs::Entry& attr) { return isFixed(attr.second); });
}

/// Nodes from which the marked ones are computed, those included. Nodes stand in order: operands first.
void markOperands(const Graph& graph, std::vector<bool>& marked, const std::vector<bool>& leaves = {}) {
  for (auto n = static_cast<uint32_t>(graph.nodes.size()); n-- > 0;)
    if (marked[n] && (leaves.empty() || !leaves[n]))
      for (Value v : graph.nodes[n].in) marked[v.node] = true;
}

/// The function that derives, in the making: equal values of several functions are one.
class Derived {
public:
  /// The path of the variable that holds a node's result.
  std::string variableOf(const Graph& graph, uint32_t node) {
    std::vector<bool> wanted(graph.nodes.size(), false);
    wanted[node] = true;
    markOperands(graph, wanted);
    std::map<uint32_t, uint32_t> copies;
    for (uint32_t n = 0; n <= node; ++n)
      if (wanted[n]) copies[n] = copy(graph.nodes[n], copies);
    const Value value{copies.at(node), 0};
    const auto [at, isNew] = paths_.try_emplace(value, fmt::format("derived#{}", paths_.size()));
    if (isNew) body_.outputs.push_back({OutputRole::Update, at->second, value});
    return at->second;
  }

  /// Adds the function and its variables to a module, if there is anything to derive.
  void addTo(Module& module) && {
    if (paths_.empty()) return;
    for (const Output& o : body_.outputs)
      module.variables.push_back({o.name, body_.type(o.value), Variable::Kind::Derived, {}});
    Function f;
    f.name = "derived.values";
    f.kind = Function::Kind::Derive;
    f.body = std::move(body_);
    module.functions.push_back(std::move(f));
  }

private:
  uint32_t copy(Node node, const std::map<uint32_t, uint32_t>& copies) {
    for (Value& operand : node.in) operand.node = copies.at(operand.node);
    for (uint32_t n = 0; n < body_.nodes.size(); ++n)
      if (equalNodes(body_.nodes[n], node)) return n;
    return body_.append(std::move(node)).node;
  }

  Graph body_;
  std::map<Value, std::string> paths_;
};

/// Takes what can be derived out of one function.
class Derivation {
public:
  Derivation(const Module& module, const Function& function) : module_(module), old_(function.body) {
    for (const Output& o : old_.outputs)
      if (o.role == OutputRole::Update) assigned_.insert(o.name);
    for (const Node& node : old_.nodes) facts_.push_back(factsOf(node));
  }

  Graph run(Derived& derived) const {
    std::vector<bool> wanted(old_.nodes.size(), false), leaves(old_.nodes.size());
    for (uint32_t n = 0; n < leaves.size(); ++n) leaves[n] = isWorthAPlace(n);
    for (const Output& o : old_.outputs) wanted[o.value.node] = true;
    for (uint32_t n = 0; n < leaves.size(); ++n)  // inputs are the call's, read or not
      if (old_.nodes[n].op == Op::Leaf && old_.nodes[n].attrs.string("kind") == "input") wanted[n] = true;
    markOperands(old_, wanted, leaves);
    Graph now;
    std::vector<uint32_t> copies(old_.nodes.size());
    for (uint32_t n = 0; n < old_.nodes.size(); ++n) {
      if (!wanted[n]) continue;
      Node node = leaves[n] ? leafOf(old_.nodes[n], derived.variableOf(old_, n)) : old_.nodes[n];
      for (Value& operand : node.in) operand.node = copies[operand.node];
      copies[n] = now.append(std::move(node)).node;
    }
    for (Output o : old_.outputs) {
      o.value.node = copies[o.value.node];
      now.outputs.push_back(std::move(o));
    }
    return now;
  }

private:
  /// What a node hangs on.
  struct Facts {
    bool fixed = false;           // on variables that the function leaves alone, and on nothing else
    bool takesTime = false;       // it or an operand
    std::set<std::string> reads;  // which variables
  };

  Facts factsOf(const Node& node) const {
    if (node.op == Op::Leaf) {
      const std::string& kind = node.attrs.string("kind");
      const Variable* v = module_.variable(node.attrs.string("name"));
      const bool fixed = (kind == "param" || kind == "state") && v->kind != Variable::Kind::MetricState &&
                         !assigned_.contains(v->path);
      return fixed ? Facts{true, false, {v->path}} : Facts{};
    }
    if (node.op == Op::Rand || node.out.size() != 1 || namesSymbols(node)) return {};
    Facts facts{true, plan::takesTime(node.op), {}};
    for (Value v : node.in) {
      const Facts& operand = facts_[v.node];
      if (!operand.fixed) return {};
      facts.takesTime |= operand.takesTime;
      facts.reads.insert(operand.reads.begin(), operand.reads.end());
    }
    return facts;
  }

  /// A value is worth a place if it takes time, and no more room than what it is computed of.
  bool isWorthAPlace(uint32_t n) const {
    const Node& node = old_.nodes[n];
    if (!facts_[n].fixed || !facts_[n].takesTime || isMove(node.op)) return false;
    int64_t room = 0;
    for (const std::string& path : facts_[n].reads) room += bytesOf(module_.variable(path)->type);
    return bytesOf(node.out[0]) <= room;
  }

  static Node leafOf(const Node& node, const std::string& variable) {
    Node leaf;
    leaf.op = Op::Leaf;
    leaf.attrs = {{"type", node.out[0]}, {"kind", std::string("state")}, {"name", variable}};
    leaf.out = node.out;
    leaf.origin = node.origin;
    leaf.name = node.name;
    return leaf;
  }

  const Module& module_;
  const Graph& old_;
  std::set<std::string> assigned_;
  std::vector<Facts> facts_;  // by node
};

/// Whether a function runs often between changes of the model: not if it makes them.
bool predicts(const Module& module, const Function& f) {
  if (f.kind == Function::Kind::Eval) return true;
  return f.kind == Function::Kind::Export &&
         std::none_of(f.body.outputs.begin(), f.body.outputs.end(), [&](const Output& o) {
           if (o.role != OutputRole::Update) return false;
           const Variable::Kind kind = module.variable(o.name)->kind;
           return kind == Variable::Kind::Param || kind == Variable::Kind::State;
         });
}

}  // namespace

Module deriveParameters(const Module& module) {
  Module result = module;
  Derived derived;
  for (Function& f : result.functions)
    if (predicts(module, f)) f.body = Derivation(module, f).run(derived);
  std::move(derived).addTo(result);
  return result;
}

}  // namespace nnc::plan
