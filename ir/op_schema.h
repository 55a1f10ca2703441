// The attributes an op has, read from the strings of ops.def: which, of what kind, in which order.
#pragma once

#include <string>
#include <vector>

#include "ir/graph.h"

namespace nnc {

/// Kinds in the order of AttrValue's alternatives, so that a kind is a variant index.
enum class AttrKind : uint8_t { Int, Float, Bool, String, DType, Dim, Ints, Dims, Type, Literal };

struct AttrSpec {
  std::string name;
  AttrKind kind = AttrKind::Int;
  bool optional = false;
};

const std::vector<AttrSpec>& attrSpecs(Op op);

/// The attributes in the order of ops.def, with absent lists as {} and absent flags as false; unknown ones stay, at the
/// end.
Attrs normalizedAttrs(Op op, const Attrs& attrs);

/// One sentence if an attribute is missing, unknown, or of another kind; else empty.
std::string attrsError(Op op, const Attrs& attrs);

}  // namespace nnc
