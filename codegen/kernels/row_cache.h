// What several stages of a task compute at the same elements of a row, computed once: a stage of its own stores it into
// a row of scratch, from which the others load. Softmax takes its exponentials once for the sum and for the quotient.
#pragma once

#include <cstdint>
#include <vector>

#include "plan/plan.h"

namespace nnc::codegen {

/// Rewrites the kernel's stages; for kernels whose stages run one after the other at a single task point (row style of
/// the loop emitter). The rows are operands numbered from kernel.operands on, written and read only within a task.
/// Returns their sizes in bytes. Values keep their bits.
std::vector<uint64_t> shareRows(plan::Kernel& kernel);

}  // namespace nnc::codegen
