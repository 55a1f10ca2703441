// Bodies of Reduce stages: what sum, rmax, argmax, unwindow, dot and conv fold.
#include <algorithm>

#include "ir/check.h"
#include "ir/contains.h"
#include "ir/inner_product.h"
#include "plan/lower.h"

namespace nnc::plan {
namespace {

std::vector<int64_t> foldedAxes(const Node& node) {
  return node.op == Op::Sum ? node.attrs.ints("axes") : std::vector<int64_t>{node.attrs.integer("axis")};
}

uint32_t foldBody(RegionBuilder& builder, const Node& node, size_t rank, const Index& out, const Index& red) {
  const std::vector<int64_t> axes = foldedAxes(node);
  Index index;
  size_t o = 0, r = 0;
  for (size_t d = 0; d < rank; ++d) index.push_back(contains(axes, d) ? red[r++] : out[o++]);
  const uint32_t value = builder.emit(node.in[0], index);
  return node.op == Op::Sum ? builder.cast(value, accumulatorOf(node)) : value;
}

/// Position p sums the windows that cover it: window (p - offset*dilation) / stride at that offset, where it exists.
uint32_t unwindowBody(RegionBuilder& builder, const Node& node, const Type& operand, const Index& out, const Index& red,
                      const Ranges& extents) {
  const auto& axes = node.attrs.ints("axes");
  Index index = out;
  std::vector<Guard> guards;
  for (size_t j = 0; j < axes.size(); ++j) {
    const auto axis = static_cast<size_t>(axes[j]);
    const Dim stride = node.attrs.ints("stride")[j];
    const Ix from = out[axis] - red[j] * Dim(node.attrs.ints("dilation")[j]);
    index[axis] = floorDiv(from, stride, extents);
    guards.push_back({floorMod(from, stride, extents), 0, 1});
    guards.push_back({index[axis], 0, operand.shape[axis]});
    index.push_back(red[j]);
  }
  return builder.emitGuarded(node.in[0], index, guards);
}

uint32_t dotBody(RegionBuilder& builder, const Graph& graph, const Node& node, const Index& out, const Index& red) {
  const auto& batchA = node.attrs.ints("batch_a");
  const auto& batchB = node.attrs.ints("batch_b");
  const auto& contractA = node.attrs.ints("contract_a");
  const auto& contractB = node.attrs.ints("contract_b");
  size_t next = batchA.size();
  const auto side = [&](Value v, const std::vector<int64_t>& batch, const std::vector<int64_t>& contract) {
    Index index(graph.type(v).shape.size());
    for (size_t d = 0; d < index.size(); ++d) {
      const auto b = std::find(batch.begin(), batch.end(), static_cast<int64_t>(d));
      const auto c = std::find(contract.begin(), contract.end(), static_cast<int64_t>(d));
      if (b != batch.end())
        index[d] = out[static_cast<size_t>(b - batch.begin())];
      else if (c != contract.end())
        index[d] = red[static_cast<size_t>(c - contract.begin())];
      else
        index[d] = out[next++];
    }
    return builder.cast(builder.emit(v, index), accumulatorOf(node));
  };
  const uint32_t a = side(node.in[0], batchA, contractA);
  const uint32_t b = side(node.in[1], batchB, contractB);
  return builder.op(Op::Mul, accumulatorOf(node), {a, b});
}

/// y[n, o, s] = sum over k, c of x[n, c, s*stride - pad + k*dilation] * w[o, c, k], with zeros between dilated inputs.
uint32_t convBody(RegionBuilder& builder, const Graph& graph, const Node& node, const Index& out, const Index& red,
                  const Ranges& extents) {
  const auto& xDims = node.attrs.ints("x_dims");
  const auto& wDims = node.attrs.ints("w_dims");
  const auto& yDims = node.attrs.ints("y_dims");
  const Shape& x = graph.type(node.in[0]).shape;
  const Shape& y = node.out[0].shape;
  const bool gradient = isWeightGradient(graph, node);
  const size_t spatial = xDims.size() - 2;
  const auto axis = [](const std::vector<int64_t>& dims, size_t i) { return static_cast<size_t>(dims[i]); };
  const Ix n = out[axis(yDims, 0)], o = out[axis(yDims, 1)];
  const Ix c = gradient ? red[0] : red[spatial];
  Index atX(x.size()), atW(x.size());
  std::vector<Guard> guards;
  atW[axis(wDims, 0)] = o;
  atW[axis(wDims, 1)] = c;
  const auto groupOf = [&](int64_t groups) { return floorDiv(o, *y[axis(yDims, 1)].dividedBy(Dim(groups)), extents); };
  const int64_t groups = node.attrs.integer("groups"), batchGroups = node.attrs.integer("batch_groups");
  const Dim perGroup = graph.type(node.in[1]).shape[axis(wDims, 1)];
  atX[axis(xDims, 0)] = batchGroups == 1 ? n : groupOf(batchGroups) * y[axis(yDims, 0)] + n;
  atX[axis(xDims, 1)] = groups == 1 ? c : groupOf(groups) * perGroup + c;
  for (size_t j = 0; j < spatial; ++j) {
    const Ix k = red[gradient ? 1 + j : j];
    atW[axis(wDims, 2 + j)] = k;
    const Ix at = out[axis(yDims, 2 + j)] * Dim(node.attrs.ints("stride")[j]) +
                  k * Dim(node.attrs.ints("w_dilation")[j]) - Ix(Dim(node.attrs.ints("pad_lo")[j]));
    const Dim dilation = node.attrs.ints("x_dilation")[j];
    const Ix inner = floorDiv(at, dilation, extents);
    if (dilation != Dim(1)) guards.push_back({floorMod(at, dilation, extents), 0, 1});
    guards.push_back({inner, 0, x[axis(xDims, 2 + j)]});
    atX[axis(xDims, 2 + j)] = inner;
  }
  const DType acc = accumulatorOf(node);
  const uint32_t a = builder.cast(builder.emitGuarded(node.in[0], atX, guards), acc);
  const uint32_t b = builder.cast(builder.emit(node.in[1], atW), acc);
  return builder.op(Op::Mul, acc, {a, b});
}

}  // namespace

bool isWeightGradient(const Graph& graph, const Node& conv) {
  const Shape& w = graph.type(conv.in[1]).shape;
  const auto& wDims = conv.attrs.ints("w_dims");
  const auto& yDims = conv.attrs.ints("y_dims");
  bool larger = false;
  for (size_t j = 2; j < wDims.size(); ++j) {
    const Dim more = w[static_cast<size_t>(wDims[j])] - conv.out[0].shape[static_cast<size_t>(yDims[j])];
    if (!isNonNegative(more)) return false;
    larger |= more != Dim();
  }
  return larger;
}

Shape reducedExtents(const Graph& graph, uint32_t index) {
  const Node& node = graph.nodes[index];
  const Shape& in = graph.type(node.in[0]).shape;
  Shape red;
  switch (node.op) {
    case Op::Sum:
    case Op::RMax:
    case Op::ArgMax:
      for (size_t d = 0; d < in.size(); ++d)
        if (contains(foldedAxes(node), d)) red.push_back(in[d]);
      return red;
    case Op::Unwindow:
      for (const int64_t size : node.attrs.ints("size")) red.push_back(size);
      return red;
    case Op::Dot:
      for (const int64_t axis : node.attrs.ints("contract_a")) red.push_back(in[static_cast<size_t>(axis)]);
      return red;
    case Op::Conv: {
      const Shape& w = graph.type(node.in[1]).shape;
      const auto& dims = node.attrs.ints("w_dims");
      for (size_t j = 2; j < dims.size(); ++j) red.push_back(w[static_cast<size_t>(dims[j])]);
      const Dim& features = w[static_cast<size_t>(dims[1])];
      red.insert(isWeightGradient(graph, node) ? red.begin() : red.end(), features);
      return red;
    }
    default:
      break;
  }
  internalError(__FILE__, __LINE__, "reducedExtents of a node that reduces nothing");
}

Stage::Fold foldOf(const Graph& graph, const Node& node) {
  switch (node.op) {
    case Op::RMax:
      return Stage::Fold::Max;
    case Op::ArgMax:
      return Stage::Fold::ArgMax;
    case Op::Unwindow:
      return Stage::Fold::InOrder;
    case Op::Conv:
      return Stage::Fold::Dot;
    case Op::Dot:
      return isLongInnerProduct(graph, node) ? Stage::Fold::InnerDot : Stage::Fold::Dot;
    default:
      return Stage::Fold::Sum;
  }
}

DType accumulatorOf(const Node& node) {
  if (const AttrValue* acc = node.attrs.find("acc")) return std::get<DType>(*acc);
  const DType t = node.out[0].dtype;
  const bool sums = node.op != Op::RMax && node.op != Op::ArgMax;
  return sums && (t == DType::BF16 || t == DType::F16) ? DType::F32 : t;
}

uint32_t emitReduceBody(RegionBuilder& builder, const Graph& graph, uint32_t index, const Index& out, const Index& red,
                        const Ranges& extents) {
  const Node& node = graph.nodes[index];
  const Type& operand = graph.type(node.in[0]);
  switch (node.op) {
    case Op::Sum:
    case Op::RMax:
    case Op::ArgMax:
      return foldBody(builder, node, operand.shape.size(), out, red);
    case Op::Unwindow:
      return builder.cast(unwindowBody(builder, node, operand, out, red, extents), accumulatorOf(node));
    case Op::Dot:
      return dotBody(builder, graph, node, out, red);
    case Op::Conv:
      return convBody(builder, graph, node, out, red, extents);
    default:
      break;
  }
  internalError(__FILE__, __LINE__, "emitReduceBody of a node that reduces nothing");
}

}  // namespace nnc::plan
