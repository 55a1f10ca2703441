// The operations that random graphs draw: contractions, positions that are data, random numbers, loops and branches.
#include <algorithm>

#include "passes/region.h"
#include "random_graph.h"

namespace nnc::testing {

/// A product with another value of the pool, or with one that fits: any pairs of equal axes are batched or contracted.
RandomGraph::Made RandomGraph::product(Value x) {
  Value y = any();
  if (oneIn(3) && rank(x) > 0) {  // a matrix, so that plain products are common
    const Dim k = shape(x).back();
    Shape s = {k, Dim(randomExtent(false))};
    if (k.isConst() && oneIn(2)) std::swap(s[0], s[1]);
    Value seed = b_.make(Op::Iota, {}, {{"type", floats(s)}, {"axis", int64_t{pick(2)}}});
    y = b_.unary(Op::Sin, b_.add(seed, b_.fill(b_.unary(Op::Tanh, total(any())), s)));
  }
  Ints batchA, batchB, contractA, contractB;
  std::vector<bool> used(static_cast<size_t>(rank(y)));
  for (int64_t i = 0; i < rank(x); ++i)
    for (int64_t j = 0; j < rank(y); ++j) {
      if (used[static_cast<size_t>(j)] || shape(x)[static_cast<size_t>(i)] != shape(y)[static_cast<size_t>(j)] ||
          oneIn(3))
        continue;
      used[static_cast<size_t>(j)] = true;
      const bool batch = oneIn(4);
      (batch ? batchA : contractA).push_back(i);
      (batch ? batchB : contractB).push_back(j);
      break;
    }
  return attempt(Op::Dot, {x, y},
                 {{"batch_a", batchA}, {"batch_b", batchB}, {"contract_a", contractA}, {"contract_b", contractB}});
}

/// A convolution with one or two spatial axes: the axes of x take their roles in any order.
RandomGraph::Made RandomGraph::convolved(Value x) {
  if (rank(x) != 3 && rank(x) != 4) {
    if (rank(x) > 4 || rank(x) < 1) return std::nullopt;
    Shape s = shape(x);
    while (s.size() < 3) s.insert(s.begin() + pick(static_cast<int>(s.size()) + 1), Dim(1));
    x = b_.reshape(x, s);
  }
  const int r = rank(x);
  const Ints xDims = permutation(r);
  const Dim feature = shape(x)[static_cast<size_t>(xDims[1])], batch = shape(x)[static_cast<size_t>(xDims[0])];
  int64_t groups = 1, batchGroups = 1;
  if (feature.isConst() && feature.value() % 2 == 0 && feature.value() > 0 && oneIn(2)) groups = 2;
  if (groups == 1 && batch.isConst() && batch.value() % 2 == 0 && oneIn(4)) batchGroups = 2;
  const auto perGroup = feature.dividedBy(groups);
  if (!perGroup || !perGroup->isConst()) return std::nullopt;
  Ints stride, lo, hi, xDilation, wDilation;
  Shape w = {Dim(groups * batchGroups * (1 + pick(4))), *perGroup};
  for (int i = 2; i < r; ++i) {
    stride.push_back(oneIn(3) ? 2 : 1);
    lo.push_back(pick(3) - (oneIn(4) ? 1 : 0));
    hi.push_back(pick(3) - (oneIn(4) ? 1 : 0));
    xDilation.push_back(oneIn(5) ? 2 : 1);
    wDilation.push_back(oneIn(5) ? 2 : 1);
    w.emplace_back(1 + pick(3));
  }
  const Ints wDims = permutation(r);
  Shape stored(static_cast<size_t>(r));
  for (size_t i = 0; i < stored.size(); ++i) stored[static_cast<size_t>(wDims[i])] = w[i];
  if (elementCount(stored).value() > 300) return std::nullopt;
  Value weights = leaf("param", "w" + std::to_string(params_.size()), floats(stored));
  params_.push_back(weights);  // the leaf stands in the module whether the convolution comes to be or not
  pool_.push_back(weights);
  return attempt(Op::Conv, {x, weights},
                 {{"x_dims", xDims},
                  {"w_dims", wDims},
                  {"y_dims", permutation(r)},
                  {"stride", stride},
                  {"pad_lo", lo},
                  {"pad_hi", hi},
                  {"x_dilation", xDilation},
                  {"w_dilation", wDilation},
                  {"groups", groups},
                  {"batch_groups", batchGroups}});
}

/// gather, or scatter of what was gathered.
RandomGraph::Made RandomGraph::gathered(Value x) {
  if (rank(x) == 0) return std::nullopt;
  const int axis = pick(rank(x));
  const Dim extent = shape(x)[static_cast<size_t>(axis)];
  if (!extent.isConst() || extent.value() == 0) return std::nullopt;
  const int batch = oneIn(3) ? pick(axis + 1) : 0;
  Shape s(shape(x).begin(), shape(x).begin() + batch);
  for (int i = 0, n = pick(3); i < n; ++i) s.emplace_back(oneIn(15) ? 0 : 1 + pick(4));
  Value i = indices(extent.value(), s);
  const Attrs attrs = {{"axis", int64_t{axis}}, {"batch", int64_t{batch}}};
  Made g = attempt(Op::Gather, {x, i}, attrs);
  if (!g || oneIn(2)) return g;
  Attrs mode = attrs;
  mode.set("mode", std::string(oneIn(2) ? "add" : "set"));
  return attempt(Op::Scatter, {partner(x), i, b_.mul(*g, b_.unary(Op::Tanh, *g))}, mode);
}

/// dslice, or dupdate with the block that it took.
RandomGraph::Made RandomGraph::dynamic(Value x) {
  Ints axes;
  std::vector<Dim> sizes;
  Values in = {x}, starts;
  for (int64_t a : someAxes(rank(x))) {
    const Dim& e = shape(x)[static_cast<size_t>(a)];
    if (!e.isConst()) continue;
    axes.push_back(a);
    sizes.emplace_back(pick(static_cast<int>(e.value()) + 1));
    starts.push_back(start(e.value()));
  }
  in.insert(in.end(), starts.begin(), starts.end());
  Made block = attempt(Op::DSlice, in, {{"axes", axes}, {"sizes", sizes}});
  if (!block || oneIn(2)) return block;
  in = {partner(x), b_.unary(Op::Sin, *block)};
  in.insert(in.end(), starts.begin(), starts.end());
  return attempt(Op::DUpdate, in, {{"axes", axes}});
}

/// Dropout: a mask of random numbers over x, whose rows are counted from 0 or from somewhere.
RandomGraph::Made RandomGraph::drawn(Value x) {
  Value key = leaf("input", "i" + std::to_string(indexInputs_++), {DType::I64, {}});
  key = b_.make(Op::Fold, {key, b_.constant(pick(1000), {DType::I64, {}})});
  std::vector<Value> in = {key};
  if (rank(x) > 0 && oneIn(2)) in.push_back(leaf("input", "i" + std::to_string(indexInputs_++), {DType::I64, {}}));
  Made r = attempt(Op::Rand, in, {{"type", b_.type(x)}, {"minor", int64_t{rank(x) ? pick(rank(x)) : 0}}});
  if (!r || oneIn(2)) return r;
  return b_.select(b_.make(Op::Lt, {*r, number(0.25, *r)}), number(0, x), b_.mul(x, number(1 / 0.75, x)));
}

Value RandomGraph::regionStep(Builder& s, const Values& body) {
  Value p = body[static_cast<size_t>(pick(static_cast<int>(body.size())))],
        q = body[static_cast<size_t>(pick(static_cast<int>(body.size())))];
  switch (pick(6)) {
    case 0:
      return s.unary(Op::Tanh, p);
    case 1:
      return s.mul(p, s.unary(Op::Sin, q));
    case 2:
      return s.add(p, s.neg(q));
    case 3:
      return s.select(s.make(Op::Lt, {p, q}), p, s.unary(Op::Logistic, q));
    case 4: {
      const Shape& shape = s.type(p).shape;
      if (shape.empty()) return s.unary(Op::Erf, p);
      const int64_t axis = pick(static_cast<int>(shape.size()));
      return s.unary(Op::Tanh, s.broadcast(s.sum(p, {axis}), {axis}, {shape[static_cast<size_t>(axis)]}));
    }
    default: {
      const Shape& shape = s.type(p).shape;
      const int r = static_cast<int>(shape.size());
      if (r < 1 || r > 2) return s.unary(Op::Logistic, p);
      // p times the square matrix of q's products along its first axis
      Value square = r == 2 ? s.make(Op::Dot, {p, q}, {{"contract_a", Ints{0}}, {"contract_b", Ints{0}}})
                            : s.make(Op::Dot, {p, q});
      return s.unary(Op::Tanh, s.make(Op::Dot, {p, square}, {{"contract_a", Ints{r - 1}}, {"contract_b", Ints{1}}}));
    }
  }
}

/// A scan over the first axis of x: a carry like an element of x, a constant, operations on them and the index.
RandomGraph::Made RandomGraph::scanned(Value x) {
  if (rank(x) == 0) return std::nullopt;
  const Type element = elementType(b_.type(x));
  if (elementCount(element.shape).evaluate({{"B", bound_}}) > 64) return std::nullopt;
  Value constant = partner(b_.constant(0, element));
  Value start = oneIn(2) ? b_.constant(0, element) : b_.unary(Op::Tanh, constant);
  Graph region;
  Builder s(region);
  Values body;
  for (size_t i = 0; i < 3; ++i) body.push_back(appendArg(region, element, i));
  const Value carry = body[1], t = appendArg(region, {DType::I64, {}}, 3);
  if (oneIn(3)) body.push_back(s.fill(s.unary(Op::Sin, s.cast(t, dtype_)), element.shape));
  for (int i = 0, n = 1 + pick(6); i < n; ++i) body.push_back(regionStep(s, body));
  const Value next = oneIn(3) ? s.add(carry, body.back()) : s.unary(Op::Tanh, body.back());
  for (Value v : {next, body[static_cast<size_t>(pick(static_cast<int>(body.size())))], body.back()})
    region.outputs.push_back({OutputRole::Result, "", v});
  const Values results = b_.makeMulti(
      Op::Scan, {constant, start, x},
      {{"count", shape(x)[0]}, {"consts", int64_t{1}}, {"carries", int64_t{1}}, {"reverse", oneIn(2)}}, {region});
  push(results[0]);
  push(results[1]);
  return results[2];
}

/// A branch on an input or on a value.
RandomGraph::Made RandomGraph::branched(Value x) {
  Value p = b_.make(Op::Lt, {total(b_.unary(Op::Tanh, any())), b_.constant(0.125, floats({}))});
  if (oneIn(2)) {
    Value i = start(3);
    p = b_.make(Op::Eq, {i, b_.constantLike(1, i)});
  }
  const Values in = {p, x, partner(x)};
  std::vector<Graph> regions(2);
  for (Graph& region : regions) {
    Builder s(region);
    Values body = {appendArg(region, b_.type(x), 0), appendArg(region, b_.type(x), 1)};
    for (int i = 0, n = 1 + pick(3); i < n; ++i) body.push_back(regionStep(s, body));
    region.outputs.push_back({OutputRole::Result, "", body.back()});
    region.outputs.push_back({OutputRole::Result, "", body[static_cast<size_t>(pick(2))]});
  }
  const Values results = b_.makeMulti(Op::Cond, in, {}, regions);
  push(results[1]);
  return results[0];
}

}  // namespace nnc::testing
