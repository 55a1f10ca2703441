// Optimisation changes nothing: random graphs with gradients, biased to boundary shapes, give the same values after
// each pass of the default pipeline; bit for bit where the pass is exact, else within rounding.
#include "gradcheck.h"
#include "passes/region.h"

namespace nnc::testing {
namespace {

using Values = std::vector<Value>;
using Ints = std::vector<int64_t>;

class RandomGraph {
public:
  explicit RandomGraph(uint32_t seed) : rng_(seed), b_(graph_) {}

  Graph build() {
    for (int i = 0, n = 1 + pick(3); i < n; ++i) {
      Extents shape = randomShape();
      const std::string name = "x" + std::to_string(i);
      inputs_.leaves[name] = randomTensor(rng_, shape, -1.5, 1.5);
      pool_.push_back(leaf(b_, name, f64(shape)));
    }
    const Values leaves = pool_;
    for (int i = 0, n = 1 + pick(30); i < n; ++i) step();
    Value loss = b_.constant(0, f64({}));
    for (size_t i = 0; i < pool_.size(); i += 1 + static_cast<size_t>(pick(2)))
      loss = b_.add(loss, sumAll(b_, b_.mul(pool_[i], probe(b_, b_.type(pool_[i]), static_cast<double>(i)))));
    for (Value x : leaves) loss = b_.add(loss, sumAll(b_, b_.mul(x, x)));
    Values in = {loss};
    in.insert(in.end(), leaves.begin(), leaves.end());
    output(pool_.back());
    output(loss);
    for (Value g : b_.makeMulti(Op::Grad, in)) output(g);
    return graph_;
  }
  const EvalInputs& inputs() const { return inputs_; }

private:
  int pick(int n) { return std::uniform_int_distribution<>(0, n - 1)(rng_); }
  void output(Value v) {
    graph_.outputs.push_back({OutputRole::Result, "y" + std::to_string(graph_.outputs.size()), v});
  }
  Value any() { return pool_[static_cast<size_t>(pick(static_cast<int>(pool_.size())))]; }
  Ints shapeOf(Value v) { return constExtents(b_.type(v).shape); }
  void push(Value v) {
    if (elementCount(b_.type(v).shape).value() <= 400) pool_.push_back(v);
  }

  Extents randomShape() {
    static const int64_t extents[] = {1, 2, 3, 4, 5, 7, 8, 1, 2, 0};
    Extents shape;
    for (int i = 0, rank = pick(4); i < rank; ++i) shape.push_back(extents[pick(shape.empty() ? 9 : 10)]);
    return shape;
  }

  /// A value of the shape of `like`: another of the pool, a constant, or one made by repeating a sum.
  Value partner(Value like) {
    for (int tries = 0; tries < 4; ++tries)
      if (Value v = any(); b_.type(v) == b_.type(like)) return v;
    static const double numbers[] = {0, 1, -1, 2, 0.5, -0.0, 3};
    if (pick(2)) return b_.constantLike(numbers[pick(7)], like);
    Value v = any();
    return b_.fill(sumAll(b_, b_.unary(Op::Tanh, v)), b_.type(like).shape);
  }

  Ints someAxes(int rank) {
    Ints axes;
    for (int64_t a = 0; a < rank; ++a)
      if (pick(2)) axes.push_back(a);
    return axes;
  }

  void step() {
    Value x = any();
    const int rank = b_.type(x).rank();
    switch (pick(20)) {
      case 0:
      case 1:
      case 2: {
        static const Op ops[] = {Op::Tanh, Op::Logistic, Op::Sin, Op::Cos, Op::Atan, Op::Neg, Op::Erf, Op::Stop};
        return push(b_.unary(ops[pick(8)], x));
      }
      case 3:
      case 4:
      case 5:
      case 6: {
        static const Op ops[] = {Op::Add, Op::Mul, Op::Max, Op::Add, Op::Mul};
        Value y = partner(x);
        return push(pick(2) ? b_.make(ops[pick(5)], {x, y}) : b_.make(ops[pick(5)], {y, x}));
      }
      case 7:
        return push(b_.div(x, b_.add(b_.constantLike(2, x), b_.unary(Op::Exp, b_.unary(Op::Tanh, partner(x))))));
      case 8: {
        Value c = b_.make(Op::Lt, {x, partner(x)});
        if (pick(2)) c = b_.make(Op::Not, {c});
        return push(b_.select(c, partner(x), x));
      }
      case 9:
        return push(sumOf(x));
      case 10:
        return push(transposed(x));
      case 11: {
        const Ints shape = shapeOf(x);
        return push(b_.reshape(x, pick(2) || countOf(shape) == 0 ? Shape{Dim(countOf(shape))} : split(shape)));
      }
      case 12: {
        Ints axes;
        std::vector<Dim> extents;
        for (int64_t a = 0, n = 1 + pick(2); a < n; ++a) {
          axes.push_back(pick(2) ? a : rank + a);
          extents.push_back(1 + pick(3));
        }
        std::sort(axes.begin(), axes.end());
        axes.erase(std::unique(axes.begin(), axes.end()), axes.end());
        extents.resize(axes.size());
        return rank + static_cast<int>(axes.size()) <= 5 && axes.back() < rank + static_cast<int64_t>(axes.size())
                   ? push(b_.broadcast(x, axes, extents))
                   : push(x);
      }
      case 13:
        return push(sliced(x));
      case 14: {
        std::vector<Dim> lo, hi;
        Ints interior;
        for (int64_t e : shapeOf(x)) {
          lo.push_back(pick(3) - (e >= 2 ? 1 : 0));
          hi.push_back(pick(3));
          interior.push_back(pick(3) ? 0 : 1);
        }
        return push(
            b_.make(Op::Pad, {x}, {{"lo", lo}, {"hi", hi}, {"interior", interior}, {"value", pick(2) ? 0.0 : 1.0}}));
      }
      case 15:
        return rank > 0 ? push(windowed(x)) : push(x);
      case 16:
        return rank > 0 ? push(concatOf(x)) : push(x);
      case 17:
        return push(dotOf(x));
      case 18:
        return rank > 0 && shapeOf(x)[0] > 0 ? push(indexed(x)) : push(x);
      default:
        return rank > 0 ? push(scanOf(x)) : push(x);
    }
  }

  Value sumOf(Value x) {
    const Ints axes = someAxes(b_.type(x).rank());
    if (axes.size() == 1 && shapeOf(x)[static_cast<size_t>(axes[0])] > 0 && pick(2))
      return b_.make(Op::RMax, {x}, {{"axis", axes[0]}});
    return b_.sum(x, axes);
  }
  Value transposed(Value x) {
    Ints perm(static_cast<size_t>(b_.type(x).rank()));
    std::iota(perm.begin(), perm.end(), 0);
    std::shuffle(perm.begin(), perm.end(), rng_);
    return b_.transpose(x, perm);
  }
  Shape split(const Ints& shape) {
    Shape result;
    for (int64_t e : shape) {
      if (e % 2 == 0 && e > 0) result.push_back(2);
      result.push_back(e % 2 == 0 && e > 0 ? e / 2 : e);
    }
    return result;
  }
  Value sliced(Value x) {
    std::vector<Dim> lo, hi;
    Ints stride;
    for (int64_t e : shapeOf(x)) {
      const int64_t from = pick(2) ? 0 : pick(static_cast<int>(e) + 1);
      lo.push_back(from);
      hi.push_back(pick(2) ? e : from + pick(static_cast<int>(e - from) + 1));
      stride.push_back(pick(3) ? 1 : 2);
    }
    return b_.make(Op::Slice, {x}, {{"lo", lo}, {"hi", hi}, {"stride", stride}});
  }
  Value windowed(Value x) {
    const int64_t axis = pick(b_.type(x).rank()), n = shapeOf(x)[static_cast<size_t>(axis)];
    const int64_t size = 1 + pick(3), stride = 1 + pick(3);
    if (size > n) return x;
    Attrs attrs = {{"axes", Ints{axis}}, {"size", Ints{size}}, {"stride", Ints{stride}}, {"dilation", Ints{1}}};
    Value w = b_.make(Op::Window, {x}, attrs);
    if (pick(2)) return w;
    attrs.set("extents", Shape{Dim(n)});
    return b_.make(Op::Unwindow, {b_.mul(w, w)}, attrs);
  }
  Value concatOf(Value x) {
    const int64_t axis = pick(b_.type(x).rank());
    Values pieces = {x, partner(x)};
    if (pick(2)) pieces.push_back(x);
    return b_.make(Op::Concat, pieces, {{"axis", axis}});
  }
  Value dotOf(Value x) {
    Value y = any();
    Attrs attrs;
    for (int64_t i = 0; i < b_.type(x).rank(); ++i)
      for (int64_t j = 0; j < b_.type(y).rank(); ++j)
        if (shapeOf(x)[static_cast<size_t>(i)] == shapeOf(y)[static_cast<size_t>(j)] && pick(2))
          return b_.make(Op::Dot, {x, y}, {{"contract_a", Ints{i}}, {"contract_b", Ints{j}}});
    return b_.type(x).rank() + b_.type(y).rank() <= 4 ? b_.make(Op::Dot, {x, y}, attrs) : x;
  }
  Value indexed(Value x) {
    const int64_t n = shapeOf(x)[0];
    if (pick(3) == 0) return b_.makeMulti(Op::Sort, {x}, {{"axis", int64_t{0}}})[0];
    Ints indices;
    for (int i = 0, m = 1 + pick(4); i < m; ++i) indices.push_back(pick(static_cast<int>(n) + 2) - 1);
    Value i =
        b_.make(Op::Const, {},
                {{"type", typed(DType::I32, {static_cast<int64_t>(indices.size())})}, {"value", Literal{indices}}});
    Value g = b_.make(Op::Gather, {x, i}, {{"axis", int64_t{0}}, {"batch", int64_t{0}}});
    if (pick(2)) return g;
    return b_.make(Op::Scatter, {x, i, b_.mul(g, g)},
                   {{"axis", int64_t{0}}, {"batch", int64_t{0}}, {"mode", std::string(pick(2) ? "add" : "set")}});
  }

  /// A scan over the first axis of x: a carry like an element, a constant, and operations on them.
  Value scanOf(Value x) {
    const Type element = elementType(b_.type(x));
    const Dim count = b_.type(x).shape[0];
    Value constant = b_.constantLike(0.7, b_.constant(0, element));
    for (int tries = 0; tries < 4; ++tries)
      if (Value v = any(); b_.type(v) == element) constant = v;
    Value start = pick(2) ? b_.constant(0, element) : b_.unary(Op::Tanh, constant);
    Graph region;
    Builder s(region);
    Values body = {appendArg(region, element, 0), appendArg(region, element, 1), appendArg(region, element, 2)};
    const Value carry = body[1];
    appendArg(region, {DType::I64, {}}, 3);
    for (int i = 0, n = 1 + pick(6); i < n; ++i) {
      Value p = body[static_cast<size_t>(pick(static_cast<int>(body.size())))],
            q = body[static_cast<size_t>(pick(static_cast<int>(body.size())))];
      switch (pick(5)) {
        case 0:
          body.push_back(s.unary(Op::Tanh, p));
          break;
        case 1:
          body.push_back(s.mul(p, s.unary(Op::Sin, q)));
          break;
        case 2:
          body.push_back(s.add(p, s.neg(q)));
          break;
        case 3:
          body.push_back(s.select(s.make(Op::Lt, {p, q}), p, q));
          break;
        default:
          if (element.rank() == 2 && element.shape[0] == element.shape[1])
            body.push_back(
                s.unary(Op::Tanh, s.make(Op::Dot, {p, q}, {{"contract_a", Ints{1}}, {"contract_b", Ints{0}}})));
          else
            body.push_back(s.unary(Op::Logistic, p));
      }
    }
    Value next = pick(3) ? s.unary(Op::Tanh, body.back()) : s.add(carry, body.back());
    for (Value v : {next, body[static_cast<size_t>(pick(static_cast<int>(body.size())))], body.back()})
      region.outputs.push_back({OutputRole::Result, "", v});
    Values results = b_.makeMulti(
        Op::Scan, {constant, start, x},
        {{"count", count}, {"consts", int64_t{1}}, {"carries", int64_t{1}}, {"reverse", pick(2) == 1}}, {region});
    for (size_t r = 0; r + 1 < results.size(); ++r) push(results[r]);
    return results.back();
  }

  std::mt19937 rng_;
  Graph graph_;
  Builder b_;
  Values pool_;
  EvalInputs inputs_;
};

/// Largest magnitude in all outputs, or infinity if one is no number.
double magnitude(const std::vector<Tensor>& outputs) {
  double largest = 0;
  for (const Tensor& t : outputs)
    for (double v : t.floats) largest = std::isfinite(v) ? std::max(largest, std::abs(v)) : INFINITY;
  return largest;
}

void checkSeed(uint32_t seed) {
  RandomGraph random(seed);
  Graph graph = runPass("dce", runPass("autodiff", random.build()));
  std::vector<Tensor> before = evaluate(graph, random.inputs());
  if (magnitude(before) > 1e8) return;  // rounding is all there is to see
  for (const std::string& name : defaultPipeline()) {
    Graph next = runPass(name.c_str(), graph);
    std::vector<Tensor> after = evaluate(next, random.inputs());
    const bool exact = findPass(name)->exactness == Exactness::Exact;
    const double tolerance = exact ? 0 : 1e-9 * std::max(1.0, magnitude(before));
    for (size_t i = 0; i < after.size(); ++i)
      for (size_t k = 0; k < after[i].floats.size(); ++k)
        ASSERT_LE(std::abs(after[i].floats[k] - before[i].floats[k]), tolerance)
            << "seed " << seed << ": pass " << name << " changes output " << i << "[" << k << "]";
    ASSERT_FALSE(::testing::Test::HasFailure()) << "seed " << seed;
    graph = std::move(next);
    before = std::move(after);
  }
}

TEST(RandomGraphs, EveryPassKeepsTheValues) {
  const char* from = std::getenv("NNC_RANDOM_SEED");
  const char* count = std::getenv("NNC_RANDOM_GRAPHS");
  const uint32_t first = from ? static_cast<uint32_t>(std::atoi(from)) : 1;
  const uint32_t last = first + (count ? static_cast<uint32_t>(std::atoi(count)) : 400);
  for (uint32_t seed = first; seed < last && !HasFatalFailure(); ++seed) checkSeed(seed);
}

}  // namespace
}  // namespace nnc::testing
