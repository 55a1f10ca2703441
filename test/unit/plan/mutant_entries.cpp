// Mistakes in what an entry declares: buffers, layouts, steps, the call.
#include <algorithm>

#include "test/unit/plan/mutant.h"

namespace nnc::plan {
namespace {

Step* pickStep(Mutant& m, const std::function<bool(const Step&)>& fits) {
  return m.pick<Step>(m.entry.steps, fits);
}

bool erase(Mutant& m, const std::function<bool(const Step&)>& fits) {
  Step* step = pickStep(m, fits);
  if (step) m.entry.steps.erase(m.entry.steps.begin() + (step - m.entry.steps.data()));
  return step != nullptr;
}

Buffer* pickLaidOut(Mutant& m) {
  return m.pickBuffer(
      [&m](const Buffer& b) { return !b.layout.digits.empty() && m.at(elementCount(b.type.shape)) > 0; });
}

bool isOf(const Buffer& b, Role role) {
  return b.role == role;
}

}  // namespace

std::vector<MutationKind> mistakesInEntries() {
  const auto runsPhase = [](Mutant& m, const Step& s) {
    return s.kind == Step::Kind::Phase && !m.entry.phases[s.phase].launches.empty();
  };
  return {
      {"a buffer that does not exist", "does not exist",
       [](Mutant& m) {
         Launch* launch = m.pickLaunch([](const Launch&) { return true; });
         launch->bind[m.below(launch->bind.size())] = static_cast<BufId>(m.entry.buffers.size());
         return true;
       }},
      {"an operand unbound", "is bound to \\d+ buffers",
       [](Mutant& m) { return m.pickLaunch([](const Launch&) { return true; })->bind.pop_back(), true; }},
      {"a kernel that does not exist", "no kernel",
       [](Mutant& m) {
         m.pickLaunch([](const Launch&) { return true; })->kernel = static_cast<KernelId>(m.plan.kernels.size());
         return true;
       }},
      {"a phase that never runs", "stands in 0 steps",
       [runsPhase](Mutant& m) { return erase(m, [&](const Step& s) { return runsPhase(m, s); }); }},
      {"a phase that runs twice", "stands in 2 steps",
       [runsPhase](Mutant& m) {
         const Step* step = pickStep(m, [&](const Step& s) { return runsPhase(m, s); });
         if (step) m.entry.steps.insert(m.entry.steps.begin() + (step - m.entry.steps.data()), Step(*step));
         return step != nullptr;
       }},
      {"a loop without an end", "do not close",
       [](Mutant& m) { return erase(m, [](const Step& s) { return s.kind == Step::Kind::EndLoop; }); }},
      {"an end without a loop", "do not close",
       [](Mutant& m) { return erase(m, [](const Step& s) { return s.kind == Step::Kind::Loop; }); }},
      {"a branch without its other side", "do not close",
       [](Mutant& m) { return erase(m, [](const Step& s) { return s.kind == Step::Kind::Else; }); }},
      {"a loop of one round more", "do not make up",
       [](Mutant& m) {
         Step* step = pickStep(m, [](const Step& s) { return !s.slices.empty(); });
         if (step) step->trip = step->trip + Dim(1);
         return step != nullptr;
       }},
      {"a loop to the bound of a size", "do not make up",
       [](Mutant& m) {
         Step* step =
             pickStep(m, [&](const Step& s) { return !s.slices.empty() && !s.trip.isConst() && m.at(s.trip) > 1; });
         if (step) step->trip = Dim(m.at(step->trip));
         return step != nullptr;
       }},
      {"a slice of something else", "do not make up|does not exist",
       [](Mutant& m) {
         Step* step = pickStep(m, [](const Step& s) { return !s.slices.empty(); });
         if (!step) return false;
         Slice& slice = step->slices[m.below(step->slices.size())];
         const Buffer* other =
             m.pickBuffer([&](const Buffer& b) { return m.at(elementCount(b.type.shape)) != m.count(slice.whole); });
         if (other) slice.whole = static_cast<BufId>(other - m.entry.buffers.data());
         return other != nullptr;
       }},
      {"a branch on a number", "no bool",
       [](Mutant& m) {
         Step* step = pickStep(m, [](const Step& s) { return s.kind == Step::Kind::If; });
         const Buffer* other = m.pickBuffer([](const Buffer& b) { return b.type.dtype != DType::Bool; });
         if (!step || !other) return false;
         step->predicate = static_cast<BufId>(other - m.entry.buffers.data());
         return true;
       }},
      {"a counter of another type", "no i64",
       [](Mutant& m) {
         Step* step = pickStep(m, [](const Step& s) { return s.kind == Step::Kind::Loop; });
         const Buffer* other = m.pickBuffer([](const Buffer& b) { return b.type.dtype != DType::I64; });
         if (!step || !other) return false;
         step->counter = static_cast<BufId>(other - m.entry.buffers.data());
         return true;
       }},
      {"a layout without an axis", "does not hold its axis",
       [](Mutant& m) {
         Buffer* b = m.pickBuffer([&](const Buffer& x) {
           return std::any_of(x.layout.digits.begin(), x.layout.digits.end(),
                              [&](const Digit& d) { return m.at(d.extent) > 1; });
         });
         if (!b) return false;
         std::erase_if(b->layout.digits, [&, done = false](const Digit& d) mutable {
           return m.at(d.extent) > 1 && !std::exchange(done, true);
         });
         return true;
       }},
      {"a layout too long", "does not hold its axis",
       [](Mutant& m) {
         Buffer* b = pickLaidOut(m);
         if (b) b->layout.digits[0].extent = b->layout.digits[0].extent + Dim(1);
         return b != nullptr;
       }},
      {"a layout for the bound of a size", "does not hold its axis|row by row",
       [](Mutant& m) {
         const auto isSize = [&](const Digit& d) { return !d.extent.isConst() && m.at(d.extent) > 1; };
         Buffer* b = m.pickBuffer(
             [&](const Buffer& x) { return std::any_of(x.layout.digits.begin(), x.layout.digits.end(), isSize); });
         if (!b) return false;
         Digit& d = *std::find_if(b->layout.digits.begin(), b->layout.digits.end(), isSize);
         d.extent = Dim(m.at(d.extent));
         return true;
       }},
      {"a layout of other digits", "does not hold its axis",
       [](Mutant& m) {
         Buffer* b = pickLaidOut(m);
         if (b) b->layout.digits[0].div = b->layout.digits[0].div + Dim(1);
         return b != nullptr;
       }},
      {"a layout of an axis that is not there", "does not hold|not there",
       [](Mutant& m) {
         Buffer* b = pickLaidOut(m);
         if (b) b->layout.digits.push_back({static_cast<uint32_t>(b->type.shape.size()), 1, 2});
         return b != nullptr;
       }},
      {"a caller's buffer in another order", "row by row",
       [](Mutant& m) {
         Buffer* b = m.pickBuffer([](const Buffer& x) {
           return (x.role == Role::Input || x.role == Role::Output) && x.layout.digits.size() > 1;
         });
         if (b) std::swap(b->layout.digits[0], b->layout.digits[1]);
         return b != nullptr;
       }},
      {"a buffer with too few bytes", "bytes",
       [](Mutant& m) {
         Buffer* b = m.pickBuffer([](const Buffer& x) { return x.bytesAtBound > 0; });
         if (b) --b->bytesAtBound;
         return b != nullptr;
       }},
      {"a literal that is too short", "a literal of",
       [](Mutant& m) {
         Buffer* b = m.pickBuffer(
             [&](const Buffer& x) { return isOf(x, Role::Const) && m.at(elementCount(x.type.shape)) != 3; });
         if (b) b->literal = Literal{std::vector<double>{1, 2, 3}};
         return b != nullptr;
       }},
      {"a variable stored in another order", "another type or layout",
       [](Mutant& m) {
         Buffer* b =
             m.pickBuffer([](const Buffer& x) { return isOf(x, Role::Variable) && x.layout.digits.size() > 1; });
         if (b) std::swap(b->layout.digits[0], b->layout.digits[1]);
         return b != nullptr;
       }},
      {"a variable that is not stored", "does not store",
       [](Mutant& m) {
         Buffer* b = m.pickBuffer([](const Buffer& x) { return isOf(x, Role::Variable); });
         if (b) b->name += "?";
         return b != nullptr;
       }},
      {"two variables in one place", "two variables share",
       [](Mutant& m) {
         if (m.plan.variables.size() < 2) return false;
         m.plan.variables[1].offset = m.plan.variables[0].offset;
         return true;
       }},
      {"a variable beyond the store", "leaves the store",
       [](Mutant& m) {
         if (m.plan.variables.empty()) return false;
         m.plan.variables[m.below(m.plan.variables.size())].offset = m.plan.storeBytes;
         return true;
       }},
      {"an alias of a buffer that does not exist", "in place of a buffer that it cannot",
       [](Mutant& m) {
         Buffer* b = m.pickTemporary();
         if (b) b->alias = static_cast<BufId>(m.entry.buffers.size());
         return b != nullptr;
       }},
      {"an input left out of the call", "inputs of the call",
       [](Mutant& m) {
         if (m.entry.inputs.empty()) return false;
         m.entry.inputs.pop_back();
         return true;
       }},
      {"an output without a buffer of its own", "of its own",
       [](Mutant& m) {
         if (m.entry.outputs.size() < 2) return false;
         m.entry.outputs[0].buffer = m.entry.outputs[1].buffer;
         return true;
       }},
  };
}

}  // namespace nnc::plan
