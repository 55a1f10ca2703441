// The built-in functions of builtins.def but view and dot (shapemap.cpp).
#include "frontend/elab/elaborator.h"

#include <fmt/format.h>

#include <algorithm>

namespace nnc::elab {

Val Elaborator::applyBuiltin(const FnVal& f, std::vector<ArgVal> args, Loc at) {
  const auto need = [&](size_t lo, size_t hi) {
    if (args.size() < lo || args.size() > hi)
      fail(DiagCode::WrongArguments, at,
           fmt::format("`{}` takes {} argument{}, not {}", f.name(),
                       lo == hi          ? std::to_string(lo)
                       : hi == INT32_MAX ? fmt::format("{} or more", lo)
                                         : fmt::format("{} to {}", lo, hi),
                       hi == 1 ? "" : "s", args.size()));
  };
  switch (f.builtin) {
    case Builtin::View:
      return view(f, args, at);
    case Builtin::Dot:
      return dot(f, args, at);
    case Builtin::Grad:
      need(2, 2);
      return gradOf(args, at);
    case Builtin::Stack:
      return stack(f, args, at);
    case Builtin::Concat:
      return concat(f, args, at);
    case Builtin::Put:
      need(3, 3);
      return put(f, args, at);
    case Builtin::Iota:
      need(1, 1);
      return iota(args, at);
    case Builtin::Clamp:
      need(2, 2);
      return clamp(args, at);
    case Builtin::Count:
      need(1, 1);
      return countOf(f, args, at);
    case Builtin::Sort:
      need(1, 1);
      return sortOf(f, args, at);
    case Builtin::Copy: {
      need(1, 1);
      if (!args[0].val.is(ValKind::Instance))
        fail(DiagCode::WrongKind, args[0].at, fmt::format("`copy` takes an instance, not {}", describe(args[0].val)));
      if (ctx_.owner && !ctx_.owner->mayHaveParameters) {
        error(DiagCode::NoOwner, at, "a copy has parameters of its own, which an export does not own")
            .help("what is computed from an instance is applied as one: `let fast = net - 0.1 * g` and `fast(x)`");
        throw Reported{};
      }
      instances_.emplace_back();
      instances_.back().source = args[0].val.instance;
      instances_.back().layer = args[0].val.instance->layer;
      return Val::of(&instances_.back());
    }
    case Builtin::Leafwise: {
      need(1, INT32_MAX);
      if (f.statics.size() != 1 || !f.statics[0].value.is(ValKind::Fn))
        fail(DiagCode::WrongArguments, at, "`leafwise[f](a, b, …)` takes a function of a leaf of each");
      std::vector<Val> trees;
      for (const ArgVal& a : args) trees.push_back(a.val);
      return leafwise(trees, at, [&](const std::vector<Val>& leaves) {
        std::vector<ArgVal> given;
        for (size_t i = 0; i < leaves.size(); ++i) given.push_back({"", leaves[i], args[i].at});
        return apply(f.statics[0].value, std::move(given), at, nullptr);
      });
    }
    case Builtin::WithStates:
      need(2, 2);
      return withStates(args, at);
    case Builtin::ShapeOf: {
      need(1, 1);
      const TensorVal x = asTensor(args[0].val, args[0].at, "`shape`");
      std::vector<Val> dims;
      for (size_t i = 0; i < x.type.shape.size(); ++i) dims.push_back(Val::integer(x.type.shape[i], x.unit[i]));
      return Val::tuple(std::move(dims));
    }
    case Builtin::Rank: {
      need(1, 1);
      const Val& v = args[0].val;
      if (v.is(ValKind::Tuple)) return Val::integer(static_cast<int64_t>(v.items->size()));
      if (v.isTensor()) return Val::integer(v.tensor.type.rank());
      if (v.isNumber() || v.is(ValKind::Bool)) return Val::integer(0);
      fail(DiagCode::WrongKind, args[0].at, fmt::format("`rank` takes a tensor or a tuple, not {}", describe(v)));
    }
    case Builtin::IsTuple:
      need(1, 1);
      return Val::boolean(args[0].val.is(ValKind::Tuple));
    case Builtin::IsInstance:
      need(1, 1);
      return Val::boolean(args[0].val.is(ValKind::Instance) || args[0].val.is(ValKind::Tree));
    case Builtin::IsFloat: {
      need(1, 1);
      if (args[0].val.is(ValKind::Float)) return Val::boolean(true);
      std::vector<TensorVal> tensors;
      collectTensors(asTree(args[0].val, at), tensors);
      return Val::boolean(!tensors.empty() && std::all_of(tensors.begin(), tensors.end(),
                                                          [](const TensorVal& t) { return isFloat(t.type.dtype); }));
    }
    case Builtin::MeanOf:
      need(1, 1);
      return statistic("mean", args[0], at);
    case Builtin::DeviationOf:
      need(1, 1);
      return statistic("deviation", args[0], at);
    case Builtin::MinOf:
      need(1, 1);
      return statistic("min", args[0], at);
    case Builtin::MaxOf:
      need(1, 1);
      return statistic("max", args[0], at);
    case Builtin::ToInt: {
      need(1, 1);
      if (args[0].val.is(ValKind::Int)) return args[0].val;
      const double x = asNumber(args[0].val, args[0].at, "the argument of `int`");
      if (!(std::abs(x) < 0x1p63))
        fail(DiagCode::NumberDoesNotFit, args[0].at, fmt::format("{} has no whole part of 64 bits", x));
      return Val::integer(static_cast<int64_t>(x));
    }
    case Builtin::ToFloat:
      need(1, 1);
      return Val::real(asNumber(args[0].val, args[0].at, "the argument of `float`"));
  }
  return Val::error();
}

/// What has no states (a tensor, a tree without) gives none, so that the library need not ask what it averages.
Val Elaborator::withStates(const std::vector<ArgVal>& args, Loc at) {
  Val p = args[0].val;
  const Val& from = args[1].val;
  if (p.is(ValKind::Tuple) && from.is(ValKind::Tuple) && p.items->size() == from.items->size()) {
    std::vector<Val> items;
    for (size_t i = 0; i < p.items->size(); ++i)
      items.push_back(withStates({{"", (*p.items)[i], args[0].at}, {"", (*from.items)[i], args[1].at}}, at));
    return Val::tuple(std::move(items));
  }
  if (p.is(ValKind::Instance)) p = instanceTree(p.instance, args[0].at);
  if (!p.is(ValKind::Tree)) return p;
  if (from.is(ValKind::Instance)) p.states = statesTree(from.instance, args[1].at).fields;
  if (from.is(ValKind::Tree)) p.states = from.states;
  return p;
}

Val Elaborator::applyCast(const FnVal& f, const std::vector<ArgVal>& args, Loc at) {
  if (args.size() != 1)
    fail(DiagCode::WrongArguments, at, fmt::format("`{}` converts one value, not {}", f.name(), args.size()));
  return leafwise({args[0].val}, at, [&](const std::vector<Val>& v) -> Val {
    if (v[0].isTensor()) return Val::of(cast(v[0].tensor, f.dtype, at));
    if (v[0].is(ValKind::Bool)) return Val::of(cast(materialise(v[0], DType::Bool, at), f.dtype, at));
    if (v[0].isNumber()) return Val::of(materialise(v[0], f.dtype, at));
    return Val::of(cast(asTensor(v[0], args[0].at, f.name().c_str()), f.dtype, at));
  });
}

// ---- Putting together and taking apart
// -------------------------------------------------------------------------------

std::vector<int64_t> Elaborator::axesArg(const FnVal& f, int rank, Loc at, bool allByDefault) {
  std::vector<int64_t> axes;
  const auto add = [&](const Val& v) {
    int64_t a = asConst(v, at, "an axis");
    if (a < -rank || a >= rank)
      fail(DiagCode::BadIndex, at, fmt::format("`{}` has no axis {} in {} axes", f.name(), a, rank));
    axes.push_back(a < 0 ? a + rank : a);
  };
  const StaticArg* s = f.statics.empty() ? nullptr : &f.statics[0];
  if (!s || s->value.is(ValKind::None)) {
    if (allByDefault)
      for (int i = 0; i < rank; ++i) axes.push_back(i);
    else
      axes.push_back(0);
  } else if (s->value.is(ValKind::Tuple)) {
    for (const Val& v : *s->value.items) add(v);
  } else {
    add(s->value);
  }
  std::sort(axes.begin(), axes.end());
  axes.erase(std::unique(axes.begin(), axes.end()), axes.end());
  return axes;
}

int64_t Elaborator::axisArg(const FnVal& f, int rank, Loc at, int64_t byDefault) {
  if (f.statics.empty() || f.statics[0].value.is(ValKind::None)) return byDefault;
  const std::vector<int64_t> axes = axesArg(f, rank, at, false);
  if (axes.size() != 1) fail(DiagCode::BadIndex, at, fmt::format("`{}` takes one axis, not {}", f.name(), axes.size()));
  return axes[0];
}

Val Elaborator::stackValues(const std::vector<Val>& values, int64_t axis, Loc at) {
  return leafwise(values, at, [&](const std::vector<Val>& leaves) -> Val {
    std::vector<TensorVal> ts = unifyOperands(leaves, at, "stack");
    const int64_t rank = ts[0].type.rank() + 1, k = axis < 0 ? axis + rank : axis;
    if (k < 0 || k >= rank) fail(DiagCode::BadIndex, at, fmt::format("`stack` has no axis {} in {} axes", axis, rank));
    std::vector<Value> in;
    std::optional<Dim> bound = ts[0].bound;
    place(at);
    for (const TensorVal& t : ts) {
      Shape shape = t.type.shape;
      shape.insert(shape.begin() + k, 1);
      in.push_back(b().reshape(t.value, shape));
      bound = jointBound(bound, t.bound);
    }
    const Value v = in.size() == 1 ? in[0] : makeNode(Op::Concat, in, {{"axis", k}}, at);
    return Val::of(wrap(v, {}, bound));
  });
}

Val Elaborator::stack(const FnVal& f, const std::vector<ArgVal>& args, Loc at) {
  std::vector<Val> values;
  for (const ArgVal& a : args) values.push_back(a.val);
  if (values.size() == 1 && values[0].is(ValKind::Tuple)) values = *values[0].items;
  if (values.empty()) fail(DiagCode::WrongArguments, at, "`stack` needs at least one tensor");
  const int64_t axis = f.statics.empty() ? 0 : asConst(f.statics[0].value, at, "an axis");
  return stackValues(values, axis, at);
}

Val Elaborator::concat(const FnVal& f, const std::vector<ArgVal>& args, Loc at) {
  std::vector<Val> values;
  for (const ArgVal& a : args) values.push_back(a.val);
  if (values.size() == 1 && values[0].is(ValKind::Tuple)) values = *values[0].items;
  if (values.empty()) fail(DiagCode::WrongArguments, at, "`concat` needs at least one tensor");
  std::vector<Value> in;
  std::optional<TensorVal> first;
  std::optional<Dim> bound;
  int64_t axis = 0;
  for (const Val& v : values) {
    const TensorVal t = asTensor(v, at, "`concat`");
    if (!first) {
      first = t;
      bound = t.bound;
      axis = axisArg(f, t.type.rank(), at, 0);
    }
    if (t.type.dtype != first->type.dtype)
      fail(DiagCode::DTypeMismatch, at,
           fmt::format("`concat` of {} and {}: element types do not mix", first->type.str(), t.type.str()));
    bool fits = t.type.rank() == first->type.rank();
    for (int i = 0; fits && i < t.type.rank(); ++i) fits = i == axis || t.type.shape[i] == first->type.shape[i];
    if (!fits)
      fail(DiagCode::AxisMismatch, at,
           fmt::format("`concat` along axis {} of {} and {}: the other axes must agree", axis, first->type.str(),
                       t.type.str()));
    in.push_back(t.value);
    bound = jointBound(bound, t.bound);
  }
  return Val::of(in.size() == 1 ? *first : wrap(makeNode(Op::Concat, in, {{"axis", axis}}, at), {}, bound));
}

namespace {

/// The start of `start + iota(n)` or of `iota(n)`, if that is how the value was built.
struct Contiguous {
  bool is = false;
  Value start;  // empty: `number`
  int64_t number = 0;
};
Contiguous contiguous(const Graph& g, Value v) {
  const auto unwrap = [&](Value x) {
    // Casts that keep every position: not those that wrap, cut or come from flags.
    const auto isWide = [&](Value y) { return isInteger(g.type(y).dtype) && dtypeSize(g.type(y).dtype) >= 4; };
    while (g.node(x).op == Op::Cast && isWide(x) && isWide(g.node(x).in[0])) x = g.node(x).in[0];
    return x;
  };
  const auto isIota = [&](Value x) { return g.node(unwrap(x)).op == Op::Iota; };
  const auto scalarOf = [&](Value x) -> Value {
    x = unwrap(x);
    if (g.node(x).op == Op::Broadcast && g.type(g.node(x).in[0]).rank() == 0) return g.node(x).in[0];
    return {};
  };
  v = unwrap(v);
  if (g.node(v).op == Op::Iota) return {true, {}, 0};
  if (g.node(v).op != Op::Add) return {};
  const Value a = g.node(v).in[0], c = g.node(v).in[1];
  for (const auto& [index, start] : {std::pair(a, c), std::pair(c, a)}) {
    if (!isIota(index)) continue;
    const Node& n = g.node(unwrap(start));
    if (n.op == Op::Const && n.attrs.literal("value").size() == 1) return {true, {}, n.attrs.literal("value").asInt(0)};
    if (const Value scalar = scalarOf(start)) return {true, scalar, 0};
  }
  return {};
}

}  // namespace

Val Elaborator::put(const FnVal& f, const std::vector<ArgVal>& args, Loc at) {
  const TensorVal x = asTensor(args[0].val, args[0].at, "`put`");
  if (x.type.rank() == 0) fail(DiagCode::RankMismatch, args[0].at, "`put` needs an axis");
  const int64_t axis = axisArg(f, x.type.rank(), at, 0);
  Val position = args[1].val;
  if (position.is(ValKind::Int) && x.type.rank() > 0) {
    const Dim extent = x.type.shape[axis], k = position.dim;
    position = Val::integer(k.isConst() && k.value() < 0 ? extent + k : k);
    if (!require(0, position.dim) || !require(position.dim + Dim(1), extent))
      fail(DiagCode::BadIndex, args[1].at, fmt::format("axis {} of {} has no element {}", axis, x.type.str(), k.str()));
  }
  const TensorVal i = asTensor(position, args[1].at, "`put`");
  if (!isInteger(i.type.dtype) || i.type.rank() > 1)
    fail(DiagCode::DTypeMismatch, args[1].at,
         fmt::format("`put` takes an index or a vector of indices, not {}", i.type.str()));
  Shape want = x.type.shape;
  if (i.type.rank() == 0)
    want.erase(want.begin() + axis);
  else
    want[axis] = i.type.shape[0];
  TensorVal u =
      args[2].val.isNumber() ? materialise(args[2].val, x.type.dtype, at) : asTensor(args[2].val, args[2].at, "`put`");
  if (u.type.rank() == 0 && !want.empty()) {
    place(at);
    u = wrap(b().fill(u.value, want), {}, u.bound);
  }
  if (u.type.shape != want || u.type.dtype != x.type.dtype) {
    const Type need{x.type.dtype, want};
    fail(DiagCode::AxisMismatch, args[2].at,
         fmt::format("`put` writes {} here, and this is {}", need.str(), u.type.str()));
  }
  const std::optional<Dim> bound = jointBound(x.bound, u.bound);
  requireReach(i, x.type.shape[axis]);
  place(at);
  Value start, block = u.value;
  if (i.type.rank() == 0) {
    start = i.value;
    Shape one = x.type.shape;
    one[axis] = 1;
    block = b().reshape(block, one);
  } else if (const Contiguous c = contiguous(frame_->graph, i.value); c.is) {
    start = c.start ? c.start : b().constant(static_cast<double>(c.number), Type{DType::I32, {}});
  } else {
    return Val::of(wrap(makeNode(Op::Scatter, {x.value, i.value, u.value},
                                 {{"axis", axis}, {"batch", int64_t{0}}, {"mode", std::string("set")}}, at),
                        x.unit, bound));
  }
  return Val::of(
      wrap(makeNode(Op::DUpdate, {x.value, block, start}, {{"axes", std::vector<int64_t>{axis}}}, at), x.unit, bound));
}

// ---- Indices, shapes, counts
// -----------------------------------------------------------------------------------------

Val Elaborator::iota(const std::vector<ArgVal>& args, Loc at) {
  const Dim n = asDim(args[0].val, args[0].at, "the length of `iota`");
  const Type type{DType::I32, {n}};
  return Val::of(wrap(makeNode(Op::Iota, {}, {{"type", type}, {"axis", int64_t{0}}}, at), {}, n));
}

Val Elaborator::clamp(const std::vector<ArgVal>& args, Loc at) {
  TensorVal i = asTensor(args[0].val, args[0].at, "`clamp`");
  if (!isInteger(i.type.dtype))
    fail(DiagCode::DTypeMismatch, args[0].at, fmt::format("`clamp` takes integers, not {}", i.type.str()));
  const Dim n = asDim(args[1].val, args[1].at, "the bound of `clamp`");
  if (n.isConst() && n.value() < 1)
    fail(DiagCode::BadIndex, args[1].at, fmt::format("there is no index of 0 .. {}", n.value() - 1));
  if (dtypeSize(i.type.dtype) < 4) i = cast(i, DType::I32, at);  // below it is negated
  const Val low = elementwise(Op::Max, {Val::of(i), Val::integer(0)}, {}, at, "clamp");
  const Val below = negate(elementwise(Op::Max, {negate(low, at), Val::integer(Dim(1) - n)}, {}, at, "clamp"), at);
  TensorVal r = below.tensor;
  r.bound = n;
  return Val::of(r);
}

Val Elaborator::countOf(const FnVal& f, const std::vector<ArgVal>& args, Loc at) {
  const Val v = asTree(args[0].val, at);
  std::vector<TensorVal> ts;
  collectTensors(v, ts);
  if (v.isNumber() || v.is(ValKind::Bool)) return Val::integer(1);
  Dim n = 0;
  for (const TensorVal& t : ts) {
    Dim product = 1;
    for (int64_t axis : axesArg(f, t.type.rank(), at, true)) product = product * t.type.shape[axis];
    n = n + product;
  }
  return Val::integer(n);
}

Val Elaborator::sortOf(const FnVal& f, const std::vector<ArgVal>& args, Loc at) {
  const TensorVal x = asTensor(args[0].val, args[0].at, "`sort`");
  if (x.type.rank() == 0) fail(DiagCode::RankMismatch, at, "`sort` needs an axis");
  if (x.type.dtype == DType::Bool) fail(DiagCode::DTypeMismatch, args[0].at, "`sort` compares numbers, not bools");
  const int64_t axis = axisArg(f, x.type.rank(), at, x.type.rank() - 1);
  place(at);
  const std::vector<Value> r = b().makeMulti(Op::Sort, {x.value}, {{"axis", axis}});
  return Val::tuple({Val::of(wrap(r[0], x.unit, x.bound)), Val::of(wrap(r[1], x.unit, x.type.shape[axis]))});
}

}  // namespace nnc::elab
