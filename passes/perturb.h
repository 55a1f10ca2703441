// How far rounding may lead the results of a graph, by Monte Carlo arithmetic (Parker, "Monte Carlo Arithmetic", 1997):
// the same graph with each rounded operation, and each operand of a sum, multiplied by 1 + noise. What the samples of
// the f64 interpreter agree on is decided; where they lie far apart (a quotient of rounding noise by its own size, a
// choice near a tie) kernels may find any of them.
#pragma once

#include <cstdint>

#include "ir/graph.h"

namespace nnc {

/// The noise of an operation in units of its dtype's rounding: kernels promise 1 to 32 of these.
double noiseOf(DType dtype);
/// The graph with noise of a size that follows from the dtypes. Its kind follows from the sample's number, its draws
/// also from the step: noise that stays the same has a fixed point of its own, and a gradient that vanishes there. The
/// graph's gradients must be expanded.
Graph perturbed(const Graph& graph, uint64_t sample, uint64_t step);

}  // namespace nnc
