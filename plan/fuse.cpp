#include "plan/fuse.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <optional>

namespace nnc::plan {
namespace {

constexpr size_t kMostOperands = 24;
constexpr size_t kMostInstructions = 400;
constexpr int64_t kLargestBlock = 1 << 20;      // bytes that several stages may walk over
constexpr int64_t kLongestSerialRow = 1 << 14;  // elements one task may walk for the sake of fusion

/// How the axes of two clusters correspond: to each task axis of the one, an axis of the other.
struct Mapping {
  bool intoFirst = true;  // the first cluster's tasks stay
  std::vector<int> to;    // by task axis of the cluster that moves: task axis of the other, or Item::kOwn
};

class Fuser {
public:
  Fuser(std::vector<Cluster>& clusters, const GraphContext& context, const std::map<std::string, int64_t>& bounds)
      : clusters_(clusters), context_(context), graph_(context.graph), bounds_(bounds) {
    findDependences();
  }

  void run() {
    for (uint32_t c = 0; c < clusters_.size(); ++c)
      for (uint32_t at = c; mergeOne(at); at = find(at)) {
      }
    std::vector<Cluster> kept;
    for (uint32_t c = 0; c < clusters_.size(); ++c)
      if (gone_[c] == kHere) kept.push_back(std::move(clusters_[c]));
    clusters_ = std::move(kept);
  }

private:
  static constexpr uint32_t kHere = UINT32_MAX;

  // ---- dependences between clusters; control nodes take part as nodes of their own, numbered behind the clusters ----

  void findDependences() {
    std::vector<std::vector<uint32_t>> owners(graph_.nodes.size());
    uint32_t count = static_cast<uint32_t>(clusters_.size());
    for (uint32_t c = 0; c < clusters_.size(); ++c)
      for (const Item& item : clusters_[c].items)
        for (const Target& t : item.targets) ownerOf_[t.buffer].push_back(c);
    for (uint32_t n = 0; n < graph_.nodes.size(); ++n) {
      for (const BufId home : context_.homes[n])
        if (const auto at = ownerOf_.find(home); home != kNoBuffer && at != ownerOf_.end())
          owners[n].insert(owners[n].end(), at->second.begin(), at->second.end());
      if (graph_.nodes[n].op == Op::Scan || graph_.nodes[n].op == Op::Cond) owners[n].push_back(count++);
    }
    dependsOn_.resize(count);
    gone_.assign(count, kHere);
    for (uint32_t c = 0; c < clusters_.size(); ++c)
      for (const Item& item : clusters_[c].items) {
        for (const Value& start : startsOf(item)) visitInputs(start.node, owners, c, true);
        visitInputs(item.value.node, owners, c, isOwnHome(item) ? false : true);
      }
    for (uint32_t n = 0; n < graph_.nodes.size(); ++n)
      if (graph_.nodes[n].op == Op::Scan || graph_.nodes[n].op == Op::Cond)
        for (const uint32_t o : owners[n])
          for (const Value& v : graph_.nodes[n].in) visitInputs(v.node, owners, o, true);
    for (auto& [buffer, list] : ownerOf_)
      for (size_t i = 1; i < list.size(); ++i)
        if (clusters_[list[i]].overwrites) dependsOn_[list[i]].insert(list[i - 1]);
  }

  static std::vector<Value> startsOf(const Item& item) {
    std::vector<Value> starts;
    for (const Target& t : item.targets)
      for (const Value& v : t.starts)
        if (v) starts.push_back(v);
    return starts;
  }

  /// True if the item computes its node, false if it copies a stored value.
  bool isOwnHome(const Item& item) const {
    const BufId home = context_.homeOf(item.value);
    return home == kNoBuffer || item.reduce ||
           std::any_of(item.targets.begin(), item.targets.end(), [home](const Target& t) { return t.buffer == home; });
  }

  void visitInputs(uint32_t n, const std::vector<std::vector<uint32_t>>& owners, uint32_t reader, bool self) {
    if (self && !context_.homes[n].empty() && context_.homes[n][0] != kNoBuffer) {
      for (const uint32_t o : owners[n])
        if (o != reader) dependsOn_[reader].insert(o);
      return;
    }
    if (!visited_.insert({reader, n}).second) return;
    for (const Value& v : graph_.nodes[n].in) visitInputs(v.node, owners, reader, true);
  }

  uint32_t find(uint32_t c) const {
    while (gone_[c] != kHere) c = gone_[c];
    return c;
  }

  std::set<uint32_t> inputsOf(uint32_t c) const {
    std::set<uint32_t> inputs;
    for (const uint32_t d : dependsOn_[c])
      if (find(d) != c) inputs.insert(find(d));
    return inputs;
  }

  /// True if c depends on p by way of a third.
  bool dependsIndirectly(uint32_t c, uint32_t p) const {
    std::set<uint32_t> seen;
    std::vector<uint32_t> stack;
    for (const uint32_t d : inputsOf(c))
      if (d != p) stack.push_back(d);
    while (!stack.empty()) {
      const uint32_t d = stack.back();
      stack.pop_back();
      if (d == p) return true;
      if (!seen.insert(d).second) continue;
      for (const uint32_t next : inputsOf(d)) stack.push_back(next);
    }
    return false;
  }

  // ---- merging ----

  bool mayMerge(const Cluster& c) const {
    if (c.kind != Cluster::Kind::Nest || c.overwrites) return false;
    return std::all_of(c.items.begin(), c.items.end(), [this](const Item& item) {
      return item.reduce || (item.targets.size() == 1 && item.targets[0].offset.empty() &&
                             item.targets[0].starts.empty() && item.targets[0].buffer == context_.homeOf(item.value));
    });
  }

  bool mergeOne(uint32_t c) {
    if (gone_[c] != kHere || !mayMerge(clusters_[c])) return false;
    const std::set<uint32_t> inputs = inputsOf(c);
    // Rows with reductions first: what joins an elementwise sibling before could no longer join them.
    for (const bool reducing : {true, false})
      for (auto p = inputs.rbegin(); p != inputs.rend(); ++p)
        if (*p < clusters_.size() && mayMerge(clusters_[*p]) && clusters_[*p].items[0].reduce == reducing &&
            !dependsIndirectly(c, *p) && merge(*p, c, true))
          return true;
    for (uint32_t s = c; s-- > 0;)
      if (gone_[s] == kHere && !inputs.contains(s) && mayMerge(clusters_[s]) && areSiblings(s, c) &&
          !dependsIndirectly(c, s) && !dependsIndirectly(s, c) && !inputsOf(s).contains(c) && merge(s, c, false))
        return true;
    return false;
  }

  /// Equal tasks over equal storage, and something that a task of the one reads where the same task of the other does.
  bool areSiblings(uint32_t a, uint32_t b) {
    const Cluster &x = clusters_[a], &y = clusters_[b];
    if (x.tmpl != Template::Loop || y.tmpl != Template::Loop || x.task != y.task || !sameSpace(x, y)) return false;
    const std::set<Read>&readX = readsOf(a), &readY = readsOf(b);
    return std::any_of(readX.begin(), readX.end(), [&](const Read& r) { return readY.contains(r); });
  }

  /// Two clusters that store values of one shape in one layout; reductions also fold equal axes.
  bool sameSpace(const Cluster& a, const Cluster& b) const {
    const Item &x = a.items.back(), &y = b.items.back();
    if (graph_.type(x.value).shape != graph_.type(y.value).shape || x.axes != y.axes) return false;
    if (context_.entry.buffers[x.targets[0].buffer].layout != context_.entry.buffers[y.targets[0].buffer].layout)
      return false;
    const auto folds = [this](const Cluster& c) {
      std::vector<Shape> list;
      for (const Item& item : c.items)
        if (item.reduce) list.push_back(reducedExtents(graph_, item.value.node));
      return list;
    };
    const auto fx = folds(a), fy = folds(b);
    if (fx.empty() != fy.empty()) return false;
    return fx.empty() || fx[0] == fy[0];
  }

  /// A buffer that is no scalar, and how the elements read move with the task axes.
  using Read = std::pair<BufId, std::string>;

  const std::set<Read>& readsOf(uint32_t c) {
    const auto [at, isNew] = reads_.try_emplace(c);
    if (!isNew) return at->second;
    const KernelDraft draft = draftRaw(context_, clusters_[c]);
    for (const Stage& stage : draft.kernel.stages)
      for (const Inst& inst : stage.body)
        if (inst.kind == Inst::Kind::Load && !context_.entry.buffers[draft.bind[inst.operand]].type.shape.empty())
          at->second.emplace(draft.bind[inst.operand], movesWithTasks(inst.index, draft));
    return at->second;
  }

  static std::string movesWithTasks(const Ix& index, const KernelDraft& draft) {
    std::string moves;
    for (const uint32_t iter : draft.kernel.taskIters)
      moves += fmt::format("{}.{}:{} ", draft.iterInfo[iter].axis, draft.iterInfo[iter].div.str(),
                           index.coefficient(iter).str());
    return moves;
  }

  /// Merges cluster c into p (which it reads, if `reads`). The merged cluster takes p's number or, if c must come later
  /// than what p feeds, it makes no difference: units are ordered by their buffers.
  bool merge(uint32_t p, uint32_t c, bool reads) {
    const Cluster &first = clusters_[p], &second = clusters_[c];
    if (second.tmpl != Template::Loop) return false;
    std::optional<Mapping> mapping = reads ? mappingByUse(first, second) : identity(first);
    if (!mapping) return false;
    std::optional<Cluster> merged = combine(first, second, *mapping);
    if (!merged) return false;
    const KernelDraft draft = draftRaw(context_, *merged);
    if (draft.failed || draft.bind.size() > kMostOperands) return false;
    size_t size = 0;
    for (const Stage& stage : draft.kernel.stages) size += stage.body.size();
    if (size > kMostInstructions) return false;
    clusters_[p] = std::move(*merged);
    gone_[c] = p;
    reads_.erase(p);
    reads_.erase(c);
    for (const uint32_t d : dependsOn_[c]) dependsOn_[p].insert(d);
    return true;
  }

  static Mapping identity(const Cluster& c) {
    Mapping m;
    m.to.resize(c.task.size());
    std::iota(m.to.begin(), m.to.end(), 0);
    return m;
  }

  /// Where the second cluster wants values of the first tells which axes correspond; they must be equally long, since
  /// whoever wants a slice has to read it from a buffer.
  std::optional<Mapping> mappingByUse(const Cluster& first, const Cluster& second) const {
    std::map<Value, std::vector<Index>> wanted;
    for (const Item& item : first.items) wanted[item.value];
    const KernelDraft draft = probeKernel(context_, second, wanted);
    std::vector<int> firstToSecond(first.task.size(), Item::kUnit);  // kUnit: unknown yet
    for (const Item& item : first.items)
      for (const Index& index : wanted[item.value])
        for (size_t d = 0; d < index.size(); ++d) {
          if (item.axes[d] == Item::kUnit || graph_.type(item.value).shape[d] == Dim(1)) continue;
          const std::optional<int> axis = plainAxis(index[d], draft);
          if (!axis) return std::nullopt;
          if (item.axes[d] == Item::kOwn) continue;
          // A slice that begins at 0 has equal indices too, but not all of them.
          const bool isTask = *axis < KernelDraft::kStageAxis;
          if (isTask && second.task[static_cast<size_t>(*axis)] != first.task[static_cast<size_t>(item.axes[d])])
            return std::nullopt;
          int& known = firstToSecond[static_cast<size_t>(item.axes[d])];
          if (known != Item::kUnit && known != *axis) return std::nullopt;
          known = *axis;
        }
    return invert(first, second, firstToSecond);
  }

  /// The task axis that an index is, or kStageAxis if it moves with loops of stages only; else nothing.
  static std::optional<int> plainAxis(const Ix& ix, const KernelDraft& draft) {
    const auto axisOf = [&draft](uint32_t iter) { return draft.iterInfo[iter].axis; };
    bool stagesOnly = true;
    for (uint32_t i = 0; i < draft.iterInfo.size(); ++i)
      stagesOnly = stagesOnly && (axisOf(i) >= KernelDraft::kStageAxis || !ix.dependsOn(i));
    if (stagesOnly && !ix.isConst()) return KernelDraft::kStageAxis;
    if (ix.constant != Dim() || ix.terms.size() != 1 || ix.terms[0].second != Dim(1) ||
        ix.terms[0].first.kind != Atom::Kind::Iter)
      return std::nullopt;
    return axisOf(ix.terms[0].first.id);
  }

  std::optional<Mapping> invert(const Cluster& first, const Cluster& second,
                                const std::vector<int>& firstToSecond) const {
    const auto isTask = [](int axis) { return axis >= 0 && axis < KernelDraft::kStageAxis; };
    Mapping m;
    m.to.assign(second.task.size(), Item::kOwn);
    bool allTasks = true;
    for (size_t t = 0; t < firstToSecond.size(); ++t) {
      if (first.task[t] == Dim(1)) continue;
      if (firstToSecond[t] == Item::kUnit || !isTask(firstToSecond[t])) {
        allTasks = false;
        continue;
      }
      int& slot = m.to[static_cast<size_t>(firstToSecond[t])];
      if (slot != Item::kOwn) return std::nullopt;
      slot = static_cast<int>(t);
    }
    if (allTasks) return m;  // the first's tasks stay; what is left of the second's axes runs inside its stages
    if (first.tmpl != Template::Loop) return std::nullopt;
    // The second's tasks stay, and the first's other axes run inside its stages.
    m.intoFirst = false;
    m.to.assign(first.task.size(), Item::kOwn);
    std::vector<bool> covered(second.task.size(), false);
    for (size_t t = 0; t < firstToSecond.size(); ++t) {
      if (firstToSecond[t] == Item::kUnit) return std::nullopt;
      if (!isTask(firstToSecond[t])) continue;
      m.to[t] = firstToSecond[t];
      covered[static_cast<size_t>(firstToSecond[t])] = true;
    }
    if (!std::all_of(covered.begin(), covered.end(), [](bool b) { return b; })) return std::nullopt;
    return m;
  }

  /// Axes of one element follow a neighbour of equal shape, so that equal elements have equal indices.
  void takeUnitAxes(Item& item, const Item& neighbour) const {
    const Shape& shape = graph_.type(item.value).shape;
    if (graph_.type(neighbour.value).shape != shape) return;
    for (size_t d = 0; d < shape.size(); ++d)
      if (shape[d] == Dim(1)) item.axes[d] = neighbour.axes[d];
  }

  std::optional<Cluster> combine(const Cluster& first, const Cluster& second, const Mapping& m) const {
    Cluster merged = m.intoFirst ? first : second;
    const Cluster& moving = m.intoFirst ? second : first;
    merged.origin = first.origin;
    for (Item item : moving.items) {
      for (int& axis : item.axes)
        if (axis >= 0) axis = m.to[static_cast<size_t>(axis)];
      if (item.reduce && std::count(item.axes.begin(), item.axes.end(), Item::kOwn) > 0) return std::nullopt;
      takeUnitAxes(item, merged.items.back());
      // Every task computes its own part: an item that misses a task axis would be computed many times.
      for (int t = 0; t < static_cast<int>(merged.task.size()); ++t)
        if (merged.task[static_cast<size_t>(t)] != Dim(1) &&
            std::find(item.axes.begin(), item.axes.end(), t) == item.axes.end())
          return std::nullopt;
      merged.items.push_back(std::move(item));
    }
    // Reductions first: the Map stages then share their loads.
    std::stable_sort(merged.items.begin(), merged.items.end(),
                     [](const Item& a, const Item& b) { return a.reduce != b.reduce ? a.reduce : a.value < b.value; });
    if (merged.tmpl != Template::Loop)
      for (const Item& item : merged.items)
        if (std::count(item.axes.begin(), item.axes.end(), Item::kOwn) > 0) return std::nullopt;
    if (merged.tmpl != Template::Loop &&
        std::count_if(merged.items.begin(), merged.items.end(), [](const Item& i) { return i.reduce; }) > 1)
      return std::nullopt;
    const bool anyOwn = std::any_of(merged.items.begin(), merged.items.end(), [](const Item& i) {
      return std::count(i.axes.begin(), i.axes.end(), Item::kOwn) > 0;
    });
    // Without a reduction there is nothing to gain from loops inside a task.
    if (anyOwn && !merged.items[0].reduce) return std::nullopt;
    if (!rowsAreContiguous(merged)) return std::nullopt;
    return merged;
  }

  int64_t atBound(const Dim& d) const { return d.most(bounds_); }

  /// A single row: its elements take part only where a reduction runs over as many.
  bool foldsAsMany(const Cluster& c, int64_t elements) const {
    return std::any_of(c.items.begin(), c.items.end(), [&](const Item& item) {
      return item.reduce && atBound(elementCount(reducedExtents(graph_, item.value.node))) == elements;
    });
  }

  /// Loops inside the stages must stay within a block of memory that a cache holds, and leave the threads enough tasks.
  bool rowsAreContiguous(const Cluster& c) const {
    for (const Item& item : c.items) {
      if (item.reduce || std::count(item.axes.begin(), item.axes.end(), Item::kOwn) == 0) continue;
      const Buffer& home = context_.entry.buffers[item.targets[0].buffer];
      const std::vector<Dim> strides = stridesOf(home.layout);
      int64_t largestOwn = 0, own = 1, outerTasks = 1, innerTasks = 1;
      for (size_t i = 0; i < strides.size(); ++i)
        if (item.axes[home.layout.digits[i].dim] == Item::kOwn && home.layout.digits[i].extent != Dim(1)) {
          largestOwn = std::max(largestOwn, atBound(strides[i]));
          own *= atBound(home.layout.digits[i].extent);
        }
      for (size_t i = 0; i < strides.size(); ++i)
        if (item.axes[home.layout.digits[i].dim] >= 0)
          (atBound(strides[i]) > largestOwn ? outerTasks : innerTasks) *= atBound(home.layout.digits[i].extent);
      const int64_t block = own * innerTasks * dtypeSize(home.type.dtype);
      if (innerTasks > 1 && (block > kLargestBlock || outerTasks < 8)) return false;
      if (outerTasks * innerTasks == 1 && !foldsAsMany(c, own)) return false;
      if ((own > kLongestSerialRow && outerTasks < 64) || (outerTasks < 4 && own > 1024)) return false;
    }
    return true;
  }

  std::vector<Cluster>& clusters_;
  const GraphContext& context_;
  const Graph& graph_;
  const std::map<std::string, int64_t>& bounds_;
  std::map<BufId, std::vector<uint32_t>> ownerOf_;
  std::vector<std::set<uint32_t>> dependsOn_;
  std::vector<uint32_t> gone_;  // the cluster a merged one is now part of
  std::set<std::pair<uint32_t, uint32_t>> visited_;
  std::map<uint32_t, std::set<Read>> reads_;  // of clusters as they are now
};

}  // namespace

void fuseClusters(std::vector<Cluster>& clusters, const GraphContext& context,
                  const std::map<std::string, int64_t>& bounds) {
  Fuser(clusters, context, bounds).run();
}

}  // namespace nnc::plan
