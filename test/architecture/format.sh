#!/usr/bin/env bash
# All C and C++ sources are as clang-format leaves them. usage: format.sh CLANG_FORMAT SOURCE_DIR
set -euo pipefail
cd "$2"
find grammar ir frontend passes plan codegen runtime tools test examples \( -name '*.cpp' -o -name '*.h' -o -name '*.c' \) -print0 |
  xargs -0 "$1" --dry-run -Werror
