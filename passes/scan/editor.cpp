#include "passes/scan/editor.h"

#include <algorithm>
#include <cassert>

namespace nnc {

ScanEditor::ScanEditor(Builder& outer, const Node& scan)
    : outer_(outer),
      count_(scan.attrs.dim("count")),
      reverse_(scan.attrs.flag("reverse")),
      origin_(scan.origin),
      name_(scan.name),
      bodyBuilder_(graph_) {}

Value ScanEditor::addArg(const Type& type, const std::string& name) {
  return appendArg(graph_, type, 0, origin_, name);
}

Value ScanEditor::find(const std::vector<Operand>& list, Value operand) {
  for (const Operand& entry : list)
    if (entry.outer == operand) return entry.arg;
  return {};
}

Value ScanEditor::constArg(Value operand, const std::string& name) {
  if (Value known = find(consts_, operand)) return known;
  consts_.push_back({operand, addArg(outer_.type(operand), name)});
  return consts_.back().arg;
}

Value ScanEditor::carryArg(Value init, const std::string& name) {
  carries_.push_back({init, addArg(outer_.type(init), name)});
  return carries_.back().arg;
}

Value ScanEditor::xArg(Value stacked, const std::string& name) {
  if (Value known = find(xs_, stacked)) return known;
  xs_.push_back({stacked, addArg(elementType(outer_.type(stacked)), name)});
  return xs_.back().arg;
}

Value ScanEditor::indexArg(const std::string& name) {
  if (!index_) index_ = addArg({DType::I64, {}}, name);
  return index_;
}

size_t ScanEditor::addY(Value v) {
  auto at = std::find(ys_.begin(), ys_.end(), v);
  if (at == ys_.end()) at = ys_.insert(at, v);
  return static_cast<size_t>(at - ys_.begin());
}

std::vector<Value> ScanEditor::finish() {
  assert(carryOuts_.size() == carries_.size());
  if (carryOuts_.empty() && ys_.empty()) return {};
  std::vector<Value> in;
  for (const auto* list : {&consts_, &carries_, &xs_})
    for (const Operand& operand : *list) {
      graph_.node(operand.arg).attrs.set("index", static_cast<int64_t>(in.size()));
      in.push_back(operand.outer);
    }
  if (index_) graph_.node(index_).attrs.set("index", static_cast<int64_t>(in.size()));
  for (const auto* list : {&carryOuts_, &ys_})
    for (Value v : *list) graph_.outputs.push_back({OutputRole::Result, "", v});
  Attrs attrs = {{"count", count_},
                 {"consts", static_cast<int64_t>(consts_.size())},
                 {"carries", static_cast<int64_t>(carries_.size())},
                 {"reverse", reverse_}};
  std::vector<Graph> regions;
  regions.push_back(std::move(graph_));
  std::vector<Value> results = outer_.makeMulti(Op::Scan, in, attrs, std::move(regions));
  Node& node = outer_.graph().node(results[0]);
  node.origin = origin_;
  node.name = name_;
  return results;
}

ValueTable<uint32_t> useCounts(const Graph& region) {
  ValueTable<uint32_t> counts;
  auto use = [&](Value v) { counts.set(v, counts.get(v) + 1); };
  for (const Node& node : region.nodes)
    for (Value v : node.in) use(v);
  for (const Output& output : region.outputs) use(output.value);
  return counts;
}

}  // namespace nnc
