// Which dots are inner products: the numeric contract adds their terms in another order (docs/architecture.md).
#pragma once

#include "ir/graph.h"

namespace nnc {

/// True if all axes of the dot but those of extent 1 are batched or contracted, and so many terms are added (more than
/// 16, or a number known only at run time) that one chain of additions would wait for itself: they go to 64 chains.
bool isLongInnerProduct(const Graph& graph, const Node& dot);

}  // namespace nnc
