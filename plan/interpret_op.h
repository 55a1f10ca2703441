// Scalar arithmetic of the plan interpreter.
#pragma once

#include <vector>

#include "ir/graph.h"

namespace nnc::plan {

/// A number of either kind; which one counts follows from its dtype.
struct Number {
  double real = 0;
  int64_t integer = 0;
};

/// The op on numbers of the argument types, as `type`.
Number applyOp(Op op, DType type, const std::vector<Number>& args, const std::vector<DType>& argTypes);

}  // namespace nnc::plan
