// Gradient of a convolution by its weights: rows (kh, kw, ci), columns co, reduced over the pixels of all images. The
// input of a group of images is packed once as [image][row][column][channel]; the micro-kernel's rows are neighbouring
// (kw, ci), its reduction walks the output pixels, and the sums wait in scratch from group to group. A task is one tile
// of the result; the tiles of a thread's range share what it packs. Where each channel is convolved by itself, or where
// outputs are few, lanes run over the input's channels instead and the rows are the taps.
#include <algorithm>

#include "codegen/kernels/window.h"

namespace nnc::codegen {
namespace {

/// Images are taken together until their pixels make a reduction of this length, so that reloading sums costs little …
constexpr int64_t kGroupPixels = 256;
/// … and while the patch stays in the nearest large cache.
constexpr int64_t kGroupBytes = 128 << 10;
/// The sums of a thread stay below this.
constexpr int64_t kPartsBytes = 16 << 20;

class ConvWeightsEmitter {
public:
  ConvWeightsEmitter(KernelEmitter& e, const Contraction& c, const Window& window)
      : e_(e),
        c_(c),
        window_(window),
        mapRows_(groupIters(e.kernel, c.rows, {c.mapIndices})),
        n_(e.kernel.iters[c.n].extent.value()),
        pixels_(window.h.outs * window.w.outs) {
    joinsColumns_ = window.w.dilation == 1 && window.w.lattice == 1;
    runLength_ = (joinsColumns_ ? window.w.taps : 1) * tapRows();
    runs_ = rows() / runLength_;
    tile_ = chooseTile(e.target, c.dtype, n_, [&](unsigned atMost) -> RowCut {
      if (dense() && rows() <= atMost) return {static_cast<unsigned>(rows()), 1};
      RowCut cut = cutRows(runLength_, atMost);
      return {cut.rows, cut.tiles * double(runs_)};
    });
    allInOne_ = dense() && tile_.rows == rows();
    if (allInOne_ && tile_.rows >= 8) tile_.vectors = 1;  // enough chains, and more tiles for more threads
    patch_ = patchFor(window, window.h.outs, tile_.lanes);
    int64_t element = dtypeSize(c.dtype);
    images_ = std::clamp<int64_t>(kGroupBytes / (patch_.size() * element), 1, (kGroupPixels + pixels_ - 1) / pixels_);
    tilesPerRun_ = allInOne_ ? 1 : (runLength_ + tile_.rows - 1) / tile_.rows;
    if (allInOne_) runs_ = 1;
    tiles_ = runs_ * tilesPerRun_;
    panels_ = (n_ + tile_.width() - 1) / tile_.width();
    IterGroup reduction = groupIters(e.kernel, c.k, {c.bIndices});
    k_ = cutReduction(reduction, 1, 0);
    k_.outerStep = k_.outer.iters.empty() ? 1 : images_ * pixels_ / k_.innerExtent.value();
    k_.innerStep = k_.outer.iters.empty() ? images_ * pixels_ : k_.innerExtent.value();
    k_.capacity = images_ * pixels_;
  }

  void emit() {
    std::vector<TaskAxis> axes;
    for (uint32_t iter : c_.batch) axes.push_back({e_.kernel.iters[iter].extent, 1});
    axes.push_back({panels_ * tiles_, 1});
    e_.setTasks(axes);
    int64_t element = dtypeSize(c_.dtype);
    int64_t slack = int64_t(tile_.rows) * window_.channels + tile_.width();
    patches_ = e_.scratch(uint64_t((images_ * patch_.size() + slack) * element));
    columns_ = e_.scratch(uint64_t((k_.capacity + tile_.lanes) * tile_.width() * element));
    sums_ = e_.scratch(uint64_t(sumBytes()));
    llvm::Value* perPosition = e_.i64(panels_ * tiles_);
    e_.ifThen(e_.ir.CreateICmpSLT(e_.task0, e_.task1), [&] {
      e_.loop(e_.ir.CreateUDiv(e_.task0, perPosition), e_.ceilDiv(e_.task1, panels_ * tiles_), 1, "position",
              [&](llvm::Value* position) { emitPosition(e_.ir.CreateMul(position, perPosition)); });
    });
    e_.ir.CreateRetVoid();
  }

  int64_t sumBytes() const { return panels_ * tiles_ * tile_.size() * dtypeSize(c_.dtype); }

private:
  bool dense() const { return window_.h.lattice == 1 && window_.w.lattice == 1; }
  /// Rows at one tap, and how far apart they lie in a patch.
  int64_t tapRows() const { return c_.lanewise ? 1 : window_.channels; }
  int64_t rowStep() const { return c_.lanewise ? window_.channels : 1; }
  int64_t rows() const { return window_.h.taps * window_.w.taps * tapRows(); }

  /// This thread's tiles of one batch position, whose first task is `task`.
  void emitPosition(llvm::Value* task) {
    std::vector<llvm::Value*> at = e_.taskCoordinates(task);
    point_ = originPoint(e_);
    for (size_t i = 0; i < c_.batch.size(); ++i) point_.iters[c_.batch[i]] = at[i];
    llvm::Value* begin = atLeast(e_, e_.ir.CreateSub(e_.task0, task), 0);
    llvm::Value* end = e_.minimum(e_.ir.CreateSub(e_.task1, task), e_.i64(panels_ * tiles_));
    groups_ = k_.count(e_);
    e_.loop(e_.i64(0), groups_, 1, "group", [&](llvm::Value* group) {
      KRange range = k_.range(e_, group);
      llvm::Value* images = e_.ir.CreateUDiv(range.count, e_.i64(pixels_));
      packImages(e_.ir.CreateMul(group, e_.i64(images_)), images);
      e_.loop(e_.ir.CreateUDiv(begin, e_.i64(tiles_)), e_.ceilDiv(end, tiles_), 1, "panel", [&](llvm::Value* panel) {
        llvm::Value* n = e_.ir.CreateMul(panel, e_.i64(tile_.width()));
        packColumns(e_, c_, k_, range, point_, {n, e_.i64(1), tile_, columns_, 0});
        llvm::Value* first = e_.ir.CreateMul(panel, e_.i64(tiles_));
        llvm::Value* from = atLeast(e_, e_.ir.CreateSub(begin, first), 0);
        llvm::Value* to = e_.minimum(e_.ir.CreateSub(end, first), e_.i64(tiles_));
        e_.loop(from, to, 1, "tile", [&](llvm::Value* t) { emitTile(group, images, n, t, e_.ir.CreateAdd(first, t)); });
      });
    });
  }

  void packImages(llvm::Value* first, llvm::Value* count) {
    IterGroup imageGroup = groupIters(e_.kernel, imageIters(), {c_.aIndices});
    e_.loop(e_.i64(0), count, 1, "image", [&](llvm::Value* i) {
      Point point = point_;
      bindGroup(e_, imageGroup, e_.ir.CreateAdd(first, i), point);
      llvm::Value* dest = elementAddress(e_, c_.dtype, patches_, e_.ir.CreateMul(i, e_.i64(patch_.size())));
      packPatch(e_, c_, window_, patch_, point, e_.i64(0), e_.i64(patch_.rows), dest);
    });
  }

  /// Reduce variables outside the window.
  std::vector<uint32_t> imageIters() const { return {c_.k.begin(), c_.k.end() - (window_.h.present ? 2 : 1)}; }

  /// Where row `row` of the result begins in a patch, relative to its run.
  int64_t offsetOfRow(int64_t row) const {
    if (!allInOne_) return row * rowStep();
    int64_t inTap = row % tapRows(), tap = row / tapRows();
    return tap / window_.w.taps * window_.h.dilation * patch_.rowPitch +
           tap % window_.w.taps * window_.w.dilation * window_.channels + inTap;
  }

  MicroKernel microKernel() const {
    int64_t width = tile_.width();
    MicroKernel micro{tile_, c_.dtype, {}, {}};
    micro.kSteps = {{patch_.size(), pixels_ * width},
                    {window_.h.stride * patch_.rowPitch, window_.h.lattice * window_.w.outs * width},
                    {window_.w.stride * window_.channels, window_.w.lattice * width}};
    micro.lanewise = c_.lanewise;
    for (int64_t r = 0; r < tile_.rows; ++r) micro.rowOffsets.push_back(offsetOfRow(r));
    return micro;
  }

  /// Tile t of the panel of columns from n on; `number` counts tiles over all panels.
  void emitTile(llvm::Value* group, llvm::Value* images, llvm::Value* n, llvm::Value* t, llvm::Value* number) {
    llvm::Value* sums = elementAddress(e_, c_.dtype, sums_, e_.ir.CreateMul(number, e_.i64(tile_.size())));
    llvm::Value* run = e_.ir.CreateUDiv(t, e_.i64(tilesPerRun_));
    llvm::Value* row = e_.ir.CreateMul(e_.ir.CreateURem(t, e_.i64(tilesPerRun_)), e_.i64(tile_.rows));
    llvm::Value* tapColumns = e_.i64(joinsColumns_ ? 1 : window_.w.taps);
    Meeting h = meetingOf(e_, window_.h, e_.ir.CreateUDiv(run, tapColumns), window_.h.dilation, window_.h.outs);
    Meeting w = meetingOf(e_, window_.w, e_.ir.CreateURem(run, tapColumns), window_.w.dilation, window_.w.outs);
    llvm::Value* a = e_.ir.CreateAdd(e_.ir.CreateMul(h.position, e_.i64(patch_.rowPitch)),
                                     e_.ir.CreateMul(w.position, e_.i64(window_.channels)));
    a = e_.ir.CreateAdd(a, e_.ir.CreateMul(row, e_.i64(rowStep())));
    if (c_.lanewise) a = e_.ir.CreateAdd(a, n);
    a = elementAddress(e_, c_.dtype, patches_, a);
    llvm::Value* firstPixel = e_.ir.CreateAdd(e_.ir.CreateMul(h.first, e_.i64(window_.w.outs)), w.first);
    llvm::Value* b = elementAddress(e_, c_.dtype, columns_, e_.ir.CreateMul(firstPixel, e_.i64(tile_.width())));
    llvm::Value* first = e_.ir.CreateZExt(e_.ir.CreateICmpEQ(group, e_.i64(0)), e_.ir.getInt64Ty());
    callMicroKernel(e_, microKernel(), a, b, sums, first, {images, h.count, w.count});
    e_.ifThen(e_.ir.CreateICmpEQ(group, e_.ir.CreateSub(groups_, e_.i64(1))), [&] {
      int64_t length = allInOne_ ? rows() : runLength_;
      llvm::Value* count = e_.minimum(e_.i64(tile_.rows), e_.ir.CreateSub(e_.i64(length), row));
      llvm::Value* row0 = e_.ir.CreateAdd(e_.ir.CreateMul(run, e_.i64(length)), row);
      emitEpilogue(e_, c_, mapRows_, point_, row0, count, n, tile_, sums);
    });
  }

  KernelEmitter& e_;
  const Contraction& c_;
  const Window& window_;
  IterGroup mapRows_;
  int64_t n_, pixels_;
  Tile tile_;
  bool joinsColumns_ = true;          // a tap row's (kw, ci) lie side by side
  bool allInOne_ = false;             // all rows are one tile, each with an offset of its own
  int64_t runLength_ = 1, runs_ = 1;  // rows that lie side by side in a patch: (kw, ci), or ci if columns are dilated
  int64_t tilesPerRun_ = 1, tiles_ = 1, panels_ = 1, images_ = 1;  // tiles_: of one panel; images_: of one group
  Patch patch_;
  KBlocks k_;
  llvm::Value *patches_ = nullptr, *columns_ = nullptr, *sums_ = nullptr;
  // Of the batch position being emitted.
  Point point_;
  llvm::Value* groups_ = nullptr;
};

/// The direct emitter's case: rows (taps, channel), or with lanes over channels the taps alone; reduction (images…,
/// outs); constant extents but for the images.
bool emitDirect(KernelEmitter& e, const Contraction& c, const std::vector<uint32_t>& taps, uint32_t channel) {
  if (taps.empty() || taps.size() > 2 || c.k.size() < taps.size()) return false;
  if (known(e.kernel.iters[c.n].extent).value_or(0) < 1) return false;
  std::vector<uint32_t> outs(c.k.end() - static_cast<std::ptrdiff_t>(taps.size()), c.k.end());
  std::optional<Window> window = analyseWindow(e.kernel, c, outs, taps, channel);
  if (!window || patchFor(*window, window->h.outs, 16).size() > int64_t(1) << 20) return false;
  ConvWeightsEmitter emitter(e, c, *window);
  if (emitter.sumBytes() > kPartsBytes) return false;
  emitter.emit();
  return true;
}

/// Lanes over the input's channels: taps (…, channel or 1, output), of which the last or the one before is the lanes
/// and the other runs once.
bool emitLanewise(KernelEmitter& e, bool overOutputs) {
  const std::vector<uint32_t>& tasks = e.kernel.taskIters;
  if (tasks.size() < 3) return false;
  uint32_t lanes = tasks[tasks.size() - (overOutputs ? 1 : 2)], once = tasks[tasks.size() - (overOutputs ? 2 : 1)];
  if (e.kernel.iters[once].extent != Dim(1)) return false;
  std::optional<Contraction> c = analyseLanewise(e.kernel, lanes, 0);
  return c && emitDirect(e, *c, {tasks.begin(), tasks.end() - 2}, lanes);
}

}  // namespace

bool emitConvWeightsKernel(KernelEmitter& e) {
  std::optional<Contraction> c = analyseContraction(e.kernel);
  if (!c) return emitLanewise(e, true);
  if (e.kernel.iters[c->n].extent == Dim(1) && emitLanewise(e, false)) return true;
  if (c->rows.empty()) return emitBlockedContraction(e, *c);
  return emitDirect(e, *c, {c->rows.begin(), c->rows.end() - 1}, c->rows.back()) || emitBlockedContraction(e, *c);
}

}  // namespace nnc::codegen
