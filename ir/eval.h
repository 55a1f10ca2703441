// The reference interpreter: op by op, in f64 (integers in i64), sharing no code with kernels. Slow, plain and right:
// the oracle for every pass and every kernel.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "ir/graph.h"

namespace nnc {

/// A tensor of the interpreter. Floats live in f64 whatever the dtype (`roundToDType` says whether results are rounded
/// to it); integers and bool live exactly in `ints`.
struct Tensor {
  DType dtype = DType::F64;
  std::vector<int64_t> shape;
  std::vector<double> floats;
  std::vector<int64_t> ints;

  int64_t size() const;
  static Tensor zeros(DType dtype, std::vector<int64_t> shape);
};

struct EvalOptions {
  bool roundToDType = false;  // true: round each float result to its dtype, as kernels store them
};

struct EvalInputs {
  std::map<std::string, Tensor> leaves;    // by leaf name (params, states, inputs, scalars)
  std::map<std::string, int64_t> symbols;  // run-time values of the bounded symbols
};

/// Values of the function's outputs, in order. A missing leaf or symbol asserts.
std::vector<Tensor> evaluate(const Graph& graph, const EvalInputs& inputs, const EvalOptions& options = {});
/// The value of every result of every node, for debugging and for finding the first NaN.
std::vector<std::vector<Tensor>> evaluateAll(const Graph& graph, const EvalInputs& inputs,
                                             const EvalOptions& options = {});

/// One 32-bit word of Philox4x32-10 (Salmon et al., SC 2011): word `index & 3` of block `index >> 2` under `key`; an
/// index may be negative, and shifts then keep its sign.
uint32_t philoxWord(uint64_t key, int64_t index);
/// The op `fold`.
uint64_t foldKey(uint64_t key, uint64_t data);

}  // namespace nnc
