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

/// Objects (or text) of all kernels, one for each group, and what their emitters found out.
std::vector<std::string> compileKernels(const Instances& instances, const Target& target, const CodegenOptions& options,
                                        std::vector<KernelFacts>& facts,
                                        const std::function<std::string(llvm::Module&, llvm::TargetMachine&)>& write) {
  size_t groups = (instances.kernels.size() + kKernelsPerModule - 1) / kKernelsPerModule;
  std::vector<std::string> files(groups);
  facts.resize(instances.kernels.size());
  forEachParallel(groups, options.jobs, [&](size_t g) {
    llvm::LLVMContext context;
    std::unique_ptr<llvm::TargetMachine> machine = makeTargetMachine(target);
    std::unique_ptr<llvm::Module> module = makeModule(context, *machine, "kernels");
    for (size_t k = g * kKernelsPerModule; k < std::min((g + 1) * kKernelsPerModule, instances.kernels.size()); ++k) {
      facts[k] = emitKernel(*module, instances.kernels[k], target, options.plainKernels);
    }
    optimize(*module, *machine);
    files[g] = write(*module, *machine);
  });
  return files;
}

std::string joined(const std::vector<std::string>& texts) {
  std::string all;
  for (const std::string& t : texts) all += t;
  return all;
}

}  // namespace

std::vector<std::string> compileObjects(const plan::Plan& plan, const CodegenOptions& options) {
  Target target = targetFor(options.cpu);
  Instances instances = instancesOf(plan);
  std::vector<KernelFacts> facts;
  std::vector<std::string> objects;
  {
    StageTimer timer(options, "codegen kernels");
    objects = compileKernels(instances, target, options, facts, [](llvm::Module& module, llvm::TargetMachine& machine) {
      return emitFile(module, machine, llvm::CodeGenFileType::ObjectFile);
    });
  }
  StageTimer timer(options, "codegen tables");
  llvm::LLVMContext context;
  std::unique_ptr<llvm::TargetMachine> machine = makeTargetMachine(target);
  std::unique_ptr<llvm::Module> tables = makeTables(context, *machine, plan, instances, facts, target, options);
  optimize(*tables, *machine);
  objects.push_back(emitFile(*tables, *machine, llvm::CodeGenFileType::ObjectFile));
  return objects;
}

std::string emitLlvmText(const plan::Plan& plan, const CodegenOptions& options) {
  std::vector<KernelFacts> facts;
  auto write = [](llvm::Module& module, llvm::TargetMachine&) {
    std::string text;
    llvm::raw_string_ostream stream(text);
    module.print(stream, nullptr);
    return text;
  };
  return joined(compileKernels(instancesOf(plan), targetFor(options.cpu), options, facts, write));
}

std::string emitAssembly(const plan::Plan& plan, const CodegenOptions& options) {
  std::vector<KernelFacts> facts;
  auto write = [](llvm::Module& module, llvm::TargetMachine& machine) {
    return emitFile(module, machine, llvm::CodeGenFileType::AssemblyFile);
  };
  return joined(compileKernels(instancesOf(plan), targetFor(options.cpu), options, facts, write));
}

}  // namespace nnc::codegen
