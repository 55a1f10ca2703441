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

/// What the leaves that are differentiated by move along.
using Direction = std::map<std::string, std::vector<double>>;
using Results = std::map<std::string, Tensor>;

Results run(const Case& c, Runner& r, const Direction& direction = {}, double shift = 0) {
  Results results;
  for (const auto& [leaf, t] : c.inputs) r.in.leaves[leaf] = t;
  for (const auto& [leaf, d] : direction)
    for (size_t i = 0; i < d.size(); ++i) r.in.leaves[leaf].floats[i] += shift * d[i];
  r.in.symbols = {{"batch", 1}};
  if (c.steps == 0) return r.run(c.name);
  for (int step = 0; step < c.steps; ++step) {
    r.set("step", step);
    results = r.run(c.name + ".step");
  }
  return results;
}

/// The derivative at 0 of f(shift), by central differences of order 4.
template <class F>
double slopeOf(F f, double h) {
  return (8 * (f(h) - f(-h)) - (f(2 * h) - f(-2 * h))) / (12 * h);
}

/// The gradients along one fixed direction against the difference of the value.
void expectFirstDifference(const Case& c, Runner& r, Results& results) {
  Direction direction;
  double slope = 0;
  for (const Expected& e : c.expected)
    if (e.kind == Expected::Kind::Gradient)
      for (size_t i = 0; i < e.tensor.floats.size(); ++i) {
        direction[e.leaf].push_back(std::sin(1.0 + static_cast<double>(i)));
        slope += results[e.output].floats[i] * direction[e.leaf].back();
      }
  const auto at = [&](double shift) {
    Results there = run(c, r, direction, shift);
    return weighted(c, there);
  };
  const double difference = slopeOf(at, 3e-4);
  EXPECT_NEAR(slope, difference, 1e-7 * std::max(1.0, std::abs(difference))) << "against finite differences";
}

/// The Hessian times the gradient against the difference of the gradients along the gradient.
void expectSecondDifference(const Case& c, Runner& r, Results& results) {
  Direction direction;
  std::map<std::string, std::string> gradients;  // by leaf
  double largest = 1e-9, curvature = 1;
  for (const Expected& e : c.expected)
    if (e.kind == Expected::Kind::Gradient) {
      direction[e.leaf] = results[e.output].floats;
      gradients[e.leaf] = e.output;
      for (double g : direction[e.leaf]) largest = std::max(largest, std::abs(g));
    }
  for (const Expected& e : c.expected)
    if (e.kind == Expected::Kind::Second)
      for (double x : e.tensor.floats) curvature = std::max(curvature, std::abs(x));
  const double h = 2e-5 / largest;
  std::map<double, Results> at;
  for (double shift : {-2 * h, -h, h, 2 * h}) at[shift] = run(c, r, direction, shift);
  for (const Expected& e : c.expected) {
    if (e.kind != Expected::Kind::Second) continue;
    for (size_t i = 0; i < e.tensor.floats.size(); ++i) {
      const double difference = slopeOf([&](double s) { return at[s][gradients[e.leaf]].floats[i]; }, h);
      EXPECT_NEAR(results[e.output].floats[i], difference, 1e-7 * curvature)
          << "second derivative by " << e.leaf << ", element " << i << ", against finite differences";
    }
  }
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
    if (differentiated && !c.rough) {
      expectFirstDifference(c, r, results);
      expectSecondDifference(c, r, results);
    }
    r.in.leaves = before;
  }
}

INSTANTIATE_TEST_SUITE_P(Library, Fixtures,
                         testing::Values("math", "activations", "losses", "layers", "convolution", "attention",
                                         "sequence", "optimizers", "schedules", "metrics", "initializers", "augment",
                                         "numerics", "models"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace nnc::test
