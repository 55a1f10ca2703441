// Which kernels work on each row by itself.
#include <algorithm>

#include "plan/rows.h"

namespace nnc::plan {
namespace {

bool mentions(const Dim& d, const std::string& symbol) {
  const std::vector<std::string> symbols = d.symbols();
  return std::find(symbols.begin(), symbols.end(), symbol) != symbols.end();
}

bool mentions(const Ix& ix, const std::string& symbol) {
  return mentions(ix.constant, symbol) || std::any_of(ix.terms.begin(), ix.terms.end(), [&](const auto& term) {
           const auto& [atom, coefficient] = term;
           return mentions(coefficient, symbol) || mentions(atom.by, symbol) ||
                  (atom.arg && mentions(*atom.arg, symbol));
         });
}

class RowCheck {
public:
  RowCheck(const Kernel& kernel, const std::vector<const Type*>& operands, const std::string& symbol)
      : kernel_(kernel), operands_(operands), symbol_(symbol) {}

  bool holds() {
    if (kernel_.tmpl == Template::Sort || !findRows()) return false;
    return std::all_of(kernel_.stages.begin(), kernel_.stages.end(), [this](const Stage& stage) {
      return std::all_of(stage.body.begin(), stage.body.end(), [this](const Inst& inst) { return reads(inst); }) &&
             std::all_of(stage.stores.begin(), stage.stores.end(), [this](const Store& s) { return writes(s); });
    });
  }

private:
  /// The one task variable that runs over the rows, or over c parts of each, one after the other.
  bool findRows() {
    std::vector<uint32_t> found;
    for (uint32_t i = 0; i < kernel_.iters.size(); ++i)
      if (mentions(kernel_.iters[i].extent, symbol_)) found.push_back(i);
    if (found.size() != 1) return false;
    rows_ = found[0];
    if (std::find(kernel_.taskIters.begin(), kernel_.taskIters.end(), rows_) == kernel_.taskIters.end()) return false;
    const auto parts = kernel_.iters[rows_].extent.dividedBy(Dim::symbol(symbol_));
    if (!parts || !parts->isConst()) return false;
    parts_ = *parts;
    return true;
  }

  /// The same for all rows.
  bool isSame(const Ix& ix) const { return !ix.dependsOn(rows_) && !mentions(ix, symbol_); }

  bool areSame(const std::vector<Guard>& guards) const {
    return std::all_of(guards.begin(), guards.end(), [this](const Guard& g) {
      return isSame(g.value) && !mentions(g.lo, symbol_) && !mentions(g.hi, symbol_);
    });
  }

  /// Row · elements of a row + something. As the plan leaves no buffer, that something stays within the row.
  bool isInRow(const Ix& ix, const Dim& elements) const {
    if (ix.coefficient(rows_) * parts_ != elements || mentions(elements, symbol_)) return false;
    Ix rest = ix;
    std::erase_if(rest.terms,
                  [this](const auto& t) { return t.first.kind == Atom::Kind::Iter && t.first.id == rows_; });
    return isSame(rest) && std::none_of(rest.terms.begin(), rest.terms.end(),
                                        [](const auto& t) { return t.first.kind == Atom::Kind::Inst; });
  }

  bool reads(const Inst& inst) const {
    if (!areSame(inst.guards)) return false;
    if (inst.kind == Inst::Kind::Index) return isSame(inst.index);
    if (inst.kind != Inst::Kind::Load) return true;
    const Type& type = *operands_[inst.operand];
    if (!mentions(elementCount(type.shape), symbol_)) return isSame(inst.index);
    const auto elements = rowElements(type, symbol_);
    return elements && isInRow(inst.index, *elements);
  }

  bool writes(const Store& store) const {
    const auto elements = rowElements(*operands_[store.operand], symbol_);
    return !store.accumulate && areSame(store.guards) && elements && isInRow(store.index, *elements);
  }

  const Kernel& kernel_;
  const std::vector<const Type*>& operands_;
  const std::string& symbol_;
  uint32_t rows_ = 0;
  Dim parts_ = 1;
};

}  // namespace

std::optional<Dim> rowElements(const Type& type, const std::string& symbol) {
  const Dim count = elementCount(type.shape);
  return mentions(count, symbol) ? count.dividedBy(Dim::symbol(symbol)) : std::nullopt;
}

bool worksByRows(const Kernel& kernel, const std::vector<const Type*>& operands, const std::string& symbol) {
  return RowCheck(kernel, operands, symbol).holds();
}

}  // namespace nnc::plan
