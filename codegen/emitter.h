// What the emitters of all kernel templates share: the function being built, the target's facts, loops, and the
// emission of a region's scalar instructions at a point of the iteration space, for one element or for a vector of
// neighbouring ones.
#pragma once

#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/Module.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "plan/plan.h"

namespace nnc::codegen {

/// Facts of the CPU code is made for. Lanes decide speed only: results are the same for every width (docs: numeric
/// contract).
struct Target {
  std::string name;                 // "znver4"
  std::string cpu, tune, features;  // LLVM's names: whose instructions, whose scheduling
  uint32_t cpuFeatures = 0;         // NNC_CPU_ bits the code needs
  unsigned vectorBytes = 16;        // 16, 32 or 64
  unsigned vectorRegisters = 16;
  bool hasFma = false;
  bool hasAvx512 = false;
  unsigned lanes(DType t) const { return vectorBytes / static_cast<unsigned>(dtypeSize(t)); }
};

/// The facts of "x86-64", "x86-64-v3", "x86-64-v4", "haswell", "skylake-avx512", "znver4", or "native" (that one of
/// them which suits this machine best); throws CodegenError for other names.
Target targetFor(const std::string& cpu);
/// The facts of several, from the most to the least demanding; throws CodegenError where two need the same features.
std::vector<Target> targetsFor(const std::vector<std::string>& cpus);

/// One axis of a kernel's task grid: ceil(extent / block) tasks.
struct TaskAxis {
  Dim extent;
  int64_t block = 1;
};

/// A kernel function under construction: `void name(const nnc_args*, i64 task0, i64 task1)`.
class KernelEmitter {
public:
  /// `symbols` are the entry's symbols in order: their run-time values stand in nnc_args.symbol. `name` is the
  /// function's name in the object; the kernel's own if empty.
  KernelEmitter(llvm::Module& module, const plan::Kernel& kernel, const std::vector<std::string>& symbols,
                const Target& target, const std::string& name = "");

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
  /// Makes `bytes` of this thread's scratch the operand `i`, which the launch does not bind.
  void bindScratch(uint32_t i, uint64_t bytes) { operands_[i] = scratch(bytes); }
  uint64_t scratchBytes() const { return scratchBytes_; }
  /// A dimension as i64: a constant, or arithmetic on the launch's symbols (in the entry block).
  llvm::Value* dim(const Dim& d);
  /// A stack slot of the entry block.
  llvm::AllocaInst* local(llvm::Type* type, const std::string& name);

  /// Cuts the work into tasks: a grid with one axis for each element, outer to inner. Each emitter calls this once; it
  /// writes the function `i64 <name>.tasks(const i64* symbol)` that the runtime asks. No axes: one task.
  void setTasks(const std::vector<TaskAxis>& axes);
  /// Coordinates of a task in the grid given to setTasks, by axis.
  std::vector<llvm::Value*> taskCoordinates(llvm::Value* task);
  /// ceil(a / b), for a >= 0.
  llvm::Value* ceilDiv(llvm::Value* a, int64_t b);
  llvm::Value* minimum(llvm::Value* a, llvm::Value* b);

  /// for (i = lo; i < hi; i += step) body(i). Leaves the insertion point behind the loop.
  void loop(llvm::Value* lo, llvm::Value* hi, int64_t step, const std::string& name,
            const std::function<void(llvm::Value*)>& body);
  /// A loop with carried values; body returns the next ones. Returns the values behind the loop.
  std::vector<llvm::Value*> loopCarried(
      llvm::Value* lo, llvm::Value* hi, int64_t step, const std::string& name, std::vector<llvm::Value*> init,
      const std::function<std::vector<llvm::Value*>(llvm::Value*, std::vector<llvm::Value*>)>& body);
  void ifThen(llvm::Value* condition, const std::function<void()>& then);

  bool serial = false;  // set by an emitter: too little work for a second thread

  llvm::Type* scalarType(DType t);  // in memory: bool is i8, bf16 and f16 are i16
  llvm::Type* registerType(
      DType t);  // in registers: bool is i1, bf16 and f16 are float (with values of the narrow type)
  llvm::Value* i64(int64_t v) { return ir.getInt64(v); }

private:
  llvm::Value* dimIn(llvm::IRBuilder<>& b, llvm::Value* symbolArray, const Dim& d);
  llvm::IRBuilder<> entryBuilder();

  std::map<uint32_t, llvm::Value*> operands_;
  std::map<std::string, llvm::Value*> dims_;
  llvm::Value* args_ = nullptr;
  uint64_t scratchBytes_ = 0;
  std::vector<std::string> symbols_;
  std::vector<TaskAxis> axes_;
};

/// A point of the iteration space. With `lanes` > 1 the variable `laneIter` takes the values base … base+lanes-1 (its
/// entry in `iters` is the base) and every value is a vector; `mask` (<lanes x i1>, null: all) says which lanes exist.
struct Point {
  std::vector<llvm::Value*> iters;  // i64 by iteration variable; null where not (yet) bound
  int laneIter = -1;
  unsigned lanes = 1;
  unsigned aligned = 1;  // the lane variable's base is a multiple of this
  llvm::Value* mask = nullptr;
  std::vector<llvm::Value*> results;  // by stage: value of an earlier Reduce stage (scalar, or vector of lanes)
};

/// Values of all instructions of a region at a point: vectors of `point.lanes`, or scalars where the value is the same
/// in all lanes (splat() of scalar_ops.h widens them; emitStores takes both). Loads are vector loads where the index
/// runs with coefficient 1 in the lane variable, one splat load where it does not depend on it, else gathers. `known`
/// presets instructions (by number) instead of emitting them: e.g. factors loaded from a packed panel.
std::vector<llvm::Value*> emitRegion(KernelEmitter& e, const plan::Region& region, const Point& point,
                                     const std::map<uint32_t, llvm::Value*>& known = {});
/// Only what instruction `root` needs; a vector whenever point.lanes > 1.
llvm::Value* emitInst(KernelEmitter& e, const plan::Region& region, uint32_t root, const Point& point,
                      const std::map<uint32_t, llvm::Value*>& known = {});
/// The stores of a Map stage at a point.
void emitStores(KernelEmitter& e, const plan::Stage& stage, const std::vector<llvm::Value*>& values,
                const Point& point);
/// An index expression at a point, as i64 (of the first lane).
llvm::Value* emitIndex(KernelEmitter& e, const plan::Ix& index, const Point& point,
                       const std::vector<llvm::Value*>& insts = {});

/// a*b + c: fused where the target has FMA, else mul and add (docs: numeric contract).
llvm::Value* fmaOrMulAdd(KernelEmitter& e, llvm::Value* a, llvm::Value* b, llvm::Value* c);

// One emitter for each template; each fills the body of e.function and finishes it with a return. A contraction emitter
// returns false, having emitted nothing, where the kernel has not the form it is good at; the loop emitter takes any.
/// `plain`: the least code, an element at a time.
void emitLoopKernel(KernelEmitter& e, bool plain = false);
bool emitGemmKernel(KernelEmitter& e);
bool emitConvKernel(KernelEmitter& e);
bool emitConvWeightsKernel(KernelEmitter& e);
void emitSortKernel(KernelEmitter& e);

}  // namespace nnc::codegen
