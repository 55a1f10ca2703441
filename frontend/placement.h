// Which statement may stand where: a question of form alone, asked of a file whose syntax is right.
#pragma once

#include "frontend/ast.h"
#include "ir/diagnostic.h"

namespace nnc::ast {

void checkPlacement(const File& file, Diagnostics& diagnostics);

}  // namespace nnc::ast
