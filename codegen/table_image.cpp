#include "codegen/table_image.h"

#include <llvm/IR/Constants.h>

namespace nnc::codegen {

uint64_t TableImage::addBytes(const void* data, uint64_t size, uint64_t alignment) {
  bytes_.resize((bytes_.size() + alignment - 1) / alignment * alignment);
  uint64_t at = bytes_.size();
  bytes_.append(static_cast<const char*>(data), size);
  return at;
}

uint64_t TableImage::addString(const std::string& text) {
  auto [at, isNew] = strings_.try_emplace(text, 0);
  if (isNew) at->second = addBytes(text.c_str(), text.size() + 1, 1);
  return at->second;
}

void TableImage::point(uint64_t field, uint64_t target) {
  if (target != kNull) inside_[field] = target;
}

void TableImage::point(uint64_t field, llvm::Constant* target) {
  if (target) outside_[field] = target;
}

llvm::GlobalVariable* TableImage::emit(llvm::Module& module, const std::string& name) {
  llvm::LLVMContext& context = module.getContext();
  bytes_.resize((bytes_.size() + 7) / 8 * 8);
  std::map<uint64_t, llvm::Constant*> pointers = outside_;
  for (auto [field, target] : inside_) pointers[field] = nullptr;

  // The type first: runs of bytes between pointers. Addresses inside the image need the global, which needs the type.
  llvm::Type* pointer = llvm::PointerType::getUnqual(context);
  std::vector<llvm::Type*> types;
  uint64_t at = 0;
  auto bytesUpTo = [&](uint64_t end) {
    if (end > at) types.push_back(llvm::ArrayType::get(llvm::Type::getInt8Ty(context), end - at));
    at = end;
  };
  for (auto [field, target] : pointers) {
    bytesUpTo(field);
    types.push_back(pointer);
    at += sizeof(void*);
  }
  bytesUpTo(bytes_.size());
  auto* type = llvm::StructType::get(context, types, /*isPacked=*/true);
  auto* global = new llvm::GlobalVariable(module, type, true, llvm::GlobalValue::ExternalLinkage, nullptr, name);
  global->setVisibility(llvm::GlobalValue::HiddenVisibility);
  global->setAlignment(llvm::Align(64));

  std::vector<llvm::Constant*> values;
  at = 0;
  auto constantBytes = [&](uint64_t end) {
    if (end > at)
      values.push_back(llvm::ConstantDataArray::getString(context, llvm::StringRef(bytes_).slice(at, end), false));
    at = end;
  };
  llvm::Type* byte = llvm::Type::getInt8Ty(context);
  for (auto [field, target] : pointers) {
    constantBytes(field);
    if (!target) {
      llvm::Value* offset = llvm::ConstantInt::get(llvm::Type::getInt64Ty(context), inside_.at(field));
      target = llvm::ConstantExpr::getInBoundsGetElementPtr(byte, global, llvm::ArrayRef<llvm::Value*>(offset));
    }
    values.push_back(target);
    at += sizeof(void*);
  }
  constantBytes(bytes_.size());
  global->setInitializer(llvm::ConstantStruct::get(type, values));
  return global;
}

}  // namespace nnc::codegen
