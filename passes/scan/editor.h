// Builds a scan piece by piece: operands and outputs may be added in any order, their numbers are given at the end.
#pragma once

#include <string>
#include <vector>

#include "passes/region.h"
#include "passes/rewrite.h"

namespace nnc {

class ScanEditor {
public:
  /// An empty body with the count, direction and origin of `scan`; its operands are values of the outer builder's
  /// graph.
  ScanEditor(Builder& outer, const Node& scan);

  Builder& body() { return bodyBuilder_; }
  /// The body's view of an outer value: the same for each step. One argument for each operand.
  Value constArg(Value operand, const std::string& name = "");
  Value carryArg(Value init, const std::string& name = "");
  /// One element of a stacked outer value. One argument for each operand.
  Value xArg(Value stacked, const std::string& name = "");
  Value indexArg(const std::string& name = "");

  /// Outputs, in the order of the carries and of the calls; addY returns the number of the stack.
  void addCarryOut(Value v) { carryOuts_.push_back(v); }
  size_t addY(Value v);

  /// The results of the finished scan: carries…, ys…. None if there are no outputs.
  std::vector<Value> finish();
  size_t carries() const { return carries_.size(); }

private:
  struct Operand {
    Value outer, arg;
  };
  Value addArg(const Type& type, const std::string& name);
  static Value find(const std::vector<Operand>& list, Value operand);

  Builder& outer_;
  const Dim count_;
  const bool reverse_;
  const Origin origin_;
  const std::string name_;
  Graph graph_;
  Builder bodyBuilder_;
  std::vector<Operand> consts_, carries_, xs_;
  Value index_;
  std::vector<Value> carryOuts_, ys_;
};

/// Rewrites each scan of a graph, inner ones first, by a class with a constructor (Builder& outer, const Node& scan)
/// and a `run()` that gives the values to use instead of its results, or nothing. The graph's gradients must be
/// expanded.
template <class Rewriter>
Graph rewriteScans(Graph graph) {
  if (hasGrad(graph) || !hasScan(graph)) return graph;
  auto rule = [](Builder& b, const Node& node) -> std::optional<std::vector<Value>> {
    if (node.op != Op::Scan) return std::nullopt;
    return Rewriter(b, node).run();
  };
  return rebuild(std::move(graph), rule, rewriteScans<Rewriter>);
}

/// How often each value of a region is read, by nodes and outputs.
ValueTable<uint32_t> useCounts(const Graph& region);

}  // namespace nnc
