// Names and fields: what they stand for.
#include "frontend/elab/elaborator.h"
#include "frontend/elab/foreign_names.h"

#include <fmt/format.h>

#include <cctype>

namespace nnc::elab {

Val Elaborator::builtinName(const std::string& name, Loc at, bool& found) {
  found = true;
  if (name == "none") return Val::none();
  if (name == "op") return Val::ofKind(ValKind::Ops);
  if (name == "training") return Val::boolean(ctx_.training);
  if (name == "raw" && rawData_) {
    Val v = Val::ofKind(ValKind::Raw);
    v.data = rawData_;
    return v;
  }
  if (const auto dtype = dtypeFromName(name)) {
    FnVal f;
    f.kind = FnVal::Kind::Cast;
    f.dtype = *dtype;
    return Val::function(std::move(f));
  }
#define BUILTIN(Enum, spelled, option)  \
  if (name == spelled) {                \
    FnVal f;                            \
    f.kind = FnVal::Kind::Builtin;      \
    f.builtin = Builtin::Enum;          \
    f.staticsEnv = ctx_.scope;          \
    return Val::function(std::move(f)); \
  }
#include "frontend/elab/builtins.def"
#undef BUILTIN
  // Of a train block: the rows of this step, and what the host sets before each step.
  if (entry_ && !entry_->train.empty() && initPath_.empty()) {
    if (name == "batch") return Val::integer(Dim::symbol("batch"));
    if (name == "step" || name == "steps" || name == "epoch") {
      place(at);
      return Val::of(wrap(scalarLeaf(name, DType::I64, name == "steps" ? 1 : 0)));
    }
    if (name == "valid") {
      Val v = Val::ofKind(ValKind::Split);
      v.text = "valid";
      return v;
    }
  }
  found = false;
  return Val::error();
}

Val Elaborator::evalName(const ast::Name& e) {
  Binding* binding = ctx_.scope->find(e.text);
  if (!binding) {
    bool found = false;
    Val v = builtinName(e.text, e.loc, found);
    if (found) return v;
    if (const std::string help = foreignNameHelp(e.text); !help.empty()) {
      error(DiagCode::UnknownName, e.loc, fmt::format("there is no name `{}`", e.text)).help(help);
      throw Reported{};
    }
    std::vector<std::string> names;
    ctx_.scope->allNames(names);
#define BUILTIN(Enum, spelled, option) names.push_back(spelled);
#include "frontend/elab/builtins.def"
#undef BUILTIN
    failUnknown(DiagCode::UnknownName, e.loc, "name", e.text, names);
  }
  switch (binding->kind) {
    case Binding::Kind::Lazy:
      return forceLazy(*binding, e.text, ctx_.scope);
    case Binding::Kind::Var:
      return readCell(binding->var, e.loc);
    case Binding::Kind::State:
      return readTree(binding->state, e.loc);
    case Binding::Kind::Field:
      return fieldInTrain(*binding->val.fn->field, e.loc);
    case Binding::Kind::Value:
      break;
  }
  if (!binding->hyper.empty()) hypersUsed_.insert(binding->hyper);
  if (binding->val.is(ValKind::Error)) throw Reported{};
  return binding->val;
}

Val Elaborator::fieldOf(const Val& base, const ast::Ident& name, Loc at) {
  switch (base.kind) {
    case ValKind::Error:
      throw Reported{};
    case ValKind::Ops:
      if (const auto op = opFromName(name.text); op && opInfo(*op).cls != OpClass::Control &&
                                                 opInfo(*op).cls != OpClass::Pseudo && *op != Op::Leaf &&
                                                 *op != Op::Arg) {
        FnVal f;
        f.kind = FnVal::Kind::Primitive;
        f.op = *op;
        return Val::function(std::move(f));
      } else {
        std::vector<std::string> names;
#define OP(Enum, text, ...) names.push_back(#text);
#include "ir/ops.def"
#undef OP
        failUnknown(DiagCode::UnknownName, name.loc, "primitive", name.text, names);
      }
    case ValKind::Instance: {
      adoptParts(base.instance, at);
      if (Instance::Member* m = base.instance->find(name.text))
        return m->child ? Val::of(m->child) : readCell(m->param, at);
      if (auto it = base.instance->states.find(name.text); it != base.instance->states.end())
        return readTree(it->second, at);
      // `h.3` is one member; `h` alone is the tuple of h.0, h.1, …
      std::vector<Val> rounds;
      for (size_t i = 0; Instance::Member* m = base.instance->find(fmt::format("{}.{}", name.text, i)); ++i)
        rounds.push_back(Val::of(m->child));
      if (!rounds.empty()) return Val::tuple(std::move(rounds));
      std::vector<std::string> names;
      for (const auto& m : base.instance->members) names.push_back(m.name);
      // What failed before may have been the application that makes the parts.
      if (names.empty() && diagnostics_.hasErrors()) throw Reported{};
      Diagnostic& d =
          error(DiagCode::NoSuchPart, name.loc, fmt::format("`{}` has no part `{}`", base.instance->path, name.text));
      if (names.empty())
        d.note("its parts are made where it is applied first, which must stand before this line")
            .help(fmt::format("where nothing else applies it, `let _ = {}(…)` does", base.instance->path));
      if (const std::string near = nearestName(name.text, names); !near.empty())
        d.help(fmt::format("did you mean `{}`?", near));
      throw Reported{};
    }
    case ValKind::Tree: {
      std::vector<std::string> names;
      for (const auto& [n, v] : *base.fields) {
        if (n == name.text) return v;
        names.push_back(n);
      }
      failUnknown(DiagCode::NoSuchPart, name.loc, "part", name.text, names);
    }
    case ValKind::Tuple: {
      size_t i = base.items->size();
      if (!name.text.empty() && std::isdigit(static_cast<unsigned char>(name.text[0])))
        i = std::stoul(name.text.substr(0, 9));
      if (i >= base.items->size())
        fail(DiagCode::BadIndex, name.loc,
             fmt::format("a tuple of {} has no element `{}`", base.items->size(), name.text));
      return (*base.items)[i];
    }
    case ValKind::File: {
      if (auto it = base.scope->names.find(name.text); it != base.scope->names.end()) {
        if (it->second.kind == Binding::Kind::Lazy) return forceLazy(it->second, name.text, base.scope);
        if (!it->second.hyper.empty()) hypersUsed_.insert(it->second.hyper);
        return it->second.val;
      }
      std::vector<std::string> names;
      for (const auto& [n, binding] : base.scope->names) names.push_back(n);
      failUnknown(DiagCode::UnknownName, name.loc, "name", name.text, names);
    }
    case ValKind::Raw:
      return rawField(*base.data, name.text, at);
    case ValKind::Data: {
      std::vector<std::string> names;
      for (DataFieldInfo& f : base.data->fields) {
        if (f.name == name.text) {
          FnVal fn;
          fn.kind = FnVal::Kind::Field;
          fn.field = &f;
          return Val::function(std::move(fn));
        }
        names.push_back(f.name);
      }
      failUnknown(DiagCode::UnknownData, name.loc, "field", name.text, names);
    }
    case ValKind::Split:
      validReads_.emplace_back(fmt::format("{}.{}", base.text, name.text), name.loc);
      place(at);
      return Val::of(wrap(scalarLeaf(fmt::format("{}.{}", base.text, name.text), DType::F32, 0)));
    default: {
      Diagnostic& d = error(DiagCode::WrongKind, at, fmt::format("{} has no fields", describe(base)));
      bool known = ctx_.scope->find(name.text) != nullptr;
      if (!known) builtinName(name.text, at, known);
      if (const std::string help = foreignNameHelp(name.text); !help.empty())
        d.help(help);
      else if (known)
        d.help(fmt::format("a function is applied: `{0}(x)`, or `x |> {0}`", name.text));
      throw Reported{};
    }
  }
}

Val Elaborator::evalField(const ast::Field& e) {
  if (isPattern(e)) return evalPattern(e);
  return fieldOf(evalExpecting(*e.base, nullptr), e.name, e.loc);
}

}  // namespace nnc::elab
