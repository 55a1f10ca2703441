// Ops whose positions are data.
#include <algorithm>

#include "ir/eval/rules.h"

namespace nnc::eval {
namespace {

/// Calls f(position in x or -1, position in the block) for every element of gather's result x[b…, pre…, i[b…, I…],
/// post…]: -1 where the index lies outside, unless it is clamped.
template <typename F>
void forEachIndexed(const Context& c, const Tensor& x, const Tensor& indices, bool clamp, F f) {
  const int64_t axis = c.attrs().integer("axis"), batch = c.attrs().integer("batch");
  const auto part = [](const std::vector<int64_t>& shape, int64_t begin, int64_t end) {
    return product({shape.begin() + begin, shape.begin() + end});
  };
  const int64_t rank = static_cast<int64_t>(x.shape.size());
  const int64_t batches = part(x.shape, 0, batch), pre = part(x.shape, batch, axis), extent = x.shape[axis];
  const int64_t post = part(x.shape, axis + 1, rank);
  const int64_t count = part(indices.shape, batch, static_cast<int64_t>(indices.shape.size()));
  int64_t block = 0;
  for (int64_t b = 0; b < batches; ++b)
    for (int64_t p = 0; p < pre; ++p)
      for (int64_t i = 0; i < count; ++i) {
        int64_t index = indices.ints[b * count + i];
        if (clamp) index = std::max<int64_t>(0, std::min(index, extent - 1));
        const bool inside = index >= 0 && index < extent;
        for (int64_t q = 0; q < post; ++q) f(inside ? ((b * pre + p) * extent + index) * post + q : -1, block++);
      }
}

/// The block of `sizes` in x that begins at the starts, moved so that it fits.
Strided blockAt(const Context& c, const Tensor& x, const std::vector<int64_t>& sizes, size_t firstStart) {
  Strided view = viewOf(x);
  view.extents = sizes;
  const std::vector<int64_t>& axes = c.attrs().ints("axes");
  for (size_t i = 0; i < axes.size(); ++i) {
    const int64_t start = c.in[firstStart + i]->ints[0], room = x.shape[axes[i]] - sizes[axes[i]];
    view.base += std::max<int64_t>(0, std::min(start, room)) * view.strides[axes[i]];
  }
  return view;
}

}  // namespace

Results eval_gather(const Context& c) {
  Tensor y = c.zeros();
  forEachIndexed(c, c.x(), *c.in[1], true, [&](int64_t from, int64_t to) {
    if (from >= 0) copyElement(y, to, c.x(), from);  // an empty axis has nothing to give: zeros
  });
  return one(std::move(y));
}

Results eval_scatter(const Context& c) {
  Tensor y = c.x();
  const bool add = c.attrs().string("mode") == "add";
  forEachIndexed(c, y, *c.in[1], false, [&](int64_t to, int64_t from) {
    if (to < 0) return;
    if (add)
      addElement(y, to, *c.in[2], from);
    else
      copyElement(y, to, *c.in[2], from);
  });
  return one(std::move(y));
}

Results eval_dslice(const Context& c) {
  Tensor y = c.zeros();
  int64_t i = 0;
  for (const int64_t at : positions(blockAt(c, c.x(), y.shape, 1))) copyElement(y, i++, c.x(), at);
  return one(std::move(y));
}

Results eval_dupdate(const Context& c) {
  Tensor y = c.x();
  const Tensor& block = *c.in[1];
  int64_t i = 0;
  for (const int64_t at : positions(blockAt(c, y, block.shape, 2))) copyElement(y, at, block, i++);
  return one(std::move(y));
}

}  // namespace nnc::eval
