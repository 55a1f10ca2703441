#include "codegen/kernels/contract.h"

namespace nnc::codegen {

bool emitConvKernel(KernelEmitter& e) {
  std::optional<Contraction> c = analyseContraction(e.kernel);
  return c && emitBlockedContraction(e, *c);
}

bool emitConvWeightsKernel(KernelEmitter& e) {
  std::optional<Contraction> c = analyseContraction(e.kernel);
  return c && emitBlockedContraction(e, *c);
}

}  // namespace nnc::codegen
