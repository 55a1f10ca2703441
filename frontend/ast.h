// The syntax tree of a .nn file: what the text says, before any name, shape or type is decided. Nodes are plain structs
// under two bases, `Expr` and `Stmt`; `kind` says which, `node.as<Call>()` casts (checked), `node.is<Call>()` asks.
//
// What the builder has already settled, so that later phases need not:
//  - `x |> f[a](b)` is the call `f[a](x, b)` with `piped` set; a label belongs to its call.
//  - `base[…]` is one node, `Bracket`, whether it turns out to be compile-time arguments or an index.
//  - parentheses leave no trace but tuples; `else if` is an else block that holds one `If`.
//  - statements stand where they may (`param` in a layer, `metric` and `every` in a train block, …).
//  - no expression is higher than kMaxHeight, so recursion over a tree is safe.
// A `Loc` covers a node's text as far as its first line goes; a piped call's covers its stage, not what flows in.
#pragma once

#include <cassert>
#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "ir/source.h"

namespace nnc::ast {

inline constexpr uint32_t kMaxHeight = 2000;

enum class ExprKind : uint8_t {
  Int,        // 42
  Float,      // 1e-3
  Bool,       // true
  String,     // "path"
  Name,       // x
  Call,       // f[a](x, lr = 1), x |> fc: dense[10]
  Bracket,    // f[a, reduce = none], x[0..n, :, -1], raw["a".."z"], view[B C -> C B]
  Field,      // vae.dec, raw.image, h.3
  Wild,       // net.*, net.**
  Transpose,  // w'
  Unary,      // -x, not x
  Binary,     // x + y
  Tuple,      // (a, b)
  If,         // if c { a } else { b }
  For,        // for i in B, j in B { … }
  Lambda,     // fn(x) { … }
  Range,      // a..b, a.., ..b
  All,        // `:`, alone in an index
  ShapeMap,   // B N (3 H E) -> 3 B H N E, only as a bracket's first argument
  Error,      // a place whose text could not be read; already reported
};

enum class StmtKind : uint8_t {
  // Definitions, at the top level of a file.
  Use,
  Hyper,
  Data,
  Callable,
  Train,
  Search,
  // Statements of a body.
  Let,
  Var,
  State,
  Param,
  Metric,
  Assign,
  Every,
  ExprStmt,
};

struct Expr {
  ExprKind kind;
  Loc loc;
  uint32_t height = 1;  // 1 + the greatest among its children

  virtual ~Expr() = default;
  template <class T>
  bool is() const {
    return kind == T::kKind;
  }
  template <class T>
  const T& as() const {
    assert(is<T>());
    return static_cast<const T&>(*this);
  }
  template <class T>
  T& as() {
    assert(is<T>());
    return static_cast<T&>(*this);
  }
  /// The node as a T, or null if it is something else.
  template <class T>
  const T* tryAs() const {
    return is<T>() ? static_cast<const T*>(this) : nullptr;
  }
  template <class T>
  T* tryAs() {
    return is<T>() ? static_cast<T*>(this) : nullptr;
  }

protected:
  Expr(ExprKind kind, Loc loc) : kind(kind), loc(loc) {}
};
using ExprPtr = std::unique_ptr<Expr>;

struct Stmt {
  StmtKind kind;
  Loc loc;

  virtual ~Stmt() = default;
  template <class T>
  bool is() const {
    return kind == T::kKind;
  }
  template <class T>
  const T& as() const {
    assert(is<T>());
    return static_cast<const T&>(*this);
  }
  template <class T>
  T& as() {
    assert(is<T>());
    return static_cast<T&>(*this);
  }
  template <class T>
  const T* tryAs() const {
    return is<T>() ? static_cast<const T*>(this) : nullptr;
  }
  template <class T>
  T* tryAs() {
    return is<T>() ? static_cast<T*>(this) : nullptr;
  }

protected:
  Stmt(StmtKind kind, Loc loc) : kind(kind), loc(loc) {}
};
using StmtPtr = std::unique_ptr<Stmt>;

/// Base of a concrete expression: fixes its kind.
template <ExprKind K>
struct ExprOf : Expr {
  static constexpr ExprKind kKind = K;
  explicit ExprOf(Loc loc) : Expr(K, loc) {}
};
template <StmtKind K>
struct StmtOf : Stmt {
  static constexpr StmtKind kKind = K;
  explicit StmtOf(Loc loc) : Stmt(K, loc) {}
};

// ---- Parts
// -----------------------------------------------------------------------------------------------------------

/// A name in the text with its place. Empty text: not written (an optional label, alias, …).
struct Ident {
  std::string text;
  Loc loc;
  explicit operator bool() const { return !text.empty(); }
};

/// `{ … }`: statements in text order.
struct Block {
  Loc loc;  // the opening brace
  std::vector<StmtPtr> stmts;
  uint32_t height = 1;  // the greatest among its expressions

  /// The expression that stands last: the block's value. Null if there is none.
  const Expr* value() const;
};

/// An argument in `(…)` or `[…]`: `x` or `lr = 1e-3`. In brackets the value may be a Range, All or ShapeMap.
struct Arg {
  Ident name;  // empty: positional
  ExprPtr value;
};

/// A dimension in a declared shape: `C`, `H/2`, `28`, `B <= 1024`, `...S`.
struct Dim {
  enum class Kind : uint8_t { Expr, Bounded, Rest };
  Kind kind = Kind::Expr;
  Loc loc;
  ExprPtr expr;         // Expr: the dimension. Bounded: its bound
  std::string name;     // Bounded: `B` of `B <= 1024`. Rest: `S` of `...S`
  bool strict = false;  // Bounded: written with `<`
};

/// A declared type: `f32[B, 784]`, `[...S, D]`, `i32[256] < 96`, `int <= ctx`, `bool`, `([B, n], [B, n])`.
struct TypeExpr {
  enum class Bound : uint8_t { None, Less, LessEqual };
  Loc loc;
  Ident dtype;            // empty: not written (any float). Otherwise as written: "f32", "int", …; not checked here
  bool hasShape = false;  // `f64[]` has one, of rank 0; `f64` has none
  std::vector<Dim> shape;
  Bound boundKind = Bound::None;
  ExprPtr bound;
  bool isTuple = false;  // then only `elements` counts
  std::vector<TypeExpr> elements;
};
using TypePtr = std::unique_ptr<TypeExpr>;

/// A parameter of a fn, layer or lambda, in `(…)` or `[…]`: `x`, `x: [B, C]`, `lr = 1e-3`, `m: int <= ctx = 4`.
struct ParamDecl {
  Ident name;
  TypePtr type;      // null: not declared
  ExprPtr fallback;  // null: no default
};

/// What stands left of `=` in a let or var: a name (`_` discards) or a tuple of patterns.
struct Pattern {
  Loc loc;
  std::string name;  // empty: a tuple
  std::vector<Pattern> elements;
  bool isTuple() const { return name.empty(); }
};

/// A label before a call: `fc: dense[10]`, `h[i]: block(…)`.
struct Label {
  Ident name;
  ExprPtr index;  // null: not indexed
  explicit operator bool() const { return static_cast<bool>(name); }
};

// ---- Expressions
// -----------------------------------------------------------------------------------------------------

struct Int : ExprOf<ExprKind::Int> {
  using ExprOf::ExprOf;
  int64_t value = 0;
};
struct Float : ExprOf<ExprKind::Float> {
  using ExprOf::ExprOf;
  double value = 0;
};
struct Bool : ExprOf<ExprKind::Bool> {
  using ExprOf::ExprOf;
  bool value = false;
};
/// The value has its escapes (\n \t \" \\) resolved.
struct String : ExprOf<ExprKind::String> {
  using ExprOf::ExprOf;
  std::string value;
};
struct Name : ExprOf<ExprKind::Name> {
  using ExprOf::ExprOf;
  std::string text;
};

/// `callee(args)`. Of a pipe, the first argument is what flows in, and the parentheses may be missing in the text.
struct Call : ExprOf<ExprKind::Call> {
  using ExprOf::ExprOf;
  Label label;
  ExprPtr callee;
  std::vector<Arg> args;
  bool piped = false;
};

/// `base[args]`: compile-time arguments of a fn, layer or op, or an index into a tensor or tuple.
struct Bracket : ExprOf<ExprKind::Bracket> {
  using ExprOf::ExprOf;
  ExprPtr base;
  std::vector<Arg> args;
};
struct Field : ExprOf<ExprKind::Field> {
  using ExprOf::ExprOf;
  ExprPtr base;
  Ident name;  // a number in text form for `h.3`
};
/// `base.*`: the children of an instance. `base.**`: all below it, at any depth.
struct Wild : ExprOf<ExprKind::Wild> {
  using ExprOf::ExprOf;
  ExprPtr base;
  bool deep = false;
};
struct Transpose : ExprOf<ExprKind::Transpose> {
  using ExprOf::ExprOf;
  ExprPtr operand;
};

enum class UnaryOp : uint8_t { Neg, Not };
struct Unary : ExprOf<ExprKind::Unary> {
  using ExprOf::ExprOf;
  UnaryOp op{};
  ExprPtr operand;
};

enum class BinaryOp : uint8_t { Add, Sub, Mul, Div, FloorDiv, Mod, MatMul, Pow, Eq, Ne, Lt, Le, Gt, Ge, And, Or };
/// As written: "+", "//", "and", …
const char* spelling(BinaryOp op);
struct Binary : ExprOf<ExprKind::Binary> {
  using ExprOf::ExprOf;
  BinaryOp op{};
  Loc opLoc;
  ExprPtr lhs;
  ExprPtr rhs;
};

/// Two or more elements.
struct Tuple : ExprOf<ExprKind::Tuple> {
  using ExprOf::ExprOf;
  std::vector<ExprPtr> elements;
};

struct If : ExprOf<ExprKind::If> {
  using ExprOf::ExprOf;
  ExprPtr cond;
  Block then;
  bool hasElse = false;
  Block otherwise;
};

/// `for i in e, j in e { … }`; a range `a..b` has both ends.
struct For : ExprOf<ExprKind::For> {
  struct Index {
    Ident name;
    ExprPtr over;
  };
  using ExprOf::ExprOf;
  std::vector<Index> indices;
  Block body;
};

struct Lambda : ExprOf<ExprKind::Lambda> {
  using ExprOf::ExprOf;
  std::vector<ParamDecl> params;
  Block body;
};

/// `lo..hi`; an end that is not written is null (in an index only).
struct Range : ExprOf<ExprKind::Range> {
  using ExprOf::ExprOf;
  ExprPtr lo;
  ExprPtr hi;
};
struct All : ExprOf<ExprKind::All> {
  using ExprOf::ExprOf;
};
struct ErrorExpr : ExprOf<ExprKind::Error> {
  using ExprOf::ExprOf;
};

/// One axis of shape notation: `3`, `H`, `...S`, `(3 H E)`.
struct Axis {
  enum class Kind : uint8_t { Int, Name, Rest, Group };
  Kind kind{};
  Loc loc;
  int64_t value = 0;        // Int
  std::string name;         // Name, Rest
  std::vector<Axis> group;  // Group
};
struct AxisList {
  Loc loc;
  std::vector<Axis> axes;
};
/// `inputs -> result`; `view` has one input, `dot` two.
struct ShapeMap : ExprOf<ExprKind::ShapeMap> {
  using ExprOf::ExprOf;
  std::vector<AxisList> inputs;
  AxisList result;
};

// ---- Statements
// ------------------------------------------------------------------------------------------------------

/// `use a.b as c`: the file a/b.nn, known as `c`, or as `b` if no alias is written.
struct Use : StmtOf<StmtKind::Use> {
  using StmtOf::StmtOf;
  std::vector<Ident> path;
  Ident alias;
};

/// `hyper lr = 1e-3 in log(1e-4 .. 1e-1)`.
struct Hyper : StmtOf<StmtKind::Hyper> {
  enum class Domain : uint8_t { None, Choices, Range, LogRange };
  using StmtOf::StmtOf;
  Ident name;
  TypePtr type;  // null: that of the default
  ExprPtr fallback;
  Domain domain = Domain::None;
  Loc domainLoc;
  std::vector<ExprPtr> choices;  // Choices
  ExprPtr lo, hi;                // Range, LogRange: both ends belong to it
};

/// `data d from reader(args) { let …  field: type = value }`.
struct Data : StmtOf<StmtKind::Data> {
  struct Field {
    Ident name;
    TypePtr type;  // null: that of the value
    ExprPtr value;
  };
  using StmtOf::StmtOf;
  Ident name;
  Ident reader;
  std::vector<Arg> args;
  std::vector<StmtPtr> lets;  // statistics and the like, over the training split, in text order
  std::vector<Field> fields;
};

/// A `fn` (exported or not) or a `layer`.
struct Callable : StmtOf<StmtKind::Callable> {
  using StmtOf::StmtOf;
  bool isLayer = false;
  bool exported = false;
  Ident name;
  std::vector<ParamDecl> staticParams;  // in `[…]`, known when compiling
  std::vector<ParamDecl> params;        // in `(…)`
  TypePtr result;                       // null: not declared
  Block body;
};

/// `train fit on data(settings) { … }`.
struct Train : StmtOf<StmtKind::Train> {
  using StmtOf::StmtOf;
  Ident name;
  ExprPtr data;  // a Name or a Field (of a used file); null: none
  std::vector<Arg> settings;
  Block body;
};

/// `search fit(settings)`.
struct Search : StmtOf<StmtKind::Search> {
  using StmtOf::StmtOf;
  Ident train;
  std::vector<Arg> settings;
};

struct Let : StmtOf<StmtKind::Let> {
  using StmtOf::StmtOf;
  Pattern pattern;
  TypePtr type;  // null: not declared
  ExprPtr value;
};
struct Var : StmtOf<StmtKind::Var> {
  using StmtOf::StmtOf;
  Pattern pattern;
  TypePtr type;
  ExprPtr value;
};
struct State : StmtOf<StmtKind::State> {
  using StmtOf::StmtOf;
  Ident name;
  TypePtr type;
  ExprPtr init;
};
struct Param : StmtOf<StmtKind::Param> {
  using StmtOf::StmtOf;
  Ident name;
  TypePtr type;  // null: taken from the initializer's value
  ExprPtr init;
};
struct Metric : StmtOf<StmtKind::Metric> {
  using StmtOf::StmtOf;
  Ident name;
  ExprPtr value;
};
/// `net = …`, `body.s4 = …`, `net.**.w = …`, `(h, c) = …`: the target is made of Name, Field, Wild, Bracket and Tuple.
struct Assign : StmtOf<StmtKind::Assign> {
  using StmtOf::StmtOf;
  ExprPtr target;
  ExprPtr value;
};
/// `every k { … }`: at steps k, 2k, …
struct Every : StmtOf<StmtKind::Every> {
  using StmtOf::StmtOf;
  ExprPtr count;
  Block body;
};
struct ExprStmt : StmtOf<StmtKind::ExprStmt> {
  using StmtOf::StmtOf;
  ExprPtr expr;
};

/// A whole file, in text order: definitions, lets, and expressions that stand alone (`precision(compute = bf16)`).
struct File {
  uint32_t file = 0;
  std::vector<StmtPtr> items;
  std::vector<std::string>
      unread;  // names whose definitions could not be read: that they are missing is no error of its own
};

inline const Expr* Block::value() const {
  if (stmts.empty()) return nullptr;
  const auto* last = stmts.back()->tryAs<ExprStmt>();
  return last ? last->expr.get() : nullptr;
}

}  // namespace nnc::ast
