// Register tiles of contraction kernels: their choice, and the micro-kernel that fills one.
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "codegen/kernels/contract.h"

namespace nnc::codegen {

unsigned maxTileRows(const Target& target, unsigned vectors) {
  // Beside the accumulators: the vectors of b, one broadcast of a, and without FMA one product.
  unsigned others = vectors + 1 + (target.hasFma ? 0 : 1);
  unsigned rows = others < target.vectorRegisters ? (target.vectorRegisters - others) / vectors : 1;
  // More rows than this gain nothing: each row is one more broadcast.
  return std::clamp(rows, 1u, target.vectorRegisters > 16 ? 20u : 12u);
}

namespace {

/// Estimated cycles of one step of k for a tile: two FMAs and two loads a cycle; a chain's FMA takes four.
double cyclesPerStep(unsigned rows, unsigned vectors) {
  double fma = rows * vectors / 2.0, loads = (rows + vectors) / 2.0, latency = 4;
  return std::max({fma, loads, latency}) + 0.5;
}

}  // namespace

RowCut cutRows(std::optional<int64_t> rows, unsigned atMost) {
  if (!rows || *rows <= 0) return {atMost, 1000.0 / atMost};
  int64_t tiles = (*rows + atMost - 1) / atMost;
  return {static_cast<unsigned>((*rows + tiles - 1) / tiles), double(tiles)};
}

Tile chooseTile(const Target& target, DType dtype, std::optional<int64_t> n,
                const std::function<RowCut(unsigned)>& cut) {
  Tile best;
  double bestCycles = std::numeric_limits<double>::infinity();
  for (unsigned vectors : {2u, 3u, 4u, 1u, 6u, 8u}) {
    if (vectors + 2 >= target.vectorRegisters) continue;
    RowCut rows = cut(maxTileRows(target, vectors));
    Tile tile{rows.rows, vectors, target.lanes(dtype)};
    if (tile.rows == 0 || tile.rows > maxTileRows(target, vectors)) continue;
    double panels = 1000.0 / double(tile.width());
    if (n && *n > 0) {
      const int64_t whole = (*n + tile.width() - 1) / tile.width();
      panels = double(whole);
    }
    double cycles = rows.tiles * panels * cyclesPerStep(tile.rows, vectors);
    if (cycles < bestCycles * 0.999) {
      best = tile;
      bestCycles = cycles;
    }
  }
  return best;
}

namespace {

/// Emits into another function for its lifetime.
class InFunction {
public:
  InFunction(KernelEmitter& e, llvm::Function* f) : e_(e), function_(e.function), point_(e.ir.saveIP()) {
    e.function = f;
    e.ir.SetInsertPoint(llvm::BasicBlock::Create(e.ir.getContext(), "entry", f));
  }
  ~InFunction() {
    e_.function = function_;
    e_.ir.restoreIP(point_);
  }

private:
  KernelEmitter& e_;
  llvm::Function* function_;
  llvm::IRBuilderBase::InsertPoint point_;
};

/// The body of a micro-kernel; all values live in registers between the first and the last lines.
class MicroEmitter {
public:
  MicroEmitter(KernelEmitter& e, const MicroKernel& m, llvm::Function* f)
      : e_(e),
        m_(m),
        f_(f),
        scalar_(e.scalarType(m.dtype)),
        vector_(llvm::FixedVectorType::get(scalar_, m.tile.lanes)) {}

  void emit() {
    llvm::Value* first = e_.ir.CreateICmpNE(f_->getArg(3), e_.i64(0));
    std::vector<llvm::Value*> state = startValues(first);
    state = reduce(0, f_->getArg(0), f_->getArg(1), std::move(state));
    for (unsigned i = 0; i < accumulators(); ++i) e_.ir.CreateAlignedStore(state[i], at(f_->getArg(2), i), align());
    e_.ir.CreateRetVoid();
  }

private:
  unsigned accumulators() const { return m_.tile.rows * m_.tile.vectors; }
  llvm::Align align() const { return llvm::Align(m_.tile.lanes * dtypeSize(m_.dtype)); }
  llvm::Align columnAlign() const { return m_.packed ? align() : llvm::Align(dtypeSize(m_.dtype)); }
  llvm::Value* at(llvm::Value* base, unsigned vector) {
    return e_.ir.CreateConstInBoundsGEP1_64(vector_, base, vector);
  }

  /// Zero for the first block of k, else what the block before left.
  std::vector<llvm::Value*> startValues(llvm::Value* first) {
    auto* start = e_.ir.GetInsertBlock();
    auto* reload = llvm::BasicBlock::Create(e_.ir.getContext(), "reload", f_);
    auto* run = llvm::BasicBlock::Create(e_.ir.getContext(), "run", f_);
    e_.ir.CreateCondBr(first, run, reload);
    e_.ir.SetInsertPoint(reload);
    std::vector<llvm::Value*> loaded, values;
    for (unsigned i = 0; i < accumulators(); ++i)
      loaded.push_back(e_.ir.CreateAlignedLoad(vector_, at(f_->getArg(2), i), align()));
    e_.ir.CreateBr(run);
    e_.ir.SetInsertPoint(run);
    for (llvm::Value* value : loaded) {
      llvm::PHINode* phi = e_.ir.CreatePHI(vector_, 2);
      phi->addIncoming(llvm::Constant::getNullValue(vector_), start);
      phi->addIncoming(value, reload);
      values.push_back(phi);
    }
    return values;
  }

  /// Loops over k from `depth` on; returns the accumulators.
  std::vector<llvm::Value*> reduce(unsigned depth, llvm::Value* a, llvm::Value* b, std::vector<llvm::Value*> sums) {
    if (depth == m_.kSteps.size()) return step(a, b, std::move(sums));
    sums.insert(sums.end(), {a, b});
    sums = e_.loopCarried(e_.i64(0), f_->getArg(4 + depth), 1, "k", std::move(sums),
                          [&](llvm::Value*, std::vector<llvm::Value*> now) {
                            llvm::Value *atA = now[accumulators()], *atB = now[accumulators() + 1];
                            now.resize(accumulators());
                            now = reduce(depth + 1, atA, atB, std::move(now));
                            now.push_back(e_.ir.CreateConstInBoundsGEP1_64(scalar_, atA, m_.kSteps[depth].a));
                            now.push_back(nextColumns(depth, atB));
                            return now;
                          });
    sums.resize(accumulators());
    return sums;
  }

  llvm::Value* nextColumns(unsigned depth, llvm::Value* b) {
    if (m_.packed || depth + 1 < m_.kSteps.size())
      return e_.ir.CreateConstInBoundsGEP1_64(scalar_, b, m_.kSteps[depth].b);
    return e_.ir.CreateInBoundsGEP(scalar_, b, f_->getArg(4 + static_cast<unsigned>(m_.kSteps.size())));
  }

  std::vector<llvm::Value*> step(llvm::Value* a, llvm::Value* b, std::vector<llvm::Value*> sums) {
    std::vector<llvm::Value*> columns;
    for (unsigned v = 0; v < m_.tile.vectors; ++v)
      columns.push_back(e_.ir.CreateAlignedLoad(vector_, at(b, v), columnAlign()));
    for (unsigned r = 0; r < m_.tile.rows; ++r) {
      llvm::Value* address = e_.ir.CreateConstInBoundsGEP1_64(scalar_, a, m_.rowOffsets[r]);
      llvm::Value* row = nullptr;
      if (!m_.lanewise) row = e_.ir.CreateVectorSplat(m_.tile.lanes, e_.ir.CreateLoad(scalar_, address));
      for (unsigned v = 0; v < m_.tile.vectors; ++v) {
        if (m_.lanewise) row = e_.ir.CreateAlignedLoad(vector_, at(address, v), llvm::Align(dtypeSize(m_.dtype)));
        llvm::Value*& sum = sums[r * m_.tile.vectors + v];
        sum = fmaOrMulAdd(e_, row, columns[v], sum);
      }
    }
    return sums;
  }

  KernelEmitter& e_;
  const MicroKernel& m_;
  llvm::Function* f_;
  llvm::Type* scalar_;
  llvm::FixedVectorType* vector_;
};

std::string nameOf(const MicroKernel& m) {
  std::string name = fmt::format("micro.{}.{}x{}{}{}", dtypeName(m.dtype), m.tile.rows, m.tile.width(),
                                 m.packed ? "" : ".direct", m.lanewise ? ".lanewise" : "");
  for (size_t i = 0; i < m.kSteps.size(); ++i)
    name += m.packed || i + 1 < m.kSteps.size() ? fmt::format(".k{}.{}", m.kSteps[i].a, m.kSteps[i].b)
                                                : fmt::format(".k{}", m.kSteps[i].a);
  int64_t stride = m.rowOffsets.size() > 1 ? m.rowOffsets[1] - m.rowOffsets[0] : 0;
  bool even = true;
  for (size_t r = 0; r < m.rowOffsets.size(); ++r) even &= m.rowOffsets[r] == int64_t(r) * stride;
  if (even) return name + fmt::format(".r{}", stride);
  for (int64_t offset : m.rowOffsets) name += fmt::format(".{}", offset);
  return name;
}

}  // namespace

llvm::Function* microKernelFunction(KernelEmitter& e, const MicroKernel& m) {
  llvm::Module& module = *e.function->getParent();
  std::string name = nameOf(m);
  if (llvm::Function* made = module.getFunction(name)) return made;
  std::vector<llvm::Type*> arguments = {e.ir.getPtrTy(), e.ir.getPtrTy(), e.ir.getPtrTy(), e.ir.getInt64Ty()};
  arguments.insert(arguments.end(), m.kSteps.size() + (m.packed ? 0 : 1), e.ir.getInt64Ty());
  auto* type = llvm::FunctionType::get(e.ir.getVoidTy(), arguments, false);
  auto* f = llvm::Function::Create(type, llvm::Function::InternalLinkage, name, module);
  f->setAttributes(llvm::AttributeList::get(module.getContext(), e.function->getAttributes().getFnAttrs(), {}, {}));
  f->addFnAttr(llvm::Attribute::NoInline);
  for (unsigned i = 0; i < 3; ++i) f->addParamAttr(i, llvm::Attribute::NoAlias);
  InFunction inside(e, f);
  MicroEmitter(e, m, f).emit();
  return f;
}

void callMicroKernel(KernelEmitter& e, const MicroKernel& m, llvm::Value* a, llvm::Value* b, llvm::Value* c,
                     llvm::Value* first, const std::vector<llvm::Value*>& counts, llvm::Value* stepB) {
  std::vector<llvm::Value*> arguments = {a, b, c, first};
  arguments.insert(arguments.end(), counts.begin(), counts.end());
  if (!m.packed) arguments.push_back(stepB);
  e.ir.CreateCall(microKernelFunction(e, m), arguments);
}

}  // namespace nnc::codegen
