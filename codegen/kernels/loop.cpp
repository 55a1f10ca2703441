// The loop emitter: any kernel as loops over its task points and stages. Column style runs the lanes over a task
// variable, so that each lane is a whole output; row style runs them over the innermost variable of each stage and
// folds 16 virtual lanes in 4 chains by a fixed tree. Which style, and how the work is cut, loop_shape.cpp decides from
// the kernel alone.
#include <algorithm>

#include "codegen/kernels/loop_reduce.h"
#include "codegen/scalar_ops.h"

namespace nnc::codegen {
namespace {

using plan::Stage;

/// Fewer scalar operations than this take about 5 µs: a second thread would not help.
constexpr double kSerialOps = 65536;

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

class LoopEmitter {
public:
  LoopEmitter(KernelEmitter& emitter, bool plain)
      : e(emitter),
        shape(shapeOf(e.kernel)),
        kernel(shape.kernel),
        lanes(plain ? 1 : mapLanes(e.target, kernel)),
        reducer(e, shape, plain, invariants) {
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
    invariants = emitInvariants(e, kernel);
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
  using PointBody = std::function<void(const Point&)>;

  Dim laneExtent() const { return shape.laneIter ? kernel.iters[*shape.laneIter].extent : Dim(1); }
  Range whole(const Dim& extent) { return {e.i64(0), e.dim(extent)}; }
  Range block(llvm::Value* number, int64_t size, const Dim& extent) {
    llvm::Value* lo = e.ir.CreateNSWMul(number, e.i64(size));
    return {lo, e.minimum(e.ir.CreateNSWAdd(lo, e.i64(size)), e.dim(extent))};
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
      bundle[0].mask = tailMask(e, e.ir.CreateSub(range.hi, at), lanes);
      body(bundle);
    });
  }

  bool maskedTails() const { return e.target.vectorBytes >= 32; }
  bool isMultiple(const Dim& d) const { return d.isConst() && d.value() % lanes == 0; }

  // ---- column style
  // ---------------------------------------------------------------------------------------------------

  void columns(const Point& p, Range range, bool cut) {
    bool multiple = isMultiple(laneExtent()) && (!cut || shape.laneBlock % lanes == 0);
    forLanes(p, *shape.laneIter, range, multiple,
             [&](Bundle& bundle) { stages(bundle, [&](const Stage& stage) { mapNest(stage, bundle, 0); }); });
  }

  /// All stages in order; those that map by `map`.
  void stages(Bundle& bundle, const std::function<void(const Stage&)>& map) {
    for (size_t s = 0; s < kernel.stages.size();) {
      if (kernel.stages[s].kind == Stage::Kind::Map) {
        map(kernel.stages[s++]);
      } else {
        std::vector<size_t> together = reducer.reductionsFrom(s);
        reducer.reduce(together, bundle);
        s += together.size();
      }
    }
  }

  void mapPoints(const Stage& stage, const Bundle& bundle) {
    const auto& known = invariants[static_cast<size_t>(&stage - kernel.stages.data())];
    for (const Point& p : bundle) emitStores(e, stage, emitRegion(e, stage.body, p, known), p);
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
    if (reducer.isWrittenOut(stage, depth, bundle.size())) {
      for (int64_t i = 0; i < kernel.iters[iter].extent.value(); ++i) inside(e.i64(i));
    } else {
      e.loop(e.i64(0), e.dim(kernel.iters[iter].extent), 1, "map", inside);
    }
  }

  // ---- row style
  // --------------------------------------------------------------------------------------------------------

  void rows(const Point& task) {
    Bundle one{task};
    stages(one, [&](const Stage& stage) { mapRow(stage, one[0]); });
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

  KernelEmitter& e;
  LoopShape shape;
  const plan::Kernel& kernel;
  unsigned lanes;
  unsigned unroll;
  KnownValues invariants;
  LoopReducer reducer;
};

}  // namespace

void emitLoopKernel(KernelEmitter& e, bool plain) {
  LoopEmitter(e, plain).emit();
}

}  // namespace nnc::codegen
