// Rules for steps over blocks of rows.
#include <algorithm>

#include "plan/rows.h"
#include "plan/verify.h"

namespace nnc::plan {
namespace {

class BlockRules {
public:
  BlockRules(const EntryView& view, Violations& violations)
      : view_(view), entry_(view.entry), violations_(violations) {}

  /// Each launch works by rows; what has rows is moved or scratch; no scratch is used outside of its blocks.
  void check() {
    std::map<BufId, uint32_t> blocksOf;  // of a Scratch buffer: where its blocks begin
    const Step* open = nullptr;
    uint32_t begin = 0;
    for (uint32_t i = 0; i < entry_.steps.size(); ++i) {
      const Step& step = entry_.steps[i];
      if (step.kind == Step::Kind::Blocks) open = &step, begin = i;
      if (step.kind == Step::Kind::EndBlocks) open = nullptr;
      if (open && step.kind != Step::Kind::Blocks && step.kind != Step::Kind::Phase)
        violations_.report("step {} is no phase, within blocks", i);
      if (step.kind == Step::Kind::Blocks && step.rows < 1) violations_.report("step {} has blocks of no rows", i);
      if (step.kind != Step::Kind::Phase) continue;
      for (const Launch& launch : entry_.phases[step.phase].launches) {
        for (const BufId b : launch.bind)
          if (view_.buffer(b).role == Role::Scratch && (!open || blocksOf.try_emplace(b, begin).first->second != begin))
            violations_.report("b{} is scratch and used outside of its blocks", b);
        if (open) checkByRows(launch, *open);
      }
    }
  }

private:
  void checkByRows(const Launch& launch, const Step& blocks) {
    std::vector<const Type*> types;
    for (const BufId b : launch.bind) {
      types.push_back(&view_.buffer(b).type);
      const bool moved = std::find(blocks.moved.begin(), blocks.moved.end(), b) != blocks.moved.end();
      const bool scratch = view_.buffer(b).role == Role::Scratch;
      const auto row = rowElements(*types.back(), blocks.symbol);
      if (row ? moved == scratch : moved)
        violations_.report("b{} should be {} in its blocks", b, scratch ? "scratch alone" : "moved");
      const auto bytes = row ? row->evaluate(view_.bounds) * blocks.rows * dtypeSize(types.back()->dtype) : 0;
      if (scratch && view_.buffer(b).bytesAtBound != static_cast<uint64_t>(bytes))
        violations_.report("b{} is {} rows of {} and has {} bytes", b, blocks.rows, types.back()->str(),
                           view_.buffer(b).bytesAtBound);
    }
    if (!worksByRows(view_.kernelOf(launch), types, blocks.symbol))
      violations_.report("{} does not work by rows of {}", view_.kernelOf(launch).name, blocks.symbol);
  }

  const EntryView& view_;
  const Entry& entry_;
  Violations& violations_;
};

}  // namespace

void verifyBlocks(const EntryView& view, Violations& violations) {
  BlockRules(view, violations).check();
}

}  // namespace nnc::plan
