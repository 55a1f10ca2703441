#pragma once

#include "ir/graph.h"

namespace nnc {

/// Whether two nodes compute the same: equal ops, attributes and regions on the same operands, those of a commutative
/// op in any order. 0 and -0 are two numbers.
bool equalNodes(const Node& a, const Node& b);

}  // namespace nnc
