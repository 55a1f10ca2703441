#include "ir/builder.h"

#include <fmt/format.h>

#include <cmath>
#include <numeric>

#include "ir/check.h"
#include "ir/infer.h"
#include "ir/op_schema.h"

namespace nnc {
namespace {

Literal literalOf(double value, DType dtype) {
  if (isFloat(dtype)) return {std::vector<double>{value}};
  NNC_CHECK(value == std::floor(value), fmt::format("{} is no constant of {}", value, dtypeName(dtype)));
  return {std::vector<int64_t>{static_cast<int64_t>(value)}};
}

}  // namespace

std::vector<Value> Builder::makeMulti(Op op, std::vector<Value> in, Attrs attrs, std::vector<Graph> regions) {
  std::vector<Type> types;
  for (const Value& v : in) {
    NNC_CHECK(v.node < graph_.nodes.size() && v.result < graph_.nodes[v.node].out.size(),
              fmt::format("an operand of `{}` is not in this graph", opInfo(op).text));
    types.push_back(type(v));
  }
  Node node;
  node.op = op;
  node.attrs = normalizedAttrs(op, attrs);
  Inferred inferred = inferTypes(op, types, node.attrs, regions);
  if (!inferred.limit.empty() && refuse_) refuse_(inferred.limit);
  NNC_CHECK(inferred, inferred.error);
  node.in = std::move(in);
  node.out = std::move(inferred.types);
  node.regions = std::move(regions);
  node.origin = origin_;
  const size_t results = node.out.size();
  const Value first = graph_.append(std::move(node));
  std::vector<Value> values;
  for (uint32_t i = 0; i < results; ++i) values.push_back({first.node, i});
  return values;
}

Value Builder::make(Op op, std::vector<Value> in, Attrs attrs, std::vector<Graph> regions) {
  const std::vector<Value> values = makeMulti(op, std::move(in), std::move(attrs), std::move(regions));
  NNC_CHECK(!values.empty(), fmt::format("`{}` has no result", opInfo(op).text));
  return values[0];
}

Value Builder::constant(double value, const Type& type) {
  return make(Op::Const, {}, {{"type", type}, {"value", literalOf(value, type.dtype)}});
}

Value Builder::cast(Value x, DType dtype) {
  return type(x).dtype == dtype ? x : make(Op::Cast, {x}, {{"dtype", dtype}});
}

Value Builder::reshape(Value x, Shape shape) {
  return type(x).shape == shape ? x : make(Op::Reshape, {x}, {{"shape", std::move(shape)}});
}

Value Builder::transpose(Value x, std::vector<int64_t> perm) {
  std::vector<int64_t> identity(type(x).shape.size());
  std::iota(identity.begin(), identity.end(), 0);
  return perm == identity ? x : make(Op::Transpose, {x}, {{"perm", std::move(perm)}});
}

Value Builder::broadcast(Value x, std::vector<int64_t> axes, std::vector<Dim> extents) {
  return make(Op::Broadcast, {x}, {{"axes", std::move(axes)}, {"extents", std::move(extents)}});
}

Value Builder::fill(Value scalar, const Shape& shape) {
  NNC_CHECK(type(scalar).rank() == 0, "fill takes a scalar");
  if (shape.empty()) return scalar;
  std::vector<int64_t> axes(shape.size());
  std::iota(axes.begin(), axes.end(), 0);
  return broadcast(scalar, std::move(axes), shape);
}

Value Builder::sum(Value x, std::vector<int64_t> axes) {
  return axes.empty() ? x : make(Op::Sum, {x}, {{"axes", std::move(axes)}});
}

}  // namespace nnc
