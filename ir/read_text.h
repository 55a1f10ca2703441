// Reading a text that somebody wrote: a program or IR.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

namespace nnc {

/// No text is longer, so that a device or a file without an end does no harm; parsers have limits of their own.
inline constexpr size_t kMostTextBytes = size_t{64} << 20;

/// The bytes of a file, at most kMostTextBytes; nothing if it cannot be read or is a folder.
std::optional<std::string> readText(const std::string& path);

}  // namespace nnc
