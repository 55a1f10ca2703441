// Walks syntax trees: every expression below one, every statement of a block.
#pragma once

#include <functional>
#include <set>
#include <string>

#include "frontend/ast.h"

namespace nnc::elab {

struct Walker {
  std::function<void(const ast::Expr&)> onExpr;
  std::function<void(const ast::Stmt&)> onStmt;

  void expr(const ast::Expr& e) const;
  void stmt(const ast::Stmt& s) const;
  void block(const ast::Block& b) const;

private:
  void args(const std::vector<ast::Arg>& list) const;
};

/// All names that are read below an expression or statement (labels, fields and shape notation are no reads).
void namesRead(const ast::Expr& e, std::set<std::string>& into);
void namesRead(const ast::Stmt& s, std::set<std::string>& into);
/// The names a pattern introduces.
void namesOf(const ast::Pattern& p, std::set<std::string>& into);
/// The names that a statement defines.
void namesOf(const ast::Stmt& s, std::set<std::string>& into);

/// Whether the body chooses among instances by the number of the round: `h[k].w`, `x |> net.c[depth - 1 - k]`. Such an
/// index must be known when compiling, and a tensor has no fields and is not applied.
bool choosesInstances(const ast::For& loop);

}  // namespace nnc::elab
