#include "ir/check.h"

#include <cstdio>
#include <cstdlib>

namespace nnc {

void internalError(const char* file, int line, std::string_view message) {
  std::fprintf(stderr, "nnc: internal error: %s:%d: %.*s\n", file, line, static_cast<int>(message.size()),
               message.data());
  std::abort();
}

}  // namespace nnc
