// Rules for what an entry declares: its buffers, steps and call.
#include <algorithm>

#include "plan/verify.h"

namespace nnc::plan {
namespace {

class EntryRules {
public:
  EntryRules(const EntryView& view, Violations& violations)
      : view_(view), entry_(view.entry), violations_(violations) {}

  void check() {
    for (BufId b = 0; b < entry_.buffers.size(); ++b) checkBuffer(b);
    for (const Phase& phase : entry_.phases)
      for (const Launch& launch : phase.launches) checkBind(launch);
    checkNesting();
    for (const Step& step : entry_.steps) checkStep(step);
    checkPhasesRunOnce();
    checkCall();
  }

private:
  bool exists(BufId b) const { return b < entry_.buffers.size(); }

  void checkBuffer(BufId b) {
    const Buffer& buffer = entry_.buffers[b];
    const int64_t count = view_.count(b);
    const int64_t most = elementCount(buffer.type.shape).most(view_.bounds);
    // Scratch has the rows of a block.
    if (buffer.role != Role::Scratch &&
        buffer.bytesAtBound != static_cast<uint64_t>(most * dtypeSize(buffer.type.dtype)))
      violations_.report("b{} is {} and has {} bytes", b, buffer.type.str(), buffer.bytesAtBound);
    checkLayout(fmt::format("b{}", b), buffer.layout, buffer.type.shape);
    const bool rows = buffer.role == Role::Input || buffer.role == Role::Output;
    if (rows && buffer.layout != rowMajor(buffer.type.shape))
      violations_.report("b{} is the caller's and not stored row by row", b);
    if (buffer.role == Role::Const && buffer.literal.size() != 1 &&
        static_cast<int64_t>(buffer.literal.size()) != count)
      violations_.report("b{} is {} and a literal of {} numbers", b, buffer.type.str(), buffer.literal.size());
    if (buffer.alias != kNoBuffer && (!exists(buffer.alias) || !isTemporary(buffer)))
      violations_.report("b{} stands in place of a buffer that it cannot", b);
    if (buffer.role == Role::Variable) checkVariable(b);
  }

  void checkVariable(BufId b) {
    const Buffer& buffer = entry_.buffers[b];
    const auto stored = std::find_if(view_.plan.variables.begin(), view_.plan.variables.end(),
                                     [&](const StoredVariable& v) { return v.variable.path == buffer.name; });
    if (stored == view_.plan.variables.end())
      violations_.report("b{} is the variable `{}`, which the plan does not store", b, buffer.name);
    else if (stored->variable.type != buffer.type || stored->layout != buffer.layout)
      violations_.report(
          "b{} has another type or layout than its variable "
          "`{}` is stored with",
          b, buffer.name);
  }

  /// The digits of each dimension split it without a rest: 1, then the product of those before, up to the extent.
  void checkLayout(const std::string& what, const Layout& layout, const Shape& shape) {
    if (view_.at(elementCount(shape)) == 0) return;  // holds nothing, in whatever order
    for (uint32_t dim = 0; dim < shape.size(); ++dim) {
      std::vector<std::pair<int64_t, int64_t>> digits;  // div, extent
      for (const Digit& d : layout.digits)
        if (d.dim == dim) digits.emplace_back(view_.at(d.div), view_.at(d.extent));
      std::sort(digits.begin(), digits.end());
      int64_t reach = 1;
      bool whole = true;
      for (const auto& [div, extent] : digits) {
        whole = whole && div == reach;
        reach *= extent;
      }
      if (!whole || reach != view_.at(shape[dim]))
        violations_.report("the layout of {} does not hold its axis {} of {}", what, dim, shape[dim].str());
    }
    for (const Digit& d : layout.digits)
      if (d.dim >= shape.size()) violations_.report("the layout of {} names an axis that is not there", what);
  }

  void checkBind(const Launch& launch) {
    if (launch.kernel >= view_.plan.kernels.size()) return violations_.report("a launch of no kernel");
    const Kernel& kernel = view_.kernelOf(launch);
    if (launch.bind.size() != kernel.operands)
      violations_.report("{} is bound to {} buffers, not {}", kernel.name, launch.bind.size(), kernel.operands);
    if (!std::all_of(launch.bind.begin(), launch.bind.end(), [this](BufId b) { return exists(b); }))
      violations_.report("{} is bound to a buffer that does not exist", kernel.name);
  }

  void checkNesting() {
    std::vector<Step::Kind> open;
    const auto close = [&](Step::Kind kind) {
      const bool fits = !open.empty() && open.back() == kind;
      if (fits) open.pop_back();
      return fits;
    };
    bool right = true;
    for (const Step& step : entry_.steps) {
      if (step.kind == Step::Kind::EndLoop) right = right && close(Step::Kind::Loop);
      if (step.kind == Step::Kind::EndBlocks) right = right && close(Step::Kind::Blocks);
      if (step.kind == Step::Kind::Else) right = right && close(Step::Kind::If);
      if (step.kind == Step::Kind::EndIf) right = right && close(Step::Kind::Else);
      const bool opens = step.kind == Step::Kind::Loop || step.kind == Step::Kind::If ||
                         step.kind == Step::Kind::Else || step.kind == Step::Kind::Blocks;
      if (opens) open.push_back(step.kind);
    }
    if (!right || !open.empty()) violations_.report("the loops and branches of the steps do not close");
  }

  bool isScalar(BufId b, DType dtype) const { return exists(b) && entry_.buffers[b].type == Type{dtype, {}}; }

  void checkStep(const Step& step) {
    if (step.kind == Step::Kind::If && !isScalar(step.predicate, DType::Bool))
      violations_.report("a branch asks b{}, which is no bool", step.predicate);
    if (step.kind == Step::Kind::Loop && step.counter != kNoBuffer && !isScalar(step.counter, DType::I64))
      violations_.report("a loop counts in b{}, which is no i64", step.counter);
    if (step.kind == Step::Kind::Blocks && !view_.bounds.contains(step.symbol))
      violations_.report("blocks of {}, which is no symbol of the entry", step.symbol);
    for (const Slice& s : step.slices) {
      if (!exists(s.slice) || !exists(s.whole)) {
        violations_.report("a loop moves a slice that does not exist");
        continue;
      }
      const bool sameType = view_.buffer(s.slice).type.dtype == view_.buffer(s.whole).type.dtype;
      if (!sameType || view_.count(s.slice) * view_.at(step.trip) != view_.count(s.whole))
        violations_.report("{} slices b{} do not make up b{}", view_.at(step.trip), s.slice, s.whole);
    }
  }

  void checkPhasesRunOnce() {
    std::vector<int> runs(entry_.phases.size(), 0);
    for (const Step& step : entry_.steps) {
      if (step.kind != Step::Kind::Phase) continue;
      if (step.phase >= runs.size())
        return violations_.report("a step runs phase {}, which does not exist", step.phase);
      ++runs[step.phase];
    }
    for (size_t p = 0; p < runs.size(); ++p)
      if (runs[p] != 1) violations_.report("phase {} stands in {} steps", p, runs[p]);
  }

  void checkCall() {
    std::vector<BufId> inputs;
    for (BufId b = 0; b < entry_.buffers.size(); ++b)
      if (entry_.buffers[b].role == Role::Input) inputs.push_back(b);
    if (std::set(inputs.begin(), inputs.end()) != std::set(entry_.inputs.begin(), entry_.inputs.end()) ||
        inputs.size() != entry_.inputs.size())
      violations_.report("the inputs of the call are not the buffers of inputs");
    std::set<BufId> outputs;
    for (const EntryOutput& o : entry_.outputs)
      if (!exists(o.buffer) || entry_.buffers[o.buffer].role != Role::Output || !outputs.insert(o.buffer).second)
        violations_.report("the output `{}` of the call has no buffer of its own", o.name);
  }

  const EntryView& view_;
  const Entry& entry_;
  Violations& violations_;
};

}  // namespace

void verifyEntry(const EntryView& view, Violations& violations) {
  EntryRules(view, violations).check();
}

}  // namespace nnc::plan
