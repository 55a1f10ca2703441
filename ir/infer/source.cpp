// Sources: their type is an attribute.
#include "ir/infer/rules.h"

namespace nnc::infer {

Inferred infer_const(const Context& c) {
  const Type& type = c.attrs.type("type");
  const Literal& literal = c.attrs.literal("value");
  if (literal.isInt() == isFloat(type.dtype))
    return fail(c, "of {} holds {}", type.str(), literal.isInt() ? "integers" : "floats");
  if (literal.isInt()) {
    const auto [lo, hi] = integerRange(type.dtype);
    for (size_t i = 0; i < literal.size(); ++i)
      if (literal.asInt(i) < lo || literal.asInt(i) > hi)
        return fail(c, "of {} cannot hold {}", type.str(), literal.asInt(i));
  }
  const Dim count = elementCount(type.shape);
  if (literal.size() != 1 && count != Dim(static_cast<int64_t>(literal.size())))
    return fail(c, "of {} has {} values", type.str(), literal.size());
  return result(type);
}

Inferred infer_leaf(const Context& c) {
  const std::string& kind = c.attrs.string("kind");
  if (kind != "param" && kind != "state" && kind != "input" && kind != "scalar")
    return fail(c, "is a param, state, input or scalar, not a `{}`", kind);
  if (c.attrs.string("name").empty()) return fail(c, "has no name");
  if (kind == "scalar" && c.attrs.type("type").rank() != 0)
    return fail(c, "of kind scalar has the shape {}", shapeText(c.attrs.type("type").shape));
  return result(c.attrs.type("type"));
}

Inferred infer_arg(const Context& c) {
  if (c.attrs.integer("index") < 0) return fail(c, "has the negative index {}", c.attrs.integer("index"));
  return result(c.attrs.type("type"));
}

Inferred infer_iota(const Context& c) {
  const Type& type = c.attrs.type("type");
  if (type.dtype == DType::Bool) return fail(c, "counts in numbers, not in bool");
  if (!validAxis(c.attrs.integer("axis"), type.rank()))
    return fail(c, "has no axis {} in {}", c.attrs.integer("axis"), type.str());
  return result(type);
}

Inferred infer_size(const Context&) {
  return result(DType::I64, {});
}

Inferred infer_rand(const Context& c) {
  const Type& type = c.attrs.type("type");
  const Type scalar{DType::I64, {}};
  if (c.in.empty() || c.in.size() > 2) return fail(c, "takes a key and at most the number of its first row");
  if (c.x() != scalar) return fail(c, "takes an i64 scalar as its key, not {}", c.x().str());
  if (c.in.back() != scalar) return fail(c, "counts its rows from an i64 scalar, not from {}", c.in.back().str());
  if (c.in.size() > 1 && type.rank() == 0) return fail(c, "has no rows to count in {}", type.str());
  if (!isFloat(type.dtype)) return fail(c, "gives floats, not {}", type.str());
  const int64_t minor = c.attrs.integer("minor");
  if (!validAxis(minor, type.rank()) && !(type.rank() == 0 && minor == 0))
    return fail(c, "has no axis {} in {}", minor, type.str());
  return result(type);
}

}  // namespace nnc::infer
