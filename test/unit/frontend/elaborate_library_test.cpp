// The library by value: each function against its closed form, in the interpreter.
#include "elaborate_helper.h"

#include <cmath>

namespace nnc::test {
namespace {

/// The value of an expression of x: f64[4] = -2, -0.5, 0.5, 3.
std::vector<double> of(const std::string& expression) {
  return value("export fn f(x: f64[4]) { " + expression + " }", {{"x", floats({4}, {-2, -0.5, 0.5, 3}, DType::F64)}})
      .floats;
}
void expectEach(const std::string& expression, double (*want)(double)) {
  const std::vector<double> got = of(expression);
  ASSERT_EQ(got.size(), 4u) << expression;
  const double xs[4] = {-2, -0.5, 0.5, 3};
  for (int i = 0; i < 4; ++i) EXPECT_NEAR(got[i], want(xs[i]), 1e-9) << expression << " at " << xs[i];
}

TEST(Library, Activations) {
  expectEach("relu(x)", [](double x) { return x > 0 ? x : 0; });
  expectEach("leaky_relu[0.1](x)", [](double x) { return x > 0 ? x : 0.1 * x; });
  expectEach("elu(x)", [](double x) { return x > 0 ? x : std::expm1(x); });
  expectEach("gelu(x)", [](double x) { return x * 0.5 * std::erfc(-x / std::sqrt(2)); });
  expectEach("gelu_tanh(x)",
             [](double x) { return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x))); });
  expectEach("silu(x)", [](double x) { return x / (1 + std::exp(-x)); });
  expectEach("softplus(x)", [](double x) { return std::log1p(std::exp(x)); });
  expectEach("log_sigmoid(x)", [](double x) { return -std::log1p(std::exp(-x)); });
  expectEach("abs(x)", [](double x) { return std::abs(x); });
  expectEach("sign(x)", [](double x) { return x < 0 ? -1.0 : 1.0; });
  expectEach("clip(x, -1, 2)", [](double x) { return std::min(std::max(x, -1.0), 2.0); });
}

TEST(Library, SoftmaxOfLargeLogitsIsFinite) {
  expectNear(value("export fn f(x: f32[3]) { softmax(x) }", {{"x", floats({3}, {1e4, 1e4, -1e4})}}), {0.5, 0.5, 0});
  expectNear(value("export fn f(x: f32[2]) { log_softmax(x) }", {{"x", floats({2}, {1e4, -1e4})}}), {0, -2e4});
  expectNear(value("export fn f(x: f32[2]) { logsumexp(x) }", {{"x", floats({2}, {1e4, 1e4})}}), {1e4 + std::log(2)},
             1e-2);
}

TEST(Library, Reductions) {
  const Tensor x = floats({2, 3}, {1, 2, 3, 4, 5, 9});
  const auto run = [&](const char* e) {
    return value(std::string("export fn f(x: f32[2, 3]) { ") + e + " }", {{"x", x}});
  };
  expectNear(run("sum(x)"), {24});
  expectNear(run("mean[0](x)"), {2.5, 3.5, 6});
  expectNear(run("variance[1](x)"), {2.0 / 3, 14.0 / 3}, 1e-5);
  expectNear(run("amax(x)"), {9});
  expectNear(run("amin[-1](x)"), {1, 4});
  expectNear(run("x - mean[1, keep = true](x)"), {-1, 0, 1, -2, -1, 3});
  EXPECT_EQ(run("argmax(x)").ints, (std::vector<int64_t>{2, 2}));
  expectNear(run("norm(x)"), {std::sqrt(136.0)}, 1e-5);
}

TEST(Library, NormAtZeroHasAFiniteGradient) {
  Runner r(compiled("export fn f(x: f32[2]) { grad(norm(x), x) }"));
  r.in.leaves["x"] = floats({2}, {0, 0});
  expectNear(r.run("f")["0"], {0, 0});
}

TEST(Library, CrossEntropyOfLabelsOfProbabilitiesAndSmoothed) {
  const Tensor x = floats({1, 3}, {1, 2, 4});
  const double z = std::log(std::exp(1) + std::exp(2) + std::exp(4));
  expectNear(
      value("export fn f(x: f32[1, 3], y: i32[1] < 3) { cross_entropy(x, y) }", {{"x", x}, {"y", ints({1}, {1})}}),
      {z - 2}, 1e-5);
  expectNear(value("export fn f(x: f32[1, 3], y: f32[1, 3]) { cross_entropy(x, y) }",
                   {{"x", x}, {"y", floats({1, 3}, {0.5, 0, 0.5})}}),
             {z - 2.5}, 1e-5);
  expectNear(value("export fn f(x: f32[1, 3], y: i32[1] < 3) { cross_entropy[smoothing = 0.3](x, y) }",
                   {{"x", x}, {"y", ints({1}, {1})}}),
             {0.7 * (z - 2) + 0.3 * (z - 7.0 / 3)}, 1e-5);
}

TEST(Library, Losses) {
  const std::map<std::string, Tensor> in = {{"x", floats({2}, {0.5, -3})}, {"y", floats({2}, {1, 0})}};
  const auto run = [&](const char* e) {
    return value(std::string("export fn f(x: f32[2], y: f32[2]) { ") + e + " }", in);
  };
  expectNear(run("mse(x, y)"), {(0.25 + 9) / 2});
  expectNear(run("mae(x, y)"), {(0.5 + 3) / 2});
  expectNear(run("huber(x, y)"), {(0.125 + 2.5) / 2});
  expectNear(run("binary_cross_entropy(x, y)"), {(std::log1p(std::exp(-0.5)) + std::log1p(std::exp(-3))) / 2}, 1e-6);
  expectNear(run("hinge(x, 2 * y - 1)"), {(0.5 + 0) / 2});
  expectNear(run("kl_divergence(x, x)"), {0});
  expectNear(run("kl_normal(x, y)"), {0.5 * (std::exp(1) + 0.25 - 1 - 1 + 1 + 9 - 1)}, 1e-5);
}

/// Two steps of an optimizer on p = 1 with the gradient 2p, by its layer.
double afterTwoSteps(const std::string& update) {
  Runner r(
      compiled("layer one(x: [B]) { param w: [] = 1; w * x }\nlet net = one\ntrain fit(steps = 2, batch = 1) {\n let "
               "x: [batch] = 1\n let loss = mean(net(x)^2)\n net = " +
               update + "\n}"));
  r.in.symbols = {{"batch", 1}};
  r.run("fit.step");
  r.run("fit.step");
  return r.in.leaves["net.w"].floats[0];
}

/// The same by the formula: `rule(p, g, k)` gives the new p.
template <class Rule>
double twoSteps(Rule rule) {
  double p = 1;
  for (int k = 1; k <= 2; ++k) p = rule(p, 2 * p, k);
  return p;
}

TEST(Library, Optimizers) {
  const std::string g = "(net, grad(loss, net), lr = 0.1)";
  double m = 0, v = 0;
  EXPECT_NEAR(afterTwoSteps("sgd" + g), 0.64, 1e-6);
  const double momentum = twoSteps([&](double p, double g, int) { return m = 0.9 * m + g, p - 0.1 * m; });
  EXPECT_NEAR(afterTwoSteps("momentum" + g), momentum, 1e-6);
  m = 0;
  const double nesterov = twoSteps([&](double p, double g, int) { return m = 0.9 * m + g, p - 0.1 * (g + 0.9 * m); });
  EXPECT_NEAR(afterTwoSteps("nesterov" + g), nesterov, 1e-6);
  m = 0;
  const double adam = twoSteps([&](double p, double g, int k) {
    m = 0.9 * m + 0.1 * g;
    v = 0.999 * v + 0.001 * g * g;
    return p - 0.1 * (m / (1 - std::pow(0.9, k)) / (std::sqrt(v / (1 - std::pow(0.999, k))) + 1e-8));
  });
  EXPECT_NEAR(afterTwoSteps("adam" + g), adam, 1e-4);
  EXPECT_NEAR(afterTwoSteps("adamw(net, grad(loss, net), lr = 0.1, decay = 0.0)"), adam, 1e-4);
  v = 0;
  const double rmsprop =
      twoSteps([&](double p, double g, int) { return v = 0.9 * v + 0.1 * g * g, p - 0.1 * g / (std::sqrt(v) + 1e-8); });
  EXPECT_NEAR(afterTwoSteps("rmsprop" + g), rmsprop, 1e-4);
  v = 0;
  const double adagrad = twoSteps([&](double p, double g, int) { return v = v + g * g, p - 0.1 * g / std::sqrt(v); });
  EXPECT_NEAR(afterTwoSteps("adagrad" + g), adagrad, 1e-4);
  EXPECT_NEAR(afterTwoSteps("sgd(net, clip_norm[0.5](grad(loss, net)), lr = 0.1)"), 0.9, 1e-6);
  EXPECT_NEAR(afterTwoSteps("sgd(net, clip_value[0.5](grad(loss, net)), lr = 0.1)"), 0.9, 1e-6);
}

TEST(Library, Schedules) {
  const auto at = [](const std::string& e, int64_t step) {
    return value("export fn f(step: int) { 0.0 + " + e + " }", {{"step", ints({}, {step}, DType::I64)}}).floats.at(0);
  };
  EXPECT_NEAR(at("cosine(2.0, step, 100)", 0), 2, 1e-6);
  EXPECT_NEAR(at("cosine(2.0, step, 100)", 50), 1, 1e-5);
  EXPECT_NEAR(at("cosine(2.0, step, 100, warmup = 10)", 4), 1, 1e-5);
  EXPECT_NEAR(at("step_decay(1.0, step, 10)", 25), 0.01, 1e-6);
  EXPECT_NEAR(at("exponential(1.0, step, 0.5)", 3), 0.125, 1e-6);
  EXPECT_NEAR(at("linear_decay(1.0, step, 100)", 25), 0.75, 1e-6);
  EXPECT_NEAR(at("one_cycle(1.0, step, 100)", 30), 1, 1e-5);
  EXPECT_NEAR(at("one_cycle(1.0, step, 100)", 65), 0.5, 1e-5);
}

TEST(Library, InitializersHaveTheirScale) {
  const auto spread = [](const std::string& init) {
    const Tensor t = value("export fn f() { let w: [40, 60] = " + init + "\n w }");
    double sum = 0, squares = 0;
    for (double x : t.floats) {
      sum += x;
      squares += x * x;
    }
    EXPECT_NEAR(sum / 2400, 0, 0.1 * std::sqrt(squares / 2400)) << init;
    return std::sqrt(squares / 2400);
  };
  EXPECT_NEAR(spread("glorot"), std::sqrt(2.0 / 100), 0.01);
  EXPECT_NEAR(spread("glorot_normal"), std::sqrt(2.0 / 100), 0.01);
  EXPECT_NEAR(spread("he"), std::sqrt(2.0 / 40), 0.01);
  EXPECT_NEAR(spread("he_uniform"), std::sqrt(2.0 / 40), 0.01);
  EXPECT_NEAR(spread("lecun"), std::sqrt(1.0 / 40), 0.01);
  EXPECT_NEAR(spread("normal[0.5]"), 0.5, 0.03);
  EXPECT_NEAR(spread("truncated_normal[1.0]"), 0.88, 0.04);
}

TEST(Library, OrthogonalIsOrthonormal) {
  const Tensor t = value("export fn f() { let w: [6, 4] = orthogonal\n w' @ w }");
  for (int i = 0; i < 4; ++i)
    for (int j = 0; j < 4; ++j) EXPECT_NEAR(t.floats[4 * i + j], i == j, 1e-6);
}

TEST(Library, Pools) {
  const Tensor x = counting({1, 1, 4, 4});
  expectNear(value("export fn f(x: f32[1, 1, 4, 4]) { max_pool[2](x) }", {{"x", x}}), {5, 7, 13, 15});
  expectNear(value("export fn f(x: f32[1, 1, 4, 4]) { avg_pool[2](x) }", {{"x", x}}), {2.5, 4.5, 10.5, 12.5});
  expectNear(value("export fn f(x: f32[1, 1, 4, 4]) { global_pool(x) }", {{"x", x}}), {7.5});
  EXPECT_EQ(value("export fn f(x: f32[1, 1, 4, 4]) { upsample[2](x) }", {{"x", x}}).shape,
            (std::vector<int64_t>{1, 1, 8, 8}));
}

TEST(Library, ConvolutionsHaveTheirExtents) {
  const auto shape = [](const std::string& layer) {
    Runner r(compiled("let c = " + layer + "\nexport fn f(x: f32[2, 4, 8, 8]) { c(x) }"));
    r.in.leaves["x"] = counting({2, 4, 8, 8});
    return r.run("f")["0"].shape;
  };
  using Extents = std::vector<int64_t>;
  EXPECT_EQ(shape("conv[6]"), (Extents{2, 6, 8, 8}));
  EXPECT_EQ(shape("conv[6, 3, stride = 2]"), (Extents{2, 6, 4, 4}));
  EXPECT_EQ(shape("conv[6, (1, 5), pad = 0]"), (Extents{2, 6, 8, 4}));
  EXPECT_EQ(shape("conv[6, 3, dilation = 2]"), (Extents{2, 6, 8, 8}));
  EXPECT_EQ(shape("conv[8, 3, groups = 2]"), (Extents{2, 8, 8, 8}));
  EXPECT_EQ(shape("depthwise[3]"), (Extents{2, 4, 8, 8}));
  EXPECT_EQ(shape("separable[6]"), (Extents{2, 6, 8, 8}));
  EXPECT_EQ(shape("conv_transposed[6]"), (Extents{2, 6, 16, 16}));
}

TEST(Library, NormsNormalise) {
  Runner r(compiled("let n = layer_norm\nlet g = group_norm[2]\nexport fn f(x: f32[2, 4, 3]) { (n(x), g(x)) }"));
  r.in.leaves["x"] = counting({2, 4, 3});
  auto out = r.run("f");
  EXPECT_NEAR(out["0"].floats[0], -1.2247, 1e-3);
  EXPECT_NEAR(out["1"].floats[0], -2.5 / std::sqrt(35.0 / 12), 1e-3);
}

TEST(Library, SequencesGoOnFromTheirState) {
  for (const char* kind : {"rnn_from", "gru_from", "lstm_from"}) {
    const std::string zero = kind == std::string("lstm_from") ? "(z, z)" : "z";
    Runner r(compiled(std::string("let l = ") + kind +
                      "[4]\nexport fn f(x: f32[2, 12, 3]) {\n let z: [2, 4] = 0\n let (all, _) = l(x, " + zero +
                      ")\n let (_, s) = l(x[:, 0..5], " + zero +
                      ")\n let (rest, _) = l(x[:, 5..12], s)\n amax(abs(all[:, 5..12] - rest))\n}"));
    r.in.leaves["x"] = counting({2, 12, 3});
    EXPECT_LT(r.run("f")["0"].floats[0], 1e-9) << kind;
  }
}

TEST(Library, BidirectionalReadsBothWays) {
  Runner r(compiled("let l = bidirectional[gru, 3]\nexport fn f(x: f32[1, 8, 2]) { l(x) }"));
  Tensor x = counting({1, 8, 2});
  for (double& v : x.floats) v *= 0.01;
  r.in.leaves["x"] = x;
  const Tensor before = r.run("f")["0"];
  r.in.leaves["x"].floats[15] += 1;  // the last time
  const Tensor after = r.run("f")["0"];
  ASSERT_EQ(before.shape, (std::vector<int64_t>{1, 8, 6}));
  EXPECT_EQ(before.floats[0], after.floats[0]);  // forward, first time: not yet seen
  EXPECT_NE(before.floats[3], after.floats[3]);  // backward, first time
}

TEST(Library, CausalAttentionSeesNothingAhead) {
  Runner r(
      compiled("layer b(x: [B, T, D]) { x |> encoder_block[2, 0.0, causal(T)] }\nlet l = b\nexport fn f(x: f32[1, 6, "
               "4]) { l(x) }"));
  Tensor x = counting({1, 6, 4});
  for (size_t i = 0; i < x.floats.size(); ++i) x.floats[i] = std::sin(static_cast<double>(i));
  r.in.leaves["x"] = x;
  const Tensor before = r.run("f")["0"];
  r.in.leaves["x"].floats[20] += 1;  // the last position
  const Tensor after = r.run("f")["0"];
  for (int i = 0; i < 20; ++i) EXPECT_EQ(before.floats[i], after.floats[i]);
  EXPECT_NE(before.floats[20], after.floats[20]);
}

TEST(Library, DropoutKeepsTheMeanAndRestsInEvaluation) {
  Runner r(
      compiled("layer d(x: [B]) { param w: [] = 0; dropout[0.25](x) + w }\nlet net = d\ntrain fit(steps = 1, batch = "
               "4000) {\n let x: [batch] = 1\n let loss = mean(net(x))\n net = sgd(net, grad(loss, net))\n}"));
  r.in.symbols = {{"batch", 4000}};
  EXPECT_NEAR(r.run("fit.eval")["loss"].floats[0], 1, 1e-9);
  const double first = r.run("fit.step")["loss"].floats[0];
  EXPECT_NEAR(first, 1, 0.05);
  r.set("step", 1);
  r.in.leaves["net.w"] = floats({}, {0});
  EXPECT_NE(r.run("fit.step")["loss"].floats[0], first);
}

TEST(Library, Metrics) {
  Runner r(
      compiled("layer l(x: [B, 3]) { param w: [3] = 1; x * w }\nlet net = l\ndata d from npy(\"x\") {\n x: f32[3] = "
               "raw.x\n label: i32 < 3 = i32(raw.label)\n}\n"
               "train fit on d(batch = 4) {\n let y = net(x)\n let loss = mean(y)\n metric accuracy = accuracy(y, "
               "label)\n metric second = top_k[2](y, label)\n metric table = confusion[3](y, label)\n"
               " metric f = f1(y[:, 0] - 1, f32(label == 0))\n metric fit = r2(y[:, 0], y[:, 0])\n}"));
  r.in.symbols = {{"batch", 4}};
  r.in.leaves["d.x"] = floats({4, 3}, {3, 1, 2, 0, 5, 1, 2, 3, 4, 9, 8, 7});
  r.in.leaves["d.label"] = floats({4}, {0, 1, 1, 2});
  const auto out = r.run("fit.eval");
  EXPECT_NEAR(out.at("accuracy").floats[0], 0.5, 1e-9);
  EXPECT_NEAR(out.at("second").floats[0], 0.75, 1e-9);
  EXPECT_EQ(out.at("table").floats, (std::vector<double>{1, 0, 0, 0, 1, 1, 1, 0, 0}));
  EXPECT_NEAR(out.at("f").floats[0], 2.0 * 1 / (3 + 1), 1e-6);
  EXPECT_NEAR(out.at("fit").floats[0], 1, 1e-6);
}

TEST(Library, AugmentationMovesMirrorsAndRests) {
  Runner r(
      compiled("layer l(x: [B, 1, 6, 6]) { param w: [] = 1; x * w }\nlet net = l\ndata d from npy(\"x\") { x: f32[1, "
               "6, 6] = raw.x }\n"
               "train fit on d(batch = 64) {\n let z = x |> random_shift[1] |> random_flip |> random_rotate[5] |> "
               "cutout[2] |> add_noise[0.01]\n let loss = mean(net(z))\n metric same = mean(abs(z - x))\n net = "
               "sgd(net, grad(loss, net))\n}"));
  r.in.symbols = {{"batch", 8}};
  r.in.leaves["d.x"] = counting({8, 1, 6, 6});
  EXPECT_GT(r.run("fit.step")["same"].floats[0], 0.5);
  EXPECT_EQ(r.run("fit.eval")["same"].floats[0], 0);
}

// What no other test touches, in one program that must train: finite, and the loss falls.
TEST(Library, TheRestTrains) {
  Runner r(compiled(R"nn(
layer m(x: [B, 3, 8, 8], s: [B, 6, 4]) {
  let a = x |> conv[4, init = lecun] |> group_norm[2] |> silu |> global_pool
  let b = s |> sinusoidal |> conv1d[5, causal = true] |> c2: conv1d[4, stride = 2] |> mean[1]
  let c = s |> self_attention[2] |> decoder_block[2](s) |> amin[1]
  let t = clamp(i32(round(sin(s[:, :, 0]))), 7) |> embed[7, 4] |> mean[1]
  concat[-1](a, b, c, t) |> d: dense[4, glorot_normal]
}
let net = m
train fit(steps = 10, batch = 4) {
  let x: [batch, 3, 8, 8] = truncated_normal
  let s: [batch, 6, 4] = normal[0.5, 1.0]
  let k: i32[batch] = randint[4]
  let keep: bool[batch] = bernoulli[0.5]
  let y = net(x |> random_crop[8], s)
  let loss = multi_hinge(y, k) + deviation(y) + 1e-3 * l1(net) + mae(y, ones(shape(y))) + sum(if keep { y[:, 0] } else { zeros(shape(keep)) })
  metric prec = precision(y[:, 0], f32(k == 0))
  metric rec = recall(y[:, 0], f32(k == 0))
  metric absolute = mean_absolute_error(y[:, 0], y[:, 1])
  metric least = average(f32(argmin(y)))
  metric tot = total(y)
  let rate = drop: plateau(0.1, loss, patience = 2)
  net = net - rate * clip_value[1](grad(loss, net))
  metric w = warmup(1.0, step, 5)
}
)nn"));
  r.in.symbols = {{"batch", 4}};
  const double first = r.run("fit.step")["loss"].floats[0];
  double last = first;
  for (int step = 1; step < 8; ++step) last = r.run("fit.step")["loss"].floats[0];  // the same step: the same draws
  EXPECT_TRUE(std::isfinite(first));
  EXPECT_LT(last, first);
}

}  // namespace
}  // namespace nnc::test
