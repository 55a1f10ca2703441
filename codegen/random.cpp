// Random numbers as functions of a key and an element number: Philox4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel
// Random Numbers: As Easy as 1, 2, 3", SC 2011). Block n >> 2 of the key's stream holds the words of elements 4(n>>2) …
// 4(n>>2)+3.
#include <array>

#include "codegen/scalar_ops.h"

namespace nnc::codegen {
namespace {

/// Philox with its 32-bit words in the low halves of i64: the products are 64 bits wide anyway.
struct Philox {
  KernelEmitter& e;
  llvm::Type* type;  // i64 or a vector of it

  llvm::Value* constant(uint64_t v) { return llvm::ConstantInt::get(type, v); }
  llvm::Value* low(llvm::Value* x) { return e.ir.CreateAnd(x, llvm::ConstantInt::get(x->getType(), 0xffffffff)); }
  llvm::Value* high(llvm::Value* x) { return e.ir.CreateLShr(x, llvm::ConstantInt::get(x->getType(), 32)); }
  llvm::Value* plus(llvm::Value* x, uint64_t v) {
    return low(e.ir.CreateAdd(x, llvm::ConstantInt::get(x->getType(), v)));
  }
  llvm::Value* widened(llvm::Value* x) {
    auto* vector = llvm::dyn_cast<llvm::FixedVectorType>(type);
    return vector ? splat(e, x, vector->getNumElements()) : x;
  }

  /// The four words of each block. A key that is the same for all blocks may be a scalar: so is its schedule then.
  std::array<llvm::Value*, 4> run(llvm::Value* key, llvm::Value* block) {
    llvm::IRBuilder<>& ir = e.ir;
    llvm::Value *k0 = low(key), *k1 = high(key);
    std::array<llvm::Value*, 4> c = {low(block), high(block), constant(0), constant(0)};
    for (int round = 0; round < 10; ++round) {
      llvm::Value* p0 = ir.CreateMul(c[0], constant(0xD2511F53));
      llvm::Value* p1 = ir.CreateMul(c[2], constant(0xCD9E8D57));
      c = {ir.CreateXor(ir.CreateXor(high(p1), c[1]), widened(k0)), low(p1),
           ir.CreateXor(ir.CreateXor(high(p0), c[3]), widened(k1)), low(p0)};
      k0 = plus(k0, 0x9E3779B9);
      k1 = plus(k1, 0xBB67AE85);
    }
    return c;
  }
};

/// (word >> 9 + 0.5) * 2^-23, from 32-bit words.
llvm::Value* uniformOf(KernelEmitter& e, llvm::Value* words, DType t) {
  llvm::Type* type = withLanesOf(e.registerType(t), words->getType());
  llvm::Value* mantissa = e.ir.CreateLShr(words, llvm::ConstantInt::get(words->getType(), 9));
  llvm::Value* number = e.ir.CreateSIToFP(mantissa, type);
  number =
      e.ir.CreateFMul(e.ir.CreateFAdd(number, llvm::ConstantFP::get(type, 0.5)), llvm::ConstantFP::get(type, 0x1p-23));
  return roundToDType(e, number, t);
}

llvm::Value* finalise(KernelEmitter& e, llvm::Value* z) {
  llvm::IRBuilder<>& ir = e.ir;
  auto constant = [&](uint64_t v) { return llvm::ConstantInt::get(z->getType(), v); };
  z = ir.CreateMul(ir.CreateXor(z, ir.CreateLShr(z, constant(30))), constant(0xbf58476d1ce4e5b9));
  z = ir.CreateMul(ir.CreateXor(z, ir.CreateLShr(z, constant(27))), constant(0x94d049bb133111eb));
  return ir.CreateXor(z, ir.CreateLShr(z, constant(31)));
}

}  // namespace

llvm::Value* emitRand(KernelEmitter& e, llvm::Value* key, llvm::Value* elements, DType t) {
  llvm::IRBuilder<>& ir = e.ir;
  llvm::Type* type = elements->getType();
  Philox philox{e, type};
  std::array<llvm::Value*, 4> words = philox.run(key, ir.CreateAShr(elements, philox.constant(2)));
  auto bit = [&](uint64_t b) {
    return ir.CreateICmpNE(ir.CreateAnd(elements, philox.constant(b)), philox.constant(0));
  };
  llvm::Value* lower = ir.CreateSelect(bit(1), words[1], words[0]);
  llvm::Value* upper = ir.CreateSelect(bit(1), words[3], words[2]);
  llvm::Value* word = ir.CreateSelect(bit(2), upper, lower);
  return uniformOf(e, ir.CreateTrunc(word, withLanesOf(ir.getInt32Ty(), type)), t);
}

llvm::Value* emitRandRun(KernelEmitter& e, llvm::Value* key, llvm::Value* first, unsigned lanes, bool aligned,
                         DType t) {
  llvm::IRBuilder<>& ir = e.ir;
  // `lanes` elements from anywhere lie in lanes/4 + 1 blocks; a power of two of blocks keeps the vectors regular.
  unsigned blocks = 2, spanned = lanes + (aligned ? 0 : 3);
  while (blocks * 4 < spanned) blocks *= 2;
  llvm::Type* type = llvm::FixedVectorType::get(ir.getInt64Ty(), blocks);
  Philox philox{e, type};
  llvm::SmallVector<uint64_t> numbers;
  for (unsigned b = 0; b < blocks; ++b) numbers.push_back(b);
  // Signs are kept: a run that begins before element 0, in the border of a pad, still meets block 0.
  llvm::Value* block = ir.CreateAdd(ir.CreateVectorSplat(blocks, ir.CreateAShr(first, 2)),
                                    llvm::ConstantDataVector::get(ir.getContext(), numbers));
  std::array<llvm::Value*, 4> words = philox.run(key, block);

  // Words in element order: word w of block b is element 4b + w.
  llvm::Type* wordType = llvm::FixedVectorType::get(ir.getInt32Ty(), blocks);
  for (llvm::Value*& w : words) w = ir.CreateTrunc(w, wordType);
  auto both = [&](llvm::Value* a, llvm::Value* b, unsigned n) {
    std::vector<int> order;
    for (unsigned i = 0; i < 2 * n; ++i) order.push_back(static_cast<int>(i));
    return ir.CreateShuffleVector(a, b, order);
  };
  llvm::Value* all = both(both(words[0], words[1], blocks), both(words[2], words[3], blocks), 2 * blocks);
  auto pick = [&](llvm::Value* from, const std::function<unsigned(unsigned)>& source, unsigned n) {
    std::vector<int> order;
    for (unsigned i = 0; i < n; ++i) order.push_back(static_cast<int>(source(i)));
    return ir.CreateShuffleVector(from, order);
  };
  llvm::Value* sequence = pick(all, [&](unsigned i) { return i % 4 * blocks + i / 4; }, spanned);
  if (aligned) return uniformOf(e, sequence, t);
  // The run starts at word first & 3: shift by one, then by two, where those bits are set.
  auto bit = [&](uint64_t b) { return ir.CreateICmpNE(ir.CreateAnd(first, e.i64(static_cast<int64_t>(b))), e.i64(0)); };
  llvm::Value* byOne = ir.CreateSelect(bit(1),
                                       pick(
                                           sequence, [](unsigned i) { return i + 1; }, lanes + 2),
                                       pick(sequence, [](unsigned i) { return i; }, lanes + 2));
  llvm::Value* run = ir.CreateSelect(
      bit(2), pick(byOne, [](unsigned i) { return i + 2; }, lanes), pick(byOne, [](unsigned i) { return i; }, lanes));
  return uniformOf(e, run, t);
}

llvm::Value* emitFold(KernelEmitter& e, llvm::Value* key, llvm::Value* data) {
  return finalise(e, e.ir.CreateXor(key, finalise(e, data)));
}

}  // namespace nnc::codegen
