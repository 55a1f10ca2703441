// `nn fmt`: the one way a .nn file is laid out. Works on the tokens, so that comments and every line break that the
// author chose stay; it decides indentation (2), the spaces between tokens, blank lines (one at most), the column of
// trailing comments, and breaks lines longer than kMaxColumns where a newline does not end the statement.
#pragma once

#include <optional>
#include <string>

#include "ir/diagnostic.h"

namespace nnc {

inline constexpr size_t kMaxColumns = 120;

/// The formatted text of a registered file, or nothing if it has syntax errors (reported). The result parses to the
/// same tree, and formatting it again changes nothing.
std::optional<std::string> formatFile(uint32_t fileId, const SourceManager& sources, Diagnostics& diagnostics);

}  // namespace nnc
