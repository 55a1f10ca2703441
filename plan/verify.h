// The parts of the plan's verifier. They know the plan and nothing of how it was made: of index arithmetic, too, they
// use only the form, not the planner's rules.
#pragma once

#include <fmt/format.h>

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "plan/plan.h"

namespace nnc::plan {

/// One sentence for each violation, each once.
class Violations {
public:
  explicit Violations(std::vector<std::string>& list) : list_(list) {}
  template <typename... Args>
  void report(fmt::format_string<Args...> text, Args&&... args) {
    std::string sentence = where_ + fmt::format(text, std::forward<Args>(args)...);
    if (known_.insert(sentence).second) list_.push_back(std::move(sentence));
  }
  void inEntry(const std::string& name) { where_ = fmt::format("in entry {}: ", name); }
  bool none() const { return list_.empty(); }

private:
  std::vector<std::string>& list_;
  std::set<std::string> known_;
  std::string where_;
};

/// A buffer that shares storage with others over time.
inline bool isTemporary(const Buffer& buffer) {
  return buffer.role == Role::Arena || buffer.role == Role::Scratch;
}

constexpr int64_t kMostElements = 1 << 18;  // that are looked at one by one

/// An entry under examination, at certain sizes of a call: the largest, the smallest, and those where extents are
/// largest from which others are subtracted. An index that is linear in the sizes and fits at these ends, fits between.
struct EntryView {
  enum class Size : uint8_t { Largest, Smallest, Widest };

  const Plan& plan;
  const Entry& entry;
  std::map<std::string, int64_t> bounds;  // of the symbols, which decide the storage
  std::map<std::string, int64_t> sizes;   // of the symbols: bounds or 1, moved to where the conditions of a call hold
  bool isCall = true;                     // false: no such sizes were found
  std::map<BufId, BufId> wholes;          // of slices

  EntryView(const Plan& plan, const Entry& entry, Size size);
  const Kernel& kernelOf(const Launch& launch) const { return plan.kernels[launch.kernel]; }
  const Buffer& buffer(BufId b) const { return entry.buffers[b]; }
  int64_t at(const Dim& d) const { return d.evaluate(sizes); }
  int64_t count(BufId b) const { return at(elementCount(buffer(b).type.shape)); }
  /// By iteration variable.
  std::vector<int64_t> extentsOf(const Kernel& kernel) const;
  /// How often the body of a stage runs, in all tasks.
  int64_t pointsOf(const Kernel& kernel, const Stage& stage) const;
  /// The buffer that has the storage: of a slice, its whole.
  BufId storageOf(BufId b) const;
  /// True if a write to one changes the other.
  bool overlap(BufId a, BufId b) const;
  /// An output or a slice of one. The caller may pass null for it; then it lies where other outputs are written too.
  bool isOutput(BufId b) const { return buffer(storageOf(b)).role == Role::Output; }
};

/// A kernel by itself: everything it names exists and is in reach, and it has the form of its template.
void verifyKernel(const Kernel& kernel, Violations& violations);
/// Buffers, steps and the call: what they name exists, sizes and layouts agree with the types.
void verifyEntry(const EntryView& view, Violations& violations);
/// Each launch: types agree, accesses stay in bounds, tasks write disjoint parts and read none that another writes.
void verifyLaunches(const EntryView& view, Violations& violations);
/// Steps over blocks of rows: what has rows is moved with them or scratch, and launches work by rows.
void verifyBlocks(const EntryView& view, Violations& violations);
/// Storage over time: what is read has been written whole and not been overwritten, and a barrier stands between.
void verifyStorage(const EntryView& view, Violations& violations);

}  // namespace nnc::plan
