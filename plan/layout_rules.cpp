// How layouts pass through ops: what is contiguous in an operand should be contiguous in the result.
#include <algorithm>

#include "ir/contains.h"
#include "plan/layout.h"

namespace nnc::plan {
namespace {

using Axes = std::vector<int64_t>;

bool isWhole(const Digit& digit, const Shape& shape) {
  return digit.div == Dim(1) && digit.extent == shape[digit.dim];
}

/// Digits with their dimensions renumbered; those mapped to nothing vanish.
Layout renumbered(const Layout& layout, const std::vector<int>& to) {
  Layout result;
  for (Digit d : layout.digits) {
    if (to[d.dim] < 0) continue;
    d.dim = static_cast<uint32_t>(to[d.dim]);
    result.digits.push_back(d);
  }
  return result;
}

/// The same order over another shape of equal rank; split dimensions must keep their extents.
std::optional<Layout> resized(const Layout& layout, const Shape& from, const Shape& to) {
  Layout result = layout;
  for (Digit& d : result.digits) {
    if (isWhole(d, from))
      d.extent = to[d.dim];
    else if (from[d.dim] != to[d.dim])
      return std::nullopt;
  }
  return result;
}

/// Where each axis of the shorter side stands on the longer one, with -1 for axes that are not there.
std::vector<int> without(const Axes& axes, size_t rank) {
  std::vector<int> to(rank, -1);
  int next = 0;
  for (size_t d = 0; d < rank; ++d)
    if (!contains(axes, d)) to[d] = next++;
  return to;
}

/// One dimension of `shape` [begin, end) per digit: the digits of a merged dimension of that extent, in terms of the
/// parts.
bool splitDigit(const Digit& digit, const Shape& shape, size_t begin, size_t end, std::vector<Digit>& out) {
  Dim above = digit.div * digit.extent;
  for (size_t d = begin; d < end; ++d) {
    const Dim stride = elementCount(shape, d + 1, end);
    if (shape[d] == Dim(1)) continue;
    // The part of the digit that lies in this dimension: multiples of the larger of both steps.
    if (!digit.div.dividedBy(stride) && !stride.dividedBy(digit.div)) return false;
    const bool inside = digit.div.dividedBy(stride).has_value();
    const Dim low = inside ? digit.div : stride;
    const Dim top = stride * shape[d];
    if (!above.dividedBy(low)) {
      if (low.dividedBy(above)) continue;
      return false;
    }
    if (!top.dividedBy(low)) {
      if (low.dividedBy(top)) continue;
      return false;
    }
    const Dim high = above.dividedBy(top) ? top : above;
    if (!high.dividedBy(low) || high == low) continue;
    out.push_back({static_cast<uint32_t>(d), *low.dividedBy(stride), *high.dividedBy(low)});
  }
  return true;
}

std::optional<Layout> throughReshape(const Layout& layout, const Shape& from, const Shape& to) {
  // Groups of axes with equal products, as in reshapeIndex; in each group one side must be a single axis.
  std::vector<std::vector<Digit>> parts(from.size());
  size_t a = 0, b = 0;
  struct Group {
    size_t a, aEnd, b, bEnd;
  };
  std::vector<Group> groups;
  while (a < from.size() || b < to.size()) {
    size_t aEnd = from.size(), bEnd = to.size();
    bool found = false;
    for (size_t total = 2; !found && total <= from.size() - a + to.size() - b; ++total)
      for (size_t i = 1; i < total && !found; ++i)
        if (a + i <= from.size() && b + total - i <= to.size() &&
            elementCount(from, a, a + i) == elementCount(to, b, b + total - i))
          aEnd = a + i, bEnd = b + total - i, found = true;
    groups.push_back({a, aEnd, b, bEnd});
    a = aEnd, b = bEnd;
  }
  Layout result;
  for (const Digit& digit : layout.digits) {
    if (digit.extent == Dim(1)) continue;
    const auto g = std::find_if(groups.begin(), groups.end(),
                                [&](const Group& x) { return digit.dim >= x.a && digit.dim < x.aEnd; });
    if (g == groups.end()) return std::nullopt;
    if (g->bEnd - g->b == 1) {
      result.digits.push_back(
          {static_cast<uint32_t>(g->b), digit.div * elementCount(from, digit.dim + 1, g->aEnd), digit.extent});
    } else if (g->aEnd - g->a == 1) {
      if (!splitDigit(digit, to, g->b, g->bEnd, result.digits)) return std::nullopt;
    } else {
      return std::nullopt;
    }
  }
  // Neighbouring digits of one dimension that continue each other are one.
  for (size_t i = result.digits.size(); i-- > 1;) {
    Digit &outer = result.digits[i - 1], &inner = result.digits[i];
    if (outer.dim != inner.dim || outer.div != inner.div * inner.extent) continue;
    outer = {inner.dim, inner.div, inner.extent * outer.extent};
    result.digits.erase(result.digits.begin() + static_cast<std::ptrdiff_t>(i));
  }
  for (uint32_t d = 0; d < to.size(); ++d)
    if (to[d] == Dim(1)) result.digits.push_back({d, 1, 1});
  Dim total = 1;
  for (const Digit& d : result.digits) total = total * d.extent;
  if (total != elementCount(to)) return std::nullopt;
  return result;
}

std::vector<Digit> digitsOf(const Layout& layout, size_t dim) {
  std::vector<Digit> digits;
  for (const Digit& d : layout.digits)
    if (d.dim == dim) digits.push_back(d);
  return digits;
}

/// Row-major, but with dimension `dim` stored in the order of these digits.
Layout withDigits(const Shape& shape, size_t dim, std::vector<Digit> digits) {
  Layout result;
  for (const Digit& d : rowMajor(shape).digits) {
    if (d.dim != dim) {
      result.digits.push_back(d);
      continue;
    }
    for (Digit& piece : digits) {
      piece.dim = static_cast<uint32_t>(dim);
      result.digits.push_back(piece);
    }
  }
  return result;
}

/// A value of a dot: operand 0, operand 1 or the result (2); where dimension `dim` of one stands in another, or -1.
int dotPartner(const Graph& graph, const Node& dot, int from, size_t dim, int to) {
  struct Side {
    Axes batch, contract, free;
  };
  const auto sideOf = [&](size_t operand, const char* batch, const char* contract) {
    Side s{dot.attrs.ints(batch), dot.attrs.ints(contract), {}};
    for (size_t d = 0; d < graph.type(dot.in[operand]).shape.size(); ++d)
      if (!contains(s.batch, d) && !contains(s.contract, d)) s.free.push_back(static_cast<int64_t>(d));
    return s;
  };
  const Side sides[2] = {sideOf(0, "batch_a", "contract_a"), sideOf(1, "batch_b", "contract_b")};
  const auto placeIn = [](const Axes& list, size_t x) {
    return static_cast<int>(std::find(list.begin(), list.end(), static_cast<int64_t>(x)) - list.begin());
  };
  const int batches = static_cast<int>(sides[0].batch.size()), freeA = static_cast<int>(sides[0].free.size());
  if (from == 2) {
    const int d = static_cast<int>(dim);
    if (d < batches) return static_cast<int>(sides[to].batch[dim]);
    const int base = to == 0 ? batches : batches + freeA;
    const int place = d - base;
    return place >= 0 && place < static_cast<int>(sides[to].free.size())
               ? static_cast<int>(sides[to].free[static_cast<size_t>(place)])
               : -1;
  }
  const Side& s = sides[from];
  if (contains(s.contract, dim))
    return to == 2 ? -1 : static_cast<int>(sides[to].contract[static_cast<size_t>(placeIn(s.contract, dim))]);
  if (contains(s.batch, dim)) {
    const int place = placeIn(s.batch, dim);
    return to == 2 ? place : static_cast<int>(sides[to].batch[static_cast<size_t>(place)]);
  }
  return to == 2 ? (from == 0 ? batches : batches + freeA) + placeIn(s.free, dim) : -1;
}

}  // namespace

std::optional<Layout> dotLayout(const Graph& graph, const Node& dot, int from, const Layout& layout, int to) {
  const Shape& shape = from == 2 ? dot.out[0].shape : graph.type(dot.in[static_cast<size_t>(from)]).shape;
  const Shape& target = to == 2 ? dot.out[0].shape : graph.type(dot.in[static_cast<size_t>(to)]).shape;
  for (size_t d = 0; d < shape.size(); ++d) {
    const std::vector<Digit> digits = digitsOf(layout, d);
    if (digits.size() < 2) continue;
    const int partner = dotPartner(graph, dot, from, d, to);
    if (partner >= 0) return withDigits(target, static_cast<size_t>(partner), digits);
  }
  return std::nullopt;
}

std::optional<Layout> layoutForward(const Graph& graph, const Node& node, size_t operand, const Layout& layout) {
  const Shape& in = graph.type(node.in[operand]).shape;
  const Shape& out = node.out[0].shape;
  if (isElementwise(node.op)) return layout;
  switch (node.op) {
    case Op::Transpose: {
      std::vector<int> to(in.size());
      for (size_t i = 0; i < out.size(); ++i) to[static_cast<size_t>(node.attrs.ints("perm")[i])] = static_cast<int>(i);
      return renumbered(layout, to);
    }
    case Op::Reshape:
      return throughReshape(layout, in, out);
    case Op::Reverse:
    case Op::Slice:
    case Op::Pad:
    case Op::Concat:
      return resized(layout, in, out);
    case Op::Window: {
      // Offsets innermost: they hardly ever live in memory, and a reduction removes them.
      Layout result = layout;
      for (Digit& d : result.digits)
        if (d.div != Dim(1) || d.extent != in[d.dim])
          return std::nullopt;
        else
          d.extent = out[d.dim];
      for (size_t d = in.size(); d < out.size(); ++d) result.digits.push_back({static_cast<uint32_t>(d), 1, out[d]});
      return result;
    }
    case Op::Unwindow: {
      Layout result;
      for (Digit d : layout.digits) {
        if (d.dim >= out.size()) continue;
        if (!isWhole(d, in)) return std::nullopt;
        d.extent = out[d.dim];
        result.digits.push_back(d);
      }
      return result;
    }
    case Op::Sum:
      return renumbered(layout, without(node.attrs.ints("axes"), in.size()));
    case Op::RMax:
    case Op::ArgMax:
      return renumbered(layout, without({node.attrs.integer("axis")}, in.size()));
    case Op::Dot:
      return dotLayout(graph, node, static_cast<int>(operand), layout, 2);
    default:
      return std::nullopt;
  }
}

std::optional<Layout> layoutBackward(const Graph& graph, const Node& node, size_t operand, const Layout& layout) {
  const Shape& in = graph.type(node.in[operand]).shape;
  const Shape& out = node.out[0].shape;
  if (isElementwise(node.op)) return layout;
  switch (node.op) {
    case Op::Transpose: {
      std::vector<int> to(out.size());
      for (size_t i = 0; i < out.size(); ++i) to[i] = static_cast<int>(node.attrs.ints("perm")[i]);
      return renumbered(layout, to);
    }
    case Op::Reshape:
      return throughReshape(layout, out, in);
    case Op::Reverse:
    case Op::Slice:
    case Op::Pad:
    case Op::Concat:
      return resized(layout, out, in);
    case Op::Broadcast:
      return renumbered(layout, without(node.attrs.ints("axes"), out.size()));
    case Op::Window: {
      Layout result;
      for (Digit d : layout.digits) {
        if (d.dim >= in.size()) continue;
        if (!isWhole(d, out)) return std::nullopt;
        d.extent = in[d.dim];
        result.digits.push_back(d);
      }
      return result;
    }
    case Op::Unwindow: {
      Layout result = layout;
      for (Digit& d : result.digits)
        if (!isWhole(d, out))
          return std::nullopt;
        else
          d.extent = in[d.dim];
      for (size_t d = out.size(); d < in.size(); ++d) result.digits.push_back({static_cast<uint32_t>(d), 1, in[d]});
      return result;
    }
    case Op::Dot:
      return dotLayout(graph, node, 2, layout, static_cast<int>(operand));
    default:
      return std::nullopt;
  }
}

}  // namespace nnc::plan
