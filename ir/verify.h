// Checks that a module is well formed: order, types by inference, attributes, regions, outputs, variables.
#pragma once

#include <string>
#include <vector>

#include "ir/graph.h"

namespace nnc {

/// One sentence for each violation; empty if the function is well formed.
std::vector<std::string> verify(const Function& function, const Module& module);
std::vector<std::string> verify(const Module& module);

}  // namespace nnc
