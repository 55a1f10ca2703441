// The plan: what the graph becomes when buffers, layouts, kernels, their order and the work of threads are decided. It
// is the one hand-over to code generation, runtime and reports; it prints, parses and has a verifier and an interpreter
// of its own.
//
// A kernel is a loop nest over scalar instructions, whatever its template: the template only says which emitter may be
// used, so that one interpreter, one verifier and one fallback emitter serve all kernels.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ir/graph.h"
#include "plan/ix.h"

namespace nnc::plan {

using BufId = uint32_t;
using KernelId = uint32_t;
constexpr BufId kNoBuffer = UINT32_MAX;

/// One digit of a logical dimension: (index[dim] / div) % extent. A plain dimension has div 1 and its whole extent; the
/// K axis of a weight behind a flatten of NHWC data has three digits (H, W, C) of one dimension.
struct Digit {
  uint32_t dim = 0;
  Dim div = 1;
  Dim extent;
  bool operator==(const Digit&) const = default;
};

/// Storage order, outermost first; dense. Row-major is one digit for each dimension in order.
struct Layout {
  std::vector<Digit> digits;
  bool operator==(const Layout&) const = default;
};
Layout rowMajor(const Shape& shape);
/// Element strides of the digits.
std::vector<Dim> stridesOf(const Layout& layout);

enum class Role : uint8_t {
  Variable,  // parameter or state; `name` is its path; storage is the module's, shared by all entries
  Scalar,    // run-time scalar `name`, set by the host
  Input,     // data given by the caller, row-major
  Output,    // result given to the caller, row-major
  Const,     // tensor literal
  Arena,     // temporary, at an offset of the entry's arena
  Scratch,   // temporary of a block of rows, at an offset of the memory of the thread that works on the block
};

struct Buffer {
  Role role = Role::Arena;
  std::string name;
  Type type;
  Layout layout;
  Literal literal;               // Const only
  uint64_t bytesAtBound = 0;     // the most that it can have; Scratch: with the rows of a block
  uint64_t offset = 0;           // Arena, Scratch: in bytes, a multiple of 64
  int64_t bound = 0;             // Input: exclusive upper bound of an index, checked at each call; 0: none
  BufId alias = kNoBuffer;       // in place: shares the storage of that buffer (its last reader is this one's writer)
  uint32_t first = 0, last = 0;  // steps between which it is live (Arena, Scratch)
  Origin origin;
};

struct Iter {
  Dim extent;
  std::string name;  // "b", "oh", "k": for reading only
};

/// lo <= value < hi, else a guarded load yields its `otherwise` and a guarded store does nothing.
struct Guard {
  Ix value;
  Dim lo, hi;
};

/// A scalar instruction of a region; operands are earlier instructions of the same region.
struct Inst {
  enum class Kind : uint8_t {
    Op,      // `op` of ops.def, elementwise class, or Rand (arguments: key, element number)
    Load,    // element of operand `operand` at `index` (in elements, layout applied)
    Const,   // `constant`
    Index,   // value of `index` as an integer of dtype
    Result,  // value of the earlier Reduce stage `stage` of this kernel
  };
  Kind kind = Kind::Op;
  Op op{};
  DType dtype = DType::F32;
  std::vector<uint32_t> args;
  uint32_t operand = 0;       // Load: position in Launch::bind
  Ix index;                   // Load, Index
  std::vector<Guard> guards;  // Load
  double otherwise = 0;       // Load: value where a guard fails
  double constant = 0;        // Const (bool and integers are exact up to 2^53)
  uint32_t stage = 0;         // Result
};
using Region = std::vector<Inst>;

struct Store {
  uint32_t operand = 0;
  Ix index;
  std::vector<Guard> guards;
  uint32_t value = 0;       // instruction of the stage's body
  bool accumulate = false;  // add to what is there (scatter); the loops then run in order on one thread
};

/// A stage runs its loops inside the kernel's task loops, once for each task point.
struct Stage {
  enum class Kind : uint8_t { Map, Reduce };
  /// How the sums add up, which is part of the meaning (docs/architecture.md, the numeric contract):
  /// Sum: neighbours of the innermost variable in the lanes, 16 lanes of 4 accumulators, joined by a fixed tree.
  /// InOrder: one addition after the other, in row-major order of `iters`.
  /// Dot: `value` is a product; one chain of fused multiply-adds in row-major order of `iters`.
  /// InnerDot: `value` is a product, over one variable: its positions p mod 64 are 64 chains of fused multiply-adds,
  /// joined by a fixed tree.
  enum class Fold : uint8_t { Sum, InOrder, Dot, InnerDot, Max, ArgMax };
  Kind kind = Kind::Map;
  std::vector<uint32_t> iters;  // outer to inner
  Region body;
  std::vector<Store> stores;  // Map
  Fold fold = Fold::Sum;  // Reduce: fold of instruction `value` over `iters`; ArgMax yields the i32 row-major position
  uint32_t value = 0;
  DType acc = DType::F32;  // dtype of accumulator and result; ArgMax: of the result (i32), comparing as `value` does
};
/// The folds that add, those that add one after the other, and those that multiply and add in one.
constexpr bool isSum(Stage::Fold f) {
  return f <= Stage::Fold::InnerDot;
}
constexpr bool isChain(Stage::Fold f) {
  return f == Stage::Fold::InOrder || f == Stage::Fold::Dot;
}
constexpr bool isContraction(Stage::Fold f) {
  return f == Stage::Fold::Dot || f == Stage::Fold::InnerDot;
}

enum class Template : uint8_t {
  Loop,         // any stages
  Gemm,         // stages {Reduce dot of a*b over k, Map}; task iters batch…, then m (where there are rows), n
  Conv,         // stages {Reduce dot of x*w over (kh, kw, ci), Map}; task iters b, oh, ow, co (1-D: b, ow, co)
  ConvWeights,  // stages {Reduce dot of x*dy over (b, oh, ow), Map}; task iters kh, kw, ci, co
  Sort,  // one row a task; operands: in, values, indices. One Map stage over the row: its first store says where value
         // i of the sorted row goes and which instruction loads element i, its second where index i goes
};

/// Gemm, Conv, ConvWeights: the Reduce stage's `value` is mul(a, b). Of a Gemm, a does not depend on the last task iter
/// (n), b does; so it is with the others (co), unless channels are convolved in groups.
struct Kernel {
  Template tmpl = Template::Loop;
  std::string name;  // "gemm_m128_n10_k784.bias.relu": for profiles and reports
  std::vector<Iter> iters;
  std::vector<uint32_t> taskIters;  // parallel loops, outer to inner; the rest belong to stages
  std::vector<Stage> stages;
  uint32_t operands = 0;        // how many buffers a launch binds
  uint32_t outputs = 0;         // the last `outputs` of them are written
  double flops = 0;             // at the bounds, for reports and for deciding what is too small for threads
  std::string sortKey() const;  // text without names: equal kernels are emitted once
};

/// Operands of a launch may share storage (in place): every load of an element then comes, in its task, before the
/// store to it, as long as a task's stages run in order. A buffer that is both read and written is bound once, as an
/// output.
struct Launch {
  KernelId kernel = 0;
  std::vector<BufId> bind;
  Origin origin;
};

/// Launches without dependences among each other; every thread waits at the end of the phase.
struct Phase {
  std::vector<Launch> launches;
};

/// A buffer that is one slice of another (a temporary without a place of its own) and moves with a loop: slice t (from
/// the end if reversed) of `whole`.
struct Slice {
  BufId slice = 0, whole = 0;
  bool reverse = false;
};

/// The program of an entry: phases in order, with structured loops (scan) and branches (cond).
///
/// Blocks: the rows that `symbol` counts are cut into blocks of `rows` (the last may be smaller), and the phases up to
/// EndBlocks run for each of them: the symbol is then the block's number of rows, and each buffer in `moved` begins at
/// its part of it. All else that has rows is Scratch. So blocks may be worked on in any order, by any thread.
struct Step {
  enum class Kind : uint8_t { Phase, Loop, EndLoop, If, Else, EndIf, Blocks, EndBlocks };
  Kind kind = Kind::Phase;
  uint32_t phase = 0;
  Dim trip;                     // Loop
  std::vector<Slice> slices;    // Loop
  BufId counter = kNoBuffer;    // Loop: i64 scalar buffer that holds t, if the body reads it
  BufId predicate = kNoBuffer;  // If: bool scalar
  std::string symbol;           // Blocks
  int64_t rows = 0;             // Blocks: at least 1
  std::vector<BufId> moved;     // Blocks
};

struct EntryOutput {
  OutputRole role = OutputRole::Result;
  std::string name;
  BufId buffer = 0;
};

struct Entry {
  std::string name;  // "fit.step"
  Function::Kind kind = Function::Kind::Export;
  std::vector<Symbol> symbols;
  std::vector<Condition> conditions;
  std::vector<Buffer> buffers;
  std::vector<Phase> phases;
  std::vector<Step> steps;
  std::vector<BufId> inputs;                 // in call order
  std::vector<EntryOutput> outputs;          // Result, Loss, Metric: in call order
  std::map<std::string, std::string> texts;  // inputs and results that are text: name → path of their vocabulary
  bool readsDerived = false;                 // reads variables that the entry of kind Derive writes
  bool changesDerived = false;               // writes variables that that entry reads
  uint64_t arenaBytes = 0;                   // at the bounds
  uint64_t scratchBytes = 0;                 // of each thread, beside what its kernels ask for
  uint64_t unsharedBytes = 0;                // what the arena would be without sharing
};

/// A variable with its storage; all entries agree on it.
struct StoredVariable {
  Variable variable;
  Layout layout;
  uint64_t offset = 0;  // bytes in the store, a multiple of 64
};

struct Plan {
  std::string name;
  std::vector<StoredVariable> variables;
  uint64_t storeBytes = 0;
  std::vector<Scalar> scalars;
  std::vector<Kernel> kernels;
  std::vector<Entry> entries;
};

struct PlanOptions {
  bool fuse = true;     // -O0: one kernel for each graph node
  bool reuse = true;    // share arena storage by lifetimes, in place where possible
  bool layouts = true;  // false: everything row-major
  /// Steps over blocks of rows: where they pay, or (for tests) of single rows wherever they can be.
  enum class Blocks : uint8_t { None, WherePays, OneRow } blocks = Blocks::WherePays;
  bool derive = true;  // what predictions and evaluations compute of variables alone is computed once for all of them
};

/// Plans every function of a module whose passes have run (no Grad ops left). Deterministic; knows no CPU and no
/// threads.
Plan makePlan(const Module& module, const PlanOptions& options = {});

/// The text form (`--emit=plan`) and its parser's inverse.
std::string printPlan(const Plan& plan);

/// Checks a plan with rules of its own: live buffers do not overlap, accesses stay in bounds, tasks write disjoint
/// parts, a barrier stands between each write and the reads that depend on it. One sentence for each violation.
std::vector<std::string> verifyPlan(const Plan& plan);

/// Parameters, FLOPs, bytes, kernels, relayouts, exact peak memory, by layer (`--report`).
std::string reportPlan(const Plan& plan, const Module& module);

}  // namespace nnc::plan
