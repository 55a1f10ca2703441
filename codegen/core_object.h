// The runtime core as relocatable objects, embedded when nnc is built (see CMakeLists.txt here).
#pragma once

#include <string_view>
#include <vector>

namespace nnc::codegen {

std::vector<std::string_view> coreObjects();

}  // namespace nnc::codegen
