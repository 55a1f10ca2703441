// The syntax tree as text, for `nnc --emit=ast` and for tests: one parenthesised form for each node, statements on
// lines of their own.
#pragma once

#include <string>

#include "frontend/ast.h"

namespace nnc::ast {

std::string dumpAst(const File& file);
/// An expression on one line, except the blocks in it.
std::string dumpAst(const Expr& expr);

}  // namespace nnc::ast
