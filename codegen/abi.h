// The C functions a compiled model exports: what they are called and take. abi.cpp makes their code, header.cpp
// declares them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "plan/plan.h"

namespace llvm {
class Module;
}

namespace nnc::codegen {

/// A function every model has: a call through the core's interface (nnc_api).
struct FixedFunction {
  const char* suffix;     // "create" in `fashion_create`
  size_t field;           // of nnc_api
  const char* signature;  // result and parameters by letter: i int, l int64, d double, p pointer, v void
  const char* result;     // in C
  const char* parameters;
  const char* doc;
};
const std::vector<FixedFunction>& fixedFunctions();

/// A function made of an entry: `int f(ctx, symbols…, inputs…, outputs…)`.
struct EntryPoint {
  struct Port {
    std::string name;  // an identifier of C
    Type type;
    std::string vocabulary;  // of a text: the path of the variable
  };
  std::string function;  // "fashion_classify", "fashion_fit_step"
  uint32_t entry = 0;
  std::vector<Symbol> symbols;
  std::vector<Port> inputs, outputs;
};
std::vector<EntryPoint> entryPointsOf(const plan::Plan& plan);

/// Any text as an identifier of C.
std::string identifier(const std::string& text);

/// Adds the exported functions to the module of tables.
void emitEntryPoints(llvm::Module& module, const plan::Plan& plan);

}  // namespace nnc::codegen
