// Random training steps: a graph of 1 to 30 operations over parameters, inputs and indices, its loss, the gradients and
// an optimizer's update, as a module of one function. Shapes are biased to what breaks compilers: 0, 1, the widths of
// vectors ± 1, primes, axes that are broadcast, a batch known only at run time.
#pragma once

#include <optional>
#include <random>
#include <string>
#include <vector>

#include "ir/builder.h"
#include "ir/graph.h"

namespace nnc::testing {

/// The module of a seed: function "g" of kind step, variables "w…" and "m…", inputs "x…", "i…", "key".
Module randomModule(uint32_t seed);

/// Builds the random function; what it draws next is `move()`.
class RandomGraph {
public:
  explicit RandomGraph(uint32_t seed) : rng_(seed), b_(module_.functions.emplace_back().body) {}
  Module build();

private:
  using Values = std::vector<Value>;
  using Ints = std::vector<int64_t>;
  using Made = std::optional<Value>;

  // Drawing.
  int pick(int n) { return std::uniform_int_distribution<>(0, n - 1)(rng_); }
  bool oneIn(int n) { return pick(n) == 0; }
  template <typename T, size_t N>
  const T& pickFrom(const T (&items)[N]) {
    return items[pick(static_cast<int>(N))];
  }
  int64_t randomExtent(bool mayBeEmpty);
  Shape randomShape(int maxRank);
  Ints someAxes(int rank);
  Ints permutation(int rank);
  Value any() { return pool_[static_cast<size_t>(pick(static_cast<int>(pool_.size())))]; }
  /// A value of the type of `like`: another of the pool, a constant, or one made by repeating a scalar.
  Value partner(Value like);
  Value indices(int64_t extent, const Shape& shape);
  /// An integer scalar: an input, or a constant that may lie outside of 0..extent.
  Value start(int64_t extent);

  // Building. A node that does not fit its operands is nothing, and the caller draws another.
  Made attempt(Op op, Values in, Attrs attrs = {});
  const Shape& shape(Value v) const { return b_.type(v).shape; }
  int rank(Value v) const { return b_.type(v).rank(); }
  Type floats(Shape shape) const { return {dtype_, std::move(shape)}; }
  Value number(double value, Value like) { return b_.constantLike(value, like); }
  Value square(Value x) { return b_.mul(x, x); }
  Value total(Value x);
  Value leaf(const std::string& kind, const std::string& name, const Type& type, int64_t bound = 0);
  bool push(Made v);

  // One operation each; false if it came to nothing.
  bool move();
  Made unary(Value x);
  Made binary(Value x);
  Made selection(Value x);
  Made moved(Value x);
  Made sliced(Value x);
  Made padded(Value x);
  Made windowed(Value x);
  Made broadcast(Value x);
  Made reduced(Value x);
  Made normalised(Value x);
  Made sorted(Value x);
  Made converted(Value x);
  Made product(Value x);
  Made convolved(Value x);
  Made gathered(Value x);
  Made dynamic(Value x);
  Made drawn(Value x);
  Made scanned(Value x);
  Made branched(Value x);
  /// A random elementwise step inside a region.
  Value regionStep(Builder& s, const Values& body);

  // The step around the operations.
  void leaves();
  Value loss();
  void update(Value w, Value g, size_t number);
  void result(Value v);

  std::mt19937 rng_;
  Module module_;
  Builder b_;
  DType dtype_ = DType::F32;
  int64_t bound_ = 0;  // of the symbol B; 0: none
  Values params_, inputs_, pool_;
  int indexInputs_ = 0;
};

}  // namespace nnc::testing
