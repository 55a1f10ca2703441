// The notation of view and dot: axes by name, groups `(H E)` that split or merge, rest axes `...S`, numbers.
// A view is: split into atoms (reshape), permute, repeat along new axes (broadcast), merge (reshape).
#include "frontend/elab/elaborator.h"

#include <fmt/format.h>

#include <algorithm>

namespace nnc::elab {

namespace {

std::string restAtom(const std::string& name, size_t k) {
  return fmt::format("...{}.{}", name, k);
}

std::string listText(const ast::AxisList& list) {
  std::string s;
  const std::function<void(const std::vector<ast::Axis>&)> put = [&](const std::vector<ast::Axis>& axes) {
    for (const ast::Axis& a : axes) {
      if (!s.empty() && s.back() != '(') s += ' ';
      if (a.kind == ast::Axis::Kind::Int) s += std::to_string(a.value);
      if (a.kind == ast::Axis::Kind::Name) s += a.name;
      if (a.kind == ast::Axis::Kind::Rest) s += "..." + a.name;
      if (a.kind == ast::Axis::Kind::Group) {
        s += '(';
        put(a.group);
        s += ')';
      }
    }
  };
  put(list.axes);
  return s;
}

}  // namespace

std::optional<std::vector<Dim>> Elaborator::scopeDims(const std::string& name, bool rest, const AtomMap& known,
                                                      const ScopePtr& env) {
  const std::string key = rest ? "..." + name : name;
  if (auto it = known.find(key); it != known.end()) return it->second;
  Binding* binding = env->find(key);
  if (!binding) {
    bool found = false;
    if (const Val v = rest ? Val::error() : builtinName(name, {}, found); found && v.is(ValKind::Int))
      return std::vector<Dim>{v.dim};
    return std::nullopt;
  }
  const Val v = binding->kind == Binding::Kind::Lazy ? forceLazy(*binding, name, env) : binding->val;
  if (rest) {
    std::vector<Dim> dims;
    for (const Val& d : *v.items) dims.push_back(d.dim);
    return dims;
  }
  if (!v.is(ValKind::Int) || binding->kind == Binding::Kind::Var || binding->kind == Binding::Kind::State)
    return std::nullopt;
  if (!binding->hyper.empty()) hypersUsed_.insert(binding->hyper);
  return std::vector<Dim>{asDim(v, {}, "a dimension")};
}

void Elaborator::atomsOf(const ast::Axis& axis, const AtomMap& known, const ScopePtr& env, std::vector<Atom>& into) {
  switch (axis.kind) {
    case ast::Axis::Kind::Int:
      into.push_back({"", axis.value, false, axis.value == 1});
      break;
    case ast::Axis::Kind::Name:
    case ast::Axis::Kind::Rest: {
      const bool rest = axis.kind == ast::Axis::Kind::Rest;
      const auto dims = scopeDims(axis.name, rest, known, env);
      if (!dims) {
        error(DiagCode::BadShapeMap, axis.loc,
              fmt::format("the axis `{}{}` has no extent here", rest ? "..." : "", axis.name))
            .help("a new name on the right repeats the tensor along an axis of known extent");
        throw Reported{};
      }
      for (size_t k = 0; k < dims->size(); ++k)
        into.push_back({rest ? restAtom(axis.name, k) : axis.name, (*dims)[k], rest, false});
      break;
    }
    case ast::Axis::Kind::Group:
      for (const ast::Axis& a : axis.group) atomsOf(a, known, env, into);
      break;
  }
}

std::vector<Elaborator::Atom> Elaborator::splitAxes(const ast::AxisList& list, const TensorVal& x, AtomMap& known,
                                                    const ScopePtr& env, const std::string& what, Loc at) {
  const Shape& shape = x.type.shape;
  size_t rests = 0, fixed = 0;
  for (const ast::Axis& a : list.axes) (a.kind == ast::Axis::Kind::Rest ? rests : fixed) += 1;
  if (rests > 1) fail(DiagCode::BadShapeMap, list.loc, "at most one `...` stands in a shape");
  if (rests ? shape.size() < fixed : shape.size() != fixed) {
    Diagnostic& d = error(DiagCode::RankMismatch, at,
                          fmt::format("`{}` needs {}{} axes for `{}`, and this is {}", what, rests ? "at least " : "",
                                      fixed, listText(list), x.type.str()));
    d.mark(x.type.str());
    throw Reported{};
  }
  std::vector<Atom> atoms;
  const auto need = [&](const Dim& have, const Dim& want, const ast::Axis& a, size_t axis) {
    if (have == want) return;
    mustDiffer(have, want);
    Diagnostic& d = error(DiagCode::AxisMismatch, at,
                          fmt::format("axis {} of `{}`'s operand is {}, and `{}` is {}", axis, what, have.str(),
                                      a.kind == ast::Axis::Kind::Int ? std::to_string(a.value) : a.name, want.str()));
    d.mark(x.type.str());
    throw Reported{};
  };
  size_t axis = 0;
  for (const ast::Axis& a : list.axes) {
    switch (a.kind) {
      case ast::Axis::Kind::Int:
        need(shape[axis], a.value, a, axis);
        atoms.push_back({"", shape[axis], false, x.unit[axis]});
        ++axis;
        break;
      case ast::Axis::Kind::Name:
        if (const auto dims = scopeDims(a.name, false, known, env)) need(shape[axis], (*dims)[0], a, axis);
        known[a.name] = {shape[axis]};
        atoms.push_back({a.name, shape[axis], false, x.unit[axis]});
        ++axis;
        break;
      case ast::Axis::Kind::Rest: {
        const size_t n = shape.size() - fixed;
        std::vector<Dim> dims(shape.begin() + axis, shape.begin() + axis + n);
        if (const auto want = scopeDims(a.name, true, known, env); want && *want != dims)
          fail(
              DiagCode::AxisMismatch, at,
              fmt::format("the axes `...{}` are {}, and here {} is needed", a.name, shapeText(dims), shapeText(*want)));
        known["..." + a.name] = dims;
        for (size_t k = 0; k < n; ++k, ++axis) atoms.push_back({restAtom(a.name, k), shape[axis], true, x.unit[axis]});
        break;
      }
      case ast::Axis::Kind::Group: {
        // All but one name of a group must be known; the extent gives the last.
        const ast::Axis* unknown = nullptr;
        Dim product = 1;
        for (const ast::Axis& g : a.group) {
          if (g.kind == ast::Axis::Kind::Group) fail(DiagCode::BadShapeMap, g.loc, "a group stands in no other group");
          if (g.kind == ast::Axis::Kind::Int) {
            product = product * Dim(g.value);
            continue;
          }
          const auto dims = scopeDims(g.name, g.kind == ast::Axis::Kind::Rest, known, env);
          if (dims) {
            for (const Dim& d : *dims) product = product * d;
          } else if (unknown || g.kind == ast::Axis::Kind::Rest) {
            fail(DiagCode::BadShapeMap, g.loc, "only one axis of a group may be unknown");
          } else {
            unknown = &g;
          }
        }
        if (unknown) {
          const auto q = shape[axis].dividedBy(product);
          if (!q) {
            Diagnostic& d = error(DiagCode::NotDivisible, at,
                                  fmt::format("axis {} of `{}`'s operand is {}, which {} does not divide", axis, what,
                                              shape[axis].str(), product.str()));
            d.mark(x.type.str());
            throw Reported{};
          }
          known[unknown->name] = {*q};
        } else if (product != shape[axis]) {
          Diagnostic& d = error(DiagCode::AxisMismatch, at,
                                fmt::format("axis {} of `{}`'s operand is {}, and its group is {}", axis, what,
                                            shape[axis].str(), product.str()));
          d.mark(x.type.str());
          throw Reported{};
        }
        atomsOf(a, known, env, atoms);
        ++axis;
        break;
      }
    }
  }
  return atoms;
}

TensorVal Elaborator::arrange(const TensorVal& x, std::vector<Atom> have, const ast::AxisList& result,
                              const AtomMap& known, const ScopePtr& env, Loc at) {
  std::vector<Atom> want;
  std::vector<size_t> groupEnd;  // after each axis of the result, how many atoms there are
  for (const ast::Axis& a : result.axes) {
    if (a.kind == ast::Axis::Kind::Rest) {
      const size_t before = want.size();
      atomsOf(a, known, env, want);
      for (size_t k = before; k < want.size(); ++k) groupEnd.push_back(k + 1);
      continue;
    }
    atomsOf(a, known, env, want);
    groupEnd.push_back(want.size());
  }
  std::vector<int64_t> source(want.size(), -1);
  std::vector<bool> used(have.size(), false);
  for (size_t i = 0; i < want.size(); ++i)
    for (size_t k = 0; k < have.size(); ++k)
      if (!used[k] && have[k].name == want[i].name && (!want[i].name.empty() || have[k].extent == want[i].extent)) {
        source[i] = static_cast<int64_t>(k);
        used[k] = true;
        break;
      }
  for (size_t k = 0; k < have.size(); ++k)
    if (!used[k] && have[k].extent != Dim(1))
      fail(DiagCode::BadShapeMap, at,
           have[k].name.empty() ? fmt::format("the axis of extent {} is not on the right", have[k].extent.str())
                                : fmt::format("the axis `{}` is not on the right of `->`", have[k].name));
  // Drop unused axes of extent 1, permute, repeat, merge.
  place(at);
  Shape kept;
  std::vector<int64_t> position(have.size(), -1);
  for (size_t k = 0; k < have.size(); ++k)
    if (used[k]) {
      position[k] = static_cast<int64_t>(kept.size());
      kept.push_back(have[k].extent);
    }
  Value v = b().reshape(use(x, at), kept);
  std::vector<int64_t> perm, newAxes;
  std::vector<Dim> newExtents;
  for (size_t i = 0; i < want.size(); ++i) {
    if (source[i] >= 0) {
      perm.push_back(position[source[i]]);
    } else {
      newAxes.push_back(static_cast<int64_t>(i));
      newExtents.push_back(want[i].extent);
    }
  }
  v = b().transpose(v, perm);
  const bool onlyUnits = std::all_of(newExtents.begin(), newExtents.end(), [](const Dim& d) { return d == Dim(1); });
  if (!newAxes.empty() && !onlyUnits) v = b().broadcast(v, newAxes, newExtents);
  Shape merged;
  std::vector<bool> unit;
  size_t from = 0;
  for (size_t end : groupEnd) {
    Dim product = 1;
    for (size_t i = from; i < end; ++i) product = product * want[i].extent;
    merged.push_back(product);
    const bool single = end == from + 1;
    unit.push_back(single && (source[from] >= 0 ? have[source[from]].unit || want[from].unit : want[from].unit));
    from = end;
  }
  return wrap(b().reshape(v, merged), unit, x.bound);
}

static const ast::ShapeMap& shapeMapOf(const FnVal& f) {
  for (const StaticArg& s : f.statics)
    if (s.expr) return s.expr->as<ast::ShapeMap>();
  throw Reported{};
}

/// An axis of an operand stands in the result once: `view[B -> B B]` would repeat it, not take a diagonal.
void Elaborator::requireOnce(const ast::ShapeMap& map, Loc at) {
  std::set<std::string> operands, seen;
  const std::function<void(const std::vector<ast::Axis>&, bool)> axes = [&](const std::vector<ast::Axis>& list,
                                                                            bool isResult) {
    for (const ast::Axis& a : list) {
      if (a.kind == ast::Axis::Kind::Group) axes(a.group, isResult);
      if (a.kind != ast::Axis::Kind::Name) continue;
      if (!isResult)
        operands.insert(a.name);
      else if (!seen.insert(a.name).second && operands.contains(a.name))
        fail(DiagCode::BadShapeMap, at, fmt::format("the axis `{}` stands in the result twice", a.name));
    }
  };
  for (const ast::AxisList& list : map.inputs) axes(list.axes, false);
  axes(map.result.axes, true);
}

static bool hasShapeMap(const FnVal& f, size_t inputs) {
  for (const StaticArg& s : f.statics)
    if (s.expr) return s.expr->as<ast::ShapeMap>().inputs.size() == inputs;
  return false;
}

Val Elaborator::view(const FnVal& f, const std::vector<ArgVal>& args, Loc at) {
  if (!hasShapeMap(f, 1)) fail(DiagCode::BadShapeMap, at, "`view` is written with its axes: `view[B C -> C B](x)`");
  if (args.size() != 1) fail(DiagCode::WrongArguments, at, fmt::format("`view` takes one tensor, not {}", args.size()));
  const ast::ShapeMap& map = shapeMapOf(f);
  requireOnce(map, at);
  if (args[0].val.is(ValKind::Tuple) || args[0].val.is(ValKind::Tree))
    return leafwise({args[0].val}, at,
                    [&](const std::vector<Val>& v) { return view(f, {{"", v[0], args[0].at}}, at); });
  const TensorVal x = asTensor(args[0].val, args[0].at, "`view`");
  AtomMap known;
  const std::vector<Atom> atoms = splitAxes(map.inputs[0], x, known, f.staticsEnv, "view", args[0].at);
  Shape split;
  for (const Atom& a : atoms) split.push_back(a.extent);
  place(at);
  TensorVal t = x;
  t.value = b().reshape(x.value, split);
  return Val::of(arrange(t, atoms, map.result, known, f.staticsEnv, at));
}

Val Elaborator::dot(const FnVal& f, const std::vector<ArgVal>& args, Loc at) {
  if (!hasShapeMap(f, 2))
    fail(DiagCode::BadShapeMap, at, "`dot` is written with its axes: `dot[B i k, B k j -> B i j](a, b)`");
  if (args.size() != 2) fail(DiagCode::WrongArguments, at, fmt::format("`dot` takes two tensors, not {}", args.size()));
  const ast::ShapeMap& map = shapeMapOf(f);
  requireOnce(map, at);
  const ScopePtr& env = f.staticsEnv;
  TensorVal ts[2] = {asTensor(args[0].val, args[0].at, "`dot`"), asTensor(args[1].val, args[1].at, "`dot`")};
  if (ts[0].type.dtype != ts[1].type.dtype)
    fail(DiagCode::DTypeMismatch, at,
         fmt::format("`dot` of {} and {}: element types do not mix", ts[0].type.str(), ts[1].type.str()));
  AtomMap known;
  std::vector<Atom> atoms[2];
  for (int s = 0; s < 2; ++s) {
    atoms[s] = splitAxes(map.inputs[s], ts[s], known, env, "dot", args[s].at);
    Shape split;
    for (const Atom& a : atoms[s]) split.push_back(a.extent);
    place(at);
    ts[s].value = b().reshape(ts[s].value, split);
  }
  std::vector<Atom> wanted;
  for (const ast::Axis& a : map.result.axes) atomsOf(a, known, env, wanted);
  const auto in = [](const std::vector<Atom>& list, const std::string& name) {
    for (size_t i = 0; i < list.size(); ++i)
      if (!name.empty() && list[i].name == name) return static_cast<int64_t>(i);
    return int64_t{-1};
  };
  // A name in one operand only and not in the result is summed away first.
  for (int s = 0; s < 2; ++s) {
    std::vector<int64_t> axes;
    std::vector<Atom> rest;
    for (size_t i = 0; i < atoms[s].size(); ++i) {
      const std::string& name = atoms[s][i].name;
      if (!name.empty() && in(wanted, name) < 0 && in(atoms[1 - s], name) < 0)
        axes.push_back(static_cast<int64_t>(i));
      else
        rest.push_back(atoms[s][i]);
    }
    if (axes.empty()) continue;
    ts[s].value = b().sum(ts[s].value, axes);
    atoms[s] = rest;
  }
  std::vector<int64_t> batch[2], contract[2];
  std::vector<Atom> have;
  for (const Atom& a : wanted)
    if (const int64_t i = in(atoms[0], a.name), k = in(atoms[1], a.name); i >= 0 && k >= 0) {
      batch[0].push_back(i);
      batch[1].push_back(k);
      have.push_back(atoms[0][i]);
    }
  for (size_t i = 0; i < atoms[0].size(); ++i)
    if (const int64_t k = in(atoms[1], atoms[0][i].name); k >= 0 && in(wanted, atoms[0][i].name) < 0) {
      contract[0].push_back(static_cast<int64_t>(i));
      contract[1].push_back(k);
    }
  for (int s = 0; s < 2; ++s)
    for (size_t i = 0; i < atoms[s].size(); ++i)
      if (in(atoms[1 - s], atoms[s][i].name) < 0) have.push_back(atoms[s][i]);
  const Value v = makeNode(
      Op::Dot, {ts[0].value, ts[1].value},
      {{"batch_a", batch[0]}, {"batch_b", batch[1]}, {"contract_a", contract[0]}, {"contract_b", contract[1]}}, at);
  return Val::of(arrange(wrap(v), have, map.result, known, env, at));
}

Val Elaborator::matmul(const Val& av, const Val& cv, Loc at, const ast::Expr* ae, const ast::Expr* ce) {
  const Loc al = ae ? ae->loc : at, cl = ce ? ce->loc : at;
  const TensorVal a = asTensor(av, al, "`@`"), c = asTensor(cv, cl, "`@`");
  const int ra = a.type.rank(), rc = c.type.rank();
  if (ra == 0 || rc == 0)
    fail(DiagCode::RankMismatch, at,
         fmt::format("`@` multiplies vectors and matrices, not {} and {}", a.type.str(), c.type.str()));
  if (a.type.dtype != c.type.dtype)
    fail(DiagCode::DTypeMismatch, at,
         fmt::format("`@` of {} and {}: element types do not mix", a.type.str(), c.type.str()));
  const int ca = ra - 1, cc = rc == 1 ? 0 : rc - 2;
  const auto text = [&](const ast::Expr* e, const TensorVal& t, int axis) {
    const auto* n = e ? e->tryAs<ast::Name>() : nullptr;
    return fmt::format("{}{}, its axis {} is {}", n ? fmt::format("`{}`: ", n->text) : "", shapeText(t.type.shape),
                       axis, t.type.shape[axis].str());
  };
  if (a.type.shape[ca] != c.type.shape[cc]) {
    mustDiffer(a.type.shape[ca], c.type.shape[cc]);
    Diagnostic& d = error(DiagCode::ContractMismatch, cl,
                          fmt::format("`@` contracts {} with {}", a.type.shape[ca].str(), c.type.shape[cc].str()));
    d.mark(text(ce, c, cc));
    if (!sources_.isLibrary(al.file))
      d.label(al, text(ae, a, ca));
    else
      d.note(fmt::format("the left side is {}", text(ae, a, ca)));
    throw Reported{};
  }
  std::vector<int64_t> batch;
  for (int i = 0; i + 2 < rc; ++i) {
    if (i + 2 >= ra || a.type.shape[i] != c.type.shape[i])
      fail(DiagCode::AxisMismatch, at,
           fmt::format("`@` of {} and {}: the leading axes differ", a.type.str(), c.type.str()));
    batch.push_back(i);
  }
  const Value v = makeNode(Op::Dot, {a.value, c.value},
                           {{"batch_a", batch},
                            {"batch_b", batch},
                            {"contract_a", std::vector<int64_t>{ca}},
                            {"contract_b", std::vector<int64_t>{cc}}},
                           at);
  return Val::of(wrap(v));
}

}  // namespace nnc::elab
