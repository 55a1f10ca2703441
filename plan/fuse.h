// Fusion: which clusters become one kernel.
#pragma once

#include <set>

#include "plan/planner.h"

namespace nnc::plan {

/// Merges clusters where one kernel can do the work of several: rows of a normalisation, siblings over equal spaces,
/// updates of one parameter, elementwise values beside a contraction's result.
void fuseClusters(std::vector<Cluster>& clusters, const GraphContext& context,
                  const std::map<std::string, int64_t>& bounds);

}  // namespace nnc::plan
