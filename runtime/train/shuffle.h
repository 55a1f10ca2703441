// The order of the rows in an epoch: a pure function of seed and epoch, so that a resumed run only recomputes it, and
// the same for any number of threads and on any machine.
#pragma once

#include <cstdint>
#include <vector>

namespace nnc::train {

/// What a permutation is for. The draws of different purposes are independent under one seed.
enum class ShuffleUse : uint32_t { EpochOrder = 0, SplitRows = 1, Folds = 2 };

/// A uniformly random permutation of 0 … rows-1: Fisher-Yates, its draws from Philox4x32-10 keyed by the seed with
/// epoch and use in the counter, each made unbiased by rejection (Lemire, "Fast Random Integer Generation in an
/// Interval", 2019).
std::vector<uint32_t> shuffledRows(uint32_t rows, uint64_t seed, uint64_t epoch,
                                   ShuffleUse use = ShuffleUse::EpochOrder);

}  // namespace nnc::train
