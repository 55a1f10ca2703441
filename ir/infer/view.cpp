// Views: the same elements at other indices.
#include "ir/infer/rules.h"

namespace nnc::infer {

Inferred infer_reshape(const Context& c) {
  const Shape& shape = c.attrs.dims("shape");
  const Type type{c.x().dtype, shape};
  if (std::string error = typeError(type); !error.empty()) return tooLarge(c, error);
  if (elementCount(c.x().shape) != elementCount(shape))
    return fail(c, "cannot make {} of {}: {} elements become {}", shapeText(shape), shapeText(c.x().shape),
                elementCount(c.x().shape).str(), elementCount(shape).str());
  return result(type);
}

Inferred infer_transpose(const Context& c) {
  const std::vector<int64_t>& perm = c.attrs.ints("perm");
  if (perm.size() != c.x().shape.size() || !distinctAxes(perm, c.x().rank()))
    return fail(c, "has [{}], which is no permutation of the axes of {}", fmt::join(perm, ", "),
                shapeText(c.x().shape));
  Type type{c.x().dtype, {}};
  for (const int64_t axis : perm) type.shape.push_back(c.x().shape[axis]);
  return result(type);
}

Inferred infer_reverse(const Context& c) {
  const std::vector<int64_t>& axes = c.attrs.ints("axes");
  if (!distinctAxes(axes, c.x().rank()))
    return fail(c, "has no axes [{}] in {}", fmt::join(axes, ", "), shapeText(c.x().shape));
  return result(c.x());
}

Inferred infer_broadcast(const Context& c) {
  const std::vector<int64_t>& axes = c.attrs.ints("axes");
  const std::vector<Dim>& extents = c.attrs.dims("extents");
  const int rank = c.x().rank() + static_cast<int>(axes.size());
  if (axes.size() != extents.size()) return fail(c, "has {} axes but {} extents", axes.size(), extents.size());
  if (!increasingAxes(axes, rank))
    return fail(c, "inserts axes at increasing positions of a result of rank {}, not [{}]", rank,
                fmt::join(axes, ", "));
  Type type{c.x().dtype, Shape(rank)};
  for (size_t i = 0; i < axes.size(); ++i) type.shape[axes[i]] = extents[i];
  size_t next = 0;
  for (const int64_t axis : otherAxes(axes, rank)) type.shape[axis] = c.x().shape[next++];
  return result(type);
}

Inferred infer_slice(const Context& c) {
  const std::vector<Dim>& lo = c.attrs.dims("lo");
  const std::vector<Dim>& hi = c.attrs.dims("hi");
  const std::vector<int64_t>& stride = c.attrs.ints("stride");
  const Shape& shape = c.x().shape;
  if (lo.size() != shape.size() || hi.size() != shape.size() || stride.size() != shape.size())
    return fail(c, "needs lo, hi and stride for each of the {} axes", shape.size());
  Type type{c.x().dtype, {}};
  for (size_t i = 0; i < shape.size(); ++i) {
    if (stride[i] < 1) return fail(c, "has the stride {} on axis {}", stride[i], i);
    if (surelyGreater(0, lo[i]) || surelyGreater(lo[i], hi[i]) || surelyGreater(hi[i], shape[i]))
      return fail(c, "{}..{} leaves axis {} of {}", lo[i].str(), hi[i].str(), i, shapeText(shape));
    const std::optional<Dim> extent = ceilDiv(hi[i] - lo[i], stride[i]);
    if (!extent) return fail(c, "with stride {} on axis {} of {} has no exact extent", stride[i], i, shapeText(shape));
    type.shape.push_back(*extent);
  }
  return result(type);
}

Inferred infer_pad(const Context& c) {
  const std::vector<Dim>& lo = c.attrs.dims("lo");
  const std::vector<Dim>& hi = c.attrs.dims("hi");
  const std::vector<int64_t>& interior = c.attrs.ints("interior");
  const Shape& shape = c.x().shape;
  if (lo.size() != shape.size() || hi.size() != shape.size() || interior.size() != shape.size())
    return fail(c, "needs lo, hi and interior for each of the {} axes", shape.size());
  Type type{c.x().dtype, {}};
  for (size_t i = 0; i < shape.size(); ++i) {
    if (interior[i] < 0) return fail(c, "has the interior {} on axis {}", interior[i], i);
    const Dim extent = lo[i] + dilatedExtent(shape[i], interior[i] + 1) + hi[i];
    if (surelyGreater(0, extent)) return fail(c, "crops more of axis {} of {} than it has", i, shapeText(shape));
    type.shape.push_back(extent);
  }
  return result(type);
}

Inferred infer_concat(const Context& c) {
  if (c.in.empty()) return fail(c, "needs an operand");
  const int64_t axis = c.attrs.integer("axis");
  if (!validAxis(axis, c.x().rank())) return fail(c, "has no axis {} in {}", axis, c.x().str());
  Type type = c.x();
  for (const Type& operand : c.in.subspan(1)) {
    Type expected = c.x();
    if (operand.rank() == type.rank()) expected.shape[axis] = operand.shape[axis];
    if (operand != expected) return fail(c, "on axis {} cannot join {} and {}", axis, c.x().str(), operand.str());
    type.shape[axis] = type.shape[axis] + operand.shape[axis];
  }
  return result(type);
}

}  // namespace nnc::infer
