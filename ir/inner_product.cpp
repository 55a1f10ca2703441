#include "ir/inner_product.h"

#include <algorithm>

namespace nnc {

bool isLongInnerProduct(const Graph& graph, const Node& dot) {
  constexpr int64_t kShortChain = 16;
  const auto has = [&dot](const char* axes, size_t axis) {
    const std::vector<int64_t>& list = dot.attrs.ints(axes);
    return std::find(list.begin(), list.end(), static_cast<int64_t>(axis)) != list.end();
  };
  const auto isFree = [&](Value v, const char* batch, const char* contract) {
    const Shape& shape = graph.type(v).shape;
    for (size_t d = 0; d < shape.size(); ++d)
      if (shape[d] != Dim(1) && !has(batch, d) && !has(contract, d)) return true;
    return false;
  };
  if (isFree(dot.in[0], "batch_a", "contract_a") || isFree(dot.in[1], "batch_b", "contract_b")) return false;
  Dim length = 1;
  const Shape& a = graph.type(dot.in[0]).shape;
  for (const int64_t axis : dot.attrs.ints("contract_a")) length = length * a[static_cast<size_t>(axis)];
  return !length.isConst() || length.value() > kShortChain;
}

}  // namespace nnc
