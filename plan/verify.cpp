// The verifier's main line, and an entry at certain sizes.
#include "plan/verify.h"

#include <algorithm>

namespace nnc::plan {
namespace {

void verifyVariables(const Plan& plan, Violations& violations) {
  std::vector<std::pair<uint64_t, uint64_t>> places;  // begin, end
  for (const StoredVariable& v : plan.variables) {
    const auto bytes =
        static_cast<uint64_t>(elementCount(v.variable.type.shape).value() * dtypeSize(v.variable.type.dtype));
    places.emplace_back(v.offset, v.offset + bytes);
    if (v.offset % 64 != 0 || v.offset + bytes > plan.storeBytes)
      violations.report("the variable `{}` leaves the store or is not aligned", v.variable.path);
  }
  std::sort(places.begin(), places.end());
  for (size_t i = 1; i < places.size(); ++i)
    if (places[i].first < places[i - 1].second) violations.report("two variables share byte {}", places[i].first);
}

using SymbolSizes = std::map<std::string, int64_t>;

/// Moves the sizes on which a condition depends, all to one limit, until it holds: down from the bounds those that it
/// subtracts, or up from 1 those that it adds. No call has sizes beyond.
void meet(const Condition& condition, bool down, const SymbolSizes& bounds, SymbolSizes& sizes) {
  if (condition.slack.evaluate(sizes) >= 0) return;
  std::set<std::string> movable;
  for (const auto& [monomial, coefficient] : condition.slack.terms())
    if ((coefficient < 0) == down) movable.insert(monomial.begin(), monomial.end());
  const auto limited = [&](int64_t limit) {
    SymbolSizes moved = sizes;
    for (const std::string& name : movable)
      moved.at(name) = down ? std::min(moved.at(name), limit) : std::clamp(limit, moved.at(name), bounds.at(name));
    return moved;
  };
  int64_t holds = down ? 0 : 1, fails = 0;
  for (const std::string& name : movable) (down ? fails : holds) = std::max(down ? fails : holds, bounds.at(name));
  while (std::abs(holds - fails) > 1) {
    const int64_t middle = (holds + fails) / 2;
    (condition.slack.evaluate(limited(middle)) < 0 ? fails : holds) = middle;
  }
  sizes = limited(holds);
}

}  // namespace

EntryView::EntryView(const Plan& plan, const Entry& entry, Size size) : plan(plan), entry(entry) {
  for (const Symbol& s : entry.symbols) bounds[s.name] = s.bound;
  const bool down = size == Size::Largest;
  sizes = bounds;
  if (!down)
    for (auto& [name, value] : sizes) value = std::min<int64_t>(value, 1);
  for (const Condition& c : entry.conditions) meet(c, down, bounds, sizes);
  const auto holds = [this](const Condition& c) { return c.slack.evaluate(sizes) >= 0; };
  if (!down && !std::all_of(entry.conditions.begin(), entry.conditions.end(), holds))
    sizes = EntryView(plan, entry, Size::Largest).sizes;
  for (const Step& step : entry.steps)
    for (const Slice& s : step.slices)
      if (s.slice != s.whole) wholes[s.slice] = s.whole;
}

BufId EntryView::storageOf(BufId b) const {
  for (size_t depth = 0; depth <= wholes.size(); ++depth) {
    const auto whole = wholes.find(b);
    if (whole == wholes.end()) break;
    b = whole->second;
  }
  return b;
}

bool EntryView::overlap(BufId a, BufId b) const {
  a = storageOf(a), b = storageOf(b);
  if (a == b) return true;
  const Buffer &x = buffer(a), &y = buffer(b);
  if (x.role != y.role || !isTemporary(x)) return false;
  return x.offset < y.offset + y.bytesAtBound && y.offset < x.offset + x.bytesAtBound;
}

std::vector<int64_t> EntryView::extentsOf(const Kernel& kernel) const {
  std::vector<int64_t> extents;
  for (const Iter& iter : kernel.iters) extents.push_back(at(iter.extent));
  return extents;
}

int64_t EntryView::pointsOf(const Kernel& kernel, const Stage& stage) const {
  int64_t points = 1;
  for (const auto* iters : {&kernel.taskIters, &stage.iters})
    for (const uint32_t i : *iters) points *= at(kernel.iters[i].extent);
  return points;
}

std::vector<std::string> verifyPlan(const Plan& plan) {
  std::vector<std::string> list;
  Violations violations(list);
  verifyVariables(plan, violations);
  for (const Kernel& kernel : plan.kernels) verifyKernel(kernel, violations);
  // Each part relies on what the one before has found right.
  for (const auto& part : {verifyEntry, verifyLaunches, verifyStorage, verifyBlocks}) {
    if (!violations.none()) break;
    for (const Entry& entry : plan.entries) {
      violations.inEntry(entry.name);
      for (const auto size : {EntryView::Size::Largest, EntryView::Size::Smallest})
        part(EntryView(plan, entry, size), violations);
    }
  }
  return list;
}

}  // namespace nnc::plan
