// Tensor literals of a plan as bytes in storage order, 64-byte aligned, equal ones stored once.
#pragma once

#include <map>
#include <string>

#include "plan/plan.h"

namespace nnc::codegen {

class LiteralPool {
public:
  explicit LiteralPool(const plan::Plan& plan);
  uint64_t offset(const plan::Buffer& buffer) const;
  const std::string& bytes() const { return bytes_; }

private:
  std::string bytes_;
  std::map<std::string, uint64_t> known_;
};

/// The literal's elements of the buffer's dtype in its layout. One element fills the whole shape.
std::string literalBytes(const plan::Buffer& buffer);

}  // namespace nnc::codegen
