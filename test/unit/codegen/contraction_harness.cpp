#include "contraction_harness.h"

#include <llvm/ExecutionEngine/Orc/LLJIT.h>
#include <llvm/IR/LegacyPassManager.h>
#include <llvm/IR/Verifier.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/Passes/PassBuilder.h>
#include <llvm/Support/SmallVectorMemoryBuffer.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/Target/TargetMachine.h>
#include <llvm/Transforms/Scalar/EarlyCSE.h>
#include <llvm/Transforms/Scalar/SROA.h>

#include <cstdlib>
#include <ctime>
#include <stdexcept>
#include <thread>

#include "codegen/codegen.h"
#include "codegen/emitter.h"
#include "runtime/core/nnc_abi.h"

namespace nnc::contraction_testing {
namespace {

using codegen::KernelEmitter;
using codegen::Target;

void initialise() {
  static bool done = [] {
    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetAsmPrinter();
    return true;
  }();
  (void)done;
}

struct Emitted {
  std::unique_ptr<llvm::LLVMContext> context = std::make_unique<llvm::LLVMContext>();
  std::unique_ptr<llvm::Module> module;
  bool specialised = false;
  uint64_t scratchBytes = 0;
};

bool emitSpecialised(KernelEmitter& e) {
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

Emitted emitModule(const plan::Kernel& kernel, const Target& target, const std::vector<std::string>& symbols,
                   bool plain) {
  Emitted out;
  out.module = std::make_unique<llvm::Module>("kernel", *out.context);
  KernelEmitter e(*out.module, kernel, symbols, target, "kernel");
  out.specialised = !plain && emitSpecialised(e);
  if (!out.specialised) emitLoopKernel(e);
  e.function->setVisibility(llvm::GlobalValue::DefaultVisibility);
  out.module->getFunction("kernel.tasks")->setVisibility(llvm::GlobalValue::DefaultVisibility);
  out.scratchBytes = e.scratchBytes();
  std::string text;
  llvm::raw_string_ostream stream(text);
  if (llvm::verifyModule(*out.module, &stream)) throw std::runtime_error("invalid IR: " + text);
  return out;
}

std::unique_ptr<llvm::TargetMachine> machineFor(const Target& target) {
  std::string error, triple = "x86_64-unknown-linux-gnu";
  const llvm::Target* t = llvm::TargetRegistry::lookupTarget(triple, error);
  return std::unique_ptr<llvm::TargetMachine>(t->createTargetMachine(
      triple, target.cpu, target.features, {}, llvm::Reloc::PIC_, std::nullopt, llvm::CodeGenOptLevel::Less));
}

llvm::SmallVector<char, 0> compile(llvm::Module& module, const Target& target, llvm::CodeGenFileType type) {
  std::unique_ptr<llvm::TargetMachine> machine = machineFor(target);
  module.setDataLayout(machine->createDataLayout());
  module.setTargetTriple(machine->getTargetTriple().str());
  llvm::LoopAnalysisManager lam;
  llvm::FunctionAnalysisManager fam;
  llvm::CGSCCAnalysisManager cgam;
  llvm::ModuleAnalysisManager mam;
  llvm::PassBuilder builder(machine.get());
  builder.registerModuleAnalyses(mam);
  builder.registerCGSCCAnalyses(cgam);
  builder.registerFunctionAnalyses(fam);
  builder.registerLoopAnalyses(lam);
  builder.crossRegisterProxies(lam, fam, cgam, mam);
  llvm::FunctionPassManager passes;
  passes.addPass(llvm::SROAPass(llvm::SROAOptions::ModifyCFG));
  passes.addPass(llvm::EarlyCSEPass());
  llvm::ModulePassManager modulePasses;
  modulePasses.addPass(llvm::createModuleToFunctionPassAdaptor(std::move(passes)));
  modulePasses.run(module, mam);
  llvm::SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream out(bytes);
  llvm::legacy::PassManager codegen;
  if (machine->addPassesToEmitFile(codegen, out, nullptr, type)) throw std::runtime_error("cannot emit this file type");
  codegen.run(module);
  return bytes;
}

}  // namespace

struct CompiledKernel::Impl {
  std::unique_ptr<llvm::orc::LLJIT> jit;
  nnc_kernel_fn run = nullptr;
  nnc_extent_fn tasks = nullptr;
};

CompiledKernel::CompiledKernel(const plan::Kernel& kernel, const std::string& cpu,
                               const std::vector<std::string>& symbols, bool plain)
    : impl_(std::make_unique<Impl>()) {
  initialise();
  std::clock_t start = std::clock();
  Target target = codegen::targetFor(cpu);
  Emitted emitted = emitModule(kernel, target, symbols, plain);
  specialised_ = emitted.specialised;
  scratchBytes_ = emitted.scratchBytes;
  llvm::SmallVector<char, 0> object = compile(*emitted.module, target, llvm::CodeGenFileType::ObjectFile);
  milliseconds_ = 1e3 * double(std::clock() - start) / CLOCKS_PER_SEC;
  impl_->jit = llvm::cantFail(llvm::orc::LLJITBuilder().create());
  llvm::cantFail(impl_->jit->addObjectFile(std::make_unique<llvm::SmallVectorMemoryBuffer>(std::move(object), false)));
  impl_->run = llvm::cantFail(impl_->jit->lookup("kernel")).toPtr<nnc_kernel_fn>();
  impl_->tasks = llvm::cantFail(impl_->jit->lookup("kernel.tasks")).toPtr<nnc_extent_fn>();
}

CompiledKernel::~CompiledKernel() = default;

int64_t CompiledKernel::tasks(const std::vector<int64_t>& symbols) const {
  return impl_->tasks(symbols.data());
}

namespace {

/// The arguments of one thread.
struct ThreadArgs {
  std::vector<char*> addresses;
  std::vector<uint32_t> bind;
  void* scratch;
  nnc_args args;

  ThreadArgs(const std::vector<void*>& buffers, const std::vector<int64_t>& symbols, uint64_t scratchBytes)
      : scratch(std::aligned_alloc(64, (scratchBytes + 64) / 64 * 64)) {
    for (size_t i = 0; i < buffers.size(); ++i) {
      addresses.push_back(static_cast<char*>(buffers[i]));
      bind.push_back(static_cast<uint32_t>(i));
    }
    args = {addresses.data(), bind.data(), symbols.data(), static_cast<char*>(scratch)};
  }
  ThreadArgs(const ThreadArgs&) = delete;
  ~ThreadArgs() { std::free(scratch); }
};

}  // namespace

void CompiledKernel::run(const std::vector<void*>& buffers, const std::vector<int64_t>& symbols, int64_t chunk) const {
  ThreadArgs thread(buffers, symbols, scratchBytes_);
  int64_t count = tasks(symbols);
  if (chunk <= 0) chunk = std::max<int64_t>(count, 1);
  for (int64_t range = (count + chunk - 1) / chunk; range-- > 0;) {
    impl_->run(&thread.args, range * chunk, std::min(count, (range + 1) * chunk));
  }
}

void CompiledKernel::runThreads(const std::vector<void*>& buffers, const std::vector<int64_t>& symbols,
                                int threads) const {
  int64_t count = tasks(symbols);
  std::vector<std::thread> running;
  for (int t = 0; t < threads; ++t) {
    running.emplace_back([&, t] {
      ThreadArgs thread(buffers, symbols, scratchBytes_);
      impl_->run(&thread.args, count * t / threads, count * (t + 1) / threads);
    });
  }
  for (std::thread& thread : running) thread.join();
}

std::string CompiledKernel::irText(const plan::Kernel& kernel, const std::string& cpu,
                                   const std::vector<std::string>& symbols) {
  Emitted emitted = emitModule(kernel, codegen::targetFor(cpu), symbols, false);
  std::string text;
  llvm::raw_string_ostream stream(text);
  emitted.module->print(stream, nullptr);
  return text;
}

std::string CompiledKernel::assembly(const plan::Kernel& kernel, const std::string& cpu,
                                     const std::vector<std::string>& symbols) {
  initialise();
  Target target = codegen::targetFor(cpu);
  Emitted emitted = emitModule(kernel, target, symbols, false);
  llvm::SmallVector<char, 0> text = compile(*emitted.module, target, llvm::CodeGenFileType::AssemblyFile);
  return {text.begin(), text.end()};
}

std::vector<std::string> runnableCpus() {
  std::vector<std::string> out;
  for (const char* cpu : {"skylake-avx512", "znver4", "haswell", "x86-64"}) {
    if (codegen::hostCanRun(cpu)) out.push_back(cpu);
  }
  return out;
}

bool cpuHasFma(const std::string& cpu) {
  return codegen::targetFor(cpu).hasFma;
}

plan::Inst load(uint32_t operand, plan::Ix index, DType t, std::vector<plan::Guard> guards, double otherwise) {
  plan::Inst i;
  i.kind = plan::Inst::Kind::Load;
  i.operand = operand;
  i.index = std::move(index);
  i.dtype = t;
  i.guards = std::move(guards);
  i.otherwise = otherwise;
  return i;
}

plan::Inst op(Op o, std::vector<uint32_t> args, DType t) {
  plan::Inst i;
  i.kind = plan::Inst::Kind::Op;
  i.op = o;
  i.args = std::move(args);
  i.dtype = t;
  return i;
}

plan::Inst constant(double value, DType t) {
  plan::Inst i;
  i.kind = plan::Inst::Kind::Const;
  i.constant = value;
  i.dtype = t;
  return i;
}

plan::Inst result(uint32_t stage, DType t) {
  plan::Inst i;
  i.kind = plan::Inst::Kind::Result;
  i.stage = stage;
  i.dtype = t;
  return i;
}

plan::Ix it(uint32_t iter, Dim stride) {
  return plan::Ix::iter(iter) * stride;
}

}  // namespace nnc::contraction_testing
