#include <cassert>

#include "passes/vjp/vjp.h"

namespace nnc {
namespace {

/// Asks the rule of the node's op. Rules of ops without a gradient are neither called nor needed.
void applyRule(Vjp& v) {
  switch (v.node.op) {
#define OP(name, text, ...)                                  \
  case Op::name:                                             \
    if constexpr (isDifferentiable(Op::name)) vjp_##text(v); \
    return;
#include "ir/ops.def"
#undef OP
  }
}

}  // namespace

void Reverse::accumulate(Value v, Value gradient) {
  if (!isActive(v)) return;
  assert(builder_.type(v) == builder_.type(gradient) && "a gradient has the type of its value");
  Value sum = gradients_.get(v);
  gradients_.set(v, sum ? builder_.add(sum, gradient) : gradient);
}

void Reverse::run(uint32_t end) {
  Origin saved = builder_.origin();
  for (uint32_t i = end; i-- > 0;) {
    Graph& graph = builder_.graph();
    bool wanted = false;
    for (uint32_t r = 0; r < graph.nodes[i].out.size(); ++r) wanted |= static_cast<bool>(gradient({i, r}));
    if (!wanted) continue;
    nameGradients(i, end);
    builder_.setOrigin(graph.nodes[i].origin);
    Vjp rule(builder_, *this, i);
    bool operandActive = false;
    for (Value v : rule.node.in) operandActive |= isActive(v);
    if (operandActive) applyRule(rule);
  }
  builder_.setOrigin(saved);
}

/// The finished gradient of a named value `w` is called `d_w`, unless it is a value of the program itself.
void Reverse::nameGradients(uint32_t index, uint32_t end) {
  Graph& graph = builder_.graph();
  const Node& primal = graph.nodes[index];
  std::string name = primal.name;
  if (name.empty() && primal.op == Op::Leaf) {
    name = primal.attrs.string("name");
    name = name.substr(name.rfind('.') + 1);
  }
  Value g = gradient({index, 0});
  if (name.empty() || !g || g.node < end || graph.node(g).out.size() != 1 || !graph.node(g).name.empty()) return;
  graph.node(g).name = "d_" + name;
}

Value zerosLike(Builder& b, Value like) {
  return b.constantLike(0, like);
}

std::vector<int64_t> otherAxes(int rank, std::span<const int64_t> without) {
  std::vector<int64_t> axes;
  for (int64_t axis = 0; axis < rank; ++axis) {
    bool listed = false;
    for (int64_t w : without) listed |= w == axis;
    if (!listed) axes.push_back(axis);
  }
  return axes;
}

}  // namespace nnc
