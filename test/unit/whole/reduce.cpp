#include "reduce.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <set>

#include "ir/infer.h"
#include "ir/verify.h"
#include "passes/pass.h"
#include "passes/rewrite.h"

namespace nnc::testing {
namespace {

/// Leaves without a use, which dead code leaves alone because callers pass them.
Graph withoutIdleLeaves(const Graph& graph) {
  const auto users = usersOf(graph);
  Graph out;
  ValueMap map;
  for (uint32_t i = 0; i < graph.nodes.size(); ++i)
    if (graph.nodes[i].op != Op::Leaf || !users[i].empty()) copyNode(graph, i, out, map);
  for (const Output& o : graph.outputs) out.outputs.push_back({o.role, o.name, map[o.value]});
  return out;
}

/// Drops what no output needs, and variables that nothing names.
Module tidied(Module module) {
  SourceManager sources;
  Diagnostics diagnostics(sources);
  runPasses(module, {"dce"}, diagnostics);
  module.functions[0].body = withoutIdleLeaves(module.functions[0].body);
  std::set<std::string> named;
  for (const Node& node : module.functions[0].body.nodes)
    if (node.op == Op::Leaf) named.insert(node.attrs.string("name"));
  for (const Output& o : module.functions[0].body.outputs)
    if (o.role == OutputRole::Update) named.insert(o.name);
  std::erase_if(module.variables, [&](const Variable& v) { return !named.contains(v.path); });
  return module;
}

/// All uses of `from` read `to`.
void redirect(Graph& graph, Value from, Value to) {
  for (Node& node : graph.nodes)
    for (Value& v : node.in)
      if (v == from) v = to;
  for (Output& o : graph.outputs)
    if (o.value == from) o.value = to;
}

/// Types of all nodes anew, by inference; false if something no longer fits.
bool retype(Graph& graph) {
  for (Node& node : graph.nodes) {
    std::vector<Type> in;
    for (Value v : node.in) {
      if (v.result >= graph.nodes[v.node].out.size()) return false;
      in.push_back(graph.type(v));
    }
    for (Graph& region : node.regions)
      if (!retype(region)) return false;
    Inferred inferred = inferTypes(node.op, in, node.attrs, node.regions);
    if (!inferred) return false;
    node.out = std::move(inferred.types);
  }
  return true;
}

void replaceExtent(Graph& graph, int64_t from, int64_t to) {
  const auto change = [&](Shape& shape) {
    for (Dim& d : shape)
      if (d == Dim(from)) d = Dim(to);
  };
  for (Node& node : graph.nodes) {
    const Attrs before = node.attrs;
    for (const auto& [name, value] : before.entries()) {
      AttrValue changed = value;
      if (auto* type = std::get_if<Type>(&changed)) change(type->shape);
      if (auto* shape = std::get_if<Shape>(&changed)) change(*shape);
      if (auto* dim = std::get_if<Dim>(&changed); dim && *dim == Dim(from)) *dim = Dim(to);
      if (auto* literal = std::get_if<Literal>(&changed); literal && literal->isInt()) {
        auto& list = std::get<std::vector<int64_t>>(literal->values);
        if (list.size() == static_cast<size_t>(from)) list.resize(static_cast<size_t>(to));
      }
      node.attrs.set(name, changed);
    }
    for (Graph& region : node.regions) replaceExtent(region, from, to);
  }
}

std::set<int64_t> extentsOf(const Graph& graph) {
  std::set<int64_t> extents;
  for (const Node& node : graph.nodes)
    for (const Type& type : node.out)
      for (const Dim& d : type.shape)
        if (d.isConst() && d.value() > 0) extents.insert(d.value());
  return extents;
}

class Reducer {
public:
  Reducer(Module module, const std::function<bool(const Module&)>& fails) : best_(std::move(module)), fails_(fails) {}

  Module run() {
    for (bool smaller = true; smaller && mayAsk();) {
      smaller = dropOutputs();
      smaller |= cutNodes();
      smaller |= skipNodes();
      smaller |= dropGradients();
      smaller |= shrinkExtents();
    }
    return best_;
  }

private:
  using Clock = std::chrono::steady_clock;
  static constexpr int kMostQuestions = 1500;
  static constexpr auto kLongest = std::chrono::minutes(4);
  bool mayAsk() const { return asked_ < kMostQuestions && Clock::now() - start_ < kLongest; }
  Graph& body(Module& module) { return module.functions[0].body; }

  bool keep(Module candidate) {
    if (!mayAsk()) return false;
    candidate = tidied(std::move(candidate));
    if (body(candidate).outputs.empty() || !verify(candidate).empty()) return false;
    ++asked_;
    if (!fails_(candidate)) return false;
    best_ = std::move(candidate);
    return true;
  }

  bool dropOutputs() {
    bool any = false;
    for (size_t i = body(best_).outputs.size(); i-- > 0;) {
      Module candidate = best_;
      auto& outputs = body(candidate).outputs;
      if (i >= outputs.size()) continue;
      outputs.erase(outputs.begin() + static_cast<std::ptrdiff_t>(i));
      any |= keep(std::move(candidate));
    }
    return any;
  }

  /// A node becomes an input.
  bool cutNodes() {
    bool any = false;
    for (size_t i = body(best_).nodes.size(); i-- > 0;) {
      if (i >= body(best_).nodes.size()) continue;
      const Node& node = body(best_).nodes[i];
      if (node.op == Op::Leaf || node.op == Op::Const || node.out.size() != 1) continue;
      Module candidate = best_;
      Node leaf;
      leaf.op = Op::Leaf;
      leaf.attrs = {{"type", node.out[0]}, {"kind", std::string("input")}, {"name", "c" + std::to_string(number_++)}};
      leaf.out = node.out;
      body(candidate).nodes[i] = leaf;
      any |= keep(std::move(candidate));
    }
    return any;
  }

  /// A node's users read one of its operands.
  bool skipNodes() {
    bool any = false;
    for (size_t i = body(best_).nodes.size(); i-- > 0;) {
      if (i >= body(best_).nodes.size()) continue;
      const Node node = body(best_).nodes[i];
      for (Value operand : node.in)
        for (uint32_t r = 0; r < node.out.size(); ++r) {
          if (i >= body(best_).nodes.size() || body(best_).type(operand) != node.out[r]) continue;
          Module candidate = best_;
          redirect(body(candidate), {static_cast<uint32_t>(i), r}, operand);
          if (keep(std::move(candidate))) {
            any = true;
            r = static_cast<uint32_t>(node.out.size());
            i = std::min(i, body(best_).nodes.size());
            break;
          }
        }
    }
    return any;
  }

  /// A grad by fewer values.
  bool dropGradients() {
    bool any = false;
    for (size_t i = 0; i < body(best_).nodes.size(); ++i)
      for (size_t k = 1; body(best_).nodes[i].op == Op::Grad && k < body(best_).nodes[i].in.size(); ++k) {
        Module candidate = best_;
        Graph& graph = body(candidate);
        Node& node = graph.nodes[i];
        node.in.erase(node.in.begin() + static_cast<std::ptrdiff_t>(k));
        node.out.erase(node.out.begin() + static_cast<std::ptrdiff_t>(k - 1));
        bool used = false;
        const auto renumber = [&](Value& v) {
          if (v.node != i) return;
          used |= v.result == k - 1;
          v.result -= v.result > k - 1;
        };
        for (Node& user : graph.nodes)
          for (Value& v : user.in) renumber(v);
        for (Output& o : graph.outputs) renumber(o.value);
        if (!used && keep(std::move(candidate))) {
          any = true;
          break;
        }
      }
    return any;
  }

  bool shrinkExtents() {
    bool any = false;
    const std::set<int64_t> extents = extentsOf(body(best_));
    for (auto at = extents.rbegin(); at != extents.rend(); ++at)
      for (int64_t to : {int64_t{1}, int64_t{2}, int64_t{3}, *at / 2, *at - 1}) {
        if (to >= *at || to < 1) continue;
        Module candidate = best_;
        replaceExtent(body(candidate), *at, to);
        if (!retype(body(candidate))) continue;
        for (Variable& v : candidate.variables)
          for (Dim& d : v.type.shape)
            if (d == Dim(*at)) d = Dim(to);
        if (keep(std::move(candidate))) {
          any = true;
          break;
        }
      }
    return any;
  }

  Module best_;
  const std::function<bool(const Module&)>& fails_;
  int asked_ = 0, number_ = 0;
  Clock::time_point start_ = Clock::now();
};

}  // namespace

Module reduced(Module module, const std::function<bool(const Module&)>& fails) {
  return Reducer(std::move(module), fails).run();
}

}  // namespace nnc::testing
