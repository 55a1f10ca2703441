// From LLVM modules to relocatable objects and text.
#pragma once

#include <llvm/IR/Module.h>
#include <llvm/Target/TargetMachine.h>

#include <memory>
#include <string>
#include <vector>

#include "codegen/emitter.h"
#include "codegen/instances.h"

namespace nnc::codegen {

std::unique_ptr<llvm::TargetMachine> makeTargetMachine(const Target& target, bool plain = false);
/// An empty module with the target's data layout.
std::unique_ptr<llvm::Module> makeModule(llvm::LLVMContext& context, llvm::TargetMachine& machine,
                                         const std::string& name);
/// The name of an instance's function in the objects of a target: "k3_dense.x86_64_v3".
std::string functionFor(const KernelInstance& instance, const Target& target);
/// Adds a kernel's function, by its template's emitter or (`plain`) by the loop emitter.
KernelFacts emitKernel(llvm::Module& module, const KernelInstance& instance, const Target& target, bool plain);
/// The few passes that explicit vector code needs.
void optimize(llvm::Module& module, llvm::TargetMachine& machine);
std::string emitFile(llvm::Module& module, llvm::TargetMachine& machine, llvm::CodeGenFileType type);
/// The kernels of one target: a row for each instance.
struct TargetKernels {
  Target target;
  std::vector<KernelFacts> facts;
};
/// The module of constant tables (nnc_model_table) and the typed C entry points.
std::unique_ptr<llvm::Module> makeTables(llvm::LLVMContext& context, llvm::TargetMachine& machine,
                                         const plan::Plan& plan, const Instances& instances,
                                         const std::vector<TargetKernels>& targets,
                                         const struct CodegenOptions& options);

}  // namespace nnc::codegen
