// The elaborator: walks syntax trees with actual values and builds graphs. One class; its methods are split by topic
// over the files of this folder, in the order of the sections below.
#pragma once

#include <deque>
#include <functional>
#include <list>
#include <set>
#include <string>
#include <vector>

#include "frontend/elab/frame.h"
#include "frontend/elaborate.h"

namespace nnc::elab {

/// The most rows, words or parts that a setting counts.
inline constexpr int64_t kMostCount = INT32_MAX;

/// Thrown after a mistake has been reported; caught where elaboration can go on (a statement, an entry).
struct Reported {};

/// An argument of a call, after evaluation.
struct ArgVal {
  std::string name;  // empty: positional
  Val val;
  Loc at;
  Loc nameAt = {};
};

/// What an expression is expected to be, pushed inward from a declared type: the shape a constant fills and a function
/// of a shape is called on.
struct Expected {
  std::optional<DType> dtype;
  std::vector<Val> dims;  // Ints
  Shape shape() const;
};

struct DataFieldInfo {
  std::string name;
  const ast::Data::Field* ast = nullptr;
  DataInfo* data = nullptr;
  Graph row;                      // from raw fields (leaves "<data>.<raw>") of one row to the field's value
  std::vector<std::string> raws;  // names of the raw fields it reads, in order
  struct Statistic {
    std::string what;  // "mean", …
    Value of;          // in `row`
    Cell* cell = nullptr;
  };
  std::vector<Statistic> statistics;
  Type type;  // of one row
  std::vector<bool> unit;
  std::optional<Dim> bound;
  bool ready = false, failed = false, busy = false;
};
struct DataInfo {
  const ast::Data* ast = nullptr;
  ScopePtr scope;     // of the file
  ScopePtr inner;     // with the block's lets
  size_t module = 0;  // position in Module.data
  std::list<DataFieldInfo> fields;
  std::map<std::string, Type> raw;  // types of raw fields of one row, as far as known
};

/// What the current text belongs to.
struct Context {
  ScopePtr scope;
  Instance* owner = nullptr;  // where parameters and labelled parts go
  bool training = false;
  std::string chain;  // calls since the owner, with their ordinals: part of a random site's key
  std::map<std::string, std::vector<const void*>>* ordinals = nullptr;  // of the calls in this body, by callee
  int selectDepth = 0;                                                  // inside a tensor `if`
  const Expected* expected = nullptr;
  std::string loopLabel;  // for the path of an instance made in an unrolled loop
};

struct CallSite {
  Loc at;
  std::string name;
};

/// One entry under construction.
struct Entry {
  Function::Kind kind{};
  std::string name;
  std::string train;
  Loc loc;
  std::vector<Symbol> symbols;
  std::map<std::string, std::string> texts;  // of its function
  std::unique_ptr<Frame> root;
  std::vector<std::string> trainingPaths;  // instances the train block assigns
  std::map<std::string, Val> fieldValues;  // data fields already mapped
  std::vector<std::string> inputs;         // in the order of the signature, where that is not the order of use
  std::vector<Output> outputs;
  std::vector<Condition> conditions;
  std::vector<Dim> divisors;  // sizes that must not be 0 if what is divided by them is to be a number
  std::map<std::string, int> siteCounts;
};

class Elaborator {
public:
  Elaborator(const ElabOptions& options, SourceManager& sources, Diagnostics& diagnostics);
  std::optional<Module> run(const ast::File& file);
  /// Checks each fully declared function and layer of the file once, with symbols for its dimensions, so that axes that
  /// agree by accident are found at the definition. Reports only what is wrong whatever the dimensions are.
  void checkDefinitions(const ast::File& file);

private:
  // ---- rigid.cpp: definitions by themselves
  void checkDefinition(const ast::Callable& f, const ScopePtr& scope);
  Val rigidInput(const ast::ParamDecl& p, const ast::TypeExpr& t, const std::string& name);
  void mustDiffer(const Dim& a, const Dim& b);

  // ---- report.cpp: mistakes and their places
  Diagnostic& error(DiagCode code, Loc at, std::string message);
  [[noreturn]] void fail(DiagCode code, Loc at, std::string message);
  [[noreturn]] void failUnknown(DiagCode code, Loc at, const std::string& what, const std::string& name,
                                const std::vector<std::string>& candidates);
  Loc userLoc(Loc at) const;

  // ---- graph.cpp: frames, cells, nodes
  Value use(const TensorVal& t, Loc at);
  Value useIn(Value v, Frame* from, Frame* frame);
  TensorVal wrap(Value v);
  TensorVal wrap(Value v, std::vector<bool> unit, std::optional<Dim> bound = {});
  Val readCell(Cell* cell, Loc at);
  Val readCellIn(Cell* cell, Frame* frame, Loc at);
  void writeCell(Cell* cell, Val v, Loc at);
  Val readTree(const CellTree& tree, Loc at);
  Val instanceTree(Instance* instance, Loc at);
  Val asTree(const Val& v, Loc at);
  Val statesTree(Instance* instance, Loc at);
  Val wholeInstance(Instance* instance, Loc at);
  Value importToInit(const TensorVal& t, Loc at);
  Value leaf(const std::string& kind, const std::string& name, const Type& type, const std::optional<Dim>& bound = {});
  Value scalarLeaf(const std::string& name, DType dtype, double fallback);
  void place(Loc at);
  Value makeNode(Op op, std::vector<Value> in, Attrs attrs, Loc at, std::vector<Graph> regions = {});
  Builder& b() { return frame_->builder; }

  // ---- program.cpp, hyper.cpp, module.cpp: files, definitions, the module
  ScopePtr loadFile(const ast::File& file, bool isMain);
  void define(const ast::File& file, const ScopePtr& scope, bool isMain);

  // ---- settings.cpp
  std::vector<const ast::Arg*> knownSettings(const std::vector<ast::Arg>& args, const std::string& block,
                                             const std::vector<std::string>& known, bool hasPath = false);
  int64_t wholeSetting(const ast::Arg& a, int64_t least, int64_t most = kMostCount);
  std::string resultSetting(const ast::Arg& a);
  void setPrecision(const ast::Call& call);
  void checkSearch(const ast::Search& s, const ast::File& file);

  // ---- hyper.cpp
  void checkFunctionHyper(const ast::Hyper& h);
  void checkDomain(const ast::Hyper& h, const Hyper& record, const Val& v, bool isSet);
  void defineHyper(const ast::Hyper& h, const ScopePtr& scope);
  void defineLet(const ast::Let& let, const ScopePtr& scope);
  Val forceLazy(Binding& binding, const std::string& name, const ScopePtr& scope);
  ScopePtr useFile(const ast::Use& use);
  void loadLibrary();
  Instance* newInstance(std::string path, Instance* parent, std::shared_ptr<const FnVal> layer, Loc at);
  /// Sizes beyond what the IR holds are reported at the place that asked for them.
  std::unique_ptr<Frame> rootFrame();
  void beginEntry(Function::Kind kind, const std::string& name, const std::string& train, Loc at);
  void finishEntry();
  void checkSizes(const Graph& graph);
  void addInitFunctions();
  void useHyper(const std::string& name, bool runTime);
  Val parseHyper(const std::string& text, const Val& like, const ast::Hyper& h);
  void checkHypers(uint32_t mainFile);

  // ---- expr.cpp, names.cpp: expressions
  Val eval(const ast::Expr& e);
  Val evalExpecting(const ast::Expr& e, const Expected* expected);
  Val evalName(const ast::Name& e);
  Val builtinName(const std::string& name, Loc at, bool& found);
  Val evalUnary(const ast::Unary& e);
  Val evalBinary(const ast::Binary& e);
  Val evalField(const ast::Field& e);
  Val evalIf(const ast::If& e);
  Val selectBranches(const Val& cond, const Val& a, const Val& b, Loc at);
  Val fieldOf(const Val& base, const ast::Ident& name, Loc at);
  Val evalBlock(const ast::Block& block, bool ownScope = true);
  void evalStmt(const ast::Stmt& s, bool isLast, Val& value);
  void defineFailed(const ast::Stmt& s);
  Val evalStatic(const ast::Expr& e);

  // ---- pattern.cpp: parts by patterns of their paths
  struct PartsPattern {
    Val base;
    std::vector<std::string> names;  // with "*" and "**"
  };
  PartsPattern partsPattern(const ast::Expr& e);
  Val evalPattern(const ast::Expr& e);
  void assignPattern(const ast::Expr& target, const Val& v, Loc at);

  // ---- stmt.cpp, variables.cpp, assign.cpp: let, var, param, state, assignment
  void nameValue(const Val& v, const std::string& name);
  void evalLet(const ast::Let& s);
  void evalVar(const ast::Var& s);
  void evalParam(const ast::Param& s);
  void evalState(const ast::State& s);
  void evalAssign(const ast::Assign& s);
  void bindPattern(const ast::Pattern& p, const Val& v, bool isVar, Loc at);
  Val nameInstance(const ast::Pattern& p, const Val& v, Loc at);
  [[noreturn]] void failInSelect(const std::string& name, Loc at, const std::string& shown);
  void assignTo(const ast::Expr& target, const Val& v, Loc at);
  void assignTree(const Val& target, const Val& v, Loc at);
  void assignInstance(Instance* instance, const Val& v, Loc at);
  void assignParts(Instance* instance, const Val& tree, Loc at);
  void assignStates(Instance* instance, const Fields& states, Loc at);
  void assignCells(const CellTree& cells, const Val& v, Loc at, const std::string& name);
  Cell* newVariable(const std::string& path, const TensorVal& like, Variable::Kind kind, Loc at);
  Cell* newFitted(const std::string& path, const TensorVal& like, double value, Loc at);
  CellTree makeState(const std::string& path, const Val& init, Instance* owner, Loc at);
  void emitInit(Cell* cell, const Val& init, Loc at);
  Val inInit(Frame* frame, const std::string& path, const std::function<Val()>& body);
  Instance* copyInstance(Instance* from, const std::string& path, Instance* parent, Loc at);
  void adoptParts(Instance* copied, Loc at);
  void requireParts(Instance* instance, Loc at);

  // ---- declared.cpp, resolve.cpp: declared types
  Val declared(const ast::TypeExpr& t, const ast::Expr& value, const std::string& what);
  Val matchType(const ast::TypeExpr& t, Val v, const std::string& what, Loc at);
  void matchShape(const ast::TypeExpr& t, TensorVal& v, const std::string& what, Loc at);
  bool matchDim(const ast::Dim& d, const Dim& actual, const std::string& what, int axis, const TensorVal& v, Loc at,
                bool defer);
  std::optional<Expected> resolveShape(const ast::TypeExpr& t);
  std::vector<Val> resolveDims(const std::vector<ast::Dim>& dims);
  bool isResolvable(const ast::TypeExpr& t);
  DType dtypeOf(const ast::Ident& name);
  Val fill(const Val& v, const Expected& e, Loc at);
  Val asIndexOrInt(const ast::TypeExpr& t, Val v, const std::string& what, Loc at);
  void checkBound(const ast::TypeExpr& t, TensorVal& v, const std::string& what, Loc at);
  Dim asDim(const Val& v, Loc at, const char* what);
  int64_t asConst(const Val& v, Loc at, const char* what);
  double asNumber(const Val& v, Loc at, const char* what);
  bool asBool(const Val& v, Loc at, const char* what);

  // ---- arith.cpp, numbers.cpp: elementwise operations, numbers, broadcasting, trees
  Val binary(ast::BinaryOp op, Val a, Val c, Loc at, const ast::Expr* ae = nullptr, const ast::Expr* ce = nullptr);
  void requireNoOverflow(ast::BinaryOp op, int64_t a, int64_t c, Loc at);
  Val numberBinary(ast::BinaryOp op, const Val& a, const Val& c, Loc at);
  std::optional<Val> numberPrimitive(Op op, const std::vector<Val>& args);
  TensorVal tensorBinary(ast::BinaryOp op, const Val& a, const Val& c, Loc at);
  Val elementwise(Op op, const std::vector<Val>& args, const Attrs& attrs, Loc at, const char* name);
  Val leafwise(const std::vector<Val>& args, Loc at, const std::function<Val(const std::vector<Val>&)>& f);
  TensorVal materialise(const Val& v, DType dtype, Loc at);
  Value formulaValue(const Formula& f, DType dtype, Loc at);
  TensorVal asTensor(const Val& v, Loc at, const char* what);
  std::vector<TensorVal> unifyOperands(const std::vector<Val>& args, Loc at, const char* name);
  void broadcastOperands(std::vector<TensorVal>& ts, Loc at, const char* name);
  TensorVal broadcastTo(const TensorVal& t, const Shape& shape, const std::vector<bool>& unit, Loc at);
  TensorVal cast(const TensorVal& t, DType dtype, Loc at);
  Val negate(const Val& v, Loc at);
  Val logicalNot(const Val& v, Loc at);
  TensorVal widen(const TensorVal& t, DType dtype, Loc at);

  // ---- call.cpp: application
  /// A call that lasts as long as this; fails where calls nest too deep or there are too many of them.
  class CallScope {
  public:
    CallScope(Elaborator& e, Loc at, const std::string& name);
    CallScope(const CallScope&) = delete;
    ~CallScope() { e_.calls_.pop_back(); }

  private:
    Elaborator& e_;
  };
  ArgVal argument(const ast::Arg& a);
  Val evalCall(const ast::Call& e);
  Val evalBracket(const ast::Bracket& e);
  Val apply(const Val& f, std::vector<ArgVal> args, Loc at, const ast::Call* site);
  Val applyCallable(const FnVal& f, std::vector<ArgVal> args, Loc at, const ast::Call* site);
  Val applyLambda(const FnVal& f, std::vector<ArgVal> args, Loc at);
  Val applyInstance(Instance* instance, std::vector<ArgVal> args, Loc at);
  Val applyBody(const ast::Callable& decl, const FnVal& f, std::vector<ArgVal> args, Loc at);
  [[noreturn]] void failNamed(const FnVal& f, const ArgVal& a);
  Val applyShapeFn(const Val& f, const std::vector<Val>& dims, Loc at);
  Val bindStatics(const Val& f, const ast::Bracket& e);
  void bindStaticParams(const FnVal& f, const ScopePtr& scope, Loc at);
  void bindParams(const std::vector<ast::ParamDecl>& params, std::vector<ArgVal> args, const std::string& name, Loc at,
                  Loc declared, const std::vector<ast::ParamDecl>& statics = {});
  Instance* childFor(const ast::Call& e, const FnVal& layer);
  bool isTrainingPath(const Instance* instance) const;
  std::string ordinalKey(const std::string& callee, const void* site);

  // ---- builtin.cpp and op.cpp
  Val applyBuiltin(const FnVal& f, std::vector<ArgVal> args, Loc at);
  Val applyCast(const FnVal& f, const std::vector<ArgVal>& args, Loc at);
  Val withStates(const std::vector<ArgVal>& args, Loc at);
  Val stack(const FnVal& f, const std::vector<ArgVal>& args, Loc at);
  void requireOnce(const ast::ShapeMap& map, Loc at);
  int64_t axisArg(const FnVal& f, int rank, Loc at, int64_t byDefault);
  Val stackValues(const std::vector<Val>& values, int64_t axis, Loc at);
  Val concat(const FnVal& f, const std::vector<ArgVal>& args, Loc at);
  Val put(const FnVal& f, const std::vector<ArgVal>& args, Loc at);
  Val iota(const std::vector<ArgVal>& args, Loc at);
  Val clamp(const std::vector<ArgVal>& args, Loc at);
  Val countOf(const FnVal& f, const std::vector<ArgVal>& args, Loc at);
  Val sortOf(const FnVal& f, const std::vector<ArgVal>& args, Loc at);
  std::vector<int64_t> axesArg(const FnVal& f, int rank, Loc at, bool allByDefault);
  Val applyPrimitive(const FnVal& f, const std::vector<ArgVal>& args, Loc at);
  Val treeSum(const Val& v, const FnVal& f, Loc at);

  // ---- random.cpp
  Val applyRand(const FnVal& f, Loc at);
  Value drawn(const Shape& shape, int64_t fastest, Loc at);
  Value randomKey(bool isByRow, Loc at);
  Value fold(Value key, uint64_t data);
  std::string numberedRows() const;
  Value firstRow(const Dim& parts, Loc at);

  // ---- gradient.cpp
  Val gradOf(const std::vector<ArgVal>& args, Loc at);
  /// What holds a tensor: the path of a variable or the name of a value, and where it was assigned, if it was.
  struct Holder {
    std::string name;
    Loc assigned = {};
  };
  Holder holderOf(const TensorVal& t) const;
  [[noreturn]] void failNoPath(const std::vector<TensorVal>& lost, Loc value, Loc by);

  // ---- shapemap.cpp: view and dot
  struct Atom {
    std::string name;  // empty: a number
    Dim extent;
    bool isRest = false;
    bool unit = false;
  };
  Val view(const FnVal& f, const std::vector<ArgVal>& args, Loc at);
  Val dot(const FnVal& f, const std::vector<ArgVal>& args, Loc at);
  using AtomMap = std::map<std::string, std::vector<Dim>>;
  std::vector<Atom> splitAxes(const ast::AxisList& axes, const TensorVal& x, AtomMap& known, const ScopePtr& env,
                              const std::string& what, Loc at);
  std::optional<std::vector<Dim>> scopeDims(const std::string& name, bool rest, const AtomMap& known,
                                            const ScopePtr& env);
  void atomsOf(const ast::Axis& axis, const AtomMap& known, const ScopePtr& env, std::vector<Atom>& into);
  TensorVal arrange(const TensorVal& atoms, std::vector<Atom> have, const ast::AxisList& result, const AtomMap& known,
                    const ScopePtr& env, Loc at);
  Val matmul(const Val& a, const Val& c, Loc at, const ast::Expr* ae, const ast::Expr* ce);

  // ---- condition.cpp: sizes that must fit together
  /// Something of this shape is divided by a size: a mean over nothing is NaN.
  void noteDivisor(const Dim& divisor, const Shape& shape);
  /// small <= large for all sizes the bounds allow, or else at each call; false if it cannot hold.
  bool require(const Dim& small, const Dim& large);
  /// What the nodes of an entry need of its sizes, whoever wrote them: extents of 0 or more, slices and blocks within
  /// their operands, something to look up where positions are clamped. `rounds`: the counts of the loops around.
  void requireInside(const Graph& graph, const std::vector<Dim>& rounds = {});
  /// What an entry requires of one size leaves some.
  void requireSomeCall();
  /// Exclusive upper bound of a number or of integers, if one is known; they are not negative then.
  std::optional<Dim> reachOf(const Val& v) const;
  /// Positions on an axis of this extent, as far as sizes of the call decide it.
  void requireReach(const TensorVal& index, const Dim& extent);

  // ---- index.cpp
  Val index(const Val& base, const ast::Bracket& e);
  TensorVal sliceAxis(const TensorVal& x, int axis, const Dim& lo, const Dim& hi, Loc at);
  TensorVal dropAxis(const TensorVal& x, int axis, Loc at);
  TensorVal indexTensor(const TensorVal& x, const ast::Bracket& e);

  // ---- loop.cpp
  Val evalFor(const ast::For& e);
  Val loopOver(const ast::For& e, size_t k);
  Val unroll(const ast::For& e, size_t k, const Dim& lo, int64_t count);
  std::vector<Cell*> numbersToTensors(const ast::Block& body, Loc at);
  Val scan(const ast::For& e, size_t k, const Val& lo, const Dim& count);
  void dropBounds(Cell* cell, Loc at);
  Val finishScan(Frame& body, const Val& value, const Dim& count, Value t, Loc at);
  void evalEvery(const ast::Every& e);
  Val runWhere(const TensorVal& now, const ast::Block& block, Loc at);
  bool inTrainText() const;

  // ---- data.cpp
  Value mapRow(DataFieldInfo& field, Value output, const std::vector<TensorVal>& raws, Loc at, bool direct,
               const Dim& n);
  std::vector<TensorVal> rawBatch(DataFieldInfo& field, const Dim& batch);
  void defineData(const ast::Data& d, const ScopePtr& scope);
  void prepareField(DataFieldInfo& field);
  void inferRaw(DataInfo& data, const ast::Expr& e, const std::vector<Val>& dims, std::optional<Dim> bound);
  void noteRaw(DataInfo& data, const std::string& name, Type type, std::optional<Dim> bound, Loc at);
  std::string settingText(const std::string& name, const Val& v, Loc at);
  void readPath(const ast::Data& d, DataSource& source);
  void readSettings(const ast::Data& d, DataSource& source);
  Val rawField(DataInfo& data, const std::string& name, Loc at);
  Val rawColumns(DataInfo& data, const ast::Bracket& e);
  Val applyField(DataFieldInfo& field, const std::vector<ArgVal>& args, Loc at);
  Val fieldInTrain(DataFieldInfo& field, Loc at);
  DataInfo* findData(const ast::Expr& e);

  // ---- symbols.cpp: numbers of vocabularies
  std::optional<std::string> symbolField(const DataInfo& data, const ast::Call& e);
  void noteSymbols(DataInfo& data, const ast::Call& e, const std::string& name, const Shape& shape,
                   std::optional<Dim> bound);
  Dim boundOf(const ast::TypeExpr& t);
  std::string vocabularyOf(const ast::TypeExpr& t);

  // ---- statistics.cpp: over the training rows
  Val statistic(const std::string& what, const ArgVal& x, Loc at);
  void addRowsFunctions(DataFieldInfo& field);
  void addRowsFunction(DataFieldInfo& field, const std::string& name, Value value);

  // ---- train.cpp, export.cpp, resting.cpp
  void elaborateTrain(const ast::Train& t, const ScopePtr& scope);
  std::vector<std::string> stepInputs(const DataInfo& data);
  void trainEntry(const ast::Train& t, const ScopePtr& scope, Function::Kind kind, TrainBlock& block, DataInfo* data);
  void startPass(const ast::Train& t, TrainBlock& block);
  void trainSettings(const ast::Train& t, TrainBlock& block, DataInfo* data);
  bool reportsLoss(const TrainBlock& block) const;
  void checkValidReads(const TrainBlock& block, const std::vector<std::pair<std::string, Loc>>& reads);
  void requireLoss(const ast::Train& t);
  void elaborateMetric(const ast::Metric& m, TrainBlock& block);
  void elaborateExport(const ast::Callable& f, const ScopePtr& scope);
  void exportInstances(const ScopePtr& scope);
  void warnOfRestingStates();
  Val exportInput(const ast::ParamDecl& p, std::vector<Symbol>& symbols);

  // ---- state of the elaboration
  const ElabOptions& options_;
  SourceManager& sources_;
  Diagnostics& diagnostics_;
  Module module_;
  Scopes scopes_;  // outlives whatever holds one
  std::deque<Cell> cells_;
  std::deque<Instance> instances_;
  std::deque<DataInfo> data_;
  std::deque<std::unique_ptr<ast::File>> files_;
  std::map<std::string, ScopePtr> usedFiles_;
  std::map<std::string, Cell*> variableCells_;
  std::map<std::string, Val> hyperValues_;
  std::map<std::string, const ast::Hyper*> hyperDecls_;
  std::set<std::string> hypersUsed_, hypersFixed_, hypersRunTime_;
  ScopePtr library_, main_;
  std::unique_ptr<Frame> initFrame_, fittedFrame_;
  std::map<std::string, Value> initValues_;                   // path → initial value in initFrame_
  std::map<std::string, std::unique_ptr<Frame>> passFrames_;  // train → the graph of its start_pass
  std::vector<Output> initOutputs_, fittedOutputs_;
  std::map<std::string, std::vector<Output>> passOutputs_;
  std::deque<std::unique_ptr<Entry>> entries_;  // finished ones too: their frames are referred to
  Entry* entry_ = nullptr;
  int entryNumber_ = 0;
  Frame* frame_ = nullptr;
  std::string initPath_;         // of the variable whose initializer is elaborated; empty: none
  bool rigid_ = false;           // definitions are checked by themselves
  bool certain_ = false;         // rigid: the mismatch about to be reported holds for all instances
  int opaque_ = 0;               // rigid: quotients that no polynomial expresses
  DataInfo* rawData_ = nullptr;  // inside a data field
  std::optional<Loc> precisionAt_;
  DataFieldInfo* rawField_ = nullptr;  // likewise
  bool trustBounds_ = false;  // a declared bound holds because the data are checked against it when they are read
  std::map<std::string, Instance*> trainRoots_;
  std::vector<std::pair<std::string, Loc>> validReads_;  // results of validation that the train block names
  Context ctx_;
  std::vector<CallSite> calls_;
  size_t callsMade_ = 0;  // since the start
  std::shared_ptr<const std::string> originPath_;
};

/// Restores a variable at the end of a scope.
template <class T>
class Restore {
public:
  explicit Restore(T& ref) : ref_(ref), old_(ref) {}
  ~Restore() { ref_ = std::move(old_); }
  const T& old() const { return old_; }
  Restore(const Restore&) = delete;

private:
  T& ref_;
  T old_;
};

uint64_t hashText(const std::string& text);
/// The raw field that `raw.age`, `raw["body mass"]` or `raw["a".."z"]` names.
std::optional<std::string> rawName(const ast::Expr& e);
/// The raw fields of a data block in the order in which its text first names them.
std::vector<std::string> rawNames(const ast::Data& data);
/// "sepal length" of raw["sepal length"], "a..z" of raw["a".."z"].
std::optional<std::string> rawColumnName(const ast::Bracket& e);
/// A path with `*` or `**` in it.
bool isPattern(const ast::Expr& e);
/// "net", "body.s4" of an assignment's target; of a pattern, what stands before it. Empty for anything else.
std::string targetPath(const ast::Expr& e);

}  // namespace nnc::elab
