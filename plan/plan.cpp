#include "plan/plan.h"

namespace nnc::plan {

Layout rowMajor(const Shape& shape) {
  Layout layout;
  for (uint32_t i = 0; i < shape.size(); ++i) layout.digits.push_back({i, Dim(1), shape[i]});
  return layout;
}

std::vector<Dim> stridesOf(const Layout& layout) {
  std::vector<Dim> strides(layout.digits.size());
  Dim stride = 1;
  for (size_t i = layout.digits.size(); i-- > 0;) {
    strides[i] = stride;
    stride = stride * layout.digits[i].extent;
  }
  return strides;
}

}  // namespace nnc::plan
