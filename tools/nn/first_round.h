// Loops and branches that hold gradients, as straight code: what `nn check` measures stands at the top of a graph.
#pragma once

#include "ir/graph.h"

namespace nnc::tools {

/// The graph with the first round of each such loop, and with what each such branch does if it is taken, in their
/// places. What they give is then that of this round, and of this branch.
Graph withFirstRounds(const Graph& graph);

}  // namespace nnc::tools
