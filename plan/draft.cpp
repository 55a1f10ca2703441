// Builds the kernel of a cluster: task loops, one Reduce stage for each reducing item, Map stages for what is stored.
#include <algorithm>

#include "ir/check.h"
#include "plan/draft.h"

namespace nnc::plan {
namespace {

using Kind = Stage::Kind;

class NestBuilder {
public:
  NestBuilder(const GraphContext& context, const Cluster& cluster, const Splits& splits,
              std::map<Value, std::vector<Index>>* probe = nullptr)
      : context_(context), cluster_(cluster), splits_(splits) {
    draft_.probe = probe;
    draft_.kernel.tmpl = cluster.tmpl;
    draft_.order = cluster.order;
  }

  KernelDraft build() {
    for (size_t t = 0; t < cluster_.task.size(); ++t) {
      std::vector<uint32_t> iters;
      task_.push_back(makeAxis(static_cast<int>(t), cluster_.task[t], iters));
      draft_.kernel.taskIters.insert(draft_.kernel.taskIters.end(), iters.begin(), iters.end());
    }
    for (const Item& item : cluster_.items)
      if (cluster_.kind == Cluster::Kind::Nest && !item.reduce && !isCopy(item)) addMember(item);
    switch (cluster_.kind) {
      case Cluster::Kind::Nest:
        for (size_t i = 0; i < cluster_.items.size();) i = cluster_.items[i].reduce ? reduceStage(i) : mapStage(i);
        break;
      case Cluster::Kind::Scatter:
        scatterStage();
        break;
      case Cluster::Kind::Sort:
        sortStage();
        break;
    }
    return std::move(draft_);
  }

private:
  /// Iteration variables of an axis, one for each piece its splits cut it into, and the axis as an expression of them.
  Ix makeAxis(int key, const Dim& extent, std::vector<uint32_t>& iters) {
    // The loops of a convolution keep their places even where they run once.
    if (extent == Dim(1) && cluster_.order.empty()) return {};
    std::vector<Dim> divs;
    if (const auto at = splits_.find(key); at != splits_.end()) divs = at->second;
    divs.push_back(1);
    Ix value;
    Dim above = extent;
    for (const Dim& div : divs) {
      const auto id = static_cast<uint32_t>(draft_.kernel.iters.size());
      const Dim pieces = *above.dividedBy(div);
      draft_.kernel.iters.push_back({pieces, {}});
      draft_.extents.push_back(pieces);
      draft_.iterInfo.push_back({key, div});
      iters.push_back(id);
      value = value + Ix::iter(id) * div;
      above = div;
    }
    return value;
  }

  /// One variable for all axes, never cut, and the axes as its digits.
  Index makeFlatAxes(int key, const Shape& extents, std::vector<uint32_t>& iters) {
    const auto id = static_cast<uint32_t>(draft_.kernel.iters.size());
    const Dim count = elementCount(extents);
    draft_.kernel.iters.push_back({count, {}});
    draft_.extents.push_back(count);
    draft_.iterInfo.push_back({key, 1, true});
    iters.push_back(id);
    Index index(extents.size());
    Dim below = 1;
    for (size_t d = extents.size(); d-- > 0;) {
      const Ix above = floorDiv(Ix::iter(id), below, draft_.extents);
      index[d] = d == 0 ? above : floorMod(above, extents[d], draft_.extents);
      below = below * extents[d];
    }
    return index;
  }

  int stageAxis(size_t item, size_t d) const {
    return KernelDraft::kStageAxis * static_cast<int>(item + 1) + static_cast<int>(d);
  }

  /// The index of an item's value: task axes and, in order, axes of its stage.
  Index indexOf(const Item& item, const std::vector<Ix>& own) const {
    const Shape& shape = context_.graph.type(item.value).shape;
    Index index;
    size_t next = 0;
    for (size_t d = 0; d < item.axes.size(); ++d) {
      const int axis = item.axes[d];
      NNC_CHECK(axis < 0 || cluster_.task[static_cast<size_t>(axis)] == shape[d],
                "a kernel's tasks do not span a value it computes");
      if (axis >= 0)
        index.push_back(task_[static_cast<size_t>(axis)]);
      else
        index.push_back(axis == Item::kOwn ? own[next++] : Ix());
    }
    return index;
  }

  Shape ownExtents(const Item& item) const {
    const Shape& shape = context_.graph.type(item.value).shape;
    Shape own;
    for (size_t d = 0; d < shape.size(); ++d)
      if (item.axes[d] == Item::kOwn) own.push_back(shape[d]);
    return own;
  }

  size_t reduceStage(size_t i) {
    const Item& item = cluster_.items[i];
    Stage stage;
    stage.kind = Kind::Reduce;
    const Node& node = context_.graph.node(item.value);
    Index red;
    const Shape extents = reducedExtents(context_.graph, item.value.node);
    stage.fold = foldOf(context_.graph, node);
    if (stage.fold == Stage::Fold::InnerDot)
      red = makeFlatAxes(stageAxis(i, 0), extents, stage.iters);
    else
      for (size_t d = 0; d < extents.size(); ++d) red.push_back(makeAxis(stageAxis(i, d), extents[d], stage.iters));
    const Index out = indexOf(item, {});
    RegionBuilder builder(context_, draft_, stage.body);
    stage.value = emitReduceBody(builder, context_.graph, item.value.node, out, red, draft_.extents);
    stage.acc = stage.fold == Stage::Fold::ArgMax ? DType::I32 : accumulatorOf(node);
    draft_.results.push_back({item.value, static_cast<uint32_t>(draft_.kernel.stages.size()), out, stage.acc});
    draft_.kernel.stages.push_back(std::move(stage));
    return i + 1;
  }

  void addMember(const Item& item) {
    std::vector<std::optional<Ix>>& at = draft_.members[item.value];
    for (const int axis : item.axes)
      at.push_back(axis >= 0 ? std::optional(task_[static_cast<size_t>(axis)]) : std::nullopt);
  }

  /// Neighbouring items with equal loops share a stage.
  size_t mapStage(size_t begin) {
    Stage stage;
    const Shape extents = ownExtents(cluster_.items[begin]);
    size_t end = begin;
    while (end < cluster_.items.size() && !cluster_.items[end].reduce && ownExtents(cluster_.items[end]) == extents)
      ++end;
    std::vector<Ix> own;
    for (size_t d = 0; d < extents.size(); ++d) own.push_back(makeAxis(stageAxis(begin, d), extents[d], stage.iters));
    RegionBuilder builder(context_, draft_, stage.body);
    for (size_t i = begin; i < end; ++i) {
      const Item& item = cluster_.items[i];
      const Index index = indexOf(item, own);
      if (item.targets.empty()) continue;
      const uint32_t value = builder.emit(item.value, index);
      for (const Target& target : item.targets) store(stage, builder, target, index, value);
    }
    draft_.kernel.stages.push_back(std::move(stage));
    return end;
  }

  /// A value that has its own buffer and is only copied elsewhere is loaded from there.
  bool isCopy(const Item& item) const {
    const BufId home = context_.homeOf(item.value);
    return home != kNoBuffer && !item.targets.empty() &&
           std::none_of(item.targets.begin(), item.targets.end(), [home](const Target& t) { return t.buffer == home; });
  }

  void store(Stage& stage, RegionBuilder& builder, const Target& target, Index index, uint32_t value) {
    const Buffer& buffer = context_.entry.buffers[target.buffer];
    const Shape& block = context_.graph.type(cluster_.items[0].value).shape;
    for (size_t d = 0; d < target.offset.size(); ++d) index[d] = index[d] + Ix(target.offset[d]);
    for (size_t d = 0; d < target.starts.size(); ++d)
      if (target.starts[d])
        index[d] = index[d] + builder.clamped(builder.emit(target.starts[d], {}), buffer.type.shape[d] - block[d]);
    Store s;
    s.operand = draft_.operand(target.buffer);
    draft_.written[s.operand] = true;
    s.index = storageIndex(buffer, index, draft_.extents);
    s.value = value;
    stage.stores.push_back(std::move(s));
  }

  /// u in order of its indices; tasks are the axes of u that i does not choose along.
  void scatterStage() {
    const Item& item = cluster_.items[0];
    const Node& node = context_.graph.node(item.value);
    const auto axis = static_cast<size_t>(node.attrs.integer("axis")),
               batch = static_cast<size_t>(node.attrs.integer("batch"));
    const Shape& chosen = context_.graph.type(node.in[1]).shape;
    const Shape& shape = context_.graph.type(item.value).shape;
    Stage stage;
    Index at(task_.begin(), task_.begin() + static_cast<std::ptrdiff_t>(batch));
    Index u(task_.begin(), task_.begin() + static_cast<std::ptrdiff_t>(axis));
    for (size_t d = batch; d < chosen.size(); ++d) {
      at.push_back(makeAxis(stageAxis(0, d), chosen[d], stage.iters));
      u.push_back(at.back());
    }
    u.insert(u.end(), task_.begin() + static_cast<std::ptrdiff_t>(axis), task_.end());
    RegionBuilder builder(context_, draft_, stage.body);
    const uint32_t position = builder.emit(node.in[1], at);
    Store s;
    s.value = builder.emit(node.in[2], u);
    Index into(task_.begin(), task_.begin() + static_cast<std::ptrdiff_t>(axis));
    into.push_back(Ix::inst(position));
    into.insert(into.end(), task_.begin() + static_cast<std::ptrdiff_t>(axis), task_.end());
    s.operand = draft_.operand(item.targets[0].buffer);
    draft_.written[s.operand] = true;
    s.index = storageIndex(context_.entry.buffers[item.targets[0].buffer], into, draft_.extents);
    s.guards.push_back({Ix::inst(position), 0, shape[axis]});
    s.accumulate = node.attrs.string("mode") == "add";
    stage.stores.push_back(std::move(s));
    draft_.kernel.stages.push_back(std::move(stage));
  }

  void sortStage() {
    const Item& item = cluster_.items[0];
    const Node& node = context_.graph.node(item.value);
    const auto axis = static_cast<size_t>(node.attrs.integer("axis"));
    Stage stage;
    Index index = task_;
    const Ix along = makeAxis(stageAxis(0, 0), node.out[0].shape[axis], stage.iters);
    index.insert(index.begin() + static_cast<std::ptrdiff_t>(axis), along);
    RegionBuilder builder(context_, draft_, stage.body);
    const uint32_t value = builder.emit(node.in[0], index);
    for (const Target& target : item.targets) store(stage, builder, target, index, value);
    draft_.kernel.stages.push_back(std::move(stage));
  }

  const GraphContext& context_;
  const Cluster& cluster_;
  const Splits& splits_;
  KernelDraft draft_;
  std::vector<Ix> task_;
};

void collect(const Ix& ix, const KernelDraft& draft, std::map<int, std::vector<Dim>>& wanted) {
  for (const auto& [atom, factor] : ix.terms) {
    if (!atom.arg) continue;
    const Ix& arg = *atom.arg;
    if (arg.terms.size() == 1 && arg.constant == Dim() && arg.terms[0].second == Dim(1) &&
        arg.terms[0].first.kind == Atom::Kind::Iter) {
      const uint32_t iter = arg.terms[0].first.id;
      const KernelDraft::IterInfo& info = draft.iterInfo[iter];
      if (!info.whole && draft.extents[iter].dividedBy(atom.by)) wanted[info.axis].push_back(info.div * atom.by);
    }
    collect(arg, draft, wanted);
  }
}

/// Adds to `splits` what would turn a Div or Mod of one iteration variable into two variables. True if there was
/// anything.
bool addSplits(const KernelDraft& draft, Splits& splits) {
  std::map<int, std::vector<Dim>> wanted;
  for (const Stage& stage : draft.kernel.stages) {
    for (const Inst& inst : stage.body) {
      collect(inst.index, draft, wanted);
      for (const Guard& g : inst.guards) collect(g.value, draft, wanted);
    }
    for (const Store& s : stage.stores) collect(s.index, draft, wanted);
  }
  bool added = false;
  for (const auto& [axis, divs] : wanted)
    for (const Dim& div : divs) {
      std::vector<Dim>& have = splits[axis];
      // The pieces must nest: each div divides the next larger one.
      const bool fits = std::all_of(have.begin(), have.end(), [&div](const Dim& other) {
        return other != div && (other.dividedBy(div) || div.dividedBy(other));
      });
      if (!fits) continue;
      have.insert(std::find_if(have.begin(), have.end(), [&div](const Dim& other) { return !!div.dividedBy(other); }),
                  div);
      added = true;
    }
  return added;
}

}  // namespace

KernelDraft draftRaw(const GraphContext& context, const Cluster& cluster) {
  Splits splits;
  for (int round = 0;; ++round) {
    KernelDraft draft = NestBuilder(context, cluster, splits).build();
    if (draft.failed || round == 6 || cluster.kind == Cluster::Kind::Sort || !addSplits(draft, splits)) return draft;
  }
}

KernelDraft probeKernel(const GraphContext& context, const Cluster& cluster,
                        std::map<Value, std::vector<Index>>& wanted) {
  return NestBuilder(context, cluster, {}, &wanted).build();
}

}  // namespace nnc::plan
