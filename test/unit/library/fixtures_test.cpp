// Every entry of the library against PyTorch's values and gradients (test/library/fixtures), and its gradients against
// central differences, in the reference interpreter.
#include "fixture.h"
#include "test/unit/frontend/elaborate_helper.h"

#include <cmath>

namespace nnc::test {
namespace {

/// Relative to the larger of 1 and the largest element: a sum of large terms that cancel is as exact as its terms.
void expectClose(const Tensor& got, const Tensor& want, double tolerance, const std::string& what) {
  ASSERT_EQ(got.shape, want.shape) << what;
  ASSERT_EQ(got.floats.size(), want.floats.size()) << what << " is no tensor of floats";
  for (size_t i = 0; i < want.floats.size(); ++i)
    ASSERT_NEAR(got.floats[i], want.floats[i], tolerance * std::max(1.0, std::abs(want.floats[i])))
        << what << ", element " << i;
}

/// The sum of the values' elements, each times the cosine of its number: what the programs call `weighted`.
double weighted(const Case& c, std::map<std::string, Tensor>& results) {
  double sum = 0;
  for (const Expected& e : c.expected) {
    if (e.kind != Expected::Kind::Value) continue;
    const std::vector<double>& y = results[e.output].floats;
    for (size_t i = 0; i < y.size(); ++i) sum += y[i] * std::cos(static_cast<double>(i));
  }
  return sum;
}

std::map<std::string, Tensor> run(const Case& c, Runner& r, double shift = 0) {
  std::map<std::string, Tensor> results;
  for (const auto& [leaf, t] : c.inputs) r.in.leaves[leaf] = t;
  // All that is differentiated moves along one fixed direction.
  for (const Expected& e : c.expected)
    if (e.kind == Expected::Kind::Gradient)
      for (size_t i = 0; i < e.tensor.floats.size(); ++i)
        r.in.leaves[e.leaf].floats[i] += shift * std::sin(1.0 + static_cast<double>(i));
  r.in.symbols = {{"batch", 1}};
  if (c.steps == 0) return r.run(c.name);
  for (int step = 0; step < c.steps; ++step) {
    r.set("step", step);
    results = r.run(c.name + ".step");
  }
  return results;
}

/// The directional derivative along the direction of `run` against a central difference of order 4.
void expectDifference(const Case& c, Runner& r, std::map<std::string, Tensor>& results) {
  const double h = 3e-4;
  double slope = 0;
  for (const Expected& e : c.expected)
    if (e.kind == Expected::Kind::Gradient)
      for (size_t i = 0; i < e.tensor.floats.size(); ++i)
        slope += results[e.output].floats[i] * std::sin(1.0 + static_cast<double>(i));
  const auto at = [&](double shift) {
    auto there = run(c, r, shift);
    return weighted(c, there);
  };
  const double difference = (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h);
  EXPECT_NEAR(slope, difference, 1e-7 * std::max(1.0, std::abs(difference))) << "against finite differences";
}

class Fixtures : public testing::TestWithParam<const char*> {};

TEST_P(Fixtures, AgreeWithPyTorchAndWithFiniteDifferences) {
  const FixtureFile file = readFixtures(GetParam());
  ASSERT_FALSE(file.cases.empty());
  Runner r(compiled(file.program));
  for (const Case& c : file.cases) {
    SCOPED_TRACE(c.name + ": " + c.expression);
    const auto before = r.in.leaves;
    auto results = run(c, r);
    bool differentiated = false;
    for (const Expected& e : c.expected) {
      ASSERT_TRUE(results.contains(e.output)) << e.output;
      expectClose(results[e.output], e.tensor, 1e-9, e.leaf.empty() ? e.output : "derivative by " + e.leaf);
      differentiated |= e.kind == Expected::Kind::Gradient;
    }
    r.in.leaves = before;
    if (differentiated && !c.rough) expectDifference(c, r, results);
    r.in.leaves = before;
  }
}

INSTANTIATE_TEST_SUITE_P(Library, Fixtures,
                         testing::Values("math", "activations", "losses", "layers", "convolution", "attention",
                                         "sequence", "optimizers", "schedules", "metrics", "initializers", "augment",
                                         "numerics"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace nnc::test
