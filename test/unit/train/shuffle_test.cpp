#include "runtime/train/shuffle.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>

#include "runtime/train/philox.h"

namespace nnc::train::test {
namespace {

// The known answers that Random123 publishes for philox4x32 with 10 rounds.
TEST(Philox, KnownAnswers) {
  using Block = std::array<uint32_t, 4>;
  EXPECT_EQ(philox4x32({0, 0, 0, 0}, {0, 0}), (Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  const uint32_t ones = 0xffffffff;
  EXPECT_EQ(philox4x32({ones, ones, ones, ones}, {ones, ones}),
            (Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Shuffle, IsAPermutationOfEveryLength) {
  for (uint32_t rows : {0U, 1U, 2U, 7U, 1000U}) {
    auto order = shuffledRows(rows, 3, 1);
    std::sort(order.begin(), order.end());
    std::vector<uint32_t> identity(rows);
    std::iota(identity.begin(), identity.end(), 0U);
    EXPECT_EQ(order, identity);
  }
}

TEST(Shuffle, IsAFunctionOfSeedEpochAndUse) {
  const auto order = shuffledRows(100, 3, 1);
  EXPECT_EQ(shuffledRows(100, 3, 1), order);
  EXPECT_NE(shuffledRows(100, 4, 1), order);
  EXPECT_NE(shuffledRows(100, 3 + (uint64_t{1} << 32), 1), order);
  EXPECT_NE(shuffledRows(100, 3, 2), order);
  EXPECT_NE(shuffledRows(100, 3, 1, ShuffleUse::Folds), order);
}

// Checkpoints of earlier versions resume in the same order only if these never change.
TEST(Shuffle, OrderIsPinned) {
  EXPECT_EQ(shuffledRows(8, 7, 1), (std::vector<uint32_t>{0, 4, 2, 7, 5, 6, 1, 3}));
}

TEST(Shuffle, AllPermutationsAreEquallyLikely) {
  std::map<std::vector<uint32_t>, int> counts;
  constexpr int kDraws = 24000;
  for (int epoch = 0; epoch < kDraws; ++epoch) ++counts[shuffledRows(4, 1, static_cast<uint64_t>(epoch))];
  ASSERT_EQ(counts.size(), 24u);
  double chiSquare = 0;
  for (const auto& [order, count] : counts) chiSquare += (count - 1000.0) * (count - 1000.0) / 1000.0;
  EXPECT_LT(chiSquare, 49.7);  // 23 degrees of freedom, p = 0.001
}

}  // namespace
}  // namespace nnc::train::test
