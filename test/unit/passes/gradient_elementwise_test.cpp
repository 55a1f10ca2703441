// Gradients of the elementwise ops against finite differences, and what holds at their kinks.
#include "gradcheck.h"

namespace nnc::testing {
namespace {

struct UnaryCase {
  Op op;
  double lo, hi;
};
void PrintTo(const UnaryCase& c, std::ostream* out) {
  *out << opInfo(c.op).text;
}

class UnaryGradient : public ::testing::TestWithParam<UnaryCase> {};

TEST_P(UnaryGradient, AgreesWithDifferences) {
  for (const Extents& shape : edgeShapes()) {
    GradCase c{{shape},
               [&](Builder& b, const std::vector<Value>& x) { return std::vector{b.unary(GetParam().op, x[0])}; }};
    c.lo = GetParam().lo;
    c.hi = GetParam().hi;
    checkGradients(c);
  }
}

INSTANTIATE_TEST_SUITE_P(Ops, UnaryGradient,
                         ::testing::Values(UnaryCase{Op::Neg, -2, 2}, UnaryCase{Op::Exp, -2, 2},
                                           UnaryCase{Op::Expm1, -2, 2}, UnaryCase{Op::Log, 0.5, 3},
                                           UnaryCase{Op::Log1p, -0.5, 3}, UnaryCase{Op::Sqrt, 0.5, 3},
                                           UnaryCase{Op::Tanh, -2, 2}, UnaryCase{Op::Logistic, -3, 3},
                                           UnaryCase{Op::Erf, -2, 2}, UnaryCase{Op::Sin, -3, 3},
                                           UnaryCase{Op::Cos, -3, 3}, UnaryCase{Op::Atan, -3, 3}),
                         [](const auto& info) { return std::string(opInfo(info.param.op).text); });

class BinaryGradient : public ::testing::TestWithParam<UnaryCase> {};

TEST_P(BinaryGradient, AgreesWithDifferences) {
  for (const Extents& shape : edgeShapes()) {
    GradCase c{{shape, shape}, [&](Builder& b, const std::vector<Value>& x) {
                 return std::vector{b.make(GetParam().op, {x[0], x[1]})};
               }};
    c.lo = GetParam().lo;
    c.hi = GetParam().hi;
    checkGradients(c);
  }
}

INSTANTIATE_TEST_SUITE_P(Ops, BinaryGradient,
                         ::testing::Values(UnaryCase{Op::Add, -2, 2}, UnaryCase{Op::Mul, -2, 2},
                                           UnaryCase{Op::Div, 0.7, 2}, UnaryCase{Op::Pow, 0.5, 2},
                                           UnaryCase{Op::Max, -2, 2}),
                         [](const auto& info) { return std::string(opInfo(info.param.op).text); });

TEST(ElementwiseGradient, OneOperandUsedTwice) {
  for (const Extents& shape : edgeShapes())
    checkGradients({{shape}, [](Builder& b, const std::vector<Value>& x) {
                      return std::vector{b.div(b.mul(x[0], x[0]), b.unary(Op::Exp, x[0]))};
                    }});
}

TEST(ElementwiseGradient, Select) {
  for (const Extents& shape : edgeShapes())
    checkGradients({{shape, shape}, [](Builder& b, const std::vector<Value>& x) {
                      Value c = b.make(Op::Lt, {b.unary(Op::Sin, x[0]), x[1]});
                      return std::vector{b.select(c, b.mul(x[0], x[1]), b.unary(Op::Exp, x[1]))};
                    }});
}

TEST(ElementwiseGradient, CastBetweenFloatsCastsBack) {
  Graph graph;
  Builder b(graph);
  Value x = leaf(b, "x", {DType::F32, {Dim(2)}});
  Value loss = sumAll(b, b.cast(x, DType::F64));
  Value g = b.make(Op::Grad, {loss, x});
  graph.outputs.push_back({OutputRole::Result, "g", g});
  EXPECT_EQ(runPass("autodiff", graph).type(runPass("autodiff", graph).outputs[0].value).dtype, DType::F32);
}

/// d(Σ y)/dx at one point.
double slope(double at, const std::function<Value(Builder&, Value)>& f) {
  Graph graph;
  Builder b(graph);
  Value x = leaf(b, "x", f64({}));
  graph.outputs.push_back({OutputRole::Result, "g", b.make(Op::Grad, {f(b, x), x})});
  EvalInputs inputs;
  inputs.leaves["x"] = {DType::F64, {}, {at}, {}};
  return evaluate(runPass("dce", runPass("autodiff", graph)), inputs)[0].floats[0];
}

TEST(GradientAtKinks, MaxGivesTiesToTheSecondOperand) {
  EXPECT_EQ(slope(0, [](Builder& b, Value x) { return b.make(Op::Max, {x, b.constantLike(0, x)}); }), 0);
  EXPECT_EQ(slope(0, [](Builder& b, Value x) { return b.make(Op::Max, {b.constantLike(0, x), x}); }), 1);
  EXPECT_EQ(slope(1, [](Builder& b, Value x) { return b.make(Op::Max, {x, b.constantLike(0, x)}); }), 1);
  EXPECT_EQ(slope(-1, [](Builder& b, Value x) { return b.make(Op::Max, {x, b.constantLike(0, x)}); }), 0);
}

TEST(GradientAtKinks, MaxOfOneValueWithItselfCountsOnce) {
  EXPECT_EQ(slope(0.3, [](Builder& b, Value x) { return b.make(Op::Max, {x, x}); }), 1);
}

TEST(GradientAtKinks, ReluIsFlatAtZero) {
  auto relu = [](Builder& b, Value x) {
    Value zero = b.constantLike(0, x);
    return b.select(b.make(Op::Le, {x, zero}), zero, x);
  };
  EXPECT_EQ(slope(0, relu), 0);
  EXPECT_EQ(slope(1e-300, relu), 1);
}

TEST(GradientAtKinks, PowIsGuardedAtZero) {
  auto toThe = [](double exponent) {
    return [=](Builder& b, Value x) { return b.make(Op::Pow, {x, b.constantLike(exponent, x)}); };
  };
  EXPECT_EQ(slope(0, toThe(2)), 0);
  EXPECT_EQ(slope(0, toThe(1)), 1);
  EXPECT_EQ(slope(0, toThe(0)), 0);  // not 0 · ∞
  EXPECT_EQ(slope(-2, toThe(3)), 12);
  // By the exponent: 0 where the base is not positive.
  auto base = [](double a) { return [=](Builder& b, Value x) { return b.make(Op::Pow, {b.constantLike(a, x), x}); }; };
  EXPECT_EQ(slope(2, base(0)), 0);
  EXPECT_EQ(slope(2, base(-3)), 0);
  EXPECT_NEAR(slope(2, base(3)), 9 * std::log(3.0), 1e-12);
}

TEST(GradientAtKinks, LogisticStaysFiniteFarOut) {
  for (double x : {-1000.0, -89.0, 89.0, 1000.0})
    EXPECT_TRUE(std::isfinite(slope(x, [](Builder& b, Value v) { return b.unary(Op::Logistic, v); }))) << x;
}

TEST(GradientStops, AtStopAndAtPiecewiseConstants) {
  auto twice = [](Op op) { return [=](Builder& b, Value x) { return b.add(b.unary(op, x), x); }; };
  for (Op op : {Op::Stop, Op::Round, Op::Floor}) EXPECT_EQ(slope(0.3, twice(op)), 1);
}

}  // namespace
}  // namespace nnc::testing
