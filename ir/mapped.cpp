#include "ir/mapped.h"

#include <numeric>

#include "ir/check.h"

namespace nnc {

namespace {

using Ints = std::vector<int64_t>;

/// Axes of one round, as axes of all rounds.
Ints shifted(Ints axes) {
  for (int64_t& a : axes) ++a;
  return axes;
}

template <class T>
std::vector<T> withFront(T front, const std::vector<T>& rest) {
  std::vector<T> all{std::move(front)};
  all.insert(all.end(), rest.begin(), rest.end());
  return all;
}

/// Attributes of an op all of whose operands have the new axis.
Attrs mappedAttrs(const Node& node, const Dim& n) {
  Attrs a = node.attrs;
  switch (node.op) {
    case Op::Reshape:
      a.set("shape", withFront(n, a.dims("shape")));
      break;
    case Op::Transpose:
      a.set("perm", withFront<int64_t>(0, shifted(a.ints("perm"))));
      break;
    case Op::Reverse:
    case Op::Broadcast:
    case Op::Sum:
    case Op::Window:
    case Op::Unwindow:
      a.set("axes", shifted(a.ints("axes")));
      break;
    case Op::Slice:
      a.set("lo", withFront(Dim(0), a.dims("lo")));
      a.set("hi", withFront(n, a.dims("hi")));
      a.set("stride", withFront<int64_t>(1, a.ints("stride")));
      break;
    case Op::Pad:
      a.set("lo", withFront(Dim(0), a.dims("lo")));
      a.set("hi", withFront(Dim(0), a.dims("hi")));
      a.set("interior", withFront<int64_t>(0, a.ints("interior")));
      break;
    case Op::Concat:
    case Op::RMax:
    case Op::ArgMax:
    case Op::Sort:
      a.set("axis", a.integer("axis") + 1);
      break;
    default:
      break;  // elementwise
  }
  return a;
}

/// The round is a free axis of the operand that has it, or a batch axis if both have.
Value mapDot(Builder& b, const Node& node, const std::vector<Value>& in, const std::vector<bool>& mapped) {
  const bool both = mapped[0] && mapped[1];
  Attrs a = node.attrs;
  const auto shift = [&](const char* batch, const char* contract) {
    a.set(batch, both ? withFront<int64_t>(0, shifted(a.ints(batch))) : shifted(a.ints(batch)));
    a.set(contract, shifted(a.ints(contract)));
  };
  if (mapped[0]) shift("batch_a", "contract_a");
  if (mapped[1]) shift("batch_b", "contract_b");
  const Value y = b.make(Op::Dot, in, a);
  if (both) return y;
  const auto batch = static_cast<int64_t>(node.attrs.ints("batch_a").size());
  const auto contracted = static_cast<int64_t>(node.attrs.ints("contract_a").size());
  return axisToFront(b, y, mapped[0] ? batch : b.type(in[0]).rank() - contracted);
}

Value gather(Builder& b, Value x, Value index, int64_t axis, int64_t batch) {
  return b.make(Op::Gather, {x, index}, {{"axis", axis}, {"batch", batch}});
}

Value mapGather(Builder& b, const Node& node, const std::vector<Value>& in, const std::vector<bool>& mapped,
                const Dim& n) {
  const int64_t axis = node.attrs.integer("axis"), batch = node.attrs.integer("batch");
  if (batch == 0 && !mapped[0]) return axisToFront(b, gather(b, in[0], in[1], axis, 0), axis);
  if (batch == 0 && !mapped[1]) return gather(b, in[0], in[1], axis + 1, 0);
  const auto all = [&](size_t i) { return mapped[i] ? in[i] : b.broadcast(in[i], {0}, {n}); };
  const Value x = all(0);
  return gather(b, x, all(1), axis + 1, batch + 1);
}

/// Starts that differ from round to round: a gather for each axis, of the indices start + 0 … size-1.
Value mapDSlice(Builder& b, const Node& node, const std::vector<Value>& in, const std::vector<bool>& mapped,
                const Dim& n) {
  const Ints& axes = node.attrs.ints("axes");
  const std::vector<Dim>& sizes = node.attrs.dims("sizes");
  Value x = in[0];
  bool batched = mapped[0];
  for (size_t k = 0; k < axes.size(); ++k) {
    const Value start = b.cast(in[k + 1], DType::I64);
    const int64_t lead = batched ? 1 : 0;
    const Dim extent = b.type(x).shape[axes[k] + lead];
    if (!mapped[k + 1]) {
      x = b.make(Op::DSlice, {x, start}, {{"axes", Ints{axes[k] + lead}}, {"sizes", std::vector<Dim>{sizes[k]}}});
      continue;
    }
    const Value last = b.fill(b.make(Op::Size, {}, {{"dim", extent - sizes[k]}}), {n});
    const Value low = b.make(Op::Max, {start, b.constant(0, {DType::I64, {n}})});
    const Value clamped = b.neg(b.make(Op::Max, {b.neg(low), b.neg(last)}));
    const Type grid{DType::I64, {n, sizes[k]}};
    const Value index =
        b.add(b.broadcast(clamped, {1}, {sizes[k]}), b.make(Op::Iota, {}, {{"type", grid}, {"axis", int64_t{1}}}));
    x = batched ? gather(b, x, index, axes[k] + 1, 1) : axisToFront(b, gather(b, x, index, axes[k], 0), axes[k]);
    batched = true;
  }
  return x;
}

}  // namespace

bool isMappable(Op op) {
  if (isElementwise(op)) return true;
  switch (op) {
    case Op::Reshape:
    case Op::Transpose:
    case Op::Reverse:
    case Op::Broadcast:
    case Op::Slice:
    case Op::Pad:
    case Op::Window:
    case Op::Unwindow:
    case Op::Concat:
    case Op::Sum:
    case Op::RMax:
    case Op::ArgMax:
    case Op::Sort:
    case Op::Dot:
    case Op::Gather:
    case Op::DSlice:
      return true;
    default:
      return false;
  }
}

std::vector<Value> mapNode(Builder& b, const Node& node, const std::vector<Value>& in, const std::vector<bool>& mapped,
                           const Dim& n) {
  NNC_CHECK(isMappable(node.op), "an op that cannot be mapped");
  if (node.op == Op::Dot) return {mapDot(b, node, in, mapped)};
  if (node.op == Op::Gather) return {mapGather(b, node, in, mapped, n)};
  if (node.op == Op::DSlice) return {mapDSlice(b, node, in, mapped, n)};
  std::vector<Value> all;
  for (size_t i = 0; i < in.size(); ++i) all.push_back(mapped[i] ? in[i] : b.broadcast(in[i], {0}, {n}));
  return b.makeMulti(node.op, all, mappedAttrs(node, n));
}

Value axisToFront(Builder& b, Value v, int64_t axis) {
  Ints perm(b.type(v).shape.size());
  std::iota(perm.begin(), perm.end(), 0);
  perm.erase(perm.begin() + axis);
  perm.insert(perm.begin(), axis);
  return b.transpose(v, perm);
}

}  // namespace nnc
