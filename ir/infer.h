// Shape and type inference: one rule for each op of ops.def. The frontend asks before it builds (and words its own
// errors); the builder and the verifier ask to make sure.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "ir/graph.h"

namespace nnc {

/// The result types of a node, or one sentence that says what is wrong.
struct Inferred {
  std::vector<Type> types;
  std::string error = {};
  std::string limit =
      {};  // why, if a size is beyond what the IR holds: a program may ask for it, the caller cannot know
  explicit operator bool() const { return error.empty(); }
};

Inferred inferTypes(Op op, std::span<const Type> in, const Attrs& attrs, std::span<const Graph> regions = {});

}  // namespace nnc
