// Counter-based random numbers: Philox4x32-10 of J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, "Parallel random
// numbers: as easy as 1, 2, 3", SC 2011.
#pragma once

#include <array>
#include <cstdint>

namespace nnc::eval {

/// The block of four words for a counter under a key.
std::array<uint32_t, 4> philoxBlock(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key);

/// A word as a number in (0, 1): its upper 23 bits, centred: exact in f32 and never 1.
inline double uniformFromWord(uint32_t word) {
  return ((word >> 9) + 0.5) * 0x1p-23;
}

}  // namespace nnc::eval
