// The loop emitter: any kernel as loops over its task points and stages. Column style runs the lanes over a task
// variable, so that each lane is a whole output; row style runs them over the innermost variable of each stage and
// folds 16 virtual lanes in 4 chains by a fixed tree. Which style, and how the work is cut, loop_shape.cpp decides from
// the kernel alone.
#include <algorithm>

#include "codegen/kernels/fold.h"
#include "codegen/kernels/loop_shape.h"
#include "codegen/scalar_ops.h"

namespace nnc::codegen {
namespace {

using plan::Stage;

/// Fewer scalar operations than this take about 5 µs: a second thread would not help.
constexpr double kSerialOps = 65536;

/// The innermost loops of a stage are written out, turn by turn, while that makes no more scalar operations than this:
/// the windows of a pooling cost more in loop control than in work.
constexpr double kWrittenOutOps = 64;
/// Reductions that run in one loop, so that their sums find room in registers.
constexpr size_t kTogether = 4;

/// Lanes of target vectors for a kernel: as many as its widest floats (or, without floats, elements) have room for.
/// Random numbers come four from a block of 64-bit lanes: twice as many floats fill a vector of blocks.
unsigned mapLanes(const Target& target, const plan::Kernel& kernel) {
  bool wide = false, random = false;
  for (const Stage& s : kernel.stages) {
    for (const plan::Inst& i : s.body) {
      wide |= i.dtype == DType::F64;
      random |= i.kind == plan::Inst::Kind::Op && i.op == Op::Rand;
    }
  }
  if (wide) return target.lanes(DType::F64);
  return target.lanes(DType::F32) * (random ? 2 : 1);
}

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

class LoopEmitter {
public:
  LoopEmitter(KernelEmitter& emitter, bool plain)
      : e(emitter),
        shape(shapeOf(e.kernel)),
        kernel(shape.kernel),
        plain(plain),
        lanes(plain ? 1 : mapLanes(e.target, kernel)) {
    // Few operations leave most of the time to loop control and latency: run several vectors at once.
    double ops = 0;
    for (const Stage& s : kernel.stages) ops += stageCost(s, std::nullopt);
    unroll = plain ? 1 : ops <= 10 ? 4 : ops <= 30 ? 2 : 1;
    if (shape.laneIter && laneExtent().isConst())
      while (unroll > 1 && int64_t{unroll} * lanes > laneExtent().value()) unroll /= 2;
  }

  void emit() {
    // The task grid; an axis with a single block is left out.
    std::vector<TaskAxis> axes;
    bool cutPoints = !shape.inOrder && !(shape.pointCount.isConst() && shape.pointCount.value() <= shape.pointBlock);
    bool cutLanes = shape.laneIter && !(laneExtent().isConst() && laneExtent().value() <= shape.laneBlock);
    if (cutPoints) axes.push_back({shape.pointCount, shape.pointBlock});
    if (cutLanes) axes.push_back({laneExtent(), shape.laneBlock});
    e.setTasks(axes);
    e.serial = shape.totalOps < kSerialOps;
    for (size_t i = 0; i < shape.rowBytes.size(); ++i)
      e.bindScratch(kernel.operands + static_cast<uint32_t>(i), shape.rowBytes[i]);
    for (const Stage& s : kernel.stages) invariants.push_back(emitInvariants(s));
    e.loop(e.task0, e.task1, 1, "task", [&](llvm::Value* task) {
      std::vector<llvm::Value*> at = e.taskCoordinates(task);
      Range points = cutPoints ? block(at.front(), shape.pointBlock, shape.pointCount) : whole(shape.pointCount);
      Range laneRange = cutLanes ? block(at.back(), shape.laneBlock, laneExtent()) : whole(laneExtent());
      Point origin;
      origin.iters.assign(kernel.iters.size(), e.i64(0));
      origin.results.assign(kernel.stages.size(), nullptr);
      forPoints(points, origin, [&](const Point& p) {
        if (shape.laneIter) {
          columns(p, laneRange, cutLanes);
        } else {
          rows(p);
        }
      });
    });
    e.ir.CreateRetVoid();
  }

private:
  struct Range {
    llvm::Value *lo, *hi;
  };
  using Bundle = std::vector<Point>;
  using PointBody = std::function<void(const Point&)>;

  Dim laneExtent() const { return shape.laneIter ? kernel.iters[*shape.laneIter].extent : Dim(1); }
  Range whole(const Dim& extent) { return {e.i64(0), e.dim(extent)}; }
  Range block(llvm::Value* number, int64_t size, const Dim& extent) {
    llvm::Value* lo = e.ir.CreateNSWMul(number, e.i64(size));
    return {lo, e.minimum(e.ir.CreateNSWAdd(lo, e.i64(size)), e.dim(extent))};
  }

  /// The values that are the same for all points, before the loops: stores in them would keep LLVM from moving the
  /// loads. A launch in place reads such a value only if it has a single point, which then reads it first too.
  std::map<uint32_t, llvm::Value*> emitInvariants(const Stage& stage) {
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

  // ---- task points --------------------------------------------------------------------------------------------------

  /// Runs over the flat numbers of points; divides once for each run along the innermost variable.
  void forPoints(Range flat, const Point& origin, const PointBody& body) {
    if (shape.points.empty()) {
      body(origin);
      return;
    }
    uint32_t inner = shape.points.back();
    if (shape.points.size() == 1) {
      e.loop(flat.lo, flat.hi, 1, "point", [&](llvm::Value* i) { body(with(origin, inner, i)); });
      return;
    }
    llvm::Value* extent = e.dim(kernel.iters[inner].extent);
    e.ifThen(e.ir.CreateICmpSLT(flat.lo, flat.hi), [&] {
      llvm::Value* firstRun = e.ir.CreateUDiv(flat.lo, extent);
      llvm::Value* lastRun = e.ir.CreateUDiv(e.ir.CreateSub(flat.hi, e.i64(1)), extent);
      e.loop(firstRun, e.ir.CreateAdd(lastRun, e.i64(1)), 1, "run", [&](llvm::Value* run) {
        Point p = origin;
        llvm::Value* rest = run;
        for (size_t d = shape.points.size() - 1; d-- > 0;) {
          llvm::Value* size = e.dim(kernel.iters[shape.points[d]].extent);
          p.iters[shape.points[d]] = d == 0 ? rest : e.ir.CreateURem(rest, size);
          rest = e.ir.CreateUDiv(rest, size);
        }
        llvm::Value* start = e.ir.CreateMul(run, extent);
        llvm::Value* lo = e.ir.CreateBinaryIntrinsic(llvm::Intrinsic::smax, e.ir.CreateSub(flat.lo, start), e.i64(0));
        llvm::Value* hi = e.minimum(e.ir.CreateSub(flat.hi, start), extent);
        e.loop(lo, hi, 1, "point", [&](llvm::Value* i) { body(with(p, inner, i)); });
      });
    });
  }

  static Point with(const Point& p, uint32_t iter, llvm::Value* value) {
    Point q = p;
    q.iters[iter] = value;
    return q;
  }

  // ---- runs of lanes
  // --------------------------------------------------------------------------------------------------

  /// `count` points from `base`, each `n` lanes further along `iter`.
  Bundle bundleAt(const Point& p, uint32_t iter, llvm::Value* base, unsigned count, unsigned n) {
    Bundle bundle;
    for (unsigned u = 0; u < count; ++u) {
      bundle.push_back(with(p, iter, e.ir.CreateNSWAdd(base, e.i64(int64_t{u} * n))));
      bundle.back().lanes = bundle.back().aligned = n;
      bundle.back().laneIter = n > 1 ? static_cast<int>(iter) : -1;
    }
    return bundle;
  }

  /// Cuts [lo, hi) of `iter` into bundles of vectors, single vectors and a tail, which is one masked vector or single
  /// elements where the target has no masked access. `multiple`: lo and hi are multiples of every vector length.
  void forLanes(const Point& p, uint32_t iter, Range range, bool multiple, const std::function<void(Bundle&)>& body) {
    llvm::Value* at = range.lo;
    auto stretch = [&](unsigned count) {
      int64_t step = int64_t{count} * lanes;
      llvm::Value* length = e.ir.CreateSub(range.hi, at);
      llvm::Value* whole = e.ir.CreateSub(length, e.ir.CreateURem(length, e.i64(step)));
      llvm::Value* end = e.ir.CreateAdd(at, whole);
      e.loop(at, end, step, "lanes", [&](llvm::Value* base) {
        Bundle bundle = bundleAt(p, iter, base, count, lanes);
        body(bundle);
      });
      at = end;
    };
    if (unroll > 1) stretch(unroll);
    stretch(1);
    if (multiple || lanes == 1) return;
    if (!maskedTails()) {
      e.loop(at, range.hi, 1, "tail", [&](llvm::Value* base) {
        Bundle bundle = bundleAt(p, iter, base, 1, 1);
        body(bundle);
      });
      return;
    }
    e.ifThen(e.ir.CreateICmpSLT(at, range.hi), [&] {
      Bundle bundle = bundleAt(p, iter, at, 1, lanes);
      bundle[0].mask = tailMask(e.ir.CreateSub(range.hi, at), lanes);
      body(bundle);
    });
  }

  bool maskedTails() const { return e.target.vectorBytes >= 32; }

  /// Lanes below `count` (i64, any value).
  llvm::Value* tailMask(llvm::Value* count, unsigned n) {
    llvm::Value* bounded = e.minimum(e.ir.CreateBinaryIntrinsic(llvm::Intrinsic::smax, count, e.i64(0)), e.i64(n));
    llvm::SmallVector<uint32_t> numbers;
    for (unsigned l = 0; l < n; ++l) numbers.push_back(l);
    llvm::Value* splatted = e.ir.CreateVectorSplat(n, e.ir.CreateTrunc(bounded, e.ir.getInt32Ty()));
    return e.ir.CreateICmpULT(llvm::ConstantDataVector::get(e.ir.getContext(), numbers), splatted);
  }

  bool isMultiple(const Dim& d) const { return d.isConst() && d.value() % lanes == 0; }

  // ---- column style
  // ---------------------------------------------------------------------------------------------------

  void columns(const Point& p, Range range, bool cut) {
    bool multiple = isMultiple(laneExtent()) && (!cut || shape.laneBlock % lanes == 0);
    forLanes(p, *shape.laneIter, range, multiple, [&](Bundle& bundle) {
      for (size_t s = 0; s < kernel.stages.size();) {
        if (kernel.stages[s].kind == Stage::Kind::Map) {
          mapNest(kernel.stages[s++], bundle, 0);
        } else {
          std::vector<size_t> together = reductionsFrom(s);
          reduceColumns(together, bundle);
          s += together.size();
        }
      }
    });
  }

  /// Reductions from stage `first` on that run over equal spaces and need none of each other's results: they share one
  /// loop and what they load in it.
  std::vector<size_t> reductionsFrom(size_t first) {
    std::vector<size_t> together = {first};
    const auto joins = [&](const Stage& stage) {
      const std::vector<uint32_t>& iters = kernel.stages[first].iters;
      bool equal = stage.kind == Stage::Kind::Reduce && stage.iters.size() == iters.size() &&
                   runsInOneLane(stage) == runsInOneLane(kernel.stages[first]);
      for (size_t d = 0; equal && d < iters.size(); ++d)
        equal = kernel.iters[stage.iters[d]].extent == kernel.iters[iters[d]].extent;
      return equal && std::none_of(stage.body.begin(), stage.body.end(), [&](const plan::Inst& inst) {
               return inst.kind == plan::Inst::Kind::Result && inst.stage >= first;
             });
    };
    while (!plain && together.size() < kTogether && together.back() + 1 < kernel.stages.size() &&
           joins(kernel.stages[together.back() + 1]))
      together.push_back(together.back() + 1);
    return together;
  }

  void mapPoints(const Stage& stage, const Bundle& bundle) {
    const auto& known = invariants[static_cast<size_t>(&stage - kernel.stages.data())];
    for (const Point& p : bundle) emitStores(e, stage, emitRegion(e, stage.body, p, known), p);
  }

  /// Whether the loop over the stage's variable `depth` is written out, and with it those inside.
  bool isWrittenOut(const Stage& stage, size_t depth, size_t points) const {
    double ops = stageCost(stage, shape.laneIter) * static_cast<double>(points);
    for (size_t d = depth; d < stage.iters.size(); ++d) {
      const Dim& extent = kernel.iters[stage.iters[d]].extent;
      if (!extent.isConst()) return false;
      ops *= static_cast<double>(extent.value());
    }
    return !plain && ops <= kWrittenOutOps;
  }

  void mapNest(const Stage& stage, const Bundle& bundle, size_t depth) {
    if (depth == stage.iters.size()) {
      mapPoints(stage, bundle);
      return;
    }
    uint32_t iter = stage.iters[depth];
    const auto inside = [&](llvm::Value* i) {
      Bundle at = bundle;
      for (Point& p : at) p.iters[iter] = i;
      mapNest(stage, at, depth + 1);
    };
    if (isWrittenOut(stage, depth, bundle.size())) {
      for (int64_t i = 0; i < kernel.iters[iter].extent.value(); ++i) inside(e.i64(i));
    } else {
      e.loop(e.i64(0), e.dim(kernel.iters[iter].extent), 1, "map", inside);
    }
  }

  /// Stages `numbers`, which reductionsFrom() has found to go together.
  void reduceColumns(const std::vector<size_t>& numbers, Bundle& bundle) {
    std::vector<Folder> folders;
    std::vector<FoldState> states;
    for (size_t number : numbers) {
      folders.emplace_back(e, kernel.stages[number], invariants[number]);
      for (const Point& p : bundle) states.push_back(folders.back().start(p.lanes));
    }
    states = reduceNest(numbers, bundle, 0, states, [&](const Bundle& at, std::vector<FoldState> s) {
      for (size_t f = 0; f < folders.size(); ++f) {
        llvm::Value* position = positionOf(kernel.stages[numbers[f]], at[0]);
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
  llvm::Value* positionOf(const Stage& stage, const Point& p) {
    llvm::Value* position = e.i64(0);
    if (stage.fold != Stage::Fold::ArgMax) return position;
    for (uint32_t i : stage.iters) {
      position = e.ir.CreateAdd(e.ir.CreateMul(position, e.dim(kernel.iters[i].extent)), p.iters[i]);
    }
    return position;
  }

  using ReduceBody = std::function<std::vector<FoldState>(const Bundle&, std::vector<FoldState>)>;

  /// Loops over the variables of stages `numbers` from `depth` (all but the last `skip`) with the fold states carried
  /// along.
  std::vector<FoldState> reduceNest(const std::vector<size_t>& numbers, const Bundle& bundle, size_t depth,
                                    std::vector<FoldState> states, const ReduceBody& body, size_t skip = 0) {
    const Stage& stage = kernel.stages[numbers[0]];
    if (depth + skip >= stage.iters.size()) return body(bundle, states);
    auto inside = [&](llvm::Value* i, std::vector<FoldState> s) {
      Bundle at = bundle;
      for (Point& p : at)
        for (size_t number : numbers) p.iters[kernel.stages[number].iters[depth]] = i;
      return reduceNest(numbers, at, depth + 1, std::move(s), body, skip);
    };
    const Dim& extent = kernel.iters[stage.iters[depth]].extent;
    if (skip > 0 || !isWrittenOut(stage, depth, states.size()))
      return carry(e.i64(0), e.dim(extent), 1, states, inside);
    for (int64_t i = 0; i < extent.value(); ++i) states = inside(e.i64(i), std::move(states));
    return states;
  }

  /// loopCarried over fold states.
  std::vector<FoldState> carry(
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
        e.loopCarried(lo, hi, step, "reduce", flatten(states),
                      [&](llvm::Value* i, std::vector<llvm::Value*> s) { return flatten(body(i, unflatten(s))); }));
  }

  // ---- row style
  // --------------------------------------------------------------------------------------------------------

  void rows(const Point& task) {
    Bundle one{task};
    for (size_t s = 0; s < kernel.stages.size();) {
      const Stage& stage = kernel.stages[s];
      if (stage.kind == Stage::Kind::Map) {
        mapRow(stage, one[0]);
        ++s;
        continue;
      }
      std::vector<size_t> together = reductionsFrom(s);
      if (runsInOneLane(stage)) {
        reduceColumns(together, one);
      } else {
        reduceRow(together, one[0]);
      }
      s += together.size();
    }
  }

  /// A reduction without lanes, in row style.
  bool runsInOneLane(const Stage& stage) const {
    return !shape.laneIter && (stage.iters.empty() || isChain(stage.fold));
  }

  void mapRow(const Stage& stage, const Point& task) {
    bool scalar = stage.iters.empty() || (accumulates(stage) && !lanesApart(kernel, stage, stage.iters.back()));
    if (scalar) {
      mapNest(stage, {task}, 0);
      return;
    }
    mapRowNest(stage, task, 0);
  }

  void mapRowNest(const Stage& stage, const Point& p, size_t depth) {
    uint32_t iter = stage.iters[depth];
    Range range = whole(kernel.iters[iter].extent);
    if (depth + 1 == stage.iters.size()) {
      forLanes(p, iter, range, isMultiple(kernel.iters[iter].extent),
               [&](Bundle& bundle) { mapPoints(stage, bundle); });
      return;
    }
    e.loop(range.lo, range.hi, 1, "map", [&](llvm::Value* i) { mapRowNest(stage, with(p, iter, i), depth + 1); });
  }

  void reduceRow(const std::vector<size_t>& numbers, Point& task) {
    std::vector<Folder> folders;
    std::vector<FoldState> chains;
    for (size_t number : numbers) {
      folders.emplace_back(e, kernel.stages[number], invariants[number]);
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
  std::vector<FoldState> foldRow(const std::vector<size_t>& numbers, std::vector<Folder>& folders, const Point& p,
                                 std::vector<FoldState> chains) {
    llvm::Value* end = e.dim(kernel.iters[kernel.stages[numbers[0]].iters.back()].extent);
    constexpr int64_t kStep = int64_t{kRowLanes} * kRowChains;
    llvm::Value* main = e.ir.CreateSub(end, e.ir.CreateURem(end, e.i64(kStep)));
    auto stepAll = [&](llvm::Value* base, std::vector<FoldState> s, bool masked) {
      for (unsigned c = 0; c < kRowChains; ++c) {
        llvm::Value* at = e.ir.CreateNSWAdd(base, e.i64(int64_t{c} * kRowLanes));
        llvm::Value* mask = nullptr;
        if (masked) {
          llvm::Value* left = e.ir.CreateSub(end, at);
          auto* known = llvm::dyn_cast<llvm::ConstantInt>(left);
          if (known && known->getSExtValue() <= 0) break;
          if (!known || known->getSExtValue() < int64_t{kRowLanes}) mask = tailMask(left, kRowLanes);
        }
        for (size_t f = 0; f < folders.size(); ++f) {
          const Stage& stage = kernel.stages[numbers[f]];
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
    if (!plain) rounds(e.i64(0), main, false);
    rounds(plain ? e.i64(0) : main, end, true);
    return chains;
  }

  KernelEmitter& e;
  LoopShape shape;
  const plan::Kernel& kernel;
  bool plain;
  unsigned lanes;
  unsigned unroll;
  std::vector<std::map<uint32_t, llvm::Value*>> invariants;  // by stage
};

}  // namespace

void emitLoopKernel(KernelEmitter& e, bool plain) {
  LoopEmitter(e, plain).emit();
}

}  // namespace nnc::codegen
