#include "runtime/train/shuffle.h"

#include <numeric>
#include <utility>

#include "runtime/train/philox.h"

namespace nnc::train {

namespace {

/// The stream of 32-bit words of one (seed, epoch, use). One counter word numbers the blocks of four words; 2^34 words
/// are enough for 2^32 - 1 rows with their rare rejections.
class Words {
public:
  Words(uint64_t seed, uint64_t epoch, ShuffleUse use)
      : key_{static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)},
        counter_{0, static_cast<uint32_t>(use), static_cast<uint32_t>(epoch), static_cast<uint32_t>(epoch >> 32)} {}

  uint32_t next() {
    if (used_ == 4) {
      block_ = philox4x32(counter_, key_);
      ++counter_[0];
      used_ = 0;
    }
    return block_[used_++];
  }

  /// Uniform in 0 … bound-1.
  uint32_t below(uint32_t bound) {
    uint64_t product = uint64_t{next()} * bound;
    if (static_cast<uint32_t>(product) < bound) {
      const uint32_t threshold = -bound % bound;  // 2^32 mod bound
      while (static_cast<uint32_t>(product) < threshold) product = uint64_t{next()} * bound;
    }
    return static_cast<uint32_t>(product >> 32);
  }

private:
  std::array<uint32_t, 2> key_;
  std::array<uint32_t, 4> counter_;
  std::array<uint32_t, 4> block_{};
  int used_ = 4;
};

}  // namespace

std::vector<uint32_t> shuffledRows(uint32_t rows, uint64_t seed, uint64_t epoch, ShuffleUse use) {
  std::vector<uint32_t> order(rows);
  std::iota(order.begin(), order.end(), 0U);
  Words words(seed, epoch, use);
  for (uint32_t left = rows; left > 1; --left) std::swap(order[left - 1], order[words.below(left)]);
  return order;
}

}  // namespace nnc::train
