#include "test/unit/plan/mutant.h"

#include <algorithm>
#include <iterator>

namespace nnc::plan {

namespace {

/// The plan with one entry that runs something.
Plan withOneEntry(Plan plan, std::mt19937& random) {
  std::vector<size_t> running;
  for (size_t i = 0; i < plan.entries.size(); ++i)
    if (!plan.entries[i].phases.empty()) running.push_back(i);
  Entry entry = plan.entries[running[std::uniform_int_distribution<size_t>(0, running.size() - 1)(random)]];
  plan.entries = {std::move(entry)};
  return plan;
}

}  // namespace

Mutant::Mutant(const Plan& original, std::mt19937& random)
    : plan(withOneEntry(original, random)), entry(plan.entries[0]), random_(random) {}

Launch* Mutant::pickLaunch(const std::function<bool(const Launch&)>& fits, Place* place) {
  std::vector<Place> fitting;
  for (size_t p = 0; p < entry.phases.size(); ++p)
    for (size_t i = 0; i < entry.phases[p].launches.size(); ++i)
      if (fits(entry.phases[p].launches[i])) fitting.push_back({p, i});
  if (fitting.empty()) return nullptr;
  const Place at = fitting[below(fitting.size())];
  if (place) *place = at;
  Launch& launch = entry.phases[at.phase].launches[at.launch];
  note += "  " + kernelOf(launch).name + "\n";
  return &launch;
}

Buffer* Mutant::pickBuffer(const std::function<bool(const Buffer&)>& fits) {
  return pick<Buffer>(entry.buffers, fits);
}

Buffer* Mutant::pickTemporary() {
  return pickBuffer([this](const Buffer& buffer) {
    const auto b = static_cast<BufId>(&buffer - entry.buffers.data());
    if (buffer.role != Role::Arena || isSlice(b) || buffer.bytesAtBound == 0) return false;
    const auto binds = [&](uint32_t step) {
      if (step >= entry.steps.size() || entry.steps[step].kind != Step::Kind::Phase) return false;
      const auto& launches = entry.phases[entry.steps[step].phase].launches;
      return std::any_of(launches.begin(), launches.end(),
                         [b](const Launch& l) { return std::count(l.bind.begin(), l.bind.end(), b) != 0; });
    };
    return binds(buffer.first) && binds(buffer.last);
  });
}

bool Mutant::isSlice(BufId b) const {
  return std::any_of(entry.steps.begin(), entry.steps.end(), [b](const Step& step) {
    return std::any_of(step.slices.begin(), step.slices.end(),
                       [b](const Slice& s) { return s.slice == b || s.whole == b; });
  });
}

bool Mutant::isSliceOf(BufId b) const {
  return std::any_of(entry.steps.begin(), entry.steps.end(), [b](const Step& step) {
    return std::any_of(step.slices.begin(), step.slices.end(), [b](const Slice& s) { return s.slice == b; });
  });
}

bool Mutant::reads(const Launch& launch, BufId b) const {
  for (const Stage& stage : kernelOf(launch).stages)
    for (const Inst& inst : stage.body)
      if (inst.kind == Inst::Kind::Load && launch.bind[inst.operand] == b) return true;
  return false;
}

bool Mutant::writes(const Launch& launch, BufId b) const {
  const auto outputs = static_cast<std::ptrdiff_t>(kernelOf(launch).outputs);
  return std::count(launch.bind.end() - outputs, launch.bind.end(), b) != 0;
}

size_t Mutant::writers(BufId b) const {
  size_t n = 0;
  for (const Phase& phase : entry.phases)
    for (const Launch& launch : phase.launches) n += writes(launch, b);
  return n;
}

size_t Mutant::readers(BufId b) const {
  size_t n = 0;
  for (const Phase& phase : entry.phases)
    for (const Launch& launch : phase.launches) n += reads(launch, b);
  return n;
}

int64_t Mutant::at(const Dim& d) const {
  std::map<std::string, int64_t> bounds;
  for (const Symbol& s : entry.symbols) bounds[s.name] = s.bound;
  return d.evaluate(bounds);
}

int64_t Mutant::points(const Kernel& kernel, const Stage& stage) const {
  int64_t points = 1;
  for (const auto* iters : {&kernel.taskIters, &stage.iters})
    for (const uint32_t i : *iters) points *= at(kernel.iters[i].extent);
  return points;
}

size_t Mutant::stepOf(size_t phase) const {
  for (size_t i = 0; i < entry.steps.size(); ++i)
    if (entry.steps[i].kind == Step::Kind::Phase && entry.steps[i].phase == phase) return i;
  return entry.steps.size();
}

bool atSomeInst(Mutant& m, const std::function<bool(const Spot&)>& fits,
                const std::function<void(const Spot&)>& change) {
  std::vector<Spot> spots;
  const Launch* launch = m.pickLaunch([&](const Launch& l) {
    Kernel& kernel = m.kernelOf(l);
    for (Stage& stage : kernel.stages)
      for (Inst& inst : stage.body)
        if (fits({&kernel, &l, &stage, &inst, nullptr})) return true;
    return false;
  });
  if (!launch) return false;
  Kernel& kernel = m.kernelOf(*launch);
  for (Stage& stage : kernel.stages)
    for (Inst& inst : stage.body)
      if (Spot spot{&kernel, launch, &stage, &inst, nullptr}; fits(spot)) spots.push_back(spot);
  change(spots[m.below(spots.size())]);
  return true;
}

bool atSomeStore(Mutant& m, const std::function<bool(const Spot&)>& fits,
                 const std::function<void(const Spot&)>& change) {
  std::vector<Spot> spots;
  const Launch* launch = m.pickLaunch([&](const Launch& l) {
    Kernel& kernel = m.kernelOf(l);
    for (Stage& stage : kernel.stages)
      for (Store& store : stage.stores)
        if (fits({&kernel, &l, &stage, nullptr, &store})) return true;
    return false;
  });
  if (!launch) return false;
  Kernel& kernel = m.kernelOf(*launch);
  for (Stage& stage : kernel.stages)
    for (Store& store : stage.stores)
      if (Spot spot{&kernel, launch, &stage, nullptr, &store}; fits(spot)) spots.push_back(spot);
  change(spots[m.below(spots.size())]);
  return true;
}

bool isPlain(const Ix& ix) {
  return std::all_of(ix.terms.begin(), ix.terms.end(), [](const auto& t) { return t.first.kind == Atom::Kind::Iter; });
}

const std::vector<MutationKind>& mutationKinds() {
  static const std::vector<MutationKind> all = [] {
    std::vector<MutationKind> list = mistakesInKernels();
    for (auto kinds : {mistakesInStorage(), mistakesInEntries()})
      std::move(kinds.begin(), kinds.end(), std::back_inserter(list));
    return list;
  }();
  return all;
}

}  // namespace nnc::plan
