// Weights before anything is compiled: what of a file a model takes.
#pragma once

#include <string>

#include "ir/graph.h"

namespace nnc::tools {

/// The parameters and layer states of the module out of a weight file or a checkpoint, as the bytes of a safetensors
/// file that holds these alone. Throws train::DataError unless the file has each, in its shape and type, and was made
/// with the hyperparameters in force.
std::string weightsFor(const Module& module, const std::string& file);

}  // namespace nnc::tools
