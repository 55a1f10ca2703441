// The final form of a kernel: dead instructions out, loops in memory order, neighbouring loops joined, operands
// numbered.
#include <fmt/format.h>

#include <algorithm>

#include "plan/draft.h"

namespace nnc::plan {
namespace {

void forEachIndex(Stage& stage, const std::function<void(Ix&)>& visit) {
  for (Inst& inst : stage.body) {
    if (inst.kind == Inst::Kind::Load || inst.kind == Inst::Kind::Index) visit(inst.index);
    for (Guard& g : inst.guards) visit(g.value);
  }
  for (Store& s : stage.stores) {
    visit(s.index);
    for (Guard& g : s.guards) visit(g.value);
  }
}

void markInsts(const Ix& ix, const std::function<void(uint32_t)>& mark) {
  for (const auto& [atom, factor] : ix.terms) {
    if (atom.kind == Atom::Kind::Inst) mark(atom.id);
    if (atom.arg) markInsts(*atom.arg, mark);
  }
}

void removeDead(Stage& stage, const Ranges& extents) {
  std::vector<bool> live(stage.body.size(), false);
  const auto mark = [&live](uint32_t id) { live[id] = true; };
  if (stage.kind == Stage::Kind::Reduce) mark(stage.value);
  for (const Store& s : stage.stores) {
    mark(s.value);
    markInsts(s.index, mark);
    for (const Guard& g : s.guards) markInsts(g.value, mark);
  }
  for (size_t i = stage.body.size(); i-- > 0;) {
    if (!live[i]) continue;
    const Inst& inst = stage.body[i];
    for (const uint32_t arg : inst.args) mark(arg);
    markInsts(inst.index, mark);
    for (const Guard& g : inst.guards) markInsts(g.value, mark);
  }
  std::vector<uint32_t> renamed(stage.body.size(), 0);
  Region kept;
  for (size_t i = 0; i < stage.body.size(); ++i)
    if (live[i]) {
      renamed[i] = static_cast<uint32_t>(kept.size());
      kept.push_back(std::move(stage.body[i]));
    }
  stage.body = std::move(kept);
  for (Inst& inst : stage.body)
    for (uint32_t& arg : inst.args) arg = renamed[arg];
  const auto rename = [&renamed](const Atom& atom) {
    return atom.kind == Atom::Kind::Inst ? Ix::inst(renamed[atom.id]) : Ix::iter(atom.id);
  };
  forEachIndex(stage, [&](Ix& ix) {
    bool any = false;
    markInsts(ix, [&any](uint32_t) { any = true; });
    if (any) ix = substitute(ix, rename, extents);
  });
  stage.value = stage.kind == Stage::Kind::Reduce ? renamed[stage.value] : 0;
  for (Store& s : stage.stores) s.value = renamed[s.value];
}

/// Stride of an iteration variable in an access, with symbols at their bounds; 0 where it does not occur plainly.
int64_t strideOf(const Ix& ix, uint32_t iter, const std::map<std::string, int64_t>& bounds) {
  const int64_t stride = ix.coefficient(iter).evaluate(bounds);
  return stride < 0 ? -stride : stride;
}

void sortByStride(std::vector<uint32_t>& iters, const Ix& access, const std::map<std::string, int64_t>& bounds) {
  std::stable_sort(iters.begin(), iters.end(),
                   [&](uint32_t a, uint32_t b) { return strideOf(access, a, bounds) > strideOf(access, b, bounds); });
}

/// The access that touches most of the given variables.
const Ix* widestLoad(const Stage& stage, const std::vector<uint32_t>& iters) {
  const Ix* best = nullptr;
  std::ptrdiff_t most = 0;
  for (const Inst& inst : stage.body) {
    if (inst.kind != Inst::Kind::Load) continue;
    const auto n =
        std::count_if(iters.begin(), iters.end(), [&](uint32_t i) { return inst.index.coefficient(i) != Dim(); });
    if (n > most) best = &inst.index, most = n;
  }
  return best;
}

const Ix* primaryStore(const Kernel& kernel) {
  const Ix* best = nullptr;
  size_t most = 0;
  for (const Stage& stage : kernel.stages)
    for (const Store& s : stage.stores)
      if (!best || stage.iters.size() > most) best = &s.index, most = stage.iters.size();
  return best;
}

/// Task variables of a contraction by which factors they move: both or none, the first, the second.
struct Roles {
  std::vector<uint32_t> batch, rows, columns;
  explicit Roles(const Kernel& kernel) {
    const Stage& reduce = kernel.stages[0];
    const Inst& product = reduce.body[reduce.value];
    for (const uint32_t i : kernel.taskIters) {
      const bool a = instDependsOn(reduce.body, product.args[0], i), b = instDependsOn(reduce.body, product.args[1], i);
      (a == b ? batch : a ? rows : columns).push_back(i);
    }
  }
};

void append(std::vector<uint32_t>& list, std::vector<uint32_t>::const_iterator begin,
            std::vector<uint32_t>::const_iterator end) {
  list.insert(list.end(), begin, end);
}

/// Batch, rows, columns, each in memory order, so that neighbours can be joined; a contraction with neither rows nor
/// columns has nothing to block.
void orderContraction(KernelDraft& draft, const std::map<std::string, int64_t>& bounds) {
  Kernel& kernel = draft.kernel;
  const Ix* store = primaryStore(kernel);
  Roles roles(kernel);
  if ((roles.rows.empty() && roles.columns.empty()) || kernel.stages[0].iters.empty()) {
    kernel.tmpl = Template::Loop;
    sortByStride(kernel.taskIters, *store, bounds);
    return;
  }
  for (auto* group : {&roles.batch, &roles.rows, &roles.columns}) sortByStride(*group, *store, bounds);
  // The columns are where the result is contiguous.
  if (roles.columns.empty() || (!roles.rows.empty() && strideOf(*store, roles.rows.back(), bounds) == 1)) {
    Inst& product = kernel.stages[0].body[kernel.stages[0].value];
    std::swap(product.args[0], product.args[1]);
    std::swap(roles.rows, roles.columns);
  }
  kernel.taskIters = roles.batch;
  append(kernel.taskIters, roles.rows.begin(), roles.rows.end());
  append(kernel.taskIters, roles.columns.begin(), roles.columns.end());
}

/// What could not be joined into the last column variable works like a batch: it goes before the rows.
void placeColumns(Kernel& kernel) {
  const Roles roles(kernel);
  kernel.taskIters = roles.batch;
  append(kernel.taskIters, roles.columns.begin(), roles.columns.end() - 1);
  append(kernel.taskIters, roles.rows.begin(), roles.rows.end());
  kernel.taskIters.push_back(roles.columns.back());
}

bool joins(const Ix& ix, uint32_t outer, uint32_t inner, const Dim& innerExtent) {
  for (const auto& [atom, factor] : ix.terms)
    if (atom.arg && (atom.arg->dependsOn(outer) || atom.arg->dependsOn(inner))) return false;
  return ix.coefficient(outer) == ix.coefficient(inner) * innerExtent;
}

bool joinEverywhere(Kernel& kernel, uint32_t outer, uint32_t inner) {
  const Dim extent = kernel.iters[inner].extent;
  bool all = true;
  for (Stage& stage : kernel.stages) forEachIndex(stage, [&](Ix& ix) { all = all && joins(ix, outer, inner, extent); });
  return all;
}

/// outer * extent + inner becomes one variable, the inner one.
void join(Kernel& kernel, uint32_t outer, uint32_t inner) {
  for (Stage& stage : kernel.stages)
    forEachIndex(stage, [&](Ix& ix) {
      if (const Dim c = ix.coefficient(outer); c != Dim()) ix = ix - Ix::iter(outer) * c;
    });
  kernel.iters[inner].extent = kernel.iters[outer].extent * kernel.iters[inner].extent;
}

void collapseList(Kernel& kernel, std::vector<uint32_t>& iters) {
  for (size_t i = iters.size(); i-- > 1;)
    if (joinEverywhere(kernel, iters[i - 1], iters[i])) {
      join(kernel, iters[i - 1], iters[i]);
      iters.erase(iters.begin() + static_cast<std::ptrdiff_t>(i - 1));
    }
}

std::string extentText(const Dim& d) {
  std::string text = d.str();
  for (char& c : text)
    if (!isalnum(static_cast<unsigned char>(c))) c = '_';
  return text;
}

std::string extentsText(const Kernel& kernel, const std::vector<uint32_t>& iters) {
  std::string text;
  for (const uint32_t i : iters) text += (text.empty() ? "" : "x") + extentText(kernel.iters[i].extent);
  return text.empty() ? "1" : text;
}

std::string nameOf(const Kernel& kernel) {
  static constexpr const char* kPrefix[] = {"loop", "gemm", "conv", "convw", "sort"};
  std::string name = kPrefix[static_cast<size_t>(kernel.tmpl)];
  const auto extent = [&kernel](uint32_t i) { return extentText(kernel.iters[i].extent); };
  if (kernel.tmpl == Template::Gemm) {
    std::vector<uint32_t> batch = kernel.taskIters;
    const uint32_t n = batch.back();
    batch.pop_back();
    std::string m = "1";
    if (!Roles(kernel).rows.empty()) m = extent(batch.back()), batch.pop_back();
    for (const uint32_t i : batch) name += "_b" + extent(i);
    name += fmt::format("_m{}_n{}_k{}", m, extent(n), extentsText(kernel, kernel.stages[0].iters));
  } else {
    name += "_" + extentsText(kernel, kernel.taskIters);
  }
  static constexpr const char* kFold[] = {"sum", "sum", "dot", "dot", "max", "argmax"};
  int listed = 0;
  for (const Stage& stage : kernel.stages) {
    const bool reduce = stage.kind == Stage::Kind::Reduce, contraction = reduce && isContraction(stage.fold);
    if (reduce && kernel.tmpl != Template::Gemm)
      name += fmt::format(".{}{}", kernel.tmpl != Template::Loop ? "r" : kFold[static_cast<size_t>(stage.fold)],
                          extentsText(kernel, stage.iters));
    for (const Inst& inst : stage.body)
      if (inst.kind == Inst::Kind::Op && inst.op != Op::Cast && !contraction && listed < 4)
        name += fmt::format(".{}", opInfo(inst.op).text), ++listed;
  }
  return name;
}

double countFlops(const Kernel& kernel, const std::map<std::string, int64_t>& bounds) {
  const auto points = [&](const std::vector<uint32_t>& iters) {
    double n = 1;
    for (const uint32_t i : iters) n *= static_cast<double>(kernel.iters[i].extent.most(bounds));
    return n;
  };
  double perTask = 0;
  for (const Stage& stage : kernel.stages) {
    auto ops = static_cast<double>(std::count_if(stage.body.begin(), stage.body.end(), [](const Inst& i) {
      return i.kind == Inst::Kind::Op && i.op != Op::Cast;
    }));
    if (stage.kind == Stage::Kind::Reduce) ops += 1;
    perTask += ops * points(stage.iters);
  }
  return perTask * points(kernel.taskIters);
}

void numberOperands(KernelDraft& draft) {
  std::vector<bool> used(draft.bind.size(), false);
  const auto each = [&](const std::function<void(uint32_t&)>& visit) {
    for (Stage& stage : draft.kernel.stages) {
      for (Inst& inst : stage.body)
        if (inst.kind == Inst::Kind::Load) visit(inst.operand);
      for (Store& s : stage.stores) visit(s.operand);
    }
  };
  each([&used](uint32_t& operand) { used[operand] = true; });
  std::vector<uint32_t> number(draft.bind.size(), 0);
  std::vector<BufId> bind;
  std::vector<bool> written;
  for (const bool wantWritten : {false, true})
    for (size_t i = 0; i < draft.bind.size(); ++i)
      if (used[i] && draft.written[i] == wantWritten) {
        number[i] = static_cast<uint32_t>(bind.size());
        bind.push_back(draft.bind[i]);
        written.push_back(wantWritten);
      }
  each([&number](uint32_t& operand) { operand = number[operand]; });
  draft.bind = std::move(bind);
  draft.written = std::move(written);
  draft.kernel.operands = static_cast<uint32_t>(draft.bind.size());
  draft.kernel.outputs = static_cast<uint32_t>(std::count(draft.written.begin(), draft.written.end(), true));
}

void numberIters(Kernel& kernel) {
  std::vector<uint32_t> number(kernel.iters.size(), UINT32_MAX);
  std::vector<Iter> iters;
  const auto take = [&](std::vector<uint32_t>& list, const char* prefix) {
    for (uint32_t& i : list) {
      number[i] = static_cast<uint32_t>(iters.size());
      iters.push_back({kernel.iters[i].extent, fmt::format("{}{}", prefix, iters.size())});
      i = number[i];
    }
  };
  take(kernel.taskIters, "t");
  for (Stage& stage : kernel.stages) take(stage.iters, stage.kind == Stage::Kind::Reduce ? "r" : "s");
  kernel.iters = std::move(iters);
  Ranges extents;
  for (const Iter& iter : kernel.iters) extents.push_back(iter.extent);
  for (Stage& stage : kernel.stages)
    forEachIndex(stage, [&](Ix& ix) {
      ix = substitute(
          ix,
          [&number](const Atom& atom) {
            return atom.kind == Atom::Kind::Inst ? Ix::inst(atom.id) : Ix::iter(number[atom.id]);
          },
          extents);
    });
}

}  // namespace

bool instDependsOn(const Region& region, uint32_t inst, uint32_t iter) {
  const Inst& i = region[inst];
  bool depends = i.index.dependsOn(iter);
  const auto visit = [&](uint32_t id) { depends = depends || instDependsOn(region, id, iter); };
  markInsts(i.index, visit);
  for (const Guard& g : i.guards) {
    depends = depends || g.value.dependsOn(iter);
    markInsts(g.value, visit);
  }
  for (const uint32_t arg : i.args) visit(arg);
  return depends;
}

void removeDeadInstructions(Kernel& kernel) {
  Ranges extents;
  for (const Iter& iter : kernel.iters) extents.push_back(iter.extent);
  for (Stage& stage : kernel.stages) removeDead(stage, extents);
}

void orderLoops(KernelDraft& draft, const std::map<std::string, int64_t>& bounds) {
  Kernel& kernel = draft.kernel;
  if (!draft.order.empty()) {
    const auto place = [&](uint32_t iter) {
      return std::find(draft.order.begin(), draft.order.end(), draft.iterInfo[iter].axis) - draft.order.begin();
    };
    std::stable_sort(kernel.taskIters.begin(), kernel.taskIters.end(),
                     [&](uint32_t a, uint32_t b) { return place(a) < place(b); });
    return;
  }
  if (kernel.tmpl == Template::Sort) return;
  if (const Ix* store = primaryStore(kernel); store && kernel.tmpl == Template::Loop)
    sortByStride(kernel.taskIters, *store, bounds);
  for (Stage& stage : kernel.stages) {
    if (stage.kind == Stage::Kind::Map) {
      // The order of accumulation, or of "last one wins", is the order of the indices.
      const bool ordered = std::any_of(stage.stores.begin(), stage.stores.end(),
                                       [](const Store& s) { return s.accumulate || !s.guards.empty(); });
      if (!stage.stores.empty() && !ordered) sortByStride(stage.iters, stage.stores[0].index, bounds);
    } else if (stage.fold == Stage::Fold::Sum || stage.fold == Stage::Fold::Max) {
      if (const Ix* load = widestLoad(stage, stage.iters)) sortByStride(stage.iters, *load, bounds);
    }
  }
  if (kernel.tmpl == Template::Gemm) orderContraction(draft, bounds);
}

void collapseLoops(Kernel& kernel) {
  if (kernel.tmpl == Template::Conv || kernel.tmpl == Template::ConvWeights || kernel.tmpl == Template::Sort) return;
  collapseList(kernel, kernel.taskIters);
  for (Stage& stage : kernel.stages) collapseList(kernel, stage.iters);
  if (kernel.tmpl == Template::Gemm) placeColumns(kernel);
}

void chooseSumOrders(Kernel& kernel) {
  constexpr int64_t kShort = 8;
  for (Stage& stage : kernel.stages) {
    const bool sums = stage.kind == Stage::Kind::Reduce && stage.fold == Stage::Fold::Sum && isFloat(stage.acc);
    if (!sums || stage.iters.empty()) continue;
    const uint32_t inner = stage.iters.back();
    const Dim& extent = kernel.iters[inner].extent;
    const Ix* load = widestLoad(stage, stage.iters);
    const Dim stride = load ? load->coefficient(inner) : Dim(1);
    const bool isShort = extent.isConst() && extent.value() < kShort;
    if (isShort || (stride != Dim(1) && stride != Dim(-1))) stage.fold = Stage::Fold::InOrder;
  }
}

void finishKernel(KernelDraft& draft, const std::map<std::string, int64_t>& bounds) {
  numberOperands(draft);
  numberIters(draft.kernel);
  draft.kernel.flops = countFlops(draft.kernel, bounds);
  draft.kernel.name = nameOf(draft.kernel);
}

}  // namespace nnc::plan
