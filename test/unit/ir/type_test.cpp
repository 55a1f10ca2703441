// Dimensions as polynomials, types, dtypes and attributes.
#include "ir/type.h"

#include <gtest/gtest.h>

#include <limits>

#include "ir/attrs.h"

namespace nnc {
namespace {

const Dim kB = Dim::symbol("B"), kT = Dim::symbol("T");

TEST(Dim, ArithmeticIsInNormalForm) {
  EXPECT_EQ(kB + 1 - kB, Dim(1));
  EXPECT_TRUE((kB - kB).isConst());
  EXPECT_EQ((kB - kB).value(), 0);
  EXPECT_EQ(kB * kT, kT * kB);
  EXPECT_EQ((kB + 1) * (kB - 1), kB * kB - 1);
  EXPECT_EQ(kB * 0, Dim(0));
  EXPECT_EQ((kB * kT + kB).symbols(), (std::vector<std::string>{"B", "T"}));
}

TEST(Dim, PrintsHigherDegreesFirst) {
  EXPECT_EQ(Dim(0).str(), "0");
  EXPECT_EQ(Dim(-3).str(), "-3");
  EXPECT_EQ((Dim(1) + kB * kT * 2).str(), "2*B*T + 1");
  EXPECT_EQ((kT + kB).str(), "B + T");
  EXPECT_EQ((Dim(3) - kB).str(), "-B + 3");
  EXPECT_EQ((kB * kB - kB * 2).str(), "B*B - 2*B");
}

TEST(Dim, ParsesWhatItPrints) {
  for (const char* text : {"0", "-3", "128", "B", "2*B*T + 1", "-B + 3", "B*B - 2*B", "fit.batch - 1"})
    EXPECT_EQ(Dim::parse(text).value_or(-99).str(), text);
  EXPECT_EQ(Dim::parse(" T*2+B*3 "), kB * 3 + kT * 2);
  for (const char* bad : {"", "B +", "+", "2B", "B T", "B**T", "(B)", "1.5", "99999999999999999999", "B-", "\n"})
    EXPECT_FALSE(Dim::parse(bad)) << bad;
}

TEST(Dim, DividesExactlyOrNotAtAll) {
  EXPECT_EQ((kB * kT * 6).dividedBy(kB * 2), kT * 3);
  EXPECT_EQ((kB * kB - 1).dividedBy(kB + 1), kB - 1);
  EXPECT_EQ((kB * kT + kB * 2 + kT + 2).dividedBy(kT + 2), kB + 1);
  EXPECT_EQ(Dim(0).dividedBy(kB), Dim(0));
  EXPECT_EQ(Dim(12).dividedBy(4), Dim(3));
  EXPECT_FALSE(Dim(12).dividedBy(5));
  EXPECT_FALSE((kB + 1).dividedBy(kB));
  EXPECT_FALSE((kB * 3).dividedBy(2));
  EXPECT_FALSE(Dim(4).dividedBy(kB));
  EXPECT_FALSE(kB.dividedBy(0));
}

TEST(Dim, Evaluates) {
  EXPECT_EQ((kB * kT * 2 - kB + 5).evaluate({{"B", 3}, {"T", 4}}), 26);
  EXPECT_DEATH(kB.evaluate({}), "the symbol B has no value");
  EXPECT_DEATH(kB.value(), "the dimension B is not a constant");
}

TEST(Dim, SaturatesInsteadOfOverflowing) {
  const int64_t most = std::numeric_limits<int64_t>::max();
  EXPECT_EQ((Dim(most) + 1).value(), most);
  EXPECT_EQ((Dim(most) * -2).value(), -most);
  EXPECT_EQ((kB * most + kB * most).terms().begin()->second, most);
}

TEST(Type, PrintsAndCounts) {
  EXPECT_EQ((Type{DType::F32, {kB, 784}}.str()), "f32[B, 784]");
  EXPECT_EQ((Type{DType::Bool, {}}.str()), "bool[]");
  EXPECT_EQ(elementCount({kB, 2, kB}), kB * kB * 2);
  EXPECT_FALSE(isConstShape({kB, 2}));
  EXPECT_EQ(constExtents({3, 2}), (std::vector<int64_t>{3, 2}));
}

TEST(Type, DTypesHaveNamesAndSizes) {
  for (const DType t :
       {DType::F64, DType::F32, DType::BF16, DType::F16, DType::I64, DType::I32, DType::I8, DType::U8, DType::Bool})
    EXPECT_EQ(dtypeFromName(dtypeName(t)), t);
  EXPECT_FALSE(dtypeFromName("f8"));
  EXPECT_EQ(dtypeSize(DType::BF16), 2);
  EXPECT_TRUE(isFloat(DType::F16) && !isFloat(DType::I64) && isInteger(DType::U8) && !isInteger(DType::Bool));
}

TEST(Attrs, AreAccessedByNameAndKind) {
  Attrs a{{"axis", int64_t{1}}, {"value", 2.5}};
  a.set("axis", int64_t{2});
  a.set("dtype", DType::BF16);
  EXPECT_EQ(a.integer("axis"), 2);
  EXPECT_EQ(a.number("value"), 2.5);
  EXPECT_EQ(a.dtype("dtype"), DType::BF16);
  EXPECT_FALSE(a.has("axes"));
  EXPECT_DEATH(a.integer("value"), "the attribute `value` is of another kind");
  EXPECT_DEATH(a.ints("axes"), "the attribute `axes` is missing");
}

}  // namespace
}  // namespace nnc
