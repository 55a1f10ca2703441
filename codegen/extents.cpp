#include "codegen/extents.h"

#include <fmt/format.h>
#include <llvm/IR/IRBuilder.h>

#include <algorithm>

#include "ir/check.h"

namespace nnc::codegen {

llvm::Function* ExtentFunctions::of(const Dim& d) {
  llvm::Function*& slot = known_[d.str()];
  if (slot) return slot;
  llvm::LLVMContext& context = module_.getContext();
  auto* type = llvm::FunctionType::get(llvm::Type::getInt64Ty(context), {llvm::PointerType::getUnqual(context)}, false);
  // Constants are the same for all entries.
  std::string name =
      d.isConst() ? fmt::format("extent.{}", d.value()) : fmt::format("{}extent{}", prefix_, known_.size());
  if (llvm::Function* same = module_.getFunction(name)) return slot = same;
  slot = llvm::Function::Create(type, llvm::GlobalValue::InternalLinkage, name, module_);
  slot->setDoesNotThrow();
  llvm::IRBuilder<> b(llvm::BasicBlock::Create(context, "entry", slot));
  llvm::Value* sum = b.getInt64(0);
  for (const auto& [monomial, coefficient] : d.terms()) {
    llvm::Value* product = b.getInt64(static_cast<uint64_t>(coefficient));
    for (const std::string& name : monomial) {
      auto at = std::find_if(symbols_.begin(), symbols_.end(), [&](const Symbol& s) { return s.name == name; });
      NNC_CHECK(at != symbols_.end(), "a dimension names a symbol its entry does not have");
      llvm::Value* address = b.CreateConstInBoundsGEP1_64(b.getInt64Ty(), slot->getArg(0), at - symbols_.begin());
      product = b.CreateMul(product, b.CreateLoad(b.getInt64Ty(), address));
    }
    sum = b.CreateAdd(sum, product);
  }
  b.CreateRet(sum);
  return slot;
}

}  // namespace nnc::codegen
