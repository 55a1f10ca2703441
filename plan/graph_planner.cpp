// One graph to units: buffers for its roots, a kernel for each cluster, sinks written in place where that is safe.
#include <algorithm>
#include <set>

#include "ir/check.h"
#include "plan/fuse.h"
#include "plan/planner.h"

namespace nnc::plan {
namespace {

class GraphPlanner {
public:
  GraphPlanner(FunctionContext& function, const Graph& graph, const std::vector<BufId>& args,
               const std::vector<Sink>& sinks)
      : function_(function), graph_(graph), context_(graph, function.entry), sinks_(sinks) {
    bindSources(args);
  }

  std::vector<Unit> plan() {
    findLive();
    roots_ = chooseRoots(graph_, live_, sinkValues(), context_, function_.options);
    if (function_.options.fuse) refineRoots(graph_, live_, sinkValues(), context_, roots_);
    for (uint32_t n = 0; n < graph_.nodes.size(); ++n)
      for (uint32_t r = 0; r < graph_.nodes[n].out.size(); ++r)
        if (roots_.stored[n][r]) context_.homes[n][r] = addHome({n, r});
    makeClusters();
    if (function_.options.fuse) fuseClusters(clusters_, context_, function_.bounds);
    addMoves();
    keepForeignBuffers();
    addOutputTargets();
    for (const Cluster& cluster : clusters_) addKernel(cluster);
    for (Unit& u : controls_) units_.push_back(std::move(u));
    return placeUnits(function_, std::move(units_), moves_, changes_);
  }

private:
  void bindSources(const std::vector<BufId>& args) {
    for (uint32_t n = 0; n < graph_.nodes.size(); ++n) {
      const Node& node = graph_.nodes[n];
      BufId& home = context_.homes[n].empty() ? unused_ : context_.homes[n][0];
      if (node.op == Op::Arg) home = args[static_cast<size_t>(node.attrs.integer("index"))];
      if (node.op == Op::Leaf) {
        const std::string& kind = node.attrs.string("kind");
        const bool variable = kind == "param" || kind == "state";
        home = (variable ? function_.variables : function_.leaves).at(node.attrs.string("name"));
      }
      if (node.op == Op::Const && needsConstBuffer(node)) {
        home = function_.addBuffer(Role::Const, node.out[0], rowMajor(node.out[0].shape), node.name, node.origin);
        function_.entry.buffers[home].literal = node.attrs.literal("value");
      }
    }
  }

  BufId addHome(Value v) {
    const Node& node = graph_.node(v);
    return function_.addBuffer(Role::Arena, node.out[v.result], function_.layouts.ofValue(graph_, v), node.name,
                               node.origin);
  }

  void findLive() {
    live_.assign(graph_.nodes.size(), false);
    for (const Sink& s : sinks_) live_[s.value.node] = true;
    for (size_t n = graph_.nodes.size(); n-- > 0;)
      if (live_[n])
        for (const Value& v : graph_.nodes[n].in) live_[v.node] = true;
  }

  std::set<Value> sinkValues() const {
    std::set<Value> values;
    for (const Sink& s : sinks_) values.insert(s.value);
    return values;
  }

  void makeClusters() {
    for (uint32_t n = 0; n < graph_.nodes.size(); ++n) {
      const Node& node = graph_.nodes[n];
      if (!live_[n]) continue;
      if (isSpecial(node))
        special(n);
      else if (!node.out.empty() && roots_.stored[n][0]) {
        const auto anchor = roots_.anchors.find(n);
        clusters_.push_back(clusterOf(context_, n, anchor == roots_.anchors.end() ? n : anchor->second));
      }
    }
  }

  /// One elementwise kernel that computes `v` into a target.
  Cluster storing(Value v, Target target, const Origin& origin) {
    Cluster c;
    c.origin = origin;
    Item item;
    item.value = v;
    item.axes = identityAxes(graph_.type(v).shape, false);
    for (const Dim& d : graph_.type(v).shape)
      if (d != Dim(1)) c.task.push_back(d);
    item.targets.push_back(std::move(target));
    c.items.push_back(std::move(item));
    return c;
  }

  void special(uint32_t n) {
    const Node& node = graph_.nodes[n];
    switch (node.op) {
      case Op::Concat:
        concat(n);
        break;
      case Op::Scatter:
        scatter(n);
        break;
      case Op::DUpdate:
        dupdate(n);
        break;
      case Op::Sort:
        sort(n);
        break;
      case Op::Scan:
        scan(n);
        break;
      case Op::Cond:
        cond(n);
        break;
      default:
        internalError(__FILE__, __LINE__, "no plan for this op");
    }
  }

  void concat(uint32_t n) {
    const Node& node = graph_.nodes[n];
    const auto axis = static_cast<size_t>(node.attrs.integer("axis"));
    Dim at;
    for (const Value& v : node.in) {
      Target target{context_.homes[n][0], std::vector<Dim>(node.out[0].shape.size()), {}};
      target.offset[axis] = at;
      at = at + graph_.type(v).shape[axis];
      clusters_.push_back(storing(v, target, node.origin));
    }
  }

  /// The old value is copied, then changed; placeUnits makes the copy vanish where it can.
  void copyOldValue(uint32_t n) {
    const Node& node = graph_.nodes[n];
    clusters_.push_back(storing(node.in[0], {context_.homes[n][0], {}, {}}, node.origin));
    const BufId old = context_.homeOf(node.in[0]);
    if (old != kNoBuffer) changes_.emplace_back(context_.homes[n][0], old);
  }

  void scatter(uint32_t n) {
    copyOldValue(n);
    const Node& node = graph_.nodes[n];
    Cluster c;
    c.kind = Cluster::Kind::Scatter;
    c.overwrites = true;
    c.origin = node.origin;
    const auto axis = static_cast<size_t>(node.attrs.integer("axis"));
    for (size_t d = 0; d < node.out[0].shape.size(); ++d)
      if (d != axis) c.task.push_back(node.out[0].shape[d]);
    c.items.push_back({Value{n, 0}, false, {}, {Target{context_.homes[n][0], {}, {}}}});
    clusters_.push_back(std::move(c));
  }

  void dupdate(uint32_t n) {
    copyOldValue(n);
    const Node& node = graph_.nodes[n];
    Target target{context_.homes[n][0], {}, std::vector<Value>(node.out[0].shape.size())};
    const auto& axes = node.attrs.ints("axes");
    for (size_t j = 0; j < axes.size(); ++j) target.starts[static_cast<size_t>(axes[j])] = node.in[2 + j];
    clusters_.push_back(storing(node.in[1], target, node.origin));
    clusters_.back().overwrites = true;
  }

  void sort(uint32_t n) {
    const Node& node = graph_.nodes[n];
    Cluster c;
    c.kind = Cluster::Kind::Sort;
    c.tmpl = Template::Sort;
    c.origin = node.origin;
    const auto axis = static_cast<size_t>(node.attrs.integer("axis"));
    for (size_t d = 0; d < node.out[0].shape.size(); ++d)
      if (d != axis) c.task.push_back(node.out[0].shape[d]);
    c.items.push_back({Value{n, 0}, false, {}, {{context_.homes[n][0], {}, {}}, {context_.homes[n][1], {}, {}}}});
    clusters_.push_back(std::move(c));
  }

  BufId scalarBuffer(DType dtype, const Origin& origin) {
    return function_.addBuffer(Role::Arena, Type{dtype, {}}, {}, "", origin);
  }

  void scan(uint32_t n) {
    const Node& node = graph_.nodes[n];
    const auto consts = static_cast<size_t>(node.attrs.integer("consts")),
               carries = static_cast<size_t>(node.attrs.integer("carries"));
    const bool reverse = node.attrs.flag("reverse");
    const Graph& body = node.regions[0];
    Unit unit;
    unit.kind = Unit::Kind::Loop;
    unit.origin = node.origin;
    unit.step.kind = Step::Kind::Loop;
    unit.step.trip = node.attrs.dim("count");
    const bool counted = std::any_of(body.nodes.begin(), body.nodes.end(), [&node](const Node& arg) {
      return arg.op == Op::Arg && arg.attrs.integer("index") == static_cast<int64_t>(node.in.size());
    });
    if (counted) unit.step.counter = scalarBuffer(DType::I64, node.origin);
    std::vector<BufId> args;
    for (size_t i = 0; i < node.in.size(); ++i) {
      if (i < consts) {
        args.push_back(context_.homeOf(node.in[i]));
      } else if (i < consts + carries) {
        const BufId carry = context_.homes[n][i - consts];
        clusters_.push_back(storing(node.in[i], {carry, {}, {}}, node.origin));
        args.push_back(carry);
      } else {
        args.push_back(sliceOf(sliceable(node.in[i], node.origin), reverse, unit.step, node.origin));
      }
    }
    args.push_back(counted && reverse ? scalarBuffer(DType::I64, node.origin) : unit.step.counter);
    // Slices first: a value that is stacked and carried on is then written to the stack and copied once.
    std::vector<Sink> sinks;
    for (size_t i = carries; i < body.outputs.size(); ++i)
      sinks.push_back({body.outputs[i].value, sliceOf(context_.homes[n][i], reverse, unit.step, node.origin), true});
    for (size_t i = 0; i < carries; ++i) sinks.push_back({body.outputs[i].value, context_.homes[n][i], true});
    unit.body = planGraph(function_, body, args, sinks);
    if (counted && reverse) unit.body.insert(unit.body.begin(), mirrored(unit.step, args.back()));
    controls_.push_back(std::move(unit));
  }

  /// The index of the slice a reversed scan is at: count - 1 - t.
  static Unit mirrored(const Step& step, BufId index) {
    Unit unit;
    Stage stage;
    Inst load;
    load.kind = Inst::Kind::Load;
    load.dtype = DType::I64;
    load.operand = unit.draft.operand(step.counter);
    Inst minus;
    minus.op = Op::Neg;
    minus.dtype = DType::I64;
    minus.args = {0};
    Inst last;
    last.kind = Inst::Kind::Index;
    last.dtype = DType::I64;
    last.index = Ix(step.trip - Dim(1));
    Inst sum;
    sum.op = Op::Add;
    sum.dtype = DType::I64;
    sum.args = {2, 1};
    stage.body = {load, minus, last, sum};
    Store store;
    store.operand = unit.draft.operand(index);
    store.value = 3;
    unit.draft.written[store.operand] = true;
    stage.stores.push_back(store);
    unit.draft.kernel.stages.push_back(stage);
    unit.reads = {step.counter};
    unit.writes = {index};
    return unit;
  }

  static bool hasSlices(const Buffer& buffer) {
    const std::vector<Digit>& digits = buffer.layout.digits;
    return !digits.empty() && digits[0].dim == 0 && digits[0].extent == buffer.type.shape[0];
  }

  /// A buffer in which the slices of `v` along its first axis are contiguous: its own, or a copy where a variable lies
  /// otherwise for the sake of another reader.
  BufId sliceable(Value v, const Origin& origin) {
    const BufId home = context_.homeOf(v);
    if (hasSlices(function_.entry.buffers[home])) return home;
    const Type& type = graph_.type(v);
    const BufId copy = function_.addBuffer(Role::Arena, type, rowMajor(type.shape), "", origin);
    clusters_.push_back(storing(v, {copy, {}, {}}, origin));
    return copy;
  }

  BufId sliceOf(BufId whole, bool reverse, Step& step, const Origin& origin) {
    const Buffer stacked = function_.entry.buffers[whole];
    Type type = stacked.type;
    type.shape.erase(type.shape.begin());
    Layout layout = stacked.layout;
    NNC_CHECK(hasSlices(stacked), "the slices of a scan are not contiguous");
    layout.digits.erase(layout.digits.begin());
    for (Digit& d : layout.digits) --d.dim;
    const BufId slice = function_.addBuffer(Role::Arena, type, layout, stacked.name, origin);
    step.slices.push_back({slice, whole, reverse});
    return slice;
  }

  void cond(uint32_t n) {
    const Node& node = graph_.nodes[n];
    Unit unit;
    unit.kind = Unit::Kind::If;
    unit.origin = node.origin;
    unit.step.kind = Step::Kind::If;
    unit.step.predicate = context_.homeOf(node.in[0]);
    std::vector<BufId> args;
    for (size_t i = 1; i < node.in.size(); ++i) args.push_back(context_.homeOf(node.in[i]));
    for (size_t side = 0; side < 2; ++side) {
      std::vector<Sink> sinks;
      const Graph& region = node.regions[side];
      for (size_t i = 0; i < region.outputs.size(); ++i)
        sinks.push_back({region.outputs[i].value, context_.homes[n][i], true});
      (side == 0 ? unit.body : unit.other) = planGraph(function_, region, args, sinks);
    }
    controls_.push_back(std::move(unit));
  }

  /// Readable sinks: the kernel that computes the value shall write them, if placeUnits finds that safe. A value that
  /// already lives elsewhere (a variable, an argument, a literal) is copied.
  void addMoves() {
    std::set<BufId> moved;
    for (const Sink& sink : sinks_) {
      BufId home = context_.homeOf(sink.value);
      if (!sink.readable || home == sink.buffer) continue;
      const bool isRoot = roots_.stored[sink.value.node][sink.value.result];
      if (!isRoot || !moved.insert(home).second) {
        home = addHome(sink.value);
        // The copy is its own kernel: the value stays where it is for its other readers.
        clusters_.push_back(storing(sink.value, {home, {}, {}}, graph_.node(sink.value).origin));
      }
      moves_.emplace_back(home, sink.buffer);
    }
  }

  /// Only temporaries of this graph, and what gets a new value here, may be changed in place.
  void keepForeignBuffers() {
    std::set<BufId> own;
    for (const Node& node : graph_.nodes)
      if (node.op != Op::Arg && node.op != Op::Leaf && node.op != Op::Const)
        own.insert(context_.homes[indexOf(node)].begin(), context_.homes[indexOf(node)].end());
    for (const auto& [from, to] : moves_) own.insert(to);
    std::erase_if(changes_, [&own](const auto& change) { return !own.contains(change.second); });
  }
  size_t indexOf(const Node& node) const { return static_cast<size_t>(&node - graph_.nodes.data()); }

  /// Results for the caller are stored beside the value's own buffer: the caller's memory is never read.
  void addOutputTargets() {
    for (const Sink& sink : sinks_) {
      if (sink.readable) continue;
      bool stored = false;
      for (Cluster& c : clusters_)
        for (Item& item : c.items)
          if (c.kind == Cluster::Kind::Nest && !item.reduce && item.value == sink.value && !item.targets.empty() &&
              item.targets[0].buffer == context_.homeOf(sink.value) && !stored) {
            item.targets.push_back({sink.buffer, {}, {}});
            stored = true;
          }
      if (!stored) clusters_.push_back(storing(sink.value, {sink.buffer, {}, {}}, graph_.node(sink.value).origin));
    }
  }

  void addKernel(const Cluster& cluster) {
    Unit unit;
    unit.draft = draftRaw(context_, cluster);
    NNC_CHECK(!unit.draft.failed, "a cluster cannot be one kernel");
    unit.origin = cluster.origin;
    unit.overwrites = cluster.overwrites;
    units_.push_back(std::move(unit));
  }

  FunctionContext& function_;
  const Graph& graph_;
  GraphContext context_;
  const std::vector<Sink>& sinks_;
  std::vector<bool> live_;
  Roots roots_;
  std::vector<Cluster> clusters_;
  std::vector<Unit> units_, controls_;
  Moves moves_;    // temporaries that are to become readable sinks
  Moves changes_;  // results of scatter and dupdate, and what they change
  BufId unused_ = kNoBuffer;
};

}  // namespace

std::vector<Unit> planGraph(FunctionContext& function, const Graph& graph, const std::vector<BufId>& args,
                            const std::vector<Sink>& sinks) {
  return GraphPlanner(function, graph, args, sinks).plan();
}

}  // namespace nnc::plan
