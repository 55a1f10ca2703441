// The passes of passes.def as functions, for the pipeline and for passes that use one another.
#pragma once

#include "passes/pass.h"

namespace nnc {

#define PASS(name, function, exactness, summary) Graph function(Graph graph, PassContext& context);
#include "passes/passes.def"
#undef PASS

}  // namespace nnc
