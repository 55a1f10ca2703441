// Builds nodes one call each, with inferred types. A type error here is a bug of the caller and asserts: the frontend
// checks first and reports with places. Only sizes beyond what the IR holds are found out here, and refused as the
// owner says. Shorthands fold nothing; passes do that.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "ir/graph.h"

namespace nnc {

class Builder {
public:
  /// Gets the reason; does not return.
  using Refuse = std::function<void(const std::string&)>;

  explicit Builder(Graph& graph, Refuse refuse = {}) : graph_(graph), refuse_(std::move(refuse)) {}

  Graph& graph() { return graph_; }
  const Type& type(Value v) const { return graph_.type(v); }
  /// The origin given to the nodes built from now on.
  void setOrigin(Origin origin) { origin_ = std::move(origin); }
  const Origin& origin() const { return origin_; }
  const Refuse& refuse() const { return refuse_; }

  Value make(Op op, std::vector<Value> in, Attrs attrs = {}, std::vector<Graph> regions = {});
  /// All results of a node with several.
  std::vector<Value> makeMulti(Op op, std::vector<Value> in, Attrs attrs = {}, std::vector<Graph> regions = {});

  Value constant(double value, const Type& type);  // fills the shape; integers must be integral
  Value constantLike(double value, Value like) { return constant(value, type(like)); }
  Value unary(Op op, Value x) { return make(op, {x}); }
  Value add(Value a, Value b) { return make(Op::Add, {a, b}); }
  Value sub(Value a, Value b) { return add(a, neg(b)); }
  Value mul(Value a, Value b) { return make(Op::Mul, {a, b}); }
  Value div(Value a, Value b) { return make(Op::Div, {a, b}); }
  Value neg(Value x) { return make(Op::Neg, {x}); }
  Value select(Value c, Value a, Value b) { return make(Op::Select, {c, a, b}); }
  Value cast(Value x, DType dtype);                     // x itself if it has that dtype
  Value reshape(Value x, Shape shape);                  // x itself if it has that shape
  Value transpose(Value x, std::vector<int64_t> perm);  // x itself for the identity
  Value broadcast(Value x, std::vector<int64_t> axes, std::vector<Dim> extents);
  /// Broadcasts a scalar to a shape.
  Value fill(Value scalar, const Shape& shape);
  Value sum(Value x, std::vector<int64_t> axes);  // x itself for no axes

private:
  Graph& graph_;
  Refuse refuse_;
  Origin origin_;
};

}  // namespace nnc
