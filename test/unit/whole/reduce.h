// Makes a failing module small: drops outputs, cuts nodes off what they are computed from, replaces nodes by their
// operands, shrinks extents; keeps each change after which it still fails.
#pragma once

#include <functional>

#include "ir/graph.h"

namespace nnc::testing {

/// `fails` is asked about well-formed modules only.
Module reduced(Module module, const std::function<bool(const Module&)>& fails);

}  // namespace nnc::testing
