// Blocks of rows: which kernels work on each row of a symbol by itself, and running them block by block.
#pragma once

#include "plan/planner.h"
#include "plan/rows.h"

namespace nnc::plan {

/// Makes Blocks of the steps of an entry where that keeps temporaries in the caches; those become Scratch.
void blockRows(FunctionContext& function, const Plan& plan);

}  // namespace nnc::plan
