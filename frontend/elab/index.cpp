// Indexing: x[0], x[-1], x[a..b], x[:, t], x[i] with an index of the run, w[tokens] with a tensor of indices.
#include "frontend/elab/elaborator.h"

#include <fmt/format.h>

#include <algorithm>

namespace nnc::elab {

TensorVal Elaborator::sliceAxis(const TensorVal& x, int axis, const Dim& lo, const Dim& hi, Loc at) {
  const Shape& shape = x.type.shape;
  if (lo == Dim(0) && hi == shape[axis]) return x;
  std::vector<Dim> los(shape.size(), 0), his(shape);
  los[axis] = lo;
  his[axis] = hi;
  std::vector<bool> unit = x.unit;
  unit[axis] = false;
  const Value v = makeNode(Op::Slice, {use(x, at)},
                           {{"lo", los}, {"hi", his}, {"stride", std::vector<int64_t>(shape.size(), 1)}}, at);
  return wrap(v, unit, x.bound);
}

TensorVal Elaborator::dropAxis(const TensorVal& x, int axis, Loc at) {
  Shape shape = x.type.shape;
  std::vector<bool> unit = x.unit;
  shape.erase(shape.begin() + axis);
  unit.erase(unit.begin() + axis);
  place(at);
  return wrap(b().reshape(use(x, at), shape), unit, x.bound);
}

Val Elaborator::index(const Val& base, const ast::Bracket& e) {
  for (const ast::Arg& a : e.args)
    if (a.name) fail(DiagCode::UnknownOption, a.name.loc, "an index has no name: axes are counted by their commas");
  if (base.isTensor()) return Val::of(indexTensor(base.tensor, e));
  const std::vector<Val>& items = *base.items;
  if (e.args.size() != 1) fail(DiagCode::BadIndex, e.loc, "a tuple takes one index");
  const ast::Expr& a = *e.args[0].value;
  const auto n = static_cast<int64_t>(items.size());
  const auto position = [&](const ast::Expr& x) {
    const int64_t i = asConst(eval(x), x.loc, "the index of a tuple");
    return i < 0 ? i + n : i;
  };
  if (const auto* range = a.tryAs<ast::Range>()) {
    const int64_t lo = range->lo ? position(*range->lo) : 0, hi = range->hi ? position(*range->hi) : n;
    if (lo < 0 || hi > n || lo > hi)
      fail(DiagCode::BadIndex, a.loc, fmt::format("a tuple of {} has no elements {}..{}", n, lo, hi));
    return Val::tuple({items.begin() + lo, items.begin() + hi});
  }
  const int64_t i = position(a);
  if (i < 0 || i >= n) fail(DiagCode::BadIndex, a.loc, fmt::format("a tuple of {} has no element {}", n, i));
  return items[i];
}

TensorVal Elaborator::indexTensor(const TensorVal& base, const ast::Bracket& e) {
  Restore<const Expected*> keep(ctx_.expected);
  ctx_.expected = nullptr;
  TensorVal x = asTensor(Val::of(base), e.loc, "an index");
  if (e.args.size() > x.type.shape.size())
    fail(DiagCode::BadIndex, e.loc, fmt::format("{} indices for {}", e.args.size(), x.type.str()));
  int axis = 0;
  for (const ast::Arg& arg : e.args) {
    const ast::Expr& a = *arg.value;
    if (a.is<ast::All>()) {
      ++axis;
      continue;
    }
    const Dim extent = x.type.shape[axis];
    const auto fromEnd = [&](const Dim& d) {
      if (d.isConst()) return d.value() < 0 ? extent + d : d;
      const auto negative = [](const auto& term) { return term.second < 0; };
      if (!std::ranges::all_of(d.terms(), negative)) return d;
      error(DiagCode::BadIndex, a.loc, fmt::format("`{}` is no position: sizes do not count from the end", d.str()))
          .help(fmt::format("write `{}`", (extent + d).str()));
      throw Reported{};
    };
    const auto check = [&](bool ok, const std::string& text) {
      if (!ok) fail(DiagCode::BadIndex, a.loc, fmt::format("axis {} of {} has no {}", axis, base.type.str(), text));
    };
    if (const auto* range = a.tryAs<ast::Range>()) {
      const Dim lo = range->lo ? fromEnd(asDim(eval(*range->lo), range->lo->loc, "an end of a slice")) : Dim(0);
      const Dim hi = range->hi ? fromEnd(asDim(eval(*range->hi), range->hi->loc, "an end of a slice")) : extent;
      check(require(0, lo) && require(hi, extent) && require(lo, hi),
            fmt::format("elements {}..{}", lo.str(), hi.str()));
      x = sliceAxis(x, axis, lo, hi, a.loc);
      ++axis;
      continue;
    }
    const Val v = eval(a);
    if (v.is(ValKind::Int)) {
      const Dim i = fromEnd(asDim(v, a.loc, "an index"));
      check(require(0, i) && require(i + Dim(1), extent), fmt::format("element {}", v.dim.str()));
      x = dropAxis(sliceAxis(x, axis, i, i + Dim(1), a.loc), axis, a.loc);
      continue;
    }
    const TensorVal i = asTensor(v, a.loc, "an index");
    if (!isInteger(i.type.dtype))
      fail(DiagCode::DTypeMismatch, a.loc, fmt::format("an index is an integer, and this is {}", i.type.str()));
    if (i.bound)
      if (const Dim over = extent - *i.bound; over.isConst() && over.value() < 0)
        fail(DiagCode::BoundMismatch, a.loc,
             fmt::format("indices below {} on axis {} of {}", i.bound->str(), axis, base.type.str()));
    requireReach(i, extent);
    if (i.type.rank() == 0) {
      const Value s = makeNode(Op::DSlice, {x.value, i.value},
                               {{"axes", std::vector<int64_t>{axis}}, {"sizes", std::vector<Dim>{1}}}, a.loc);
      x = dropAxis(wrap(s, x.unit, x.bound), axis, a.loc);
      continue;
    }
    std::vector<bool> unit(x.unit.begin(), x.unit.begin() + axis);
    unit.insert(unit.end(), i.unit.begin(), i.unit.end());
    unit.insert(unit.end(), x.unit.begin() + axis + 1, x.unit.end());
    const Value g = makeNode(Op::Gather, {x.value, i.value}, {{"axis", int64_t{axis}}, {"batch", int64_t{0}}}, a.loc);
    x = wrap(g, unit, x.bound);
    axis += i.type.rank();
  }
  return x;
}

}  // namespace nnc::elab
