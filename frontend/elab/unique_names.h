// Names that stand twice where each may stand once.
#pragma once

#include "frontend/ast.h"
#include "ir/diagnostic.h"

namespace nnc::elab {

/// Reports (E0103) a name that stands twice among the arguments of a function, layer or `fn(…)`, in one pattern, among
/// the indices of a loop, the fields of a data block, or the metrics, parameters and states of one body.
void reportRepeatedNames(const ast::File& file, Diagnostics& diagnostics);

}  // namespace nnc::elab
