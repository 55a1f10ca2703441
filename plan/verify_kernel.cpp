// Rules for a kernel by itself.
#include <algorithm>
#include <optional>

#include "ir/infer.h"
#include "plan/verify.h"

namespace nnc::plan {
namespace {

class KernelRules {
public:
  KernelRules(const Kernel& kernel, Violations& violations) : kernel_(kernel), violations_(violations) {}

  void check() {
    if (kernel_.outputs == 0 || kernel_.outputs > kernel_.operands)
      return violations_.report("{} has {} outputs among {} operands", kernel_.name, kernel_.outputs, kernel_.operands);
    if (!checkIters()) return;
    for (size_t s = 0; s < kernel_.stages.size(); ++s) checkStage(s);
    checkOperandsAreUsed();
    if (right_) checkTemplate();
  }

private:
  template <typename... Args>
  void report(fmt::format_string<Args...> text, Args&&... args) {
    right_ = false;
    violations_.report("{}: {}", kernel_.name, fmt::format(text, std::forward<Args>(args)...));
  }

  bool areNew(const std::vector<uint32_t>& iters, std::vector<bool>& seen) {
    for (const uint32_t i : iters) {
      if (i >= seen.size() || seen[i]) return false;
      seen[i] = true;
    }
    return true;
  }

  bool checkIters() {
    std::vector<bool> seen(kernel_.iters.size(), false);
    if (!areNew(kernel_.taskIters, seen)) {
      report("a task variable does not exist or stands twice");
      return false;
    }
    for (const Stage& stage : kernel_.stages)
      if (std::vector<bool> all = seen; !areNew(stage.iters, all)) {
        report("a variable of a stage does not exist or is in use");
        return false;
      }
    return true;
  }

  /// True if an index names only variables in reach and instructions before `before` that are integers.
  bool isInReach(const Ix& ix, const Stage& stage, size_t before) const {
    return std::all_of(ix.terms.begin(), ix.terms.end(), [&](const auto& term) {
      const Atom& atom = term.first;
      if (atom.kind == Atom::Kind::Inst) return atom.id < before && !isFloat(stage.body[atom.id].dtype);
      if (atom.kind != Atom::Kind::Iter) return atom.arg && isInReach(*atom.arg, stage, before);
      const auto has = [&](const std::vector<uint32_t>& list) {
        return std::find(list.begin(), list.end(), atom.id) != list.end();
      };
      return has(kernel_.taskIters) || has(stage.iters);
    });
  }

  bool areInReach(const std::vector<Guard>& guards, const Stage& stage, size_t before) const {
    return std::all_of(guards.begin(), guards.end(), [&](const Guard& g) { return isInReach(g.value, stage, before); });
  }

  void checkStage(size_t number) {
    const Stage& stage = kernel_.stages[number];
    for (size_t i = 0; i < stage.body.size(); ++i) checkInst(number, i);
    const bool reduce = stage.kind == Stage::Kind::Reduce;
    if (reduce && (stage.value >= stage.body.size() || !stage.stores.empty()))
      return report("a reduction folds nothing, or stores");
    if (reduce && stage.fold == Stage::Fold::ArgMax
            ? stage.acc != DType::I32
            : reduce && isFloat(stage.acc) != isFloat(stage.body[stage.value].dtype))
      report("a reduction gathers {} in {}", dtypeName(stage.body[stage.value].dtype), dtypeName(stage.acc));
    if (!reduce && stage.stores.empty()) report("a stage stores nothing");
    for (const Store& s : stage.stores) {
      if (s.operand >= kernel_.operands || s.operand + kernel_.outputs < kernel_.operands)
        report("a store to an operand that is no output");
      if (s.value >= stage.body.size()) report("a store of no instruction");
      if (!isInReach(s.index, stage, stage.body.size()) || !areInReach(s.guards, stage, stage.body.size()))
        report("a store's index is out of reach");
    }
  }

  void checkInst(size_t number, size_t i) {
    const Stage& stage = kernel_.stages[number];
    const Inst& inst = stage.body[i];
    for (const uint32_t arg : inst.args)
      if (arg >= i) return report("instruction {} uses a later one", i);
    switch (inst.kind) {
      case Inst::Kind::Op: {
        const bool random = inst.op == Op::Rand;
        if (!random && !isElementwise(inst.op))
          return report("instruction {} is `{}`, no scalar operation", i, opInfo(inst.op).text);
        const int wanted = random ? 2 : opInfo(inst.op).inputs;
        if (static_cast<int>(inst.args.size()) != wanted)
          return report("instruction {}, `{}`, has {} operands", i, opInfo(inst.op).text, inst.args.size());
        if (!random && inst.op != Op::Cast && resultOf(stage, inst) != inst.dtype)
          report("instruction {}, `{}`, has another type than its operands give", i, opInfo(inst.op).text);
        break;
      }
      case Inst::Kind::Load:
        if (inst.operand >= kernel_.operands) report("a load from no operand");
        [[fallthrough]];
      case Inst::Kind::Index:
        if (!isInReach(inst.index, stage, i) || !areInReach(inst.guards, stage, i))
          report("the index of instruction {} is out of reach", i);
        break;
      case Inst::Kind::Result: {
        const bool earlier = inst.stage < number && kernel_.stages[inst.stage].kind == Stage::Kind::Reduce;
        if (!earlier || kernel_.stages[inst.stage].acc != inst.dtype)
          report("instruction {} reads no earlier reduction of its type", i);
        break;
      }
      case Inst::Kind::Const:
        break;
    }
  }

  /// By the rule of the op in the graph, for scalars.
  static std::optional<DType> resultOf(const Stage& stage, const Inst& inst) {
    std::vector<Type> operands;
    for (const uint32_t arg : inst.args) operands.push_back({stage.body[arg].dtype, {}});
    const Inferred inferred = inferTypes(inst.op, operands, {});
    return inferred ? std::optional(inferred.types[0].dtype) : std::nullopt;
  }

  void checkOperandsAreUsed() {
    std::vector<bool> loaded(kernel_.operands, false), stored(kernel_.operands, false);
    for (const Stage& stage : kernel_.stages) {
      for (const Inst& inst : stage.body)
        if (inst.kind == Inst::Kind::Load && inst.operand < kernel_.operands) loaded[inst.operand] = true;
      for (const Store& s : stage.stores)
        if (s.operand < kernel_.operands) stored[s.operand] = true;
    }
    for (uint32_t o = 0; o < kernel_.operands; ++o) {
      const bool output = o + kernel_.outputs >= kernel_.operands;
      if (!(output ? stored[o] : loaded[o])) report("operand {} is never {}", o, output ? "written" : "read");
    }
  }

  /// True for the instructions of a region whose values move with a variable.
  static std::vector<bool> movedBy(uint32_t iter, const Region& body) {
    std::vector<bool> moved;
    const auto moves = [&](const Ix& ix) {
      return ix.dependsOn(iter) || std::any_of(ix.terms.begin(), ix.terms.end(), [&](const auto& term) {
               return term.first.kind == Atom::Kind::Inst && moved[term.first.id];
             });
    };
    for (const Inst& inst : body)
      moved.push_back(
          moves(inst.index) ||
          std::any_of(inst.guards.begin(), inst.guards.end(), [&](const Guard& g) { return moves(g.value); }) ||
          std::any_of(inst.args.begin(), inst.args.end(), [&](uint32_t a) { return moved[a]; }));
    return moved;
  }

  void checkTemplate() {
    const std::vector<Stage>& stages = kernel_.stages;
    if (kernel_.tmpl == Template::Loop) return;
    if (kernel_.tmpl == Template::Sort) {
      if (stages.size() != 1 || stages[0].kind != Stage::Kind::Map || stages[0].stores.size() != 2)
        report("its template sorts in one stage with two stores");
      return;
    }
    const size_t tasks = kernel_.tmpl == Template::Gemm ? 1 : kernel_.tmpl == Template::Conv ? 3 : 2;
    const bool shape = stages.size() == 2 && stages[0].kind == Stage::Kind::Reduce && isSum(stages[0].fold) &&
                       stages[1].kind == Stage::Kind::Map && kernel_.taskIters.size() >= tasks;
    if (!shape) return report("its template contracts in one sum, then stores");
    const Inst& product = stages[0].body[stages[0].value];
    if (product.kind != Inst::Kind::Op || product.op != Op::Mul) return report("its template sums products");
    if (kernel_.tmpl != Template::Gemm) return;  // groups of channels move either factor
    const uint32_t last = kernel_.taskIters.back();
    const std::vector<bool> moved = movedBy(last, stages[0].body);
    const bool runs =
        std::all_of(kernel_.iters.begin(), kernel_.iters.end(), [](const Iter& i) { return i.extent != Dim(); });
    const bool moves = runs && kernel_.iters[last].extent != Dim(1);
    if (moved[product.args[0]]) report("its template does not move the first factor along the last task variable");
    if (moves && !moved[product.args[1]]) report("its template moves the second factor along the last task variable");
  }

  const Kernel& kernel_;
  Violations& violations_;
  bool right_ = true;
};

}  // namespace

void verifyKernel(const Kernel& kernel, Violations& violations) {
  KernelRules(kernel, violations).check();
}

}  // namespace nnc::plan
