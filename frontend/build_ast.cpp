#include "frontend/build_ast.h"

#include <algorithm>

#include <fmt/format.h>

#include "frontend/token_kinds.h"
#include "ir/check.h"

namespace nnc::ast {

using antlr4::Token;

std::unique_ptr<File> AstBuilder::file(uint32_t fileId, P::FileContext* context) {
  auto file = std::make_unique<File>();
  file->file = fileId;
  for (auto* s : context->statement())
    if (StmtPtr item = statement(s)) file->items.push_back(std::move(item));
  file->unread = std::move(unread_);
  return file;
}

Block AstBuilder::block(P::BlockContext* context) {
  Block block;
  block.loc = loc(context->LBRACE());
  const uint32_t outer = std::exchange(highest_, 1);
  for (auto* s : context->statement())
    if (StmtPtr item = statement(s)) block.stmts.push_back(std::move(item));
  block.height = highest_;
  highest_ = std::max(outer, highest_);
  return block;
}

StmtPtr AstBuilder::statement(P::StatementContext* context) {
  if (context->exception) return rememberUnread(context), nullptr;
  if (auto* c = context->misplaced()) return misplaced(c), nullptr;
  if (auto* c = context->use()) return use(c);
  if (auto* c = context->hyper()) return hyper(c);
  if (auto* c = context->data()) return data(c);
  if (auto* c = context->callable()) return callable(c);
  if (auto* c = context->train()) return train(c);
  if (auto* c = context->search()) return search(c);
  if (auto* c = context->let()) return let(c);
  if (auto* c = context->state()) return nameTypeInit<State>(c, "state");
  if (auto* c = context->param()) return nameTypeInit<Param>(c, "parameter");
  if (auto* c = context->exprOrAssign()) return exprOrAssign(c);
  if (auto* c = context->var()) {
    auto node = std::make_unique<Var>(loc(c));
    node->pattern = pattern(c->pattern());
    node->type = type(c->type());
    node->value = expr(c->expr());
    return node;
  }
  if (auto* c = context->metric()) {
    auto node = std::make_unique<Metric>(loc(c));
    node->name = ident(c->name());
    node->value = expr(c->expr());
    return node;
  }
  auto* c = context->every();
  auto node = std::make_unique<Every>(loc(c));
  node->count = expr(c->expr());
  node->body = block(c->block());
  return node;
}

/// Keeps the names that a statement which could not be read would have defined.
void AstBuilder::rememberUnread(antlr4::ParserRuleContext* context) {
  std::vector<antlr4::tree::ParseTree*> open{context};
  bool pattern = false;
  while (!open.empty()) {
    antlr4::tree::ParseTree* node = open.back();
    NNC_CHECK(node, "a syntax tree has an empty child");
    open.pop_back();
    if (auto* leaf = dynamic_cast<antlr4::tree::TerminalNode*>(node)) {
      const size_t type = leaf->getSymbol()->getType();
      pattern = pattern || type == NnLexer::LET || type == NnLexer::VAR;
      if (type == NnLexer::ASSIGN || type == NnLexer::COLON || type == NnLexer::LBRACE) return;
      if (!isName(type)) continue;
      unread_.emplace_back(places_.text(leaf->getSymbol()));
      if (!pattern) return;
    } else {
      open.insert(open.end(), node->children.rbegin(), node->children.rend());
    }
  }
}

void AstBuilder::misplaced(P::MisplacedContext* context) {
  const Token* token = context->start;
  const size_t type = token->getType();
  if (type == NnLexer::NL) return;
  const std::string text(places_.text(token));
  if (isBinaryOperator(type)) {
    Diagnostic& d = errors_.report(DiagCode::OperatorAtLineStart, places_.of(token),
                                   fmt::format("a statement cannot start with `{}`", text));
    d.help("a new line ends the statement: let the line before end with the operator, or put the whole in parentheses");
    if (type == NnLexer::FLOORDIV) d.help("a comment starts with `#`");
  } else {
    errors_.report(DiagCode::SyntaxError, places_.of(token), fmt::format("a statement cannot start with `{}`", text));
  }
}

// ---- Definitions
// -----------------------------------------------------------------------------------------------------

StmtPtr AstBuilder::use(P::UseContext* context) {
  auto node = std::make_unique<Use>(loc(context));
  for (auto* n : context->name()) node->path.push_back(ident(n));
  if (context->AS()) {
    node->alias = node->path.back();
    node->path.pop_back();
  }
  return node;
}

StmtPtr AstBuilder::hyper(P::HyperContext* context) {
  auto node = std::make_unique<Hyper>(loc(context));
  node->name = ident(context->name());
  node->type = type(context->type());
  node->fallback = expr(context->expr());
  if (context->domain()) domain(context->domain(), *node);
  return node;
}

/// `[a, b]`, `a .. b` or `log(a .. b)`.
void AstBuilder::domain(P::DomainContext* context, Hyper& hyper) {
  hyper.domainLoc = loc(context);
  if (!context->range()) {
    hyper.domain = Hyper::Domain::Choices;
    for (auto* e : context->expr()) hyper.choices.push_back(expr(e));
    return;
  }
  inDomain_ = true;
  ExprPtr written = range(context->range(), Where::Value);
  inDomain_ = false;
  hyper.domain = Hyper::Domain::Range;
  if (auto* call = written->tryAs<Call>()) {
    const auto* name = call->callee->tryAs<Name>();
    if (name && name->text == "log" && call->args.size() == 1 && !call->piped) {
      ExprPtr inner = std::move(call->args[0].value);
      written = std::move(inner);
      hyper.domain = Hyper::Domain::LogRange;
    }
  }
  auto* range = written->tryAs<Range>();
  if (range && range->lo && range->hi) {
    hyper.lo = std::move(range->lo);
    hyper.hi = std::move(range->hi);
    return;
  }
  hyper.domain = Hyper::Domain::None;
  if (!written->is<ErrorExpr>())
    errors_.report(DiagCode::SyntaxError, hyper.domainLoc, "this is no domain of a hyperparameter")
        .help("write choices `[a, b, c]`, a range `a .. b`, or `log(a .. b)` for one searched by magnitude");
}

StmtPtr AstBuilder::data(P::DataContext* context) {
  auto node = std::make_unique<Data>(loc(context));
  node->name = ident(context->name(0));
  node->reader = ident(context->name(1));
  node->args = args(context->args(), Where::CallArg);
  for (auto* line : context->dataLine()) {
    if (line->exception)
      rememberUnread(line);
    else if (line->misplaced())
      misplaced(line->misplaced());
    else if (line->let())
      node->lets.push_back(let(line->let()));
    else
      node->fields.push_back({ident(line->field()->name()), type(line->field()->type()), expr(line->field()->expr())});
  }
  return node;
}

StmtPtr AstBuilder::callable(P::CallableContext* context) {
  auto node = std::make_unique<Callable>(loc(context));
  node->isLayer = context->LAYER() != nullptr;
  node->exported = context->EXPORT() != nullptr;
  node->name = ident(context->name());
  // Of the two optional lists, the one in brackets stands before the parenthesis.
  for (auto* list : context->params()) {
    const bool isStatic = list->start->getTokenIndex() < context->LPAREN()->getSymbol()->getTokenIndex();
    (isStatic ? node->staticParams : node->params) = params(list);
  }
  node->result = type(context->type());
  node->body = block(context->block());
  if (node->isLayer && node->exported)
    errors_.report(DiagCode::MisplacedStatement, loc(context->EXPORT()), "a layer cannot be exported")
        .help("export a function over an instance of it: `export fn predict(x: …) { net(x) }`");
  return node;
}

StmtPtr AstBuilder::train(P::TrainContext* context) {
  auto node = std::make_unique<Train>(loc(context));
  const auto names = context->name();
  node->name = ident(names.front());
  for (size_t i = 1; i < names.size(); ++i) {
    const Ident part = ident(names[i]);
    if (!node->data) {
      auto name = std::make_unique<Name>(part.loc);
      name->text = part.text;
      node->data = std::move(name);
    } else {
      auto field = std::make_unique<Field>(places_.span(names[1]->start, names[i]->stop));
      field->base = std::move(node->data);
      field->name = part;
      const Expr* base = field->base.get();
      node->data = finish(std::move(field), {base});
    }
  }
  node->settings = args(context->args(), Where::CallArg);
  node->body = block(context->block());
  return node;
}

StmtPtr AstBuilder::search(P::SearchContext* context) {
  auto node = std::make_unique<Search>(loc(context));
  node->train = ident(context->name());
  node->settings = args(context->args(), Where::CallArg);
  return node;
}

// ---- Statements
// ------------------------------------------------------------------------------------------------------

StmtPtr AstBuilder::let(P::LetContext* context) {
  auto node = std::make_unique<Let>(loc(context));
  node->pattern = pattern(context->pattern());
  node->type = type(context->type());
  node->value = expr(context->expr());
  return node;
}

template <class Node, class Context>
std::unique_ptr<Node> AstBuilder::nameTypeInit(Context* context, const char* what) {
  auto node = std::make_unique<Node>(loc(context));
  node->name = ident(context->name());
  node->type = type(context->type());
  if (context->expr()) {
    node->init = expr(context->expr());
    return node;
  }
  errors_
      .report(DiagCode::MissingInitializer, node->name.loc,
              fmt::format("the {} `{}` has no initial value", what, node->name.text))
      .help(node->template is<Param>() ? "name an initializer, as in `param w: [D, n] = glorot`"
                                       : "give it one, as in `state m: [C] = 0`");
  node->init = error(node->name.loc);
  return node;
}

StmtPtr AstBuilder::exprOrAssign(P::ExprOrAssignContext* context) {
  ExprPtr first = expr(context->expr(0), Where::Statement);
  if (!context->ASSIGN()) {
    auto node = std::make_unique<ExprStmt>(loc(context));
    node->expr = std::move(first);
    return node;
  }
  auto node = std::make_unique<Assign>(loc(context));
  node->value = expr(context->expr(1));
  node->target = checkTarget(*first) ? std::move(first) : error(first->loc);
  return node;
}

bool AstBuilder::checkTarget(const Expr& target) {
  switch (target.kind) {
    case ExprKind::Name:
    case ExprKind::Error:
      return true;
    case ExprKind::Field:
      return checkTarget(*target.as<Field>().base);
    case ExprKind::Wild:
      return checkTarget(*target.as<Wild>().base);
    case ExprKind::Bracket:
      return checkTarget(*target.as<Bracket>().base);
    case ExprKind::Tuple:
      return std::all_of(target.as<Tuple>().elements.begin(), target.as<Tuple>().elements.end(),
                         [this](const ExprPtr& e) { return checkTarget(*e); });
    default:
      errors_.report(DiagCode::NotAssignable, target.loc, "this cannot be assigned")
          .help("left of `=` stands a name, a part like `net.head` or `net.**.w`, or a tuple of them; `==` compares");
      return false;
  }
}

}  // namespace nnc::ast
