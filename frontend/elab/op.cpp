// `op.<primitive>[attributes](operands)`: library code reaches every primitive of ops.def. Attributes are read from
// ops.def's own description: positional in its order or by name, axes may count from the end.
#include "frontend/elab/elaborator.h"

#include <fmt/format.h>

#include <algorithm>

#include "ir/infer.h"
#include "ir/op_schema.h"

namespace nnc::elab {

namespace {

bool isAxisName(const std::string& name) {
  return name == "axis" || name == "axes" || name == "perm";
}

}  // namespace

Val Elaborator::treeSum(const Val& v, const FnVal& f, Loc at) {
  std::vector<TensorVal> ts;
  collectTensors(asTree(v, at), ts);
  if (ts.empty()) return Val::real(0);
  Val total;
  for (size_t i = 0; i < ts.size(); ++i) {
    const Val part = applyPrimitive(f, {{"", Val::of(ts[i]), at}}, at);
    total = i ? binary(ast::BinaryOp::Add, total, part, at) : part;
  }
  return total;
}

/// Whether an operation has extents, sizes or strides for each of its axes, or an operand.
static bool hasCompanions(const std::vector<AttrSpec>& specs) {
  return std::ranges::any_of(specs, [](const AttrSpec& s) { return s.kind == AttrKind::Dims; }) ||
         std::ranges::any_of(specs, [](const AttrSpec& s) { return s.name == "size" || s.name == "sizes"; });
}

/// The new axes of a broadcast in their order, each with its extent.
static void sortNewAxes(Attrs& attrs) {
  if (!attrs.has("axes") || !attrs.has("extents") || attrs.ints("axes").size() != attrs.dims("extents").size()) return;
  std::vector<std::pair<int64_t, Dim>> added;
  for (size_t i = 0; i < attrs.ints("axes").size(); ++i)
    added.emplace_back(attrs.ints("axes")[i], attrs.dims("extents")[i]);
  std::ranges::sort(added, {}, [](const auto& a) { return a.first; });
  std::vector<int64_t> axes;
  std::vector<Dim> extents;
  for (auto& [axis, extent] : added) {
    axes.push_back(axis);
    extents.push_back(std::move(extent));
  }
  attrs.set("axes", std::move(axes));
  attrs.set("extents", std::move(extents));
}

Val Elaborator::applyPrimitive(const FnVal& f, const std::vector<ArgVal>& args, Loc at) {
  const OpInfo& info = opInfo(f.op);
  if (info.inputs >= 0 && static_cast<int>(args.size()) != info.inputs)
    fail(DiagCode::WrongArguments, at,
         fmt::format("`{}` takes {} operand{}, not {}", f.name(), info.inputs, info.inputs == 1 ? "" : "s",
                     args.size()));
  if (f.op == Op::Rand) {
    if (!args.empty())
      fail(DiagCode::WrongArguments, at, "`op.rand` takes no operand: its shape stands in the brackets");
    return applyRand(f, at);
  }
  std::vector<Val> vals;
  for (const ArgVal& a : args) vals.push_back(a.val);
  if (isElementwise(f.op) && f.op != Op::Cast && !f.statics.empty())
    fail(DiagCode::WrongArguments, f.statics[0].at, fmt::format("`{}` has no attributes", f.name()));
  if (isElementwise(f.op) && f.op != Op::Cast) return elementwise(f.op, vals, {}, at, info.text);
  const bool tree =
      !vals.empty() && (vals[0].is(ValKind::Instance) || vals[0].is(ValKind::Tree) || vals[0].is(ValKind::Tuple));
  if (f.op == Op::Sum && tree) return treeSum(vals[0], f, at);

  std::vector<TensorVal> ts;
  std::vector<Value> in;
  std::vector<Type> types;
  for (size_t i = 0; i < args.size(); ++i) {
    ts.push_back(asTensor(vals[i], args[i].at, f.name().c_str()));
    in.push_back(ts.back().value);
    types.push_back(ts.back().type);
  }
  const int64_t rank = ts.empty() ? 0 : ts[0].type.rank();
  Attrs attrs;
  const std::vector<AttrSpec>& specs = attrSpecs(f.op);
  size_t position = 0;
  std::set<std::string> given;
  for (const StaticArg& s : f.statics) {
    const AttrSpec* spec = nullptr;
    if (s.name.empty()) {
      if (position < specs.size()) spec = &specs[position++];
    } else {
      for (const AttrSpec& candidate : specs)
        if (candidate.name == s.name) spec = &candidate;
    }
    if (!spec || s.expr) {
      std::vector<std::string> names;
      for (const AttrSpec& candidate : specs) names.push_back(candidate.name);
      if (s.name.empty())
        fail(DiagCode::WrongArguments, s.at, fmt::format("`{}` takes at most {} attributes", f.name(), specs.size()));
      failUnknown(DiagCode::UnknownOption, s.at, fmt::format("attribute of `{}` called", f.name()), s.name, names);
    }
    if (!given.insert(spec->name).second)
      fail(DiagCode::WrongArguments, s.at, fmt::format("`{}` is given twice", spec->name));
    if (s.value.is(ValKind::None)) continue;
    const char* what = spec->name.c_str();
    // Axes of broadcast and window count in the result, which has one more for each new axis.
    const int64_t axisRank = f.op == Op::Broadcast ? rank + static_cast<int64_t>(listOf(s.value).size()) : rank;
    const auto axis = [&](int64_t a) {
      if (!isAxisName(spec->name)) return a;
      if (!ts.empty() && (a < -axisRank || a >= axisRank))
        fail(DiagCode::BadOperation, s.at, fmt::format("`{}` has no axis {} in {}", f.name(), a, types[0].str()));
      return a < 0 ? a + axisRank : a;
    };
    switch (spec->kind) {
      case AttrKind::Int:
        attrs.set(spec->name, axis(asConst(s.value, s.at, what)));
        break;
      case AttrKind::Float:
        attrs.set(spec->name, asNumber(s.value, s.at, what));
        break;
      case AttrKind::Bool:
        attrs.set(spec->name, asBool(s.value, s.at, what));
        break;
      case AttrKind::String:
        if (!s.value.is(ValKind::Str)) fail(DiagCode::WrongKind, s.at, fmt::format("`{}` is a text", spec->name));
        attrs.set(spec->name, s.value.text);
        break;
      case AttrKind::DType:
        if (!s.value.is(ValKind::Fn) || s.value.fn->kind != FnVal::Kind::Cast)
          fail(DiagCode::WrongKind, s.at, fmt::format("`{}` is an element type", spec->name));
        attrs.set(spec->name, s.value.fn->dtype);
        break;
      case AttrKind::Dim:
        attrs.set(spec->name, asDim(s.value, s.at, what));
        break;
      case AttrKind::Ints: {
        std::vector<int64_t> list;
        for (const Val& v : listOf(s.value)) list.push_back(axis(asConst(v, s.at, what)));
        if (spec->name == "axes" && f.op != Op::Broadcast) {
          // What belongs to each of several axes goes by their order.
          if (hasCompanions(specs) && !std::ranges::is_sorted(list))
            fail(DiagCode::BadOperation, s.at, fmt::format("`{}` takes its axes in ascending order", f.name()));
          std::sort(list.begin(), list.end());
        }
        attrs.set(spec->name, std::move(list));
        break;
      }
      case AttrKind::Dims: {
        std::vector<Dim> list;
        for (const Val& v : listOf(s.value)) list.push_back(asDim(v, s.at, what));
        attrs.set(spec->name, std::move(list));
        break;
      }
      default:
        fail(DiagCode::BadOperation, s.at,
             fmt::format("the attribute `{}` cannot be given in the language", spec->name));
    }
  }
  if (f.op == Op::Broadcast) sortNewAxes(attrs);
  if (f.op == Op::Sum && !attrs.has("axes")) {
    std::vector<int64_t> all;
    for (int64_t i = 0; i < rank; ++i) all.push_back(i);
    attrs.set("axes", std::move(all));
  }
  if (std::string missing = attrsError(f.op, normalizedAttrs(f.op, attrs)); !missing.empty())
    fail(DiagCode::BadOperation, at, missing);
  if (const Inferred inferred = inferTypes(f.op, types, normalizedAttrs(f.op, attrs)); !inferred) {
    Diagnostic& d = error(DiagCode::BadOperation, at, inferred.error);
    if (!ts.empty())
      d.note(fmt::format("the operand{} {}", ts.size() > 1 ? "s are" : " is", [&] {
        std::vector<std::string> names;
        for (const Type& t : types) names.push_back(t.str());
        return fmt::format("{}", fmt::join(names, ", "));
      }()));
    throw Reported{};
  }
  place(at);
  const std::vector<Value> results = b().makeMulti(f.op, in, attrs);
  // Of an empty result every mean is a NaN.
  const auto isEmpty = [](const Type& t) {
    return std::ranges::any_of(t.shape, [](const Dim& d) { return d.isConst() && d.value() < 1; });
  };
  if ((f.op == Op::Window || f.op == Op::Conv) && std::ranges::none_of(types, isEmpty) && isEmpty(b().type(results[0])))
    fail(DiagCode::BadOperation, at,
         fmt::format("the windows of `{}` do not fit {}: the result would be {}", f.name(), types[0].str(),
                     b().type(results[0]).str()));
  std::vector<Val> out;
  for (Value r : results) {
    TensorVal t = wrap(r);
    // Written ones stay where the axis is the same; bounds of indices stay where values only move.
    if (f.op == Op::Broadcast) {
      const std::vector<int64_t>& axes = attrs.ints("axes");
      size_t k = 0;
      for (int i = 0; i < t.type.rank(); ++i) {
        const bool added = std::find(axes.begin(), axes.end(), i) != axes.end();
        t.unit[i] = added ? t.type.shape[i] == Dim(1) : ts[0].unit[k++];
      }
    } else if (!ts.empty() && t.type.rank() == ts[0].type.rank() && f.op != Op::Transpose &&
               info.cls != OpClass::Contract) {
      for (int i = 0; i < t.type.rank(); ++i) t.unit[i] = ts[0].unit[i] && t.type.shape[i] == ts[0].type.shape[i];
    }
    const bool moves = info.cls == OpClass::View && f.op != Op::Pad && f.op != Op::Concat;
    if (!ts.empty() && (moves || f.op == Op::Gather || f.op == Op::DSlice)) t.bound = ts[0].bound;
    if (f.op == Op::ArgMax) t.bound = ts[0].type.shape[attrs.integer("axis")];
    out.push_back(Val::of(t));
  }
  return out.size() == 1 ? out[0] : Val::tuple(std::move(out));
}

}  // namespace nnc::elab
