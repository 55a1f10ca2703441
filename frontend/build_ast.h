// From ANTLR's parse tree to ours: the only code that sees the former. Also says what the grammar leaves to it, since
// there a better sentence can be found: labels, targets of assignments, slices, chained comparisons, numbers, escapes.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "frontend/ast.h"
#include "frontend/places.h"
#include "frontend/syntax_errors.h"
#include "grammar/NnParser.h"

namespace nnc {

class AstBuilder {
public:
  AstBuilder(const Places& places, SyntaxErrors& errors) : places_(places), errors_(errors) {}

  std::unique_ptr<ast::File> file(uint32_t fileId, grammar::NnParser::FileContext* context);

private:
  using P = grammar::NnParser;

  /// Where an expression stands, for what may stand there and for the wording of what may not.
  enum class Where : uint8_t { Value, Statement, CallArg, Index };

  // build_ast.cpp: definitions and statements. A statement that could not be read gives null.
  ast::StmtPtr statement(P::StatementContext* context);
  ast::StmtPtr use(P::UseContext* context);
  ast::StmtPtr hyper(P::HyperContext* context);
  void domain(P::DomainContext* context, ast::Hyper& hyper);
  ast::StmtPtr data(P::DataContext* context);
  ast::StmtPtr callable(P::CallableContext* context);
  ast::StmtPtr train(P::TrainContext* context);
  ast::StmtPtr search(P::SearchContext* context);
  ast::StmtPtr let(P::LetContext* context);
  ast::StmtPtr exprOrAssign(P::ExprOrAssignContext* context);
  void misplaced(P::MisplacedContext* context);
  void rememberUnread(antlr4::ParserRuleContext* context);
  ast::Block block(P::BlockContext* context);
  template <class Node, class Context>
  std::unique_ptr<Node> nameTypeInit(Context* context, const char* what);
  bool checkTarget(const ast::Expr& target);

  // build_ast_type.cpp: names, types, parameters, patterns, shape notation.
  ast::Ident ident(P::NameContext* context);
  ast::TypePtr type(P::TypeContext* context);
  ast::TypeExpr typeValue(P::TypeContext* context);
  ast::Dim dim(P::DimContext* context);
  std::vector<ast::ParamDecl> params(P::ParamsContext* context);
  ast::Pattern pattern(P::PatternContext* context);
  ast::ExprPtr shapeMap(P::MapContext* context);
  ast::AxisList axes(P::AxesContext* context, const Loc& ifEmpty);
  ast::Axis axis(P::AxisContext* context);
  int64_t integer(const antlr4::Token* token);

  // build_ast_expr.cpp: expressions.
  ast::ExprPtr expr(P::ExprContext* context, Where where = Where::Value);
  ast::ExprPtr labelled(P::LabelledContext* context, Where where);
  ast::ExprPtr stage(P::StageContext* context, ast::ExprPtr input);
  ast::ExprPtr chain(P::ChainContext* context);
  ast::ExprPtr term(P::TermContext* context);
  ast::ExprPtr binary(P::BinaryContext* context, ast::ExprPtr lhs);
  ast::ExprPtr primary(P::PrimaryContext* context);
  ast::ExprPtr number(const antlr4::Token* token);
  ast::ExprPtr string(const antlr4::Token* token);
  ast::ExprPtr ifExpr(P::IfExprContext* context);
  ast::ExprPtr forExpr(P::ForExprContext* context);
  ast::ExprPtr trailer(P::TrailerContext* context, ast::ExprPtr base, const antlr4::Token* first);
  std::vector<ast::Arg> args(P::ArgsContext* context, Where where);
  ast::Arg arg(P::ArgContext* context, Where where);
  ast::ExprPtr range(P::RangeContext* context, Where where);
  bool takeLabel(ast::ExprPtr written, ast::Label& label);

  /// Sets the node's height from its children; a tree that grows too high is reported and replaced.
  ast::ExprPtr finish(ast::ExprPtr node, std::initializer_list<const ast::Expr*> children);
  ast::ExprPtr finish(ast::ExprPtr node, const ast::Expr* first, const std::vector<ast::Arg>& rest);
  ast::ExprPtr error(const Loc& at) { return std::make_unique<ast::ErrorExpr>(at); }

  Loc loc(const antlr4::ParserRuleContext* context) const { return places_.span(context->start, context->stop); }
  Loc loc(antlr4::tree::TerminalNode* node) const { return places_.of(node->getSymbol()); }

  const Places& places_;
  SyntaxErrors& errors_;
  std::vector<std::string> unread_;
  uint32_t highest_ = 1;   // expression in the current block so far
  bool inDomain_ = false;  // inside `in …` of a hyper, where `log(a .. b)` may stand
};

}  // namespace nnc
