#include "ir/graph.h"

#include <algorithm>
#include <array>
#include <optional>

namespace nnc {
namespace {

constexpr OpInfo kOps[] = {
#define OP(name, text, cls, inputs, results, attrs, meaning) \
  {Op::name, #text, OpClass::cls, inputs, results, attrs, meaning},
#include "ir/ops.def"
#undef OP
};

}  // namespace

const OpInfo& opInfo(Op op) {
  return kOps[static_cast<size_t>(op)];
}

std::optional<Op> opFromName(std::string_view text) {
  for (const OpInfo& info : kOps)
    if (text == info.text) return info.op;
  return std::nullopt;
}

Value Graph::append(Node node) {
  nodes.push_back(std::move(node));
  return Value{static_cast<uint32_t>(nodes.size() - 1), 0};
}

std::vector<std::vector<uint32_t>> usersOf(const Graph& graph) {
  std::vector<std::vector<uint32_t>> users(graph.nodes.size());
  const auto add = [&users](Value v, uint32_t user) {
    std::vector<uint32_t>& list = users[v.node];
    if (list.empty() || list.back() != user) list.push_back(user);
  };
  for (uint32_t i = 0; i < graph.nodes.size(); ++i)
    for (const Value& v : graph.nodes[i].in) add(v, i);
  for (const Output& output : graph.outputs) add(output.value, static_cast<uint32_t>(graph.nodes.size()));
  return users;
}

const Function* Module::function(std::string_view name) const {
  const auto at = std::find_if(functions.begin(), functions.end(), [&](const Function& f) { return f.name == name; });
  return at == functions.end() ? nullptr : &*at;
}

Function* Module::function(std::string_view name) {
  return const_cast<Function*>(static_cast<const Module*>(this)->function(name));
}

const Variable* Module::variable(std::string_view path) const {
  const auto at = std::find_if(variables.begin(), variables.end(), [&](const Variable& v) { return v.path == path; });
  return at == variables.end() ? nullptr : &*at;
}

}  // namespace nnc
