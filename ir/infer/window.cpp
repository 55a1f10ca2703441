// Sliding windows: positions stay at the axes, offsets inside a window become new last axes.
#include "ir/infer/rules.h"

namespace nnc::infer {
namespace {

/// The type of window(x), shared by the two rules.
Inferred windowed(const Context& c, const Type& x) {
  const std::vector<int64_t>& axes = c.attrs.ints("axes");
  const std::vector<int64_t>& size = c.attrs.ints("size");
  const std::vector<int64_t>& stride = c.attrs.ints("stride");
  const std::vector<int64_t>& dilation = c.attrs.ints("dilation");
  if (!distinctAxes(axes, x.rank()))
    return fail(c, "has no axes [{}] in {}", fmt::join(axes, ", "), shapeText(x.shape));
  if (size.size() != axes.size() || stride.size() != axes.size() || dilation.size() != axes.size())
    return fail(c, "needs size, stride and dilation for each of its {} axes", axes.size());
  Type type = x;
  for (size_t i = 0; i < axes.size(); ++i) {
    if (size[i] < 1 || stride[i] < 1 || dilation[i] < 1)
      return fail(c, "has size {}, stride {}, dilation {}: each is at least 1", size[i], stride[i], dilation[i]);
    const Dim& extent = x.shape[axes[i]];
    const std::optional<Dim> count = windowCount(extent, size[i], stride[i], dilation[i]);
    if (!count) return fail(c, "with stride {} on the extent {} has no exact count", stride[i], extent.str());
    type.shape[axes[i]] = *count;
    type.shape.push_back(size[i]);
  }
  return result(type);
}

}  // namespace

Inferred infer_window(const Context& c) {
  return windowed(c, c.x());
}

Inferred infer_unwindow(const Context& c) {
  const std::vector<int64_t>& axes = c.attrs.ints("axes");
  const std::vector<Dim>& extents = c.attrs.dims("extents");
  const int rank = c.x().rank() - static_cast<int>(axes.size());
  if (extents.size() != axes.size()) return fail(c, "has {} axes but {} extents", axes.size(), extents.size());
  if (c.x().dtype == DType::Bool) return fail(c, "adds numbers, not bool");
  if (rank < 0 || !distinctAxes(axes, rank))
    return fail(c, "has no axes [{}] in {}", fmt::join(axes, ", "), shapeText(c.x().shape));
  Type type{c.x().dtype, Shape(c.x().shape.begin(), c.x().shape.begin() + rank)};
  for (size_t i = 0; i < axes.size(); ++i) type.shape[axes[i]] = extents[i];
  const Inferred forward = windowed(c, type);
  if (!forward) return forward;
  if (forward.types[0] != c.x())
    return fail(c, "to {} takes windows of shape {}, not {}", shapeText(type.shape), shapeText(forward.types[0].shape),
                shapeText(c.x().shape));
  return result(type);
}

}  // namespace nnc::infer
