// What the emitters of contraction kernels (GEMM, convolution, weight gradients) share: the roles of a kernel's
// iteration variables, the register tile, packing of both factors through their regions, the micro-kernel and the
// epilogue.
//
// Every output is one chain of multiply-adds over the reduce variables in row-major order, starting from 0: tiles,
// blocks and the cut into tasks never change a bit. Packing evaluates a factor's region once for each element of a
// panel, so a factor may be any fused elementwise expression over guarded, strided or reversed loads.
#pragma once

#include <functional>
#include <optional>

#include "codegen/emitter.h"

namespace nnc::codegen {

/// A contraction out[batch…, rows…, n] = epilogue(Σ_k a[batch, rows, k] · b[batch, k, n]).
struct Contraction {
  const plan::Stage* reduce = nullptr;
  const plan::Stage* map = nullptr;
  uint32_t a = 0, b = 0;                                        // the factors: instructions of reduce->body
  DType dtype = DType::F32;                                     // of factors and accumulators: f32 or f64
  std::vector<uint32_t> batch;                                  // task variables that b depends on, except n
  std::vector<uint32_t> rows;                                   // task variables that b does not depend on
  std::vector<uint32_t> k;                                      // reduce variables, outer to inner
  uint32_t n = 0;                                               // the lanes: the last task variable, if a does not
                                                                // depend on it
  bool lanewise = false;                                        // a depends on n: each lane has an a of its own
  std::vector<const plan::Ix*> aIndices, bIndices, mapIndices;  // all index expressions of a, b, the epilogue
};

/// The roles in a kernel, or nothing where it is not a contraction of the form described in plan.h.
std::optional<Contraction> analyseContraction(const plan::Kernel& kernel);
/// The roles where lanes run over `n` and factor `a` (0 or 1: an argument of the product) depends on it, b perhaps too:
/// channels convolved each by itself, or weight gradients of few outputs. Nothing where there are batch variables.
std::optional<Contraction> analyseLanewise(const plan::Kernel& kernel, uint32_t n, unsigned a);

/// Iteration variables walked by one flat index, outer to inner. Neighbours that every given index expression addresses
/// as one dense run are merged into the inner one; the outer then stays at 0.
struct IterGroup {
  std::vector<uint32_t> iters;
  std::vector<Dim> extents;
  std::vector<uint32_t> merged;
  Dim count = 1;
};
IterGroup groupIters(const plan::Kernel& kernel, const std::vector<uint32_t>& iters,
                     const std::vector<std::vector<const plan::Ix*>>& indices);
/// Sets the group's variables in `point` to the position `flat`.
void bindGroup(KernelEmitter& e, const IterGroup& group, llvm::Value* flat, Point& point);
/// A point with every variable at 0.
Point originPoint(KernelEmitter& e);

/// Whether more loads among `indices` run with coefficient 1 in `candidate` than in `other`.
bool runsAlong(const std::vector<const plan::Ix*>& indices, uint32_t candidate, uint32_t other);

/// The register tile: rows x (vectors * lanes) accumulators.
struct Tile {
  unsigned rows = 0, vectors = 0, lanes = 0;
  int64_t width() const { return int64_t(vectors) * lanes; }
  int64_t size() const { return int64_t(rows) * width(); }
};
/// Largest number of rows for a tile of `vectors` vectors that keeps the accumulators in registers.
unsigned maxTileRows(const Target& target, unsigned vectors);
/// Rows cut into tiles of equal height: 128 rows are ten tiles of 13, not nine of 14 and one of 2.
struct RowCut {
  unsigned rows = 0;  // of a tile
  double tiles = 0;
};
RowCut cutRows(std::optional<int64_t> rows, unsigned atMost);
/// The tile with the least estimated cycles for n columns, with rows cut by `cut` for each possible largest height (a
/// cut of 0 rows: not possible). Nothing for n: long or unknown.
Tile chooseTile(const Target& target, DType dtype, std::optional<int64_t> n,
                const std::function<RowCut(unsigned)>& cut);

/// A block of reduce positions: `outerCount` positions of the outer group from `outer0`, each with a run of
/// `innerCount` positions of the innermost variable from `inner0`.
struct KRange {
  llvm::Value *outer0, *outerCount, *inner0, *innerCount, *count;
};
/// How the reduce variables are cut into blocks of at most `capacity` positions.
struct KBlocks {
  IterGroup outer;  // all but the innermost variable
  uint32_t inner = 0;
  Dim innerExtent = 1;
  int64_t outerStep = 1, innerStep = 1, capacity = 1;
  bool across = false;  // a's loads run along the one outer variable, of which a block has whole vectors
  llvm::Value* count(KernelEmitter& e) const;  // at least 1, so that an empty sum is stored too
  KRange range(KernelEmitter& e, llvm::Value* block) const;
};
/// Blocks of about `target` positions of the variables in `group`; one block if there are at most `whole` positions.
KBlocks cutReduction(const IterGroup& group, int64_t target, int64_t whole);

/// Where columns are packed: `count` panels of the tile's width from column n0 on, `stride` elements apart, each
/// [k][width]. The last panel needs room for `lanes` more rows.
struct ColumnPanels {
  llvm::Value *n0, *count;
  Tile tile;
  llvm::Value* dest;
  int64_t stride;
};
/// Packs b for a range of k; columns beyond the last repeat it or are zero.
void packColumns(KernelEmitter& e, const Contraction& c, const KBlocks& blocks, const KRange& range, const Point& at,
                 const ColumnPanels& to);

/// The panel of a for one tile: element (row, k) stands at row * rowStride + k * kStride.
struct RowPanel {
  /// What a's loads run along: the rows, the outer variable of k, or the innermost one.
  enum class From : uint8_t { Rows, AcrossK, K };
  From from = From::K;
  int64_t rowStride = 0, kStride = 0, size = 0;  // in elements; size: of the panel of one tile
};
RowPanel rowPanelFor(const Contraction& c, const IterGroup& rows, const KBlocks& blocks, const Tile& tile);
/// Where rows are packed: `count` tiles from row `row0` on, one panel after the other.
struct RowPanels {
  llvm::Value *row0, *count;
  Tile tile;
  RowPanel panel;
  llvm::Value* dest;
};
/// Packs a for a range of k; rows beyond the last hold anything.
void packRows(KernelEmitter& e, const Contraction& c, const IterGroup& rows, const KBlocks& blocks, const KRange& range,
              const Point& at, const RowPanels& to);

/// The inner loops: c[rows][width] = (first ? 0 : c) + Σ a · b, reduced over nested loops whose counts are arguments.
/// Loop i moves `a` by kSteps[i].a elements and `b`, of which each step reads one row of `width`, by kSteps[i].b.
struct MicroKernel {
  struct Step {
    int64_t a = 0, b = 0;
  };
  Tile tile;
  DType dtype = DType::F32;
  std::vector<int64_t> rowOffsets;  // of each row in a, in elements
  std::vector<Step> kSteps;         // outer to inner
  bool packed = true;               // b is a panel: rows begin at multiples of the vector's size. If not, the step of
                                    // the innermost loop in b is an argument, the last
  bool lanewise = false;            // a row of a is `width` elements beside each other, not one for all lanes
};
/// The function of a micro-kernel, made once in each module: void(a, b, c, i64 first, i64 counts…[, i64 step in b]).
llvm::Function* microKernelFunction(KernelEmitter& e, const MicroKernel& m);
void callMicroKernel(KernelEmitter& e, const MicroKernel& m, llvm::Value* a, llvm::Value* b, llvm::Value* c,
                     llvm::Value* first, const std::vector<llvm::Value*>& counts, llvm::Value* stepB = nullptr);

/// Runs the Map stage on a tile of finished sums: rows row0, row0 + rowStep, … (`count` of them) of the group `rows`,
/// columns n0 … as far as they exist.
void emitEpilogue(KernelEmitter& e, const Contraction& c, const IterGroup& rows, const Point& at, llvm::Value* row0,
                  llvm::Value* count, llvm::Value* n0, const Tile& tile, llvm::Value* sums, int64_t rowStep = 1);

/// The larger of a value and a constant.
llvm::Value* atLeast(KernelEmitter& e, llvm::Value* value, int64_t least);
/// The value of a constant extent.
std::optional<int64_t> known(const Dim& d);
/// Address of element `index` of an array of `dtype`.
llvm::Value* elementAddress(KernelEmitter& e, DType dtype, llvm::Value* base, llvm::Value* index);
/// Mask of the lanes l with first + l < limit.
llvm::Value* lanesBelow(KernelEmitter& e, unsigned lanes, llvm::Value* first, llvm::Value* limit);

/// The emitter that takes any contraction: panels of a and b packed block by block, tiles of a block of rows by a few
/// panels as a task. False if the kernel is not a contraction.
bool emitBlockedContraction(KernelEmitter& e, const Contraction& c);

}  // namespace nnc::codegen
