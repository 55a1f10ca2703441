// What the library draws: moments, what must hold for every draw, that it rests in evaluation, that a seed decides it.
#include "in_training.h"

#include <cmath>
#include <set>

namespace nnc::test {
namespace {

struct Moments {
  double mean, deviation, fourth;  // fourth: the mean of ((x - mean) / deviation)^4
};

Moments momentsOf(const std::vector<double>& x) {
  double mean = 0, square = 0, fourth = 0;
  for (double v : x) mean += v / static_cast<double>(x.size());
  for (double v : x) square += (v - mean) * (v - mean) / static_cast<double>(x.size());
  for (double v : x) fourth += std::pow(v - mean, 4) / (square * square) / static_cast<double>(x.size());
  return {mean, std::sqrt(square), fourth};
}

/// 6,000 elements of each of some initializers of [40, 150].
std::vector<std::vector<double>> drawn(const std::vector<std::string>& inits, int64_t seed = 1) {
  std::string text;
  for (size_t i = 0; i < inits.size(); ++i)
    text += fmt::format("export fn f{}() {{ let w: [40, 150] = {}; w }}\n", i, inits[i]);
  Runner r(compiled(text));
  r.set("seed", static_cast<double>(seed));
  std::vector<std::vector<double>> values;
  for (size_t i = 0; i < inits.size(); ++i) values.push_back(r.run(fmt::format("f{}", i))["0"].floats);
  return values;
}

struct Scale {
  std::string init;
  double mean, deviation, fourth;
};

// Standard errors of 6,000 draws: 1.3 % of the deviation for the mean, 0.9 % for the deviation, below 4 % for the rest.
TEST(Draws, InitializersHaveTheirMoments) {
  const double uniform = 1.8, normal = 3;
  const std::vector<Scale> scales = {{"uniform", 0.5, std::sqrt(1.0 / 12), uniform},
                                     {"uniform[-2.0, 4.0]", 1, std::sqrt(3.0), uniform},
                                     {"normal", 0, 1, normal},
                                     {"normal[0.5, 3.0]", 3, 0.5, normal},
                                     {"truncated_normal[2.0]", 0, 2 * 0.87963, 2.37},
                                     {"glorot", 0, std::sqrt(2.0 / 190), uniform},
                                     {"glorot_normal", 0, std::sqrt(2.0 / 190), normal},
                                     {"he", 0, std::sqrt(2.0 / 40), normal},
                                     {"he_uniform", 0, std::sqrt(2.0 / 40), uniform},
                                     {"lecun", 0, std::sqrt(1.0 / 40), normal},
                                     {"lecun_uniform", 0, std::sqrt(1.0 / 40), uniform},
                                     {"fan_in_uniform", 0, std::sqrt(1.0 / 120), uniform},
                                     {"gumbel", 0.5772157, M_PI / std::sqrt(6.0), 5.4}};
  std::vector<std::string> inits;
  for (const Scale& s : scales) inits.push_back(s.init);
  const auto values = drawn(inits);
  for (size_t i = 0; i < scales.size(); ++i) {
    const Scale& s = scales[i];
    const Moments m = momentsOf(values[i]);
    EXPECT_NEAR(m.mean, s.mean, 0.06 * s.deviation) << s.init;
    EXPECT_NEAR(m.deviation, s.deviation, 0.05 * s.deviation) << s.init;
    EXPECT_NEAR(m.fourth, s.fourth, 0.2 * s.fourth) << s.init;
  }
  for (double x : values[4]) EXPECT_LE(std::abs(x), 4.0 + 1e-5) << "truncated_normal stays within two deviations";
}

TEST(Draws, ASeedDecidesThem) {
  const auto first = drawn({"normal", "normal"}, 1);
  EXPECT_EQ(first, drawn({"normal", "normal"}, 1));
  EXPECT_NE(first, drawn({"normal", "normal"}, 2));
  EXPECT_NE(first[0], first[1]);
}

TEST(Draws, WholeNumbersComeEquallyOften) {
  const Tensor k = value("export fn f() { let k: i32[6000] = randint[5]; k }");
  std::vector<int> seen(5);
  for (int64_t i : k.ints) ++seen.at(i);
  for (int n : seen) EXPECT_NEAR(n, 1200, 150);
  const Tensor heads = value("export fn f() { let k: bool[6000] = bernoulli[0.2]; k }");
  EXPECT_NEAR(std::accumulate(heads.ints.begin(), heads.ints.end(), 0.0), 1200, 150);
}

TEST(Draws, APermutationHasEachOnce) {
  const Tensor p = value("export fn f() { permutation(50) }");
  EXPECT_EQ(std::set<int64_t>(p.ints.begin(), p.ints.end()).size(), 50u);
  EXPECT_FALSE(std::is_sorted(p.ints.begin(), p.ints.end()));
}

TEST(Draws, ClassesComeByTheirProbability) {
  const Tensor k = value(
      "export fn f() { let p: [6000, 3] = 0; let odds = stack(log(0.2 + p[0, 0]), log(0.5 + p[0, 0]), log(0.3 + p[0, "
      "0]))\n"
      "categorical(p + odds) }");
  std::vector<int> seen(3);
  for (int64_t i : k.ints) ++seen.at(i);
  EXPECT_NEAR(seen[0], 1200, 150);
  EXPECT_NEAR(seen[1], 3000, 200);
  EXPECT_NEAR(seen[2], 1800, 180);
}

TEST(Draws, GumbelSoftmaxTendsToOneHot) {
  const Tensor y = value("export fn f(x: f32[200, 4]) { gumbel_softmax[0.01](x) }", {{"x", counting({200, 4})}});
  int sharp = 0;
  for (size_t row = 0; row < 200; ++row) {
    double sum = 0, largest = 0;
    for (size_t i = 0; i < 4; ++i) {
      sum += y.floats[4 * row + i];
      largest = std::max(largest, y.floats[4 * row + i]);
    }
    EXPECT_NEAR(sum, 1, 1e-9);
    sharp += largest > 0.99;
  }
  EXPECT_GT(sharp, 180);
}

/// `w' w` (or `w w'`) of an orthogonal draw, which must be gain^2 times the identity.
void expectOrthogonal(const std::string& shape, const std::string& product, int n) {
  const Tensor t = value("export fn f() { let w: " + shape + " = orthogonal[2.0]; " + product + " }");
  ASSERT_EQ(t.floats.size(), static_cast<size_t>(n * n));
  for (int i = 0; i < n; ++i)
    for (int j = 0; j < n; ++j) EXPECT_NEAR(t.floats[n * i + j], i == j ? 4 : 0, 1e-9) << shape;
}

TEST(Draws, OrthogonalIsOrthogonal) {
  expectOrthogonal("[6, 4]", "w' @ w", 4);
  expectOrthogonal("[4, 6]", "w @ w'", 4);
  expectOrthogonal("[2, 2, 3, 5]", "let m = w |> view[a b c n -> (a b c) n]; m' @ m", 5);
}

/// The mean of an expression of ones in two steps of training and in an evaluation, where what is drawn rests.
struct Trained {
  double inTraining, again, atRest;
};
Trained metricOf(const std::string& expression) {
  Runner r(compiled("layer l(x: [B, 2, 6, 6]) { param w: [] = 0; " + expression +
                    " + w }\nlet net = l\ndata d from npy(\"x\") { x: f32[2, 6, 6] = raw.x }\n"
                    "train fit on d(batch = 100) {\n let y = net(x)\n let loss = mean(y)\n metric m = mean(y)\n"
                    " net = 1 * net\n}"));
  r.in.symbols = {{"batch", 100}};
  r.in.leaves["d.x"] = Tensor::zeros(DType::F32, {100, 2, 6, 6});
  for (double& v : r.in.leaves["d.x"].floats) v = 1;
  Trained t{};
  t.atRest = r.run("fit.eval")["m"].floats[0];
  t.inTraining = r.run("fit.step")["m"].floats[0];
  r.set("step", 1);
  t.again = r.run("fit.step")["m"].floats[0];
  return t;
}

TEST(Draws, DropoutKeepsTheMeanAndRestsInEvaluation) {
  for (const char* drop : {"dropout[0.25](x)", "spatial_dropout[0.25](x)", "drop_path[0.25](x)"}) {
    const Trained t = metricOf(drop);
    EXPECT_EQ(t.atRest, 1) << drop;
    EXPECT_NEAR(t.inTraining, 1, 0.1) << drop;
    EXPECT_NE(t.inTraining, t.again) << drop;
  }
}

TEST(Draws, NoiseIsNormalAndAnotherForEachElement) {
  InTraining training("add_noise[0.1](x)", "[60, 4, 5, 5]");
  const Tensor x = counting({60, 4, 5, 5}), y = training.value(x);
  std::vector<double> noise, products;
  for (size_t i = 0; i < y.floats.size(); ++i) {
    noise.push_back((y.floats[i] - x.floats[i]) / 0.1);
    if (i > 0) products.push_back(noise[i] * noise[i - 1]);
  }
  const Moments m = momentsOf(noise);
  EXPECT_NEAR(m.mean, 0, 0.06);
  EXPECT_NEAR(m.deviation, 1, 0.05);
  EXPECT_NEAR(m.fourth, 3, 0.6);
  EXPECT_NEAR(momentsOf(products).mean, 0, 0.06) << "neighbours have nothing to do with each other";
  EXPECT_NE(training.value(x, 1).floats, y.floats);
}

}  // namespace
}  // namespace nnc::test
