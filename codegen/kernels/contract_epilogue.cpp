// The Map stage of a contraction kernel, run on a tile of finished sums while it is in the nearest cache.
#include "codegen/kernels/contract.h"

namespace nnc::codegen {
namespace {

void emitVector(KernelEmitter& e, const Contraction& c, Point point, const Tile& tile, llvm::Value* sums) {
  auto* type = llvm::FixedVectorType::get(e.scalarType(c.dtype), tile.lanes);
  llvm::Align align(tile.lanes * dtypeSize(c.dtype));
  point.results = {e.ir.CreateAlignedLoad(type, sums, align), nullptr};
  emitStores(e, *c.map, emitRegion(e, c.map->body, point), point);
}

}  // namespace

void emitEpilogue(KernelEmitter& e, const Contraction& c, const IterGroup& rows, const Point& at, llvm::Value* row0,
                  llvm::Value* count, llvm::Value* n0, const Tile& tile, llvm::Value* sums, int64_t rowStep) {
  const Dim& extent = e.kernel.iters[c.n].extent;
  bool exact = extent.isConst() && extent.value() % tile.lanes == 0;
  llvm::Value* columns = e.minimum(e.i64(tile.width()), e.ir.CreateSub(e.dim(extent), n0));
  if (extent.isConst() && extent.value() % tile.width() == 0) columns = e.i64(tile.width());
  e.loop(e.i64(0), count, 1, "row", [&](llvm::Value* r) {
    Point point = at;
    bindGroup(e, rows, e.ir.CreateAdd(row0, e.ir.CreateMul(r, e.i64(rowStep))), point);
    point.laneIter = static_cast<int>(c.n);
    point.lanes = tile.lanes;
    llvm::Value* row = elementAddress(e, c.dtype, sums, e.ir.CreateMul(r, e.i64(tile.width())));
    auto visit = [&](llvm::Value* v) {
      point.iters[c.n] = e.ir.CreateAdd(n0, v);
      emitVector(e, c, point, tile, elementAddress(e, c.dtype, row, v));
    };
    llvm::Value* whole = exact ? columns : e.ir.CreateAnd(columns, e.i64(-int64_t(tile.lanes)));
    e.loop(e.i64(0), whole, tile.lanes, "column", visit);
    if (exact) return;
    e.ifThen(e.ir.CreateICmpSLT(whole, columns), [&] {
      point.mask = lanesBelow(e, tile.lanes, whole, columns);
      visit(whole);
    });
  });
}

}  // namespace nnc::codegen
