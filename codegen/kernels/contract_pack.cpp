// Packing of a contraction's factors into panels, each element once through the factor's region.
#include "codegen/kernels/contract.h"

namespace nnc::codegen {
namespace {

/// Transposes lanes x lanes values held in registers, by log2(lanes) rounds of interleaving halves.
std::vector<llvm::Value*> transpose(KernelEmitter& e, std::vector<llvm::Value*> rows) {
  int lanes = static_cast<int>(rows.size());
  for (int half = lanes / 2; half >= 1; half /= 2) {
    // Blocks of half x half: those off the diagonal of each pair of row groups change places.
    std::vector<int> low, high;
    for (int l = 0; l < lanes; ++l) {
      bool second = (l / half) % 2 == 1;
      low.push_back(second ? lanes + l - half : l);
      high.push_back(second ? lanes + l : l + half);
    }
    for (int r = 0; r < lanes; ++r) {
      if ((r / half) % 2 == 1) continue;
      llvm::Value *upper = rows[r], *lower = rows[r + half];
      rows[r] = e.ir.CreateShuffleVector(upper, lower, low);
      rows[r + half] = e.ir.CreateShuffleVector(upper, lower, high);
    }
  }
  return rows;
}

/// Calls body(position in the block, point) for each run of k positions: step 1, or `lanes` with a mask for a run's end.
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

llvm::Value* factor(KernelEmitter& e, const Contraction& c, uint32_t root, const Point& point) {
  return emitInst(e, c.reduce->body, root, point);
}

/// Columns whose loads run along k: squares are transposed in registers. Columns beyond the last repeat it.
void packColumnsTransposed(KernelEmitter& e, const Contraction& c, const KBlocks& blocks, const KRange& range,
                           const Point& at, llvm::Value* n0, const Tile& tile, llvm::Value* dest) {
  llvm::Value* last = e.ir.CreateSub(e.dim(e.kernel.iters[c.n].extent), e.i64(1));
  llvm::Align align(tile.lanes * dtypeSize(c.dtype));
  overReduction(e, blocks, range, at, tile.lanes, [&](llvm::Value* position, const Point& run) {
    e.loop(e.i64(0), e.i64(tile.width()), tile.lanes, "nv", [&](llvm::Value* v) {
      std::vector<llvm::Value*> values;
      for (unsigned l = 0; l < tile.lanes; ++l) {
        Point point = run;
        point.iters[c.n] = e.minimum(e.ir.CreateAdd(e.ir.CreateAdd(n0, v), e.i64(l)), last);
        values.push_back(factor(e, c, c.b, point));
      }
      values = transpose(e, std::move(values));
      for (unsigned l = 0; l < tile.lanes; ++l) {
        llvm::Value* row = e.ir.CreateMul(e.ir.CreateAdd(position, e.i64(l)), e.i64(tile.width()));
        e.ir.CreateAlignedStore(values[l], elementAddress(e, c.dtype, dest, e.ir.CreateAdd(row, v)), align);
      }
    });
  });
}

void packColumnsDirect(KernelEmitter& e, const Contraction& c, const KBlocks& blocks, const KRange& range, const Point& at,
                       llvm::Value* n0, const Tile& tile, llvm::Value* dest, llvm::Value* limit) {
  llvm::Align align(tile.lanes * dtypeSize(c.dtype));
  Point lanes = at;
  lanes.laneIter = static_cast<int>(c.n);
  lanes.lanes = tile.lanes;
  std::vector<llvm::Value*> masks(tile.vectors), columns(tile.vectors);
  for (unsigned v = 0; v < tile.vectors; ++v) {
    columns[v] = e.ir.CreateAdd(n0, e.i64(int64_t(v) * tile.lanes));
    if (limit) masks[v] = lanesBelow(e, tile.lanes, columns[v], limit);
  }
  overReduction(e, blocks, range, lanes, 1, [&](llvm::Value* position, const Point& at1) {
    llvm::Value* row = elementAddress(e, c.dtype, dest, e.ir.CreateMul(position, e.i64(tile.width())));
    for (unsigned v = 0; v < tile.vectors; ++v) {
      Point point = at1;
      point.iters[c.n] = columns[v];
      point.mask = masks[v];
      llvm::Value* value = factor(e, c, c.b, point);
      e.ir.CreateAlignedStore(value, elementAddress(e, c.dtype, row, e.i64(int64_t(v) * tile.lanes)), align);
    }
  });
}

/// Runs `whole` where the run first … first+width-1 ends within `extent`, else `part`.
void wholeOrPart(KernelEmitter& e, llvm::Value* first, int64_t width, const Dim& extent, int64_t step,
                 const std::function<void()>& whole, const std::function<void()>& part) {
  if (extent.isConst() && extent.value() % step == 0 && width <= step) return whole();
  if (extent.isConst() && extent.value() < width) return part();
  llvm::Value* fits = e.ir.CreateICmpSLE(e.ir.CreateAdd(first, e.i64(width)), e.dim(extent));
  e.ifThen(fits, whole);
  e.ifThen(e.ir.CreateNot(fits), part);
}

}  // namespace

void packColumns(KernelEmitter& e, const Contraction& c, const KBlocks& blocks, const KRange& range, const Point& at,
                 llvm::Value* n0, const Tile& tile, llvm::Value* dest) {
  if (runsAlong(c.bIndices, blocks.inner, c.n)) {
    packColumnsTransposed(e, c, blocks, range, at, n0, tile, dest);
    return;
  }
  const Dim& extent = e.kernel.iters[c.n].extent;
  wholeOrPart(
      e, n0, tile.width(), extent, tile.width(),
      [&] { packColumnsDirect(e, c, blocks, range, at, n0, tile, dest, nullptr); },
      [&] { packColumnsDirect(e, c, blocks, range, at, n0, tile, dest, e.dim(extent)); });
}

RowPanel rowPanelFor(const Contraction& c, const IterGroup& rows, const KBlocks& blocks, const Tile& tile) {
  RowPanel panel;
  auto upToLanes = [&](int64_t v) { return (v + tile.lanes - 1) / tile.lanes * tile.lanes; };
  panel.lanesOverRows = rows.iters.size() == 1 && runsAlong(c.aIndices, rows.iters[0], blocks.inner);
  if (panel.lanesOverRows) {
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

void packRowsAlongRows(KernelEmitter& e, const Contraction& c, uint32_t rowIter, const KBlocks& blocks, const KRange& range,
                       const Point& at, llvm::Value* row0, const Tile& tile, const RowPanel& panel, llvm::Value* dest,
                       llvm::Value* limit) {
  llvm::Align align(tile.lanes * dtypeSize(c.dtype));
  Point lanes = at;
  lanes.laneIter = static_cast<int>(rowIter);
  lanes.lanes = tile.lanes;
  overReduction(e, blocks, range, lanes, 1, [&](llvm::Value* position, const Point& at1) {
    for (int64_t r = 0; r < panel.kStride; r += tile.lanes) {
      Point point = at1;
      point.iters[rowIter] = e.ir.CreateAdd(row0, e.i64(r));
      if (limit) point.mask = lanesBelow(e, tile.lanes, point.iters[rowIter], limit);
      llvm::Value* value = factor(e, c, c.a, point);
      llvm::Value* index = e.ir.CreateAdd(e.ir.CreateMul(position, e.i64(panel.kStride)), e.i64(r));
      e.ir.CreateAlignedStore(value, elementAddress(e, c.dtype, dest, index), align);
    }
  });
}

void packRowsAlongK(KernelEmitter& e, const Contraction& c, const IterGroup& rows, const KBlocks& blocks,
                    const KRange& range, const Point& at, llvm::Value* row0, const Tile& tile, const RowPanel& panel,
                    llvm::Value* dest) {
  llvm::Value* last = e.ir.CreateSub(e.dim(rows.count), e.i64(1));
  llvm::Align align(dtypeSize(c.dtype));
  e.loop(e.i64(0), e.i64(tile.rows), 1, "row", [&](llvm::Value* r) {
    Point point = at;
    bindGroup(e, rows, e.minimum(e.ir.CreateAdd(row0, r), last), point);
    llvm::Value* row = elementAddress(e, c.dtype, dest, e.ir.CreateMul(r, e.i64(panel.rowStride)));
    overReduction(e, blocks, range, point, tile.lanes, [&](llvm::Value* position, const Point& run) {
      e.ir.CreateAlignedStore(factor(e, c, c.a, run), elementAddress(e, c.dtype, row, position), align);
    });
  });
}

}  // namespace

void packRows(KernelEmitter& e, const Contraction& c, const IterGroup& rows, const KBlocks& blocks, const KRange& range,
              const Point& at, llvm::Value* row0, const Tile& tile, const RowPanel& panel, llvm::Value* dest) {
  if (!panel.lanesOverRows) {
    packRowsAlongK(e, c, rows, blocks, range, at, row0, tile, panel, dest);
    return;
  }
  uint32_t iter = rows.iters[0];
  wholeOrPart(
      e, row0, panel.kStride, rows.count, tile.rows,
      [&] { packRowsAlongRows(e, c, iter, blocks, range, at, row0, tile, panel, dest, nullptr); },
      [&] { packRowsAlongRows(e, c, iter, blocks, range, at, row0, tile, panel, dest, e.dim(rows.count)); });
}

}  // namespace nnc::codegen
