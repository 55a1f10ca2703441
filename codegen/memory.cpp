// Loads and stores of operands at a point: runs of neighbouring elements as vectors, the rest element by element or by
// gather, guards as branches where all lanes agree and as masks where they do not.
#include "codegen/lanes.h"
#include "ir/check.h"

namespace nnc::codegen {
namespace {

llvm::Align alignOf(DType t) {
  return llvm::Align(static_cast<uint64_t>(dtypeSize(t)));
}

/// One access: where it is, how lanes run, which of them take part.
class Access {
public:
  Access(KernelEmitter& emitter, uint32_t operandNumber, DType t, unsigned n)
      : e(emitter), ir(e.ir), dtype(t), lanes(n), element(e.scalarType(t)), base(e.operand(operandNumber)) {}

  llvm::Value* address(llvm::Value* index) { return ir.CreateInBoundsGEP(element, base, index); }
  llvm::Type* vectorType() { return llvm::FixedVectorType::get(element, lanes); }
  llvm::Value* reversed(llvm::Value* vector) { return vector ? ir.CreateVectorReverse(vector) : nullptr; }
  llvm::Value* zero() { return llvm::Constant::getNullValue(vectorType()); }

  llvm::Value* loadOne(llvm::Value* index) { return ir.CreateAlignedLoad(element, address(index), alignOf(dtype)); }

  llvm::Value* loadRun(llvm::Value* index, llvm::Value* mask) {
    if (!mask) return ir.CreateAlignedLoad(vectorType(), address(index), alignOf(dtype));
    return ir.CreateMaskedLoad(vectorType(), address(index), alignOf(dtype), mask, zero());
  }

  /// Elements first, first + stride, …, one load each.
  llvm::Value* loadEvenly(llvm::Value* first, int64_t stride) {
    llvm::Value* result = llvm::PoisonValue::get(vectorType());
    for (unsigned l = 0; l < lanes; ++l) {
      result = ir.CreateInsertElement(result, loadOne(ir.CreateAdd(first, e.i64(stride * l))), uint64_t{l});
    }
    return result;
  }

  llvm::Value* gather(llvm::Value* indices, llvm::Value* mask) {
    bool hardware = e.target.hasAvx512 && dtypeSize(dtype) >= 4;
    if (mask || hardware) {
      llvm::Value* all = llvm::ConstantInt::getTrue(llvm::FixedVectorType::get(ir.getInt1Ty(), lanes));
      return ir.CreateMaskedGather(vectorType(), address(indices), alignOf(dtype), mask ? mask : all, zero());
    }
    llvm::Value* result = llvm::PoisonValue::get(vectorType());
    for (unsigned l = 0; l < lanes; ++l) {
      result = ir.CreateInsertElement(result, loadOne(ir.CreateExtractElement(indices, uint64_t{l})), uint64_t{l});
    }
    return result;
  }

  void storeOne(llvm::Value* index, llvm::Value* value) {
    ir.CreateAlignedStore(value, address(index), alignOf(dtype));
  }

  void storeRun(llvm::Value* index, llvm::Value* value, llvm::Value* mask) {
    if (mask) {
      ir.CreateMaskedStore(value, address(index), alignOf(dtype), mask);
    } else {
      ir.CreateAlignedStore(value, address(index), alignOf(dtype));
    }
  }

  KernelEmitter& e;
  llvm::IRBuilder<>& ir;
  DType dtype;
  unsigned lanes;
  llvm::Type* element;
  llvm::Value* base;
};

llvm::Value* both(KernelEmitter& e, llvm::Value* a, llvm::Value* b) {
  return a && b ? e.ir.CreateAnd(a, b) : a ? a : b;
}

/// `value()` where the condition holds, else `otherwise`, by a branch.
llvm::Value* branchOn(KernelEmitter& e, llvm::Value* condition, const std::function<llvm::Value*()>& value,
                      llvm::Value* otherwise) {
  llvm::BasicBlock* before = e.ir.GetInsertBlock();
  llvm::Value* taken = nullptr;
  llvm::BasicBlock* from = nullptr;
  e.ifThen(condition, [&] {
    taken = value();
    from = e.ir.GetInsertBlock();
  });
  if (!taken) return otherwise;
  if (llvm::isa<llvm::ConstantInt>(condition)) return taken;
  llvm::PHINode* phi = e.ir.CreatePHI(taken->getType(), 2);
  phi->addIncoming(otherwise, before);
  phi->addIncoming(taken, from);
  return phi;
}

llvm::Value* loadUniform(Access& access, IndexEmitter& index, const plan::Inst& load, llvm::Value* condition) {
  KernelEmitter& e = access.e;
  auto value = [&] { return fromMemory(e, access.loadOne(index.first(load.index)), load.dtype); };
  if (!condition) return value();
  return branchOn(e, condition, value, constantOf(e.registerType(load.dtype), load.otherwise));
}

llvm::Value* loadLanes(Access& access, IndexEmitter& index, const plan::Ix& at, llvm::Value* mask) {
  std::optional<int64_t> stride = index.stride(at);
  if (stride == 1) return access.loadRun(index.first(at), mask);
  if (stride == -1) {
    llvm::Value* last = access.ir.CreateSub(index.first(at), access.e.i64(access.lanes - 1));
    return access.reversed(access.loadRun(last, access.reversed(mask)));
  }
  if (stride && !mask && !(access.e.target.hasAvx512 && dtypeSize(access.dtype) >= 4)) {
    return access.loadEvenly(index.first(at), *stride);
  }
  return access.gather(index.all(at), mask);
}

}  // namespace

llvm::Value* emitLoad(KernelEmitter& e, IndexEmitter& index, const plan::Inst& load, const Point& point) {
  Access access(e, load.operand, load.dtype, point.lanes);
  Condition guard = emitGuards(e, index, load.guards, point.lanes);
  if (!index.varies(load.index)) {
    if (!guard.lanes) return loadUniform(access, index, load, guard.uniform);
    // The element is the same for all lanes, but only some want it: read it if any does.
    llvm::Value* any = both(e, guard.uniform, e.ir.CreateOrReduce(guard.lanes));
    llvm::Value* value = splat(e, loadUniform(access, index, load, any), point.lanes);
    return e.ir.CreateSelect(guard.lanes, value, constantOf(value->getType(), load.otherwise));
  }

  llvm::Type* type = llvm::FixedVectorType::get(e.registerType(load.dtype), point.lanes);
  if (guard.uniform && !guard.lanes && !point.mask && e.target.vectorBytes < 32) {  // SSE has no masked loads
    auto value = [&] { return fromMemory(e, loadLanes(access, index, load.index, nullptr), load.dtype); };
    return branchOn(e, guard.uniform, value, constantOf(type, load.otherwise));
  }
  llvm::Value* guards = both(e, guard.uniform ? splat(e, guard.uniform, point.lanes) : nullptr, guard.lanes);
  llvm::Value* mask = both(e, guards, point.mask);
  llvm::Value* value = fromMemory(e, loadLanes(access, index, load.index, mask), load.dtype);
  if (!guards || load.otherwise == 0) return value;  // masked loads yield 0 already
  return e.ir.CreateSelect(guards, value, constantOf(type, load.otherwise));
}

namespace {

void storeLaneByLane(Access& access, IndexEmitter& index, const plan::Store& store, llvm::Value* value,
                     llvm::Value* mask) {
  llvm::IRBuilder<>& ir = access.ir;
  llvm::Value* indices = index.all(store.index);
  for (unsigned l = 0; l < access.lanes; ++l) {
    auto write = [&] {
      llvm::Value* at = ir.CreateExtractElement(indices, uint64_t{l});
      llvm::Value* lane = ir.CreateExtractElement(value, uint64_t{l});
      if (store.accumulate)
        lane = emitAdd(access.e, access.dtype, fromMemory(access.e, access.loadOne(at), access.dtype), lane);
      access.storeOne(at, toMemory(access.e, lane, access.dtype));
    };
    if (mask) {
      access.e.ifThen(ir.CreateExtractElement(mask, uint64_t{l}), write);
    } else {
      write();
    }
  }
}

void storeLanes(Access& access, IndexEmitter& index, const plan::Store& store, llvm::Value* value, llvm::Value* mask) {
  KernelEmitter& e = access.e;
  std::optional<int64_t> stride = index.stride(store.index);
  if (stride == 1) {
    llvm::Value* first = index.first(store.index);
    if (store.accumulate)
      value = emitAdd(e, access.dtype, fromMemory(e, access.loadRun(first, mask), access.dtype), value);
    access.storeRun(first, toMemory(e, value, access.dtype), mask);
  } else if (!store.accumulate && e.target.hasAvx512 && dtypeSize(access.dtype) >= 4) {
    llvm::Value* all =
        mask ? mask : llvm::ConstantInt::getTrue(llvm::FixedVectorType::get(e.ir.getInt1Ty(), access.lanes));
    e.ir.CreateMaskedScatter(toMemory(e, value, access.dtype), access.address(index.all(store.index)),
                             alignOf(access.dtype), all);
  } else {
    storeLaneByLane(access, index, store, value, mask);
  }
}

}  // namespace

void emitStore(KernelEmitter& e, IndexEmitter& index, const plan::Store& store, DType dtype, llvm::Value* value,
               const Point& point) {
  Access access(e, store.operand, dtype, point.lanes);
  Condition guard = emitGuards(e, index, store.guards, point.lanes);
  auto write = [&] {
    if (point.lanes == 1) {
      llvm::Value* at = index.first(store.index);
      if (store.accumulate) value = emitAdd(e, dtype, fromMemory(e, access.loadOne(at), dtype), value);
      access.storeOne(at, toMemory(e, value, dtype));
    } else {
      storeLanes(access, index, store, splat(e, value, point.lanes), both(e, guard.lanes, point.mask));
    }
  };
  if (guard.uniform) {
    e.ifThen(guard.uniform, write);
  } else {
    write();
  }
}

}  // namespace nnc::codegen
