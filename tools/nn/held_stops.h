// What the `stop`s of a graph hold, wherever they stand: as results, and as inputs in their place. So a graph can be
// evaluated where parameters are moved and what is held is not.
#pragma once

#include "ir/graph.h"

namespace nnc::tools {

/// Adds a result "stop 0", "stop 1", … for each `stop` of the graph, its loops and its branches: what it holds in each
/// round of a loop, stacked along a new first axis; 0 in a branch that is not taken. The numbers of nodes stay.
void exposeStops(Graph& graph);
/// The same graph with inputs of these names in place of the `stop`s.
Graph withHeldStops(const Graph& graph);

}  // namespace nnc::tools
