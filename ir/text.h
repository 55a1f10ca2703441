// The text form of the graph (.nnir): prints, parses, round-trips. What prints is what a lit test checks.
#pragma once

#include <string>

#include "ir/diagnostic.h"
#include "ir/graph.h"

namespace nnc {

struct PrintOptions {
  bool locations = true;   // trailing loc(...) with place and instance path
};

std::string printModule(const Module& module, const PrintOptions& options = {});
std::string printFunction(const Function& function, const PrintOptions& options = {});
/// Parses a registered file; errors are located diagnostics. The module is meaningful only without errors.
Module parseModule(uint32_t file, const SourceManager& sources, Diagnostics& diagnostics);

}  // namespace nnc
