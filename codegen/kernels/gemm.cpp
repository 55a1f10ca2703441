// The emitter of any contraction by blocks: a task is a block of rows by a few panels of columns of one batch position.
// Both factors are packed inside the task. Tasks of one block of rows that a thread takes one after the other form a
// group: they share the panel of a, block of k by block of k, while their sums wait in scratch.
#include <algorithm>

#include "codegen/kernels/contract.h"

namespace nnc::codegen {
namespace {

/// Rows are cut into blocks of about this many, so that packing b costs little beside its use.
constexpr int64_t kBlockRows = 144;
/// … or twice as many while they take no more than this.
constexpr int64_t kRowBytes = 400 << 10;

/// So few columns' worth of a is packed at so little cost that it is not read as it lies.
constexpr int64_t kThinRows = 4;

/// Whether a factor is nothing but an element of a buffer, at a place that moves evenly.
bool isPlainLoad(const plan::Inst& load, DType dtype) {
  return load.kind == plan::Inst::Kind::Load && load.dtype == dtype && load.guards.empty() &&
         std::all_of(load.index.terms.begin(), load.index.terms.end(),
                     [](const auto& term) { return term.first.kind == plan::Atom::Kind::Iter; });
}

/// Elements between rows of b in memory, along the outer and the innermost variable of k, where b is a plain matrix
/// with dense rows of columns.
struct RowStrides {
  int64_t outer = 0, inner = 0;
};
std::optional<RowStrides> plainRowStrides(const Contraction& c, const KBlocks& k) {
  const plan::Inst& load = c.reduce->body[c.b];
  if (!isPlainLoad(load, c.dtype) || load.index.coefficient(c.n) != Dim(1)) return std::nullopt;
  const Dim inner = load.index.coefficient(k.inner);
  if (!inner.isConst()) return std::nullopt;
  if (k.outer.iters.empty()) return RowStrides{0, inner.value()};
  const Dim outer = load.index.coefficient(k.outer.iters[0]);
  // Whole runs of the innermost variable, so that a step of the outer one is the same everywhere.
  if (k.outer.iters.size() != 1 || !outer.isConst() || k.innerExtent != Dim(k.innerStep)) return std::nullopt;
  return RowStrides{outer.value(), inner.value()};
}

/// Elements between rows and between positions of k of a, where it may be read as it lies: a plain matrix that so few
/// columns use that packing it costs much beside them, and whose rows do not all fall into the same cache sets.
std::optional<MicroKernel::Step> plainRows(const Contraction& c, const IterGroup& rows, const KBlocks& k,
                                           const Dim& columns, const Tile& tile) {
  constexpr int64_t kSetBytes = 4096;
  const plan::Inst& load = c.reduce->body[c.a];
  if (!isPlainLoad(load, c.dtype) || rows.iters.size() != 1 || !k.outer.iters.empty()) return std::nullopt;
  if (known(rows.count).value_or(0) <= kThinRows || known(columns).value_or(INT64_MAX) > 2 * tile.width())
    return std::nullopt;
  const Dim row = load.index.coefficient(rows.iters[0]), step = load.index.coefficient(k.inner);
  if (!row.isConst() || !step.isConst()) return std::nullopt;
  for (const Dim& stride : {row, step})
    if (stride.value() * dtypeSize(c.dtype) % kSetBytes == 0) return std::nullopt;
  return MicroKernel::Step{step.value(), row.value()};
}

/// Blocks of k of about this many positions; one block if there are no more than kWholeK.
constexpr int64_t kBlockK = 512, kWholeK = 1024;

/// Blocks of k. Where a's rows are runs of the outer of two variables (features behind a flatten, whose pixels the sum
/// visits first), gathering them element by element would cost as much as their use: blocks are then of whole vectors
/// of that variable, to be transposed in registers.
KBlocks cutK(const plan::Kernel& kernel, const Contraction& c, const IterGroup& rows, int64_t lanes) {
  const IterGroup k = groupIters(kernel, c.k, {c.aIndices, c.bIndices});
  const int64_t pixels = std::max<int64_t>(known(k.extents.back()).value_or(kWholeK), 1);
  const bool across = k.iters.size() == 2 && runsAlong(c.aIndices, k.iters[0], k.iters[1]) &&
                      !(rows.iters.size() == 1 && runsAlong(c.aIndices, rows.iters[0], k.iters[0])) &&
                      known(k.extents[0]).value_or(lanes) >= lanes / 2 && pixels * lanes <= kWholeK;
  if (!across) return cutReduction(k, kBlockK, kWholeK);
  KBlocks blocks = cutReduction(k, pixels * lanes * std::max<int64_t>(kBlockK / (pixels * lanes), 1), 0);
  blocks.across = true;
  blocks.outerStep = (blocks.outerStep + lanes - 1) / lanes * lanes;
  blocks.capacity = blocks.outerStep * blocks.innerStep;
  return blocks;
}

/// The sums of a group of tasks take no more than this.
constexpr int64_t kSumBytes = 512 << 10;

class BlockedEmitter {
public:
  BlockedEmitter(KernelEmitter& e, const Contraction& c)
      : e_(e),
        c_(c),
        aRows_(groupIters(e.kernel, c.rows, {c.aIndices})),
        mapRows_(groupIters(e.kernel, c.rows, {c.mapIndices})),
        columns_(e.kernel.iters[c.n].extent),
        tile_(chooseTile(e.target, c.dtype, known(columns_),
                         [&](unsigned atMost) { return cutRows(known(aRows_.count), atMost); })),
        k_(cutK(e.kernel, c, aRows_, tile_.lanes)),
        panel_(rowPanelFor(c, aRows_, k_, tile_)),
        direct_(plainRows(c, aRows_, k_, columns_, tile_)) {
    cutTasks();
  }

  void emit() {
    std::vector<TaskAxis> axes;
    for (uint32_t iter : c_.batch) axes.push_back({e_.kernel.iters[iter].extent, 1});
    axes.push_back({aRows_.count, tilesPerBlock_ * tile_.rows});
    axes.push_back({columns_, panelsPerTask_ * tile_.width()});
    e_.setTasks(axes);
    int64_t element = dtypeSize(c_.dtype);
    if (!direct_) packedA_ = e_.scratch(uint64_t(tilesPerBlock_ * panel_.size * element));
    packedB_ = e_.scratch(uint64_t((panelsPerTask_ * columnPanelSize() + tile_.lanes * tile_.width()) * element));
    sums_ = e_.scratch(uint64_t(tasksPerGroup_ * taskSums() * element));
    kCount_ = k_.count(e_);
    e_.ifThen(e_.ir.CreateICmpSLT(e_.task0, e_.task1), [&] { emitRowBlocks(); });
    e_.ir.CreateRetVoid();
  }

private:
  void cutTasks() {
    int64_t depth = k_.capacity * dtypeSize(c_.dtype);
    int64_t panels = (known(columns_).value_or(1024) + tile_.width() - 1) / tile_.width();
    // Packed rows are kept while tasks walk along the columns, but not from block to block of k: then take more
    // columns.
    panelsPerTask_ = std::clamp<int64_t>(panels / 8, oneBlock() ? 1 : std::min<int64_t>(panels, 2), oneBlock() ? 2 : 8);
    int64_t rows = std::clamp<int64_t>(kRowBytes / depth, kBlockRows, 2 * kBlockRows);
    if (panels < 8) rows = std::min<int64_t>(rows, kBlockRows * std::max<int64_t>(panels, 2) / 8);
    tilesPerBlock_ = (rows + tile_.rows - 1) / tile_.rows;
    if (auto all = known(aRows_.count)) {
      int64_t tiles = std::max<int64_t>((*all + tile_.rows - 1) / tile_.rows, 1);
      int64_t blocks = (tiles + tilesPerBlock_ - 1) / tilesPerBlock_;
      tilesPerBlock_ = (tiles + blocks - 1) / blocks;
    }
    int64_t tasksInRow = (panels + panelsPerTask_ - 1) / panelsPerTask_;
    tasksPerGroup_ =
        std::clamp<int64_t>(kSumBytes / (taskSums() * dtypeSize(c_.dtype)), 1, std::max<int64_t>(tasksInRow, 1));
  }

  /// Elements of a task's sums.
  int64_t taskSums() const { return tilesPerBlock_ * panelsPerTask_ * tile_.size(); }

  /// This thread's share of each block of rows it has tasks in, group by group.
  void emitRowBlocks() {
    llvm::Value* inRow = atLeast(e_, e_.ceilDiv(e_.dim(columns_), panelsPerTask_ * tile_.width()), 1);
    llvm::Value* end = e_.ir.CreateUDiv(e_.ir.CreateSub(e_.task1, e_.i64(1)), inRow);
    e_.loop(e_.ir.CreateUDiv(e_.task0, inRow), e_.ir.CreateAdd(end, e_.i64(1)), 1, "rowblock", [&](llvm::Value* block) {
      llvm::Value* first = e_.ir.CreateMul(block, inRow);
      llvm::Value* lo = atLeast(e_, e_.ir.CreateSub(e_.task0, first), 0);
      llvm::Value* hi = e_.minimum(e_.ir.CreateSub(e_.task1, first), inRow);
      beginRowBlock(first);
      e_.loop(lo, hi, tasksPerGroup_, "group", [&](llvm::Value* from) {
        llvm::Value* to = e_.minimum(e_.ir.CreateAdd(from, e_.i64(tasksPerGroup_)), hi);
        emitGroup(from, to, e_.ir.CreateICmpEQ(from, lo));
      });
    });
  }

  void beginRowBlock(llvm::Value* task) {
    std::vector<llvm::Value*> at = e_.taskCoordinates(task);
    point_ = originPoint(e_);
    for (size_t i = 0; i < c_.batch.size(); ++i) point_.iters[c_.batch[i]] = at[i];
    row0_ = e_.ir.CreateMul(at[c_.batch.size()], e_.i64(tilesPerBlock_ * tile_.rows));
    rowCount_ = e_.minimum(e_.i64(tilesPerBlock_ * tile_.rows), e_.ir.CreateSub(e_.dim(aRows_.count), row0_));
    tiles_ = e_.ceilDiv(rowCount_, tile_.rows);
  }

  /// Tasks from … to-1 of a block of rows. With one block of k, the first group's panel of a serves the others too.
  void emitGroup(llvm::Value* from, llvm::Value* to, llvm::Value* isFirstGroup) {
    llvm::Value* stale = e_.ir.CreateOr(isFirstGroup, e_.ir.CreateICmpSGT(kCount_, e_.i64(1)));
    e_.loop(e_.i64(0), kCount_, 1, "kblock", [&](llvm::Value* block) {
      KRange range = k_.range(e_, block);
      if (!direct_) {
        e_.ifThen(stale,
                  [&] { packRows(e_, c_, aRows_, k_, range, point_, {row0_, tiles_, tile_, panel_, packedA_}); });
      }
      e_.loop(from, to, 1, "task", [&](llvm::Value* task) {
        taskSums_ =
            elementAddress(e_, c_.dtype, sums_, e_.ir.CreateMul(e_.ir.CreateSub(task, from), e_.i64(taskSums())));
        emitTask(task, block, range);
      });
    });
  }

  /// One block of k of the task `task` of the block of rows.
  void emitTask(llvm::Value* task, llvm::Value* block, const KRange& range) {
    n0_ = e_.ir.CreateMul(task, e_.i64(panelsPerTask_ * tile_.width()));
    panels_ = e_.minimum(e_.i64(panelsPerTask_), e_.ceilDiv(e_.ir.CreateSub(e_.dim(columns_), n0_), tile_.width()));
    if (!mayBeThin() && !mayBeRow()) {
      pack(range);
      emitTiles(block, range, nullptr);
      return;
    }
    // One tile uses b only once: reading it where it lies beats packing it.
    llvm::Value* end = e_.ir.CreateAdd(n0_, e_.i64(panelsPerTask_ * tile_.width()));
    llvm::Value* thin =
        e_.ir.CreateAnd(e_.ir.CreateICmpSLE(rowCount_, e_.i64(tile_.rows)), e_.ir.CreateICmpSLE(end, e_.dim(columns_)));
    const auto others = [&] {
      if (mayBeThin() && hasOuter()) {  // the steps of k in b differ, and so do the micro-kernels
        e_.ifThen(thin, [&] { emitTiles(block, range, e_.ir.getTrue()); });
        e_.ifThen(e_.ir.CreateNot(thin), [&] { pack(range), emitTiles(block, range, nullptr); });
        return;
      }
      e_.ifThen(mayBeThin() ? e_.ir.CreateNot(thin) : e_.ir.getTrue(), [&] { pack(range); });
      emitTiles(block, range, mayBeThin() ? thin : nullptr);
    };
    if (!mayBeRow()) return others();
    llvm::Value* single = e_.ir.CreateAnd(thin, e_.ir.CreateICmpEQ(rowCount_, e_.i64(1)));
    e_.ifThen(single, [&] { emitRow(block, range); });
    e_.ifThen(e_.ir.CreateNot(single), others);
  }

  void pack(const KRange& range) {
    packColumns(e_, c_, k_, range, point_, {n0_, panels_, tile_, packedB_, columnPanelSize()});
  }

  /// All tiles of the task; b is packed but where `thin` holds.
  void emitTiles(llvm::Value* block, const KRange& range, llvm::Value* thin) {
    e_.loop(e_.i64(0), panels_, 1, "panel", [&](llvm::Value* panel) {
      llvm::Value* n = e_.ir.CreateAdd(n0_, e_.ir.CreateMul(panel, e_.i64(tile_.width())));
      llvm::Value* b = elementAddress(e_, c_.dtype, packedB_, e_.ir.CreateMul(panel, e_.i64(columnPanelSize())));
      llvm::Value* step = nullptr;
      if (thin) {
        b = e_.ir.CreateSelect(thin, columnsAt(n, range), b);
        step = e_.ir.CreateSelect(thin, e_.i64(plainRowStrides(c_, k_)->inner), e_.i64(tile_.width()));
      }
      e_.loop(e_.i64(0), tiles_, 1, "tile", [&](llvm::Value* t) { emitTile({block, panel, n, b, step}, range, t); });
    });
  }

  /// Where b has column n, as it lies.
  llvm::Value* columnsAt(llvm::Value* n, const KRange& range) {
    const plan::Inst& load = c_.reduce->body[c_.b];
    Point point = point_;
    bindGroup(e_, k_.outer, range.outer0, point);
    point.iters[k_.inner] = range.inner0;
    point.iters[c_.n] = n;
    return elementAddress(e_, c_.dtype, e_.operand(load.operand), emitIndex(e_, load.index, point));
  }

  /// Where a's rows of a tile begin, packed or as they lie.
  llvm::Value* rowsOf(llvm::Value* tile, const KRange& range) {
    if (direct_) {
      const plan::Inst& load = c_.reduce->body[c_.a];
      Point point = point_;
      point.iters[aRows_.iters[0]] = e_.ir.CreateAdd(row0_, e_.ir.CreateMul(tile, e_.i64(tile_.rows)));
      point.iters[k_.inner] = range.inner0;
      return elementAddress(e_, c_.dtype, e_.operand(load.operand), emitIndex(e_, load.index, point));
    }
    return elementAddress(e_, c_.dtype, packedA_, e_.ir.CreateMul(tile, e_.i64(panel_.size)));
  }

  /// Whether there may be tasks of one tile of rows that read b as it lies.
  bool mayBeThin() const { return plainRowStrides(c_, k_) && known(aRows_.count).value_or(0) <= tile_.rows; }
  /// … or of a single row.
  bool mayBeRow() const { return plainRowStrides(c_, k_) && known(aRows_.count).value_or(1) == 1; }
  /// Whether k has two variables, in packed b one after the other.
  bool hasOuter() const { return !k_.outer.iters.empty(); }

  /// A micro-kernel that reads b as it lies, along both variables of k; the counts of its loops.
  std::vector<llvm::Value*> readAsItLies(MicroKernel& micro, const KRange& range) {
    if (!hasOuter()) return {range.count};
    micro.kSteps.insert(micro.kSteps.begin(), {k_.innerStep * panel_.kStride, plainRowStrides(c_, k_)->outer});
    return {range.outerCount, range.innerCount};
  }

  /// A task of one row, in strips of as many columns as make a long run of each row of b.
  void emitRow(llvm::Value* block, const KRange& range) {
    int64_t panels = 1;
    while (panelsPerTask_ % (2 * panels) == 0 && 2 * panels * tile_.vectors <= 8) panels *= 2;
    Tile strip{1, static_cast<unsigned>(panels) * tile_.vectors, tile_.lanes};
    MicroKernel micro{strip, c_.dtype, {0}, {{panel_.kStride, 0}}, false};
    const std::vector<llvm::Value*> counts = readAsItLies(micro, range);
    e_.loop(e_.i64(0), e_.i64(panelsPerTask_ * tile_.width()), strip.width(), "strip", [&](llvm::Value* offset) {
      llvm::Value* n = e_.ir.CreateAdd(n0_, offset);
      llvm::Value* sums = elementAddress(e_, c_.dtype, taskSums_, offset);
      callMicroKernel(e_, micro, packedA_, columnsAt(n, range), sums, isFirst(block), counts,
                      e_.i64(plainRowStrides(c_, k_)->inner));
      e_.ifThen(isLast(block), [&] { emitEpilogue(e_, c_, mapRows_, point_, row0_, e_.i64(1), n, strip, sums); });
    });
  }

  llvm::Value* isFirst(llvm::Value* block) {
    return e_.ir.CreateZExt(e_.ir.CreateICmpEQ(block, e_.i64(0)), e_.ir.getInt64Ty());
  }
  llvm::Value* isLast(llvm::Value* block) {
    if (oneBlock()) return e_.ir.getTrue();
    return e_.ir.CreateICmpEQ(block, e_.ir.CreateSub(kCount_, e_.i64(1)));
  }
  bool oneBlock() const { return k_.outer.count == Dim(1) && k_.innerExtent == Dim(k_.innerStep); }

  int64_t columnPanelSize() const { return k_.capacity * tile_.width(); }

  /// A block of k of a panel of b: its number, its first column, where it lies, the distance of its rows if not packed.
  struct Panel {
    llvm::Value *block, *number, *n, *b, *step;
  };

  void emitTile(const Panel& panel, const KRange& range, llvm::Value* t) {
    llvm::Value* number = e_.ir.CreateAdd(e_.ir.CreateMul(panel.number, e_.i64(tilesPerBlock_)), t);
    llvm::Value* sums = elementAddress(e_, c_.dtype, taskSums_, e_.ir.CreateMul(number, e_.i64(tile_.size())));
    llvm::Value* offset = e_.ir.CreateMul(t, e_.i64(tile_.rows));
    llvm::Value* rows = e_.minimum(e_.i64(tile_.rows), e_.ir.CreateSub(rowCount_, offset));
    // The last tile of a run-time number of rows is filled by the lowest kernel that holds it.
    unsigned above = 0;
    for (unsigned height : heights()) {
      int64_t kStride = direct_ ? direct_->a : panel_.kStride, rowStride = direct_ ? direct_->b : panel_.rowStride;
      MicroKernel micro{{height, tile_.vectors, tile_.lanes}, c_.dtype, {}, {{kStride, tile_.width()}}, !panel.step};
      for (unsigned r = 0; r < height; ++r) micro.rowOffsets.push_back(r * rowStride);
      std::vector<llvm::Value*> counts = {range.count};
      if (panel.step) counts = readAsItLies(micro, range);
      auto call = [&] {
        callMicroKernel(e_, micro, rowsOf(t, range), panel.b, sums, isFirst(panel.block), counts, panel.step);
      };
      llvm::Value* holds = e_.ir.CreateICmpULE(rows, e_.i64(height));
      llvm::Value* needed = e_.ir.CreateICmpUGT(rows, e_.i64(above));
      if (heights().size() == 1) {
        call();
      } else {
        e_.ifThen(e_.ir.CreateAnd(holds, needed), call);
      }
      above = height;
    }
    e_.ifThen(isLast(panel.block), [&] {
      emitEpilogue(e_, c_, mapRows_, point_, e_.ir.CreateAdd(row0_, offset), rows, panel.n, tile_, sums);
    });
  }

  /// Heights of the micro-kernels, rising. Packed rows are filled up to the tile's height; rows as they lie are not.
  std::vector<unsigned> heights() const {
    if (direct_) {
      auto rest = static_cast<unsigned>(aRows_.count.value() % tile_.rows);
      return rest > 0 ? std::vector<unsigned>{rest, tile_.rows} : std::vector<unsigned>{tile_.rows};
    }
    if (aRows_.count.isConst() || tile_.rows <= 4) return {tile_.rows};
    if (tile_.rows <= 8) return {tile_.rows / 2, tile_.rows};
    return {4, (tile_.rows + 4) / 2, tile_.rows};
  }

  KernelEmitter& e_;
  const Contraction& c_;
  IterGroup aRows_, mapRows_;
  Dim columns_;
  Tile tile_;
  KBlocks k_;
  RowPanel panel_;
  std::optional<MicroKernel::Step> direct_;  // a is read as it lies: steps of k and, as `b`, of rows
  int64_t tilesPerBlock_ = 1, panelsPerTask_ = 2, tasksPerGroup_ = 1;
  llvm::Value *packedA_ = nullptr, *packedB_ = nullptr, *sums_ = nullptr, *kCount_ = nullptr;
  // Of the block of rows and of the task being emitted.
  Point point_;
  llvm::Value *row0_ = nullptr, *rowCount_ = nullptr, *tiles_ = nullptr;
  llvm::Value *n0_ = nullptr, *panels_ = nullptr, *taskSums_ = nullptr;
};

}  // namespace

bool emitBlockedContraction(KernelEmitter& e, const Contraction& c) {
  BlockedEmitter(e, c).emit();
  return true;
}

bool emitGemmKernel(KernelEmitter& e) {
  std::optional<Contraction> c = analyseContraction(e.kernel);
  return c && emitBlockedContraction(e, *c);
}

}  // namespace nnc::codegen
