#include <cassert>

#include "passes/vjp/vjp.h"

namespace nnc {
namespace {

/// Asks the rule of the node's op. Rules of ops without a gradient are neither called nor needed.
void applyRule(Vjp& v) {
  switch (v.node.op) {
#define OP(name, text, ...)                                     \
  case Op::name:                                                \
    if constexpr (isDifferentiable(Op::name)) vjp_##text(v);    \
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

Value zerosLike(Builder& b, Value like) { return b.constantLike(0, like); }

std::vector<int64_t> otherAxes(int rank, std::span<const int64_t> without) {
  std::vector<int64_t> axes;
  for (int64_t axis = 0; axis < rank; ++axis) {
    bool listed = false;
    for (int64_t w : without) listed |= w == axis;
    if (!listed) axes.push_back(axis);
  }
  return axes;
}

Value dimLike(Builder& b, const Dim& dim, Value like) {
  const Type type = b.type(like);
  if (dim.isConst()) return b.constant(static_cast<double>(dim.value()), type);
  return b.fill(b.cast(b.make(Op::Size, {}, {{"dim", dim}}), type.dtype), type.shape);
}

bool indicesInRange(const Graph& graph, Value indices, const Dim& n) {
  const Node& node = graph.node(indices);
  auto extentIs = [&](Value v, int64_t axis) { return graph.type(v).shape[static_cast<size_t>(axis)] == n; };
  switch (node.op) {
    case Op::Reshape:
    case Op::Transpose:
    case Op::Reverse:
    case Op::Broadcast:
    case Op::Slice:
      return indicesInRange(graph, node.in[0], n);
    case Op::Cast:
      return isInteger(graph.type(node.in[0]).dtype) && indicesInRange(graph, node.in[0], n);
    case Op::ArgMax:
      return extentIs(node.in[0], node.attrs.integer("axis"));
    case Op::Sort:
      return indices.result == 1 && extentIs(node.in[0], node.attrs.integer("axis"));
    case Op::Iota:
      return node.attrs.type("type").shape[static_cast<size_t>(node.attrs.integer("axis"))] == n;
    case Op::Const: {
      if (!n.isConst()) return false;
      const Literal& literal = node.attrs.literal("value");
      for (size_t i = 0; i < literal.size(); ++i)
        if (literal.asInt(i) < 0 || literal.asInt(i) >= n.value()) return false;
      return true;
    }
    case Op::Select: {
      // What clampIndices builds: select(i <= last, i, last), of an i that is no less than 0.
      const Node& test = graph.node(node.in[0]);
      if (test.op != Op::Le || test.in[0] != node.in[1] || test.in[1] != node.in[2]) return false;
      const Node& low = graph.node(node.in[1]);
      if (low.op != Op::Max || splatValue(graph, low.in[1]) != 0.0) return false;
      if (n.isConst()) return splatValue(graph, node.in[2]) == static_cast<double>(n.value() - 1);
      Value last = node.in[2];
      while (graph.node(last).op == Op::Broadcast || graph.node(last).op == Op::Cast) last = graph.node(last).in[0];
      return graph.node(last).op == Op::Size && graph.node(last).attrs.dim("dim") == n - 1;
    }
    default:
      return false;
  }
}

Value clampIndices(Builder& b, Value indices, const Dim& n) {
  if (indicesInRange(b.graph(), indices, n)) return indices;
  Value last = dimLike(b, n - 1, indices);
  Value low = b.make(Op::Max, {indices, zerosLike(b, indices)});
  return b.select(b.make(Op::Le, {low, last}), low, last);
}

}  // namespace nnc
