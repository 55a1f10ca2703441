// What a training step should compute: a few steps by the f64 interpreter, and how far from that rounding may lead
// (passes/perturb.h). What a comparison near a tie decides differs from sample to sample, so undecided values get a
// bound that anything meets.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "ir/eval.h"
#include "ir/graph.h"

namespace nnc::testing {

constexpr int kSteps = 3;

/// What a run of a step function starts from, and how many steps it does.
struct Setting {
  std::map<std::string, int64_t> symbols;
  std::map<std::string, Tensor> inputs, variables;
  int steps = kSteps;
};

/// Values that follow from the names of leaves: floats in ±1.5 (for every fourth leaf multiples of 1/4), integers in
/// -1..5 or below their bound.
Setting makeSetting(const Function& function, std::map<std::string, int64_t> symbols);

/// The values of all outputs, step by step.
using Trajectory = std::vector<std::vector<Tensor>>;

class Reference {
public:
  /// `body`: the function's graph without grads.
  Reference(const Function& function, Setting setting);
  const Setting& setting() const { return setting_; }
  /// Do values leave the range in which f32 neither overflows nor underflows? Then nothing is promised.
  bool outOfRange() const { return outOfRange_; }
  /// One sentence on the first value that is not what it should be; empty if there is none. Where the bound of few
  /// samples is exceeded, many are drawn.
  std::string check(const Trajectory& found);
  /// Counts of values whose bound says something and of those where anything goes.
  size_t decided = 0, undecided = 0;

private:
  void sample(int upTo);
  std::string firstDifference(const Trajectory& found, bool count);

  const Function& function_;
  Setting setting_;
  Trajectory exact_;
  std::vector<Trajectory> samples_;
  bool outOfRange_ = false;
};

}  // namespace nnc::testing
