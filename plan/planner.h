// The planner's own structures: what is shared by the steps from a graph to an entry of the plan.
//
// A graph becomes units (kernels, loops, branches) in an order that respects every dependence; schedule.cpp turns them
// into phases and steps, arena.cpp gives the temporaries their places.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "plan/draft.h"
#include "plan/layout.h"
#include "plan/plan.h"

namespace nnc::plan {

/// One schedulable piece of a graph.
struct Unit {
  enum class Kind : uint8_t { Kernel, Loop, If };
  Kind kind = Kind::Kernel;
  KernelDraft draft;  // Kernel
  Origin origin;
  Step step;                         // Loop, If: trip, slices, counter, predicate
  std::vector<Unit> body, other;     // Loop: body; If: then, else
  std::vector<BufId> reads, writes;  // of the whole unit
  bool overwrites = false;           // changes part of a buffer that another unit has filled
};

/// What planning a function needs everywhere.
struct FunctionContext {
  const Module& module;
  const PlanOptions& options;
  Entry& entry;
  const LayoutTable& layouts;
  std::map<std::string, int64_t> bounds;   // of the symbols
  std::map<std::string, BufId> variables;  // by path
  std::map<std::string, BufId> leaves;     // inputs and scalars by name

  BufId addBuffer(Role role, const Type& type, Layout layout, std::string name, const Origin& origin);
};

/// Where an output of a graph goes. A readable sink may hold an older value that kernels of the graph still read.
struct Sink {
  Value value;
  BufId buffer = kNoBuffer;
  bool readable = false;
};

/// True for nodes planned on their own: concat, sort, scatter, dupdate, scan, cond.
bool isSpecial(const Node& node);
bool isReducing(const Node& node);

/// Which values of a graph live in buffers, by node and result; and for values at the end of a reduction's or
/// contraction's elementwise tail, the node whose kernel computes them.
struct Roots {
  std::vector<std::vector<bool>> stored;
  std::map<uint32_t, uint32_t> anchors;
};

/// What must live in a buffer: results of reductions and special nodes, what these need stored, and `wanted`.
Roots chooseRoots(const Graph& graph, const std::vector<bool>& live, const std::set<Value>& wanted,
                  const GraphContext& context, const PlanOptions& options);
/// With fusion: moves roots to the ends of elementwise tails, and adds what is too dear to compute in several kernels.
void refineRoots(const Graph& graph, const std::vector<bool>& live, const std::set<Value>& wanted,
                 const GraphContext& context, Roots& roots);
/// The kernel of a stored value that is no special node; `anchor` is the reducing node it ends, or the node itself.
Cluster clusterOf(const GraphContext& context, uint32_t node, uint32_t anchor);
/// Axes of a value that is computed along the task axes `task`, dimension by dimension.
std::vector<int> identityAxes(const Shape& shape, bool keepUnits);

/// Plans one graph: units in order. `args` are the homes of a region's arguments.
std::vector<Unit> planGraph(FunctionContext& function, const Graph& graph, const std::vector<BufId>& args,
                            const std::vector<Sink>& sinks);

/// From one buffer to another.
using Moves = std::vector<std::pair<BufId, BufId>>;

/// Orders units so that every buffer is written before it is read and read before it is overwritten. Each move asks for
/// the contents of a temporary in another buffer, whose old value the units may read: its writers write there at once
/// if that is safe, else a copy at the end does it. Each change is a temporary that starts as a copy of another buffer
/// and then gets new parts: the parts are written into that buffer where nobody wants its old value afterwards, and the
/// copy goes. Stores that nobody reads go.
std::vector<Unit> placeUnits(FunctionContext& function, std::vector<Unit> units, const Moves& moves,
                             const Moves& changes = {});
/// The kernel that copies one buffer to another of equal type.
KernelDraft copyKernel(const Entry& entry, BufId from, BufId to);

/// Phases and steps of the entry; kernels go to the plan, equal ones once.
void schedule(FunctionContext& function, Plan& plan, std::vector<Unit> units);
/// Lifetimes and offsets of the arena's buffers; drops buffers nobody uses.
void layOutArena(FunctionContext& function, const Plan& plan);

/// A copy of the module in the form the planner likes: sums over the batch and more in two steps, masks from stored
/// values.
Module prepareModule(const Module& module);
/// A copy of the module in which one more function, of kind Derive, computes what exports and evaluations compute of
/// variables alone, into variables of kind Derived.
Module deriveParameters(const Module& module);

}  // namespace nnc::plan
