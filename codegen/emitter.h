// What the emitters of all kernel templates share: the function being built, the target's facts, loops, and the emission of
// a region's scalar instructions at a point of the iteration space, for one element or for a vector of neighbouring ones.
#pragma once

#include <functional>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/Module.h>
#include <vector>

#include "plan/plan.h"

namespace nnc::codegen {

/// Facts of the CPU code is made for. Lanes decide speed only: results are the same for every width (docs: numeric contract).
struct Target {
  std::string cpu, features;
  unsigned vectorBytes = 16;    // 16, 32 or 64
  unsigned vectorRegisters = 16;
  bool hasFma = false;
  unsigned lanes(DType t) const { return vectorBytes / static_cast<unsigned>(dtypeSize(t)); }
};

/// A kernel function under construction: `void name(const nnc_args*, i64 task0, i64 task1)`.
class KernelEmitter {
public:
  KernelEmitter(llvm::Module& module, const plan::Kernel& kernel, const std::vector<std::string>& symbols,
                const Target& target);

  llvm::IRBuilder<> ir;
  const plan::Kernel& kernel;
  const Target& target;
  llvm::Function* function = nullptr;
  llvm::Value* task0 = nullptr;
  llvm::Value* task1 = nullptr;

  /// Address of operand `i` (pointer to its first element), loaded once in the entry block.
  llvm::Value* operand(uint32_t i);
  /// This thread's scratch: reserves `bytes` (64-byte aligned) and returns their address.
  llvm::Value* scratch(uint64_t bytes);
  uint64_t scratchBytes() const { return scratchBytes_; }
  /// A dimension as i64: a constant, or arithmetic on the launch's symbols (in the entry block).
  llvm::Value* dim(const Dim& d);

  /// for (i = lo; i < hi; i += step) body(i). Leaves the insertion point behind the loop.
  void loop(llvm::Value* lo, llvm::Value* hi, int64_t step, const std::string& name,
            const std::function<void(llvm::Value*)>& body);
  /// A loop with carried values; body returns the next ones. Returns the values behind the loop.
  std::vector<llvm::Value*> loopCarried(llvm::Value* lo, llvm::Value* hi, int64_t step, const std::string& name,
                                        std::vector<llvm::Value*> init,
                                        const std::function<std::vector<llvm::Value*>(llvm::Value*, std::vector<llvm::Value*>)>& body);
  void ifThen(llvm::Value* condition, const std::function<void()>& then);

  llvm::Type* scalarType(DType t);  // in memory; bool is i8 there and i1 in registers
  llvm::Value* i64(int64_t v) { return ir.getInt64(v); }

private:
  std::map<uint32_t, llvm::Value*> operands_;
  std::map<std::string, llvm::Value*> dims_;
  llvm::Value* args_ = nullptr;
  llvm::Value* scratchBase_ = nullptr;
  uint64_t scratchBytes_ = 0;
  std::vector<std::string> symbols_;
};

/// A point of the iteration space. With `lanes` > 1 the variable `laneIter` takes the values base … base+lanes-1 (its
/// entry in `iters` is the base) and every value is a vector; `mask` (<lanes x i1>, null: all) says which lanes exist.
struct Point {
  std::vector<llvm::Value*> iters;       // i64 by iteration variable; null where not (yet) bound
  int laneIter = -1;
  unsigned lanes = 1;
  llvm::Value* mask = nullptr;
  std::vector<llvm::Value*> results;     // by stage: value of an earlier Reduce stage (scalar, or vector of lanes)
};

/// Values of all instructions of a region at a point (scalars, or vectors of `point.lanes`). Loads are vector loads where
/// the index runs with coefficient 1 in the lane variable, one splat load where it does not depend on it, else gathers.
/// `known` presets instructions (by number) instead of emitting them: e.g. factors loaded from a packed panel.
std::vector<llvm::Value*> emitRegion(KernelEmitter& e, const plan::Region& region, const Point& point,
                                     const std::map<uint32_t, llvm::Value*>& known = {});
/// Only what instruction `root` needs.
llvm::Value* emitInst(KernelEmitter& e, const plan::Region& region, uint32_t root, const Point& point,
                      const std::map<uint32_t, llvm::Value*>& known = {});
/// The stores of a Map stage at a point.
void emitStores(KernelEmitter& e, const plan::Stage& stage, const std::vector<llvm::Value*>& values, const Point& point);
/// An index expression at a point, as i64 (of the first lane).
llvm::Value* emitIndex(KernelEmitter& e, const plan::Ix& index, const Point& point,
                       const std::vector<llvm::Value*>& insts = {});

/// a*b + c: fused where the target has FMA, else mul and add (docs: numeric contract).
llvm::Value* fmaOrMulAdd(KernelEmitter& e, llvm::Value* a, llvm::Value* b, llvm::Value* c);

// One emitter for each template; each fills the body of e.function and finishes it with a return. A contraction emitter
// returns false, having emitted nothing, where the kernel has not the form it is good at; the loop emitter takes any.
void emitLoopKernel(KernelEmitter& e);
bool emitGemmKernel(KernelEmitter& e);
bool emitConvKernel(KernelEmitter& e);
bool emitConvWeightsKernel(KernelEmitter& e);
void emitSortKernel(KernelEmitter& e);
/// How the task space is cut: number of tasks of a kernel as seen by the runtime (a polynomial function is emitted for it).
/// Contraction emitters make one task of a tile block; the loop emitter makes one of a block of points.
void emitTaskCount(KernelEmitter& e, llvm::Function* tasks);

}  // namespace nnc::codegen
