// Sliding windows in contraction kernels: which variables of the factor `a` form positions stride·out + dilation·tap,
// and the packing of the input such windows read into a dense patch [row][column][channel] in scratch.
#pragma once

#include "codegen/kernels/contract.h"

namespace nnc::codegen {

/// Positions stride·out + dilation·tap along one spatial axis. Where the input is dilated (transposed convolutions,
/// gradients of strided ones) only the positions phase + lattice·j hold values; then stride and dilation are 1, and for
/// an output only the taps of one residue modulo `lattice` matter. `present` false: the axis has one position.
struct WindowAxis {
  bool present = false;
  uint32_t out = 0, tap = 0;  // iteration variables
  int64_t outs = 1, taps = 1, stride = 1, dilation = 1, lattice = 1, phase = 0;
  /// Stored positions that `count` neighbouring outputs read (the first of them a multiple of the lattice).
  int64_t span(int64_t count) const {
    int64_t last = stride * (count - 1) + dilation * (taps - 1);
    return last < phase ? 0 : (last - phase) / lattice + 1;
  }
};

/// For one output (or, for weight gradients, one tap) `r`: the first of the others (taps, or outputs; there are
/// `extent`) that meets a stored position, how many of them do, and the stored position of r with that first one.
/// `step` is r's factor: stride or dilation.
struct Meeting {
  llvm::Value *first, *count, *position;
};
Meeting meetingOf(KernelEmitter& e, const WindowAxis& axis, llvm::Value* r, int64_t step, int64_t extent);

/// The windows of `a` over one or two spatial axes, channels innermost.
struct Window {
  WindowAxis h, w;
  uint32_t channel = 0;
  int64_t channels = 1;
};

/// Windows of the factor a. `outs` and `taps`: variables by spatial axis, as many of one as of the other (at most two).
/// Nothing where `a` depends on them other than through the sums stride·out + dilation·tap, or where an extent is not
/// constant.
std::optional<Window> analyseWindow(const plan::Kernel& kernel, const Contraction& c, const std::vector<uint32_t>& outs,
                                    const std::vector<uint32_t>& taps, uint32_t channel);

/// Layout of a patch in elements.
struct Patch {
  int64_t rows = 0, columns = 0, rowPitch = 0;
  int64_t size() const { return rows * rowPitch; }
};
Patch patchFor(const Window& window, int64_t outRows, unsigned lanes);
/// Fills rows 0 … rowCount-1 of a patch at `dest` with the values of `a` at the stored positions firstRow + row. Up to
/// `lanes` elements beyond a row may be overwritten; rows are written in order.
void packPatch(KernelEmitter& e, const Contraction& c, const Window& window, const Patch& patch, const Point& at,
               llvm::Value* firstRow, llvm::Value* rowCount, llvm::Value* dest);

}  // namespace nnc::codegen
