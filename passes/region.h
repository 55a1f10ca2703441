// How the operands, results and region arguments of a scan are numbered, in one place.
#pragma once

#include <vector>

#include "ir/graph.h"

namespace nnc {

/// Operands: consts…, carries…, xs…. Body arguments: the same, one element of each x, then the index t.
/// Results and body outputs: carries…, ys….
struct ScanLayout {
  uint32_t consts = 0, carries = 0, xs = 0, ys = 0;
  Dim count;
  bool reverse = false;

  explicit ScanLayout(const Node& scan);
  uint32_t operands() const { return consts + carries + xs; }
  uint32_t carryArg(uint32_t i) const { return consts + i; }
  uint32_t xArg(uint32_t i) const { return consts + carries + i; }
  uint32_t indexArg() const { return operands(); }
  bool isConst(uint32_t arg) const { return arg < consts; }
  bool isCarry(uint32_t arg) const { return arg >= consts && arg < consts + carries; }
  bool isX(uint32_t arg) const { return arg >= consts + carries && arg < operands(); }
  Attrs attrs() const;
};

/// The arguments of a region by index. An argument the region does not declare is an empty value.
std::vector<Value> regionArgs(const Graph& region, size_t count);
/// Appends the node of argument `index`.
Value appendArg(Graph& region, const Type& type, size_t index, const Origin& origin = {}, std::string name = {});
/// The type of one element of a stacked value, and back.
Type elementType(const Type& stacked);
Type stackedType(const Type& element, const Dim& count);

}  // namespace nnc
