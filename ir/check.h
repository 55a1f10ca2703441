// Checks of the compiler's own invariants. A failed check is a bug in nnc, never a mistake of the user: it prints one
// line and aborts, in every build.
#pragma once

#include <string_view>

namespace nnc {

/// Prints "nnc: internal error: <file>:<line>: <message>" to standard error and aborts.
[[noreturn]] void internalError(const char* file, int line, std::string_view message);

}  // namespace nnc

/// NNC_CHECK(condition, message): `message` is evaluated only on failure.
#define NNC_CHECK(condition, message)                    \
  do {                                                   \
    if (!(condition)) [[unlikely]]                       \
      ::nnc::internalError(__FILE__, __LINE__, message); \
  } while (false)
