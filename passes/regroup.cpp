// A tensor taken apart, changed in places and put together again is changed in place. The whole is named: in
//   concat(dupdate(slice(x, part 0), u, s), slice(x, part 1), …)
// the parts are those of x again, so it is dupdate(x, u, s behind part 0's place), and who reads the first part reads
// that slice of it. The planner then writes u into x's storage, where the concat would copy all of it. So a step of
// decoding costs what it adds to its cache.
#include <algorithm>

#include "passes/passes.h"
#include "passes/rewrite.h"

namespace nnc {
namespace {

using Dims = std::vector<Dim>;

/// Which part of the whole a value is: lo[a] <= index < hi[a] on the whole's axes; `axes` names for each axis of the
/// value the axis of the whole it runs along, or -1 for one of extent 1 that the whole lacks.
struct Part {
  Dims lo, hi;
  std::vector<int> axes;
};

struct Update {
  uint32_t node = 0;  // a dupdate
  Part part;          // of what it changes
};

bool isOne(const Dim& d) {
  return d == Dim(1);
}

/// A reshape that only takes away and adds axes of extent 1: where the axes of `to` run, given those of `from`.
std::optional<std::vector<int>> acrossOnes(const Shape& from, const std::vector<int>& axes, const Shape& to) {
  std::vector<int> moved;
  size_t next = 0;
  for (const Dim& d : to) {
    if (isOne(d)) {
      moved.push_back(-1);
      continue;
    }
    while (next < from.size() && isOne(from[next])) ++next;
    if (next == from.size() || from[next] != d) return std::nullopt;
    moved.push_back(axes[next++]);
  }
  for (; next < from.size(); ++next)
    if (!isOne(from[next])) return std::nullopt;
  return moved;
}

/// Finds concats that put a tensor together again. Later ones first: they hold the earlier.
class Regrouping {
public:
  explicit Regrouping(const Graph& graph) : graph_(graph), whole_(graph.nodes.size()), taken_(graph.nodes.size()) {
    for (uint32_t n = static_cast<uint32_t>(graph.nodes.size()); n-- > 0;)
      if (graph.nodes[n].op == Op::Concat && !taken_[n]) consider(n);
  }

  struct Group {
    uint32_t concat = 0;
    Value whole;
    std::vector<Update> updates;  // in the order of the nodes
  };
  const std::vector<Group>& groups() const { return groups_; }

private:
  void consider(uint32_t concat) {
    const Shape& shape = graph_.nodes[concat].out[0].shape;
    whole_ = original({concat, 0});
    if (!whole_) return;
    Part all{Dims(shape.size()), shape, {}};
    for (size_t a = 0; a < shape.size(); ++a) all.axes.push_back(static_cast<int>(a));
    updates_.clear(), inside_.clear();
    if (!covers({concat, 0}, all) || updates_.empty()) return;
    for (const uint32_t n : inside_) taken_[n] = true;
    std::sort(updates_.begin(), updates_.end(), [](const Update& a, const Update& b) { return a.node < b.node; });
    groups_.push_back({concat, whole_, updates_});
  }

  /// What the first piece was once a part of: a value of the concat's own type.
  Value original(Value concat) const {
    for (Value v = concat;;) {
      const Node& node = graph_.node(v);
      const bool onTheWay =
          node.op == Op::Concat || node.op == Op::DUpdate || node.op == Op::Reshape || node.op == Op::Slice;
      if (v != concat && graph_.type(v) == graph_.type(concat) && node.op != Op::DUpdate) return v;
      if (!onTheWay) return {};
      v = node.in[0];
    }
  }

  /// The part of the whole that `v`, a view of it, is.
  std::optional<Part> viewed(Value v) const {
    const Node& node = graph_.node(v);
    if (v == whole_) {
      const Shape& shape = graph_.type(v).shape;
      Part part{Dims(shape.size()), shape, {}};
      for (size_t a = 0; a < shape.size(); ++a) part.axes.push_back(static_cast<int>(a));
      return part;
    }
    if (node.op != Op::Reshape && node.op != Op::Slice) return std::nullopt;
    std::optional<Part> part = viewed(node.in[0]);
    if (!part) return std::nullopt;
    if (node.op == Op::Reshape) {
      const auto axes = acrossOnes(graph_.type(node.in[0]).shape, part->axes, node.out[0].shape);
      if (!axes) return std::nullopt;
      part->axes = *axes;
      return part;
    }
    const auto& stride = node.attrs.ints("stride");
    if (std::any_of(stride.begin(), stride.end(), [](int64_t s) { return s != 1; })) return std::nullopt;
    for (size_t i = 0; i < part->axes.size(); ++i) {
      if (part->axes[i] < 0) {
        if (!isOne(node.out[0].shape[i])) return std::nullopt;
        continue;
      }
      const auto a = static_cast<size_t>(part->axes[i]);
      part->hi[a] = part->lo[a] + node.attrs.dims("hi")[i];
      part->lo[a] = part->lo[a] + node.attrs.dims("lo")[i];
    }
    return part;
  }

  /// Is `v` that part of the whole, but for updates? These and the concats within are noted.
  bool covers(Value v, const Part& part) {
    if (const std::optional<Part> own = viewed(v)) return own->lo == part.lo && own->hi == part.hi;
    const Node& node = graph_.node(v);
    if (node.op == Op::DUpdate) {
      updates_.push_back({v.node, part});
      inside_.push_back(v.node);
      return !taken_[v.node] && canLift(node, part) && covers(node.in[0], part);
    }
    if (node.op == Op::Reshape) {
      const auto axes = acrossOnes(node.out[0].shape, part.axes, graph_.type(node.in[0]).shape);
      return axes && covers(node.in[0], {part.lo, part.hi, *axes});
    }
    if (node.op != Op::Concat) return false;
    inside_.push_back(v.node);
    const auto axis = static_cast<size_t>(node.attrs.integer("axis"));
    if (part.axes[axis] < 0) return false;
    const auto along = static_cast<size_t>(part.axes[axis]);
    Part piece = part;
    piece.hi[along] = part.lo[along];
    return std::all_of(node.in.begin(), node.in.end(), [&](const Value& in) {
      piece.lo[along] = piece.hi[along];
      piece.hi[along] = piece.lo[along] + graph_.type(in).shape[axis];
      return covers(in, piece);
    });
  }

  /// The starts count from the part's edge and are clamped to it: they are those of the whole along axes that the part
  /// has whole; elsewhere the part's place must be a number.
  bool canLift(const Node& update, const Part& part) const {
    const Shape& shape = graph_.type(whole_).shape;
    std::vector<bool> started(shape.size(), false);
    for (const int64_t axis : update.attrs.ints("axes")) {
      const int a = part.axes[static_cast<size_t>(axis)];
      if (a < 0) continue;  // of extent 1: the start is 0
      started[static_cast<size_t>(a)] = true;
      if (part.lo[static_cast<size_t>(a)] != Dim(0) || part.hi[static_cast<size_t>(a)] != shape[static_cast<size_t>(a)])
        return false;
    }
    for (size_t a = 0; a < shape.size(); ++a)
      if (!started[a] && !part.lo[a].isConst()) return false;
    return true;
  }

  const Graph& graph_;
  Value whole_;
  std::vector<bool> taken_;
  std::vector<Update> updates_;
  std::vector<uint32_t> inside_;
  std::vector<Group> groups_;
};

/// The update of a part as one of the whole: the block with the whole's axes, the part's place among the starts.
Value lifted(Builder& b, const Node& update, const Part& part, Value whole) {
  const Shape block = b.type(update.in[1]).shape;
  Shape shape(part.lo.size(), Dim(1));
  for (size_t i = 0; i < part.axes.size(); ++i)
    if (part.axes[i] >= 0) shape[static_cast<size_t>(part.axes[i])] = block[i];
  std::vector<Value> starts(shape.size());
  const auto& axes = update.attrs.ints("axes");
  for (size_t j = 0; j < axes.size(); ++j)
    if (const int a = part.axes[static_cast<size_t>(axes[j])]; a >= 0)
      starts[static_cast<size_t>(a)] = update.in[2 + j];
  std::vector<Value> in = {whole, b.reshape(update.in[1], shape)};
  std::vector<int64_t> started;
  for (size_t a = 0; a < shape.size(); ++a) {
    if (!starts[a] && shape[a] == b.type(whole).shape[a]) continue;
    in.push_back(starts[a] ? starts[a] : b.constant(static_cast<double>(part.lo[a].value()), Type{DType::I64, {}}));
    started.push_back(static_cast<int64_t>(a));
  }
  return b.make(Op::DUpdate, in, {{"axes", started}});
}

Value sliceOf(Builder& b, Value whole, const Part& part, const Shape& shape) {
  const Value slice = b.make(Op::Slice, {whole},
                             {{"lo", part.lo}, {"hi", part.hi}, {"stride", std::vector<int64_t>(part.lo.size(), 1)}});
  return b.reshape(slice, shape);
}

Graph regroupGraph(Graph graph) {
  const std::vector<Regrouping::Group> groups = Regrouping(graph).groups();
  struct Place {
    size_t group = 0;
    const Update* update = nullptr;  // null: the concat
  };
  std::vector<std::optional<Place>> places(graph.nodes.size());
  std::vector<Value> now(groups.size());  // the whole as changed so far
  std::vector<std::vector<size_t>> begins(graph.nodes.size());
  for (size_t g = 0; g < groups.size(); ++g) {
    places[groups[g].concat] = Place{g, nullptr};
    for (const Update& u : groups[g].updates) places[u.node] = Place{g, &u};
    begins[groups[g].whole.node].push_back(g);
  }
  Graph out;
  out.nodes.reserve(graph.nodes.size());
  Builder b(out);
  ValueMap map;
  for (uint32_t n = 0; n < graph.nodes.size(); ++n) {
    for (Graph& region : graph.nodes[n].regions) region = regroupGraph(std::move(region));
    const Node& node = graph.nodes[n];
    if (!places[n]) {
      copyNode(graph, n, out, map);
    } else if (const Update* update = places[n]->update) {
      b.setOrigin(node.origin);
      Node mapped = node;
      for (Value& v : mapped.in) v = map[v];
      Value& whole = now[places[n]->group];
      whole = lifted(b, mapped, update->part, whole);
      out.node(whole).name = node.name;
      map.set({n, 0}, sliceOf(b, whole, update->part, node.out[0].shape));
    } else {
      map.set({n, 0}, now[places[n]->group]);
    }
    for (const size_t g : begins[n]) now[g] = map[groups[g].whole];
  }
  for (const Output& o : graph.outputs) out.outputs.push_back({o.role, o.name, map[o.value]});
  return out;
}

}  // namespace

Graph regroup(Graph graph, PassContext&) {
  if (hasGrad(graph)) return graph;
  return regroupGraph(std::move(graph));
}

}  // namespace nnc
