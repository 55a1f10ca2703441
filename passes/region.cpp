#include "passes/region.h"

#include <cassert>

namespace nnc {

ScanLayout::ScanLayout(const Node& scan)
    : consts(static_cast<uint32_t>(scan.attrs.integer("consts"))),
      carries(static_cast<uint32_t>(scan.attrs.integer("carries"))),
      xs(static_cast<uint32_t>(scan.in.size()) - consts - carries),
      ys(static_cast<uint32_t>(scan.out.size()) - carries),
      count(scan.attrs.dim("count")),
      reverse(scan.attrs.flag("reverse")) {
  assert(scan.op == Op::Scan);
}

Attrs ScanLayout::attrs() const {
  return {{"count", count},
          {"consts", static_cast<int64_t>(consts)},
          {"carries", static_cast<int64_t>(carries)},
          {"reverse", reverse}};
}

std::vector<Value> regionArgs(const Graph& region, size_t count) {
  std::vector<Value> args(count);
  for (uint32_t i = 0; i < region.nodes.size(); ++i)
    if (region.nodes[i].op == Op::Arg) args.at(static_cast<size_t>(region.nodes[i].attrs.integer("index"))) = {i, 0};
  return args;
}

Value appendArg(Graph& region, const Type& type, size_t index, const Origin& origin, std::string name) {
  Node node;
  node.op = Op::Arg;
  node.attrs = {{"type", type}, {"index", static_cast<int64_t>(index)}};
  node.out = {type};
  node.origin = origin;
  node.name = std::move(name);
  return region.append(std::move(node));
}

Type elementType(const Type& stacked) {
  assert(stacked.rank() > 0);
  return {stacked.dtype, Shape(stacked.shape.begin() + 1, stacked.shape.end())};
}

Type stackedType(const Type& element, const Dim& count) {
  Type type = element;
  type.shape.insert(type.shape.begin(), count);
  return type;
}

}  // namespace nnc
