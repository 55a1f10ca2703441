// Gradients of whole models, first and second order, against finite differences and through every pass of the pipeline.
#include "gradcheck.h"
#include "passes/region.h"

namespace nnc::testing {
namespace {

using Values = std::vector<Value>;
using Ints = std::vector<int64_t>;

Dim extent(Builder& b, Value v, int64_t axis) {
  return b.type(v).shape[static_cast<size_t>(axis)];
}

/// y repeated along `axes` of the shape of `like`.
Value along(Builder& b, Value y, const Ints& axes, Value like) {
  std::vector<Dim> extents;
  for (int64_t axis : axes) extents.push_back(extent(b, like, axis));
  return b.broadcast(y, axes, extents);
}

Value dense(Builder& b, Value x, Value w, Value bias) {
  Value y = matmul(b, x, w);
  Ints leading;
  for (int64_t i = 0; i + 1 < b.type(y).rank(); ++i) leading.push_back(i);
  return b.add(y, along(b, bias, leading, y));
}

Value relu(Builder& b, Value x) {
  Value zero = b.constantLike(0, x);
  return b.select(b.make(Op::Le, {x, zero}), zero, x);
}

Value mean(Builder& b, Value x, const Ints& axes) {
  double n = 1;
  for (int64_t axis : axes) n *= static_cast<double>(extent(b, x, axis).value());
  Value s = b.sum(x, axes);
  return b.div(s, b.constantLike(n, s));
}

/// As the library has it: shifted by its stopped maximum.
Value softmax(Builder& b, Value x, int64_t axis) {
  Value m = b.unary(Op::Stop, b.make(Op::RMax, {x}, {{"axis", axis}}));
  Value e = b.unary(Op::Exp, b.sub(x, along(b, m, {axis}, x)));
  return b.div(e, along(b, b.sum(e, {axis}), {axis}, e));
}

/// As a user might write it.
Value naiveSoftmax(Builder& b, Value x, int64_t axis) {
  Value e = b.unary(Op::Exp, x);
  return b.div(e, along(b, b.sum(e, {axis}), {axis}, e));
}

/// -mean log p[label], by a gather along the last axis.
Value crossEntropy(Builder& b, Value p, const Ints& labels) {
  Value i = b.make(Op::Const, {},
                   {{"type", typed(DType::I32, {static_cast<int64_t>(labels.size())})}, {"value", Literal{labels}}});
  Value picked = b.make(Op::Gather, {b.unary(Op::Log, p), i}, {{"axis", int64_t{1}}, {"batch", int64_t{1}}});
  return b.neg(mean(b, picked, {0}));
}

TEST(ModelGradient, MlpWithCrossEntropy) {
  for (bool naive : {false, true})
    checkGradients({{{4, 5}, {5, 7}, {7}, {7, 3}, {3}}, [=](Builder& b, const Values& x) {
                      Value h = relu(b, dense(b, x[0], x[1], x[2]));
                      Value z = dense(b, h, x[3], x[4]);
                      return Values{crossEntropy(b, naive ? naiveSoftmax(b, z, 1) : softmax(b, z, 1), {0, 2, 1, 2})};
                    }});
}

TEST(ModelGradient, BinaryCrossEntropyOfALogistic) {
  checkGradients({{{6}}, [](Builder& b, const Values& x) {
                    Value p = b.unary(Op::Logistic, x[0]), one = b.constantLike(1, x[0]);
                    return Values{b.unary(Op::Log, p), b.unary(Op::Log, b.sub(one, p))};
                  }});
}

/// Batch, height, width, features; weights kh, kw, in, out.
Value conv(Builder& b, Value x, Value w, int64_t stride, int64_t pad) {
  return b.make(Op::Conv, {x, w},
                {{"x_dims", Ints{0, 3, 1, 2}},
                 {"w_dims", Ints{3, 2, 0, 1}},
                 {"y_dims", Ints{0, 3, 1, 2}},
                 {"stride", Ints{stride, stride}},
                 {"pad_lo", Ints{pad, pad}},
                 {"pad_hi", Ints{pad, pad}},
                 {"x_dilation", Ints{1, 1}},
                 {"w_dilation", Ints{1, 1}},
                 {"groups", int64_t{1}},
                 {"batch_groups", int64_t{1}}});
}

Value maxPool(Builder& b, Value x, int64_t size, int64_t stride) {
  Value w = b.make(
      Op::Window, {x},
      {{"axes", Ints{1, 2}}, {"size", Ints{size, size}}, {"stride", Ints{stride, stride}}, {"dilation", Ints{1, 1}}});
  return b.make(Op::RMax, {b.make(Op::RMax, {w}, {{"axis", int64_t{5}}})}, {{"axis", int64_t{4}}});
}

Value normalise(Builder& b, Value x, const Ints& axes, Value gain, Value bias) {
  Value centred = b.sub(x, along(b, mean(b, x, axes), axes, x));
  Value variance = mean(b, b.mul(centred, centred), axes);
  Value deviation = b.unary(Op::Sqrt, b.add(variance, b.constantLike(1e-3, variance)));
  Ints leading;
  for (int64_t i = 0; i + 1 < b.type(x).rank(); ++i) leading.push_back(i);
  Value y = b.div(centred, along(b, deviation, axes, x));
  return b.add(b.mul(y, along(b, gain, leading, x)), along(b, bias, leading, x));
}

TEST(ModelGradient, ConvolutionBatchNormPool) {
  GradCase c{{{2, 6, 6, 2}, {3, 3, 2, 3}, {3}, {3}, {3, 3, 3, 2}}, [](Builder& b, const Values& x) {
               Value h = normalise(b, conv(b, x[0], x[1], 1, 1), {0, 1, 2}, x[2], x[3]);
               h = maxPool(b, b.unary(Op::Tanh, h), 2, 2);
               return Values{mean(b, relu(b, conv(b, h, x[4], 2, 1)), {1, 2})};
             }};
  checkGradients(c);
}

TEST(ModelGradient, OverlappingPoolsAndResidual) {
  checkGradients({{{1, 5, 5, 2}, {3, 3, 2, 2}}, [](Builder& b, const Values& x) {
                    Value h = b.add(x[0], conv(b, x[0], x[1], 1, 1));
                    return Values{maxPool(b, h, 3, 2), maxPool(b, h, 2, 1)};
                  }});
}

/// Causal attention of 2 heads over x [B, N, D].
Value attention(Builder& b, Value x, Value qkv, Value out) {
  const int64_t batch = 2, n = 4, heads = 2, e = 3;
  Value z = b.transpose(b.reshape(matmul(b, x, qkv), {batch, n, 3, heads, e}), {2, 0, 3, 1, 4});
  auto part = [&](int64_t k) {
    Value s = b.make(Op::Slice, {z},
                     {{"lo", Shape{k, 0, 0, 0, 0}}, {"hi", Shape{k + 1, batch, heads, n, e}}, {"stride", Ints(5, 1)}});
    return b.reshape(s, {batch, heads, n, e});
  };
  Value scores =
      b.make(Op::Dot, {part(0), part(1)},
             {{"batch_a", Ints{0, 1}}, {"batch_b", Ints{0, 1}}, {"contract_a", Ints{3}}, {"contract_b", Ints{3}}});
  scores = b.div(scores, b.constantLike(std::sqrt(3.0), scores));
  Type index{DType::I32, {batch, heads, n, n}};
  Value t = b.make(Op::Iota, {}, {{"type", index}, {"axis", int64_t{2}}}),
        u = b.make(Op::Iota, {}, {{"type", index}, {"axis", int64_t{3}}});
  scores = b.select(b.make(Op::Le, {u, t}), scores, b.constantLike(-1e9, scores));
  Value y =
      b.make(Op::Dot, {softmax(b, scores, 3), part(2)},
             {{"batch_a", Ints{0, 1}}, {"batch_b", Ints{0, 1}}, {"contract_a", Ints{3}}, {"contract_b", Ints{2}}});
  return matmul(b, b.reshape(b.transpose(y, {0, 2, 1, 3}), {batch, n, heads * e}), out);
}

TEST(ModelGradient, TransformerBlock) {
  checkGradients({{{2, 4, 6}, {6, 18}, {6, 6}, {6}, {6}, {6, 8}, {8, 6}}, [](Builder& b, const Values& x) {
                    Value h = b.add(x[0], attention(b, normalise(b, x[0], {2}, x[3], x[4]), x[1], x[2]));
                    Value up = matmul(b, normalise(b, h, {2}, x[3], x[4]), x[5]);
                    Value gelu =
                        b.mul(up, b.add(b.constantLike(0.5, up),
                                        b.mul(b.constantLike(0.5, up),
                                              b.unary(Op::Erf, b.mul(up, b.constantLike(std::sqrt(0.5), up))))));
                    return Values{b.add(h, matmul(b, gelu, x[6]))};
                  }});
}

/// An LSTM as a `for` gives it: x [B, T, D] is a constant of the loop, sliced at the step, from either end.
Values lstm(Builder& b, Value x, Value w, Value u, Value bias, bool backwards) {
  const int64_t batch = 2, steps = 4, n = 3;
  Graph region;
  Builder s(region);
  auto arg = [&](const Type& type, size_t index) { return appendArg(region, type, index); };
  Value sx = arg(b.type(x), 0), sw = arg(b.type(w), 1), su = arg(b.type(u), 2), sb = arg(b.type(bias), 3);
  Value h = arg(f64({batch, n}), 4), c = arg(f64({batch, n}), 5), t = arg({DType::I64, {}}, 6);
  Value at = s.cast(t, DType::I32);
  if (backwards) at = s.sub(s.constant(static_cast<double>(steps - 1), {DType::I32, {}}), at);
  Value row = s.make(Op::DSlice, {sx, at}, {{"axes", Ints{1}}, {"sizes", Shape{1}}});
  Value z = s.add(dense(s, s.reshape(row, {Dim(batch), extent(s, sx, 2)}), sw, sb), matmul(s, h, su));
  auto gate = [&](Op op, int64_t k) {
    return s.unary(op, s.make(Op::Slice, {z},
                              {{"lo", Shape{0, k * n}}, {"hi", Shape{batch, (k + 1) * n}}, {"stride", Ints{1, 1}}}));
  };
  Value c2 = s.add(s.mul(gate(Op::Logistic, 0), c), s.mul(gate(Op::Logistic, 1), gate(Op::Tanh, 2)));
  Value h2 = s.mul(gate(Op::Logistic, 3), s.unary(Op::Tanh, c2));
  for (Value v : {h2, c2, h2}) region.outputs.push_back({OutputRole::Result, "", v});
  Value zero = b.constant(0, f64({batch, n}));
  return b.makeMulti(Op::Scan, {x, w, u, bias, zero, zero},
                     {{"count", Dim(steps)}, {"consts", int64_t{4}}, {"carries", int64_t{2}}, {"reverse", false}},
                     {region});
}

TEST(ModelGradient, LstmInBothDirections) {
  checkGradients({{{2, 4, 2}, {2, 12}, {3, 12}, {12}}, [](Builder& b, const Values& x) {
                    Values forwards = lstm(b, x[0], x[1], x[2], x[3], false),
                           backwards = lstm(b, x[0], x[1], x[2], x[3], true);
                    return Values{forwards[2], backwards[0], backwards[2]};
                  }});
}

TEST(ModelGradient, EmbeddingTiedToTheOutput) {
  checkGradients({{{5, 3}}, [](Builder& b, const Values& x) {
                    Ints words = {1, 4, 1, 0};
                    Value i = b.make(Op::Const, {}, {{"type", typed(DType::I32, {4})}, {"value", Literal{words}}});
                    Value h =
                        b.unary(Op::Tanh, b.make(Op::Gather, {x[0], i}, {{"axis", int64_t{0}}, {"batch", int64_t{0}}}));
                    Value logits = b.make(Op::Dot, {h, x[0]}, {{"contract_a", Ints{1}}, {"contract_b", Ints{1}}});
                    return Values{crossEntropy(b, softmax(b, logits, 1), {4, 1, 0, 2})};
                  }});
}

TEST(ModelGradient, GradientPenalty) {
  // The critic's loss holds the norm of its gradient by its input: grad inside the loss, then by the weights.
  checkGradients({{{4, 3}, {3, 5}, {5, 1}}, [](Builder& b, const Values& x) {
                    Value score = matmul(b, b.unary(Op::Tanh, matmul(b, x[0], x[1])), x[2]);
                    Value g = b.make(Op::Grad, {sumAll(b, score), x[0]});
                    Value norm = b.unary(Op::Sqrt, b.sum(b.mul(g, g), {1}));
                    Value off = b.sub(norm, b.constantLike(1, norm));
                    return Values{b.add(mean(b, b.reshape(score, {4}), {0}), mean(b, b.mul(off, off), {0}))};
                  }});
}

TEST(ModelGradient, ThroughAnUpdate) {
  // One step of descent on a, then the loss at the new weights, by the old ones.
  checkGradients({{{3, 2}, {4, 3}}, [](Builder& b, const Values& x) {
                    auto loss = [&](Value w) {
                      Value y = b.unary(Op::Tanh, matmul(b, x[1], w));
                      return sumAll(b, b.mul(y, y));
                    };
                    Value g = b.make(Op::Grad, {loss(x[0]), x[0]});
                    return Values{loss(b.sub(x[0], b.mul(b.constantLike(0.3, g), g)))};
                  }});
}

/// A function of x evaluated after the whole default pipeline.
std::vector<double> throughPipeline(const std::vector<double>& at, const std::function<Values(Builder&, Value)>& f) {
  Graph graph;
  Builder b(graph);
  Value x = leaf(b, "x", f64({static_cast<int64_t>(at.size())}));
  for (Value y : f(b, x)) graph.outputs.push_back({OutputRole::Result, "y" + std::to_string(graph.outputs.size()), y});
  for (const std::string& pass : defaultPipeline()) graph = runPass(pass.c_str(), graph);
  EvalInputs inputs;
  inputs.leaves["x"] = {DType::F64, {static_cast<int64_t>(at.size())}, at, {}};
  std::vector<double> all;
  for (const Tensor& t : evaluate(graph, inputs)) all.insert(all.end(), t.floats.begin(), t.floats.end());
  return all;
}

TEST(NaiveForms, StayFiniteFarOut) {
  const std::vector<double> far = {-2000, -800, 0, 800, 1500};
  auto finite = [&](const char* what, const std::function<Value(Builder&, Value)>& f) {
    auto both = [&](Builder& b, Value x) {
      Value y = f(b, x);
      return Values{y, b.make(Op::Grad, {sumAll(b, y), x})};
    };
    for (double v : throughPipeline(far, both)) EXPECT_TRUE(std::isfinite(v)) << what;
  };
  auto one = [](Builder& b, Value like) { return b.constantLike(1, like); };
  finite("log softmax", [](Builder& b, Value x) { return b.unary(Op::Log, naiveSoftmax(b, x, 0)); });
  finite("log sum exp", [](Builder& b, Value x) { return b.unary(Op::Log, b.sum(b.unary(Op::Exp, x), {0})); });
  finite("log logistic", [](Builder& b, Value x) { return b.unary(Op::Log, b.unary(Op::Logistic, x)); });
  finite("log(1 - logistic)",
         [&](Builder& b, Value x) { return b.unary(Op::Log, b.sub(one(b, x), b.unary(Op::Logistic, x))); });
  finite("softplus", [&](Builder& b, Value x) { return b.unary(Op::Log, b.add(one(b, x), b.unary(Op::Exp, x))); });
  finite("1 / (1 + exp(-x))",
         [&](Builder& b, Value x) { return b.div(one(b, x), b.add(one(b, x), b.unary(Op::Exp, b.neg(x)))); });
}

TEST(NaiveForms, SlopesAtZeroAreTheSmoothOnes) {
  auto slopes = [](const std::function<Value(Builder&, Value)>& f) {
    return throughPipeline({0},
                           [&](Builder& b, Value x) { return Values{b.make(Op::Grad, {sumAll(b, f(b, x)), x})}; })[0];
  };
  EXPECT_EQ(slopes([](Builder& b, Value x) { return b.unary(Op::Log, b.unary(Op::Logistic, x)); }), 0.5);
  EXPECT_EQ(
      slopes([](Builder& b, Value x) { return b.unary(Op::Log, b.add(b.constantLike(1, x), b.unary(Op::Exp, x))); }),
      0.5);
}

}  // namespace
}  // namespace nnc::testing
