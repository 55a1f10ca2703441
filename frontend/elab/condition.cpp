// Conditions of the run: what must hold of the sizes that come with a call, because a position or a count follows from
// them. What the declared bounds prove needs no check, what they refute is a mistake now, the rest is checked at each
// call.
#include "frontend/elab/elaborator.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "ir/contains.h"

namespace nnc::elab {

namespace {

/// Least and largest value of a polynomial with each symbol between 0 and its bound, term by term.
std::pair<int64_t, int64_t> rangeOf(const Dim& d, const std::vector<Symbol>& symbols) {
  int64_t least = 0, most = 0;
  for (const auto& [monomial, coefficient] : d.terms()) {
    int64_t largest = coefficient;
    for (const std::string& name : monomial)
      for (const Symbol& s : symbols)
        if (s.name == name) largest *= s.bound;
    if (monomial.empty()) {
      least += coefficient;
      most += coefficient;
    } else {
      (coefficient < 0 ? least : most) += largest;
    }
  }
  return {least, most};
}

/// slack >= 0 without a minus: "P + m <= 8" of 8 - P - m.
std::string conditionText(const Dim& slack) {
  Dim small, large;
  for (const auto& [monomial, coefficient] : slack.terms()) {
    Dim term = std::abs(coefficient);
    for (const std::string& name : monomial) term = term * Dim::symbol(name);
    (coefficient < 0 ? small : large) = (coefficient < 0 ? small : large) + term;
  }
  return fmt::format("{} <= {}", small.str(), large.str());
}

}  // namespace

bool Elaborator::require(const Dim& small, const Dim& large) {
  const Dim slack = large - small;
  if (slack.isConst()) return slack.value() >= 0;
  if (rigid_ || !entry_) return true;
  const auto [least, most] = rangeOf(slack, entry_->symbols);
  if (least >= 0) return true;
  if (most < 0) return false;
  const auto implies = [](const Dim& a, const Dim& b) { return (b - a).isConst() && (b - a).value() >= 0; };
  std::vector<Condition>& all = entry_->conditions;
  if (std::ranges::any_of(all, [&](const Condition& c) { return implies(c.slack, slack); })) return true;
  std::erase_if(all, [&](const Condition& c) { return implies(slack, c.slack); });
  all.push_back({conditionText(slack), slack});
  return true;
}

void Elaborator::noteDivisor(const Dim& divisor, const Shape& shape) {
  const std::vector<std::string> own = elementCount(shape).symbols();
  const auto isOwn = [&](const std::string& s) { return contains(own, s); };
  const std::vector<std::string> symbols = divisor.symbols();
  if (std::all_of(symbols.begin(), symbols.end(), isOwn)) return;  // where it is 0 there is nothing to divide
  if (divisor.terms().size() > 1) return entry_->divisors.push_back(divisor);
  for (const std::string& s : symbols) entry_->divisors.push_back(Dim::symbol(s));  // 2*B*T is 0 where B or T is
}

std::optional<Dim> Elaborator::reachOf(const Val& v) const {
  if (v.is(ValKind::Int)) {
    const auto negative = [](const auto& term) { return term.second < 0; };
    if (std::any_of(v.dim.terms().begin(), v.dim.terms().end(), negative)) return std::nullopt;
    return v.dim + Dim(1);
  }
  if (!v.isTensor() || !isInteger(v.tensor.type.dtype)) return std::nullopt;
  return v.tensor.bound ? v.tensor.bound : v.tensor.reach;
}

void Elaborator::requireReach(const TensorVal& index, const Dim& extent) {
  const std::optional<Dim> reach = reachOf(Val::of(index));
  // Positions that would be outside whatever the sizes are clamped, as the language says.
  if (reach && !(extent - *reach).isConst()) require(*reach, extent);
}

void Elaborator::requireSomeCall() {
  for (const Symbol& s : entry_->symbols) {
    int64_t least = 0, most = s.bound;
    const Condition *lower = nullptr, *upper = nullptr;
    for (const Condition& c : entry_->conditions) {
      if (c.slack.symbols() != std::vector{s.name}) continue;
      const int64_t zero = c.slack.evaluate({{s.name, 0}}), step = c.slack.evaluate({{s.name, 1}}) - zero;
      if (c.slack != Dim(zero) + Dim(step) * Dim::symbol(s.name)) continue;
      if (step > 0 && (step - 1 - zero) / step > least) least = (step - 1 - zero) / step, lower = &c;
      if (step < 0 && zero / -step < most) most = zero / -step, upper = &c;
    }
    if (least > most && lower && upper)
      fail(DiagCode::BadIndex, entry_->loc,
           fmt::format("no call can meet what this needs: {} and {}", lower->text, upper->text));
  }
}

void Elaborator::requireInside(const Graph& graph, const std::vector<Dim>& rounds) {
  for (const Node& node : graph.nodes) {
    const auto need = [&](const Dim& small, const Dim& large) {
      if (require(small, large)) return;
      fail(DiagCode::BadOperation, node.origin.at ? node.origin.at : entry_->loc,
           fmt::format("`{}` needs {}, which the declared bounds rule out", opInfo(node.op).text,
                       conditionText(large - small)));
    };
    // `least` of an extent, where something is done at all: in loops of `rounds`, for results that have elements.
    const auto needSome = [&](const Dim& least, const Dim& extent, const Shape& result) {
      const auto implied = [&](const Dim& size) {
        const Dim spare = extent - least + Dim(1) - size;
        return spare.isConst() && spare.value() >= 0;
      };
      if (std::ranges::none_of(rounds, implied) && std::ranges::none_of(result, implied)) need(least, extent);
    };
    for (const Type& type : node.out)
      for (const Dim& extent : type.shape) need(0, extent);
    const Shape operand = node.in.empty() ? Shape{} : graph.type(node.in[0]).shape;
    if (node.op == Op::Slice) {
      for (size_t axis = 0; axis < operand.size(); ++axis) {
        need(0, node.attrs.dims("lo")[axis]);
        need(node.attrs.dims("hi")[axis], operand[axis]);
      }
    } else if (node.op == Op::DSlice || node.op == Op::DUpdate) {
      const Shape& block = node.op == Op::DSlice ? node.out[0].shape : graph.type(node.in[1]).shape;
      for (const int64_t axis : node.attrs.ints("axes")) needSome(block[axis], operand[axis], {});
    } else if (node.op == Op::Gather) {
      needSome(1, operand[node.attrs.integer("axis")], node.out[0].shape);
    }
    std::vector<Dim> inside = rounds;
    if (node.op == Op::Scan) inside.push_back(node.attrs.dim("count"));
    for (const Graph& region : node.regions) requireInside(region, inside);
  }
}

}  // namespace nnc::elab
