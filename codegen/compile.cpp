// One module: kernels into LLVM IR, a short list of passes, machine code.
#include "codegen/compile.h"

#include <llvm/IR/LegacyPassManager.h>
#include <llvm/IR/Verifier.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/Passes/PassBuilder.h>
#include <llvm/Support/raw_ostream.h>
#include <llvm/Transforms/Scalar/EarlyCSE.h>
#include <llvm/Transforms/Scalar/SimplifyCFG.h>
#include <llvm/Transforms/Scalar/SROA.h>

#include <algorithm>
#include <mutex>

#include "codegen/codegen.h"
#include "ir/check.h"

extern "C" {
void LLVMInitializeX86TargetInfo();
void LLVMInitializeX86Target();
void LLVMInitializeX86TargetMC();
void LLVMInitializeX86AsmPrinter();
}

namespace nnc::codegen {
namespace {

constexpr const char* kTriple = "x86_64-unknown-linux-gnu";

void initializeLlvm() {
  static std::once_flag once;
  std::call_once(once, [] {
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
  });
}

/// Kernels below about 5 µs of work are not worth waking a second thread.
constexpr double kSerialFlops = 2.5e5;

bool emitByTemplate(KernelEmitter& e) {
  // Loops that never run leave nothing to block or to pack.
  for (const plan::Iter& iter : e.kernel.iters)
    if (iter.extent == Dim()) return false;
  switch (e.kernel.tmpl) {
    case plan::Template::Gemm:
      return emitGemmKernel(e);
    case plan::Template::Conv:
      return emitConvKernel(e);
    case plan::Template::ConvWeights:
      return emitConvWeightsKernel(e);
    default:
      return false;
  }
}

}  // namespace

std::unique_ptr<llvm::TargetMachine> makeTargetMachine(const Target& target, bool plain) {
  initializeLlvm();
  std::string message;
  const llvm::Target* found = llvm::TargetRegistry::lookupTarget(kTriple, message);
  if (!found) throw CodegenError{"LLVM has no code generator for x86-64: " + message};
  llvm::TargetOptions options;
  options.FunctionSections = true;  // so that the link drops what nothing refers to
  options.DataSections = true;
  options.AllowFPOpFusion = llvm::FPOpFusion::Strict;  // numeric contract: fused only where llvm.fma says so
  return std::unique_ptr<llvm::TargetMachine>(found->createTargetMachine(
      kTriple, target.cpu, target.features, options, llvm::Reloc::PIC_, llvm::CodeModel::Small,
      plain ? llvm::CodeGenOptLevel::None : llvm::CodeGenOptLevel::Less));
}

std::unique_ptr<llvm::Module> makeModule(llvm::LLVMContext& context, llvm::TargetMachine& machine,
                                         const std::string& name) {
  auto module = std::make_unique<llvm::Module>(name, context);
  module->setTargetTriple(kTriple);
  module->setDataLayout(machine.createDataLayout());
  module->setPICLevel(llvm::PICLevel::BigPIC);
  return module;
}

std::string functionFor(const KernelInstance& instance, const Target& target) {
  std::string suffix = target.name;
  std::replace(suffix.begin(), suffix.end(), '-', '_');
  return instance.function + "." + suffix;
}

KernelFacts emitKernel(llvm::Module& module, const KernelInstance& instance, const Target& target, bool plain) {
  KernelEmitter e(module, *instance.kernel, instance.symbols, target, functionFor(instance, target));
  bool contraction = !plain && emitByTemplate(e);
  if (contraction) {
    e.serial = instance.flops < kSerialFlops;
  } else if (instance.kernel->tmpl == plan::Template::Sort) {
    emitSortKernel(e);
  } else {
    emitLoopKernel(e, plain);
  }
  return {e.scratchBytes(), e.serial};
}

void optimize(llvm::Module& module, llvm::TargetMachine& machine) {
  std::string problems;
  llvm::raw_string_ostream stream(problems);
  if (llvm::verifyModule(module, &stream)) internalError(__FILE__, __LINE__, "invalid LLVM IR: " + stream.str());
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager sccs;
  llvm::ModuleAnalysisManager modules;
  llvm::PassBuilder builder(&machine);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(sccs);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, sccs, modules);
  llvm::FunctionPassManager passes;
  passes.addPass(llvm::SROAPass(llvm::SROAOptions::ModifyCFG));
  passes.addPass(llvm::EarlyCSEPass());
  llvm::ModulePassManager pipeline;
  pipeline.addPass(llvm::createModuleToFunctionPassAdaptor(std::move(passes)));
  pipeline.run(module, modules);
}

std::string emitFile(llvm::Module& module, llvm::TargetMachine& machine, llvm::CodeGenFileType type) {
  llvm::SmallString<0> bytes;
  llvm::raw_svector_ostream stream(bytes);
  llvm::legacy::PassManager passes;
  if (machine.addPassesToEmitFile(passes, stream, nullptr, type))
    throw CodegenError{"LLVM cannot write this kind of file"};
  passes.run(module);
  return std::string(bytes);
}

}  // namespace nnc::codegen
