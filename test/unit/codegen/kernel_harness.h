// Runs hand-made kernels the way models run: a plan of one launch, compiled, linked with the runtime core, loaded,
// called through the C interface; beside it the plan interpreter as the oracle.
#pragma once

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "codegen/codegen.h"
#include "plan/index.h"
#include "plan/interpret.h"
#include "plan/plan.h"
#include "runtime/core/nnc_abi.h"

namespace nnc::testing {

/// The CPUs code is made for that this machine can run.
std::vector<std::string> runnableCpus();
inline bool hasFma(const std::string& cpu) {
  return cpu != "x86-64";
}

/// A plan with one entry "run" that launches one kernel: its first operands are inputs "in0"…, the last ones outputs.
plan::Plan planOf(const plan::Kernel& kernel, const std::vector<Type>& operands,
                  const std::vector<Symbol>& symbols = {});

/// A linked and loaded plan.
class LoadedPlan {
public:
  LoadedPlan(const plan::Plan& plan, const codegen::CodegenOptions& options, int threads = 1);
  ~LoadedPlan();
  LoadedPlan(const LoadedPlan&) = delete;

  const nnc_api* api = nullptr;
  nnc_context* context = nullptr;
  const std::string& path() const { return path_; }
  void* symbol(const std::string& name) const;
  /// Calls entry 0; fails the test on an error.
  void run(const std::vector<int64_t>& symbols, const std::vector<const void*>& inputs,
           const std::vector<void*>& outputs);

private:
  std::string path_;
  void* handle_ = nullptr;
};

/// A path for a temporary file of this process.
std::string temporaryPath(const std::string& suffix);

/// Elements of a tensor in memory, and the tensor of such bytes.
std::vector<char> bytesOf(const Tensor& t);
Tensor tensorOf(const std::vector<char>& bytes, DType dtype, std::vector<int64_t> shape);

/// Compiles a kernel for `cpu` and runs it on each number of threads; `inputs` and the results are one tensor for each
/// operand. Outputs start as 0.
std::vector<std::vector<Tensor>> runKernel(const plan::Plan& plan, const std::vector<Tensor>& inputs,
                                           const std::vector<int64_t>& symbols, const std::string& cpu,
                                           const std::vector<int>& threads = {1});
/// The same by the plan interpreter.
std::vector<Tensor> interpretKernel(const plan::Plan& plan, const std::vector<Tensor>& inputs,
                                    const std::vector<int64_t>& symbols);

/// Pseudo-random values: floats in [-2, 2], integers in [0, bound).
Tensor randomTensor(DType dtype, std::vector<int64_t> shape, uint64_t seed, int64_t bound = 100);

/// Expects the kernel to agree with the interpreter on every CPU this machine can run: integers exactly, floats within
/// `tolerance` (relative to 1 + |value|), all CPUs with FMA in every bit, and 1 thread like 3.
void expectLikeInterpreter(const plan::Plan& plan, const std::vector<Tensor>& inputs,
                           const std::vector<int64_t>& symbols = {}, double tolerance = 1e-6);

// Short forms for building kernels.
plan::Inst loadInst(uint32_t operand, plan::Ix index, DType dtype = DType::F32, std::vector<plan::Guard> guards = {},
                    double otherwise = 0);
plan::Inst opInst(Op op, std::vector<uint32_t> args, DType dtype = DType::F32);
plan::Inst constInst(double value, DType dtype = DType::F32);
plan::Inst indexInst(plan::Ix index, DType dtype = DType::I64);
plan::Inst resultInst(uint32_t stage, DType dtype = DType::F32);
plan::Store storeTo(uint32_t operand, plan::Ix index, uint32_t value);

}  // namespace nnc::testing
