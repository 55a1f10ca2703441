// What it is to work on each row of a symbol by itself, as the planner decides it; the verifier has rules of its own.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "plan/plan.h"

namespace nnc::plan {

/// Elements of one of the rows that `symbol` counts in a buffer of this type; nothing where the buffer has none.
std::optional<Dim> rowElements(const Type& type, const std::string& symbol);

/// True if the kernel, bound to buffers of these types, does for each of the rows that `symbol` counts the same with
/// the same bits, whatever their number: it reads and writes row i of all that has rows, and else only what has none.
bool worksByRows(const Kernel& kernel, const std::vector<const Type*>& operands, const std::string& symbol);

}  // namespace nnc::plan
