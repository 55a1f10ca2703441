// Text of the parts of a plan.
#pragma once

#include <string>

#include "plan/plan.h"

namespace nnc::plan {

std::string printKernel(const Kernel& kernel);
std::string printEntry(const Entry& entry, const Plan& plan);
std::string layoutText(const Layout& layout, const Shape& shape);

}  // namespace nnc::plan
