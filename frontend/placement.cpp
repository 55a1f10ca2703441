#include "frontend/placement.h"

#include <fmt/format.h>

namespace nnc::ast {

namespace {

/// What a statement stands in.
enum class Scope : uint8_t { File, Layer, Fn, Export, Train, Data };

const char* describe(Scope scope) {
  switch (scope) {
    case Scope::File:
      return "at the top level of a file";
    case Scope::Layer:
      return "in a layer";
    case Scope::Fn:
      return "in a function";
    case Scope::Export:
      return "in an exported function";
    case Scope::Train:
      return "in a train block";
    case Scope::Data:
      return "in a data block";
  }
  return "";
}

/// The word a statement starts with, and where such a statement belongs.
struct Rule {
  const char* what;
  const char* help;
};

Rule ruleOf(const Stmt& stmt) {
  switch (stmt.kind) {
    case StmtKind::Use:
      return {"`use`", "it belongs to the top level of the file"};
    case StmtKind::Hyper:
      return {"`hyper`", "it belongs to the top level of the file"};
    case StmtKind::Data:
      return {"`data`", "it belongs to the top level of the file"};
    case StmtKind::Train:
      return {"`train`", "it belongs to the top level of the file"};
    case StmtKind::Search:
      return {"`search`", "it belongs to the top level of the file"};
    case StmtKind::Callable:
      return {"a definition", "it belongs to the top level of the file; within a body write `let f = fn(x) { … }`"};
    case StmtKind::Let:
      return {"`let`", ""};
    case StmtKind::Var:
      return {"`var`", "it belongs to a body; at the top level of a file stands `let`"};
    case StmtKind::State:
      return {"`state`", "what owns state is a layer, a train block or an exported function"};
    case StmtKind::Param:
      return {"`param`", "what owns parameters is a layer"};
    case StmtKind::Metric:
      return {"`metric`", "it belongs to a train block"};
    case StmtKind::Assign:
      return {"an assignment", "a name is declared with `let`; an instance is assigned in a train block"};
    case StmtKind::Every:
      return {"`every`", "it belongs to a train block"};
    case StmtKind::ExprStmt:
      return {"an expression", ""};
  }
  return {"", ""};
}

bool mayStand(StmtKind kind, Scope scope) {
  switch (kind) {
    case StmtKind::Use:
    case StmtKind::Hyper:
    case StmtKind::Data:
    case StmtKind::Callable:
    case StmtKind::Train:
    case StmtKind::Search:
      return scope == Scope::File;
    case StmtKind::Param:
      return scope == Scope::Layer;
    case StmtKind::State:
      return scope == Scope::Layer || scope == Scope::Train || scope == Scope::Export;
    case StmtKind::Metric:
    case StmtKind::Every:
      return scope == Scope::Train;
    case StmtKind::Var:
    case StmtKind::Assign:
      return scope != Scope::File && scope != Scope::Data;
    case StmtKind::Let:
    case StmtKind::ExprStmt:
      return true;
  }
  return true;
}

class Checker {
public:
  explicit Checker(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  void stmt(const Stmt& s, Scope scope) {
    if (!mayStand(s.kind, scope)) {
      const Rule rule = ruleOf(s);
      diagnostics_
          .error(DiagCode::MisplacedStatement, s.loc, fmt::format("{} cannot stand {}", rule.what, describe(scope)))
          .help(rule.help);
      return;
    }
    switch (s.kind) {
      case StmtKind::Callable:
        return block(s.as<Callable>().body, s.as<Callable>().isLayer    ? Scope::Layer
                                            : s.as<Callable>().exported ? Scope::Export
                                                                        : Scope::Fn);
      case StmtKind::Train:
        return block(s.as<Train>().body, Scope::Train);
      case StmtKind::Every:
        expr(s.as<Every>().count.get(), scope);
        return block(s.as<Every>().body, scope);
      case StmtKind::Data:
        for (const StmtPtr& let : s.as<Data>().lets) stmt(*let, Scope::Data);
        for (const Data::Field& field : s.as<Data>().fields) expr(field.value.get(), Scope::Data);
        return;
      case StmtKind::Let:
        return expr(s.as<Let>().value.get(), scope);
      case StmtKind::Var:
        return expr(s.as<Var>().value.get(), scope);
      case StmtKind::State:
        return expr(s.as<State>().init.get(), scope);
      case StmtKind::Param:
        return expr(s.as<Param>().init.get(), scope);
      case StmtKind::Metric:
        return expr(s.as<Metric>().value.get(), scope);
      case StmtKind::Assign:
        return expr(s.as<Assign>().value.get(), scope);
      case StmtKind::ExprStmt:
        return expr(s.as<ExprStmt>().expr.get(), scope);
      default:
        return;
    }
  }

private:
  void block(const Block& b, Scope scope) {
    for (const StmtPtr& s : b.stmts) stmt(*s, scope);
  }

  void args(const std::vector<Arg>& list, Scope scope) {
    for (const Arg& a : list) expr(a.value.get(), scope);
  }

  /// Finds the blocks within an expression: those of `if` and `for` belong to the body around them, except at the top
  /// level of a file, where a block is a body of its own; a lambda's is a function's.
  void expr(const Expr* e, Scope scope) {
    if (!e) return;
    const Scope inner = scope == Scope::File || scope == Scope::Data ? Scope::Fn : scope;
    switch (e->kind) {
      case ExprKind::Call:
        expr(e->as<Call>().callee.get(), scope);
        return args(e->as<Call>().args, scope);
      case ExprKind::Bracket:
        expr(e->as<Bracket>().base.get(), scope);
        return args(e->as<Bracket>().args, scope);
      case ExprKind::Field:
        return expr(e->as<Field>().base.get(), scope);
      case ExprKind::Transpose:
        return expr(e->as<Transpose>().operand.get(), scope);
      case ExprKind::Unary:
        return expr(e->as<Unary>().operand.get(), scope);
      case ExprKind::Binary:
        expr(e->as<Binary>().lhs.get(), scope);
        return expr(e->as<Binary>().rhs.get(), scope);
      case ExprKind::Tuple:
        for (const ExprPtr& element : e->as<Tuple>().elements) expr(element.get(), scope);
        return;
      case ExprKind::If:
        expr(e->as<If>().cond.get(), scope);
        block(e->as<If>().then, inner);
        return block(e->as<If>().otherwise, inner);
      case ExprKind::For:
        for (const For::Index& index : e->as<For>().indices) expr(index.over.get(), scope);
        return block(e->as<For>().body, inner);
      case ExprKind::Lambda:
        return block(e->as<Lambda>().body, Scope::Fn);
      case ExprKind::Range:
        expr(e->as<Range>().lo.get(), scope);
        return expr(e->as<Range>().hi.get(), scope);
      default:
        return;
    }
  }

  Diagnostics& diagnostics_;
};

}  // namespace

void checkPlacement(const File& file, Diagnostics& diagnostics) {
  Checker checker(diagnostics);
  for (const StmtPtr& item : file.items) checker.stmt(*item, Scope::File);
}

}  // namespace nnc::ast
