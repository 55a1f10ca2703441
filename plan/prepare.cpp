// Rewrites that only planning wants. Each keeps the meaning; sums are taken in the order the numeric contract names.
#include <algorithm>

#include "ir/builder.h"
#include "plan/planner.h"

namespace nnc::plan {
namespace {

class Preparation {
public:
  explicit Preparation(const Graph& graph) : old_(graph), builder_(now_) {}

  Graph run() {
    for (uint32_t n = 0; n < old_.nodes.size(); ++n) {
      const Node& node = old_.nodes[n];
      builder_.setOrigin(node.origin);
      if (node.op == Op::Sum && splitSum(n)) continue;
      if (n < map_.size() && !map_[n].empty()) continue;  // built before its turn
      copy(n);
      if (node.op == Op::Le) maskFromResult(n);
    }
    for (const Output& o : old_.outputs) now_.outputs.push_back({o.role, o.name, map(o.value)});
    return std::move(now_);
  }

private:
  Value map(Value v) const { return map_[v.node][v.result]; }

  void setResults(uint32_t n, std::vector<Value> values) {
    if (map_.size() <= n) map_.resize(n + 1);
    map_[n] = std::move(values);
  }

  void copy(uint32_t n) {
    Node node = old_.nodes[n];
    for (Value& v : node.in) v = map(v);
    for (Graph& region : node.regions) region = Preparation(region).run();
    std::vector<Value> results(node.out.size());
    const Value first = now_.append(std::move(node));
    for (uint32_t r = 0; r < results.size(); ++r) results[r] = {first.node, r};
    setResults(n, std::move(results));
  }

  /// sum over the outermost axis and more = sum over the outermost of the sums over the others: the pieces have the
  /// size of a row whatever the number of rows, and rows can be shared among threads.
  bool splitSum(uint32_t n) {
    const Node& node = old_.nodes[n];
    std::vector<int64_t> axes = node.attrs.ints("axes");
    const Shape& shape = old_.type(node.in[0]).shape;
    const auto outer = std::find(axes.begin(), axes.end(), 0);
    if (outer == axes.end() || shape[0] == Dim(1)) return false;
    axes.erase(outer);
    if (std::all_of(axes.begin(), axes.end(), [&](int64_t a) { return shape[static_cast<size_t>(a)] == Dim(1); }))
      return false;
    const DType result = node.out[0].dtype;
    const AttrValue* acc = node.attrs.find("acc");
    const DType wide = acc                                             ? std::get<DType>(*acc)
                       : result == DType::BF16 || result == DType::F16 ? DType::F32
                                                                       : result;
    const Value inner = builder_.sum(builder_.cast(map(node.in[0]), wide), axes);
    const Value total = builder_.cast(builder_.sum(inner, {0}), result);
    now_.node(total).name = node.name;
    setResults(n, {total});
    return true;
  }

  bool isZero(Value v) const {
    const Node* node = &old_.node(v);
    while (node->op == Op::Broadcast) node = &old_.node(node->in[0]);
    if (node->op != Op::Const) return false;
    const Literal& literal = node->attrs.literal("value");
    return literal.size() == 1 && literal.asDouble(0) == 0;
  }

  /// With y = select(x <= 0, 0, x): x <= 0 is y <= 0, for every x and NaN too. All other readers of the mask take it
  /// from y, so that x need not be kept.
  void maskFromResult(uint32_t n) {
    const Node& mask = old_.nodes[n];
    if (!isZero(mask.in[1]) || !isFloat(old_.type(mask.in[0]).dtype)) return;
    for (uint32_t s = n + 1; s < old_.nodes.size(); ++s) {
      const Node& select = old_.nodes[s];
      if (select.op != Op::Select || select.in[0] != Value{n, 0} || select.in[2] != mask.in[0]) continue;
      if (!isZero(select.in[1]) || select.in[1].node > n) continue;
      copy(s);
      map_[n] = {builder_.make(Op::Le, {map({s, 0}), map(mask.in[1])})};
      return;
    }
  }

  const Graph& old_;
  Graph now_;
  Builder builder_;
  std::vector<std::vector<Value>> map_;
};

}  // namespace

Module prepareModule(const Module& module) {
  Module prepared = module;
  for (Function& f : prepared.functions) f.body = Preparation(f.body).run();
  return prepared;
}

}  // namespace nnc::plan
