// The rewrites of simplify, by family. Each returns the value to use instead of the node's, or nothing; its equation
// stands beside it. All hold bit for bit, for NaN, infinities and signed zeros too.
#pragma once

#include <optional>

#include "passes/rewrite.h"

namespace nnc {

std::optional<Value> simplifyElementwise(Builder& b, const Node& node);
std::optional<Value> simplifyView(Builder& b, const Node& node);
std::optional<Value> simplifyReduce(Builder& b, const Node& node);
std::optional<Value> simplifyDot(Builder& b, const Node& node);
/// A transpose of a dot.
std::optional<Value> swapDot(Builder& b, const Node& transpose);
/// A cond of a known predicate, a scan of one step: the region in place.
std::optional<std::vector<Value>> simplifyControl(Builder& b, const Node& node);

}  // namespace nnc
