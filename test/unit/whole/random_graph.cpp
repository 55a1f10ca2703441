#include "random_graph.h"

#include <algorithm>
#include <numeric>

#include "ir/infer.h"
#include "ir/op_schema.h"

namespace nnc::testing {

namespace {
constexpr int64_t kMostElements = 600;
}

Module randomModule(uint32_t seed) {
  return RandomGraph(seed).build();
}

Module RandomGraph::build() {
  module_.name = "random";
  dtype_ = oneIn(6) ? DType::F64 : DType::F32;
  leaves();
  const int operations = 1 + (oneIn(3) ? pick(30) : pick(10));
  for (int made = 0, tries = 0; made < operations && tries < 200; ++tries) made += move();

  Value e = loss();
  Values in = {e};
  in.insert(in.end(), params_.begin(), params_.end());
  in.insert(in.end(), inputs_.begin(), inputs_.end());
  Values g = b_.makeMulti(Op::Grad, in);
  if (oneIn(8)) {  // once more: gradients of gradients
    Value second = e;
    for (Value v : g) second = b_.add(second, total(b_.unary(Op::Tanh, square(v))));
    in[0] = e = second;
    g = b_.makeMulti(Op::Grad, in);
  }
  Function& f = module_.functions[0];
  f.name = "g";
  f.kind =
      oneIn(4) ? Function::Kind::Export : Function::Kind::Step;  // what exports compute of parameters alone is derived
  if (bound_ > 0) f.symbols = {{"B", bound_}};
  result(pool_.back());
  if (oneIn(2)) result(any());
  f.body.outputs.push_back({OutputRole::Loss, "loss", e});
  for (size_t i = 0; i < g.size(); ++i) {
    const bool param = std::find(params_.begin(), params_.end(), in[i + 1]) != params_.end();
    if (!param || oneIn(2)) result(g[i]);
    if (param && f.kind == Function::Kind::Step) update(in[i + 1], g[i], i);
  }
  return std::move(module_);
}

void RandomGraph::leaves() {
  if (oneIn(2)) {
    static const int64_t bounds[] = {1, 2, 3, 8, 17};
    bound_ = pickFrom(bounds);
  }
  for (int i = 0, n = 1 + pick(3); i < n; ++i) {
    Value w = leaf("param", "w" + std::to_string(i), floats(randomShape(4)));
    params_.push_back(w);
    pool_.push_back(w);
  }
  for (int i = 0, n = pick(3); i < n; ++i) {
    Shape s = randomShape(3);
    if (bound_ > 0) s.insert(s.begin(), Dim::symbol("B"));
    Value x = leaf("input", "x" + std::to_string(i), floats(s));
    inputs_.push_back(x);
    pool_.push_back(x);
  }
}

Value RandomGraph::leaf(const std::string& kind, const std::string& name, const Type& type, int64_t bound) {
  Attrs attrs = {{"type", type}, {"kind", kind}, {"name", name}};
  if (bound > 0) attrs.set("bound", bound);
  if (kind == "param") module_.variables.push_back({name, type, Variable::Kind::Param, {}});
  if (kind == "state") module_.variables.push_back({name, type, Variable::Kind::TrainState, {}});
  return b_.make(Op::Leaf, {}, attrs);
}

/// Bounded terms of about half of the values, so that every leaf reaches the loss and no gradient explodes.
Value RandomGraph::loss() {
  Value e = b_.constant(0, floats({}));
  static const double weights[] = {1, -0.5, 0.25, 2};
  for (size_t i = 0; i < pool_.size(); i += 1 + static_cast<size_t>(pick(2)))
    e = b_.add(e, total(b_.mul(b_.unary(Op::Tanh, pool_[i]), number(pickFrom(weights), pool_[i]))));
  e = b_.add(e, total(b_.unary(Op::Sin, pool_.back())));
  for (const Values* list : {&params_, &inputs_})
    for (Value x : *list) e = b_.add(e, b_.mul(total(square(x)), b_.constant(0.125, floats({}))));
  return e;
}

/// One of momentum, an RMS-scaled step, or plain descent.
void RandomGraph::update(Value w, Value g, size_t i) {
  const std::string name = module_.functions[0].body.node(w).attrs.string("name");
  Value step = g;
  if (const int rule = pick(3); rule > 0) {
    const std::string stateName = "m" + std::to_string(i);
    Value m = leaf("state", stateName, b_.type(w));
    Value fed = rule == 1 ? g : square(g);
    Value next = b_.add(b_.mul(number(0.75, m), m), b_.mul(number(0.25, m), fed));
    step = rule == 1 ? next : b_.div(g, b_.add(b_.unary(Op::Sqrt, b_.add(next, number(0.125, m))), number(0.5, m)));
    module_.functions[0].body.outputs.push_back({OutputRole::Update, stateName, next});
  }
  Value next = b_.add(w, b_.neg(b_.mul(number(0.0625, w), step)));
  module_.functions[0].body.outputs.push_back({OutputRole::Update, name, next});
}

void RandomGraph::result(Value v) {
  std::vector<Output>& outputs = module_.functions[0].body.outputs;
  outputs.push_back({OutputRole::Result, "y" + std::to_string(outputs.size()), v});
}

int64_t RandomGraph::randomExtent(bool mayBeEmpty) {
  static const int64_t extents[] = {1, 1, 2, 2, 3, 3, 4, 5, 7, 8, 9, 13, 15, 16, 17, 31, 33};
  if (mayBeEmpty && oneIn(25)) return 0;
  return pickFrom(extents);
}

Shape RandomGraph::randomShape(int maxRank) {
  for (;;) {
    Shape s;
    for (int i = 0, n = pick(maxRank + 1); i < n; ++i) s.emplace_back(randomExtent(!s.empty()));
    if (elementCount(s).value() <= kMostElements / 2) return s;
  }
}

RandomGraph::Ints RandomGraph::someAxes(int rank) {
  Ints axes;
  for (int64_t a = 0; a < rank; ++a)
    if (oneIn(2)) axes.push_back(a);
  return axes;
}

RandomGraph::Ints RandomGraph::permutation(int rank) {
  Ints perm(static_cast<size_t>(rank));
  std::iota(perm.begin(), perm.end(), 0);
  std::shuffle(perm.begin(), perm.end(), rng_);
  return perm;
}

Value RandomGraph::partner(Value like) {
  for (int tries = 0; tries < 5; ++tries)
    if (Value v = any(); b_.type(v) == b_.type(like)) return v;
  static const double numbers[] = {0, 1, -1, 2, 0.5, -0.0, 3};
  if (oneIn(2)) return number(pickFrom(numbers), like);
  return b_.fill(b_.unary(Op::Tanh, total(any())), shape(like));
}

Value RandomGraph::indices(int64_t extent, const Shape& s) {
  const Type type{oneIn(3) ? DType::I64 : DType::I32, s};
  if (oneIn(2) || !isConstShape(s)) {
    const bool bounded = oneIn(2);  // else its values lie in -1..5, and are clamped where they are used
    return leaf("input", "i" + std::to_string(indexInputs_++), type, bounded ? std::max<int64_t>(1, extent) : 0);
  }
  Ints values;
  for (int64_t i = 0; i < elementCount(s).value(); ++i) values.push_back(pick(static_cast<int>(extent) + 2) - 1);
  if (values.empty()) return b_.constant(0, type);
  return b_.make(Op::Const, {}, {{"type", type}, {"value", Literal{values}}});
}

Value RandomGraph::start(int64_t extent) {
  return indices(extent, {});
}

RandomGraph::Made RandomGraph::attempt(Op op, Values in, Attrs attrs) {
  std::vector<Type> types;
  for (Value v : in) types.push_back(b_.type(v));
  const Attrs normal = normalizedAttrs(op, attrs);
  const Inferred inferred = inferTypes(op, types, normal);
  if (!inferred) return std::nullopt;
  for (const Type& t : inferred.types) {
    if (elementCount(t.shape).evaluate({{"B", bound_}}) > kMostElements || t.rank() > 5) return std::nullopt;
    for (const Dim& d : t.shape)
      if (d.evaluate({{"B", 0}}) < 0) return std::nullopt;  // B - 1: the frontend makes no such extents
  }
  return b_.make(op, std::move(in), attrs);
}

Value RandomGraph::total(Value x) {
  Ints axes(static_cast<size_t>(rank(x)));
  std::iota(axes.begin(), axes.end(), 0);
  return b_.sum(x, axes);
}

bool RandomGraph::push(Made v) {
  if (!v || elementCount(shape(*v)).evaluate({{"B", bound_}}) > kMostElements) return false;
  pool_.push_back(*v);
  return true;
}

bool RandomGraph::move() {
  using Move = Made (RandomGraph::*)(Value);
  static const std::pair<Move, int> moves[] = {
      {&RandomGraph::unary, 4},    {&RandomGraph::binary, 6},     {&RandomGraph::selection, 2},
      {&RandomGraph::moved, 4},    {&RandomGraph::sliced, 2},     {&RandomGraph::padded, 2},
      {&RandomGraph::windowed, 2}, {&RandomGraph::broadcast, 2},  {&RandomGraph::reduced, 4},
      {&RandomGraph::sorted, 1},   {&RandomGraph::normalised, 2}, {&RandomGraph::converted, 1},
      {&RandomGraph::product, 5},  {&RandomGraph::convolved, 4},  {&RandomGraph::gathered, 3},
      {&RandomGraph::dynamic, 2},  {&RandomGraph::drawn, 1},      {&RandomGraph::scanned, 3},
      {&RandomGraph::branched, 1}};
  int sum = 0;
  for (const auto& [m, weight] : moves) sum += weight;
  int at = pick(sum);
  for (const auto& [m, weight] : moves) {
    if (at < weight) return push((this->*m)(oneIn(3) ? any() : pool_.back()));
    at -= weight;
  }
  return false;
}

}  // namespace nnc::testing
