#include "frontend/elab/value.h"

#include <fmt/format.h>

#include "frontend/elab/elaborator.h"

namespace nnc::elab {

namespace {

const char* builtinText(Builtin b) {
  switch (b) {
#define BUILTIN(name, text, option) \
  case Builtin::name:               \
    return text;
#include "frontend/elab/builtins.def"
#undef BUILTIN
  }
  return "";
}

}  // namespace

const char* FnVal::option() const {
  if (kind != Kind::Builtin) return "";
  switch (builtin) {
#define BUILTIN(name, text, option) \
  case Builtin::name:               \
    return option;
#include "frontend/elab/builtins.def"
#undef BUILTIN
  }
  return "";
}

std::string FnVal::name() const {
  switch (kind) {
    case Kind::Callable:
      return decl->name.text;
    case Kind::Lambda:
      return "fn";
    case Kind::Builtin:
      return builtinText(builtin);
    case Kind::Primitive:
      return fmt::format("op.{}", opInfo(op).text);
    case Kind::Cast:
      return dtypeName(dtype);
    case Kind::Field:
      return fmt::format("{}.{}", field->data->ast->name.text, field->name);
    case Kind::Arithmetic:
      return operands[operands[0].is(ValKind::Fn) ? 0 : 1].fn->name();
  }
  return "";
}

std::string shapeText(const Shape& shape) {
  std::vector<std::string> dims;
  for (const Dim& d : shape) dims.push_back(d.str());
  return fmt::format("[{}]", fmt::join(dims, ", "));
}

std::string describe(const Val& v) {
  switch (v.kind) {
    case ValKind::Error:
      return "a mistake";
    case ValKind::None:
      return "nothing";
    case ValKind::Int:
      return v.dim.isConst() ? fmt::format("the number {}", v.dim.str()) : fmt::format("the dimension {}", v.dim.str());
    case ValKind::Float:
      return fmt::format("the number {}", v.number);
    case ValKind::Bool:
      return v.flag ? "true" : "false";
    case ValKind::Str:
      return fmt::format("the text \"{}\"", v.text);
    case ValKind::Tensor:
      return v.tensor.type.str();
    case ValKind::Tuple:
      return fmt::format("a tuple of {}", v.items->size());
    case ValKind::Tree:
      return "a tree of tensors";
    case ValKind::Instance:
      return fmt::format("the instance `{}`", v.instance->path);
    case ValKind::Fn:
      return fmt::format("the {} `{}`", v.fn->isLayer() ? "layer" : "function", v.fn->name());
    case ValKind::File:
      return "a file";
    case ValKind::Data:
      return "a data block";
    case ValKind::Raw:
      return "the raw fields";
    case ValKind::Ops:
      return "the primitives";
    case ValKind::Split:
      return "the results of a split";
  }
  return "";
}

std::optional<Dim> jointBound(const std::optional<Dim>& a, const std::optional<Dim>& b) {
  if (!a || !b) return std::nullopt;
  const Dim difference = *a - *b;
  if (!difference.isConst()) return std::nullopt;
  return difference.value() >= 0 ? a : b;
}

void collectTensors(const Val& v, std::vector<TensorVal>& into) {
  if (v.isTensor()) into.push_back(v.tensor);
  if (v.is(ValKind::Tuple))
    for (const Val& item : *v.items) collectTensors(item, into);
  if (v.is(ValKind::Tree))
    for (const auto& [name, item] : *v.fields) collectTensors(item, into);
}

bool isLike(const Val& a, const Val& b) {
  if (a.is(ValKind::Tuple) != b.is(ValKind::Tuple) || a.is(ValKind::Tree) != b.is(ValKind::Tree)) return false;
  if (a.is(ValKind::Tuple))
    return std::equal(a.items->begin(), a.items->end(), b.items->begin(), b.items->end(), isLike);
  const auto sameField = [](const auto& x, const auto& y) { return x.first == y.first && isLike(x.second, y.second); };
  if (a.is(ValKind::Tree))
    return std::equal(a.fields->begin(), a.fields->end(), b.fields->begin(), b.fields->end(), sameField);
  return true;
}

Val replaceTensors(const Val& v, const std::vector<TensorVal>& with, size_t& next) {
  if (v.isTensor()) return Val::of(with.at(next++));
  if (v.is(ValKind::Tuple)) {
    std::vector<Val> items;
    for (const Val& item : *v.items) items.push_back(replaceTensors(item, with, next));
    return Val::tuple(std::move(items));
  }
  if (v.is(ValKind::Tree)) {
    Fields fields;
    for (const auto& [name, item] : *v.fields) fields.emplace_back(name, replaceTensors(item, with, next));
    return Val::tree(std::move(fields));
  }
  return v;
}

std::optional<bool> equalStatic(const Val& a, const Val& b) {
  const auto numeric = [](const Val& v) {
    return v.is(ValKind::Float) ? v.number : static_cast<double>(v.dim.value());
  };
  if (a.isNumber() && b.isNumber()) {
    if (a.is(ValKind::Int) && b.is(ValKind::Int)) {
      const Dim difference = a.dim - b.dim;
      return difference.isConst() ? std::optional(difference.value() == 0) : std::nullopt;
    }
    if ((a.is(ValKind::Int) && !a.dim.isConst()) || (b.is(ValKind::Int) && !b.dim.isConst())) return std::nullopt;
    return numeric(a) == numeric(b);
  }
  if (a.isTensor() || b.isTensor()) return std::nullopt;
  if (a.kind != b.kind) return false;
  switch (a.kind) {
    case ValKind::None:
      return true;
    case ValKind::Bool:
      return a.flag == b.flag;
    case ValKind::Str:
      return a.text == b.text;
    case ValKind::Instance:
      return a.instance == b.instance;
    case ValKind::Fn:
      if (a.fn->kind == FnVal::Kind::Arithmetic) return a.fn == b.fn;
      return a.fn->kind == b.fn->kind && a.fn->decl == b.fn->decl && a.fn->lambda == b.fn->lambda &&
             a.fn->builtin == b.fn->builtin && a.fn->op == b.fn->op && a.fn->dtype == b.fn->dtype;
    case ValKind::Tuple: {
      if (a.items->size() != b.items->size()) return false;
      for (size_t i = 0; i < a.items->size(); ++i)
        if (const auto same = equalStatic((*a.items)[i], (*b.items)[i]); !same || !*same) return same;
      return true;
    }
    default:
      return std::nullopt;
  }
}

}  // namespace nnc::elab
