// Regions at a point: each instruction is emitted once, as a scalar where it is the same in all lanes, else as a
// vector.
#include <algorithm>

#include "codegen/lanes.h"
#include "ir/check.h"

namespace nnc::codegen {
namespace {

using plan::Inst;

class RegionEmitter {
public:
  RegionEmitter(KernelEmitter& emitter, const plan::Region& r, const Point& p,
                const std::map<uint32_t, llvm::Value*>& known)
      : e(emitter), region(r), point(p), values(r.size(), nullptr), index(e, point, values) {
    for (auto [number, value] : known) values[number] = value;
  }

  /// The value of an instruction, with all it needs.
  llvm::Value* value(uint32_t i) {
    if (!values[i]) values[i] = emit(region[i]);
    return values[i];
  }
  llvm::Value* vector(uint32_t i) { return splat(e, value(i), point.lanes); }

private:
  /// Index expressions may name instructions: they must be there before the expression is emitted.
  void needIndex(const plan::Ix& ix) {
    for (const auto& [atom, coefficient] : ix.terms) {
      if (atom.kind == plan::Atom::Kind::Inst) value(atom.id);
      if (atom.arg) needIndex(*atom.arg);
    }
  }

  llvm::Value* emit(const Inst& inst) {
    switch (inst.kind) {
      case Inst::Kind::Op:
        return inst.op == Op::Rand ? emitRandom(inst) : emitOp(inst);
      case Inst::Kind::Load:
        needIndex(inst.index);
        for (const plan::Guard& g : inst.guards) needIndex(g.value);
        return emitLoad(e, index, inst, point);
      case Inst::Kind::Const:
        return roundToDType(e, constantOf(e.registerType(inst.dtype), inst.constant), inst.dtype);
      case Inst::Kind::Index: {
        needIndex(inst.index);
        llvm::Value* v = index.varies(inst.index) ? index.all(inst.index) : index.first(inst.index);
        return emitCast(e, v, DType::I64, inst.dtype);
      }
      case Inst::Kind::Result: {
        llvm::Value* v = point.results.at(inst.stage);
        NNC_CHECK(v, "a region reads the result of a stage that has not run");
        return v;
      }
    }
    return nullptr;
  }

  /// Arguments of an op: all scalars, or all vectors if one of them is.
  std::vector<llvm::Value*> arguments(const Inst& inst) {
    std::vector<llvm::Value*> args;
    bool wide = false;
    for (uint32_t a : inst.args) {
      args.push_back(value(a));
      wide |= args.back()->getType()->isVectorTy();
    }
    if (wide) {
      for (llvm::Value*& a : args) a = splat(e, a, point.lanes);
    }
    return args;
  }

  llvm::Value* emitOp(const Inst& inst) {
    // A select's first argument is the condition; what it chooses between says the dtype.
    DType from = region[inst.args[inst.op == Op::Select ? 1 : 0]].dtype;
    return emitElementwise(e, inst.op, from, inst.dtype, arguments(inst));
  }

  /// Whether an index that runs with the lanes is a multiple of 4 in the first of them.
  bool isMultipleOf4(const plan::Ix& ix) {
    auto multiple = [](const Dim& d) {
      return std::all_of(d.terms().begin(), d.terms().end(), [](const auto& term) { return term.second % 4 == 0; });
    };
    return multiple(ix.constant) && std::all_of(ix.terms.begin(), ix.terms.end(), [&](const auto& term) {
             bool lane = term.first.kind == plan::Atom::Kind::Iter && static_cast<int>(term.first.id) == point.laneIter;
             return (lane && point.aligned % 4 == 0) || multiple(term.second);
           });
  }

  llvm::Value* emitRandom(const Inst& inst) {
    const Inst& number = region[inst.args[1]];
    llvm::Value* key = value(inst.args[0]);
    if (number.kind == Inst::Kind::Index && !key->getType()->isVectorTy() && point.lanes > 1) {
      needIndex(number.index);
      if (index.stride(number.index) == 1) {
        return emitRandRun(e, key, index.first(number.index), point.lanes, isMultipleOf4(number.index), inst.dtype);
      }
    }
    std::vector<llvm::Value*> args = arguments(inst);
    llvm::Value* elements = emitCast(e, args[1], number.dtype, DType::I64);
    return emitRand(e, args[0], elements, inst.dtype);
  }

  KernelEmitter& e;
  const plan::Region& region;
  const Point& point;
  std::vector<llvm::Value*> values;
  IndexEmitter index;
};

}  // namespace

std::vector<llvm::Value*> emitRegion(KernelEmitter& e, const plan::Region& region, const Point& point,
                                     const std::map<uint32_t, llvm::Value*>& known) {
  RegionEmitter emitter(e, region, point, known);
  std::vector<llvm::Value*> values;
  for (uint32_t i = 0; i < region.size(); ++i) emitter.value(i);
  for (uint32_t i = 0; i < region.size(); ++i) values.push_back(emitter.value(i));
  return values;
}

llvm::Value* emitInst(KernelEmitter& e, const plan::Region& region, uint32_t root, const Point& point,
                      const std::map<uint32_t, llvm::Value*>& known) {
  return RegionEmitter(e, region, point, known).vector(root);
}

void emitStores(KernelEmitter& e, const plan::Stage& stage, const std::vector<llvm::Value*>& values,
                const Point& point) {
  IndexEmitter index(e, point, values);
  for (const plan::Store& s : stage.stores) {
    emitStore(e, index, s, stage.body[s.value].dtype, values[s.value], point);
  }
}

llvm::Value* emitIndex(KernelEmitter& e, const plan::Ix& index, const Point& point,
                       const std::vector<llvm::Value*>& insts) {
  return IndexEmitter(e, point, insts).first(index);
}

}  // namespace nnc::codegen
