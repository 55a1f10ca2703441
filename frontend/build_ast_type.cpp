#include <charconv>

#include <fmt/format.h>

#include "frontend/build_ast.h"

namespace nnc::ast {

using antlr4::Token;

Ident AstBuilder::ident(P::NameContext* context) {
  if (!context) return {};
  return {std::string(places_.text(context->start)), loc(context)};
}

TypePtr AstBuilder::type(P::TypeContext* context) {
  return context ? std::make_unique<TypeExpr>(typeValue(context)) : nullptr;
}

TypeExpr AstBuilder::typeValue(P::TypeContext* context) {
  TypeExpr type;
  type.loc = loc(context);
  if (context->LPAREN()) {
    if (context->type().size() == 1) return typeValue(context->type(0));
    type.isTuple = true;
    for (auto* element : context->type()) type.elements.push_back(typeValue(element));
    return type;
  }
  type.dtype = ident(context->name());
  if (auto* shape = context->shape()) {
    type.hasShape = true;
    for (auto* d : shape->dim()) type.shape.push_back(dim(d));
  }
  if (auto* bound = context->bound()) {
    type.boundKind = bound->LT() ? TypeExpr::Bound::Less : TypeExpr::Bound::LessEqual;
    type.bound = term(bound->term());
  }
  return type;
}

Dim AstBuilder::dim(P::DimContext* context) {
  Dim dim;
  dim.loc = loc(context);
  if (auto* rest = context->REST()) {
    dim.kind = Dim::Kind::Rest;
    dim.name = places_.text(rest->getSymbol()).substr(3);
    return dim;
  }
  dim.expr = term(context->term());
  auto* binary = dim.expr->tryAs<Binary>();
  if (!binary || (binary->op != BinaryOp::Lt && binary->op != BinaryOp::Le)) return dim;
  const auto* name = binary->lhs->tryAs<Name>();
  if (!name) {
    errors_.report(DiagCode::SyntaxError, binary->lhs->loc, "a bound is set on a name, as in `B <= 1024`");
    return dim;
  }
  dim.kind = Dim::Kind::Bounded;
  dim.name = name->text;
  dim.strict = binary->op == BinaryOp::Lt;
  ExprPtr bound = std::move(binary->rhs);
  dim.expr = std::move(bound);
  return dim;
}

std::vector<ParamDecl> AstBuilder::params(P::ParamsContext* context) {
  std::vector<ParamDecl> list;
  if (!context) return list;
  for (auto* p : context->parameter())
    list.push_back({ident(p->name()), type(p->type()), p->expr() ? expr(p->expr()) : nullptr});
  return list;
}

Pattern AstBuilder::pattern(P::PatternContext* context) {
  Pattern pattern;
  pattern.loc = loc(context);
  if (context->name()) {
    pattern.name = ident(context->name()).text;
    return pattern;
  }
  if (context->pattern().size() == 1) return this->pattern(context->pattern(0));
  for (auto* element : context->pattern()) pattern.elements.push_back(this->pattern(element));
  return pattern;
}

ExprPtr AstBuilder::shapeMap(P::MapContext* context) {
  auto map = std::make_unique<ShapeMap>(places_.span(context->MAP()->getSymbol(), context->stop));
  const auto lists = context->axes();
  const Loc arrow = loc(context->ARROW());
  for (size_t i = 0; i + 1 < lists.size(); ++i) map->inputs.push_back(axes(lists[i], arrow));
  map->result = axes(lists.back(), arrow);
  if (!map->inputs.front().axes.empty() && !map->result.axes.empty()) {
    const Token* last = lists.back()->stop;
    map->loc = places_.span(lists.front()->start, last);
  }
  return map;
}

AxisList AstBuilder::axes(P::AxesContext* context, const Loc& ifEmpty) {
  AxisList list;
  list.loc = context->axis().empty() ? ifEmpty : loc(context);
  for (auto* a : context->axis()) list.axes.push_back(axis(a));
  return list;
}

Axis AstBuilder::axis(P::AxisContext* context) {
  Axis axis;
  axis.loc = loc(context);
  if (context->LPAREN()) {
    axis.kind = Axis::Kind::Group;
    for (auto* a : context->axis()) axis.group.push_back(this->axis(a));
  } else if (context->INT()) {
    axis.kind = Axis::Kind::Int;
    axis.value = integer(context->start);
  } else if (context->REST()) {
    axis.kind = Axis::Kind::Rest;
    axis.name = places_.text(context->start).substr(3);
  } else {
    axis.kind = Axis::Kind::Name;
    axis.name = places_.text(context->start);
  }
  return axis;
}

int64_t AstBuilder::integer(const Token* token) {
  const std::string_view text = places_.text(token);
  int64_t value = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), value).ec != std::errc())
    errors_.report(DiagCode::NumberTooLarge, places_.of(token), fmt::format("{} does not fit in 64 bits", text));
  return value;
}

}  // namespace nnc::ast
