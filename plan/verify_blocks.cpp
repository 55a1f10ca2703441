// Rules for steps over blocks of rows: a block is a run with fewer rows, on buffers that begin at the block's first
// one.
#include <algorithm>

#include "plan/verify.h"
#include "plan/verify_index.h"

namespace nnc::plan {
namespace {

/// Sizes with other numbers of rows: what is the same, or grows with them, from 1 to 2 and to the bound, does so
/// always.
class RowCounts {
public:
  RowCounts(const EntryView& view, const std::string& symbol) {
    for (const int64_t rows : {int64_t{1}, int64_t{2}, view.bounds.at(symbol)}) {
      sizes_.emplace_back(rows, view.sizes);
      sizes_.back().second[symbol] = rows;
    }
  }
  int64_t ofOneRow(const Dim& d) const { return d.evaluate(sizes_[0].second); }
  bool isSame(const Dim& d) const {
    return holds([&](int64_t, const Sizes& sizes) { return sizes(d) == ofOneRow(d); });
  }
  bool growsWithRows(const Dim& d) const {
    return holds([&](int64_t rows, const Sizes& sizes) { return sizes(d) == rows * ofOneRow(d); });
  }
  bool isSame(const Ix& ix) const {
    const Sizes ofOne = [this](const Dim& d) { return ofOneRow(d); };
    return holds([&](int64_t, const Sizes& sizes) { return sized(ix, sizes) == sized(ix, ofOne); });
  }

private:
  bool holds(const std::function<bool(int64_t, const Sizes&)>& f) const {
    return std::all_of(sizes_.begin(), sizes_.end(), [&](const auto& at) {
      return f(at.first, [&at](const Dim& d) { return d.evaluate(at.second); });
    });
  }

  std::vector<std::pair<int64_t, std::map<std::string, int64_t>>> sizes_;
};

/// What a launch must not do if it is to run on some of the rows at a time and yield the same.
class RowRules {
public:
  RowRules(const EntryView& view, const Launch& launch, const RowCounts& rows)
      : view_(view), launch_(launch), kernel_(view.kernelOf(launch)), rows_(rows) {}

  /// Null if it does none of it.
  const char* broken() {
    if (kernel_.tmpl == Template::Sort) return "sorts";
    for (uint32_t i = 0; i < kernel_.iters.size(); ++i) {
      if (rows_.isSame(kernel_.iters[i].extent)) continue;
      if (loop_) return "has two loops that depend on the number of rows";
      loop_ = i;
    }
    if (!loop_ || !isTask(*loop_) || !rows_.growsWithRows(kernel_.iters[*loop_].extent)) return "has no tasks by rows";
    for (const Stage& stage : kernel_.stages) {
      for (const Inst& inst : stage.body) {
        if (!areSame(inst.guards)) return "asks which row it works on";
        if (inst.kind == Inst::Kind::Index && !isSame(inst.index)) return "computes with the number of a row";
        if (inst.kind == Inst::Kind::Load && !isOfItsRow(inst.index, inst.operand)) return "reads other rows";
      }
      for (const Store& s : stage.stores) {
        if (!areSame(s.guards)) return "asks which row it works on";
        if (s.accumulate || !hasRows(s.operand) || !isOfItsRow(s.index, s.operand)) return "writes other rows";
      }
    }
    return nullptr;
  }

private:
  bool isTask(uint32_t iter) const {
    return std::find(kernel_.taskIters.begin(), kernel_.taskIters.end(), iter) != kernel_.taskIters.end();
  }
  Dim count(uint32_t operand) const { return elementCount(view_.buffer(launch_.bind[operand]).type.shape); }
  bool hasRows(uint32_t operand) const { return !rows_.isSame(count(operand)); }

  bool isSame(const Ix& ix) const { return !ix.dependsOn(*loop_) && rows_.isSame(ix); }
  bool areSame(const std::vector<Guard>& guards) const {
    return std::all_of(guards.begin(), guards.end(),
                       [this](const Guard& g) { return isSame(g.value) && rows_.isSame(g.lo) && rows_.isSame(g.hi); });
  }

  /// With each row it moves by the elements of one; what else moves it is the same in all rows, and so stays within
  /// one as long as it stays within the buffer, from the first row to the last.
  bool isOfItsRow(const Ix& ix, uint32_t operand) const {
    if (!hasRows(operand)) return isSame(ix);
    const Dim step = ix.coefficient(*loop_);
    Ix rest = ix;
    std::erase_if(rest.terms,
                  [this](const auto& t) { return t.first.kind == Atom::Kind::Iter && t.first.id == *loop_; });
    const bool looksUp = std::any_of(rest.terms.begin(), rest.terms.end(),
                                     [](const auto& t) { return t.first.kind == Atom::Kind::Inst; });
    return rows_.growsWithRows(count(operand)) && rows_.isSame(step) && !looksUp && isSame(rest) &&
           rows_.ofOneRow(step) * rows_.ofOneRow(kernel_.iters[*loop_].extent) == rows_.ofOneRow(count(operand));
  }

  const EntryView& view_;
  const Launch& launch_;
  const Kernel& kernel_;
  const RowCounts& rows_;
  std::optional<uint32_t> loop_;  // over the rows, or over some parts of each, one after the other
};

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
        if (open) checkInBlocks(launch, *open);
      }
    }
  }

private:
  void checkInBlocks(const Launch& launch, const Step& blocks) {
    const RowCounts rows(view_, blocks.symbol);
    for (const BufId b : launch.bind) checkBuffer(b, blocks, rows);
    if (const char* what = RowRules(view_, launch, rows).broken())
      violations_.report("{} {}, in blocks of {}", view_.kernelOf(launch).name, what, blocks.symbol);
  }

  void checkBuffer(BufId b, const Step& blocks, const RowCounts& rows) {
    const Buffer& buffer = view_.buffer(b);
    const bool scratch = buffer.role == Role::Scratch, hasRows = !rows.isSame(elementCount(buffer.type.shape));
    const bool moved = std::find(blocks.moved.begin(), blocks.moved.end(), b) != blocks.moved.end();
    if (hasRows ? moved == scratch : moved)
      violations_.report("b{} should be {} in its blocks", b, scratch ? "scratch alone" : "moved");
    std::map<std::string, int64_t> sizes = view_.bounds;
    sizes[blocks.symbol] = blocks.rows;
    const int64_t bytes = elementCount(buffer.type.shape).most(sizes) * dtypeSize(buffer.type.dtype);
    if (scratch && (!hasRows || buffer.bytesAtBound != static_cast<uint64_t>(bytes)))
      violations_.report("b{} is {} rows of {} and has {} bytes", b, blocks.rows, buffer.type.str(),
                         buffer.bytesAtBound);
  }

  const EntryView& view_;
  const Entry& entry_;
  Violations& violations_;
};

}  // namespace

void verifyBlocks(const EntryView& view, Violations& violations) {
  // Of what is empty anyway it cannot be told whether it has rows.
  if (std::ranges::any_of(view.sizes, [](const auto& size) { return size.second == 0; })) return;
  BlockRules(view, violations).check();
}

}  // namespace nnc::plan
