// Which functions must be compiled: a kernel's code depends on the kernel and on where its symbols stand among the
// entry's, not on their names and bounds. So kernels that are equal but for these become one function, and a kernel
// used by entries with other symbols may become two.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "plan/plan.h"

namespace nnc::codegen {

struct KernelInstance {
  const plan::Kernel* kernel = nullptr;
  std::vector<std::string> symbols;  // of the entry, in order
  std::string function;              // "k12_gemm_m128_n10_k784"
  double flops = 0;                  // at the highest bounds of those it serves
};

struct Instances {
  std::vector<KernelInstance> kernels;
  std::vector<std::vector<uint32_t>> ofLaunch;  // by entry and launch (phases in order): position in `kernels`
};

Instances instancesOf(const plan::Plan& plan);

/// What only the emitter knows of a compiled kernel.
struct KernelFacts {
  uint64_t scratchBytes = 0;
  bool serial = false;
};

}  // namespace nnc::codegen
