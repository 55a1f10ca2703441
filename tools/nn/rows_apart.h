// Whether a function works on each of its rows by itself: then `nn predict` may call it with some of them at a time.
#pragma once

#include "ir/graph.h"

namespace nnc::tools {

/// True if nothing in the function mixes elements along an axis that `symbol` is in, asks how many rows there are or
/// which one this is, and nothing is assigned.
bool worksRowByRow(const Function& function, const std::string& symbol);

}  // namespace nnc::tools
