// The operations that random graphs draw: elementwise ones, views and reductions.
#include <algorithm>

#include "random_graph.h"

namespace nnc::testing {

/// Arguments stay where the function and its gradient are tame.
RandomGraph::Made RandomGraph::unary(Value x) {
  static const Op tame[] = {Op::Tanh, Op::Logistic, Op::Sin, Op::Cos, Op::Atan, Op::Neg, Op::Erf, Op::Stop};
  switch (pick(12)) {
    case 0:
      return b_.unary(Op::Exp, b_.unary(Op::Tanh, x));
    case 1:
      return b_.unary(Op::Exp, b_.neg(square(x)));
    case 2:
      return b_.unary(Op::Expm1, b_.unary(Op::Sin, x));
    case 3:
      return b_.unary(Op::Log, b_.add(square(x), number(0.5, x)));
    case 4:
      return b_.unary(Op::Log1p, square(x));
    case 5:
      return b_.unary(Op::Sqrt, b_.add(square(x), number(0.25, x)));
    case 6:
      return b_.add(x, b_.unary(oneIn(2) ? Op::Round : Op::Floor, b_.mul(x, number(1.5, x))));
    case 7:
      return b_.select(b_.make(Op::Le, {x, number(0, x)}), number(0, x), x);
    default:
      return b_.unary(pickFrom(tame), x);
  }
}

RandomGraph::Made RandomGraph::binary(Value x) {
  Value y = partner(x);
  if (oneIn(2)) std::swap(x, y);
  switch (pick(8)) {
    case 0:
    case 1:
      return b_.add(x, y);
    case 2:
      return b_.sub(x, y);
    case 3:
    case 4:
      return b_.mul(b_.unary(Op::Tanh, x), y);
    case 5:
      return b_.div(x, b_.add(square(y), number(1, y)));
    case 6:
      return b_.make(Op::Pow, {b_.add(square(x), number(0.5, x)), b_.unary(Op::Tanh, y)});
    default:
      return b_.make(Op::Max, {x, y});
  }
}

RandomGraph::Made RandomGraph::selection(Value x) {
  static const Op compare[] = {Op::Lt, Op::Le, Op::Eq};
  Value c = b_.make(pickFrom(compare), {x, partner(x)});
  if (oneIn(3)) c = b_.make(Op::Not, {c});
  if (oneIn(3)) c = b_.make(oneIn(2) ? Op::And : Op::Or, {c, b_.make(Op::Lt, {partner(x), x})});
  return b_.select(c, partner(x), x);
}

/// Elements at other places: reshape, transpose, reverse, concat.
RandomGraph::Made RandomGraph::moved(Value x) {
  const int r = rank(x);
  switch (pick(4)) {
    case 0:
      return b_.transpose(x, permutation(r));
    case 1:
      return attempt(Op::Reverse, {x}, {{"axes", someAxes(r)}});
    case 2: {
      if (r == 0) return std::nullopt;
      Values pieces = {x, partner(x)};
      if (oneIn(2)) pieces.push_back(x);
      return attempt(Op::Concat, pieces, {{"axis", int64_t{pick(r)}}});
    }
    default:
      break;
  }
  if (oneIn(2)) return attempt(Op::Reshape, {x}, {{"shape", Shape{elementCount(shape(x))}}});
  Shape split;  // even extents in two, or two neighbours in one
  for (const Dim& e : shape(x)) {
    const bool even = e.isConst() && e.value() > 0 && e.value() % 2 == 0;
    if (even) split.emplace_back(2);
    const Dim part = even ? Dim(e.value() / 2) : e;
    if (!split.empty() && !even && oneIn(3)) {
      split.back() = split.back() * part;
    } else {
      split.push_back(part);
    }
  }
  if (oneIn(4)) split.insert(split.begin() + pick(static_cast<int>(split.size()) + 1), Dim(1));
  return attempt(Op::Reshape, {x}, {{"shape", split}});
}

RandomGraph::Made RandomGraph::sliced(Value x) {
  std::vector<Dim> lo, hi;
  Ints stride;
  for (const Dim& e : shape(x)) {
    const bool whole = !e.isConst() || oneIn(2);
    const int extent = e.isConst() ? static_cast<int>(e.value()) : 0;
    const int from = whole ? 0 : pick(extent + 1);
    lo.emplace_back(from);
    hi.push_back(whole ? e : Dim(from + pick(extent - from + 1)));
    stride.push_back(oneIn(3) ? 2 + pick(2) : 1);
  }
  return attempt(Op::Slice, {x}, {{"lo", lo}, {"hi", hi}, {"stride", stride}});
}

RandomGraph::Made RandomGraph::padded(Value x) {
  std::vector<Dim> lo, hi;
  Ints interior;
  for (size_t i = 0; i < shape(x).size(); ++i) {
    lo.emplace_back(pick(4) - 1);
    hi.emplace_back(pick(4) - 1);
    interior.push_back(oneIn(4) ? 1 + pick(2) : 0);
  }
  static const double values[] = {0, 0, 1, -2};
  return attempt(Op::Pad, {x}, {{"lo", lo}, {"hi", hi}, {"interior", interior}, {"value", pickFrom(values)}});
}

/// Windows along one or two axes: as they are, pooled, or added up again.
RandomGraph::Made RandomGraph::windowed(Value x) {
  if (rank(x) == 0) return std::nullopt;
  Ints axes = permutation(rank(x)), size, stride, dilation;
  axes.resize(static_cast<size_t>(std::min(rank(x), 1 + pick(2))));
  Shape extents;
  for (int64_t a : axes) {
    size.push_back(1 + pick(3));
    stride.push_back(1 + pick(3));
    dilation.push_back(oneIn(4) ? 2 : 1);
    extents.push_back(shape(x)[static_cast<size_t>(a)]);
  }
  Attrs attrs = {{"axes", axes}, {"size", size}, {"stride", stride}, {"dilation", dilation}};
  Made w = attempt(Op::Window, {x}, attrs);
  if (!w) return w;
  const int last = rank(*w) - 1;
  switch (pick(4)) {
    case 0:
      return w;
    case 1:
      return attempt(Op::RMax, {*w}, {{"axis", int64_t{last}}});
    case 2:
      return attempt(Op::Sum, {*w}, {{"axes", Ints{last}}});
    default:
      attrs.set("extents", extents);
      return attempt(Op::Unwindow, {b_.mul(*w, b_.unary(Op::Tanh, *w))}, attrs);
  }
}

RandomGraph::Made RandomGraph::broadcast(Value x) {
  Ints axes;
  std::vector<Dim> extents;
  const int result = rank(x) + 1 + pick(2);
  for (int64_t a = 0; a < result && static_cast<int>(axes.size()) < result - rank(x); ++a)
    if (oneIn(2) || result - a == result - rank(x) - static_cast<int64_t>(axes.size())) axes.push_back(a);
  for (size_t i = 0; i < axes.size(); ++i)
    extents.push_back(bound_ > 0 && oneIn(4) ? Dim::symbol("B") : Dim(oneIn(20) ? 0 : 1 + pick(5)));
  return attempt(Op::Broadcast, {x}, {{"axes", axes}, {"extents", extents}});
}

RandomGraph::Made RandomGraph::reduced(Value x) {
  const int r = rank(x);
  if (r == 0 || oneIn(2)) return attempt(Op::Sum, {x}, {{"axes", someAxes(r)}});
  const int axis = pick(r);
  const Dim& extent = shape(x)[static_cast<size_t>(axis)];
  if (oneIn(3)) {  // a mean
    Value n = b_.cast(b_.make(Op::Size, {}, {{"dim", extent + Dim(1)}}), dtype_);
    Value s = b_.sum(x, {axis});
    return b_.div(s, b_.fill(n, shape(s)));
  }
  if (!extent.isConst() || extent.value() == 0) return std::nullopt;
  if (oneIn(2)) return attempt(Op::RMax, {x}, {{"axis", int64_t{axis}}});
  Value i = b_.make(Op::ArgMax, {x}, {{"axis", int64_t{axis}}});
  Value divided = b_.make(oneIn(2) ? Op::Mod : Op::IDiv, {i, b_.constantLike(1 + pick(3), i)});
  return b_.mul(b_.cast(divided, dtype_), b_.constant(0.25, floats(shape(divided))));
}

/// What row kernels are made of: softmax, its logarithm, layer norm.
RandomGraph::Made RandomGraph::normalised(Value x) {
  if (rank(x) == 0) return std::nullopt;
  const int axis = pick(rank(x));
  const Dim extent = shape(x)[static_cast<size_t>(axis)];
  if (!extent.isConst() || extent.value() == 0) return std::nullopt;
  const auto back = [&](Value v) { return b_.broadcast(v, {axis}, {extent}); };
  if (oneIn(2)) {
    Value top = b_.unary(Op::Stop, b_.make(Op::RMax, {x}, {{"axis", int64_t{axis}}}));
    Value shifted = b_.sub(x, back(top)), e = b_.unary(Op::Exp, shifted), s = b_.sum(e, {axis});
    if (oneIn(2)) return b_.div(e, back(s));
    return b_.sub(shifted, back(b_.unary(Op::Log, s)));
  }
  const auto mean = [&](Value v) {
    Value s = b_.sum(v, {axis});
    return b_.mul(s, number(1.0 / static_cast<double>(extent.value()), s));
  };
  Value d = b_.sub(x, back(mean(x))), variance = mean(square(d));
  return b_.div(d, back(b_.unary(Op::Sqrt, b_.add(variance, number(0.125, variance)))));
}

RandomGraph::Made RandomGraph::sorted(Value x) {
  if (rank(x) == 0) return std::nullopt;
  const int64_t axis = pick(rank(x));
  const Values s = b_.makeMulti(Op::Sort, {x}, {{"axis", axis}});
  if (oneIn(2)) return s[0];
  return b_.mul(b_.cast(s[1], dtype_), number(0.125, x));
}

/// To another dtype and back.
RandomGraph::Made RandomGraph::converted(Value x) {
  static const DType others[] = {DType::F64, DType::F32, DType::BF16, DType::F16, DType::I32, DType::I8, DType::U8};
  const DType to = pickFrom(others);
  if (to == dtype_) return std::nullopt;
  Value y = b_.cast(isFloat(to) ? x : b_.mul(x, number(4, x)), to);
  if (isInteger(to) && rank(x) > 0 && oneIn(2))
    y = b_.add(y, b_.make(Op::Iota, {}, {{"type", b_.type(y)}, {"axis", int64_t{0}}}));
  return b_.cast(y, dtype_);
}

}  // namespace nnc::testing
