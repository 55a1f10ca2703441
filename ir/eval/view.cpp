// Views: each computes where its result's elements stand in the operand, as a strided view where that is enough.
#include "ir/eval/rules.h"

namespace nnc::eval {
namespace {

Results gatherView(const Context& c, const Strided& view) {
  Tensor y = c.zeros();
  int64_t i = 0;
  for (const int64_t at : positions(view)) copyElement(y, i++, c.x(), at);
  return one(std::move(y));
}

/// The windows of a tensor: window positions at `axes`, offsets inside a window as last axes.
Strided windowsOf(const Context& c, const Tensor& x, const std::vector<int64_t>& windowed) {
  Strided view = viewOf(x);
  view.extents = windowed;
  const std::vector<int64_t>& axes = c.attrs().ints("axes");
  for (size_t i = 0; i < axes.size(); ++i)
    view.strides.push_back(view.strides[axes[i]] * c.attrs().ints("dilation")[i]);
  for (size_t i = 0; i < axes.size(); ++i) view.strides[axes[i]] *= c.attrs().ints("stride")[i];
  return view;
}

}  // namespace

Results eval_reshape(const Context& c) {
  Tensor y = c.x();
  y.shape = c.extents(c.node.out[0].shape);
  return one(std::move(y));
}

Results eval_transpose(const Context& c) {
  return gatherView(c, axesOf(viewOf(c.x()), c.attrs().ints("perm")));
}

Results eval_reverse(const Context& c) {
  Strided view = viewOf(c.x());
  for (const int64_t axis : c.attrs().ints("axes")) {
    view.base += (view.extents[axis] - 1) * view.strides[axis];
    view.strides[axis] = -view.strides[axis];
  }
  return gatherView(c, view);
}

Results eval_broadcast(const Context& c) {
  const std::vector<int64_t> extents = c.extents(c.node.out[0].shape);
  Strided view{0, extents, std::vector<int64_t>(extents.size(), 0)};
  const std::vector<int64_t> strides = rowMajorStrides(c.x().shape);
  size_t next = 0;
  for (const int64_t axis : axesExcept(c.attrs().ints("axes"), extents.size())) view.strides[axis] = strides[next++];
  return gatherView(c, view);
}

Results eval_slice(const Context& c) {
  Strided view = viewOf(c.x());
  view.extents = c.extents(c.node.out[0].shape);
  for (size_t axis = 0; axis < view.extents.size(); ++axis) {
    view.base += c.attrs().dims("lo")[axis].evaluate(c.inputs.symbols) * view.strides[axis];
    view.strides[axis] *= c.attrs().ints("stride")[axis];
  }
  return gatherView(c, view);
}

Results eval_pad(const Context& c) {
  const Tensor& x = c.x();
  Tensor y = c.zeros();
  const double value = c.attrs().number("value");
  for (double& f : y.floats) f = value;
  for (int64_t& i : y.ints) i = truncateTo(value, y.dtype);

  const std::vector<int64_t>& interior = c.attrs().ints("interior");
  std::vector<int64_t> lo;
  for (const Dim& d : c.attrs().dims("lo")) lo.push_back(d.evaluate(c.inputs.symbols));
  const std::vector<int64_t> from = rowMajorStrides(x.shape), to = rowMajorStrides(y.shape);
  for (int64_t i = 0; i < x.size(); ++i) {
    int64_t at = 0;
    bool inside = true;
    for (size_t axis = 0; axis < x.shape.size(); ++axis) {
      const int64_t moved = lo[axis] + i / from[axis] % x.shape[axis] * (interior[axis] + 1);
      inside = inside && moved >= 0 && moved < y.shape[axis];
      at += moved * to[axis];
    }
    if (inside) copyElement(y, at, x, i);
  }
  return one(std::move(y));
}

Results eval_window(const Context& c) {
  return gatherView(c, windowsOf(c, c.x(), c.extents(c.node.out[0].shape)));
}

Results eval_unwindow(const Context& c) {
  Tensor y = c.zeros();
  int64_t i = 0;
  for (const int64_t at : positions(windowsOf(c, y, c.x().shape))) addElement(y, at, c.x(), i++);
  return one(std::move(y));
}

Results eval_concat(const Context& c) {
  Tensor y = c.zeros();
  const int64_t axis = c.attrs().integer("axis");
  Strided view = viewOf(y);
  for (const Tensor* part : c.in) {
    view.extents = part->shape;
    int64_t i = 0;
    for (const int64_t at : positions(view)) copyElement(y, at, *part, i++);
    view.base += part->shape[axis] * view.strides[axis];
  }
  return one(std::move(y));
}

}  // namespace nnc::eval
