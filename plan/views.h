// Views as index maps: where the element of a view's result comes from. Nothing is copied for them.
#pragma once

#include <optional>
#include <vector>

#include "plan/index.h"
#include "plan/plan.h"

namespace nnc::plan {

using Index = std::vector<Ix>;

/// The element of a view's operand that stands at a result index; where a guard fails it is `otherwise` instead.
struct ViewMap {
  Index index;
  std::vector<Guard> guards;
  double otherwise = 0;
};

/// Rearranges a row-major index of shape `from` into one of shape `to` (equal element counts).
Index reshapeIndex(const Index& index, const Shape& from, const Shape& to, const Ranges& extents);

/// True for nodes that are index maps of their operand 0: views but concat, and unwindow whose windows do not overlap.
bool isIndexMap(const Node& node);

/// `operand` and `result` are the types of node.in[0] and of the node; `index` lies in the result.
ViewMap viewMap(const Node& node, const Type& operand, const Index& index, const Ranges& extents);

/// For views that are bijections (reshape, transpose, reverse): where the operand's element `index` goes in the result.
std::optional<Index> forwardIndex(const Node& node, const Type& operand, const Index& index, const Ranges& extents);

}  // namespace nnc::plan
