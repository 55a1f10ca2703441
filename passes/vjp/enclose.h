// Gradients inside a region (a loop's body, a branch) of what was computed around it. In the region such a value is an
// argument without a past; the nodes between it and what the gradient is by are brought inside.
#pragma once

#include "passes/pass.h"
#include "passes/rewrite.h"

namespace nnc {

/// Expands the grads in the regions of a scan or cond, whose operands are values of `outer`, by `expand`. Where a
/// differentiated value depends on an operand that depends on what the gradient is by, `expand` sees the nodes in
/// between in the region; afterwards the operand's value is taken again, so that nothing is computed twice. Reports
/// gradients that would have to go back through earlier rounds of a scan.
void expandInside(const Graph& outer, Node& node, PassContext& context, const RegionPass& expand);

}  // namespace nnc
