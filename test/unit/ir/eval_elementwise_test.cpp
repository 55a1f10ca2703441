// The interpreter's elementwise ops, casts and random numbers, with the edge cases the op list fixes.
#include "ir/eval/random.h"
#include "ir/eval/rules.h"
#include "test/unit/ir/eval_support.h"

namespace nnc {
namespace {

using namespace test;

Tensor unary(const std::string& op, std::vector<double> values) {
  const auto n = static_cast<int64_t>(values.size());
  return eval1(op + "(%a) : f32[" + std::to_string(n) + "]", {floats({n}, std::move(values))});
}

Tensor binary(const std::string& op, std::vector<double> a, std::vector<double> b) {
  const auto n = static_cast<int64_t>(a.size());
  return eval1(op + "(%a, %b) : f32[" + std::to_string(n) + "]",
               {floats({n}, std::move(a)), floats({n}, std::move(b))});
}

Tensor binaryInts(const std::string& op, std::vector<int64_t> a, std::vector<int64_t> b, DType dtype = DType::I32) {
  const auto n = static_cast<int64_t>(a.size());
  return eval1(op + "(%a, %b) : " + dtypeName(dtype) + "[" + std::to_string(n) + "]",
               {ints({n}, std::move(a), dtype), ints({n}, std::move(b), dtype)});
}

TEST(EvalElementwise, FunctionsOfOneNumber) {
  expectFloats(unary("neg", {1, -0.0, kNan}), {-1, 0.0, kNan});
  expectFloats(unary("exp", {0, 1, -kInf}), {1, 2.718281828459045, 0}, 1e-15);
  expectFloats(unary("expm1", {0, 1e-20}), {0, 1e-20}, 1e-35);
  expectFloats(unary("log", {1, 0, -1}), {0, -kInf, kNan});
  expectFloats(unary("log1p", {0, 1e-20, -1}), {0, 1e-20, -kInf}, 1e-35);
  expectFloats(unary("sqrt", {4, 2, -1}), {2, std::sqrt(2.0), kNan});
  expectFloats(unary("tanh", {0, 1, kInf}), {0, 0.7615941559557649, 1}, 1e-15);
  expectFloats(unary("erf", {0, 1}), {0, 0.8427007929497149}, 1e-15);
  expectFloats(unary("sin", {0, 1}), {0, 0.8414709848078965}, 1e-15);
  expectFloats(unary("cos", {0, 1}), {1, 0.5403023058681398}, 1e-15);
  expectFloats(unary("atan", {0, 1, -kInf, kNan}), {0, 0.7853981633974483, -1.5707963267948966, kNan}, 1e-15);
  expectFloats(unary("floor", {1.5, -1.5, 2}), {1, -2, 2});
  expectFloats(unary("stop", {1.5}), {1.5});
}

TEST(EvalElementwise, RoundGoesHalfToEven) {
  expectFloats(unary("round", {0.5, 1.5, 2.5, -0.5, 2.6}), {0, 2, 2, -0.0, 3});
}

TEST(EvalElementwise, LogisticNeitherOverflowsNorLosesItsTail) {
  expectFloats(unary("logistic", {0, 800, -800, kNan}), {0.5, 1, 0, kNan});
  EXPECT_NEAR(unary("logistic", {-40}).floats[0] / std::exp(-40.0), 1, 1e-15);
}

TEST(EvalElementwise, FunctionsOfTwoNumbers) {
  expectFloats(binary("add", {1, 2}, {10, 20}), {11, 22});
  expectFloats(binary("mul", {3, 2}, {10, kNan}), {30, kNan});
  expectFloats(binary("div", {1, 1, 0}, {4, 0, 0}), {0.25, kInf, kNan});
  expectFloats(binary("pow", {2, 0, 0, -2, -2}, {3, 0, 2, 2, 0.5}), {8, 1, 0, 4, kNan});
}

TEST(EvalElementwise, MaxIsNanIfEitherIs) {
  expectFloats(binary("max", {1, 5, kNan, 1, kNan}, {2, 3, 1, kNan, kNan}), {2, 5, kNan, kNan, kNan});
  expectInts(binaryInts("max", {1, -5}, {-2, 7}), {1, 7});
}

TEST(EvalElementwise, IntegerDivisionFloorsAndIsZeroByZero) {
  expectInts(binaryInts("idiv", {7, -7, 7, -7, 5}, {2, 2, -2, -2, 0}), {3, -4, -4, 3, 0});
  expectInts(binaryInts("mod", {7, -7, 7, -7, 5}, {2, 2, -2, -2, 0}), {1, 1, -1, -1, 0});
  const int64_t lowest = std::numeric_limits<int64_t>::min();
  expectInts(binaryInts("idiv", {lowest}, {-1}, DType::I64), {lowest});
  expectInts(binaryInts("mod", {lowest}, {-1}, DType::I64), {0});
}

TEST(EvalElementwise, IntegersWrapIntoTheirType) {
  expectInts(binaryInts("add", {2147483647}, {1}), {-2147483648});
  expectInts(binaryInts("mul", {100}, {3}, DType::I8), {44});
  expectInts(binaryInts("add", {250}, {10}, DType::U8), {4});
  expectInts(eval1("neg(%a) : u8[1]", {ints({1}, {1}, DType::U8)}), {255});
}

TEST(EvalElementwise, ComparisonsAreFalseForNan) {
  const Tensor a = floats({3}, {1, 2, kNan}), b = floats({3}, {2, 2, kNan});
  expectInts(eval1("lt(%a, %b) : bool[3]", {a, b}), {1, 0, 0});
  expectInts(eval1("le(%a, %b) : bool[3]", {a, b}), {1, 1, 0});
  expectInts(eval1("eq(%a, %b) : bool[3]", {a, b}), {0, 1, 0});
}

TEST(EvalElementwise, Logic) {
  const Tensor a = ints({4}, {0, 0, 1, 1}, DType::Bool), b = ints({4}, {0, 1, 0, 1}, DType::Bool);
  expectInts(eval1("and(%a, %b) : bool[4]", {a, b}), {0, 0, 0, 1});
  expectInts(eval1("or(%a, %b) : bool[4]", {a, b}), {0, 1, 1, 1});
  expectInts(eval1("not(%a) : bool[4]", {a}), {1, 1, 0, 0});
  expectFloats(eval1("select(%a, %b, %c) : f32[4]", {a, floats({4}, {1, 2, 3, 4}), floats({4}, {kNan, 6, 7, 8})}),
               {kNan, 6, 3, 4});
}

TEST(EvalCast, FloatToIntTruncatesAndSaturates) {
  const Tensor x = floats({6}, {1.9, -1.9, 1e20, -1e20, kNan, 300});
  expectInts(eval1("cast(%a) {dtype=i32} : i32[6]", {x}), {1, -1, 2147483647, -2147483648, 0, 300});
  expectInts(eval1("cast(%a) {dtype=u8} : u8[6]", {x}), {1, 0, 255, 0, 0, 255});
  expectInts(eval1("cast(%a) {dtype=i64} : i64[6]", {x}),
             {1, -1, std::numeric_limits<int64_t>::max(), std::numeric_limits<int64_t>::min(), 0, 300});
  expectInts(eval1("cast(%a) {dtype=bool} : bool[3]", {floats({3}, {0, 0.1, kNan})}), {0, 1, 1});
  expectInts(eval1("cast(%a) {dtype=i8} : i8[2]", {ints({2}, {200, -1})}), {-56, -1});
  expectFloats(eval1("cast(%a) {dtype=f32} : f32[2]", {ints({2}, {1, 0}, DType::Bool)}), {1, 0});
}

TEST(EvalCast, RoundingToFormatsIsToNearestEven) {
  EXPECT_EQ(eval::roundTo(1 + 0x1p-8, DType::BF16), 1);
  EXPECT_EQ(eval::roundTo(1 + 3 * 0x1p-8, DType::BF16), 1 + 0x1p-6);
  EXPECT_EQ(eval::roundTo(1 + 0x1p-8 + 0x1p-20, DType::BF16), 1 + 0x1p-7);
  EXPECT_EQ(eval::roundTo(3.4e38, DType::BF16), kInf);
  EXPECT_EQ(eval::roundTo(65519, DType::F16), 65504);
  EXPECT_EQ(eval::roundTo(65520, DType::F16), kInf);
  EXPECT_EQ(eval::roundTo(0x1p-25, DType::F16), 0);
  EXPECT_EQ(eval::roundTo(0x1.8p-25, DType::F16), 0x1p-24);
  EXPECT_EQ(eval::roundTo(-0x1p-14, DType::F16), -0x1p-14);
  EXPECT_EQ(eval::roundTo(0.1, DType::F32), static_cast<double>(0.1f));
  EXPECT_TRUE(std::isnan(eval::roundTo(kNan, DType::BF16)));
}

TEST(EvalCast, ResultsAreRoundedOnlyIfAsked) {
  const std::string body = "  %0 = const {value=0.1} : bf16[]\n  return %0\n";
  EXPECT_EQ(run(body)[0].floats[0], 0.1);
  EXPECT_EQ(run(body, {}, {true})[0].floats[0], 0.10009765625);
}

// The known answers that come with the paper's reference code (Random123, kat_vectors).
TEST(EvalRandom, PhiloxKnownAnswers) {
  using Block = std::array<uint32_t, 4>;
  EXPECT_EQ(eval::philoxBlock({0, 0, 0, 0}, {0, 0}), (Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  const uint32_t ones = 0xffffffff;
  EXPECT_EQ(eval::philoxBlock({ones, ones, ones, ones}, {ones, ones}),
            (Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(eval::philoxBlock({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
  EXPECT_EQ(philoxWord(0, 2), 0xbc57ac4cu);
}

TEST(EvalRandom, FoldIsABijectionOfItsKeyAndDependsOnBoth) {
  EXPECT_NE(foldKey(1, 2), foldKey(2, 1));
  EXPECT_NE(foldKey(1, 0), foldKey(1, 1));
  const Tensor y = eval1("fold(%a, %b) : i64[1]", {ints({1}, {7}, DType::I64), ints({1}, {9}, DType::I64)});
  EXPECT_EQ(static_cast<uint64_t>(y.ints[0]), foldKey(7, 9));
}

TEST(EvalRandom, RandNumbersElementsWithTheMinorAxisLast) {
  const Tensor key = ints({}, {42}, DType::I64);
  const Tensor last = eval1("rand(%a) {minor=1} : f32[2, 3]", {key});
  const Tensor first = eval1("rand(%a) {minor=0} : f32[2, 3]", {key});
  for (int64_t i = 0; i < 2; ++i)
    for (int64_t j = 0; j < 3; ++j) {
      EXPECT_EQ(last.floats[i * 3 + j], eval::uniformFromWord(philoxWord(42, i * 3 + j)));
      EXPECT_EQ(first.floats[i * 3 + j], eval::uniformFromWord(philoxWord(42, j * 2 + i)));
    }
  // A part of the rows, with the number of its first one: the same numbers as in the whole.
  const Tensor part = eval1("rand(%a, %b) {minor=1} : f32[1, 3]", {key, ints({}, {1}, DType::I64)});
  for (int64_t j = 0; j < 3; ++j) EXPECT_EQ(part.floats[j], last.floats[3 + j]);
  EXPECT_EQ(eval::uniformFromWord(0), 0x1p-24);
  EXPECT_LT(static_cast<float>(eval::uniformFromWord(0xffffffff)), 1.0f);
  EXPECT_EQ(eval1("rand(%a) {minor=0} : f32[]", {key}).floats.size(), 1u);
}

}  // namespace
}  // namespace nnc
