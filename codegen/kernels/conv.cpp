// Convolution without im2col: the padded input of a block of output rows is packed once as [row][column][channel], and
// the micro-kernel's rows are output pixels that read it at their windows. A convolution's gradient by its input is the
// same kernel with the weights read in reverse. Where each channel is convolved by itself (depthwise), lanes run over
// the channels of the patch as well.
#include <algorithm>

#include "codegen/kernels/window.h"

namespace nnc::codegen {
namespace {

/// A task should be at least this much work, so that claiming it and packing its input cost little.
constexpr double kTaskFlops = 2e6;
/// Where each element of a patch serves one channel only, the patch should stay in the nearest caches.
constexpr int64_t kLanewisePatchBytes = 64 << 10;
/// Above this the packed weights leave the nearest large cache.
constexpr int64_t kMaxWeightBytes = 8 << 20;

/// Output pixels of a tile: `outRows` whole rows, or with outRows 1 a part of a row. With a lattice its pixels are of
/// one residue: every lattice-th one.
struct PixelTile {
  Tile tile;
  int64_t outRows = 1, tilesPerRow = 1;
};

PixelTile choosePixelTile(const Target& target, DType dtype, const Window& window, int64_t n) {
  int64_t oh = window.h.outs, ow = (window.w.outs + window.w.lattice - 1) / window.w.lattice;
  bool dense = window.h.lattice == 1 && window.w.lattice == 1;
  auto rowsTogether = [&](unsigned atMost) {
    int64_t rows = dense ? std::clamp<int64_t>(atMost / ow, 1, oh) : 1;
    int64_t groups = (oh + rows - 1) / rows;
    return (oh + groups - 1) / groups;
  };
  auto cut = [&](unsigned atMost) -> RowCut {
    int64_t together = rowsTogether(atMost);
    RowCut inRow = cutRows(ow, atMost);
    const int64_t groups = (oh + together - 1) / together;
    if (together > 1) return {static_cast<unsigned>(together * ow), double(groups)};
    return {inRow.rows, inRow.tiles * double(oh)};
  };
  PixelTile best;
  best.tile = chooseTile(target, dtype, n, cut);
  best.outRows = dense ? std::max<int64_t>(best.tile.rows / ow, 1) : 1;
  best.tilesPerRow = (ow + best.tile.rows - 1) / best.tile.rows;
  return best;
}

class ConvEmitter {
public:
  ConvEmitter(KernelEmitter& e, const Contraction& c, const Window& window, std::vector<uint32_t> images)
      : e_(e),
        c_(c),
        window_(window),
        images_(std::move(images)),
        mapRows_(groupIters(e.kernel, c.rows, {c.mapIndices})),
        n_(e.kernel.iters[c.n].extent.value()),
        pixels_(choosePixelTile(e.target, c.dtype, window, n_)),
        tile_(pixels_.tile),
        k_(cutReduction(groupIters(e.kernel, c.k, {c.bIndices}), 1, INT64_MAX)) {
    panels_ = (n_ + tile_.width() - 1) / tile_.width();
    cutTasks();
    patch_ = patchFor(window_, blockRows_, tile_.lanes);
  }

  int64_t weightBytes() const { return (panels_ * depth() * tile_.width() + tile_.size()) * dtypeSize(c_.dtype); }

  void emit() {
    std::vector<TaskAxis> axes;
    for (uint32_t iter : c_.batch) axes.push_back({e_.kernel.iters[iter].extent, 1});
    for (uint32_t iter : images_) axes.push_back({e_.kernel.iters[iter].extent, 1});
    axes.push_back({window_.h.outs, blockRows_});
    e_.setTasks(axes);
    int64_t element = dtypeSize(c_.dtype);
    weights_ = e_.scratch(uint64_t(weightBytes()));
    // A tile may read beyond the last column; what it finds there is not stored.
    int64_t slack = int64_t(tile_.rows) * window_.w.stride * window_.channels + tile_.width();
    patchBase_ = e_.scratch(uint64_t((patch_.size() + slack) * element));
    sums_ = e_.scratch(uint64_t(tile_.size() * element));
    e_.loopCarried(e_.task0, e_.task1, 1, "task", {e_.i64(-1)},
                   [&](llvm::Value* task, std::vector<llvm::Value*> carried) {
                     return std::vector<llvm::Value*>{emitTask(task, carried[0])};
                   });
    e_.ir.CreateRetVoid();
  }

private:
  /// Blocks of rows: whole tiles, whole cells of the lattice.
  void cutTasks() {
    double rowFlops = 2.0 * double(window_.w.outs * depth() * n_) / double(window_.h.lattice * window_.w.lattice);
    int64_t unit = std::max(pixels_.outRows, window_.h.lattice);
    auto wholeUnits = [&](int64_t rows) { return (rows + unit - 1) / unit * unit; };
    int64_t rows = wholeUnits(std::clamp<int64_t>(int64_t(kTaskFlops / rowFlops), 1, window_.h.outs));
    int64_t blocks = (window_.h.outs + rows - 1) / rows;
    blockRows_ = wholeUnits((window_.h.outs + blocks - 1) / blocks);
    auto bytes = [&] { return patchFor(window_, blockRows_, tile_.lanes).size() * dtypeSize(c_.dtype); };
    while (c_.lanewise && blockRows_ > unit && bytes() > kLanewisePatchBytes) blockRows_ = wholeUnits(blockRows_ / 2);
  }

  /// Positions of the reduction at one tap.
  int64_t tapDepth() const { return c_.lanewise ? 1 : window_.channels; }
  int64_t depth() const { return window_.h.taps * window_.w.taps * tapDepth(); }

  /// `packed` is the number of the batch position whose weights are packed. Returns the one that is now.
  llvm::Value* emitTask(llvm::Value* task, llvm::Value* packed) {
    std::vector<llvm::Value*> at = e_.taskCoordinates(task);
    point_ = originPoint(e_);
    llvm::Value *batch = e_.i64(0), *image = e_.i64(0);
    size_t axis = 0;
    for (uint32_t iter : c_.batch) {
      batch = e_.ir.CreateAdd(e_.ir.CreateMul(batch, e_.dim(e_.kernel.iters[iter].extent)), at[axis]);
      point_.iters[iter] = at[axis++];
    }
    for (uint32_t iter : images_) {
      image = e_.ir.CreateAdd(e_.ir.CreateMul(image, e_.dim(e_.kernel.iters[iter].extent)), at[axis]);
      point_.iters[iter] = at[axis++];
    }
    e_.ifThen(e_.ir.CreateICmpNE(batch, packed), [&] { packWeights(); });
    row0_ = e_.ir.CreateMul(at[axis], e_.i64(blockRows_));
    rowEnd_ = e_.minimum(e_.ir.CreateAdd(row0_, e_.i64(blockRows_)), e_.i64(window_.h.outs));
    firstPixel_ = e_.ir.CreateMul(image, e_.i64(window_.h.outs * window_.w.outs));
    packInput();
    e_.loop(e_.i64(0), e_.i64(panels_), 1, "panel", [&](llvm::Value* panel) {
      e_.loop(row0_, rowEnd_, pixels_.outRows, "oh", [&](llvm::Value* oh) {
        e_.loop(e_.i64(0), e_.i64(window_.w.lattice), 1, "residue", [&](llvm::Value* residue) {
          e_.loop(e_.i64(0), e_.i64(pixels_.tilesPerRow), 1, "owtile",
                  [&](llvm::Value* t) { emitTile(panel, oh, residue, t); });
        });
      });
    });
    return batch;
  }

  void packWeights() {
    KRange range = k_.range(e_, e_.i64(0));
    packColumns(e_, c_, k_, range, point_, {e_.i64(0), e_.i64(panels_), tile_, weights_, depth() * tile_.width()});
  }

  llvm::Value* weightPanel(llvm::Value* panel) {
    return elementAddress(e_, c_.dtype, weights_, e_.ir.CreateMul(panel, e_.i64(depth() * tile_.width())));
  }

  /// The stored row at which the block's patch begins.
  llvm::Value* patchRow0() {
    if (window_.h.lattice == 1) return e_.ir.CreateMul(row0_, e_.i64(window_.h.stride));
    return e_.ir.CreateUDiv(row0_, e_.i64(window_.h.lattice));
  }

  void packInput() {
    llvm::Value* rows = e_.i64(patch_.rows);
    if (window_.h.lattice == 1) {
      llvm::Value* missing = e_.ir.CreateSub(e_.i64(blockRows_), e_.ir.CreateSub(rowEnd_, row0_));
      rows = e_.ir.CreateSub(rows, e_.ir.CreateMul(missing, e_.i64(window_.h.stride)));
    }
    packPatch(e_, c_, window_, patch_, point_, patchRow0(), rows, patchBase_);
  }

  /// A window's columns and channels lie side by side in the patch and in the weights.
  bool joinsColumns() const { return !c_.lanewise && window_.w.dilation == 1 && window_.w.lattice == 1; }

  MicroKernel micro() const {
    int64_t width = tile_.width(), tapRow = window_.w.taps * tapDepth() * width;
    MicroKernel m{tile_, c_.dtype, {}, {{window_.h.dilation * patch_.rowPitch, window_.h.lattice * tapRow}}};
    m.lanewise = c_.lanewise;
    int64_t pixelStep = window_.w.stride * window_.channels, rowStep = window_.h.stride * patch_.rowPitch;
    for (int64_t i = 0; i < tile_.rows; ++i) {
      int64_t row = pixels_.outRows > 1 ? i / window_.w.outs : 0;
      m.rowOffsets.push_back(row * rowStep + (i - row * window_.w.outs) * pixelStep);
    }
    if (!joinsColumns()) {
      m.kSteps.push_back({window_.w.dilation * window_.channels, window_.w.lattice * tapDepth() * width});
    }
    if (!c_.lanewise) m.kSteps.push_back({1, width});
    return m;
  }

  /// Pixels residue + lattice·(t·rows …) of output row oh, or of the tile's rows from oh on.
  void emitTile(llvm::Value* panel, llvm::Value* oh, llvm::Value* residue, llvm::Value* t) {
    int64_t lattice = window_.w.lattice;
    llvm::Value* inResidue = e_.ir.CreateMul(t, e_.i64(tile_.rows));
    llvm::Value* ow = e_.ir.CreateAdd(residue, e_.ir.CreateMul(inResidue, e_.i64(lattice)));
    Meeting h = meetingOf(e_, window_.h, oh, window_.h.stride, window_.h.taps);
    Meeting w = meetingOf(e_, window_.w, ow, window_.w.stride, window_.w.taps);
    llvm::Value* a = e_.ir.CreateMul(e_.ir.CreateSub(h.position, patchRow0()), e_.i64(patch_.rowPitch));
    a = e_.ir.CreateAdd(a, e_.ir.CreateMul(w.position, e_.i64(window_.channels)));
    if (c_.lanewise) a = e_.ir.CreateAdd(a, e_.ir.CreateMul(panel, e_.i64(tile_.width())));
    llvm::Value* firstTap = e_.ir.CreateAdd(e_.ir.CreateMul(h.first, e_.i64(window_.w.taps)), w.first);
    llvm::Value* b = e_.ir.CreateMul(firstTap, e_.i64(tapDepth() * tile_.width()));
    std::vector<llvm::Value*> counts = {h.count};
    if (joinsColumns()) {
      counts.push_back(e_.i64(window_.w.taps * window_.channels));
    } else {
      counts.push_back(w.count);
      if (!c_.lanewise) counts.push_back(e_.i64(window_.channels));
    }
    callMicroKernel(e_, micro(), elementAddress(e_, c_.dtype, patchBase_, a),
                    elementAddress(e_, c_.dtype, weightPanel(panel), b), sums_, e_.i64(1), counts);
    llvm::Value* left = e_.ir.CreateSub(e_.i64(window_.w.outs + lattice - 1), ow);
    if (lattice > 1) left = e_.ir.CreateUDiv(atLeast(e_, left, 0), e_.i64(lattice));
    if (pixels_.outRows > 1) left = e_.ir.CreateMul(e_.ir.CreateSub(rowEnd_, oh), e_.i64(window_.w.outs));
    llvm::Value* pixel = e_.ir.CreateAdd(e_.ir.CreateMul(oh, e_.i64(window_.w.outs)), ow);
    emitEpilogue(e_, c_, mapRows_, point_, e_.ir.CreateAdd(firstPixel_, pixel), e_.minimum(e_.i64(tile_.rows), left),
                 e_.ir.CreateMul(panel, e_.i64(tile_.width())), tile_, sums_, lattice);
  }

  KernelEmitter& e_;
  const Contraction& c_;
  const Window& window_;
  std::vector<uint32_t> images_;  // row variables outside the window
  IterGroup mapRows_;
  int64_t n_;
  PixelTile pixels_;
  Tile tile_;
  KBlocks k_;
  int64_t panels_ = 1, blockRows_ = 1;
  Patch patch_;
  llvm::Value *weights_ = nullptr, *patchBase_ = nullptr, *sums_ = nullptr;
  // Of the task being emitted.
  Point point_;
  llvm::Value *row0_ = nullptr, *rowEnd_ = nullptr, *firstPixel_ = nullptr;
};

/// The direct emitter's case: rows (images…, outs), reduction (taps, channel), constant extents but for the images.
bool emitDirectConv(KernelEmitter& e, const Contraction& c) {
  size_t axes = c.k.size() - 1;
  if (axes < 1 || axes > 2 || c.rows.size() < axes || !known(e.kernel.iters[c.n].extent).value_or(0)) return false;
  std::vector<uint32_t> images(c.rows.begin(), c.rows.end() - axes), outs(c.rows.end() - axes, c.rows.end());
  std::vector<uint32_t> taps(c.k.begin(), c.k.end() - 1);
  if (c.lanewise && e.kernel.iters[c.k.back()].extent != Dim(1)) return false;
  std::optional<Window> window = analyseWindow(e.kernel, c, outs, taps, c.lanewise ? c.n : c.k.back());
  if (!window) return false;
  ConvEmitter emitter(e, c, *window, images);
  if (emitter.weightBytes() > kMaxWeightBytes) return false;
  emitter.emit();
  return true;
}

}  // namespace

bool emitConvKernel(KernelEmitter& e) {
  if (std::optional<Contraction> c = analyseContraction(e.kernel))
    return emitDirectConv(e, *c) || emitBlockedContraction(e, *c);
  std::optional<Contraction> depthwise = analyseLanewise(e.kernel, e.kernel.taskIters.back(), 0);
  return depthwise && emitDirectConv(e, *depthwise);
}

}  // namespace nnc::codegen
