// One row's computation applied to many rows at once: each value that depends on the row gets a leading axis.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "ir/builder.h"

namespace nnc::elab {

/// Where a leaf or argument of the row's graph comes from in the graph that is built.
struct RowInput {
  Value value;
  bool batched = false;  // it has the leading axis of extent n
};

/// Emits `row` for n rows through `b`; its outputs come back with a leading axis n. Nothing (and nothing emitted) if an
/// operation in it that depends on the row has no batched form: random draws, loops, convolutions.
std::optional<std::vector<Value>> vectorise(const Graph& row, const std::map<Value, RowInput>& inputs, const Dim& n,
                                            Builder& b);

}  // namespace nnc::elab
