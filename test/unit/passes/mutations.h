// Do the gradient checks notice a wrong rule? Each node that a rule has emitted is changed in turn — its sign, a term
// or factor dropped, branches exchanged, axes of equal extent exchanged — and the check must fail.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "ir/graph.h"

namespace nnc::testing {

/// What the checks of this process have seen; main prints and judges it at the end (gradient_mutants_test.cpp).
struct MutationScore {
  bool wanted = false;                 // set by NNC_MUTATE_GRADIENTS
  std::map<std::string, bool> caught;  // by test, place and change: by any of the test's shapes and inputs
  std::map<Op, size_t> cases;          // how many cases have an op
};
MutationScore& mutationScore();

struct Mutation {
  Graph graph;
  std::string what;     // "mul 17 dropped"
  Value before, after;  // the value that readers saw and see; empty inside a region
};

/// All changed graphs. `emitted`: for each node, whether a rule made it.
std::vector<Mutation> mutationsOf(const Graph& graph, const std::vector<bool>& emitted);
/// Which nodes neither the loss (output 0) nor anything it is computed from is.
std::vector<bool> notForLoss(const Graph& graph);
/// Counts the ops of a graph and its regions.
void countOps(const Graph& graph, std::map<Op, size_t>& counts);

}  // namespace nnc::testing
