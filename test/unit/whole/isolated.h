// Runs a piece of work in a process of its own, so that a crash or a hang is a result like any other.
#pragma once

#include <functional>
#include <string>

namespace nnc::testing {

struct Isolated {
  std::string text;   // what the work returned
  std::string crash;  // "signal 6", "no end within 60 s"; empty if it ended by itself
};

/// `seconds`: of CPU time.
Isolated isolated(int seconds, const std::function<std::string()>& work);

}  // namespace nnc::testing
