// What nnc can write: each stage of a compilation as bytes, by name or by the suffix of a file.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tools/common/compile.h"

namespace nnc::tools {

/// A kind of output. `emit` is its name for --emit; `suffix` the one of a file that chooses it, or empty.
struct OutputKind {
  const char* emit;
  const char* suffix;
  const char* meaning;
  bool library;                                                   // a header belongs to it
  std::optional<std::string> (*bytes)(Compilation& compilation);  // nothing where the source has errors
};

const std::vector<OutputKind>& outputKinds();
const OutputKind* kindOfEmit(const std::string& name);
/// By the suffix of a path; throws UsageError naming those known.
const OutputKind& kindOfPath(const std::string& path);

/// Writes every stage on the way to a library beside `output`, under its name with other suffixes; returns the paths.
std::vector<std::string> saveTemps(Compilation& compilation, const std::string& output);

}  // namespace nnc::tools
