// The texts of the standard library (stdlib/*.nn), embedded in the binary.
#pragma once

#include <string_view>
#include <vector>

namespace nnc {

struct StdlibFile {
  std::string_view name;  // "layers.nn"
  std::string_view text;
};

const std::vector<StdlibFile>& stdlibFiles();

}  // namespace nnc
