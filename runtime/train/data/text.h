// Plain text as rows of equally long windows of bytes.
#pragma once

#include <string>

#include "runtime/train/data/dataset.h"

namespace nnc::train {

/// One field `text` of u8[window]; row i starts at byte i · stride, so that windows overlap if stride < window and
/// bytes after the last whole window are left out. The bytes are those of `file` from `begin` to `end`. Throws
/// DataError if they do not hold one window, with `what` naming the part ("training part").
RawTable windowTable(const std::string& path, const Buffer& file, size_t begin, size_t end, int64_t window,
                     int64_t stride, std::string_view what);

}  // namespace nnc::train
