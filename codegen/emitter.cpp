// The function under construction: its arguments, dimensions, task grid and loops.
#include "codegen/emitter.h"

#include <algorithm>

#include "ir/check.h"
#include "runtime/core/nnc_abi.h"

namespace nnc::codegen {
namespace {

// The fields of nnc_args by position; codegen knows the runtime by its C header only.
enum ArgField : unsigned { kBuffer, kBind, kSymbol, kScratch };
static_assert(offsetof(nnc_args, buffer) == 0 && offsetof(nnc_args, bind) == 8 && offsetof(nnc_args, symbol) == 16 &&
              offsetof(nnc_args, scratch) == 24);

llvm::Value* loadField(llvm::IRBuilder<>& b, llvm::Value* args, ArgField field) {
  llvm::Value* address = b.CreateConstInBoundsGEP1_64(b.getPtrTy(), args, field);
  llvm::LoadInst* load = b.CreateLoad(b.getPtrTy(), address);
  load->setMetadata(llvm::LLVMContext::MD_invariant_load, llvm::MDNode::get(b.getContext(), {}));
  return load;
}

/// The trip of a loop with constant bounds: 0, 1 or "several"; nothing if a bound is not constant.
std::optional<int> constantTrip(llvm::Value* lo, llvm::Value* hi, int64_t step) {
  auto* l = llvm::dyn_cast<llvm::ConstantInt>(lo);
  auto* h = llvm::dyn_cast<llvm::ConstantInt>(hi);
  if (!l || !h) return std::nullopt;
  if (l->getSExtValue() >= h->getSExtValue()) return 0;
  return l->getSExtValue() + step >= h->getSExtValue() ? 1 : 2;
}

}  // namespace

KernelEmitter::KernelEmitter(llvm::Module& module, const plan::Kernel& k, const std::vector<std::string>& symbols,
                             const Target& t, const std::string& name)
    : ir(module.getContext()), kernel(k), target(t), symbols_(symbols) {
  llvm::Type* i64Type = ir.getInt64Ty();
  auto* type = llvm::FunctionType::get(ir.getVoidTy(), {ir.getPtrTy(), i64Type, i64Type}, false);
  function = llvm::Function::Create(type, llvm::Function::ExternalLinkage, name.empty() ? k.name : name, module);
  function->setVisibility(llvm::GlobalValue::HiddenVisibility);
  function->setDoesNotThrow();
  function->addFnAttr("target-cpu", t.cpu);
  function->addFnAttr("tune-cpu", t.tune);
  function->addFnAttr("target-features", t.features);
  // Without these two LLVM may split 512-bit vectors in halves on CPUs it believes to prefer 256 bits.
  function->addFnAttr("min-legal-vector-width", std::to_string(t.vectorBytes * 8));
  function->addFnAttr("prefer-vector-width", std::to_string(t.vectorBytes * 8));
  args_ = function->getArg(0);
  args_->setName("args");
  task0 = function->getArg(1);
  task0->setName("task0");
  task1 = function->getArg(2);
  task1->setName("task1");
  auto* entry = llvm::BasicBlock::Create(ir.getContext(), "entry", function);
  auto* body = llvm::BasicBlock::Create(ir.getContext(), "body", function);
  llvm::BranchInst::Create(body, entry);
  ir.SetInsertPoint(body);
}

llvm::IRBuilder<> KernelEmitter::entryBuilder() {
  return llvm::IRBuilder<>(function->getEntryBlock().getTerminator());
}

llvm::Value* KernelEmitter::operand(uint32_t i) {
  llvm::Value*& slot = operands_[i];
  if (slot) return slot;
  llvm::IRBuilder<> b = entryBuilder();
  llvm::Value* bind = loadField(b, args_, kBind);
  llvm::Value* number = b.CreateLoad(b.getInt32Ty(), b.CreateConstInBoundsGEP1_64(b.getInt32Ty(), bind, i));
  llvm::Value* buffers = loadField(b, args_, kBuffer);
  llvm::Value* address = b.CreateInBoundsGEP(b.getPtrTy(), buffers, b.CreateZExt(number, b.getInt64Ty()));
  return slot = b.CreateLoad(b.getPtrTy(), address, "op" + std::to_string(i));
}

llvm::Value* KernelEmitter::scratch(uint64_t bytes) {
  llvm::IRBuilder<> b = entryBuilder();
  llvm::Value* address =
      b.CreateConstInBoundsGEP1_64(b.getInt8Ty(), loadField(b, args_, kScratch), scratchBytes_, "scratch");
  scratchBytes_ += (bytes + 63) / 64 * 64;
  return address;
}

llvm::AllocaInst* KernelEmitter::local(llvm::Type* type, const std::string& name) {
  llvm::BasicBlock& entry = function->getEntryBlock();
  llvm::IRBuilder<> b(&entry, entry.begin());
  return b.CreateAlloca(type, nullptr, name);
}

llvm::Value* KernelEmitter::dimIn(llvm::IRBuilder<>& b, llvm::Value* symbolArray, const Dim& d) {
  llvm::Value* sum = nullptr;
  for (const auto& [monomial, coefficient] : d.terms()) {
    llvm::Value* product = b.getInt64(coefficient);
    for (const std::string& symbol : monomial) {
      auto at = std::find(symbols_.begin(), symbols_.end(), symbol);
      NNC_CHECK(at != symbols_.end(), "a kernel reads a symbol its entry does not have");
      llvm::Value* address = b.CreateConstInBoundsGEP1_64(b.getInt64Ty(), symbolArray, at - symbols_.begin());
      product = b.CreateNSWMul(product, b.CreateLoad(b.getInt64Ty(), address, symbol));
    }
    sum = sum ? b.CreateNSWAdd(sum, product) : product;
  }
  return sum ? sum : b.getInt64(0);
}

llvm::Value* KernelEmitter::dim(const Dim& d) {
  if (d.isConst()) return i64(d.value());
  llvm::Value*& slot = dims_[d.str()];
  if (slot) return slot;
  llvm::IRBuilder<> b = entryBuilder();
  return slot = dimIn(b, loadField(b, args_, kSymbol), d);
}

llvm::Value* KernelEmitter::ceilDiv(llvm::Value* a, int64_t by) {
  return by == 1 ? a : ir.CreateUDiv(ir.CreateNUWAdd(a, i64(by - 1)), i64(by));
}

llvm::Value* KernelEmitter::minimum(llvm::Value* a, llvm::Value* b) {
  auto* ca = llvm::dyn_cast<llvm::ConstantInt>(a);
  auto* cb = llvm::dyn_cast<llvm::ConstantInt>(b);
  if (ca && cb) return ca->getSExtValue() < cb->getSExtValue() ? a : b;
  return ir.CreateBinaryIntrinsic(llvm::Intrinsic::smin, a, b);
}

void KernelEmitter::setTasks(const std::vector<TaskAxis>& axes) {
  axes_ = axes;
  auto* type = llvm::FunctionType::get(ir.getInt64Ty(), {ir.getPtrTy()}, false);
  auto* tasks = llvm::Function::Create(type, llvm::Function::ExternalLinkage, function->getName() + ".tasks",
                                       function->getParent());
  tasks->setVisibility(llvm::GlobalValue::HiddenVisibility);
  tasks->setDoesNotThrow();
  llvm::IRBuilder<> b(llvm::BasicBlock::Create(ir.getContext(), "entry", tasks));
  llvm::Value* count = b.getInt64(1);
  for (const TaskAxis& axis : axes) {
    llvm::Value* extent = dimIn(b, tasks->getArg(0), axis.extent);
    llvm::Value* blocks = b.CreateUDiv(b.CreateNUWAdd(extent, b.getInt64(axis.block - 1)), b.getInt64(axis.block));
    count = b.CreateNSWMul(count, blocks);
  }
  b.CreateRet(count);
}

std::vector<llvm::Value*> KernelEmitter::taskCoordinates(llvm::Value* task) {
  std::vector<llvm::Value*> coordinates(axes_.size());
  for (size_t i = axes_.size(); i-- > 0;) {
    if (i == 0) {
      coordinates[i] = task;
      break;
    }
    llvm::Value* blocks = ceilDiv(dim(axes_[i].extent), axes_[i].block);
    coordinates[i] = ir.CreateURem(task, blocks);
    task = ir.CreateUDiv(task, blocks);
  }
  return coordinates;
}

void KernelEmitter::loop(llvm::Value* lo, llvm::Value* hi, int64_t step, const std::string& name,
                         const std::function<void(llvm::Value*)>& body) {
  loopCarried(lo, hi, step, name, {}, [&](llvm::Value* i, std::vector<llvm::Value*>) {
    body(i);
    return std::vector<llvm::Value*>();
  });
}

std::vector<llvm::Value*> KernelEmitter::loopCarried(
    llvm::Value* lo, llvm::Value* hi, int64_t step, const std::string& name, std::vector<llvm::Value*> init,
    const std::function<std::vector<llvm::Value*>(llvm::Value*, std::vector<llvm::Value*>)>& body) {
  std::optional<int> trip = constantTrip(lo, hi, step);
  if (trip == 0) return init;
  if (trip == 1) return body(lo, init);

  llvm::BasicBlock* before = ir.GetInsertBlock();
  auto* head = llvm::BasicBlock::Create(ir.getContext(), name, function);
  auto* after = llvm::BasicBlock::Create(ir.getContext(), name + ".end", function);
  if (trip) {
    ir.CreateBr(head);
  } else {
    ir.CreateCondBr(ir.CreateICmpSLT(lo, hi), head, after);
  }
  ir.SetInsertPoint(head);
  llvm::PHINode* i = ir.CreatePHI(ir.getInt64Ty(), 2, name);
  i->addIncoming(lo, before);
  std::vector<llvm::PHINode*> phis;
  for (llvm::Value* v : init) {
    phis.push_back(ir.CreatePHI(v->getType(), 2));
    phis.back()->addIncoming(v, before);
  }
  std::vector<llvm::Value*> next = body(i, std::vector<llvm::Value*>(phis.begin(), phis.end()));
  NNC_CHECK(next.size() == init.size(), "a loop body returns another number of values than it was given");
  llvm::BasicBlock* latch = ir.GetInsertBlock();
  llvm::Value* following = ir.CreateNSWAdd(i, i64(step));
  ir.CreateCondBr(ir.CreateICmpSLT(following, hi), head, after);
  i->addIncoming(following, latch);
  for (size_t v = 0; v < phis.size(); ++v) phis[v]->addIncoming(next[v], latch);

  ir.SetInsertPoint(after);
  if (trip) return next;  // the only way out is the latch
  std::vector<llvm::Value*> results;
  for (size_t v = 0; v < init.size(); ++v) {
    llvm::PHINode* out = ir.CreatePHI(init[v]->getType(), 2);
    out->addIncoming(init[v], before);
    out->addIncoming(next[v], latch);
    results.push_back(out);
  }
  return results;
}

void KernelEmitter::ifThen(llvm::Value* condition, const std::function<void()>& then) {
  if (auto* known = llvm::dyn_cast<llvm::ConstantInt>(condition)) {
    if (known->isOne()) then();
    return;
  }
  auto* taken = llvm::BasicBlock::Create(ir.getContext(), "then", function);
  auto* after = llvm::BasicBlock::Create(ir.getContext(), "endif", function);
  ir.CreateCondBr(condition, taken, after);
  ir.SetInsertPoint(taken);
  then();
  ir.CreateBr(after);
  ir.SetInsertPoint(after);
}

llvm::Type* KernelEmitter::scalarType(DType t) {
  switch (t) {
    case DType::F64:
      return ir.getDoubleTy();
    case DType::F32:
      return ir.getFloatTy();
    case DType::BF16:
    case DType::F16:
      return ir.getInt16Ty();
    case DType::I64:
      return ir.getInt64Ty();
    case DType::I32:
      return ir.getInt32Ty();
    case DType::I8:
    case DType::U8:
    case DType::Bool:
      return ir.getInt8Ty();
  }
  return nullptr;
}

llvm::Type* KernelEmitter::registerType(DType t) {
  if (t == DType::BF16 || t == DType::F16) return ir.getFloatTy();
  return t == DType::Bool ? ir.getInt1Ty() : scalarType(t);
}

llvm::Value* fmaOrMulAdd(KernelEmitter& e, llvm::Value* a, llvm::Value* b, llvm::Value* c) {
  if (!e.target.hasFma) return e.ir.CreateFAdd(e.ir.CreateFMul(a, b), c);
  return e.ir.CreateIntrinsic(llvm::Intrinsic::fma, {a->getType()}, {a, b, c});
}

}  // namespace nnc::codegen
