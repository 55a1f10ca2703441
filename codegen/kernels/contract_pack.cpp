// Packing of a contraction's factors into panels, each element once through the factor's region.
#include <algorithm>

#include "codegen/kernels/contract.h"

namespace nnc::codegen {
namespace {

/// Transposes a square of lanes x lanes values held in registers: inside 128-bit blocks by interleaving, then the
/// blocks. These are the shuffles every x86 vector set has as one instruction.
class Transpose {
public:
  Transpose(KernelEmitter& e, unsigned lanes, int64_t elementBytes)
      : e_(e),
        lanes_(static_cast<int>(lanes)),
        perBlock_(static_cast<int>(16 / elementBytes)),
        blocks_(lanes_ / perBlock_) {}

  std::vector<llvm::Value*> run(const std::vector<llvm::Value*>& rows) {
    // parts[j][q]: in block i, column i·perBlock + j of the rows of group q.
    std::vector<std::vector<llvm::Value*>> parts(perBlock_);
    for (int q = 0; q < blocks_; ++q) {
      std::vector<llvm::Value*> group(rows.begin() + q * perBlock_, rows.begin() + (q + 1) * perBlock_);
      group = inBlocks(group);
      for (int j = 0; j < perBlock_; ++j) parts[j].push_back(group[j]);
    }
    std::vector<llvm::Value*> columns(lanes_);
    for (int j = 0; j < perBlock_; ++j) {
      std::vector<llvm::Value*> byBlock = ofBlocks(parts[j]);
      for (int i = 0; i < blocks_; ++i) columns[i * perBlock_ + j] = byBlock[i];
    }
    return columns;
  }

private:
  std::vector<llvm::Value*> inBlocks(const std::vector<llvm::Value*>& r) {
    if (perBlock_ == 2) return {interleave(r[0], r[1], 1, 0), interleave(r[0], r[1], 1, 1)};
    llvm::Value *low01 = interleave(r[0], r[1], 1, 0), *high01 = interleave(r[0], r[1], 1, 1);
    llvm::Value *low23 = interleave(r[2], r[3], 1, 0), *high23 = interleave(r[2], r[3], 1, 1);
    return {interleave(low01, low23, 2, 0), interleave(low01, low23, 2, 1), interleave(high01, high23, 2, 0),
            interleave(high01, high23, 2, 1)};
  }

  /// In each block, units of the low or high half of a and b in turn.
  llvm::Value* interleave(llvm::Value* a, llvm::Value* b, int unit, int high) {
    std::vector<int> mask;
    for (int l = 0; l < lanes_; ++l) {
      int inBlock = l % perBlock_, fromB = inBlock / unit % 2;
      int element = high * perBlock_ / 2 + inBlock / (2 * unit) * unit + inBlock % unit;
      mask.push_back(fromB * lanes_ + l - inBlock + element);
    }
    return e_.ir.CreateShuffleVector(a, b, mask);
  }

  /// Transposes blocks_ x blocks_ blocks.
  std::vector<llvm::Value*> ofBlocks(const std::vector<llvm::Value*>& v) {
    if (blocks_ == 1) return v;
    if (blocks_ == 2) return {pick(v[0], v[1], {0, 2}), pick(v[0], v[1], {1, 3})};
    llvm::Value *even01 = pick(v[0], v[1], {0, 2, 4, 6}), *odd01 = pick(v[0], v[1], {1, 3, 5, 7});
    llvm::Value *even23 = pick(v[2], v[3], {0, 2, 4, 6}), *odd23 = pick(v[2], v[3], {1, 3, 5, 7});
    return {pick(even01, even23, {0, 2, 4, 6}), pick(odd01, odd23, {0, 2, 4, 6}), pick(even01, even23, {1, 3, 5, 7}),
            pick(odd01, odd23, {1, 3, 5, 7})};
  }

  llvm::Value* pick(llvm::Value* a, llvm::Value* b, const std::vector<int>& which) {
    std::vector<int> mask;
    for (int block : which) {
      for (int l = 0; l < perBlock_; ++l) mask.push_back(block * perBlock_ + l);
    }
    return e_.ir.CreateShuffleVector(a, b, mask);
  }

  KernelEmitter& e_;
  int lanes_, perBlock_, blocks_;
};

/// Calls body(position in the block, point) for each run of k positions: step 1, or `lanes` with a mask for a run's
/// end.
void overReduction(KernelEmitter& e, const KBlocks& blocks, const KRange& range, const Point& at, unsigned lanes,
                   const std::function<void(llvm::Value*, const Point&)>& body) {
  e.loop(e.i64(0), range.outerCount, 1, "ko", [&](llvm::Value* o) {
    Point point = at;
    bindGroup(e, blocks.outer, e.ir.CreateAdd(range.outer0, o), point);
    llvm::Value* base = e.ir.CreateMul(o, range.innerCount);
    auto visit = [&](llvm::Value* i) {
      point.iters[blocks.inner] = e.ir.CreateAdd(range.inner0, i);
      body(e.ir.CreateAdd(base, i), point);
    };
    if (lanes == 1) {
      e.loop(e.i64(0), range.innerCount, 1, "ki", visit);
      return;
    }
    point.laneIter = static_cast<int>(blocks.inner);
    point.lanes = lanes;
    llvm::Value* whole = e.ir.CreateAnd(range.innerCount, e.i64(-int64_t(lanes)));
    e.loop(e.i64(0), whole, lanes, "ki", visit);
    e.ifThen(e.ir.CreateICmpSLT(whole, range.innerCount), [&] {
      point.mask = lanesBelow(e, lanes, whole, range.innerCount);
      visit(whole);
    });
  });
}

/// Calls body for every position of the block, the innermost variable outside: neighbours in memory one after the other
/// where loads run along the outer variable.
void overReductionAcross(KernelEmitter& e, const KBlocks& blocks, const KRange& range, const Point& at,
                         const std::function<void(llvm::Value*, const Point&)>& body) {
  e.loop(e.i64(0), range.innerCount, 1, "ki", [&](llvm::Value* i) {
    e.loop(e.i64(0), range.outerCount, 1, "ko", [&](llvm::Value* o) {
      Point point = at;
      bindGroup(e, blocks.outer, e.ir.CreateAdd(range.outer0, o), point);
      point.iters[blocks.inner] = e.ir.CreateAdd(range.inner0, i);
      body(e.ir.CreateAdd(e.ir.CreateMul(o, range.innerCount), i), point);
    });
  });
}

/// Whether loads are closer together along the outer variable of k than along the innermost.
bool closerAcross(const std::vector<const plan::Ix*>& indices, const KBlocks& blocks) {
  if (blocks.outer.iters.size() != 1) return false;
  return std::any_of(indices.begin(), indices.end(), [&](const plan::Ix* ix) {
    const Dim outer = ix->coefficient(blocks.outer.iters[0]), inner = ix->coefficient(blocks.inner);
    return outer.isConst() && inner.isConst() && outer.value() > 0 && outer.value() < inner.value();
  });
}

llvm::Value* factor(KernelEmitter& e, const Contraction& c, uint32_t root, const Point& point) {
  return emitInst(e, c.reduce->body, root, point);
}

/// Columns whose loads run along k: squares are gathered row by row, then transposed in registers. Columns beyond the
/// last repeat it. (One loop over the rows of a square keeps the code of a fused factor from being there once for each
/// lane.)
void packColumnsTransposed(KernelEmitter& e, const Contraction& c, const KBlocks& blocks, const KRange& range,
                           const Point& at, const ColumnPanels& to) {
  const Tile& tile = to.tile;
  llvm::Value* last = e.ir.CreateSub(e.dim(e.kernel.iters[c.n].extent), e.i64(1));
  llvm::Align align(tile.lanes * dtypeSize(c.dtype));
  auto* vector = llvm::FixedVectorType::get(e.scalarType(c.dtype), tile.lanes);
  llvm::Value* square = e.scratch(uint64_t(tile.lanes) * tile.lanes * dtypeSize(c.dtype));
  e.loop(e.i64(0), to.count, 1, "bpanel", [&](llvm::Value* panel) {
    llvm::Value* n0 = e.ir.CreateAdd(to.n0, e.ir.CreateMul(panel, e.i64(tile.width())));
    llvm::Value* dest = elementAddress(e, c.dtype, to.dest, e.ir.CreateMul(panel, e.i64(to.stride)));
    overReduction(e, blocks, range, at, tile.lanes, [&](llvm::Value* position, const Point& run) {
      e.loop(e.i64(0), e.i64(tile.width()), tile.lanes, "nv", [&](llvm::Value* v) {
        e.loop(e.i64(0), e.i64(tile.lanes), 1, "lane", [&](llvm::Value* l) {
          Point point = run;
          point.iters[c.n] = e.minimum(e.ir.CreateAdd(e.ir.CreateAdd(n0, v), l), last);
          e.ir.CreateAlignedStore(factor(e, c, c.b, point), e.ir.CreateInBoundsGEP(vector, square, l), align);
        });
        std::vector<llvm::Value*> values;
        for (unsigned l = 0; l < tile.lanes; ++l) {
          values.push_back(e.ir.CreateAlignedLoad(vector, e.ir.CreateConstInBoundsGEP1_64(vector, square, l), align));
        }
        values = Transpose(e, tile.lanes, dtypeSize(c.dtype)).run(values);
        for (unsigned l = 0; l < tile.lanes; ++l) {
          llvm::Value* row = e.ir.CreateMul(e.ir.CreateAdd(position, e.i64(l)), e.i64(tile.width()));
          e.ir.CreateAlignedStore(values[l], elementAddress(e, c.dtype, dest, e.ir.CreateAdd(row, v)), align);
        }
      });
    });
  });
}

/// Loops over items 0 … count-1: whole(i) for those below `full`, part(i) for the rest.
void wholeThenPart(KernelEmitter& e, llvm::Value* full, llvm::Value* count,
                   const std::function<void(llvm::Value*)>& whole, const std::function<void(llvm::Value*)>& part) {
  e.loop(e.i64(0), full, 1, "whole", whole);
  e.loop(full, count, 1, "part", part);
}

/// How many of `count` runs of `width` items, `step` apart from `first` on, end within `extent`.
llvm::Value* runsWithin(KernelEmitter& e, llvm::Value* first, int64_t width, int64_t step, llvm::Value* count,
                        const Dim& extent) {
  if (extent.isConst() && extent.value() % step == 0 && width <= step) return count;
  llvm::Value* left = e.ir.CreateSub(e.ir.CreateSub(e.dim(extent), first), e.i64(width - step));
  return e.minimum(e.ir.CreateUDiv(atLeast(e, left, 0), e.i64(step)), count);
}

/// Columns whose loads run along n, or along nothing: a row of all panels at a time, as it lies in memory.
void packColumnsDirect(KernelEmitter& e, const Contraction& c, const KBlocks& blocks, const KRange& range,
                       const Point& at, const ColumnPanels& to) {
  const Tile& tile = to.tile;
  llvm::Align align(tile.lanes * dtypeSize(c.dtype));
  const Dim& extent = e.kernel.iters[c.n].extent;
  llvm::Value* full = runsWithin(e, to.n0, tile.width(), tile.width(), to.count, extent);
  Point lanes = at;
  lanes.laneIter = static_cast<int>(c.n);
  lanes.lanes = tile.lanes;
  const auto packPosition = [&](llvm::Value* position, const Point& at1) {
    llvm::Value* row = elementAddress(e, c.dtype, to.dest, e.ir.CreateMul(position, e.i64(tile.width())));
    auto pack = [&](llvm::Value* panel, bool masked) {
      llvm::Value* n0 = e.ir.CreateAdd(to.n0, e.ir.CreateMul(panel, e.i64(tile.width())));
      llvm::Value* dest = elementAddress(e, c.dtype, row, e.ir.CreateMul(panel, e.i64(to.stride)));
      for (unsigned v = 0; v < tile.vectors; ++v) {
        Point point = at1;
        point.iters[c.n] = e.ir.CreateAdd(n0, e.i64(int64_t(v) * tile.lanes));
        if (masked) point.mask = lanesBelow(e, tile.lanes, point.iters[c.n], e.dim(extent));
        llvm::Value* value = factor(e, c, c.b, point);
        e.ir.CreateAlignedStore(value, elementAddress(e, c.dtype, dest, e.i64(int64_t(v) * tile.lanes)), align);
      }
    };
    wholeThenPart(
        e, full, to.count, [&](llvm::Value* panel) { pack(panel, false); },
        [&](llvm::Value* panel) { pack(panel, true); });
  };
  if (closerAcross(c.bIndices, blocks)) {
    overReductionAcross(e, blocks, range, lanes, packPosition);
  } else {
    overReduction(e, blocks, range, lanes, 1, packPosition);
  }
}

}  // namespace

void packColumns(KernelEmitter& e, const Contraction& c, const KBlocks& blocks, const KRange& range, const Point& at,
                 const ColumnPanels& to) {
  if (runsAlong(c.bIndices, blocks.inner, c.n)) {
    packColumnsTransposed(e, c, blocks, range, at, to);
  } else {
    packColumnsDirect(e, c, blocks, range, at, to);
  }
}

RowPanel rowPanelFor(const Contraction& c, const IterGroup& rows, const KBlocks& blocks, const Tile& tile) {
  RowPanel panel;
  auto upToLanes = [&](int64_t v) { return (v + tile.lanes - 1) / tile.lanes * tile.lanes; };
  if (rows.iters.size() == 1 && runsAlong(c.aIndices, rows.iters[0], blocks.inner)) {
    panel.from = RowPanel::From::Rows;
  } else if (blocks.across) {
    panel.from = RowPanel::From::AcrossK;
  }
  if (panel.from != RowPanel::From::K) {
    panel.rowStride = 1;
    panel.kStride = upToLanes(tile.rows);
    panel.size = blocks.capacity * panel.kStride;
  } else {
    // An odd number of vectors apart, so that rows do not fall into the same cache sets.
    int64_t vectors = (blocks.capacity + tile.lanes - 1) / tile.lanes;
    panel.rowStride = (vectors | 1) * tile.lanes;
    panel.kStride = 1;
    panel.size = panel.rowStride * tile.rows + tile.lanes;
  }
  return panel;
}

namespace {

/// Rows whose loads run along the rows: a step of k of all tiles at a time, as it lies in memory.
void packRowsAlongRows(KernelEmitter& e, const Contraction& c, const IterGroup& rows, const KBlocks& blocks,
                       const KRange& range, const Point& at, const RowPanels& to) {
  llvm::Align align(to.tile.lanes * dtypeSize(c.dtype));
  uint32_t rowIter = rows.iters[0];
  llvm::Value* full = runsWithin(e, to.row0, to.panel.kStride, to.tile.rows, to.count, rows.count);
  Point lanes = at;
  lanes.laneIter = static_cast<int>(rowIter);
  lanes.lanes = to.tile.lanes;
  overReduction(e, blocks, range, lanes, 1, [&](llvm::Value* position, const Point& at1) {
    llvm::Value* step = elementAddress(e, c.dtype, to.dest, e.ir.CreateMul(position, e.i64(to.panel.kStride)));
    auto pack = [&](llvm::Value* tile, bool masked) {
      llvm::Value* row = e.ir.CreateAdd(to.row0, e.ir.CreateMul(tile, e.i64(to.tile.rows)));
      llvm::Value* dest = elementAddress(e, c.dtype, step, e.ir.CreateMul(tile, e.i64(to.panel.size)));
      for (int64_t r = 0; r < to.panel.kStride; r += to.tile.lanes) {
        Point point = at1;
        point.iters[rowIter] = e.ir.CreateAdd(row, e.i64(r));
        if (masked) point.mask = lanesBelow(e, to.tile.lanes, point.iters[rowIter], e.dim(rows.count));
        e.ir.CreateAlignedStore(factor(e, c, c.a, point), elementAddress(e, c.dtype, dest, e.i64(r)), align);
      }
    };
    wholeThenPart(
        e, full, to.count, [&](llvm::Value* tile) { pack(tile, false); }, [&](llvm::Value* tile) { pack(tile, true); });
  });
}

/// Rows whose loads run along the outer variable of k: squares of rows by that variable, transposed in registers. What
/// lies beyond the last row is not written.
void packRowsAcrossK(KernelEmitter& e, const Contraction& c, const IterGroup& rows, const KBlocks& blocks,
                     const KRange& range, const Point& at, const RowPanels& to) {
  const Tile& tile = to.tile;
  llvm::Align align(tile.lanes * dtypeSize(c.dtype));
  auto* vector = llvm::FixedVectorType::get(e.scalarType(c.dtype), tile.lanes);
  llvm::Value* square = e.scratch(uint64_t(tile.lanes) * tile.lanes * dtypeSize(c.dtype));
  const uint32_t across = blocks.outer.iters[0];
  const Dim& extent = e.kernel.iters[across].extent;
  const bool whole = extent.isConst() && extent.value() % tile.lanes == 0 && blocks.outerStep % tile.lanes == 0;
  const auto pack = [&](llvm::Value* row0, llvm::Value* count, llvm::Value* o, llvm::Value* i, llvm::Value* dest) {
    Point point = at;
    point.iters[blocks.inner] = e.ir.CreateAdd(range.inner0, i);
    point.iters[across] = e.ir.CreateAdd(range.outer0, o);
    point.laneIter = static_cast<int>(across);
    point.lanes = tile.lanes;
    if (!whole) point.mask = lanesBelow(e, tile.lanes, point.iters[across], e.dim(extent));
    e.loop(e.i64(0), count, 1, "row", [&](llvm::Value* r) {
      Point here = point;
      bindGroup(e, rows, e.ir.CreateAdd(row0, r), here);
      e.ir.CreateAlignedStore(factor(e, c, c.a, here), e.ir.CreateInBoundsGEP(vector, square, r), align);
    });
    std::vector<llvm::Value*> values;
    for (unsigned r = 0; r < tile.lanes; ++r)
      values.push_back(e.ir.CreateAlignedLoad(vector, e.ir.CreateConstInBoundsGEP1_64(vector, square, r), align));
    values = Transpose(e, tile.lanes, dtypeSize(c.dtype)).run(values);
    for (unsigned l = 0; l < tile.lanes; ++l) {
      llvm::Value* step = e.ir.CreateAdd(o, e.i64(l));
      const auto store = [&] {
        llvm::Value* position = e.ir.CreateAdd(e.ir.CreateMul(step, range.innerCount), i);
        llvm::Value* address = elementAddress(e, c.dtype, dest, e.ir.CreateMul(position, e.i64(to.panel.kStride)));
        e.ir.CreateAlignedStore(values[l], address, align);
      };
      if (whole) {
        store();
      } else {
        e.ifThen(e.ir.CreateICmpSLT(step, range.outerCount), store);
      }
    }
  };
  e.loop(e.i64(0), to.count, 1, "atile", [&](llvm::Value* number) {
    llvm::Value* row0 = e.ir.CreateAdd(to.row0, e.ir.CreateMul(number, e.i64(tile.rows)));
    llvm::Value* dest = elementAddress(e, c.dtype, to.dest, e.ir.CreateMul(number, e.i64(to.panel.size)));
    for (int64_t first = 0; first < tile.rows; first += tile.lanes) {
      llvm::Value* from = e.ir.CreateAdd(row0, e.i64(first));
      llvm::Value* left = atLeast(e, e.ir.CreateSub(e.dim(rows.count), from), 0);
      llvm::Value* count = e.minimum(left, e.i64(std::min<int64_t>(tile.lanes, tile.rows - first)));
      e.loop(e.i64(0), range.outerCount, tile.lanes, "ko", [&](llvm::Value* o) {
        e.loop(e.i64(0), range.innerCount, 1, "ki",
               [&](llvm::Value* i) { pack(from, count, o, i, elementAddress(e, c.dtype, dest, e.i64(first))); });
      });
    }
  });
}

/// Rows whose loads run along k, or along nothing. What lies beyond the last row is not written.
void packRowsAlongK(KernelEmitter& e, const Contraction& c, const IterGroup& rows, const KBlocks& blocks,
                    const KRange& range, const Point& at, const RowPanels& to) {
  llvm::Align align(dtypeSize(c.dtype));
  e.loop(e.i64(0), to.count, 1, "atile", [&](llvm::Value* tile) {
    llvm::Value* row0 = e.ir.CreateAdd(to.row0, e.ir.CreateMul(tile, e.i64(to.tile.rows)));
    llvm::Value* dest = elementAddress(e, c.dtype, to.dest, e.ir.CreateMul(tile, e.i64(to.panel.size)));
    llvm::Value* count = e.minimum(e.ir.CreateSub(e.dim(rows.count), row0), e.i64(to.tile.rows));
    e.loop(e.i64(0), count, 1, "row", [&](llvm::Value* r) {
      Point point = at;
      bindGroup(e, rows, e.ir.CreateAdd(row0, r), point);
      llvm::Value* row = elementAddress(e, c.dtype, dest, e.ir.CreateMul(r, e.i64(to.panel.rowStride)));
      overReduction(e, blocks, range, point, to.tile.lanes, [&](llvm::Value* position, const Point& run) {
        e.ir.CreateAlignedStore(factor(e, c, c.a, run), elementAddress(e, c.dtype, row, position), align);
      });
    });
  });
}

}  // namespace

void packRows(KernelEmitter& e, const Contraction& c, const IterGroup& rows, const KBlocks& blocks, const KRange& range,
              const Point& at, const RowPanels& to) {
  switch (to.panel.from) {
    case RowPanel::From::Rows:
      return packRowsAlongRows(e, c, rows, blocks, range, at, to);
    case RowPanel::From::AcrossK:
      return packRowsAcrossK(e, c, rows, blocks, range, at, to);
    case RowPanel::From::K:
      return packRowsAlongK(e, c, rows, blocks, range, at, to);
  }
}

}  // namespace nnc::codegen
