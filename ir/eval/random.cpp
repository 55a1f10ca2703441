#include "ir/eval/random.h"

#include "ir/eval/rules.h"

namespace nnc {
namespace eval {
namespace {

constexpr uint32_t kMultiplier0 = 0xD2511F53, kMultiplier1 = 0xCD9E8D57;
constexpr uint32_t kWeyl0 = 0x9E3779B9, kWeyl1 = 0xBB67AE85;  // golden ratio, sqrt(3) - 1

/// The finaliser of SplitMix64: a bijection of 64 bits that mixes all of them.
uint64_t finalise(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

}  // namespace

std::array<uint32_t, 4> philoxBlock(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = uint64_t{kMultiplier0} * counter[0], p1 = uint64_t{kMultiplier1} * counter[2];
    counter = {static_cast<uint32_t>(p1 >> 32) ^ counter[1] ^ key[0], static_cast<uint32_t>(p1),
               static_cast<uint32_t>(p0 >> 32) ^ counter[3] ^ key[1], static_cast<uint32_t>(p0)};
    key = {key[0] + kWeyl0, key[1] + kWeyl1};
  }
  return counter;
}

Results eval_fold(const Context& c) {
  Tensor y = c.zeros();
  for (int64_t i = 0; i < y.size(); ++i)
    y.ints[i] =
        static_cast<int64_t>(foldKey(static_cast<uint64_t>(c.in[0]->ints[i]), static_cast<uint64_t>(c.in[1]->ints[i])));
  return one(std::move(y));
}

Results eval_rand(const Context& c) {
  Tensor y = c.zeros();
  const auto key = static_cast<uint64_t>(c.x().ints[0]);
  // Elements are numbered in row-major order with the axis `minor` moved last.
  std::vector<int64_t> order;
  if (!y.shape.empty()) {
    order = axesExcept({c.attrs().integer("minor")}, y.shape.size());
    order.push_back(c.attrs().integer("minor"));
  }
  // What one index of the first axis is worth.
  uint64_t row = 1;
  for (const int64_t d : order) row = d == 0 ? 1 : row * static_cast<uint64_t>(y.shape[d]);
  uint64_t number = c.in.size() > 1 ? row * static_cast<uint64_t>(c.in[1]->ints[0]) : 0;
  for (const int64_t at : positions(axesOf(viewOf(y), order)))
    y.floats[at] = uniformFromWord(philoxWord(key, static_cast<int64_t>(number++)));
  return one(std::move(y));
}

}  // namespace eval

uint32_t philoxWord(uint64_t key, int64_t index) {
  const auto block = static_cast<uint64_t>(index >> 2);
  const auto words = eval::philoxBlock({static_cast<uint32_t>(block), static_cast<uint32_t>(block >> 32), 0, 0},
                                       {static_cast<uint32_t>(key), static_cast<uint32_t>(key >> 32)});
  return words[index & 3];
}

uint64_t foldKey(uint64_t key, uint64_t data) {
  return eval::finalise(key ^ eval::finalise(data));
}

}  // namespace nnc
