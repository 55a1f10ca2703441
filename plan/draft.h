// Kernels in the making: building the loop nest of a cluster, and bringing it into its final form.
#pragma once

#include "plan/lower.h"

namespace nnc::plan {

/// Where axes are cut into several iteration variables: multiples at which they are cut, falling, without 1.
using Splits = std::map<int, std::vector<Dim>>;

/// The kernel as built, its loops in logical order. An axis that indices divide is cut into variables that need no
/// division.
KernelDraft draftRaw(const GraphContext& context, const Cluster& cluster);

/// The kernel as built, except that the values in `wanted` are not loaded: their indices are noted there.
KernelDraft probeKernel(const GraphContext& context, const Cluster& cluster,
                        std::map<Value, std::vector<Index>>& wanted);

/// True if the value of an instruction changes with an iteration variable.
bool instDependsOn(const Region& region, uint32_t inst, uint32_t iter);
/// Removes instructions nobody uses.
void removeDeadInstructions(Kernel& kernel);
/// Orders loops as the data lie in memory, or as the template wants them.
void orderLoops(KernelDraft& draft, const std::map<std::string, int64_t>& bounds);
/// Joins neighbouring loops that all accesses run through as one.
void collapseLoops(Kernel& kernel);
/// Sums of floats add in lanes where their innermost loop is long and reads neighbours, else one after the other. Their
/// own loops decide, not the cost of the kernel: the order of additions is the same beside whatever they are fused
/// with.
void chooseSumOrders(Kernel& kernel);
/// Puts written operands last, numbers iteration variables in loop order, computes FLOPs and the name.
void finishKernel(KernelDraft& draft, const std::map<std::string, int64_t>& bounds);

}  // namespace nnc::plan
