// Choosing lanes and tasks for a loop kernel by a small cost model with 16 nominal lanes, whatever the target has.
#include "codegen/kernels/loop_shape.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "codegen/kernels/row_cache.h"

namespace nnc::codegen {

using plan::Atom;
using plan::Inst;
using plan::Ix;
using plan::Kernel;
using plan::Stage;

namespace {

constexpr int64_t kSymbolGuess = 64;  // a run-time extent, for estimates only
constexpr double kTaskOps = 16384;    // scalar operations that make a task worth its cost
constexpr double kNominalLanes = 16;
constexpr double kHorizontal = 24;  // folding the lanes of one row-style reduction

double guess(const Dim& d) {
  std::map<std::string, int64_t> symbols;
  for (const std::string& s : d.symbols()) symbols[s] = kSymbolGuess;
  return static_cast<double>(std::max<int64_t>(d.evaluate(symbols), 0));
}

/// Applies `visit` to every index expression of the kernel.
template <typename K, typename Visit>
void forEachIndex(K& kernel, Visit visit) {
  for (auto& stage : kernel.stages) {
    for (auto& inst : stage.body) {
      visit(inst.index);
      for (auto& g : inst.guards) visit(g.value);
    }
    for (auto& store : stage.stores) {
      visit(store.index);
      for (auto& g : store.guards) visit(g.value);
    }
  }
}

/// True if (outer, inner) could be one variable in this expression.
bool runsAsOne(const Ix& ix, uint32_t outer, uint32_t inner, const Dim& innerExtent) {
  for (const auto& [atom, coefficient] : ix.terms) {
    if (atom.arg && (atom.arg->dependsOn(outer) || atom.arg->dependsOn(inner))) return false;
  }
  return ix.coefficient(outer) == ix.coefficient(inner) * innerExtent;
}

void dropIter(Ix& ix, uint32_t iter) {
  std::erase_if(ix.terms, [&](const auto& t) { return t.first.kind == Atom::Kind::Iter && t.first.id == iter; });
}

void mergeList(Kernel& kernel, std::vector<uint32_t>& list) {
  // A variable of extent 1 is always 0, which is also what variables outside of all lists are bound to.
  std::erase_if(list, [&](uint32_t i) { return kernel.iters[i].extent == Dim(1); });
  for (size_t i = list.size(); i-- > 1;) {
    uint32_t outer = list[i - 1], inner = list[i];
    bool one = true;
    forEachIndex(std::as_const(kernel),
                 [&](const Ix& ix) { one &= runsAsOne(ix, outer, inner, kernel.iters[inner].extent); });
    if (!one) continue;
    forEachIndex(kernel, [&](Ix& ix) { dropIter(ix, outer); });
    kernel.iters[inner].extent = kernel.iters[outer].extent * kernel.iters[inner].extent;
    kernel.iters[outer].extent = 1;
    list.erase(list.begin() + static_cast<std::ptrdiff_t>(i) - 1);
    list[i - 1] = inner;
  }
}

/// Cost of reading or writing one element with lanes over `lane`: a run is one access for all lanes, else one for each.
double accessCost(const Ix& index, std::optional<uint32_t> lane) {
  if (!lane || !index.dependsOn(*lane)) return 1;
  bool plain = std::none_of(index.terms.begin(), index.terms.end(), [&](const auto& t) {
    return (t.first.arg && t.first.arg->dependsOn(*lane)) || t.first.kind == Atom::Kind::Inst;
  });
  Dim step = index.coefficient(*lane);
  if (plain && (step == Dim(1) || step == Dim(-1))) return 1;
  return kNominalLanes;
}

/// Share of lanes that do work.
double efficiency(double extent) {
  if (extent <= 0) return 1;
  return extent / (std::ceil(extent / kNominalLanes) * kNominalLanes);
}

double repetitions(const Kernel& kernel, const Stage& stage) {
  double n = 1;
  for (uint32_t i : stage.iters) n *= std::max(guess(kernel.iters[i].extent), 1.0);
  return n;
}

double columnCost(const Kernel& kernel, uint32_t lane) {
  double cost = 0;
  for (const Stage& s : kernel.stages) cost += repetitions(kernel, s) * stageCost(s, lane);
  return cost / (kNominalLanes * efficiency(guess(kernel.iters[lane].extent)));
}

double rowCost(const Kernel& kernel) {
  double cost = 0;
  for (const Stage& s : kernel.stages) {
    if (s.iters.empty()) {
      cost += stageCost(s, std::nullopt);
      continue;
    }
    uint32_t lane = s.iters.back();
    bool scalar = accumulates(s) && !lanesApart(kernel, s, lane);
    double lanes = scalar ? 1 : kNominalLanes * efficiency(guess(kernel.iters[lane].extent));
    cost += repetitions(kernel, s) * stageCost(s, scalar ? std::nullopt : std::optional(lane)) / lanes;
    if (s.kind == Stage::Kind::Reduce) cost += kHorizontal;
  }
  return cost;
}

int64_t blockFor(double ops, double opsOfOne) {
  return std::max<int64_t>(1, static_cast<int64_t>(ops / std::max(opsOfOne, 1.0)));
}

void chooseBlocks(LoopShape& shape) {
  double lanes = 1;
  if (shape.laneIter) {
    const Dim& extent = shape.kernel.iters[*shape.laneIter].extent;
    int64_t block = (blockFor(kTaskOps, shape.pointOps) + kLaneStep - 1) / kLaneStep * kLaneStep;
    if (extent.isConst() && static_cast<double>(extent.value()) * shape.pointOps <= 2 * kTaskOps) {
      block = std::max<int64_t>(extent.value(), 1);
    }
    shape.laneBlock = block;
    lanes = extent.isConst() ? static_cast<double>(std::min(extent.value(), block)) : static_cast<double>(kLaneStep);
  }
  shape.pointBlock = blockFor(kTaskOps, shape.pointOps * lanes);
}

}  // namespace

double opCost(Op op) {
  switch (op) {
    case Op::Exp:
    case Op::Expm1:
    case Op::Log:
    case Op::Log1p:
    case Op::Logistic:
      return 12;
    case Op::Tanh:
    case Op::Erf:
    case Op::Sin:
    case Op::Cos:
    case Op::Atan:
    case Op::Pow:
    case Op::Rand:
      return 24;
    case Op::Div:
    case Op::Sqrt:
      return 4;
    case Op::IDiv:
    case Op::Mod:
      return 16;
    default:
      return 1;
  }
}

bool accumulates(const Stage& stage) {
  return std::any_of(stage.stores.begin(), stage.stores.end(), [](const plan::Store& s) { return s.accumulate; });
}

bool lanesApart(const Kernel& kernel, const Stage& stage, uint32_t iter) {
  const Dim& extent = kernel.iters[iter].extent;
  if (!extent.isConst()) return false;
  return std::all_of(stage.stores.begin(), stage.stores.end(), [&](const plan::Store& s) {
    if (!s.accumulate) return true;
    // index = lane + rest, where rest moves in steps of at least the lane variable's extent
    if (s.index.coefficient(iter) != Dim(1)) return false;
    return std::all_of(s.index.terms.begin(), s.index.terms.end(), [&](const auto& t) {
      if (t.first.kind == Atom::Kind::Iter && t.first.id == iter) return true;
      if (t.first.arg && t.first.arg->dependsOn(iter)) return false;
      std::optional<Dim> rows = t.second.dividedBy(extent);
      return rows.has_value();
    });
  });
}

double stageCost(const Stage& stage, std::optional<uint32_t> laneIter) {
  double cost = stage.kind == Stage::Kind::Reduce ? 1 : 0;
  for (const Inst& i : stage.body) {
    if (i.kind == Inst::Kind::Op) cost += opCost(i.op);
    if (i.kind == Inst::Kind::Load) cost += accessCost(i.index, laneIter) + static_cast<double>(i.guards.size());
  }
  for (const plan::Store& s : stage.stores) cost += accessCost(s.index, laneIter) + (s.accumulate ? 1 : 0);
  return cost;
}

Kernel mergeIters(const Kernel& kernel) {
  Kernel merged = kernel;
  mergeList(merged, merged.taskIters);
  for (Stage& s : merged.stages) {
    // Stages may share variables; merging those would break the other stage.
    bool shared = std::any_of(merged.stages.begin(), merged.stages.end(), [&](const Stage& other) {
      return &other != &s && std::any_of(other.iters.begin(), other.iters.end(), [&](uint32_t i) {
        return std::find(s.iters.begin(), s.iters.end(), i) != s.iters.end();
      });
    });
    if (!shared) mergeList(merged, s.iters);
  }
  return merged;
}

LoopShape shapeOf(const Kernel& original) {
  LoopShape shape;
  shape.kernel = mergeIters(original);
  const Kernel& kernel = shape.kernel;
  bool scatter = std::any_of(kernel.stages.begin(), kernel.stages.end(), accumulates);

  // Lanes never run over a sum that is a chain, and always over an inner product and a sum of floats in lanes.
  const auto anyReduces = [&kernel](auto is) {
    return std::any_of(kernel.stages.begin(), kernel.stages.end(),
                       [is](const Stage& s) { return s.kind == Stage::Kind::Reduce && is(s); });
  };
  const bool rowsOnly = anyReduces(
      [](const Stage& s) { return s.fold == Stage::Fold::InnerDot || (s.fold == Stage::Fold::Sum && isFloat(s.acc)); });
  const bool chains = anyReduces([](const Stage& s) { return isChain(s.fold); });
  double best = rowsOnly ? 0 : chains ? std::numeric_limits<double>::infinity() : rowCost(kernel);
  for (size_t t = kernel.taskIters.size(); t-- > 0;) {
    uint32_t iter = kernel.taskIters[t];
    bool apart = std::all_of(kernel.stages.begin(), kernel.stages.end(),
                             [&](const Stage& s) { return lanesApart(kernel, s, iter); });
    if (scatter && !apart) continue;
    if (double cost = columnCost(kernel, iter); cost < best) {
      best = cost;
      shape.laneIter = iter;
    }
  }
  for (uint32_t i : kernel.taskIters) {
    if (i == shape.laneIter) continue;
    shape.points.push_back(i);
    shape.pointCount = shape.pointCount * kernel.iters[i].extent;
  }
  shape.pointOps = 0;
  for (const Stage& s : kernel.stages) shape.pointOps += repetitions(kernel, s) * stageCost(s, shape.laneIter);
  shape.pointOps = std::max(shape.pointOps, 1.0);
  shape.totalOps = shape.pointOps * guess(shape.pointCount);
  if (shape.laneIter) shape.totalOps *= guess(kernel.iters[*shape.laneIter].extent);
  shape.inOrder = scatter;
  chooseBlocks(shape);
  if (!shape.laneIter) shape.rowBytes = shareRows(shape.kernel);
  return shape;
}

}  // namespace nnc::codegen
