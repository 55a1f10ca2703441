#include "codegen/kernels/window.h"

#include <numeric>

namespace nnc::codegen {

using plan::Ix;

namespace {

/// Whether the index depends on out and tap only through stride·out + dilation·tap; finds the two numbers on the way.
bool followsWindow(const Ix& index, WindowAxis& axis, bool& found) {
  for (const auto& [atom, coefficient] : index.terms) {
    if (atom.arg && !followsWindow(*atom.arg, axis, found)) return false;
  }
  Dim out = index.coefficient(axis.out), tap = index.coefficient(axis.tap);
  if (out == Dim(0) && tap == Dim(0)) return true;
  if (out == Dim(0) || tap == Dim(0)) return false;
  if (!found) {
    auto byTap = out.dividedBy(tap), byOut = tap.dividedBy(out);
    if (byTap && byTap->isConst()) {
      axis.stride = byTap->value();
    } else if (byOut && byOut->isConst()) {
      axis.dilation = byOut->value();
    } else {
      return false;
    }
    found = true;
  }
  return out * Dim(axis.dilation) == tap * Dim(axis.stride);
}

std::optional<WindowAxis> axisOf(const plan::Kernel& kernel, const std::vector<const Ix*>& indices, uint32_t out,
                                 uint32_t tap) {
  WindowAxis axis;
  axis.present = true;
  axis.out = out;
  axis.tap = tap;
  const Dim &outs = kernel.iters[out].extent, &taps = kernel.iters[tap].extent;
  if (!outs.isConst() || !taps.isConst() || outs.value() < 1 || taps.value() < 1) return std::nullopt;
  axis.outs = outs.value();
  axis.taps = taps.value();
  bool found = false;
  for (const Ix* index : indices) {
    if (!followsWindow(*index, axis, found)) return std::nullopt;
  }
  if (axis.stride < 1 || axis.dilation < 1) return std::nullopt;
  return axis;
}

/// The guard that lets only multiples of a number through: value mod D within [0, 1). Fills lattice and phase.
bool isLatticeGuard(const plan::Guard& guard, const WindowAxis& axis, int64_t& lattice, int64_t& phase) {
  const Ix& value = guard.value;
  if (guard.lo != Dim(0) || guard.hi != Dim(1) || value.constant != Dim(0) || value.terms.size() != 1) return false;
  const auto& [atom, coefficient] = value.terms[0];
  if (atom.kind != plan::Atom::Kind::Mod || coefficient != Dim(1) || !atom.by.isConst()) return false;
  const Ix& arg = *atom.arg;
  if (arg.coefficient(axis.out) != Dim(1) || arg.coefficient(axis.tap) != Dim(1) || arg.terms.size() != 2) return false;
  if (!arg.constant.isConst()) return false;
  lattice = atom.by.value();
  phase = ((-arg.constant.value()) % lattice + lattice) % lattice;
  return true;
}

/// Whether the instruction's value is 0 at every position off the axis' lattice (found on the way).
bool zeroOffLattice(const plan::Region& region, uint32_t id, WindowAxis& axis) {
  const plan::Inst& inst = region[id];
  auto zero = [&](uint32_t arg) { return zeroOffLattice(region, arg, axis); };
  if (inst.kind == plan::Inst::Kind::Const) return inst.constant == 0;
  if (inst.kind == plan::Inst::Kind::Load) {
    for (const plan::Guard& guard : inst.guards) {
      int64_t lattice = 1, phase = 0;
      if (inst.otherwise != 0 || !isLatticeGuard(guard, axis, lattice, phase)) continue;
      if (axis.lattice != 1 && (axis.lattice != lattice || axis.phase != phase)) return false;
      axis.lattice = lattice;
      axis.phase = phase;
      return true;
    }
    return false;
  }
  if (inst.kind != plan::Inst::Kind::Op) return false;
  switch (inst.op) {
    case Op::Cast:
    case Op::Neg:
      return zero(inst.args[0]);
    case Op::Mul:
      return zero(inst.args[0]) || zero(inst.args[1]);
    case Op::Add:
    case Op::Max:
      return zero(inst.args[0]) && zero(inst.args[1]);
    case Op::Select:
      return zero(inst.args[1]) && zero(inst.args[2]);
    default:
      return false;
  }
}

/// Looks for a lattice; without one the axis stays as it is.
void findLattice(const Contraction& c, WindowAxis& axis) {
  if (axis.stride != 1 || axis.dilation != 1) return;
  WindowAxis with = axis;
  if (zeroOffLattice(c.reduce->body, c.a, with)) axis = with;
}

/// Binds the axis' variables so that stride·out + dilation·tap = position; one of the two numbers is 1.
uint32_t bindPosition(KernelEmitter& e, const WindowAxis& axis, llvm::Value* position, Point& point) {
  uint32_t moving = axis.stride == 1 ? axis.out : axis.tap;
  if (!axis.present) return moving;
  if (axis.lattice != 1) position = e.ir.CreateAdd(e.ir.CreateMul(position, e.i64(axis.lattice)), e.i64(axis.phase));
  point.iters[axis.out] = e.i64(0);
  point.iters[axis.tap] = e.i64(0);
  point.iters[moving] = position;
  return moving;
}

}  // namespace

Meeting meetingOf(KernelEmitter& e, const WindowAxis& axis, llvm::Value* r, int64_t step, int64_t extent) {
  if (axis.lattice == 1) return {e.i64(0), e.i64(extent), e.ir.CreateMul(r, e.i64(step))};
  llvm::Value *lattice = e.i64(axis.lattice), *inCell = e.ir.CreateURem(r, lattice);
  Meeting meeting;
  meeting.first = e.ir.CreateURem(e.ir.CreateSub(e.i64(axis.phase + axis.lattice), inCell), lattice);
  meeting.count = e.ir.CreateUDiv(e.ir.CreateSub(e.i64(extent + axis.lattice - 1), meeting.first), lattice);
  llvm::Value* met = e.ir.CreateSub(e.ir.CreateAdd(r, meeting.first), e.i64(axis.phase));
  meeting.position = e.ir.CreateUDiv(met, lattice);
  return meeting;
}

std::optional<Window> analyseWindow(const plan::Kernel& kernel, const Contraction& c, const std::vector<uint32_t>& outs,
                                    const std::vector<uint32_t>& taps, uint32_t channel) {
  if (outs.size() != taps.size() || outs.empty() || outs.size() > 2) return std::nullopt;
  Window window;
  window.channel = channel;
  const Dim& channels = kernel.iters[channel].extent;
  if (!channels.isConst() || channels.value() < 1) return std::nullopt;
  window.channels = channels.value();
  auto w = axisOf(kernel, c.aIndices, outs.back(), taps.back());
  if (!w) return std::nullopt;
  window.w = *w;
  if (outs.size() == 2) {
    auto h = axisOf(kernel, c.aIndices, outs[0], taps[0]);
    if (!h) return std::nullopt;
    window.h = *h;
    findLattice(c, window.h);
  }
  findLattice(c, window.w);
  return window;
}

Patch patchFor(const Window& window, int64_t outRows, unsigned lanes) {
  Patch patch;
  patch.rows = window.h.span(outRows);
  patch.columns = window.w.span(window.w.outs);
  patch.rowPitch = (patch.columns * window.channels + lanes - 1) / lanes * lanes;
  if (patch.rowPitch % 64 == 0) patch.rowPitch += lanes;  // rows should not fall into the same cache sets
  return patch;
}

namespace {

/// Runs body(first, mask) over 0 … count-1 by vectors.
void byVectors(KernelEmitter& e, int64_t count, unsigned lanes, const std::string& name,
               const std::function<void(llvm::Value*, llvm::Value*)>& body) {
  int64_t whole = count / lanes * lanes;
  e.loop(e.i64(0), e.i64(whole), lanes, name, [&](llvm::Value* i) { body(i, nullptr); });
  if (whole < count) body(e.i64(whole), lanesBelow(e, lanes, e.i64(whole), e.i64(count)));
}

}  // namespace

void packPatch(KernelEmitter& e, const Contraction& c, const Window& window, const Patch& patch, const Point& at,
               llvm::Value* firstRow, llvm::Value* rowCount, llvm::Value* dest) {
  unsigned lanes = e.target.lanes(c.dtype);
  llvm::Align align(dtypeSize(c.dtype));
  auto value = [&](const Point& point) { return emitInst(e, c.reduce->body, c.a, point); };
  uint32_t column = window.w.stride == 1 ? window.w.out : window.w.tap;
  bool alongColumns = window.w.lattice == 1 && (window.channels == 1 || runsAlong(c.aIndices, column, window.channel));
  e.loop(e.i64(0), rowCount, 1, "prow", [&](llvm::Value* r) {
    Point point = at;
    bindPosition(e, window.h, e.ir.CreateAdd(firstRow, r), point);
    llvm::Value* row = elementAddress(e, c.dtype, dest, e.ir.CreateMul(r, e.i64(patch.rowPitch)));
    point.lanes = lanes;
    if (alongColumns) {
      e.loop(e.i64(0), e.i64(window.channels), 1, "pchannel", [&](llvm::Value* channel) {
        point.iters[window.channel] = channel;
        byVectors(e, patch.columns, lanes, "pcolumn", [&](llvm::Value* first, llvm::Value* mask) {
          point.laneIter = static_cast<int>(bindPosition(e, window.w, first, point));
          point.mask = mask;
          llvm::Value* values = value(point);
          if (window.channels == 1) {
            e.ir.CreateAlignedStore(values, elementAddress(e, c.dtype, row, first), align);
            return;
          }
          // Lanes beyond the last column lie in the slack behind the row, which is written later or not read.
          for (unsigned l = 0; l < lanes; ++l) {
            llvm::Value* index = e.ir.CreateMul(e.ir.CreateAdd(first, e.i64(l)), e.i64(window.channels));
            llvm::Value* address = elementAddress(e, c.dtype, row, e.ir.CreateAdd(index, channel));
            auto store = [&] { e.ir.CreateAlignedStore(e.ir.CreateExtractElement(values, l), address, align); };
            if (mask) {
              e.ifThen(e.ir.CreateExtractElement(mask, l), store);
            } else {
              store();
            }
          }
        });
      });
      return;
    }
    e.loop(e.i64(0), e.i64(patch.columns), 1, "pcolumn", [&](llvm::Value* position) {
      bindPosition(e, window.w, position, point);
      point.laneIter = static_cast<int>(window.channel);
      llvm::Value* pixel = elementAddress(e, c.dtype, row, e.ir.CreateMul(position, e.i64(window.channels)));
      byVectors(e, window.channels, lanes, "pchannel", [&](llvm::Value* first, llvm::Value* mask) {
        point.iters[window.channel] = first;
        point.mask = mask;
        e.ir.CreateAlignedStore(value(point), elementAddress(e, c.dtype, pixel, first), align);
      });
    });
  });
}

}  // namespace nnc::codegen
