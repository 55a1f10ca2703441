// Running function bodies, written as IR text, in the reference interpreter.
#pragma once

#include <cmath>
#include <initializer_list>
#include <limits>

#include "ir/eval.h"
#include "test/unit/ir/support.h"

namespace nnc::test {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

inline Tensor floats(std::vector<int64_t> shape, std::vector<double> values, DType dtype = DType::F32) {
  return {dtype, std::move(shape), std::move(values), {}};
}
inline Tensor ints(std::vector<int64_t> shape, std::vector<int64_t> values, DType dtype = DType::I32) {
  return {dtype, std::move(shape), {}, std::move(values)};
}
/// 1, 2, 3, … in the shape.
inline Tensor counting(std::vector<int64_t> shape) {
  Tensor t = Tensor::zeros(DType::F32, std::move(shape));
  for (size_t i = 0; i < t.floats.size(); ++i) t.floats[i] = static_cast<double>(i + 1);
  return t;
}

/// The outputs of a body with B = 2, T = 3; inputs by name.
inline std::vector<Tensor> run(const std::string& body, std::map<std::string, Tensor> leaves = {},
                               EvalOptions options = {}) {
  return evaluate(graphOf(body), {std::move(leaves), {{"B", 2}, {"T", 3}}}, options);
}

/// The one result of `%y = <node>` over the inputs %a, %b, %c, whose types follow from the tensors given.
inline Tensor eval1(const std::string& node, std::initializer_list<Tensor> operands = {}) {
  std::string body;
  std::map<std::string, Tensor> leaves;
  char name = 'a';
  for (const Tensor& t : operands) {
    Type type{t.dtype, {t.shape.begin(), t.shape.end()}};
    body += std::string("  %") + name + " = leaf {kind=\"input\", name=\"" + name + "\"} : " + type.str() + "\n";
    leaves[std::string(1, name++)] = t;
  }
  return run(body + "  %y = " + node + "\n  return %y\n", leaves).at(0);
}

inline void expectFloats(const Tensor& t, const std::vector<double>& expected, double tolerance = 0) {
  ASSERT_EQ(t.floats.size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    if (std::isnan(expected[i]))
      EXPECT_TRUE(std::isnan(t.floats[i])) << "element " << i << " is " << t.floats[i];
    else if (tolerance == 0 || std::isinf(expected[i]))
      EXPECT_EQ(t.floats[i], expected[i]) << "element " << i;
    else
      EXPECT_NEAR(t.floats[i], expected[i], tolerance) << "element " << i;
  }
}

inline void expectInts(const Tensor& t, const std::vector<int64_t>& expected) {
  EXPECT_EQ(t.ints, expected);
}

}  // namespace nnc::test
