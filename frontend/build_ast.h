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

namespace nnc::ast {

class AstBuilder {
public:
  AstBuilder(const Places& places, SyntaxErrors& errors) : places_(places), errors_(errors) {}

  std::unique_ptr<File> file(uint32_t fileId, grammar::NnParser::FileContext* context);

private:
  using P = grammar::NnParser;

  /// Where an expression stands, for what may stand there and for the wording of what may not.
  enum class Where : uint8_t { Value, Statement, CallArg, Index };

  // build_ast.cpp: definitions and statements. A statement that could not be read gives null.
  StmtPtr statement(P::StatementContext* context);
  StmtPtr use(P::UseContext* context);
  StmtPtr hyper(P::HyperContext* context);
  void domain(P::DomainContext* context, Hyper& hyper);
  StmtPtr data(P::DataContext* context);
  StmtPtr callable(P::CallableContext* context);
  StmtPtr train(P::TrainContext* context);
  StmtPtr search(P::SearchContext* context);
  StmtPtr let(P::LetContext* context);
  StmtPtr exprOrAssign(P::ExprOrAssignContext* context);
  void misplaced(P::MisplacedContext* context);
  void rememberUnread(antlr4::ParserRuleContext* context);
  Block block(P::BlockContext* context);
  template <class Node, class Context>
  std::unique_ptr<Node> nameTypeInit(Context* context, const char* what);
  bool checkTarget(const Expr& target);

  // build_ast_type.cpp: names, types, parameters, patterns, shape notation.
  Ident ident(P::NameContext* context);
  TypePtr type(P::TypeContext* context);
  TypeExpr typeValue(P::TypeContext* context);
  Dim dim(P::DimContext* context);
  std::vector<ParamDecl> params(P::ParamsContext* context);
  Pattern pattern(P::PatternContext* context);
  ExprPtr shapeMap(P::MapContext* context);
  AxisList axes(P::AxesContext* context, const Loc& ifEmpty);
  Axis axis(P::AxisContext* context);
  int64_t integer(const antlr4::Token* token);

  // build_ast_expr.cpp: expressions.
  ExprPtr expr(P::ExprContext* context, Where where = Where::Value);
  ExprPtr labelled(P::LabelledContext* context, Where where);
  ExprPtr stage(P::StageContext* context, ExprPtr input);
  ExprPtr chain(P::ChainContext* context);
  ExprPtr term(P::TermContext* context);
  ExprPtr binary(P::BinaryContext* context, ExprPtr lhs);
  ExprPtr primary(P::PrimaryContext* context);
  ExprPtr number(const antlr4::Token* token);
  ExprPtr string(const antlr4::Token* token);
  ExprPtr ifExpr(P::IfExprContext* context);
  ExprPtr forExpr(P::ForExprContext* context);
  ExprPtr trailer(P::TrailerContext* context, ExprPtr base, const antlr4::Token* first);
  std::vector<Arg> args(P::ArgsContext* context, Where where);
  Arg arg(P::ArgContext* context, Where where);
  ExprPtr range(P::RangeContext* context, Where where);
  bool takeLabel(ExprPtr written, Label& label);

  /// Sets the node's height from its children; a tree that grows too high is reported and replaced.
  ExprPtr finish(ExprPtr node, std::initializer_list<const Expr*> children);
  ExprPtr finish(ExprPtr node, const Expr* first, const std::vector<Arg>& rest);
  ExprPtr error(const Loc& at) { return std::make_unique<ErrorExpr>(at); }

  Loc loc(const antlr4::ParserRuleContext* context) const { return places_.span(context->start, context->stop); }
  Loc loc(antlr4::tree::TerminalNode* node) const { return places_.of(node->getSymbol()); }

  const Places& places_;
  SyntaxErrors& errors_;
  std::vector<std::string> unread_;
  uint32_t highest_ = 1;   // expression in the current block so far
  bool inDomain_ = false;  // inside `in …` of a hyper, where `log(a .. b)` may stand
};

}  // namespace nnc::ast
