#include "plan/layout.h"

namespace nnc::plan {

Layout LayoutTable::ofVariable(const std::string& path, const Shape& shape) const {
  const auto at = variables.find(path);
  return at == variables.end() ? rowMajor(shape) : at->second;
}

Layout LayoutTable::ofValue(const Graph& graph, Value v) const {
  if (const auto g = values.find(&graph); g != values.end())
    if (const auto at = g->second.find(v); at != g->second.end()) return at->second;
  return rowMajor(graph.type(v).shape);
}

LayoutTable chooseLayouts(const Module&, const PlanOptions&) { return {}; }

}  // namespace nnc::plan
