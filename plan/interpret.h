// A plan interpreter: runs any kernel as the loop nest it is, floats in double, integers exactly. Temporaries live at
// their places of the arena, so that a plan whose lifetimes are wrong computes something else than its graph.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "ir/eval.h"
#include "plan/plan.h"

namespace nnc::plan {

struct InterpretInputs {
  std::map<std::string, Tensor>* variables = nullptr;  // by path, row-major; read and updated
  std::map<std::string, Tensor> values;                // inputs and scalars by name
  std::map<std::string, int64_t> symbols;
};

/// Runs an entry, before it the one that derives what it reads; the values of Entry::outputs, in order.
std::vector<Tensor> interpret(const Plan& plan, const Entry& entry, const InterpretInputs& inputs);

}  // namespace nnc::plan
