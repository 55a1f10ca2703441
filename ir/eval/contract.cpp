// Contractions: dot and conv, as sums over all pairs of elements that meet.
#include "ir/eval/rules.h"

namespace nnc::eval {
namespace {

void addProduct(Tensor& y, int64_t to, const Tensor& a, int64_t i, const Tensor& b, int64_t j) {
  if (isFloat(y.dtype))
    y.floats[to] += a.floats[i] * b.floats[j];
  else
    y.ints[to] = wrap(wrapAdd(y.ints[to], wrapMul(a.ints[i], b.ints[j])), y.dtype);
}

std::vector<int64_t> joined(std::vector<int64_t> a, const std::vector<int64_t>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

/// A convolution: axes in the order of their roles (batch, feature, spatial…), and the loops over outputs and kernel.
class Convolution {
public:
  explicit Convolution(const Context& c)
      : x_(*c.in[0]),
        w_(*c.in[1]),
        y_(c.zeros()),
        xView_(axesOf(viewOf(x_), c.attrs().ints("x_dims"))),
        wView_(axesOf(viewOf(w_), c.attrs().ints("w_dims"))),
        yView_(axesOf(viewOf(y_), c.attrs().ints("y_dims"))),
        stride_(c.attrs().ints("stride")),
        padLo_(c.attrs().ints("pad_lo")),
        xDilation_(c.attrs().ints("x_dilation")),
        wDilation_(c.attrs().ints("w_dilation")),
        groups_(c.attrs().integer("groups")),
        batchGroups_(c.attrs().integer("batch_groups")) {}

  Tensor run() {
    const std::vector<int64_t> taps(wView_.extents.begin() + 2, wView_.extents.end());
    for (std::vector<int64_t> output(yView_.extents.size()); inside(output, yView_.extents);
         advance(output, yView_.extents))
      for (std::vector<int64_t> tap(taps.size()); inside(tap, taps); advance(tap, taps)) accumulate(output, tap);
    return std::move(y_);
  }

private:
  /// Steps a multi-index in row-major order; past the end its first entry leaves the extents (or it gets one, if
  /// empty).
  static void advance(std::vector<int64_t>& index, const std::vector<int64_t>& extents) {
    for (size_t axis = index.size(); axis-- > 0;) {
      if (++index[axis] < extents[axis] || axis == 0) return;
      index[axis] = 0;
    }
    index.push_back(0);
  }
  static bool inside(const std::vector<int64_t>& index, const std::vector<int64_t>& extents) {
    return index.size() == extents.size() && (index.empty() || (product(extents) > 0 && index[0] < extents[0]));
  }

  /// Adds what one tap of the kernel gives to one output.
  void accumulate(const std::vector<int64_t>& output, const std::vector<int64_t>& tap) {
    const int64_t feature = output[1], outFeatures = wView_.extents[0], inFeatures = wView_.extents[1];
    const int64_t group = feature / (outFeatures / groups_), batchGroup = feature / (outFeatures / batchGroups_);
    const int64_t batch = batchGroup * yView_.extents[0] + output[0];
    int64_t to = output[0] * yView_.strides[0] + feature * yView_.strides[1];
    int64_t fromX = batch * xView_.strides[0] + group * inFeatures * xView_.strides[1];
    int64_t fromW = feature * wView_.strides[0];
    for (size_t axis = 0; axis < tap.size(); ++axis) {
      // Position in the dilated input; only multiples of the dilation hold an element, the rest and the padding are 0.
      const int64_t at = output[axis + 2] * stride_[axis] + tap[axis] * wDilation_[axis] - padLo_[axis];
      if (at < 0 || at % xDilation_[axis] != 0 || at / xDilation_[axis] >= xView_.extents[axis + 2]) return;
      to += output[axis + 2] * yView_.strides[axis + 2];
      fromX += at / xDilation_[axis] * xView_.strides[axis + 2];
      fromW += tap[axis] * wView_.strides[axis + 2];
    }
    for (int64_t i = 0; i < inFeatures; ++i)
      addProduct(y_, to, x_, fromX + i * xView_.strides[1], w_, fromW + i * wView_.strides[1]);
  }

  const Tensor& x_;
  const Tensor& w_;
  Tensor y_;
  Strided xView_, wView_, yView_;
  std::vector<int64_t> stride_, padLo_, xDilation_, wDilation_;
  int64_t groups_, batchGroups_;
};

}  // namespace

Results eval_dot(const Context& c) {
  const Tensor &a = *c.in[0], &b = *c.in[1];
  const Attrs& at = c.attrs();
  const std::vector<int64_t> freeA = axesExcept(joined(at.ints("batch_a"), at.ints("contract_a")), a.shape.size());
  const std::vector<int64_t> freeB = axesExcept(joined(at.ints("batch_b"), at.ints("contract_b")), b.shape.size());
  const Strided viewA = viewOf(a), viewB = viewOf(b);
  const std::vector<int64_t> batchA = positions(axesOf(viewA, at.ints("batch_a")));
  const std::vector<int64_t> batchB = positions(axesOf(viewB, at.ints("batch_b")));
  const std::vector<int64_t> contractA = positions(axesOf(viewA, at.ints("contract_a")));
  const std::vector<int64_t> contractB = positions(axesOf(viewB, at.ints("contract_b")));
  const std::vector<int64_t> rows = positions(axesOf(viewA, freeA)), columns = positions(axesOf(viewB, freeB));
  Tensor y = c.zeros();
  int64_t to = 0;
  for (size_t n = 0; n < batchA.size(); ++n)
    for (const int64_t row : rows)
      for (const int64_t column : columns) {
        for (size_t k = 0; k < contractA.size(); ++k)
          addProduct(y, to, a, batchA[n] + row + contractA[k], b, batchB[n] + column + contractB[k]);
        ++to;
      }
  return one(std::move(y));
}

Results eval_conv(const Context& c) {
  return one(Convolution(c).run());
}

}  // namespace nnc::eval
