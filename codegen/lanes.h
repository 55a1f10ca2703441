// How an index expression moves over the lanes of a point, and index arithmetic on scalars and vectors.
#pragma once

#include <optional>
#include <vector>

#include "codegen/scalar_ops.h"

namespace nnc::codegen {

/// Index expressions at one point of one region. `insts` are the values of the region's instructions as far as they are
/// emitted: scalars where they are the same in all lanes, vectors where they vary.
class IndexEmitter {
public:
  IndexEmitter(KernelEmitter& emitter, const Point& p, const std::vector<llvm::Value*>& instructions)
      : e(emitter), point(p), insts(instructions) {}

  bool varies(const plan::Ix& index) const;
  /// The constant by which the index grows from lane to lane, if it does so evenly.
  std::optional<int64_t> stride(const plan::Ix& index) const;
  /// Value in the first lane.
  llvm::Value* first(const plan::Ix& index);
  /// Values in all lanes, <lanes x i64>.
  llvm::Value* all(const plan::Ix& index);

private:
  llvm::Value* atom(const plan::Atom& atom, bool vector);
  llvm::Value* sum(const plan::Ix& index, bool vector);
  llvm::Value* floorDivide(llvm::Value* a, const Dim& by, bool remainder);

  KernelEmitter& e;
  const Point& point;
  const std::vector<llvm::Value*>& insts;
};

/// A condition on a point: `uniform` (i1) holds for all lanes or none, `lanes` (<n x i1>) for each; null: always true.
struct Condition {
  llvm::Value* uniform = nullptr;
  llvm::Value* lanes = nullptr;
};
Condition emitGuards(KernelEmitter& e, IndexEmitter& index, const std::vector<plan::Guard>& guards, unsigned lanes);

/// <lanes x i64> of 0, 1, 2, …
llvm::Value* laneNumbers(KernelEmitter& e, unsigned lanes, llvm::Type* type);

/// Memory access of one operand: element `index`, under a condition. Only lanes of `mask` (null: all) exist.
llvm::Value* emitLoad(KernelEmitter& e, IndexEmitter& index, const plan::Inst& load, const Point& point);
void emitStore(KernelEmitter& e, IndexEmitter& index, const plan::Store& store, DType dtype, llvm::Value* value,
               const Point& point);

}  // namespace nnc::codegen
