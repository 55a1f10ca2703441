#include "codegen/kernels/loop_reduce.h"

#include <algorithm>

namespace nnc::codegen {

using plan::Stage;

namespace {

/// The innermost loops of a stage are written out, turn by turn, while that makes no more scalar operations than this:
/// the windows of a pooling cost more in loop control than in work.
constexpr double kWrittenOutOps = 64;
/// Reductions that run in one loop, so that their sums find room in registers.
constexpr size_t kTogether = 4;

/// Whether an index is the same everywhere in the kernel, given which instructions are.
bool isInvariant(const plan::Ix& ix, const std::vector<bool>& invariant) {
  return std::all_of(ix.terms.begin(), ix.terms.end(), [&](const auto& term) {
    const plan::Atom& a = term.first;
    if (a.kind == plan::Atom::Kind::Iter) return false;
    return a.kind == plan::Atom::Kind::Inst ? static_cast<bool>(invariant[a.id]) : isInvariant(*a.arg, invariant);
  });
}

/// Instructions whose value is the same everywhere in the kernel and which read nothing it writes.
std::vector<bool> invariantsOf(const plan::Kernel& kernel, const Stage& stage) {
  std::vector<bool> invariant(stage.body.size(), false);
  for (size_t i = 0; i < stage.body.size(); ++i) {
    const plan::Inst& inst = stage.body[i];
    using Kind = plan::Inst::Kind;
    if (inst.kind == Kind::Const) invariant[i] = true;
    if (inst.kind == Kind::Index) invariant[i] = isInvariant(inst.index, invariant);
    if (inst.kind == Kind::Load) {
      bool written = inst.operand >= kernel.operands - kernel.outputs;
      invariant[i] = !written && inst.guards.empty() && isInvariant(inst.index, invariant);
    }
    if (inst.kind == Kind::Op) {
      invariant[i] =
          std::all_of(inst.args.begin(), inst.args.end(), [&](uint32_t a) { return static_cast<bool>(invariant[a]); });
    }
  }
  return invariant;
}

std::map<uint32_t, llvm::Value*> invariantValues(KernelEmitter& e, const plan::Kernel& kernel, const Stage& stage) {
  std::map<uint32_t, llvm::Value*> known;
  Point nowhere;
  nowhere.iters.assign(kernel.iters.size(), nullptr);
  std::vector<bool> invariant = invariantsOf(kernel, stage);
  for (uint32_t i = 0; i < invariant.size(); ++i) {
    if (invariant[i] && stage.body[i].kind != plan::Inst::Kind::Const)
      known[i] = emitInst(e, stage.body, i, nowhere, known);
  }
  return known;
}

}  // namespace

Point with(const Point& p, uint32_t iter, llvm::Value* value) {
  Point q = p;
  q.iters[iter] = value;
  return q;
}

llvm::Value* tailMask(KernelEmitter& e, llvm::Value* count, unsigned lanes) {
  llvm::Value* bounded = e.minimum(e.ir.CreateBinaryIntrinsic(llvm::Intrinsic::smax, count, e.i64(0)), e.i64(lanes));
  llvm::SmallVector<uint32_t> numbers;
  for (unsigned l = 0; l < lanes; ++l) numbers.push_back(l);
  llvm::Value* splatted = e.ir.CreateVectorSplat(lanes, e.ir.CreateTrunc(bounded, e.ir.getInt32Ty()));
  return e.ir.CreateICmpULT(llvm::ConstantDataVector::get(e.ir.getContext(), numbers), splatted);
}

KnownValues emitInvariants(KernelEmitter& e, const plan::Kernel& kernel) {
  KnownValues known;
  for (const Stage& s : kernel.stages) known.push_back(invariantValues(e, kernel, s));
  return known;
}

std::vector<size_t> LoopReducer::reductionsFrom(size_t first) const {
  std::vector<size_t> together = {first};
  const auto joins = [&](const Stage& stage) {
    const std::vector<uint32_t>& iters = kernel_.stages[first].iters;
    bool equal = stage.kind == Stage::Kind::Reduce && stage.iters.size() == iters.size() &&
                 hasLanes(stage) == hasLanes(kernel_.stages[first]);
    for (size_t d = 0; equal && d < iters.size(); ++d)
      equal = kernel_.iters[stage.iters[d]].extent == kernel_.iters[iters[d]].extent;
    return equal && std::none_of(stage.body.begin(), stage.body.end(), [&](const plan::Inst& inst) {
             return inst.kind == plan::Inst::Kind::Result && inst.stage >= first;
           });
  };
  while (!plain_ && together.size() < kTogether && together.back() + 1 < kernel_.stages.size() &&
         joins(kernel_.stages[together.back() + 1]))
    together.push_back(together.back() + 1);
  return together;
}

bool LoopReducer::isWrittenOut(const Stage& stage, size_t depth, size_t points) const {
  double ops = stageCost(stage, shape_.laneIter) * static_cast<double>(points);
  for (size_t d = depth; d < stage.iters.size(); ++d) {
    const Dim& extent = kernel_.iters[stage.iters[d]].extent;
    if (!extent.isConst()) return false;
    ops *= static_cast<double>(extent.value());
  }
  return !plain_ && ops <= kWrittenOutOps;
}

void LoopReducer::reduce(const std::vector<size_t>& numbers, Bundle& bundle) {
  if (hasLanes(kernel_.stages[numbers[0]])) {
    reduceRow(numbers, bundle[0]);
  } else {
    reduceColumns(numbers, bundle);
  }
}

/// In row style, where lanes may run along what is reduced.
bool LoopReducer::hasLanes(const Stage& stage) const {
  return !shape_.laneIter && !stage.iters.empty() && !isChain(stage.fold);
}

void LoopReducer::reduceColumns(const std::vector<size_t>& numbers, Bundle& bundle) {
  std::vector<Folder> folders;
  std::vector<FoldState> states;
  for (size_t number : numbers) {
    folders.emplace_back(e_, kernel_.stages[number], known_[number]);
    for (const Point& p : bundle) states.push_back(folders.back().start(p.lanes));
  }
  states = reduceNest(numbers, bundle, 0, states, [&](const Bundle& at, std::vector<FoldState> s) {
    for (size_t f = 0; f < folders.size(); ++f) {
      llvm::Value* position = positionOf(kernel_.stages[numbers[f]], at[0]);
      for (size_t u = 0; u < at.size(); ++u) {
        FoldState& state = s[f * at.size() + u];
        state = folders[f].step(state, at[u], position);
      }
    }
    return s;
  });
  for (size_t f = 0; f < folders.size(); ++f)
    for (size_t u = 0; u < bundle.size(); ++u)
      bundle[u].results[numbers[f]] = folders[f].result(states[f * bundle.size() + u]);
}

/// Row-major position in the stage's variables; only ArgMax pays for it.
llvm::Value* LoopReducer::positionOf(const Stage& stage, const Point& p) {
  llvm::Value* position = e_.i64(0);
  if (stage.fold != Stage::Fold::ArgMax) return position;
  for (uint32_t i : stage.iters) {
    position = e_.ir.CreateAdd(e_.ir.CreateMul(position, e_.dim(kernel_.iters[i].extent)), p.iters[i]);
  }
  return position;
}

/// Loops over the variables of stages `numbers` from `depth` (all but the last `skip`) with the fold states carried
/// along.
std::vector<FoldState> LoopReducer::reduceNest(const std::vector<size_t>& numbers, const Bundle& bundle, size_t depth,
                                               std::vector<FoldState> states, const Body& body, size_t skip) {
  const Stage& stage = kernel_.stages[numbers[0]];
  if (depth + skip >= stage.iters.size()) return body(bundle, states);
  auto inside = [&](llvm::Value* i, std::vector<FoldState> s) {
    Bundle at = bundle;
    for (Point& p : at)
      for (size_t number : numbers) p.iters[kernel_.stages[number].iters[depth]] = i;
    return reduceNest(numbers, at, depth + 1, std::move(s), body, skip);
  };
  const Dim& extent = kernel_.iters[stage.iters[depth]].extent;
  if (skip > 0 || !isWrittenOut(stage, depth, states.size()))
    return carry(e_.i64(0), e_.dim(extent), 1, states, inside);
  for (int64_t i = 0; i < extent.value(); ++i) states = inside(e_.i64(i), std::move(states));
  return states;
}

/// loopCarried over fold states.
std::vector<FoldState> LoopReducer::carry(
    llvm::Value* lo, llvm::Value* hi, int64_t step, const std::vector<FoldState>& states,
    const std::function<std::vector<FoldState>(llvm::Value*, std::vector<FoldState>)>& body) {
  auto unflatten = [&](const std::vector<llvm::Value*>& flat) {
    std::vector<FoldState> s;
    auto at = flat.begin();
    for (const FoldState& like : states) {
      s.emplace_back(at, at + static_cast<std::ptrdiff_t>(like.size()));
      at += static_cast<std::ptrdiff_t>(like.size());
    }
    return s;
  };
  auto flatten = [](const std::vector<FoldState>& s) {
    std::vector<llvm::Value*> flat;
    for (const FoldState& f : s) flat.insert(flat.end(), f.begin(), f.end());
    return flat;
  };
  return unflatten(
      e_.loopCarried(lo, hi, step, "reduce", flatten(states),
                     [&](llvm::Value* i, std::vector<llvm::Value*> s) { return flatten(body(i, unflatten(s))); }));
}

void LoopReducer::reduceRow(const std::vector<size_t>& numbers, Point& task) {
  std::vector<Folder> folders;
  std::vector<FoldState> chains;
  for (size_t number : numbers) {
    folders.emplace_back(e_, kernel_.stages[number], known_[number]);
    chains.insert(chains.end(), kRowChains, folders.back().start(kRowLanes));
  }
  chains = reduceNest(
      numbers, {task}, 0, chains,
      [&](const Bundle& at, std::vector<FoldState> s) { return foldRow(numbers, folders, at[0], std::move(s)); }, 1);
  for (size_t f = 0; f < folders.size(); ++f) {
    auto first = chains.begin() + static_cast<std::ptrdiff_t>(f * kRowChains);
    task.results[numbers[f]] = folders[f].finish({first, first + kRowChains});
  }
}

/// One run along the innermost variable: chain c, lane l takes the elements (64 i + 16 c + l).
std::vector<FoldState> LoopReducer::foldRow(const std::vector<size_t>& numbers, std::vector<Folder>& folders,
                                            const Point& p, std::vector<FoldState> chains) {
  llvm::Value* end = e_.dim(kernel_.iters[kernel_.stages[numbers[0]].iters.back()].extent);
  constexpr int64_t kStep = int64_t{kRowLanes} * kRowChains;
  llvm::Value* main = e_.ir.CreateSub(end, e_.ir.CreateURem(end, e_.i64(kStep)));
  auto stepAll = [&](llvm::Value* base, std::vector<FoldState> s, bool masked) {
    for (unsigned c = 0; c < kRowChains; ++c) {
      llvm::Value* at = e_.ir.CreateNSWAdd(base, e_.i64(int64_t{c} * kRowLanes));
      llvm::Value* mask = nullptr;
      if (masked) {
        llvm::Value* left = e_.ir.CreateSub(end, at);
        auto* known = llvm::dyn_cast<llvm::ConstantInt>(left);
        if (known && known->getSExtValue() <= 0) break;
        if (!known || known->getSExtValue() < int64_t{kRowLanes}) mask = tailMask(e_, left, kRowLanes);
      }
      for (size_t f = 0; f < folders.size(); ++f) {
        const Stage& stage = kernel_.stages[numbers[f]];
        Point q = with(p, stage.iters.back(), at);
        q.lanes = kRowLanes;
        q.laneIter = static_cast<int>(stage.iters.back());
        q.mask = mask;
        FoldState& state = s[f * kRowChains + c];
        state = folders[f].step(state, q, positionOf(stage, q));
      }
    }
    return s;
  };
  const auto rounds = [&](llvm::Value* from, llvm::Value* to, bool masked) {
    chains = carry(from, to, kStep, chains,
                   [&](llvm::Value* base, std::vector<FoldState> s) { return stepAll(base, std::move(s), masked); });
  };
  // The rest is at most one more round, run as a loop of at most one turn; less code masks all rounds.
  if (!plain_) rounds(e_.i64(0), main, false);
  rounds(plain_ ? e_.i64(0) : main, end, true);
  return chains;
}

}  // namespace nnc::codegen
