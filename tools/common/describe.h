// What a model tells its users about itself beyond its tables: data blocks, train blocks, hyperparameters, as JSON in
// nnc_model.description. It is the whole of what the training loop knows of the source.
#pragma once

#include <string>

#include "ir/graph.h"

namespace nnc::tools {

/// {"data": [{name, reader, path, settings, fields: [{name, dtype, shape, bound}]}],
///  "trains": [{name, data, step, eval, start_pass, batch, epochs, seed, steps, patience, monitor, maximize,
///             metrics: [{name, stateful}]}],
///  "hypers": [{name, value, run_time}]}
std::string describe(const Module& module);

}  // namespace nnc::tools
