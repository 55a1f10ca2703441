// Helpers for passes that rebuild a graph: copy node by node through a map of values, replacing some nodes on the way.
// Order, origins and names are kept, so what a pass leaves alone stays as it was.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "ir/builder.h"
#include "ir/graph.h"

namespace nnc {

/// A table from values to T, for graphs that grow while it is in use. Absent entries read as T().
template <class T>
class ValueTable {
public:
  T get(Value v) const {
    if (v.node >= rows_.size() || v.result >= rows_[v.node].size()) return T();
    return rows_[v.node][v.result];
  }
  void set(Value v, T to) {
    if (v.node >= rows_.size()) rows_.resize(v.node + 1);
    auto& row = rows_[v.node];
    if (v.result >= row.size()) row.resize(v.result + 1);
    row[v.result] = std::move(to);
  }

private:
  std::vector<std::vector<T>> rows_;
};

/// From values of an old graph to values of the new one. Reading a value that was not mapped is a bug and asserts.
class ValueMap {
public:
  Value operator[](Value old) const;
  bool has(Value old) const { return static_cast<bool>(table_.get(old)); }
  void set(Value old, Value now) { table_.set(old, now); }
  /// Maps all results of an old node to those of a new one.
  void setNode(const Graph& old, uint32_t oldNode, uint32_t newNode);

private:
  ValueTable<Value> table_;
};

/// All results of node `node`.
std::vector<Value> resultsOf(const Graph& graph, uint32_t node);

/// Appends a copy of node `index` of `from` to `to`, its operands mapped, and maps its results.
void copyNode(const Graph& from, uint32_t index, Graph& to, ValueMap& map);

/// What a rewriting rule is asked: the values to use instead of the results of `node`, or nothing to keep it. The
/// node's operands are values of the builder's graph already; nodes the rule builds take its origin.
using NodeRule = std::function<std::optional<std::vector<Value>>(Builder& builder, const Node& node)>;
using RegionPass = std::function<Graph(Graph)>;

/// Builds a graph anew, asking `rule` at each node in order; regions go through `regionPass` first.
Graph rebuild(Graph graph, const NodeRule& rule, const RegionPass& regionPass);

/// The same again and again, because a rule may build nodes that another applies to, until nothing changes (or often
/// enough).
Graph rebuildUntilSteady(Graph graph, const NodeRule& rule, const RegionPass& regionPass);

/// The one element a value consists of, if it is a constant with equal elements, seen through views that keep that.
std::optional<Literal> splatLiteral(const Graph& graph, Value v);
/// The same as a number.
std::optional<double> splatValue(const Graph& graph, Value v);
/// Does every element equal `number` (with the sign of zero)?
bool isSplat(const Graph& graph, Value v, double number);
/// The node of `v` if it is of kind `op`, else null. Valid until the graph grows.
const Node* defines(const Graph& graph, Value v, Op op);
/// Is there a scan in the graph or in a region of it?
bool hasScan(const Graph& graph);
/// Is a grad left to expand? It names places in the graph, so values must not be merged before.
bool hasGrad(const Graph& graph);
/// A constant with one element that fills the type.
Value splatConstant(Builder& b, const Literal& element, const Type& type);

}  // namespace nnc
