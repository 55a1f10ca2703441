// The layout pass: in which order the digits of each value lie in memory. It decides cost only, never results: every
// access goes through the layout of its buffer.
#pragma once

#include <map>
#include <optional>
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

/// How an op carries a layout between its operands and its result; nothing where the op leaves it open.
std::optional<Layout> layoutForward(const Graph& graph, const Node& node, size_t operand, const Layout& layout);
std::optional<Layout> layoutBackward(const Graph& graph, const Node& node, size_t operand, const Layout& layout);

/// Between operands (0, 1) and the result (2) of a dot.
std::optional<Layout> dotLayout(const Graph& graph, const Node& dot, int from, const Layout& layout, int to);

/// The table refers to the graphs of `module` by address: it is valid while the module stays where it is.
LayoutTable chooseLayouts(const Module& module, const PlanOptions& options);

}  // namespace nnc::plan
