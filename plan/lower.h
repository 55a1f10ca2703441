// From graph values to a kernel's instructions: a value is either loaded from its buffer or, where it has none,
// computed on the spot from its operands, views being nothing but index maps. This is where fusion happens; what is
// fused is decided in fuse.cpp by saying which values have buffers and which share a kernel.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "plan/plan.h"
#include "plan/views.h"

namespace nnc::plan {

/// What lowering knows of the values of one graph: which of them live in buffers.
struct GraphContext {
  const Graph& graph;
  Entry& entry;
  std::vector<std::vector<BufId>> homes;  // by node and result; kNoBuffer: computed where it is read

  explicit GraphContext(const Graph& g, Entry& e) : graph(g), entry(e) {
    for (const Node& n : g.nodes) homes.emplace_back(n.out.size(), kNoBuffer);
  }
  BufId homeOf(Value v) const { return homes[v.node][v.result]; }
};

/// A tensor literal that is no single number needs a buffer; so does an integer that a double cannot hold.
bool needsConstBuffer(const Node& constant);

/// Where a value is written: at `offset` (constant, plus starts read at run time and clamped to limit) of a buffer.
struct Target {
  BufId buffer = kNoBuffer;
  std::vector<Dim> offset;    // by dimension; empty: none
  std::vector<Value> starts;  // by dimension, an empty value where there is none; or empty
};

/// A value a kernel computes: by a Reduce stage, or by a Map stage that stores it.
struct Item {
  static constexpr int kOwn = -1, kUnit = -2;
  Value value;
  bool reduce = false;
  std::vector<int>
      axes;  // by dimension of the value: the kernel's task axis, kOwn: a loop of the stage, kUnit: one element
  std::vector<Target> targets;  // Map
};

/// What becomes one kernel.
struct Cluster {
  enum class Kind : uint8_t { Nest, Scatter, Sort };
  Kind kind = Kind::Nest;
  Template tmpl = Template::Loop;
  Shape task;               // extents of the task axes
  std::vector<int> order;   // Conv, ConvWeights: the task axes, outermost first
  std::vector<Item> items;  // in dependence order; Scatter, Sort: the node's value
  bool overwrites = false;  // changes part of a buffer that another cluster has filled
  Origin origin;
};

/// A kernel in the making. Operands are numbered as they are met; finishing puts the written ones last.
struct KernelDraft {
  struct Result {
    Value value;
    uint32_t stage;
    Index index;
    DType dtype;
  };
  /// Which piece of which axis an iteration variable is: value of the axis = sum of iter * div.
  struct IterInfo {
    int axis;  // number of the task axis, or kStageAxis and more: a loop of a stage
    Dim div;
    bool whole = false;  // must not be cut
  };
  static constexpr int kStageAxis = 1000;

  Kernel kernel;
  std::vector<BufId> bind;
  std::vector<bool> written;
  std::vector<IterInfo> iterInfo;
  std::vector<Result> results;
  /// Values computed here and not to be loaded: by dimension, the index at which the task point has them, or nothing
  /// where a loop of a stage runs along it.
  std::map<Value, std::vector<std::optional<Ix>>> members;
  /// If set: values of another kernel; where they are wanted is noted instead of loading them.
  std::map<Value, std::vector<Index>>* probe = nullptr;
  Ranges extents;
  std::vector<int> order;  // of task axes, where the template wants one
  bool failed = false;     // a value of the kernel itself is wanted at another point

  uint32_t operand(BufId buffer);
};

/// Position of a logical index in a buffer's storage, in elements.
Ix storageIndex(const Buffer& buffer, const Index& index, const Ranges& extents);

/// Appends instructions to one stage's region. Equal values at equal indices are computed once.
class RegionBuilder {
public:
  RegionBuilder(const GraphContext& context, KernelDraft& draft, Region& region)
      : context_(context), draft_(draft), region_(region) {}

  /// The instruction that yields element `index` of value `v`.
  uint32_t emit(Value v, const Index& index);
  /// As emit, but the value is 0 wherever a guard fails.
  uint32_t emitGuarded(Value v, const Index& index, const std::vector<Guard>& guards);
  uint32_t op(Op op, DType dtype, std::vector<uint32_t> args);
  uint32_t cast(uint32_t inst, DType dtype);
  uint32_t constant(double value, DType dtype);
  uint32_t index(const Ix& ix, DType dtype);
  /// An integer value clamped to 0 … last, as an index.
  Ix clamped(uint32_t inst, const Dim& last);

private:
  /// Guards under which a value is wanted; `value` is what loads shall yield outside, if that matters.
  struct Border {
    std::vector<Guard> guards;
    std::optional<double> value;
    std::string key;
  };
  struct Emitted {
    uint32_t inst = 0;
    bool bordered = false;  // outside the guards it yields Border::value
  };

  Emitted emitIn(Value v, const Index& index, const Border& border);
  Emitted compute(Value v, const Index& index, const Border& border);
  Emitted load(BufId buffer, const Index& index, const Border& border, DType dtype);
  Emitted view(const Node& node, const Index& index, const Border& border);
  Emitted elementwise(const Node& node, const Index& index, const Border& border);
  Emitted gather(const Node& node, const Index& index, const Border& border);
  Emitted dslice(const Node& node, const Index& index, const Border& border);
  Emitted constantNode(Value v, const Index& index, const Border& border);
  uint32_t rand(const Node& node, const Index& index);
  Border within(const Border& border, const std::vector<Guard>& guards, std::optional<double> value) const;
  uint32_t holds(const std::vector<Guard>& guards);
  uint32_t append(Inst inst);

  const GraphContext& context_;
  KernelDraft& draft_;
  Region& region_;
  std::map<std::string, Emitted> memo_;
  std::map<std::string, uint32_t> pure_;  // constants and index instructions by text
};

/// The factor or operand a Reduce stage folds at point `out` of the node's result and point `red` of its reduced axes.
uint32_t emitReduceBody(RegionBuilder& builder, const Graph& graph, uint32_t node, const Index& out, const Index& red,
                        const Ranges& extents);
/// The extents of the axes a reducing node folds, outer to inner.
Shape reducedExtents(const Graph& graph, uint32_t node);
/// How a reducing node folds, a function of the op and its shapes alone (but see chooseSumOrders). Overlapping
/// unwindow, dot and conv are sums.
Stage::Fold foldOf(const Graph& graph, const Node& node);
DType accumulatorOf(const Node& node);
/// True for a conv that computes weight gradients: its "kernel" is larger than its result.
bool isWeightGradient(const Graph& graph, const Node& conv);

}  // namespace nnc::plan
