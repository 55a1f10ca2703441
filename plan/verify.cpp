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

/// The symbols that some extent of the entry subtracts.
std::set<std::string> subtracted(const Plan& plan, const Entry& entry) {
  std::set<std::string> names;
  const auto look = [&](const Dim& d) {
    for (const auto& [monomial, coefficient] : d.terms())
      if (coefficient < 0) names.insert(monomial.begin(), monomial.end());
  };
  for (const Buffer& b : entry.buffers) std::ranges::for_each(b.type.shape, look);
  for (const Step& step : entry.steps) look(step.trip);
  for (const Phase& phase : entry.phases)
    for (const Launch& launch : phase.launches)
      if (launch.kernel < plan.kernels.size())
        for (const Iter& iter : plan.kernels[launch.kernel].iters) look(iter.extent);
  return names;
}

}  // namespace

EntryView::EntryView(const Plan& plan, const Entry& entry, Size size) : plan(plan), entry(entry) {
  for (const Symbol& s : entry.symbols) bounds[s.name] = s.bound;
  sizes = bounds;
  const std::set<std::string> shrunk = size == Size::Widest ? subtracted(plan, entry) : std::set<std::string>();
  for (auto& [name, value] : sizes)
    if (size == Size::Smallest || shrunk.contains(name)) value = std::min<int64_t>(value, 1);
  const auto holds = [this](const Condition& c) { return c.slack.evaluate(sizes) >= 0; };
  const auto allHold = [&] { return std::ranges::all_of(entry.conditions, holds); };
  // What one condition moves may break another.
  for (size_t round = 0; round <= entry.conditions.size() && !allHold(); ++round)
    for (const bool down : {size != Size::Smallest, size == Size::Smallest})
      for (const Condition& c : entry.conditions) meet(c, down, bounds, sizes);
  isCall = allHold();
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
      for (const auto size : {EntryView::Size::Largest, EntryView::Size::Smallest, EntryView::Size::Widest})
        if (const EntryView view(plan, entry, size); view.isCall) part(view, violations);
    }
  }
  return list;
}

}  // namespace nnc::plan
