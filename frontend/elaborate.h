// From syntax trees to the computation graph: every function and layer is elaborated in place on actual types, so the
// module that comes out has one graph for each entry and no calls. Reports every mistake of a file in one run.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "frontend/ast.h"
#include "ir/diagnostic.h"
#include "ir/graph.h"

namespace nnc {

struct ElabOptions {
  std::map<std::string, std::string> hypers;     // `--set name=value`
  std::map<std::string, std::string> trained;    // values weights were trained with: defaults before the file's own
  std::map<std::string, std::string> dataPaths;  // `--data name=DIR`
};

/// Elaborates a parsed file that uses the standard library and the files it names by `use` (searched beside it).
/// Nothing if there were errors; they stand in `diagnostics`.
std::optional<Module> elaborate(const ast::File& file, const ElabOptions& options, SourceManager& sources,
                                Diagnostics& diagnostics);

/// Reads, parses and elaborates the file at `path`. A file that cannot be read is an error without a place.
std::optional<Module> compileSource(const std::string& path, const ElabOptions& options, SourceManager& sources,
                                    Diagnostics& diagnostics);

/// The same for a text that is already there; `name` stands in messages and names the module.
std::optional<Module> compileText(const std::string& name, const std::string& text, const ElabOptions& options,
                                  SourceManager& sources, Diagnostics& diagnostics);

}  // namespace nnc
