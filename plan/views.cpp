#include "plan/views.h"

#include <algorithm>

#include "ir/check.h"

namespace nnc::plan {
namespace {

void reshapeGroup(const Index& index, const Shape& from, size_t a, size_t aEnd, const Shape& to, size_t b, size_t bEnd,
                  const Ranges& extents, Index& result) {
  Ix linear;
  for (size_t i = a; i < aEnd; ++i) linear = linear * from[i] + index[i];
  std::vector<size_t> wide;  // axes of more than one element; the outermost of them needs no modulus
  for (size_t i = b; i < bEnd; ++i)
    if (to[i] != Dim(1)) wide.push_back(i);
  for (size_t k = wide.size(); k-- > 0;) {
    result[wide[k]] = k == 0 ? linear : floorMod(linear, to[wide[k]], extents);
    if (k != 0) linear = floorDiv(linear, to[wide[k]], extents);
  }
}

ViewMap padMap(const Node& node, const Type& operand, const Index& index, const Ranges& extents) {
  const auto& lo = node.attrs.dims("lo");
  const auto& interior = node.attrs.ints("interior");
  ViewMap map;
  map.otherwise = node.attrs.number("value");
  for (size_t d = 0; d < index.size(); ++d) {
    const Ix shifted = index[d] - Ix(lo[d]);
    const Dim step = interior[d] + 1;
    const Ix inner = floorDiv(shifted, step, extents);
    if (interior[d] != 0) map.guards.push_back({floorMod(shifted, step, extents), 0, 1});
    map.guards.push_back({inner, 0, operand.shape[d]});
    map.index.push_back(inner);
  }
  return map;
}

/// Windows side by side or apart: position p belongs to window p / stride, offset p mod stride.
ViewMap unwindowMap(const Node& node, const Type& operand, const Index& index, const Ranges& extents) {
  const auto& axes = node.attrs.ints("axes");
  ViewMap map;
  map.index = index;
  for (size_t j = 0; j < axes.size(); ++j) {
    const auto axis = static_cast<size_t>(axes[j]);
    const int64_t size = node.attrs.ints("size")[j], stride = node.attrs.ints("stride")[j];
    const Ix window = floorDiv(index[axis], stride, extents), offset = floorMod(index[axis], stride, extents);
    map.index[axis] = window;
    map.index.push_back(offset);
    map.guards.push_back({window, 0, operand.shape[axis]});
    if (size < stride) map.guards.push_back({offset, 0, size});
  }
  return map;
}

}  // namespace

Index reshapeIndex(const Index& index, const Shape& from, const Shape& to, const Ranges& extents) {
  Index result(to.size());
  size_t a = 0, b = 0;
  while (a < from.size() || b < to.size()) {
    // The smallest next groups of axes with equal products; they rearrange independently of the rest.
    size_t aEnd = from.size(), bEnd = to.size();
    for (size_t total = 2; total <= from.size() - a + to.size() - b; ++total) {
      bool found = false;
      for (size_t i = 1; i < total && !found; ++i) {
        const size_t j = total - i;
        if (a + i > from.size() || b + j > to.size()) continue;
        if (elementCount(from, a, a + i) != elementCount(to, b, b + j)) continue;
        // The rest must match too, or this was an accident of symbols.
        if (elementCount(from, a + i, from.size()) != elementCount(to, b + j, to.size())) continue;
        aEnd = a + i, bEnd = b + j, found = true;
      }
      if (found) break;
    }
    reshapeGroup(index, from, a, aEnd, to, b, bEnd, extents, result);
    a = aEnd, b = bEnd;
  }
  return result;
}

bool isIndexMap(const Node& node) {
  if (node.op == Op::Unwindow) {
    const auto& size = node.attrs.ints("size");
    const auto& stride = node.attrs.ints("stride");
    const auto& dilation = node.attrs.ints("dilation");
    for (size_t j = 0; j < size.size(); ++j)
      if (size[j] > stride[j] || (dilation[j] != 1 && size[j] != 1)) return false;
    return true;
  }
  return opInfo(node.op).cls == OpClass::View && node.op != Op::Concat;
}

ViewMap viewMap(const Node& node, const Type& operand, const Index& index, const Ranges& extents) {
  const Type& result = node.out[0];
  switch (node.op) {
    case Op::Reshape:
      return {reshapeIndex(index, result.shape, operand.shape, extents), {}, 0};
    case Op::Transpose: {
      ViewMap map;
      map.index.resize(index.size());
      const auto& perm = node.attrs.ints("perm");
      for (size_t i = 0; i < index.size(); ++i) map.index[static_cast<size_t>(perm[i])] = index[i];
      return map;
    }
    case Op::Reverse: {
      ViewMap map{index, {}, 0};
      for (const int64_t axis : node.attrs.ints("axes")) {
        const auto d = static_cast<size_t>(axis);
        map.index[d] = Ix(operand.shape[d] - Dim(1)) - index[d];
      }
      return map;
    }
    case Op::Broadcast: {
      const auto& axes = node.attrs.ints("axes");
      ViewMap map;
      for (size_t i = 0; i < index.size(); ++i)
        if (std::find(axes.begin(), axes.end(), static_cast<int64_t>(i)) == axes.end()) map.index.push_back(index[i]);
      return map;
    }
    case Op::Slice: {
      ViewMap map;
      for (size_t d = 0; d < index.size(); ++d)
        map.index.push_back(index[d] * Dim(node.attrs.ints("stride")[d]) + Ix(node.attrs.dims("lo")[d]));
      return map;
    }
    case Op::Pad:
      return padMap(node, operand, index, extents);
    case Op::Window: {
      const auto& axes = node.attrs.ints("axes");
      ViewMap map;
      const size_t rank = operand.shape.size();
      map.index.assign(index.begin(), index.begin() + static_cast<std::ptrdiff_t>(rank));
      for (size_t j = 0; j < axes.size(); ++j) {
        const auto axis = static_cast<size_t>(axes[j]);
        map.index[axis] =
            index[axis] * Dim(node.attrs.ints("stride")[j]) + index[rank + j] * Dim(node.attrs.ints("dilation")[j]);
      }
      return map;
    }
    case Op::Unwindow:
      return unwindowMap(node, operand, index, extents);
    default:
      break;
  }
  internalError(__FILE__, __LINE__, "viewMap of a node that is no view");
}

std::optional<Index> forwardIndex(const Node& node, const Type& operand, const Index& index, const Ranges& extents) {
  const Type& result = node.out[0];
  if (node.op == Op::Reshape) return reshapeIndex(index, operand.shape, result.shape, extents);
  if (node.op == Op::Transpose) {
    Index out;
    for (const int64_t p : node.attrs.ints("perm")) out.push_back(index[static_cast<size_t>(p)]);
    return out;
  }
  if (node.op == Op::Reverse) return viewMap(node, operand, index, extents).index;
  return std::nullopt;
}

}  // namespace nnc::plan
