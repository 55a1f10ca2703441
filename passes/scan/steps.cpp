#include "passes/scan/steps.h"

#include <algorithm>
#include <cassert>

#include "ir/inner_product.h"
#include "ir/mapped.h"

namespace nnc {
namespace {

/// Mappable, and no dearer for all steps at once: a slice at a place of its own would become a gather.
bool hasStackedForm(const Node& node) {
  if (node.op == Op::DSlice || node.op == Op::Sort) return false;
  if (node.op == Op::Gather && node.attrs.integer("batch") != 0) return false;
  return isMappable(node.op);
}

}  // namespace

StepsAtOnce::StepsAtOnce(Builder& outer, const Node& scan)
    : outer_(outer), body_(scan.regions[0]), count_(scan.attrs.dim("count")) {
  const ScanLayout layout(scan);
  for (uint32_t i = 0; i < body_.nodes.size(); ++i) {
    const Node& node = body_.nodes[i];
    if (node.op != Op::Arg) {
      for (Value v : resultsOf(body_, i)) kind_.set(v, kindOf(node));
      continue;
    }
    const auto arg = static_cast<uint32_t>(node.attrs.integer("index"));
    const Value v = {i, 0};
    if (layout.isConst(arg)) {
      kind_.set(v, kSame);
      outside_.set(v, scan.in[arg]);
    } else if (layout.isX(arg)) {
      kind_.set(v, kStacked);
      stacked_.set(v, scan.in[arg]);
    }
  }
}

StepsAtOnce::Kind StepsAtOnce::kindOf(const Node& node) const {
  bool same = true;
  for (Value v : node.in) {
    if (kind_.get(v) == kNeither) return kNeither;
    same &= kind_.get(v) == kSame;
  }
  if (same) return node.op == Op::Scan || node.op == Op::Cond ? kNeither : kSame;
  // With one operand the same in all steps the step would be a free axis: a long inner product would add its terms in
  // another order.
  const auto isSame = [this](Value v) { return kind_.get(v) == kSame; };
  if (node.op == Op::Dot && std::any_of(node.in.begin(), node.in.end(), isSame) && isLongInnerProduct(body_, node))
    return kNeither;
  return hasStackedForm(node) ? kStacked : kNeither;
}

Value StepsAtOnce::outside(Value v) {
  if (Value known = outside_.get(v)) return known;
  assert(isInvariant(v));
  Node node = body_.node(v);
  for (Value& operand : node.in) operand = outside(operand);
  const Value first = outer_.graph().append(std::move(node));
  for (uint32_t r = 0; r < body_.nodes[v.node].out.size(); ++r) outside_.set({v.node, r}, {first.node, r});
  return outside_.get(v);
}

Value StepsAtOnce::stacked(Value v) {
  if (Value known = stacked_.get(v)) return known;
  Value all;
  if (isInvariant(v)) {
    all = outer_.broadcast(outside(v), {0}, {count_});
  } else {
    assert(isLiftable(v));
    const Node& node = body_.node(v);
    outer_.setOrigin(node.origin);
    all = build(node);
    if (outer_.graph().node(all).name.empty()) outer_.graph().node(all).name = node.name;
  }
  stacked_.set(v, all);
  return all;
}

Value StepsAtOnce::build(const Node& node) {
  std::vector<Value> in;
  std::vector<bool> mapped;
  for (Value v : node.in) {
    mapped.push_back(isLiftable(v));
    in.push_back(isLiftable(v) ? stacked(v) : outside(v));
  }
  return mapNode(outer_, node, in, mapped, count_)[0];
}

}  // namespace nnc
