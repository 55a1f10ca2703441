// Mistakes in kernels: loops, indices, instructions, templates.
#include <algorithm>

#include "plan/index.h"
#include "test/unit/plan/mutant.h"

namespace nnc::plan {
namespace {

bool runs(const Mutant& m, const Kernel& kernel) {
  return std::all_of(kernel.iters.begin(), kernel.iters.end(), [&](const Iter& i) { return m.at(i.extent) > 0; });
}

bool isLoad(const Spot& s) {
  return s.inst->kind == Inst::Kind::Load;
}

/// A store that alone fills its buffer, point by point.
bool fillsAlone(const Mutant& m, const Spot& s) {
  const BufId b = s.launch->bind[s.store->operand];
  if (!s.store->guards.empty() || s.store->accumulate || !isPlain(s.store->index) || !runs(m, *s.kernel)) return false;
  const int64_t points = m.points(*s.kernel, *s.stage);
  size_t stores = 0;
  for (const Stage& stage : s.kernel->stages)
    for (const Store& other : stage.stores) stores += other.operand == s.store->operand;
  return stores == 1 && m.writers(b) == 1 && points == m.count(b) && m.entry.buffers[b].role != Role::Variable &&
         !m.isSlice(b) && (m.readers(b) > 0 || m.entry.buffers[b].role == Role::Output);
}

uint32_t otherIter(const Spot& s) {
  for (uint32_t i = 0; i < s.kernel->iters.size(); ++i) {
    const auto has = [i](const std::vector<uint32_t>& list) { return std::count(list.begin(), list.end(), i) != 0; };
    if (!has(s.kernel->taskIters) && !has(s.stage->iters)) return i;
  }
  return static_cast<uint32_t>(s.kernel->iters.size());
}

Dim countDim(const Mutant& m, BufId b) {
  return elementCount(m.entry.buffers[b].type.shape);
}

DType otherType(DType t) {
  return t == DType::F32 ? DType::F64 : DType::F32;
}

bool movesBy(const Ix& ix, uint32_t iter) {
  return ix.coefficient(iter) != Dim();
}

bool growIter(Mutant& m, int by) {
  return atSomeStore(
      m, [&](const Spot& s) { return fillsAlone(m, s) && !s.kernel->taskIters.empty(); },
      [&](const Spot& s) {
        Iter& iter = s.kernel->iters[s.kernel->taskIters[m.below(s.kernel->taskIters.size())]];
        iter.extent = iter.extent + Dim(by);
      });
}

/// The value that a clamped index had before: of min(max(value, 0), last), written as a select. Null if it is none, or
/// a loop's variable, which may be within anyway.
const uint32_t* unclamped(const Region& body, uint32_t inst) {
  const Inst& low = body[inst];
  if (low.kind != Inst::Kind::Op || low.op != Op::Select) return nullptr;
  const Inst& max = body[low.args[1]];
  const bool clamps = max.kind == Inst::Kind::Op && max.op == Op::Max && body[max.args[0]].kind != Inst::Kind::Index;
  return clamps ? &max.args[0] : nullptr;
}

/// The atom of an unguarded load's index that is a clamped value.
Atom* clampedAtom(const Spot& s) {
  if (s.inst->kind != Inst::Kind::Load || !s.inst->guards.empty()) return nullptr;
  for (auto& [atom, factor] : s.inst->index.terms)
    if (atom.kind == Atom::Kind::Inst && unclamped(s.stage->body, atom.id)) return &atom;
  return nullptr;
}

bool ofKind(const Spot& s, Inst::Kind kind) {
  return s.inst->kind == kind;
}

}  // namespace

std::vector<MutationKind> mistakesInKernels() {
  const auto position = [](const Spot& s) { return static_cast<uint32_t>(s.inst - s.stage->body.data()); };
  return {
      {"a load past the end", "accesses element",
       [](Mutant& m) {
         return atSomeInst(
             m,
             [&](const Spot& s) {
               return isLoad(s) && isPlain(s.inst->index) && s.inst->guards.empty() && runs(m, *s.kernel);
             },
             [&](const Spot& s) { s.inst->index = s.inst->index + Ix(countDim(m, s.launch->bind[s.inst->operand])); });
       }},
      {"a load before the start", "accesses element",
       [](Mutant& m) {
         return atSomeInst(
             m,
             [&](const Spot& s) {
               return isLoad(s) && isPlain(s.inst->index) && s.inst->guards.empty() && runs(m, *s.kernel);
             },
             [&](const Spot& s) { s.inst->index = s.inst->index - Ix(countDim(m, s.launch->bind[s.inst->operand])); });
       }},
      {"a guarded load past the end", "accesses element",
       [](Mutant& m) {
         return atSomeInst(
             m,
             [&](const Spot& s) {
               return isLoad(s) && isPlain(s.inst->index) && !s.inst->guards.empty() &&
                      isPlain(s.inst->guards[0].value) && runs(m, *s.kernel);
             },
             [&](const Spot& s) { s.inst->index = s.inst->index + Ix(countDim(m, s.launch->bind[s.inst->operand])); });
       }},
      {"a load without its guards", "accesses element",
       [](Mutant& m) {
         return atSomeInst(
             m, [&](const Spot& s) { return isLoad(s) && !s.inst->guards.empty() && runs(m, *s.kernel); },
             [&](const Spot& s) { s.inst->guards.clear(); });
       }},
      {"a gather without its clamp", "accesses element",
       [](Mutant& m) {
         return atSomeInst(
             m, [&](const Spot& s) { return clampedAtom(s) && runs(m, *s.kernel); },
             [&](const Spot& s) {
               Atom* atom = clampedAtom(s);
               atom->id = *unclamped(s.stage->body, atom->id);
             });
       }},
      {"a loop to the bound of a size", "accesses element",
       [](Mutant& m) {
         const auto sizes = [&](const Spot& s) {
           std::vector<uint32_t> list;
           for (const uint32_t i : s.kernel->taskIters)
             if (!s.kernel->iters[i].extent.isConst() && m.at(s.kernel->iters[i].extent) > 1 &&
                 movesBy(s.store->index, i))
               list.push_back(i);
           return list;
         };
         return atSomeStore(
             m, [&](const Spot& s) { return fillsAlone(m, s) && !sizes(s).empty(); },
             [&](const Spot& s) {
               const std::vector<uint32_t> list = sizes(s);
               Iter& iter = s.kernel->iters[list[m.below(list.size())]];
               iter.extent = Dim(m.at(iter.extent));
             });
       }},
      {"a store past the end", "accesses element",
       [](Mutant& m) {
         return atSomeStore(
             m, [&](const Spot& s) { return fillsAlone(m, s); },
             [&](const Spot& s) {
               s.store->index = s.store->index + Ix(countDim(m, s.launch->bind[s.store->operand]));
             });
       }},
      {"a store that tasks share", "in all tasks|in two tasks",
       [](Mutant& m) {
         const auto moving = [&](const Spot& s) {
           std::vector<uint32_t> list;
           for (const uint32_t i : s.kernel->taskIters)
             if (movesBy(s.store->index, i) && m.at(s.kernel->iters[i].extent) > 1) list.push_back(i);
           return list;
         };
         return atSomeStore(
             m, [&](const Spot& s) { return fillsAlone(m, s) && !moving(s).empty(); },
             [&](const Spot& s) {
               const std::vector<uint32_t> list = moving(s);
               const uint32_t i = list[m.below(list.size())];
               s.store->index = s.store->index - Ix::iter(i) * s.store->index.coefficient(i);
             });
       }},
      {"tasks that overlap", "in two tasks|in all tasks",
       [](Mutant& m) {
         const auto wide = [&](const Spot& s) {
           std::vector<uint32_t> list;
           for (const auto& [atom, factor] : s.store->index.terms)
             if (m.at(factor) > 1 && m.at(s.kernel->iters[atom.id].extent) > 1) list.push_back(atom.id);
           return list;
         };
         return atSomeStore(
             m, [&](const Spot& s) { return fillsAlone(m, s) && !wide(s).empty(); },
             [&](const Spot& s) {
               const std::vector<uint32_t> list = wide(s);
               const uint32_t i = list[m.below(list.size())];
               s.store->index = s.store->index - Ix::iter(i) * (s.store->index.coefficient(i) - Dim(1));
             });
       }},
      {"a loop one round too long", "accesses element|two tasks", [](Mutant& m) { return growIter(m, 1); }},
      {"a loop one round too short", "before it is written whole|never written whole",
       [](Mutant& m) { return growIter(m, -1); }},
      {"a load of another type", "another type|no earlier|gathers|out of reach",
       [](Mutant& m) {
         return atSomeInst(m, isLoad, [](const Spot& s) { s.inst->dtype = otherType(s.inst->dtype); });
       }},
      {"a store of another type", "another type|no earlier",
       [](Mutant& m) {
         return atSomeStore(
             m, [](const Spot& s) { return s.kernel->tmpl != Template::Sort; },
             [](const Spot& s) {
               DType& t = s.stage->body[s.store->value].dtype;
               t = otherType(t);
             });
       }},
      {"an instruction of another type", "another type|no earlier|gathers|out of reach",
       [](Mutant& m) {
         return atSomeInst(
             m,
             [](const Spot& s) {
               return ofKind(s, Inst::Kind::Op) && s.inst->op != Op::Cast && s.inst->op != Op::Rand;
             },
             [](const Spot& s) { s.inst->dtype = otherType(s.inst->dtype); });
       }},
      {"an operand from below", "uses a later one",
       [position](Mutant& m) {
         return atSomeInst(
             m, [](const Spot& s) { return !s.inst->args.empty(); },
             [&](const Spot& s) { s.inst->args[0] = position(s); });
       }},
      {"an operand too few", "has \\d+ operands",
       [](Mutant& m) {
         return atSomeInst(
             m, [](const Spot& s) { return ofKind(s, Inst::Kind::Op) && !s.inst->args.empty(); },
             [](const Spot& s) { s.inst->args.pop_back(); });
       }},
      {"an op that is no scalar's", "no scalar operation",
       [](Mutant& m) {
         return atSomeInst(
             m, [](const Spot& s) { return ofKind(s, Inst::Kind::Op); }, [](const Spot& s) { s.inst->op = Op::Sum; });
       }},
      {"a variable of another stage", "out of reach",
       [](Mutant& m) {
         return atSomeInst(m, isLoad, [](const Spot& s) { s.inst->index = s.inst->index + Ix::iter(otherIter(s)); });
       }},
      {"a store by another stage's variable", "out of reach",
       [](Mutant& m) {
         return atSomeStore(
             m, [](const Spot&) { return true; },
             [](const Spot& s) { s.store->index = s.store->index + Ix::iter(otherIter(s)); });
       }},
      {"an index by a later instruction", "out of reach",
       [position](Mutant& m) {
         return atSomeInst(m, isLoad, [&](const Spot& s) { s.inst->index = s.inst->index + Ix::inst(position(s)); });
       }},
      {"a load from no operand", "from no operand",
       [](Mutant& m) { return atSomeInst(m, isLoad, [](const Spot& s) { s.inst->operand = s.kernel->operands; }); }},
      {"a result of no reduction", "no earlier reduction",
       [](Mutant& m) {
         return atSomeInst(
             m, [](const Spot& s) { return ofKind(s, Inst::Kind::Result); },
             [](const Spot& s) { s.inst->stage = static_cast<uint32_t>(s.stage - s.kernel->stages.data()); });
       }},
      {"a reduction in another type", "no earlier reduction|gathers",
       [](Mutant& m) {
         return atSomeInst(
             m, [](const Spot& s) { return s.stage->kind == Stage::Kind::Reduce; },
             [](const Spot& s) { s.stage->acc = isFloat(s.stage->acc) ? DType::I64 : DType::F32; });
       }},
      {"a reduction of nothing", "folds nothing",
       [](Mutant& m) {
         return atSomeInst(
             m, [](const Spot& s) { return s.stage->kind == Stage::Kind::Reduce; },
             [](const Spot& s) { s.stage->value = static_cast<uint32_t>(s.stage->body.size()); });
       }},
      {"a store to an operand that is read", "no output",
       [](Mutant& m) {
         return atSomeStore(
             m, [](const Spot& s) { return s.kernel->operands > s.kernel->outputs; },
             [](const Spot& s) { s.store->operand = 0; });
       }},
      {"a store of no instruction", "of no instruction",
       [](Mutant& m) {
         return atSomeStore(
             m, [](const Spot&) { return true; },
             [](const Spot& s) { s.store->value = static_cast<uint32_t>(s.stage->body.size()); });
       }},
      {"a task variable in a stage", "in use",
       [](Mutant& m) {
         return atSomeStore(
             m, [](const Spot& s) { return !s.kernel->taskIters.empty(); },
             [](const Spot& s) { s.stage->iters.push_back(s.kernel->taskIters[0]); });
       }},
      {"a task variable twice", "stands twice",
       [](Mutant& m) {
         return atSomeStore(
             m, [](const Spot& s) { return !s.kernel->taskIters.empty(); },
             [](const Spot& s) { s.kernel->taskIters.push_back(s.kernel->taskIters[0]); });
       }},
      {"a loop called a contraction", "its template contracts",
       [](Mutant& m) {
         return atSomeStore(
             m, [](const Spot& s) { return s.kernel->stages[0].kind == Stage::Kind::Map; },
             [](const Spot& s) { s.kernel->tmpl = Template::Gemm; });
       }},
      {"a contraction with its factors swapped", "the (first|second) factor",
       [](Mutant& m) {
         return atSomeInst(
             m,
             [](const Spot& s) {
               return s.kernel->tmpl == Template::Gemm && s.stage == s.kernel->stages.data() &&
                      s.inst == &s.stage->body[s.stage->value];
             },
             [](const Spot& s) { std::swap(s.inst->args[0], s.inst->args[1]); });
       }},
      {"an operand that nothing uses", "is never read",
       [](Mutant& m) {
         Launch* launch = m.pickLaunch([](const Launch&) { return true; });
         const KernelId kernel = launch->kernel;
         ++m.plan.kernels[kernel].operands;
         for (Phase& phase : m.entry.phases)
           for (Launch& l : phase.launches)
             if (l.kernel == kernel) l.bind.insert(l.bind.begin(), l.bind[0]);
         for (Stage& stage : m.plan.kernels[kernel].stages) {
           for (Inst& inst : stage.body) inst.operand += inst.kind == Inst::Kind::Load;
           for (Store& store : stage.stores) ++store.operand;
         }
         return true;
       }},
  };
}

}  // namespace nnc::plan
