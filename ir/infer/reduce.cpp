// Reductions along axes, and sort.
#include "ir/infer/rules.h"

namespace nnc::infer {
namespace {

Type without(const Type& x, const std::vector<int64_t>& axes) {
  Type type{x.dtype, {}};
  for (const int64_t axis : otherAxes(axes, x.rank())) type.shape.push_back(x.shape[axis]);
  return type;
}

/// The check of the ops that work along one axis of numbers.
std::string alongAxis(const Context& c) {
  const int64_t axis = c.attrs.integer("axis");
  if (!validAxis(axis, c.x().rank())) return fail(c, "has no axis {} in {}", axis, c.x().str()).error;
  if (c.x().dtype == DType::Bool) return fail(c, "compares numbers, not bool").error;
  return {};
}

}  // namespace

Inferred infer_sum(const Context& c) {
  const std::vector<int64_t>& axes = c.attrs.ints("axes");
  if (!distinctAxes(axes, c.x().rank())) return fail(c, "has no axes [{}] in {}", fmt::join(axes, ", "), c.x().str());
  if (c.x().dtype == DType::Bool) return fail(c, "adds numbers, not bool");
  if (c.attrs.has("acc") && isFloat(c.attrs.dtype("acc")) != isFloat(c.x().dtype))
    return fail(c, "of {} cannot accumulate in {}", c.x().str(), dtypeName(c.attrs.dtype("acc")));
  return result(without(c.x(), axes));
}

Inferred infer_rmax(const Context& c) {
  if (std::string error = alongAxis(c); !error.empty()) return {{}, error};
  return result(without(c.x(), {c.attrs.integer("axis")}));
}

Inferred infer_argmax(const Context& c) {
  if (std::string error = alongAxis(c); !error.empty()) return {{}, error};
  return result(DType::I32, without(c.x(), {c.attrs.integer("axis")}).shape);
}

Inferred infer_sort(const Context& c) {
  if (std::string error = alongAxis(c); !error.empty()) return {{}, error};
  return {{c.x(), Type{DType::I32, c.x().shape}}, {}};
}

}  // namespace nnc::infer
