// Plans made wrong on purpose: kinds of mistakes, each put at a random place where it is one.
#pragma once

#include <functional>
#include <random>
#include <string>
#include <vector>

#include "plan/plan.h"

namespace nnc::plan {

/// Where a launch stands.
struct Place {
  size_t phase = 0, launch = 0;
};

/// A copy of a plan with one of its entries, chosen at random, and what the kinds of mistakes ask about it.
struct Mutant {
  Plan plan;
  Entry& entry;
  std::string note;  // what was changed, for messages

  Mutant(const Plan& original, std::mt19937& random);
  Mutant(const Mutant&) = delete;

  size_t below(size_t n) { return std::uniform_int_distribution<size_t>(0, n - 1)(random_); }
  /// A random element that the predicate holds of, or null.
  template <class T>
  T* pick(std::vector<T>& list, const std::function<bool(const T&)>& fits) {
    std::vector<T*> fitting;
    for (T& item : list)
      if (fits(item)) fitting.push_back(&item);
    return fitting.empty() ? nullptr : fitting[below(fitting.size())];
  }
  /// A random launch that the predicate holds of, or null.
  Launch* pickLaunch(const std::function<bool(const Launch&)>& fits, Place* place = nullptr);
  Buffer* pickBuffer(const std::function<bool(const Buffer&)>& fits);
  /// A random arena buffer with a place of its own, which a launch binds at its first and at its last step.
  Buffer* pickTemporary();

  Kernel& kernelOf(const Launch& launch) { return plan.kernels[launch.kernel]; }
  const Kernel& kernelOf(const Launch& launch) const { return plan.kernels[launch.kernel]; }
  bool isSlice(BufId b) const;  // or has slices
  bool isSliceOf(BufId b) const;
  bool reads(const Launch& launch, BufId b) const;
  bool writes(const Launch& launch, BufId b) const;
  size_t writers(BufId b) const;
  size_t readers(BufId b) const;
  int64_t at(const Dim& d) const;
  int64_t count(BufId b) const { return at(elementCount(entry.buffers[b].type.shape)); }
  /// How often the body of a stage runs.
  int64_t points(const Kernel& kernel, const Stage& stage) const;
  /// The step that runs a phase.
  size_t stepOf(size_t phase) const;

private:
  std::mt19937& random_;
};

/// A load or a store of a launch's kernel that changes can be made to.
struct Spot {
  Kernel* kernel = nullptr;
  const Launch* launch = nullptr;
  Stage* stage = nullptr;
  Inst* inst = nullptr;
  Store* store = nullptr;
};

/// Makes a change at a random instruction, or store, of the launches that fits; false if there is none.
bool atSomeInst(Mutant& m, const std::function<bool(const Spot&)>& fits,
                const std::function<void(const Spot&)>& change);
bool atSomeStore(Mutant& m, const std::function<bool(const Spot&)>& fits,
                 const std::function<void(const Spot&)>& change);

/// An index of iteration variables alone.
bool isPlain(const Ix& ix);

struct MutationKind {
  const char* name;
  const char* says;  // what a message about it matches
  /// Makes the mistake at a place where it is one; false if the plan has none.
  std::function<bool(Mutant&)> apply;
};
const std::vector<MutationKind>& mutationKinds();
/// The kinds by what they change.
std::vector<MutationKind> mistakesInKernels();
std::vector<MutationKind> mistakesInStorage();
std::vector<MutationKind> mistakesInEntries();

}  // namespace nnc::plan
