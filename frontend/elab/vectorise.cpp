#include "frontend/elab/vectorise.h"

#include <algorithm>

#include "ir/mapped.h"

namespace nnc::elab {

namespace {

class Vectoriser {
public:
  Vectoriser(const Graph& row, const std::map<Value, RowInput>& inputs, const Dim& n, Builder& b)
      : row_(row), inputs_(inputs), n_(n), b_(b), batched_(row.nodes.size(), false), results_(row.nodes.size()) {}

  std::optional<std::vector<Value>> run() {
    if (!possible()) return std::nullopt;
    const Origin origin = b_.origin();
    for (uint32_t i = 0; i < row_.nodes.size(); ++i)
      if (live_[i]) {
        b_.setOrigin(row_.nodes[i].origin);
        emit(i);
        for (Value v : results_[i])
          if (Node& node = b_.graph().node(v); node.name.empty() && v.node + 1 == b_.graph().nodes.size())
            node.name = row_.nodes[i].name;
      }
    b_.setOrigin(origin);
    std::vector<Value> out;
    for (const Output& o : row_.outputs) out.push_back(many(o.value));
    return out;
  }

private:
  bool isBatched(Value v) const {
    if (auto it = inputs_.find(v); it != inputs_.end()) return it->second.batched;
    return batched_[v.node];
  }

  bool possible() {
    live_.assign(row_.nodes.size(), false);
    for (const Output& o : row_.outputs) live_[o.value.node] = true;
    for (size_t i = row_.nodes.size(); i-- > 0;)
      if (live_[i])
        for (Value v : row_.nodes[i].in) live_[v.node] = true;
    for (uint32_t i = 0; i < row_.nodes.size(); ++i) {
      if (!live_[i]) continue;
      const Node& n = row_.nodes[i];
      batched_[i] = std::any_of(n.in.begin(), n.in.end(), [&](Value v) { return isBatched(v); });
      if (batched_[i] && !isMappable(n.op)) return false;
    }
    return true;
  }

  Value one(Value v) const {
    if (auto it = inputs_.find(v); it != inputs_.end()) return it->second.value;
    return results_[v.node][v.result];
  }
  /// The value with the leading axis.
  Value many(Value v) {
    const Value x = one(v);
    return isBatched(v) ? x : b_.broadcast(x, {0}, {n_});
  }

  void emit(uint32_t i) {
    const Node& node = row_.nodes[i];
    if (inputs_.contains({i, 0})) {
      results_[i] = {inputs_.at({i, 0}).value};
      return;
    }
    std::vector<Value> in;
    std::vector<bool> mapped;
    for (Value v : node.in) {
      in.push_back(one(v));
      mapped.push_back(isBatched(v));
    }
    if (!batched_[i])
      results_[i] = b_.makeMulti(node.op, in, node.attrs, node.regions);
    else if (node.op == Op::DSlice && isOwnElement(node))
      results_[i] = {ownElement(node)};
    else
      results_[i] = mapNode(b_, node, in, mapped, n_);
  }

  /// The number of the row, as far as casts go.
  bool isRowNumber(Value v) const {
    while (!inputs_.contains(v) && row_.node(v).op == Op::Cast) v = row_.node(v).in[0];
    const auto it = inputs_.find(v);
    return it != inputs_.end() && it->second.batched && b_.graph().node(it->second.value).op == Op::Iota;
  }

  /// Element i of an axis in row i, for all of the axis: no gather, the axis itself in front.
  bool isOwnElement(const Node& node) const {
    const std::vector<int64_t>& axes = node.attrs.ints("axes");
    return axes.size() == 1 && !isBatched(node.in[0]) && node.attrs.dims("sizes")[0] == Dim(1) &&
           row_.type(node.in[0]).shape[axes[0]] == n_ && isRowNumber(node.in[1]);
  }
  Value ownElement(const Node& node) {
    const int64_t axis = node.attrs.ints("axes")[0];
    Shape shape = row_.type(node.in[0]).shape;
    shape[axis] = 1;
    shape.insert(shape.begin(), n_);
    return b_.reshape(axisToFront(b_, one(node.in[0]), axis), shape);
  }

  const Graph& row_;
  const std::map<Value, RowInput>& inputs_;
  const Dim n_;
  Builder& b_;
  std::vector<bool> batched_, live_;
  std::vector<std::vector<Value>> results_;
};

}  // namespace

std::optional<std::vector<Value>> vectorise(const Graph& row, const std::map<Value, RowInput>& inputs, const Dim& n,
                                            Builder& b) {
  return Vectoriser(row, inputs, n, b).run();
}

}  // namespace nnc::elab
