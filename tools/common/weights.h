// Weight files before anything is compiled: their hyperparameters, and whether they fit a model.
#pragma once

#include "tools/common/compile.h"

namespace nnc::tools {

/// Throws train::DataError unless the file has every parameter and layer state of the module, in its shape and type.
void requireFitting(const std::string& file, const Module& module);

}  // namespace nnc::tools
