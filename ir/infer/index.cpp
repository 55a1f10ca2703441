// Ops whose positions are data: gather, scatter, and slices with a start known at run time.
#include "ir/infer/rules.h"

namespace nnc::infer {
namespace {

/// The type of gather(x, i): x[b…, pre…, i[b…, I…], post…] → [b…, pre…, I…, post…].
Inferred gathered(const Context& c) {
  const Type& x = c.in[0];
  const Type& i = c.in[1];
  const int64_t axis = c.attrs.integer("axis"), batch = c.attrs.integer("batch");
  if (!isInteger(i.dtype)) return fail(c, "takes integer indices, not {}", i.str());
  if (!validAxis(axis, x.rank())) return fail(c, "has no axis {} in {}", axis, x.str());
  if (batch < 0 || batch > axis || batch > i.rank())
    return fail(c, "cannot share {} leading axes of {} and {} before axis {}", batch, x.str(), i.str(), axis);
  for (int64_t b = 0; b < batch; ++b)
    if (x.shape[b] != i.shape[b]) return fail(c, "shares {} with {} on axis {}", x.shape[b].str(), i.shape[b].str(), b);
  Type type{x.dtype, Shape(x.shape.begin(), x.shape.begin() + axis)};
  type.shape.insert(type.shape.end(), i.shape.begin() + batch, i.shape.end());
  type.shape.insert(type.shape.end(), x.shape.begin() + axis + 1, x.shape.end());
  return result(type);
}

/// The check of the operands of dslice and dupdate: `first` tensors, then the starts.
std::string startsError(const Context& c, size_t first) {
  if (c.in.size() < first) return fail(c, "needs {}", first == 1 ? "an operand" : "two operands").error;
  const std::vector<int64_t>& axes = c.attrs.ints("axes");
  if (c.in.size() != first + axes.size())
    return fail(c, "takes a start for each of its {} axes, not {}", axes.size(), c.in.size() - first).error;
  if (!distinctAxes(axes, c.x().rank()))
    return fail(c, "has no axes [{}] in {}", fmt::join(axes, ", "), c.x().str()).error;
  for (const Type& start : c.in.subspan(first))
    if (!isInteger(start.dtype) || start.rank() != 0)
      return fail(c, "takes integer scalars as starts, not {}", start.str()).error;
  return {};
}

}  // namespace

Inferred infer_gather(const Context& c) {
  return gathered(c);
}

Inferred infer_scatter(const Context& c) {
  const std::string& mode = c.attrs.string("mode");
  if (mode != "add" && mode != "set") return fail(c, "has the mode add or set, not `{}`", mode);
  if (mode == "add" && c.x().dtype == DType::Bool) return fail(c, "adds numbers, not bool");
  const Inferred block = gathered(c);
  if (!block) return block;
  if (block.types[0] != c.in[2])
    return fail(c, "takes updates of type {}, not {}", block.types[0].str(), c.in[2].str());
  return result(c.x());
}

Inferred infer_dslice(const Context& c) {
  if (std::string error = startsError(c, 1); !error.empty()) return {{}, error};
  const std::vector<int64_t>& axes = c.attrs.ints("axes");
  const std::vector<Dim>& sizes = c.attrs.dims("sizes");
  if (sizes.size() != axes.size()) return fail(c, "has {} axes but {} sizes", axes.size(), sizes.size());
  Type type = c.x();
  for (size_t i = 0; i < axes.size(); ++i) {
    if (surelyGreater(sizes[i], c.x().shape[axes[i]]))
      return fail(c, "takes {} of the {} elements of axis {}", sizes[i].str(), c.x().shape[axes[i]].str(), axes[i]);
    type.shape[axes[i]] = sizes[i];
  }
  return result(type);
}

Inferred infer_dupdate(const Context& c) {
  if (std::string error = startsError(c, 2); !error.empty()) return {{}, error};
  const Type& x = c.in[0];
  const Type& u = c.in[1];
  if (u.rank() != x.rank() || u.dtype != x.dtype) return fail(c, "cannot write {} into {}", u.str(), x.str());
  for (int axis = 0; axis < x.rank(); ++axis) {
    const bool moves = contains(c.attrs.ints("axes"), axis);
    if (moves ? surelyGreater(u.shape[axis], x.shape[axis]) : u.shape[axis] != x.shape[axis])
      return fail(c, "cannot write {} into {} along axis {}", u.str(), x.str(), axis);
  }
  return result(x);
}

}  // namespace nnc::infer
