// The layout pass: in which order the digits of each value lie in memory. It decides cost only, never results: every
// access goes through the layout of its buffer.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "plan/plan.h"

namespace nnc::plan {

/// Layouts of variables (shared by all functions) and of the values of each graph of the module.
class LayoutTable {
public:
  Layout ofVariable(const std::string& path, const Shape& shape) const;
  Layout ofValue(const Graph& graph, Value v) const;

  std::map<std::string, Layout> variables;
  std::map<const Graph*, std::map<Value, Layout>> values;  // absent: row-major
};

/// The table refers to the graphs of `module` by address: it is valid while the module stays where it is.
LayoutTable chooseLayouts(const Module& module, const PlanOptions& options);

}  // namespace nnc::plan
