// Polynomials in an entry's symbols as tiny functions `i64 f(const i64* symbol)`, one for each distinct polynomial.
#pragma once

#include <llvm/IR/Module.h>

#include <map>
#include <string>
#include <vector>

#include "ir/type.h"

namespace nnc::codegen {

class ExtentFunctions {
public:
  ExtentFunctions(llvm::Module& module, const std::vector<Symbol>& symbols, std::string prefix)
      : module_(module), symbols_(symbols), prefix_(std::move(prefix)) {}
  llvm::Function* of(const Dim& d);

private:
  llvm::Module& module_;
  const std::vector<Symbol>& symbols_;
  std::string prefix_;
  std::map<std::string, llvm::Function*> known_;
};

}  // namespace nnc::codegen
