// What an expression means while a program is elaborated: numbers known when compiling, tensors of the graph, tuples,
// trees of tensors (the parameters of an instance and everything computed from them leaf by leaf), instances,
// functions.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "frontend/ast.h"
#include "ir/graph.h"

namespace nnc::elab {

struct Frame;
struct Instance;
struct Scope;
struct Val;
struct DataInfo;
struct DataFieldInfo;

/// A value of a graph. `unit[i]`: axis i is a written 1 and broadcasts. `bound`: exclusive upper bound of an index
/// type.
struct TensorVal {
  Value value;
  Frame* frame = nullptr;
  Type type;
  std::vector<bool> unit;
  std::optional<Dim> bound;
  /// Exclusive upper bound that the compiler found where the language keeps none: of a sum of indices. Not a bound that
  /// a parameter could ask for; it tells which sizes of a call put a position outside.
  std::optional<Dim> reach = {};
};

/// How a number known when compiling was computed from hyperparameters. A number with such a formula becomes a run-time
/// scalar where a tensor is needed; only where a shape or a branch needs it is the value in force used, and the hypers
/// in it are then fixed when compiling.
struct Formula {
  enum class Kind : uint8_t { Hyper, Number, Neg, Binary } kind{};
  std::string hyper;
  double number = 0;
  bool isInt = false;
  ast::BinaryOp op{};
  std::shared_ptr<const Formula> a, b;
};

enum class ValKind : uint8_t {
  Error,  // already reported; whatever reads it is silent
  None,   // `none`, and the value of a block without one
  Int,    // a whole number or a dimension
  Float,  // a number
  Bool,
  Str,
  Tensor,
  Tuple,
  Tree,  // named leaves of an instance or of a computation on one
  Instance,
  Fn,     // fn, layer, lambda, built-in, primitive, data field
  File,   // a used file
  Data,   // a data block, seen as a value
  Raw,    // `raw` inside a data block
  Ops,    // `op`
  Split,  // `valid`, whose fields are metrics of the validation pass
};

/// The compile-time argument list of a built-in or primitive, kept as written.
struct StaticArg;
struct FnVal;

using Fields = std::vector<std::pair<std::string, Val>>;

struct Val {
  ValKind kind = ValKind::Error;
  Dim dim;                                 // Int
  bool unit = false;                       // Int: a written 1
  double number = 0;                       // Float
  bool flag = false;                       // Bool
  std::string text;                        // Str, Split; Float: why it is no whole number ("27 / 2")
  std::shared_ptr<const Formula> formula;  // Int, Float
  TensorVal tensor;
  std::shared_ptr<const std::vector<Val>> items;  // Tuple
  std::shared_ptr<const Fields> fields;           // Tree
  std::shared_ptr<const Fields> states;           // Tree of a whole instance: the states that go with it, if any
  Instance* instance = nullptr;
  std::shared_ptr<const FnVal> fn;
  std::shared_ptr<Scope> scope;  // File
  DataInfo* data = nullptr;      // Data, Raw

  static Val error() { return {}; }
  static Val none() { return ofKind(ValKind::None); }
  static Val ofKind(ValKind kind) {
    Val v;
    v.kind = kind;
    return v;
  }
  static Val integer(Dim d, bool unit = false) {
    Val v = ofKind(ValKind::Int);
    v.dim = std::move(d);
    v.unit = unit;
    return v;
  }
  static Val real(double x) {
    Val v = ofKind(ValKind::Float);
    v.number = x;
    return v;
  }
  static Val boolean(bool b) {
    Val v = ofKind(ValKind::Bool);
    v.flag = b;
    return v;
  }
  static Val string(std::string s) {
    Val v = ofKind(ValKind::Str);
    v.text = std::move(s);
    return v;
  }
  static Val of(TensorVal t) {
    Val v = ofKind(ValKind::Tensor);
    v.tensor = std::move(t);
    return v;
  }
  static Val tuple(std::vector<Val> items);
  static Val tree(Fields fields);
  static Val of(Instance* i) {
    Val v = ofKind(ValKind::Instance);
    v.instance = i;
    return v;
  }
  static Val function(FnVal fn);

  bool is(ValKind k) const { return kind == k; }
  bool isTensor() const { return kind == ValKind::Tensor; }
  bool isNumber() const { return kind == ValKind::Int || kind == ValKind::Float; }
  bool isConstInt() const { return kind == ValKind::Int && dim.isConst(); }
};

struct StaticArg {
  std::string name;  // empty: positional
  Val value;
  const ast::Expr* expr = nullptr;  // ShapeMap, Range and All, which have no value
  Loc at;
};

/// The functions that need the compiler's knowledge of shapes, trees or paths; everything else is library.
enum class Builtin : uint8_t {
#define BUILTIN(name, text, option) name,
#include "frontend/elab/builtins.def"
#undef BUILTIN
};

struct FnVal {
  enum class Kind : uint8_t { Callable, Lambda, Builtin, Primitive, Cast, Field, Arithmetic } kind{};
  const ast::Callable* decl = nullptr;
  const ast::Lambda* lambda = nullptr;
  Builtin builtin{};
  Op op{};
  DType dtype{};
  DataFieldInfo* field = nullptr;
  ast::BinaryOp arithmetic{};  // of functions of a shape and scalars, `sigma * normal`: a function of a shape
  std::vector<Val> operands;   // two
  std::shared_ptr<Scope> env;
  std::vector<StaticArg> statics;
  std::shared_ptr<Scope> staticsEnv;  // where a ShapeMap's names are looked up

  /// Of a built-in function the name of its compile-time argument, if it has one.
  const char* option() const;
  /// Whether its arguments have names: it is written in the language.
  bool namesArguments() const { return kind == Kind::Callable || kind == Kind::Lambda || kind == Kind::Arithmetic; }
  bool isLayer() const { return kind == Kind::Callable && decl->isLayer; }
  std::string name() const;
};

inline Val Val::tuple(std::vector<Val> items) {
  Val v = ofKind(ValKind::Tuple);
  v.items = std::make_shared<const std::vector<Val>>(std::move(items));
  return v;
}
inline Val Val::tree(Fields fields) {
  Val v = ofKind(ValKind::Tree);
  v.fields = std::make_shared<const Fields>(std::move(fields));
  return v;
}
inline Val Val::function(FnVal fn) {
  Val v = ofKind(ValKind::Fn);
  v.fn = std::make_shared<const FnVal>(std::move(fn));
  return v;
}

/// The elements of a tuple; of anything else itself.
inline std::vector<Val> listOf(const Val& v) {
  return v.is(ValKind::Tuple) ? *v.items : std::vector<Val>{v};
}
/// A number whose value is one fixed number, and that number.
inline bool isConstNumber(const Val& v) {
  return v.is(ValKind::Float) || v.isConstInt();
}
inline double numberOf(const Val& v) {
  return v.is(ValKind::Int) ? static_cast<double>(v.dim.value()) : v.number;
}

/// "f32[B, 10]", "a tuple of 2", "the layer `dense`": a value in a message.
std::string describe(const Val& v);
std::string shapeText(const Shape& shape);

/// All tensors of a value, in order (numbers and functions are left out).
void collectTensors(const Val& v, std::vector<TensorVal>& into);
/// The bound of a value whose elements come from either: the larger of two comparable bounds, else none.
std::optional<Dim> jointBound(const std::optional<Dim>& a, const std::optional<Dim>& b);
/// True if both are made of tuples and trees in the same way, whatever their tensors.
bool isLike(const Val& a, const Val& b);
/// The value with its tensors replaced, in the order of collectTensors.
Val replaceTensors(const Val& v, const std::vector<TensorVal>& with, size_t& next);
/// Equality of values known when compiling; nothing if either is a tensor or the like.
std::optional<bool> equalStatic(const Val& a, const Val& b);

}  // namespace nnc::elab
