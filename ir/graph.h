// The computation graph: a list of nodes in topological order, each an op of ops.def with typed results. Graphs are
// plain values: a pass takes one and returns one. A value is named by its node's position and its result's number.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "ir/attrs.h"
#include "ir/source.h"
#include "ir/type.h"

namespace nnc {

enum class Op : uint8_t {
#define OP(name, ...) name,
#include "ir/ops.def"
#undef OP
};

enum class OpClass : uint8_t { Unary, Binary, Ternary, Source, View, Reduce, Contract, Index, Control, Pseudo };

struct OpInfo {
  Op op;
  const char* text;
  OpClass cls;
  int inputs;   // -1: variadic
  int results;  // -1: variadic
  const char* attrs;
  const char* meaning;
};

const OpInfo& opInfo(Op op);
std::optional<Op> opFromName(std::string_view text);
inline bool isElementwise(Op op) {
  return opInfo(op).cls <= OpClass::Ternary;
}

struct Value {
  uint32_t node = UINT32_MAX;
  uint32_t result = 0;
  bool operator==(const Value&) const = default;
  auto operator<=>(const Value&) const = default;
  explicit operator bool() const { return node != UINT32_MAX; }
};

struct Graph;

struct Node {
  Op op{};
  std::vector<Value> in;
  Attrs attrs;
  std::vector<Type> out;
  std::vector<Graph> regions;  // scan: {body}; cond: {then, else}
  Origin origin;
  std::string name;  // the source's name for the value, a hint for printing; may be empty
};

/// What a result of a function is for.
enum class OutputRole : uint8_t {
  Result,  // returned to the caller under `name`
  Update,  // new value of the variable at path `name`
  Loss,    // the reported loss
  Metric,  // a reported metric `name`
};

struct Output {
  OutputRole role = OutputRole::Result;
  std::string name;
  Value value;
};

/// A function body or a region. Regions are closed: everything they read comes in through `arg` nodes.
/// Region arguments — scan body: consts…, carries…, one element of each x…, t (i64 scalar); outputs: carries…, ys….
/// cond: the operands after the predicate; both regions return equal types.
struct Graph {
  std::vector<Node> nodes;
  std::vector<Output> outputs;

  const Node& node(Value v) const { return nodes[v.node]; }
  Node& node(Value v) { return nodes[v.node]; }
  const Type& type(Value v) const { return nodes[v.node].out[v.result]; }
  /// Appends a node and returns its first result. No checking: use Builder for that.
  Value append(Node node);
};

/// Uses of every node: result[i] lists the nodes that read node i; outputs count as node `graph.nodes.size()`.
std::vector<std::vector<uint32_t>> usersOf(const Graph& graph);

/// A parameter or state of the model: lives across calls, saved by path.
struct Variable {
  enum class Kind : uint8_t {
    Param,        // trained weights
    State,        // state of layers in the network (batch-norm statistics): saved with the weights
    TrainState,   // state of what a train block or export made (optimizers, counters): saved in checkpoints
    MetricState,  // starts anew with each pass over a split
    Fitted,       // taken from the training rows by whoever trains (statistics, vocabularies): saved with the weights
    Derived,      // computed of others by a function of kind Derive; the plan's own, hosts do not see it
  };
  std::string path;
  Type type;
  Kind kind = Kind::Param;
  Loc declared;
  std::string copyOf = {};  // the variable of which `copy` made it, with its initial values
};

/// Scalars that whoever runs an entry sets; what the program names itself is called otherwise.
constexpr const char* kHostScalars[] = {"seed", "step", "steps", "epoch", "first_row"};

/// A scalar set from outside: kHostScalars, hyperparameters, valid.x. `name` is the leaf's name.
struct Scalar {
  std::string name;
  DType dtype = DType::F32;
  double defaultValue = 0;
};

/// What must hold of the sizes of a call: slack >= 0. `text` says it as the source's sizes do: "P + m <= 128".
struct Condition {
  std::string text;
  Dim slack;
};

/// A function of the module: one entry of the compiled library.
struct Function {
  enum class Kind : uint8_t {
    Init,       // "init" fills every variable but fitted ones, reads only the scalar "seed"; kFittedDefaults those
    Step,       // one training step: loss, metrics, updates
    Eval,       // one evaluation batch: loss, metrics, updates of metric state
    Export,     // an `export fn`
    Derive,     // computes the derived variables; the plan adds it
    Rows,       // what the statistics of a data block are taken of, for a batch of its rows
    StartPass,  // sets the metric state of a train block as it is before a pass over a split
  };
  std::string name;  // "init", "fit.step", "fit.eval", "classify"
  Kind kind = Kind::Export;
  std::vector<Symbol> symbols;               // the bounded symbols of its shapes; the batch of a train block is "batch"
  std::vector<Condition> conditions;         // of its symbols, checked at each call
  Graph body;                                // inputs are its leaf nodes of kind "input", in call order as they appear
  std::map<std::string, std::string> texts;  // inputs and results that are text: name → path of their vocabulary
  Loc loc;
};

/// The function that fills fitted variables with what they hold until they are taken from data.
constexpr const char* kFittedDefaults = "fitted.defaults";

/// One raw field a data block reads, and the settings of its reader.
struct DataField {
  std::string name;
  Type row;             // type of one row, without the batch axis
  int64_t bound = 0;    // exclusive upper bound of an index type; 0: none
  std::string source;   // the reader's field, where it is not called `name`
  std::string symbols;  // "chars", "words", "category": the numbers of the source's symbols in a vocabulary of its own
  std::string vocabulary;  // of symbols: the variable that holds them (runtime/core/text.c says how); "": the field is
                           // how many of them a row has
  Loc loc;
};
/// "mean", "deviation", "min" or "max" over the training rows of what a function of kind Rows computes; fitted.
struct DataStatistic {
  std::string function, variable, of;
};
/// What a function of kind Rows computes for each row lies in 0 .. bound-1.
struct DataCheck {
  std::string function, field;
  int64_t bound = 0;
};
struct DataSource {
  std::string name;    // "fashion"
  std::string reader;  // "idx", "csv", "text", "npy", "images"
  std::string path;
  std::map<std::string, std::string> settings;  // "valid" → "5000"
  std::vector<DataField> raw;                   // the raw fields the entries read as inputs "<data>.<field>"
  std::vector<DataStatistic> statistics;        // those of one function together, what another one reads before it
  std::vector<DataCheck> checks;                // of computed fields with a bound, once the statistics are taken
  Loc loc;
};

/// A train block: its entries by name and the settings of its loop.
struct TrainBlock {
  std::string name;
  std::string data;        // name of its DataSource, or empty
  std::string step, eval;  // function names
  int64_t batch = 1, epochs = 1, seed = 0;
  int64_t steps = 0;      // without data: how many steps; 0 otherwise
  int64_t patience = 0;   // 0: no early stopping
  std::string monitor;    // "valid.loss", "valid.accuracy"
  bool maximize = false;  // direction of `monitor`
  std::vector<std::string> metrics;
  Loc loc;
};

/// A hyperparameter as the file declares it; `--set` checks against it.
struct Hyper {
  std::string name;
  std::string value;  // the value in force, as text
  std::vector<std::string> choices;
  double lo = 0, hi = 0;
  bool logScale = false, isRange = false, isInt = false, runTime = false;
  Loc loc;
};

struct Module {
  std::string name;            // from the file's name: "fashion_cnn"
  DType compute = DType::F32;  // what operands of contractions are rounded to: f32 (not at all) or bf16
  std::vector<Hyper> hypers;
  std::vector<DataSource> data;
  std::vector<Variable> variables;
  std::vector<Scalar> scalars;
  std::vector<TrainBlock> trains;
  std::vector<Function> functions;

  Function* function(std::string_view name);
  const Function* function(std::string_view name) const;
  const Variable* variable(std::string_view path) const;
};

}  // namespace nnc
