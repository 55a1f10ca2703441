// An op for all values of a new axis at once: what turns a loop without carries into one computation over a longer
// tensor.
#pragma once

#include <optional>
#include <vector>

#include "ir/builder.h"

namespace nnc {

/// THE list of ops that have such a form.
bool isMappable(Op op);

/// Builds a mappable node for each of `n` rounds at once. Operand i is `in[i]`: with the axis in front if mapped[i] (at
/// least one is), else the same in each round. The results have the axis in front.
std::vector<Value> mapNode(Builder& b, const Node& node, const std::vector<Value>& in, const std::vector<bool>& mapped,
                           const Dim& n);

/// The value with one of its axes moved to the front.
Value axisToFront(Builder& b, Value v, int64_t axis);

}  // namespace nnc
