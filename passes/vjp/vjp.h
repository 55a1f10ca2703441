// Reverse-mode differentiation. `Reverse` walks a graph backwards from seeded values and asks the rule of each op on
// the way, vjp_<text>, for the gradients of its operands; rules emit ordinary nodes, so gradients can be differentiated
// again.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "ir/builder.h"
#include "ir/graph.h"
#include "passes/vjp/activity.h"

namespace nnc {

/// Differentiates within the builder's graph: new nodes are appended behind those differentiated.
class Reverse {
public:
  /// `active`: the values that depend on what is differentiated by; no other value gets a gradient.
  Reverse(Builder& builder, ValueSet active) : builder_(builder), active_(std::move(active)) {}

  /// Adds a contribution to the gradient of `v`. The first one comes first in the sum.
  void accumulate(Value v, Value gradient);
  /// Goes back over the nodes before `end`. Every seed is a value of these.
  void run(uint32_t end);

  bool isActive(Value v) const { return active_.get(v) != 0; }
  /// The gradient of `v`; empty if nothing flowed there.
  Value gradient(Value v) const { return gradients_.get(v); }

private:
  void nameGradients(uint32_t index, uint32_t end);

  Builder& builder_;
  ValueSet active_;
  ValueTable<Value> gradients_;
};

/// What the rule of one node sees.
class Vjp {
public:
  Vjp(Builder& builder, Reverse& reverse, uint32_t index)
      : b(builder), node(builder.graph().nodes[index]), index_(index), reverse_(reverse) {}

  Builder& b;
  const Node node;  // a copy: the graph grows while the rule runs

  uint32_t index() const { return index_; }
  Value in(size_t i = 0) const { return node.in[i]; }
  Value out(uint32_t r = 0) const { return {index_, r}; }
  const Type& inType(size_t i = 0) const { return b.type(node.in[i]); }
  /// Is the gradient of operand i wanted?
  bool needs(size_t i) const { return reverse_.isActive(node.in[i]); }
  /// The gradient of result r; empty if none flowed into it.
  Value g(uint32_t r = 0) const { return reverse_.gradient(out(r)); }
  /// Adds to the gradient of operand i.
  void give(size_t i, Value gradient) { reverse_.accumulate(node.in[i], gradient); }
  /// A constant of the shape and dtype of a value.
  Value like(double value, Value of) { return b.constantLike(value, of); }

private:
  uint32_t index_;
  Reverse& reverse_;
};

#define OP(name, text, ...) void vjp_##text(Vjp& v);
#include "ir/ops.def"
#undef OP

/// Zeros of a value's shape and dtype.
Value zerosLike(Builder& b, Value like);
/// The axes 0..rank-1 that are not in `without`, in order.
std::vector<int64_t> otherAxes(int rank, std::span<const int64_t> without);
/// `indices` moved into 0..n-1; itself if it is seen to lie there.
Value clampIndices(Builder& b, Value indices, const Dim& n);
/// Do all indices provably lie in 0..n-1?
bool indicesInRange(const Graph& graph, Value indices, const Dim& n);
/// lo, if the indices are lo, lo + 1, lo + 2, …
std::optional<Dim> countsFrom(const Graph& graph, Value indices);
/// Are no two of them provably equal?
bool indicesDiffer(const Graph& graph, Value indices);
/// The dimension as a tensor of `like`'s integer type and shape.
Value dimLike(Builder& b, const Dim& dim, Value like);

}  // namespace nnc
