#include "frontend/elab/walk.h"

#include <algorithm>

namespace nnc::elab {

void Walker::args(const std::vector<ast::Arg>& list) const {
  for (const ast::Arg& a : list) expr(*a.value);
}

void Walker::expr(const ast::Expr& e) const {
  if (onExpr) onExpr(e);
  const auto maybe = [&](const ast::ExprPtr& p) {
    if (p) expr(*p);
  };
  switch (e.kind) {
    case ast::ExprKind::Call: {
      const auto& c = e.as<ast::Call>();
      maybe(c.label.index);
      expr(*c.callee);
      args(c.args);
      break;
    }
    case ast::ExprKind::Bracket:
      expr(*e.as<ast::Bracket>().base);
      args(e.as<ast::Bracket>().args);
      break;
    case ast::ExprKind::Field:
      expr(*e.as<ast::Field>().base);
      break;
    case ast::ExprKind::Wild:
      expr(*e.as<ast::Wild>().base);
      break;
    case ast::ExprKind::Transpose:
      expr(*e.as<ast::Transpose>().operand);
      break;
    case ast::ExprKind::Unary:
      expr(*e.as<ast::Unary>().operand);
      break;
    case ast::ExprKind::Binary: {
      // A long chain leans left: walked by a loop.
      const ast::Expr* left = &e;
      while (const auto* bin = left->tryAs<ast::Binary>()) {
        if (left != &e && onExpr) onExpr(*left);
        expr(*bin->rhs);
        left = bin->lhs.get();
      }
      expr(*left);
      break;
    }
    case ast::ExprKind::Tuple:
      for (const auto& x : e.as<ast::Tuple>().elements) expr(*x);
      break;
    case ast::ExprKind::If: {
      const auto& i = e.as<ast::If>();
      expr(*i.cond);
      block(i.then);
      if (i.hasElse) block(i.otherwise);
      break;
    }
    case ast::ExprKind::For:
      for (const auto& i : e.as<ast::For>().indices) expr(*i.over);
      block(e.as<ast::For>().body);
      break;
    case ast::ExprKind::Lambda:
      block(e.as<ast::Lambda>().body);
      break;
    case ast::ExprKind::Range:
      maybe(e.as<ast::Range>().lo);
      maybe(e.as<ast::Range>().hi);
      break;
    default:
      break;
  }
}

void Walker::block(const ast::Block& b) const {
  for (const auto& s : b.stmts) stmt(*s);
}

void Walker::stmt(const ast::Stmt& s) const {
  if (onStmt) onStmt(s);
  const auto dims = [&](const ast::TypePtr& t) {
    if (!t) return;
    for (const ast::Dim& d : t->shape)
      if (d.expr) expr(*d.expr);
    if (t->bound) expr(*t->bound);
  };
  switch (s.kind) {
    case ast::StmtKind::Let:
      dims(s.as<ast::Let>().type);
      expr(*s.as<ast::Let>().value);
      break;
    case ast::StmtKind::Var:
      dims(s.as<ast::Var>().type);
      expr(*s.as<ast::Var>().value);
      break;
    case ast::StmtKind::State:
      expr(*s.as<ast::State>().init);
      break;
    case ast::StmtKind::Param:
      expr(*s.as<ast::Param>().init);
      break;
    case ast::StmtKind::Metric:
      expr(*s.as<ast::Metric>().value);
      break;
    case ast::StmtKind::Assign:
      expr(*s.as<ast::Assign>().target);
      expr(*s.as<ast::Assign>().value);
      break;
    case ast::StmtKind::Every:
      expr(*s.as<ast::Every>().count);
      block(s.as<ast::Every>().body);
      break;
    case ast::StmtKind::ExprStmt:
      expr(*s.as<ast::ExprStmt>().expr);
      break;
    default:
      break;
  }
}

static Walker reader(std::set<std::string>& into) {
  Walker w;
  w.onExpr = [&into](const ast::Expr& e) {
    if (const auto* n = e.tryAs<ast::Name>()) into.insert(n->text);
    if (const auto* b = e.tryAs<ast::ShapeMap>()) {
      const std::function<void(const ast::Axis&)> axis = [&](const ast::Axis& a) {
        if (a.kind == ast::Axis::Kind::Name) into.insert(a.name);
        for (const ast::Axis& g : a.group) axis(g);
      };
      for (const auto& list : b->inputs)
        for (const ast::Axis& a : list.axes) axis(a);
      for (const ast::Axis& a : b->result.axes) axis(a);
    }
  };
  return w;
}

void namesRead(const ast::Expr& e, std::set<std::string>& into) {
  reader(into).expr(e);
}
void namesRead(const ast::Stmt& s, std::set<std::string>& into) {
  reader(into).stmt(s);
}

bool choosesInstances(const ast::For& loop) {
  std::set<std::string> rounds;  // the loop's indices, and what is computed from them
  for (const ast::For::Index& i : loop.indices) rounds.insert(i.name.text);
  const auto chosen = [&](const ast::Expr& e) {
    const auto* bracket = e.tryAs<ast::Bracket>();
    if (!bracket) return false;
    std::set<std::string> read;
    for (const ast::Arg& a : bracket->args) namesRead(*a.value, read);
    return std::any_of(read.begin(), read.end(), [&](const std::string& n) { return rounds.contains(n); });
  };
  bool found = false;
  Walker w;
  w.onStmt = [&](const ast::Stmt& s) {
    const auto* let = s.tryAs<ast::Let>();
    if (!let) return;
    std::set<std::string> read;
    namesRead(*let->value, read);
    if (std::any_of(read.begin(), read.end(), [&](const std::string& n) { return rounds.contains(n); }))
      namesOf(let->pattern, rounds);
  };
  w.onExpr = [&](const ast::Expr& e) {
    if (const auto* field = e.tryAs<ast::Field>()) found = found || chosen(*field->base);
    if (const auto* call = e.tryAs<ast::Call>()) {
      const auto* callee = call->callee->tryAs<ast::Bracket>();
      found = found || (callee && callee->base->is<ast::Field>() && chosen(*callee));
    }
  };
  w.block(loop.body);
  return found;
}

void namesOf(const ast::Pattern& p, std::set<std::string>& into) {
  if (!p.isTuple()) into.insert(p.name);
  for (const ast::Pattern& q : p.elements) namesOf(q, into);
}

void namesOf(const ast::Stmt& s, std::set<std::string>& into) {
  if (const auto* let = s.tryAs<ast::Let>()) namesOf(let->pattern, into);
  if (const auto* var = s.tryAs<ast::Var>()) namesOf(var->pattern, into);
  if (const auto* param = s.tryAs<ast::Param>()) into.insert(param->name.text);
  if (const auto* state = s.tryAs<ast::State>()) into.insert(state->name.text);
}

}  // namespace nnc::elab
