// Rows sorted ascending with the indices they came from: heap sort in the two outputs, no memory of its own. Ordering
// by (value, index) makes the result the stable one; NaN sorts behind every number.
#include <optional>

#include "codegen/scalar_ops.h"
#include "ir/check.h"

namespace nnc::codegen {
namespace {

class SortEmitter {
public:
  explicit SortEmitter(KernelEmitter& emitter)
      : e(emitter), ir(e.ir), stage(e.kernel.stages.at(0)), dtype(stage.body[stage.stores.at(0).value].dtype) {
    NNC_CHECK(stage.stores.size() == 2, "a sort writes values and indices");
    if (!stage.iters.empty()) along = stage.iters[0];
  }

  void emit() {
    Dim rows = 1;
    for (uint32_t i : e.kernel.taskIters) rows = rows * e.kernel.iters[i].extent;
    e.setTasks({{rows, 1}});
    e.loop(e.task0, e.task1, 1, "row", [&](llvm::Value* row) {
      bindRow(row);
      llvm::Value* n = along ? e.dim(e.kernel.iters[*along].extent) : e.i64(1);
      e.loop(e.i64(0), n, 1, "fill", [&](llvm::Value* i) { fill(i); });
      sortRow(n);
    });
    ir.CreateRetVoid();
  }

private:
  struct Element {
    llvm::Value *value, *index;
  };

  void bindRow(llvm::Value* row) {
    point.iters.assign(e.kernel.iters.size(), e.i64(0));
    for (size_t t = e.kernel.taskIters.size(); t-- > 0;) {
      uint32_t iter = e.kernel.taskIters[t];
      llvm::Value* extent = e.dim(e.kernel.iters[iter].extent);
      point.iters[iter] = t == 0 ? row : ir.CreateURem(row, extent);
      row = ir.CreateUDiv(row, extent);
    }
  }

  /// Where element i of the row is.
  Point at(llvm::Value* i) const {
    Point p = point;
    if (along) p.iters[*along] = i;
    return p;
  }

  llvm::Value* address(unsigned store, llvm::Value* i) {
    const Point p = at(i);
    llvm::Type* type = store == 0 ? e.scalarType(dtype) : ir.getInt32Ty();
    return ir.CreateInBoundsGEP(type, e.operand(stage.stores[store].operand),
                                emitIndex(e, stage.stores[store].index, p));
  }

  Element load(llvm::Value* i) {
    llvm::Value* raw = ir.CreateLoad(e.scalarType(dtype), address(0, i));
    return {fromMemory(e, raw, dtype), ir.CreateLoad(ir.getInt32Ty(), address(1, i))};
  }

  void store(llvm::Value* i, const Element& x) {
    ir.CreateStore(toMemory(e, x.value, dtype), address(0, i));
    ir.CreateStore(x.index, address(1, i));
  }

  void fill(llvm::Value* i) {
    const Point p = at(i);
    store(i, {emitInst(e, stage.body, stage.stores[0].value, p), ir.CreateTrunc(i, ir.getInt32Ty())});
  }

  llvm::Value* less(const Element& a, const Element& b) {
    llvm::Value *below, *above;
    if (isFloat(dtype)) {
      llvm::Value *aNan = ir.CreateFCmpUNO(a.value, a.value), *bNan = ir.CreateFCmpUNO(b.value, b.value);
      below = ir.CreateOr(ir.CreateFCmpOLT(a.value, b.value), ir.CreateAnd(ir.CreateNot(aNan), bNan));
      above = ir.CreateOr(ir.CreateFCmpOLT(b.value, a.value), ir.CreateAnd(ir.CreateNot(bNan), aNan));
    } else {
      bool isUnsigned = dtype == DType::U8 || dtype == DType::Bool;
      below = isUnsigned ? ir.CreateICmpULT(a.value, b.value) : ir.CreateICmpSLT(a.value, b.value);
      above = isUnsigned ? ir.CreateICmpULT(b.value, a.value) : ir.CreateICmpSLT(b.value, a.value);
    }
    return ir.CreateOr(below, ir.CreateAnd(ir.CreateNot(above), ir.CreateICmpULT(a.index, b.index)));
  }

  /// The first n/2 rounds build the heap from its last parent up; each further one moves the largest element to the
  /// end.
  void sortRow(llvm::Value* n) {
    llvm::Value* parents = ir.CreateLShr(n, 1);
    llvm::Value* rounds = ir.CreateAdd(parents, ir.CreateSub(n, e.i64(1)));
    e.loop(e.i64(0), rounds, 1, "heap", [&](llvm::Value* t) {
      llvm::Value* building = ir.CreateICmpSLT(t, parents);
      llvm::Value* root = ir.CreateSelect(building, ir.CreateSub(ir.CreateSub(parents, e.i64(1)), t), e.i64(0));
      llvm::Value* end =
          ir.CreateSelect(building, n, ir.CreateSub(ir.CreateAdd(n, parents), ir.CreateAdd(t, e.i64(1))));
      e.ifThen(ir.CreateNot(building), [&] {
        Element largest = load(e.i64(0)), last = load(end);
        store(e.i64(0), last);
        store(end, largest);
      });
      siftDown(root, end);
    });
  }

  /// Moves the element at `root` down until no child within [0, end) is larger.
  void siftDown(llvm::Value* root, llvm::Value* end) {
    llvm::BasicBlock* before = ir.GetInsertBlock();
    auto block = [&](const char* name) { return llvm::BasicBlock::Create(ir.getContext(), name, e.function); };
    llvm::BasicBlock *head = block("sift"), *choose = block("sift.choose"), *move = block("sift.move"),
                     *done = block("sift.end");
    ir.CreateBr(head);
    ir.SetInsertPoint(head);
    llvm::PHINode* at = ir.CreatePHI(ir.getInt64Ty(), 2);
    at->addIncoming(root, before);
    llvm::Value* left = ir.CreateAdd(ir.CreateShl(at, 1), e.i64(1));
    ir.CreateCondBr(ir.CreateICmpSLT(left, end), choose, done);

    ir.SetInsertPoint(choose);
    llvm::Value* right = e.minimum(ir.CreateAdd(left, e.i64(1)), ir.CreateSub(end, e.i64(1)));
    Element a = load(left), b = load(right), parent = load(at);
    llvm::Value* rightLarger = less(a, b);
    llvm::Value* child = ir.CreateSelect(rightLarger, right, left);
    Element larger{ir.CreateSelect(rightLarger, b.value, a.value), ir.CreateSelect(rightLarger, b.index, a.index)};
    ir.CreateCondBr(less(parent, larger), move, done);

    ir.SetInsertPoint(move);
    store(at, larger);
    store(child, parent);
    at->addIncoming(child, move);
    ir.CreateBr(head);
    ir.SetInsertPoint(done);
  }

  KernelEmitter& e;
  llvm::IRBuilder<>& ir;
  const plan::Stage& stage;
  std::optional<uint32_t> along;  // none: rows of one element
  DType dtype;
  Point point;
};

}  // namespace

void emitSortKernel(KernelEmitter& e) {
  SortEmitter(e).emit();
}

}  // namespace nnc::codegen
