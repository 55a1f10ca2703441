// Sources: constants, leaves, region arguments, counters. (rand stands in random.cpp.)
#include <fmt/format.h>

#include "ir/check.h"
#include "ir/eval/rules.h"

namespace nnc::eval {

Results eval_const(const Context& c) {
  const Literal& literal = c.attrs().literal("value");
  Tensor y = c.zeros();
  for (int64_t i = 0; i < y.size(); ++i) {
    const size_t from = literal.size() == 1 ? 0 : static_cast<size_t>(i);
    if (isFloat(y.dtype))
      y.floats[i] = literal.asDouble(from);
    else
      y.ints[i] = wrap(literal.asInt(from), y.dtype);
  }
  return one(std::move(y));
}

Results eval_leaf(const Context& c) {
  const std::string& name = c.attrs().string("name");
  const auto at = c.inputs.leaves.find(name);
  NNC_CHECK(at != c.inputs.leaves.end(), fmt::format("the leaf `{}` has no value", name));
  const Tensor expected = c.zeros();
  Tensor y = at->second;
  NNC_CHECK(
      y.shape == expected.shape && y.floats.size() == expected.floats.size() && y.ints.size() == expected.ints.size(),
      fmt::format("the value of the leaf `{}` is no {}", name, c.node.out[0].str()));
  y.dtype = expected.dtype;
  return one(std::move(y));
}

Results eval_arg(const Context& c) {
  return one(*c.args[c.attrs().integer("index")]);
}

Results eval_iota(const Context& c) {
  Tensor y = c.zeros();
  const int64_t axis = c.attrs().integer("axis");
  const int64_t inner = rowMajorStrides(y.shape)[axis];
  for (int64_t i = 0; i < y.size(); ++i) {
    const int64_t index = i / inner % y.shape[axis];
    if (isFloat(y.dtype))
      y.floats[i] = static_cast<double>(index);
    else
      y.ints[i] = wrap(index, y.dtype);
  }
  return one(std::move(y));
}

Results eval_size(const Context& c) {
  Tensor y = c.zeros();
  y.ints[0] = c.attrs().dim("dim").evaluate(c.inputs.symbols);
  return one(std::move(y));
}

}  // namespace nnc::eval
