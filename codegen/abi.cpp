// The exported C functions: thin wrappers that lay out their arguments as arrays and call the core through
// nnc_core_api. They are the only symbols of a model.so that are visible outside.
#include "codegen/abi.h"
#include "codegen/codegen.h"

#include <fmt/format.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/Module.h>

#include "runtime/core/nnc_abi.h"

namespace nnc::codegen {
namespace {

llvm::Type* typeOf(llvm::LLVMContext& context, char letter) {
  switch (letter) {
    case 'i':
      return llvm::Type::getInt32Ty(context);
    case 'l':
      return llvm::Type::getInt64Ty(context);
    case 'd':
      return llvm::Type::getDoubleTy(context);
    case 'p':
      return llvm::PointerType::getUnqual(context);
    default:
      return llvm::Type::getVoidTy(context);
  }
}

llvm::FunctionType* functionType(llvm::LLVMContext& context, const std::string& signature) {
  std::vector<llvm::Type*> parameters;
  for (char c : signature.substr(1)) parameters.push_back(typeOf(context, c));
  return llvm::FunctionType::get(typeOf(context, signature[0]), parameters, false);
}

class EntryPointEmitter {
public:
  explicit EntryPointEmitter(llvm::Module& module) : module_(module), context_(module.getContext()) {
    // The interface struct of the core (runtime/core/api.c).
    core_ = new llvm::GlobalVariable(module_, llvm::ArrayType::get(llvm::Type::getInt8Ty(context_), sizeof(nnc_api)),
                                     true, llvm::GlobalValue::ExternalLinkage, nullptr, "nnc_core_api");
    core_->setVisibility(llvm::GlobalValue::HiddenVisibility);
  }

  void interfaceGetter(const std::string& name) {
    llvm::IRBuilder<> b = begin(name, "p");
    b.CreateRet(core_);
  }

  void fixed(const std::string& name, const FixedFunction& f) {
    llvm::IRBuilder<> b = begin(name, f.signature);
    std::vector<llvm::Value*> args;
    for (llvm::Argument& a : b.GetInsertBlock()->getParent()->args()) args.push_back(&a);
    llvm::Value* result = call(b, f.field, f.signature, args);
    if (f.signature[0] == 'v') {
      b.CreateRetVoid();
    } else {
      b.CreateRet(result);
    }
  }

  void entry(const EntryPoint& p) {
    std::string signature =
        "ip" + std::string(p.symbols.size(), 'l') + std::string(p.inputs.size() + p.outputs.size(), 'p');
    llvm::IRBuilder<> b = begin(p.function, signature);
    llvm::Function* f = b.GetInsertBlock()->getParent();
    unsigned next = 1;
    llvm::Value* symbols = array(b, f, next, p.symbols.size(), b.getInt64Ty());
    llvm::Value* inputs = array(b, f, next, p.inputs.size(), b.getPtrTy());
    llvm::Value* outputs = array(b, f, next, p.outputs.size(), b.getPtrTy());
    b.CreateRet(
        call(b, offsetof(nnc_api, run), "ipippp", {f->getArg(0), b.getInt32(p.entry), symbols, inputs, outputs}));
  }

private:
  llvm::IRBuilder<> begin(const std::string& name, const std::string& signature) {
    auto* f =
        llvm::Function::Create(functionType(context_, signature), llvm::GlobalValue::ExternalLinkage, name, module_);
    f->setDoesNotThrow();
    return llvm::IRBuilder<>(llvm::BasicBlock::Create(context_, "entry", f));
  }

  /// The next `n` arguments of the function as an array on the stack; null if there are none.
  llvm::Value* array(llvm::IRBuilder<>& b, llvm::Function* f, unsigned& next, size_t n, llvm::Type* element) {
    if (n == 0) return llvm::ConstantPointerNull::get(b.getPtrTy());
    llvm::Value* memory = b.CreateAlloca(llvm::ArrayType::get(element, n));
    for (size_t i = 0; i < n; ++i) b.CreateStore(f->getArg(next++), b.CreateConstInBoundsGEP1_64(element, memory, i));
    return memory;
  }

  llvm::Value* call(llvm::IRBuilder<>& b, size_t field, const std::string& signature,
                    const std::vector<llvm::Value*>& args) {
    llvm::Value* address = b.CreateConstInBoundsGEP1_64(b.getInt8Ty(), core_, field);
    llvm::Value* function = b.CreateLoad(b.getPtrTy(), address);
    return b.CreateCall(functionType(context_, signature), function, args);
  }

  llvm::Module& module_;
  llvm::LLVMContext& context_;
  llvm::GlobalVariable* core_;
};

}  // namespace

void emitEntryPoints(llvm::Module& module, const plan::Plan& plan) {
  EntryPointEmitter emitter(module);
  std::string prefix = modelPrefix(plan);
  emitter.interfaceGetter(prefix + "_api");
  for (const FixedFunction& f : fixedFunctions()) emitter.fixed(fmt::format("{}_{}", prefix, f.suffix), f);
  for (const EntryPoint& p : entryPointsOf(plan)) emitter.entry(p);
}

}  // namespace nnc::codegen
