#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "frontend/build_ast.h"
#include "ir/check.h"

namespace nnc::ast {

using antlr4::Token;
using grammar::NnParser;

namespace {

BinaryOp binaryOp(size_t type) {
  switch (type) {
    case NnParser::PLUS:
      return BinaryOp::Add;
    case NnParser::MINUS:
      return BinaryOp::Sub;
    case NnParser::STAR:
      return BinaryOp::Mul;
    case NnParser::SLASH:
      return BinaryOp::Div;
    case NnParser::FLOORDIV:
      return BinaryOp::FloorDiv;
    case NnParser::PERCENT:
      return BinaryOp::Mod;
    case NnParser::AT:
      return BinaryOp::MatMul;
    case NnParser::CARET:
      return BinaryOp::Pow;
    case NnParser::EQ:
      return BinaryOp::Eq;
    case NnParser::NE:
      return BinaryOp::Ne;
    case NnParser::LT:
      return BinaryOp::Lt;
    case NnParser::LE:
      return BinaryOp::Le;
    case NnParser::GT:
      return BinaryOp::Gt;
    case NnParser::GE:
      return BinaryOp::Ge;
    case NnParser::AND:
      return BinaryOp::And;
    default:
      return BinaryOp::Or;
  }
}

bool isComparison(BinaryOp op) {
  return op >= BinaryOp::Eq && op <= BinaryOp::Ge;
}

}  // namespace

ExprPtr AstBuilder::finish(ExprPtr node, std::initializer_list<const Expr*> children) {
  for (const Expr* child : children)
    if (child) node->height = std::max(node->height, child->height + 1);
  highest_ = std::max(highest_, node->height);
  if (node->height <= kMaxHeight) return node;
  errors_.report(DiagCode::NestedTooDeep, node->loc, "this expression is too long")
      .help("name a part of it with `let`");
  return error(node->loc);
}

ExprPtr AstBuilder::finish(ExprPtr node, const Expr* first, const std::vector<Arg>& rest) {
  for (const Arg& a : rest) node->height = std::max(node->height, a.value->height + 1);
  return finish(std::move(node), {first});
}

// ---- Pipes and labels
// ------------------------------------------------------------------------------------------------

ExprPtr AstBuilder::expr(P::ExprContext* context, Where where) {
  if (auto* written = context->lambda()) {
    auto lambda = std::make_unique<Lambda>(loc(context));
    lambda->params = params(written->params());
    lambda->body = block(written->block());
    lambda->height = lambda->body.height + 1;
    return finish(std::move(lambda), {});
  }
  ExprPtr value = labelled(context->labelled(), where);
  for (auto* s : context->stage()) value = stage(s, std::move(value));
  return value;
}

/// The label that an expression before `:` spells: `fc` or `h[i]`.
bool AstBuilder::takeLabel(ExprPtr written, Label& label) {
  if (auto* name = written->tryAs<Name>()) {
    label.name = {name->text, name->loc};
    return true;
  }
  auto* bracket = written->tryAs<Bracket>();
  if (!bracket || !bracket->base->is<Name>() || bracket->args.size() != 1 || bracket->args[0].name) return false;
  const auto& name = bracket->base->as<Name>();
  label.name = {name.text, name.loc};
  label.index = std::move(bracket->args[0].value);
  return true;
}

ExprPtr AstBuilder::labelled(P::LabelledContext* context, Where where) {
  ExprPtr first = term(context->term(0));
  if (!context->COLON()) return first;
  ExprPtr second = term(context->term(1));
  const Loc colon = loc(context->COLON());
  if (where == Where::Index) {
    errors_.report(DiagCode::ColonForEquals, colon, "a slice is not written with `:`")
        .help("write `a..b`; `:` alone is the whole axis");
    return error(first->loc);
  }
  const Loc at = first->loc;
  const std::string name = first->is<Name>() ? first->as<Name>().text : "";
  if (second->is<Call>() && takeLabel(std::move(first), second->as<Call>().label)) {
    second->loc = loc(context);
    return second;
  }
  if (where == Where::CallArg && !name.empty()) {
    errors_.report(DiagCode::ColonForEquals, colon, "a named argument is not written with `:`")
        .help(fmt::format("write `{} = …`", name));
  } else if (where == Where::Statement && !name.empty()) {
    errors_.report(DiagCode::MissingLet, at, fmt::format("the declaration of `{}` lacks its word", name))
        .help(fmt::format("write `let {0}: …`, or `var {0}: …` if it is assigned later", name));
  } else {
    errors_.report(DiagCode::LabelNeedsCall, colon, "a label stands before a call")
        .help("as in `fc: dense[10](x)`, or `x |> fc: dense[10]`; `h[i]: …` labels one for each round of a loop");
  }
  return error(at);
}

ExprPtr AstBuilder::stage(P::StageContext* context, ExprPtr input) {
  const auto chains = context->chain();
  ExprPtr target = chain(chains.back());
  Label label;
  if (chains.size() == 2 && !takeLabel(chain(chains.front()), label)) {
    errors_.report(DiagCode::LabelNeedsCall, loc(chains.front()), "a label is a name, or a name and an index")
        .help("as in `x |> fc: dense[10]` or `x |> h[i]: block(s)`");
  }
  if (target->is<Call>() && target->as<Call>().label) return error(target->loc);
  if (target->is<Transpose>() || target->is<Wild>()) {
    errors_.report(DiagCode::SyntaxError, target->loc, "a pipe ends in a call")
        .help("right of `|>` stands a layer or a function, with its arguments if it has any");
    return error(target->loc);
  }
  if (!target->is<Call>()) {
    auto call = std::make_unique<Call>(target->loc);
    call->callee = std::move(target);
    target = std::move(call);
  }
  auto& call = target->as<Call>();
  call.loc = loc(context);
  call.label = std::move(label);
  call.piped = true;
  call.args.insert(call.args.begin(), Arg{{}, std::move(input)});
  const Expr* callee = call.callee.get();
  const std::vector<Arg>& args = call.args;
  return finish(std::move(target), callee, args);
}

ExprPtr AstBuilder::chain(P::ChainContext* context) {
  const Ident first = ident(context->name());
  auto name = std::make_unique<Name>(first.loc);
  name->text = first.text;
  ExprPtr value = std::move(name);
  for (auto* t : context->trailer()) value = trailer(t, std::move(value), context->start);
  return value;
}

// ---- Operators
// -------------------------------------------------------------------------------------------------------

ExprPtr AstBuilder::term(P::TermContext* context) {
  // The operators of a long sum nest to the left: unwound by a loop.
  std::vector<P::BinaryContext*> operators;
  while (auto* b = dynamic_cast<P::BinaryContext*>(context)) {
    operators.push_back(b);
    context = b->term(0);
  }
  NNC_CHECK(context, "an operator without an operand");
  ExprPtr value;
  if (auto* u = dynamic_cast<P::UnaryContext*>(context)) {
    auto node = std::make_unique<Unary>(loc(u));
    node->op = u->op->getType() == NnParser::MINUS ? UnaryOp::Neg : UnaryOp::Not;
    node->operand = term(u->term());
    const Expr* operand = node->operand.get();
    value = finish(std::move(node), {operand});
  } else {
    auto* postfix = static_cast<P::PostfixContext*>(context);
    value = primary(postfix->primary());
    for (auto* t : postfix->trailer()) value = trailer(t, std::move(value), postfix->start);
  }
  for (auto b = operators.rbegin(); b != operators.rend(); ++b) value = binary(*b, std::move(value));
  return value;
}

ExprPtr AstBuilder::binary(P::BinaryContext* context, ExprPtr lhs) {
  auto node = std::make_unique<Binary>(loc(context));
  node->op = binaryOp(context->op->getType());
  node->opLoc = places_.of(context->op);
  const auto* left = dynamic_cast<P::BinaryContext*>(context->term(0));
  if (left && isComparison(node->op) && isComparison(binaryOp(left->op->getType()))) {
    errors_.report(DiagCode::ChainedComparison, node->opLoc, "comparisons do not chain")
        .help("write `a < b and b < c`");
  }
  node->lhs = std::move(lhs);
  node->rhs = term(context->term(1));
  const Expr *l = node->lhs.get(), *r = node->rhs.get();
  return finish(std::move(node), {l, r});
}

// ---- Primaries
// -------------------------------------------------------------------------------------------------------

ExprPtr AstBuilder::primary(P::PrimaryContext* context) {
  const Token* token = context->start;
  if (context->INT() || context->FLOAT()) return number(token);
  if (context->STRING()) return string(token);
  if (context->ifExpr()) return ifExpr(context->ifExpr());
  if (context->forExpr()) return forExpr(context->forExpr());
  if (context->name()) {
    auto name = std::make_unique<Name>(places_.of(token));
    name->text = places_.text(token);
    return name;
  }
  if (auto* p = context->parens()) {
    const auto elements = p->expr();
    if (elements.size() == 1) return expr(elements.front());
    auto tuple = std::make_unique<Tuple>(loc(p));
    for (auto* e : elements) {
      tuple->elements.push_back(expr(e));
      tuple->height = std::max(tuple->height, tuple->elements.back()->height + 1);
    }
    return finish(std::move(tuple), {});
  }
  auto value = std::make_unique<Bool>(places_.of(token));
  value->value = token->getType() == NnParser::TRUE;
  return value;
}

ExprPtr AstBuilder::number(const Token* token) {
  if (token->getType() == NnParser::INT) {
    auto node = std::make_unique<Int>(places_.of(token));
    node->value = integer(token);
    return node;
  }
  auto node = std::make_unique<Float>(places_.of(token));
  const std::string_view text = places_.text(token);
  if (std::from_chars(text.data(), text.data() + text.size(), node->value).ec != std::errc())
    errors_.report(DiagCode::NumberTooLarge, node->loc, fmt::format("{} does not fit in an f64", text));
  return node;
}

ExprPtr AstBuilder::string(const Token* token) {
  auto node = std::make_unique<String>(places_.of(token));
  std::string_view text = places_.text(token).substr(1);
  if (!text.empty() && text.back() == '"') text.remove_suffix(1);
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      node->value += text[i];
      continue;
    }
    switch (text[++i]) {
      case 'n':
        node->value += '\n';
        break;
      case 't':
        node->value += '\t';
        break;
      case '"':
        node->value += '"';
        break;
      case '\\':
        node->value += '\\';
        break;
      default:
        errors_.report(DiagCode::BadEscape, node->loc, "the string holds an unknown escape")
            .help("the escapes are \\n \\t \\\" \\\\");
    }
  }
  return node;
}

ExprPtr AstBuilder::ifExpr(P::IfExprContext* context) {
  auto node = std::make_unique<If>(loc(context));
  node->cond = expr(context->expr());
  node->then = block(context->block(0));
  node->hasElse = context->ELSE() != nullptr;
  if (auto* chained = context->ifExpr()) {
    auto statement = std::make_unique<ExprStmt>(loc(chained));
    statement->expr = ifExpr(chained);
    node->otherwise.loc = statement->loc;
    node->otherwise.height = statement->expr->height;
    node->otherwise.stmts.push_back(std::move(statement));
  } else if (node->hasElse) {
    node->otherwise = block(context->block(1));
  }
  node->height = std::max(node->then.height, node->otherwise.height) + 1;
  const Expr* cond = node->cond.get();
  return finish(std::move(node), {cond});
}

ExprPtr AstBuilder::forExpr(P::ForExprContext* context) {
  auto node = std::make_unique<For>(loc(context));
  for (auto* index : context->forIndex()) {
    For::Index i{ident(index->name()), range(index->range(), Where::Value)};
    node->height = std::max(node->height, i.over->height + 1);
    node->indices.push_back(std::move(i));
  }
  node->body = block(context->block());
  node->height = std::max(node->height, node->body.height + 1);
  return finish(std::move(node), {});
}

// ---- Calls, brackets, fields
// -----------------------------------------------------------------------------------------

ExprPtr AstBuilder::trailer(P::TrailerContext* context, ExprPtr base, const Token* first) {
  const Loc at = places_.span(first, context->stop);
  const Expr* child = base.get();
  if (auto* c = dynamic_cast<P::CallContext*>(context)) {
    auto node = std::make_unique<Call>(at);
    node->callee = std::move(base);
    node->args = args(c->args(), Where::CallArg);
    const std::vector<Arg>& list = node->args;
    return finish(std::move(node), child, list);
  }
  if (auto* b = dynamic_cast<P::BracketContext*>(context)) {
    auto node = std::make_unique<Bracket>(at);
    node->base = std::move(base);
    node->args = args(b->args(), Where::Index);
    const std::vector<Arg>& list = node->args;
    return finish(std::move(node), child, list);
  }
  if (auto* m = dynamic_cast<P::MapContext*>(context)) {
    auto node = std::make_unique<Bracket>(at);
    node->base = std::move(base);
    node->args.push_back({{}, shapeMap(m)});
    for (auto* a : m->arg()) node->args.push_back(arg(a, Where::Index));
    const std::vector<Arg>& list = node->args;
    return finish(std::move(node), child, list);
  }
  if (auto* f = dynamic_cast<P::MemberContext*>(context)) {
    auto node = std::make_unique<Field>(at);
    node->base = std::move(base);
    node->name = {std::string(places_.text(f->stop)), places_.of(f->stop)};
    return finish(std::move(node), {child});
  }
  if (auto* w = dynamic_cast<P::WildContext*>(context)) {
    auto node = std::make_unique<Wild>(at);
    node->base = std::move(base);
    node->deep = w->DEEPWILD() != nullptr;
    return finish(std::move(node), {child});
  }
  auto node = std::make_unique<Transpose>(at);
  node->operand = std::move(base);
  return finish(std::move(node), {child});
}

std::vector<Arg> AstBuilder::args(P::ArgsContext* context, Where where) {
  std::vector<Arg> list;
  if (!context) return list;
  for (auto* a : context->arg()) list.push_back(arg(a, where));
  return list;
}

Arg AstBuilder::arg(P::ArgContext* context, Where where) {
  if (!context->range()) {
    const Loc at = loc(context);
    if (where != Where::Index)
      errors_.report(DiagCode::MisplacedRange, at, "`:` stands for a whole axis, in an index only");
    return {{}, std::make_unique<All>(at)};
  }
  return {ident(context->name()), range(context->range(), where)};
}

ExprPtr AstBuilder::range(P::RangeContext* context, Where where) {
  const auto ends = context->expr();
  if (!context->RANGE()) return expr(ends.front(), where);
  auto node = std::make_unique<Range>(loc(context));
  const bool fromStart = ends.empty() || ends.front()->start != context->start;
  if (!fromStart) node->lo = expr(ends.front());
  if (ends.size() == 2 || (fromStart && !ends.empty())) node->hi = expr(ends.back());
  if (where != Where::Index && !(node->lo && node->hi)) {
    errors_.report(DiagCode::MisplacedRange, node->loc, "this range needs both its ends");
    return error(node->loc);
  }
  if (where == Where::CallArg && !inDomain_) {
    errors_.report(DiagCode::MisplacedRange, node->loc, "a range is not a value")
        .help("ranges stand in an index, after `in` of a `for`, and in the domain of a `hyper`");
    return error(node->loc);
  }
  const Expr *lo = node->lo.get(), *hi = node->hi.get();
  return finish(std::move(node), {lo, hi});
}

}  // namespace nnc::ast
