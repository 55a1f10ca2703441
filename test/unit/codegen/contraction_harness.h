// Compiles one kernel of a plan and runs it on plain arrays, for the tests and measurements of the contraction
// emitters.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "plan/index.h"
#include "plan/plan.h"

namespace nnc::contraction_testing {

class CompiledKernel {
public:
  /// `symbols` are the entry's symbols in order. `plain`: the fallback emitter, whatever the template.
  CompiledKernel(const plan::Kernel& kernel, const std::string& cpu, const std::vector<std::string>& symbols = {},
                 bool plain = false);
  ~CompiledKernel();

  /// Whether the emitter of the kernel's template took it.
  bool specialised() const { return specialised_; }
  int64_t tasks(const std::vector<int64_t>& symbols = {}) const;
  /// Runs all tasks, cut into ranges of `chunk` tasks (0: one range), the last range first.
  void run(const std::vector<void*>& buffers, const std::vector<int64_t>& symbols = {}, int64_t chunk = 0) const;
  /// Runs all tasks on `threads` threads, each with an equal range.
  void runThreads(const std::vector<void*>& buffers, const std::vector<int64_t>& symbols, int threads) const;
  uint64_t scratchBytes() const { return scratchBytes_; }
  double compileMilliseconds() const { return milliseconds_; }
  static std::string irText(const plan::Kernel& kernel, const std::string& cpu,
                            const std::vector<std::string>& symbols = {});
  static std::string assembly(const plan::Kernel& kernel, const std::string& cpu,
                              const std::vector<std::string>& symbols = {});

private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
  bool specialised_ = false;
  uint64_t scratchBytes_ = 0;
  double milliseconds_ = 0;
};

/// The CPU names of the code generator that this machine can run, FMA targets first.
std::vector<std::string> runnableCpus();
bool cpuHasFma(const std::string& cpu);

/// Regions are written down as lists of instructions; these make one each.
plan::Inst load(uint32_t operand, plan::Ix index, DType t, std::vector<plan::Guard> guards = {}, double otherwise = 0);
plan::Inst op(Op o, std::vector<uint32_t> args, DType t);
plan::Inst constant(double value, DType t);
plan::Inst result(uint32_t stage, DType t);
plan::Ix it(uint32_t iter, Dim stride = 1);

/// Reproducible values in (-1, 1).
template <class T>
std::vector<T> randomValues(size_t count, uint32_t seed) {
  std::vector<T> out(count);
  for (T& v : out) {
    seed = seed * 1664525u + 1013904223u;
    v = T(int32_t(seed) >> 8) / T(1 << 23);
  }
  return out;
}

}  // namespace nnc::contraction_testing
