// The rules of the reference interpreter, one for each op of ops.def, and what they share. A rule gets its operands'
// values and returns its results'; types were checked when the node was built, so the rules check nothing again.
#pragma once

#include <span>
#include <vector>

#include "ir/eval.h"

namespace nnc::eval {

struct Context {
  const Node& node;
  std::vector<const Tensor*> in;
  std::span<const Tensor* const> args;  // of the enclosing region
  const EvalInputs& inputs;
  const EvalOptions& options;

  const Tensor& x() const { return *in[0]; }
  const Attrs& attrs() const { return node.attrs; }
  int64_t extent(const Dim& d) const;
  std::vector<int64_t> extents(const Shape& shape) const;
  /// Zeros of the type of a result.
  Tensor zeros(size_t result = 0) const;
};

using Results = std::vector<Tensor>;

#define OP(name, text, ...) Results eval_##text(const Context& c);
#include "ir/ops.def"
#undef OP

/// Runs the nodes of a graph; `args` are what its `arg` nodes stand for.
std::vector<Results> runGraph(const Graph& graph, std::span<const Tensor* const> args, const EvalInputs& inputs,
                              const EvalOptions& options);
/// The same, and the values of the outputs only.
std::vector<Tensor> runRegion(const Graph& graph, std::span<const Tensor* const> args, const Context& c);

inline Results one(Tensor t) {
  Results r;
  r.push_back(std::move(t));
  return r;
}

// Elements, whatever the dtype

inline void copyElement(Tensor& to, int64_t i, const Tensor& from, int64_t j) {
  if (isFloat(to.dtype))
    to.floats[i] = from.floats[j];
  else
    to.ints[i] = from.ints[j];
}
void addElement(Tensor& to, int64_t i, const Tensor& from, int64_t j);
/// An element of a numeric or bool tensor as f64.
double asDouble(const Tensor& t, int64_t i);

/// An integer reduced modulo 2^bits into the range of an integer dtype (two's complement); bool: 0 or 1.
int64_t wrap(int64_t value, DType dtype);
// Arithmetic modulo 2^64, free of undefined overflow.
inline int64_t wrapAdd(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}
inline int64_t wrapMul(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
}
/// The integer part of a float, saturated to the range of an integer dtype; NaN becomes 0.
int64_t truncateTo(double value, DType dtype);
/// The nearest value of a float dtype, half to even; overflow becomes infinity.
double roundTo(double value, DType dtype);

// Positions

/// A strided view of a buffer: element (i0, i1, …) stands at base + Σ i·stride.
struct Strided {
  int64_t base = 0;
  std::vector<int64_t> extents, strides;
};

std::vector<int64_t> rowMajorStrides(const std::vector<int64_t>& extents);
int64_t product(const std::vector<int64_t>& extents);
/// The whole tensor as a view of itself.
Strided viewOf(const Tensor& t);
/// The view of the given axes only, in the order given, the others at index 0.
Strided axesOf(const Strided& view, const std::vector<int64_t>& axes);
/// The buffer positions of a view's elements in row-major order.
std::vector<int64_t> positions(const Strided& view);

/// The axes of 0..rank-1 that are not in `axes`.
std::vector<int64_t> axesExcept(const std::vector<int64_t>& axes, size_t rank);

}  // namespace nnc::eval
