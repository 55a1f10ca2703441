// From a plan to machine code: objects for each kernel group, linked by lld (as a library) with the runtime core into
// one shared object. A training run loads that very file, so that a run and a shipped library are the same bytes. No
// LLVM here.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "plan/plan.h"

namespace nnc::codegen {

struct CodegenOptions {
  std::string cpu = "native";   // "native", "x86-64", "haswell", "skylake-avx512", "znver4"
  int jobs = 0;                 // threads that compile; 0: as many as CPUs. The result does not depend on it
  bool plainKernels = false;    // -O0: every kernel by the fallback emitter
  std::string weights;          // safetensors to embed, or empty
  std::string compilerVersion;  // goes into nnc_model.compiler
  std::string description;      // JSON for nnc_model.description
  std::function<std::string(const Loc&)> place;  // text of a place for kernels' origins ("model.nn:14"); may be empty
  std::vector<std::pair<std::string, double>>* times = nullptr;  // milliseconds by stage, if wanted
};

/// A relocatable object or text; throws CodegenError with one sentence where the target is unknown or LLVM refuses.
struct CodegenError {
  std::string message;
};

/// Relocatable objects (ELF bytes) of kernels and tables, without the runtime core.
std::vector<std::string> compileObjects(const plan::Plan& plan, const CodegenOptions& options);
/// LLVM IR or assembly of all kernels as text, for --emit=llvm and --emit=asm.
std::string emitLlvmText(const plan::Plan& plan, const CodegenOptions& options);
std::string emitAssembly(const plan::Plan& plan, const CodegenOptions& options);
/// Objects and the embedded runtime core, linked into a shared object at `path`.
void linkSharedObject(const std::vector<std::string>& objects, const plan::Plan& plan, const std::string& path);
/// The same objects as one relocatable object, for -o model.o; only before the first linkSharedObject of a process.
std::string mergeObjects(const std::vector<std::string>& objects);
/// The C99 header of the model: entries, names, shapes and maximal sizes as macros.
std::string makeHeader(const plan::Plan& plan);
/// The name "native" stands for on this machine, and whether this CPU can run code for `cpu`.
std::string hostCpu();
bool hostCanRun(const std::string& cpu);

}  // namespace nnc::codegen
