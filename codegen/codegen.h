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
  // CPUs to make kernels for; a context takes those of the most demanding that its machine can run. Known are "x86-64",
  // "x86-64-v3", "x86-64-v4", "haswell", "skylake-avx512", "znver4" and "native".
  std::vector<std::string> cpus = {"native"};
  int jobs = 0;               // threads that compile; 0: as many as CPUs. The result does not depend on it
  bool plainKernels = false;  // -O0: every kernel by the fallback emitter, an element at a time, by LLVM's shortest way
  std::string weights;        // safetensors to embed, or empty
  std::string compilerVersion;                   // goes into nnc_model.compiler
  std::string description;                       // JSON for nnc_model.description
  std::function<std::string(const Loc&)> place;  // text of a place for kernels' origins ("model.nn:14"); may be empty
  std::vector<std::pair<std::string, double>>* times = nullptr;  // milliseconds by stage, if wanted
  bool quickCode = false;  // kernels as ever, but by LLVM's shortest way: slower code of the same bits, for tests
};

/// A relocatable object or text; throws CodegenError with one sentence where the target is unknown or LLVM refuses.
struct CodegenError {
  std::string message;
  bool io = false;  // a file could not be written
};

/// Relocatable objects (ELF bytes) of kernels and tables, without the runtime core.
std::vector<std::string> compileObjects(const plan::Plan& plan, const CodegenOptions& options);
/// LLVM IR or assembly of all kernels as text, for --emit=llvm and --emit=asm.
std::string emitLlvmText(const plan::Plan& plan, const CodegenOptions& options);
std::string emitAssembly(const plan::Plan& plan, const CodegenOptions& options);
/// Objects and the embedded runtime core, linked into a shared object at `path`.
void linkSharedObject(const std::vector<std::string>& objects, const std::string& path);
/// The same as one relocatable object, for a static link: it shows the model's C functions and no other names, so that
/// several models fit into one program.
std::string linkRelocatable(const std::vector<std::string>& objects);
/// An archive (.a) of one object, named `member` in it.
std::string makeArchive(const std::string& object, const std::string& member);
/// What the names of the model's C functions begin with: its own name, as far as C allows it.
std::string modelPrefix(const plan::Plan& plan);
/// The C99 header of the model: entries, names, shapes and maximal sizes as macros.
std::string makeHeader(const plan::Plan& plan);
/// The name "native" stands for on this machine, and whether this CPU can run code for `cpu`.
std::string hostCpu();
bool hostCanRun(const std::string& cpu);
/// What a library for any x86-64 machine is made for: each level that has vectors or arithmetic of its own.
const std::vector<std::string>& genericCpus();

}  // namespace nnc::codegen
