// Fusion: which clusters become one kernel.
#pragma once

#include <set>

#include "plan/planner.h"

namespace nnc::plan {

/// Merges clusters where one kernel can do the work of several without computing anything dear twice. `wanted` are the
/// values that must stay stored.
void fuseClusters(std::vector<Cluster>& clusters, GraphContext& context, const std::set<Value>& wanted);

}  // namespace nnc::plan
