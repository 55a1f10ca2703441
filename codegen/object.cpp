// All kernels of a plan, a few to a module, modules compiled side by side. How they are grouped follows from the plan
// alone, so the bytes do not depend on the number of threads.
#include <llvm/Support/raw_ostream.h>

#include <atomic>
#include <chrono>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>

#include "codegen/codegen.h"
#include "codegen/compile.h"

namespace nnc::codegen {
namespace {

constexpr size_t kKernelsPerModule = 6;
constexpr size_t kQuickKernelsPerModule = 48;  // where setting up LLVM takes longer than a kernel
constexpr const char* kBaseline = "x86-64";

/// Calls work(0) … work(n-1) on up to `jobs` threads; the first exception is thrown again here.
void forEachParallel(size_t n, int jobs, const std::function<void(size_t)>& work) {
  std::atomic<size_t> next = 0;
  std::exception_ptr failure;
  std::mutex mutex;
  auto run = [&] {
    for (size_t i = next++; i < n; i = next++) {
      try {
        work(i);
      } catch (...) {
        std::lock_guard lock(mutex);
        if (!failure) failure = std::current_exception();
      }
    }
  };
  size_t threads = jobs > 0 ? static_cast<size_t>(jobs) : std::max(1u, std::thread::hardware_concurrency());
  std::vector<std::thread> others;
  for (size_t t = 1; t < std::min(threads, n); ++t) others.emplace_back(run);
  run();
  for (std::thread& t : others) t.join();
  if (failure) std::rethrow_exception(failure);
}

class StageTimer {
public:
  StageTimer(const CodegenOptions& options, std::string stage)
      : options_(options), stage_(std::move(stage)), start_(std::chrono::steady_clock::now()) {}
  ~StageTimer() {
    std::chrono::duration<double, std::milli> elapsed = std::chrono::steady_clock::now() - start_;
    if (options_.times) options_.times->emplace_back(stage_, elapsed.count());
  }

private:
  const CodegenOptions& options_;
  std::string stage_;
  std::chrono::steady_clock::time_point start_;
};

/// Objects of all kernels for all targets, a few kernels of one target to each, and what their emitters found out.
std::vector<std::string> compileKernels(const Instances& instances, std::vector<TargetKernels>& targets,
                                        const CodegenOptions& options) {
  const size_t kernels = instances.kernels.size();
  const bool quick = options.plainKernels || options.quickCode;
  const size_t perModule = quick ? kQuickKernelsPerModule : kKernelsPerModule;
  const size_t groups = (kernels + perModule - 1) / perModule;
  std::vector<std::string> files(groups * targets.size());
  for (TargetKernels& t : targets) t.facts.resize(kernels);
  forEachParallel(files.size(), options.jobs, [&](size_t f) {
    TargetKernels& of = targets[f / groups];
    llvm::LLVMContext context;
    std::unique_ptr<llvm::TargetMachine> machine = makeTargetMachine(of.target, quick);
    std::unique_ptr<llvm::Module> module = makeModule(context, *machine, "kernels");
    const size_t first = f % groups * perModule;
    for (size_t k = first; k < std::min(first + perModule, kernels); ++k)
      of.facts[k] = emitKernel(*module, instances.kernels[k], of.target, options.plainKernels);
    optimize(*module, *machine);
    files[f] = emitFile(*module, *machine, llvm::CodeGenFileType::ObjectFile);
  });
  return files;
}

std::vector<TargetKernels> targetsOf(const CodegenOptions& options) {
  std::vector<TargetKernels> targets;
  for (Target& t : targetsFor(options.cpus)) targets.push_back({std::move(t), {}});
  return targets;
}

/// All kernels for all targets in one module: a text that LLVM's tools and assemblers take as it is. Each function says
/// which CPU it is for.
template <typename Write>
std::string asOneModule(const plan::Plan& plan, const CodegenOptions& options, Write&& write) {
  llvm::LLVMContext context;
  std::unique_ptr<llvm::TargetMachine> machine = makeTargetMachine(targetFor(kBaseline));
  std::unique_ptr<llvm::Module> module = makeModule(context, *machine, plan.name);
  const Instances instances = instancesOf(plan);
  for (const Target& target : targetsFor(options.cpus))
    for (const KernelInstance& k : instances.kernels) emitKernel(*module, k, target, options.plainKernels);
  optimize(*module, *machine);
  return write(*module, *machine);
}

}  // namespace

std::vector<std::string> compileObjects(const plan::Plan& plan, const CodegenOptions& options) {
  Instances instances = instancesOf(plan);
  std::vector<TargetKernels> targets = targetsOf(options);
  std::vector<std::string> objects;
  {
    StageTimer timer(options, "codegen kernels");
    objects = compileKernels(instances, targets, options);
  }
  StageTimer timer(options, "codegen tables");
  llvm::LLVMContext context;
  // What finds out which target the machine can run must itself run on any.
  std::unique_ptr<llvm::TargetMachine> machine = makeTargetMachine(targetFor(kBaseline));
  std::unique_ptr<llvm::Module> tables = makeTables(context, *machine, plan, instances, targets, options);
  optimize(*tables, *machine);
  objects.push_back(emitFile(*tables, *machine, llvm::CodeGenFileType::ObjectFile));
  return objects;
}

std::string emitLlvmText(const plan::Plan& plan, const CodegenOptions& options) {
  return asOneModule(plan, options, [](llvm::Module& module, llvm::TargetMachine&) {
    std::string text;
    llvm::raw_string_ostream stream(text);
    module.print(stream, nullptr);
    return text;
  });
}

std::string emitAssembly(const plan::Plan& plan, const CodegenOptions& options) {
  return asOneModule(plan, options, [](llvm::Module& module, llvm::TargetMachine& machine) {
    return emitFile(module, machine, llvm::CodeGenFileType::AssemblyFile);
  });
}

}  // namespace nnc::codegen
