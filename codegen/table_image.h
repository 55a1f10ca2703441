// Constant tables written as the C structs of nnc_abi.h: the bytes of the structs, and the places among them where an
// address belongs. So the tables cannot disagree with the header they are made from.
#pragma once

#include <llvm/IR/Module.h>

#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "runtime/core/nnc_abi.h"

namespace nnc::codegen {

class TableImage {
public:
  static constexpr uint64_t kNull = UINT64_MAX;

  /// Appends structs and returns where they start; kNull if there are none.
  template <typename T>
  uint64_t add(const std::vector<T>& structs) {
    if (structs.empty()) return kNull;
    return addBytes(structs.data(), structs.size() * sizeof(T), alignof(T));
  }
  uint64_t addBytes(const void* data, uint64_t size, uint64_t alignment);
  /// A terminated string; equal strings are stored once.
  uint64_t addString(const std::string& text);

  /// The pointer at `field` shall hold the address of position `target` of this image (kNull: stays null), or of a
  /// function.
  void point(uint64_t field, uint64_t target);
  void point(uint64_t field, llvm::Constant* target);

  /// Makes the image a hidden constant of the module and returns it; positions are byte offsets in it.
  llvm::GlobalVariable* emit(llvm::Module& module, const std::string& name);

private:
  std::string bytes_;
  std::map<std::string, uint64_t> strings_;
  std::map<uint64_t, uint64_t> inside_;          // field → position
  std::map<uint64_t, llvm::Constant*> outside_;  // field → function or other constant
};

}  // namespace nnc::codegen
