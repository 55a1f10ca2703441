// Names and what they stand for, instances, and the cells that hold what can be assigned.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "frontend/elab/value.h"

namespace nnc::elab {

/// Something that can be assigned: a `var`, or a parameter or state of the module (then `variable` is its position
/// there). Its current value lives in the frames (frame.h), because a loop body sees it as a carry.
struct Cell {
  std::string name;  // path of a variable, name of a var
  bool isVariable = false;
  Variable::Kind kind{};
  Type type;  // of a variable
  std::vector<bool> unit;
  std::optional<Dim> bound;
  std::string train;  // of a metric's state: the train block it belongs to
  Loc declared;
  int selectDepth = 0;  // of a var: how many tensor `if`s stand around it
};

/// A state's value is one tensor or a tree of them; each leaf is a cell.
struct CellTree {
  struct Child;
  Cell* cell = nullptr;
  bool isTuple = false;
  std::vector<Child> children;
};
struct CellTree::Child {
  std::string name;
  CellTree tree;
};

/// A layer with its parameters. Made by a let, a label or an unlabelled application; applied any number of times.
struct Instance {
  std::string path;  // "net.s1.conv"
  Instance* parent = nullptr;
  std::shared_ptr<const FnVal> layer;
  struct Member {
    std::string name;
    Instance* child = nullptr;  // either a part
    Cell* param = nullptr;      // or a parameter
  };
  std::vector<Member> members;  // in the order they were made
  std::map<std::string, CellTree> states;
  std::map<std::string, std::string> claims;  // child name → the call that made it
  std::map<std::string, Loc> made;            // child name → where
  bool isRoot = false;                        // not a layer: a train block, a metric or an export
  bool mayHaveParameters = true;              // false of what an export makes
  Variable::Kind stateKind = Variable::Kind::State;
  std::string train;           // the train block it was made in
  Instance* source = nullptr;  // copy(net): where its initial values come from
  Loc at;
  int application = 0;  // of the current entry
  int entry = -1;       // the entry `application` counts in

  Member* find(const std::string& name);
  bool ownsAnything() const;
};

struct Binding {
  enum class Kind : uint8_t { Value, Var, State, Lazy, Field } kind = Kind::Value;
  Val val;
  Cell* var = nullptr;
  CellTree state;
  const ast::Let* lazy = nullptr;  // a top-level let, elaborated where it is first used
  const ast::Pattern* lazyPart = nullptr;
  bool busy = false;
  std::string hyper;  // Value of a hyper: its name
  Loc at;
};

class Scopes;

struct Scope {
  Scopes& all;
  std::shared_ptr<Scope> parent;
  std::unordered_map<std::string, Binding> names;
  bool isFile = false;  // its names are definitions
  Scope(Scopes& all, std::shared_ptr<Scope> parent);
  ~Scope();
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

  Binding* find(const std::string& name) {
    for (Scope* s = this; s; s = s->parent.get())
      if (auto it = s->names.find(name); it != s->names.end()) return &it->second;
    return nullptr;
  }
  void bind(const std::string& name, Val val, Loc at) {
    Binding b;
    b.val = std::move(val);
    b.at = at;
    names[name] = std::move(b);
  }
  void allNames(std::vector<std::string>& into) const {
    for (const Scope* s = this; s; s = s->parent.get())
      for (const auto& [name, b] : s->names) into.push_back(name);
  }
};
using ScopePtr = std::shared_ptr<Scope>;

/// All scopes of an elaboration. A function holds the scope that names it: at the end these circles are cut.
class Scopes {
public:
  Scopes() = default;
  Scopes(const Scopes&) = delete;
  Scopes& operator=(const Scopes&) = delete;
  ~Scopes() {
    while (!alive_.empty()) {
      const auto names = std::move((*alive_.begin())->names);
      alive_.erase(alive_.begin());
    }
  }
  /// An empty one; `parent` may be null.
  ScopePtr inside(ScopePtr parent) { return std::make_shared<Scope>(*this, std::move(parent)); }

private:
  friend Scope;
  std::unordered_set<Scope*> alive_;
};

inline Scope::Scope(Scopes& all, std::shared_ptr<Scope> parent) : all(all), parent(std::move(parent)) {
  all.alive_.insert(this);
}
inline Scope::~Scope() {
  all.alive_.erase(this);
}

}  // namespace nnc::elab
