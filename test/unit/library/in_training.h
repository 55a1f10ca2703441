// An expression of the library over one tensor `x`, run as a step of a train block runs it: in training mode, with
// draws that seed and step decide.
#pragma once

#include "test/unit/frontend/elaborate_helper.h"

namespace nnc::test {

class InTraining {
public:
  /// `shape`: that of `x`, as the language writes it.
  InTraining(const std::string& expression, const std::string& shape)
      : runner_(compiled(fmt::format(R"(train fit(steps = 10, batch = 1) {{
  state x: f32{1} = 0
  let y = {0}
  let loss = sum(y * op.reshape[shape(y)](cos(f32(iota(count(y))))))
  state value = 0 * y
  state slope = 0 * x
  value = y
  slope = grad(loss, x)
}}
)",
                                     expression, shape))) {
    runner_.in.symbols = {{"batch", 1}};
  }

  Tensor value(const Tensor& x, int step = 0) {
    run(x, step);
    return runner_.in.leaves["fit.value"];
  }

  /// Expects that the gradient of the result's sum, weighted by the cosines of the elements' numbers, is its difference
  /// quotient along one direction, with the same draws.
  void expectGradient(const Tensor& x) {
    const auto at = [&](double shift) {
      Tensor moved = x;
      for (size_t i = 0; i < moved.floats.size(); ++i)
        moved.floats[i] += shift * std::sin(1.0 + static_cast<double>(i));
      const std::vector<double> y = value(moved).floats;
      double sum = 0;
      for (size_t i = 0; i < y.size(); ++i) sum += y[i] * std::cos(static_cast<double>(i));
      return sum;
    };
    const double h = 1e-3, difference = (at(h) - at(-h)) / (2 * h);
    run(x, 0);
    double slope = 0;
    const std::vector<double>& gradient = runner_.in.leaves["fit.slope"].floats;
    for (size_t i = 0; i < gradient.size(); ++i) slope += gradient[i] * std::sin(1.0 + static_cast<double>(i));
    EXPECT_NEAR(slope, difference, 1e-7 * std::max(1.0, std::abs(difference)));
    EXPECT_NE(slope, 0);
  }

private:
  void run(const Tensor& x, int step) {
    runner_.set("step", step);
    runner_.in.leaves["fit.x"] = x;
    runner_.run("fit.step");
  }

  Runner runner_;
};

}  // namespace nnc::test
