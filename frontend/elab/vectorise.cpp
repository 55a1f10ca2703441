#include "frontend/elab/vectorise.h"

#include <algorithm>
#include <numeric>

namespace nnc::elab {

namespace {

std::vector<int64_t> shifted(std::vector<int64_t> axes) {
  for (int64_t& a : axes) ++a;
  return axes;
}

template <class T>
std::vector<T> withFront(T front, const std::vector<T>& list) {
  std::vector<T> r{std::move(front)};
  r.insert(r.end(), list.begin(), list.end());
  return r;
}

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
  bool anyBatched(const Node& n) const {
    return std::any_of(n.in.begin(), n.in.end(), [&](Value v) { return isBatched(v); });
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
      batched_[i] = anyBatched(n);
      if (!batched_[i] || isElementwise(n.op)) continue;
      switch (n.op) {
        case Op::Reshape:
        case Op::Transpose:
        case Op::Reverse:
        case Op::Broadcast:
        case Op::Slice:
        case Op::Pad:
        case Op::Window:
        case Op::Unwindow:
        case Op::Concat:
        case Op::Sum:
        case Op::RMax:
        case Op::ArgMax:
        case Op::Sort:
        case Op::Dot:
        case Op::Gather:
          break;
        case Op::DSlice:
          break;
        default:
          return false;
      }
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
    if (!batched_[i]) {
      std::vector<Value> in;
      for (Value v : node.in) in.push_back(one(v));
      results_[i] = b_.makeMulti(node.op, in, node.attrs, node.regions);
      return;
    }
    results_[i] = isElementwise(node.op) ? elementwise(node) : structural(node);
  }

  std::vector<Value> elementwise(const Node& node) {
    std::vector<Value> in;
    for (Value v : node.in) in.push_back(many(v));
    return b_.makeMulti(node.op, in, node.attrs);
  }

  std::vector<Value> structural(const Node& node) {
    Attrs a = node.attrs;
    const auto axes = [&](const char* name) { a.set(name, shifted(node.attrs.ints(name))); };
    const auto axis = [&] { a.set("axis", node.attrs.integer("axis") + 1); };
    switch (node.op) {
      case Op::Reshape:
        a.set("shape", withFront(n_, node.attrs.dims("shape")));
        break;
      case Op::Transpose:
        a.set("perm", withFront<int64_t>(0, shifted(node.attrs.ints("perm"))));
        break;
      case Op::Reverse:
      case Op::Broadcast:
      case Op::Sum:
      case Op::Window:
      case Op::Unwindow:
        axes("axes");
        break;
      case Op::Slice:
        a.set("lo", withFront(Dim(0), node.attrs.dims("lo")));
        a.set("hi", withFront(n_, node.attrs.dims("hi")));
        a.set("stride", withFront<int64_t>(1, node.attrs.ints("stride")));
        break;
      case Op::Pad:
        a.set("lo", withFront(Dim(0), node.attrs.dims("lo")));
        a.set("hi", withFront(Dim(0), node.attrs.dims("hi")));
        a.set("interior", withFront<int64_t>(0, node.attrs.ints("interior")));
        break;
      case Op::Concat: {
        axis();
        std::vector<Value> in;
        for (Value v : node.in) in.push_back(many(v));
        return b_.makeMulti(node.op, in, a);
      }
      case Op::RMax:
      case Op::ArgMax:
      case Op::Sort:
        axis();
        break;
      case Op::Dot:
        return dot(node);
      case Op::Gather:
        return gather(node);
      case Op::DSlice:
        return dslice(node);
      default:
        break;
    }
    return b_.makeMulti(node.op, {one(node.in[0])}, a);
  }

  std::vector<Value> dot(const Node& node) {
    const bool ba = isBatched(node.in[0]), bb = isBatched(node.in[1]);
    Attrs a = node.attrs;
    if (ba) {
      a.set("batch_a", shifted(node.attrs.ints("batch_a")));
      a.set("contract_a", shifted(node.attrs.ints("contract_a")));
    }
    if (bb) {
      a.set("batch_b", shifted(node.attrs.ints("batch_b")));
      a.set("contract_b", shifted(node.attrs.ints("contract_b")));
    }
    const std::vector<int64_t>& batch = node.attrs.ints("batch_a");
    if (ba && bb) {
      a.set("batch_a", withFront<int64_t>(0, a.ints("batch_a")));
      a.set("batch_b", withFront<int64_t>(0, a.ints("batch_b")));
      return b_.makeMulti(Op::Dot, {one(node.in[0]), one(node.in[1])}, a);
    }
    const Value r = b_.make(Op::Dot, {one(node.in[0]), one(node.in[1])}, a);
    // The row axis is the first free one of its operand: move it to the front.
    const int rankA = row_.type(node.in[0]).rank();
    const auto contracted = static_cast<int64_t>(node.attrs.ints("contract_a").size());
    const int64_t at =
        static_cast<int64_t>(batch.size()) + (ba ? 0 : rankA - static_cast<int64_t>(batch.size()) - contracted);
    return {toFront(r, at)};
  }

  Value toFront(Value v, int64_t at) {
    std::vector<int64_t> perm(b_.type(v).shape.size());
    std::iota(perm.begin(), perm.end(), 0);
    perm.erase(perm.begin() + at);
    perm.insert(perm.begin(), at);
    return b_.transpose(v, perm);
  }

  std::vector<Value> gather(const Node& node) {
    const bool bx = isBatched(node.in[0]), bi = isBatched(node.in[1]);
    const int64_t axis = node.attrs.integer("axis"), batch = node.attrs.integer("batch");
    if (bx && !bi && batch == 0)
      return b_.makeMulti(Op::Gather, {one(node.in[0]), one(node.in[1])}, {{"axis", axis + 1}, {"batch", int64_t{0}}});
    if (!bx && batch == 0)
      return {toFront(b_.make(Op::Gather, {one(node.in[0]), one(node.in[1])}, {{"axis", axis}, {"batch", int64_t{0}}}),
                      axis)};
    return b_.makeMulti(Op::Gather, {many(node.in[0]), many(node.in[1])}, {{"axis", axis + 1}, {"batch", batch + 1}});
  }

  /// The number of the row, as far as casts go.
  bool isRowNumber(Value v) const {
    while (!inputs_.contains(v) && row_.node(v).op == Op::Cast) v = row_.node(v).in[0];
    const auto it = inputs_.find(v);
    return it != inputs_.end() && it->second.batched && b_.graph().node(it->second.value).op == Op::Iota;
  }

  /// Starts that differ from row to row: a gather for each axis, of indices start + 0 .. size-1.
  std::vector<Value> dslice(const Node& node) {
    const std::vector<int64_t>& axes = node.attrs.ints("axes");
    const std::vector<Dim>& sizes = node.attrs.dims("sizes");
    Value x = one(node.in[0]);
    // Element i of an axis in row i, for all of the axis: the axis itself in front.
    if (axes.size() == 1 && !isBatched(node.in[0]) && sizes[0] == Dim(1) && b_.type(x).shape[axes[0]] == n_ &&
        isRowNumber(node.in[1])) {
      Shape shape = b_.type(x).shape;
      shape[axes[0]] = 1;
      return {b_.reshape(toFront(x, axes[0]), withFront(n_, shape))};
    }
    bool batched = isBatched(node.in[0]);
    for (size_t k = 0; k < axes.size(); ++k) {
      const Value start = b_.cast(one(node.in[k + 1]), DType::I64);
      const int64_t lead = batched ? 1 : 0;
      const Dim extent = b_.type(x).shape[axes[k] + lead];
      if (!isBatched(node.in[k + 1])) {
        x = b_.make(Op::DSlice, {x, start},
                    {{"axes", std::vector<int64_t>{axes[k] + lead}}, {"sizes", std::vector<Dim>{sizes[k]}}});
        continue;
      }
      const Type rows{DType::I64, {n_}};
      const Value last = b_.fill(b_.make(Op::Size, {}, {{"dim", extent - sizes[k]}}), {n_});
      const Value low = b_.make(Op::Max, {start, b_.constant(0, rows)});
      const Value clamped = b_.neg(b_.make(Op::Max, {b_.neg(low), b_.neg(last)}));
      const Type grid{DType::I64, {n_, sizes[k]}};
      const Value index =
          b_.add(b_.broadcast(clamped, {1}, {sizes[k]}), b_.make(Op::Iota, {}, {{"type", grid}, {"axis", int64_t{1}}}));
      if (batched) {
        x = b_.make(Op::Gather, {x, index}, {{"axis", axes[k] + 1}, {"batch", int64_t{1}}});
      } else {
        x = toFront(b_.make(Op::Gather, {x, index}, {{"axis", axes[k]}, {"batch", int64_t{0}}}), axes[k]);
        batched = true;
      }
    }
    return {x};
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
