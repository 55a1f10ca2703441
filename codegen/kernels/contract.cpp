// The roles of a contraction's iteration variables, merging of neighbouring ones, and blocks of the reduction.
#include "codegen/kernels/contract.h"

#include <algorithm>
#include <set>

namespace nnc::codegen {

using plan::Inst;
using plan::Ix;

namespace {

/// Instructions that `root` needs.
std::set<uint32_t> slice(const plan::Region& region, uint32_t root) {
  std::set<uint32_t> found;
  std::vector<uint32_t> open = {root};
  auto addAtoms = [&](const Ix& index, auto&& self) -> void {
    for (const auto& [atom, coefficient] : index.terms) {
      if (atom.kind == plan::Atom::Kind::Inst) open.push_back(atom.id);
      if (atom.arg) self(*atom.arg, self);
    }
  };
  while (!open.empty()) {
    uint32_t id = open.back();
    open.pop_back();
    if (!found.insert(id).second) continue;
    const Inst& inst = region[id];
    open.insert(open.end(), inst.args.begin(), inst.args.end());
    addAtoms(inst.index, addAtoms);
    for (const plan::Guard& guard : inst.guards) addAtoms(guard.value, addAtoms);
  }
  return found;
}

void addIndices(const Inst& inst, std::vector<const Ix*>& out) {
  if (inst.kind == Inst::Kind::Load || inst.kind == Inst::Kind::Index) out.push_back(&inst.index);
  for (const plan::Guard& guard : inst.guards) out.push_back(&guard.value);
}

std::vector<const Ix*> indicesOf(const plan::Region& region, uint32_t root) {
  std::vector<const Ix*> out;
  for (uint32_t id : slice(region, root)) addIndices(region[id], out);
  return out;
}

std::vector<const Ix*> indicesOf(const plan::Stage& stage) {
  std::vector<const Ix*> out;
  for (const Inst& inst : stage.body) addIndices(inst, out);
  for (const plan::Store& store : stage.stores) {
    out.push_back(&store.index);
    for (const plan::Guard& guard : store.guards) out.push_back(&guard.value);
  }
  return out;
}

bool anyDependsOn(const std::vector<const Ix*>& indices, uint32_t iter) {
  return std::any_of(indices.begin(), indices.end(), [&](const Ix* ix) { return ix->dependsOn(iter); });
}

/// Whether the variable occurs in a Div or Mod.
bool occursNested(const Ix& index, uint32_t iter) {
  return std::any_of(index.terms.begin(), index.terms.end(), [&](const auto& term) {
    const plan::Atom& atom = term.first;
    return atom.arg && atom.arg->dependsOn(iter);
  });
}

bool mergeable(const std::vector<const Ix*>& indices, uint32_t outer, uint32_t inner, const Dim& innerExtent) {
  return std::all_of(indices.begin(), indices.end(), [&](const Ix* ix) {
    return !occursNested(*ix, outer) && !occursNested(*ix, inner) &&
           ix->coefficient(outer) == ix->coefficient(inner) * innerExtent;
  });
}

}  // namespace

namespace {

/// The stages and the product of a contraction, the roles still open.
std::optional<Contraction> analyseStages(const plan::Kernel& kernel) {
  if (kernel.stages.size() != 2 || kernel.taskIters.empty()) return std::nullopt;
  Contraction c;
  c.reduce = &kernel.stages[0];
  c.map = &kernel.stages[1];
  if (c.reduce->kind != plan::Stage::Kind::Reduce || c.reduce->fold != plan::Stage::Fold::Dot) return std::nullopt;
  if (c.map->kind != plan::Stage::Kind::Map || !c.map->iters.empty() || c.reduce->iters.empty()) return std::nullopt;
  const Inst& product = c.reduce->body[c.reduce->value];
  c.dtype = c.reduce->acc;
  if (product.kind != Inst::Kind::Op || product.op != Op::Mul || product.dtype != c.dtype) return std::nullopt;
  if (c.dtype != DType::F32 && c.dtype != DType::F64) return std::nullopt;
  for (const plan::Store& store : c.map->stores) {
    if (store.accumulate) return std::nullopt;
  }
  c.a = product.args[0];
  c.b = product.args[1];
  c.aIndices = indicesOf(c.reduce->body, c.a);
  c.bIndices = indicesOf(c.reduce->body, c.b);
  c.mapIndices = indicesOf(*c.map);
  c.k = c.reduce->iters;
  return c;
}

void swapFactors(Contraction& c) {
  std::swap(c.a, c.b);
  std::swap(c.aIndices, c.bIndices);
}

/// Task variables but n: those that b depends on, and the others.
void splitTasks(const plan::Kernel& kernel, Contraction& c) {
  for (uint32_t iter : kernel.taskIters)
    if (iter != c.n) (anyDependsOn(c.bIndices, iter) ? c.batch : c.rows).push_back(iter);
}

}  // namespace

std::optional<Contraction> analyseContraction(const plan::Kernel& kernel) {
  std::optional<Contraction> c = analyseStages(kernel);
  if (!c) return std::nullopt;
  c->n = kernel.taskIters.back();
  if (anyDependsOn(c->aIndices, c->n)) swapFactors(*c);
  if (anyDependsOn(c->aIndices, c->n)) return std::nullopt;
  splitTasks(kernel, *c);
  return c;
}

std::optional<Contraction> analyseLanewise(const plan::Kernel& kernel, uint32_t n, unsigned a) {
  std::optional<Contraction> c = analyseStages(kernel);
  if (!c) return std::nullopt;
  c->n = n;
  c->lanewise = true;
  if (a == 1) swapFactors(*c);
  if (!anyDependsOn(c->aIndices, n)) return std::nullopt;
  splitTasks(kernel, *c);
  if (!c->batch.empty()) return std::nullopt;
  return c;
}

IterGroup groupIters(const plan::Kernel& kernel, const std::vector<uint32_t>& iters,
                     const std::vector<std::vector<const Ix*>>& indices) {
  IterGroup group;
  for (uint32_t iter : iters) {
    const Dim& extent = kernel.iters[iter].extent;
    group.count = group.count * extent;
    bool merge = !group.iters.empty() && std::all_of(indices.begin(), indices.end(), [&](const auto& list) {
      return mergeable(list, group.iters.back(), iter, extent);
    });
    if (merge) {
      group.merged.push_back(group.iters.back());
      group.iters.back() = iter;
      group.extents.back() = group.extents.back() * extent;
    } else {
      group.iters.push_back(iter);
      group.extents.push_back(extent);
    }
  }
  return group;
}

void bindGroup(KernelEmitter& e, const IterGroup& group, llvm::Value* flat, Point& point) {
  for (uint32_t iter : group.merged) point.iters[iter] = e.i64(0);
  for (size_t i = group.iters.size(); i-- > 0;) {
    if (i == 0) {
      point.iters[group.iters[i]] = flat;
    } else {
      llvm::Value* extent = e.dim(group.extents[i]);
      point.iters[group.iters[i]] = e.ir.CreateURem(flat, extent);
      flat = e.ir.CreateUDiv(flat, extent);
    }
  }
}

Point originPoint(KernelEmitter& e) {
  Point point;
  point.iters.assign(e.kernel.iters.size(), e.i64(0));
  return point;
}

bool runsAlong(const std::vector<const Ix*>& indices, uint32_t candidate, uint32_t other) {
  int forCandidate = 0, forOther = 0;
  for (const Ix* ix : indices) {
    forCandidate += ix->coefficient(candidate) == Dim(1);
    forOther += ix->coefficient(other) == Dim(1);
  }
  return forCandidate > forOther;
}

std::optional<int64_t> known(const Dim& d) {
  return d.isConst() ? std::optional(d.value()) : std::nullopt;
}

KBlocks cutReduction(const IterGroup& all, int64_t target, int64_t whole) {
  KBlocks blocks;
  blocks.inner = all.iters.back();
  blocks.innerExtent = all.extents.back();
  blocks.outer.iters.assign(all.iters.begin(), all.iters.end() - 1);
  blocks.outer.extents.assign(all.extents.begin(), all.extents.end() - 1);
  blocks.outer.merged = all.merged;
  for (const Dim& extent : blocks.outer.extents) blocks.outer.count = blocks.outer.count * extent;

  // Equal parts of about `target`: `steps` positions of `extent` at a time.
  auto equalised = [](const Dim& extent, int64_t step) {
    if (!extent.isConst() || extent.value() <= step)
      return extent.isConst() ? std::max<int64_t>(extent.value(), 1) : step;
    int64_t parts = (extent.value() + step - 1) / step;
    return (extent.value() + parts - 1) / parts;
  };
  if (all.count.isConst() && all.count.value() <= whole) target = whole;
  if (blocks.innerExtent.isConst() && blocks.innerExtent.value() <= target) {
    blocks.innerStep = std::max<int64_t>(blocks.innerExtent.value(), 1);
    blocks.outerStep = equalised(blocks.outer.count, std::max<int64_t>(target / blocks.innerStep, 1));
  } else {
    blocks.innerStep = equalised(blocks.innerExtent, target);
  }
  blocks.capacity = blocks.outerStep * blocks.innerStep;
  return blocks;
}

llvm::Value* KBlocks::count(KernelEmitter& e) const {
  llvm::Value* total =
      e.ir.CreateMul(e.ceilDiv(e.dim(outer.count), outerStep), e.ceilDiv(e.dim(innerExtent), innerStep));
  return atLeast(e, total, 1);
}

KRange KBlocks::range(KernelEmitter& e, llvm::Value* block) const {
  KRange r;
  llvm::Value* outerExtent = e.dim(outer.count);
  llvm::Value* inner = e.dim(innerExtent);
  // An empty reduction has one block of no positions.
  llvm::Value* innerBlocks = atLeast(e, e.ceilDiv(inner, innerStep), 1);
  r.outer0 = e.ir.CreateMul(e.ir.CreateUDiv(block, innerBlocks), e.i64(outerStep));
  r.inner0 = e.ir.CreateMul(e.ir.CreateURem(block, innerBlocks), e.i64(innerStep));
  r.outerCount = e.minimum(e.i64(outerStep), e.ir.CreateSub(outerExtent, r.outer0));
  r.innerCount = e.minimum(e.i64(innerStep), e.ir.CreateSub(inner, r.inner0));
  r.count = e.ir.CreateMul(r.outerCount, r.innerCount);
  return r;
}

llvm::Value* atLeast(KernelEmitter& e, llvm::Value* value, int64_t least) {
  if (auto* known = llvm::dyn_cast<llvm::ConstantInt>(value))
    return known->getSExtValue() < least ? e.i64(least) : value;
  return e.ir.CreateBinaryIntrinsic(llvm::Intrinsic::smax, value, e.i64(least));
}

llvm::Value* elementAddress(KernelEmitter& e, DType dtype, llvm::Value* base, llvm::Value* index) {
  return e.ir.CreateInBoundsGEP(e.scalarType(dtype), base, index);
}

llvm::Value* lanesBelow(KernelEmitter& e, unsigned lanes, llvm::Value* first, llvm::Value* limit) {
  std::vector<llvm::Constant*> numbers;
  for (unsigned l = 0; l < lanes; ++l) numbers.push_back(e.ir.getInt32(l));
  llvm::Value* left = e.ir.CreateTrunc(e.minimum(e.ir.CreateSub(limit, first), e.i64(lanes)), e.ir.getInt32Ty());
  return e.ir.CreateICmpSLT(llvm::ConstantVector::get(numbers), e.ir.CreateVectorSplat(lanes, left));
}

}  // namespace nnc::codegen
