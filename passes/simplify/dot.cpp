// Transposes into and out of dots: the same sums in the same order, named by other axes.
#include <algorithm>

#include "passes/simplify/rules.h"
#include "passes/vjp/vjp.h"

namespace nnc {
namespace {

using Ints = std::vector<int64_t>;

Ints mapped(const Ints& axes, const Ints& perm) {
  Ints result;
  for (int64_t axis : axes) result.push_back(perm[static_cast<size_t>(axis)]);
  return result;
}

Ints joined(Ints a, const Ints& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

/// dot(transpose(x, p), …) = dot(x, …) with axes renamed by p, if the free axes keep their order.
bool absorbTranspose(Builder& b, Value& operand, Ints& batch, Ints& contract) {
  const Node* inner = defines(b.graph(), operand, Op::Transpose);
  if (!inner) return false;
  const Ints& perm = inner->attrs.ints("perm");
  const Ints free = mapped(otherAxes(b.type(operand).rank(), joined(batch, contract)), perm);
  if (!std::is_sorted(free.begin(), free.end())) return false;
  batch = mapped(batch, perm);
  contract = mapped(contract, perm);
  operand = inner->in[0];
  return true;
}

}  // namespace

std::optional<Value> simplifyDot(Builder& b, const Node& node) {
  Attrs attrs = node.attrs;
  Value x = node.in[0], y = node.in[1];
  Ints batchA = attrs.ints("batch_a"), batchB = attrs.ints("batch_b");
  Ints contractA = attrs.ints("contract_a"), contractB = attrs.ints("contract_b");
  const bool left = absorbTranspose(b, x, batchA, contractA), right = absorbTranspose(b, y, batchB, contractB);
  if (!left && !right) return std::nullopt;
  attrs.set("batch_a", batchA);
  attrs.set("batch_b", batchB);
  attrs.set("contract_a", contractA);
  attrs.set("contract_b", contractB);
  return b.make(Op::Dot, {x, y}, attrs);
}

/// transpose(dot(x, y)) = dot(y, x) if the permutation swaps the free axes of x with those of y.
std::optional<Value> swapDot(Builder& b, const Node& transpose) {
  const Node* dot = defines(b.graph(), transpose.in[0], Op::Dot);
  if (!dot) return std::nullopt;
  const Attrs& a = dot->attrs;
  const auto batch = static_cast<int64_t>(a.ints("batch_a").size());
  const int64_t freeX = b.type(dot->in[0]).rank() - batch - static_cast<int64_t>(a.ints("contract_a").size());
  const int64_t freeY = b.type(dot->in[1]).rank() - batch - static_cast<int64_t>(a.ints("contract_b").size());
  Ints swap;
  for (int64_t i = 0; i < batch; ++i) swap.push_back(i);
  for (int64_t i = 0; i < freeY; ++i) swap.push_back(batch + freeX + i);
  for (int64_t i = 0; i < freeX; ++i) swap.push_back(batch + i);
  if (transpose.attrs.ints("perm") != swap) return std::nullopt;
  Attrs attrs = {{"batch_a", a.ints("batch_b")},
                 {"batch_b", a.ints("batch_a")},
                 {"contract_a", a.ints("contract_b")},
                 {"contract_b", a.ints("contract_a")}};
  if (a.has("acc")) attrs.set("acc", a.dtype("acc"));
  return b.make(Op::Dot, {dot->in[1], dot->in[0]}, attrs);
}

}  // namespace nnc
