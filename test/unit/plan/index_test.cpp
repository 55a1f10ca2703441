// Index algebra: sums in normal form, division and remainder simplified by ranges.
#include "plan/index.h"

#include <gtest/gtest.h>

#include "plan/views.h"
#include "test/unit/plan/support.h"

namespace nnc::plan {
namespace {

using namespace test;

const Dim kT = Dim::symbol("T");

TEST(PlanIndex, SumsCollectTerms) {
  const Ix i = Ix::iter(0), j = Ix::iter(1);
  EXPECT_EQ(((i * 3) + j - i + Ix(Dim(2))).str(), "2*i0 + i1 + 2");
  EXPECT_EQ(i - i, Ix());
  EXPECT_EQ((i * kB + i * kT).coefficient(0), kB + kT);
}

TEST(PlanIndex, DivisionByRanges) {
  const Ranges extents{kB, 8, 12};
  const Ix b = Ix::iter(0), x = Ix::iter(1), y = Ix::iter(2);
  EXPECT_EQ(floorDiv(b * 8 + x, 8, extents), b);
  EXPECT_EQ(floorMod(b * 8 + x, 8, extents), x);
  EXPECT_EQ(floorDiv(x * 2, 16, extents), Ix());
  EXPECT_EQ(floorDiv(x * 6 + Ix(Dim(5)), 12, extents).str(), "(i1 / 2)");
  EXPECT_EQ(floorMod(x * 6 + Ix(Dim(5)), 12, extents).str(), "6*(i1 mod 2) + 5");
  EXPECT_EQ(floorDiv(floorDiv(y, 2, extents), 3, extents).str(), "(i2 / 6)");
}

TEST(PlanIndex, QuotientAndRemainderMakeTheWhole) {
  const Ranges extents{100};
  const Ix i = Ix::iter(0);
  const Ix outer = floorDiv(i, 20, extents), middle = floorMod(floorDiv(i, 5, extents), 4, extents);
  EXPECT_EQ(outer * 20 + middle * 5 + floorMod(i, 5, extents), i);
}

TEST(PlanIndex, SymbolicStrides) {
  const Ranges extents{kB, kT, 4};
  const Ix b = Ix::iter(0), t = Ix::iter(1), d = Ix::iter(2);
  const Ix linear = (b * kT + t) * 4 + d;
  EXPECT_EQ(floorDiv(linear, kT * 4, extents), b);
  EXPECT_EQ(floorDiv(floorMod(linear, kT * 4, extents), 4, extents), t);
  EXPECT_EQ(floorMod(linear, 4, extents), d);
}

TEST(PlanIndex, BoundsAndSigns) {
  const Ranges extents{kB, 8};
  EXPECT_TRUE(isNonNegative(kB * kB - kB));
  EXPECT_FALSE(isNonNegative(kB - Dim(2)));
  EXPECT_TRUE(liesWithin(Ix::iter(0), 0, kB, extents));
  EXPECT_FALSE(liesWithin(Ix::iter(1) - Ix(Dim(1)), 0, 8, extents));
  EXPECT_FALSE(boundsOf(Ix::inst(0), extents).has_value());
}

TEST(PlanIndex, ReshapesThereAndBack) {
  const Ranges extents{kB, 6, 4, 5};
  const Shape image{kB, 6, 4, 5}, flat{kB, 120};
  const Index at{Ix::iter(0), Ix::iter(1), Ix::iter(2), Ix::iter(3)};
  const Index merged = reshapeIndex(at, image, flat, extents);
  EXPECT_EQ(merged[1].str(), "20*i1 + 5*i2 + i3");
  EXPECT_EQ(reshapeIndex(merged, flat, image, extents), at);
}

}  // namespace
}  // namespace nnc::plan
