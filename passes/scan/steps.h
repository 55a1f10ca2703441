// All steps of a scan at once: a value of the body that depends on no carry, as one stacked value outside the scan.
#pragma once

#include <vector>

#include "passes/region.h"
#include "passes/rewrite.h"

namespace nnc {

class StepsAtOnce {
public:
  /// For a scan whose operands are values of the outer builder's graph. Finds out which values of its body can be
  /// lifted.
  StepsAtOnce(Builder& outer, const Node& scan);

  /// The same in every step (and computable outside).
  bool isInvariant(Value v) const { return kind_.get(v) == kSame; }
  /// Different from step to step, but no carry decides it, and each op on the way has a form for all steps.
  bool isLiftable(Value v) const { return kind_.get(v) == kStacked; }
  /// The outer value of an invariant one.
  Value outside(Value v);
  /// [count, …]: the values of all steps, for a liftable or an invariant value.
  Value stacked(Value v);

private:
  enum Kind : char { kNeither, kSame, kStacked };

  Kind kindOf(const Node& node) const;
  Value build(const Node& node);

  Builder& outer_;
  const Graph& body_;
  const Dim count_;
  ValueTable<char> kind_;
  ValueTable<Value> outside_, stacked_;
};

}  // namespace nnc
