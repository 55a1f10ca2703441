// Loops. A `for` is unrolled where its body makes an instance for each round, or is short; it becomes a batched
// computation where nothing is carried and the body has one; otherwise a scan. `every`, and an `if` that assigns,
// become a cond.
#include "frontend/elab/elaborator.h"
#include "frontend/elab/vectorise.h"
#include "frontend/elab/walk.h"
#include "ir/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

namespace nnc::elab {

namespace {

constexpr int64_t kUnrollBelow = 4;
constexpr int64_t kMaxUnroll = 4096;

bool makesInstances(const ast::Block& body) {
  bool found = false;
  Walker w;
  w.onExpr = [&](const ast::Expr& e) {
    if (const auto* c = e.tryAs<ast::Call>()) found = found || c->label.index != nullptr;
  };
  w.block(body);
  return found;
}

std::set<std::string> assignedNames(const ast::Block& body) {
  std::set<std::string> names;
  const std::function<void(const ast::Expr&)> target = [&](const ast::Expr& e) {
    if (const auto* n = e.tryAs<ast::Name>()) names.insert(n->text);
    if (const auto* t = e.tryAs<ast::Tuple>())
      for (const auto& x : t->elements) target(*x);
  };
  Walker w;
  w.onStmt = [&](const ast::Stmt& s) {
    if (const auto* a = s.tryAs<ast::Assign>()) target(*a->target);
  };
  w.block(body);
  return names;
}

void setArg(Graph& g, Value v, int64_t index) {
  g.node(v).attrs.set("index", index);
}

bool hasNumbers(const Val& v) {
  if (v.isNumber() || v.is(ValKind::Bool)) return true;
  if (v.is(ValKind::Tuple))
    for (const Val& x : *v.items)
      if (hasNumbers(x)) return true;
  return false;
}

}  // namespace

Val Elaborator::evalFor(const ast::For& e) {
  Restore<const Expected*> keep(ctx_.expected);
  ctx_.expected = nullptr;
  return loopOver(e, 0);
}

Val Elaborator::loopOver(const ast::For& e, size_t k) {
  const ast::Expr& over = *e.indices[k].over;
  Val lo = Val::integer(0), hi;
  if (const auto* range = over.tryAs<ast::Range>()) {
    if (range->lo) lo = eval(*range->lo);
    if (!range->hi) fail(DiagCode::WrongKind, over.loc, "a loop needs both ends of its range");
    hi = eval(*range->hi);
  } else {
    hi = eval(over);
  }
  if (hi.isTensor() || lo.isTensor()) {
    error(DiagCode::NotCompileTime, over.loc, "the number of rounds is a value computed when running")
        .help("a count that the caller gives is declared with a bound: `m: int <= 256`");
    throw Reported{};
  }
  const Dim from = asDim(lo, over.loc, "the start of a loop"), count = asDim(hi, over.loc, "the end of a loop") - from;
  if (!require(from, from + count))
    fail(DiagCode::BadIndex, over.loc,
         fmt::format("the loop runs from {} down to {}", from.str(), (from + count).str()));
  const bool instances = makesInstances(e.body);
  if (instances && !count.isConst())
    fail(DiagCode::SymbolicDimension, over.loc,
         fmt::format("a loop that makes instances has a fixed count, and {} is known only when running", count.str()));
  if (count.isConst() && (instances || count.value() <= kUnrollBelow || choosesInstances(e))) {
    if (count.value() > kMaxUnroll)
      fail(DiagCode::LoopTooLarge, over.loc, fmt::format("a loop that makes {} instances", count.str()));
    return unroll(e, k, from, count.value());
  }
  return scan(e, k, Val::integer(from), count);
}

Val Elaborator::unroll(const ast::For& e, size_t k, const Dim& lo, int64_t count) {
  Restore<Context> keep(ctx_);
  const ScopePtr outer = ctx_.scope;
  const std::string label = ctx_.loopLabel;
  std::vector<Val> values;
  for (int64_t i = 0; i < count; ++i) {
    ctx_.scope = scopes_.inside(outer);
    ctx_.loopLabel = fmt::format("{}.{}", label, i);
    if (e.indices[k].name.text != "_")
      ctx_.scope->bind(e.indices[k].name.text, Val::integer(lo + Dim(i)), e.indices[k].name.loc);
    values.push_back(k + 1 < e.indices.size() ? loopOver(e, k + 1) : evalBlock(e.body));
  }
  if (values.empty() || values[0].is(ValKind::None)) return Val::none();
  return stackValues(values, 0, e.loc);
}

namespace {

/// The vars that a round gives larger indices, or indices without a bound, than it found in them: their bound does not
/// hold from round to round.
std::vector<Cell*> outgrown(const Frame& frame) {
  std::vector<Cell*> cells;
  for (Cell* cell : frame.cellOrder) {
    const Frame::CellEntry& entry = frame.cells.at(cell);
    if (!entry.assigned || entry.local || cell->isVariable) continue;
    std::vector<TensorVal> before, after;
    collectTensors(entry.entry, before);
    collectTensors(entry.current, after);
    const auto grows = [](const TensorVal& from, const TensorVal& to) {
      return from.bound && jointBound(from.bound, to.bound) != from.bound;
    };
    if (before.size() == after.size() && !std::equal(before.begin(), before.end(), after.begin(), std::not_fn(grows)))
      cells.push_back(cell);
  }
  return cells;
}

}  // namespace

void Elaborator::dropBounds(Cell* cell, Loc at) {
  const Val v = readCell(cell, at);
  std::vector<TensorVal> tensors;
  collectTensors(v, tensors);
  for (TensorVal& t : tensors) t.bound.reset();
  size_t next = 0;
  writeCell(cell, replaceTensors(v, tensors, next), at);
}

/// A var that holds a number known when compiling must be a tensor where a region assigns it. Those that were made so.
std::vector<Cell*> Elaborator::numbersToTensors(const ast::Block& body, Loc at) {
  std::vector<Cell*> cells;
  for (const std::string& name : assignedNames(body)) {
    Binding* binding = ctx_.scope->find(name);
    if (!binding || binding->kind != Binding::Kind::Var) continue;
    const Val v = readCell(binding->var, at);
    if (!hasNumbers(v)) continue;
    const Val t = leafwise({v}, at, [&](const std::vector<Val>& x) {
      return x[0].isTensor() ? x[0] : Val::of(asTensor(x[0], at, "a carried value"));
    });
    writeCell(binding->var, t, at);
    if (t.isTensor()) cells.push_back(binding->var);
  }
  return cells;
}

Val Elaborator::scan(const ast::For& e, size_t k, const Val& lo, const Dim& count) {
  // Which type a var that held a number has, the body decides: it is elaborated again when the first guess was wrong.
  const std::vector<Cell*> weak = numbersToTensors(e.body, e.loc);
  for (int attempt = 0;;) {
    Frame& frame = frame_->own(frame_);
    Val value;
    Value t;
    std::vector<std::pair<Cell*, Type>> wrong;
    std::vector<Cell*> unbounded;
    {
      Restore<Frame*> keepFrame(frame_);
      Restore<Context> keep(ctx_);
      frame_ = &frame;
      place(e.loc);
      t = b().make(Op::Arg, {}, {{"type", Type{DType::I64, {}}}, {"index", int64_t{0}}});
      frame.loopIndex = t;
      frame.loopCount = count;
      ctx_.scope = scopes_.inside(ctx_.scope);
      ctx_.loopLabel += ".*";
      TensorVal i = wrap(b().cast(t, DType::I32));
      if (lo.dim != Dim(0)) i = tensorBinary(ast::BinaryOp::Add, Val::of(i), lo, e.loc);
      i.bound = lo.dim + count;
      if (e.indices[k].name.text != "_") ctx_.scope->bind(e.indices[k].name.text, Val::of(i), e.indices[k].name.loc);
      value = k + 1 < e.indices.size() ? loopOver(e, k + 1) : evalBlock(e.body);
      for (Cell* cell : weak)
        if (const Frame::CellEntry* entry = frame.find(cell); entry && entry->assigned && entry->current.isTensor() &&
                                                              entry->current.tensor.type != entry->outer.tensor.type)
          wrong.emplace_back(cell, entry->current.tensor.type);
      unbounded = outgrown(frame);
      if (wrong.empty() || attempt > 1)
        value = leafwise({value}, e.loc, [&](const std::vector<Val>& x) {
          return x[0].is(ValKind::None) ? x[0] : Val::of(asTensor(x[0], e.loc, "the value of a round"));
        });
    }
    for (Cell* cell : unbounded) dropBounds(cell, e.loc);
    if (!unbounded.empty()) continue;
    if (wrong.empty() || attempt > 1) return finishScan(frame, value, count, t, e.loc);
    ++attempt;
    for (const auto& [cell, type] : wrong) {
      TensorVal start = cast(readCell(cell, e.loc).tensor, type.dtype, e.loc);
      if (start.type.rank() == 0 && !type.shape.empty()) {
        place(e.loc);
        start = wrap(b().fill(use(start, e.loc), type.shape));
      }
      writeCell(cell, Val::of(start), e.loc);
    }
  }
}

Val Elaborator::finishScan(Frame& body, const Val& value, const Dim& count, Value t, Loc at) {
  Frame* outer = frame_;
  std::vector<Value> consts, constArgs, carries, carryArgs, outputs;
  std::vector<Cell*> carried;
  for (const auto& [from, arg] : body.captureList) {
    consts.push_back(from);
    constArgs.push_back(arg);
  }
  // Captures made while outputs are fetched come after those above, so the list is read again below.
  for (Cell* cell : body.cellOrder) {
    Frame::CellEntry& entry = body.cells[cell];
    if (entry.local) continue;
    std::vector<TensorVal> before, inside, now;
    collectTensors(entry.outer, before);
    collectTensors(entry.entry, inside);
    if (!entry.assigned) {
      for (size_t i = 0; i < before.size(); ++i) {
        consts.push_back(use(before[i], at));
        constArgs.push_back(inside[i].value);
      }
      continue;
    }
    if (!isLike(entry.current, entry.entry))
      fail(DiagCode::CarryMismatch, entry.at,
           fmt::format("`{}` is {} before the loop and {} after a round", cell->name, describe(entry.entry),
                       describe(entry.current)));
    carried.push_back(cell);
    frame_ = &body;
    const Val current = leafwise({entry.current, entry.entry}, at, [&](const std::vector<Val>& x) {
      return x[0].isTensor() ? x[0] : Val::of(materialise(x[0], x[1].tensor.type.dtype, at));
    });
    collectTensors(current, now);
    for (size_t i = 0; i < now.size() && i < inside.size(); ++i) {
      if (now[i].type != inside[i].type) {
        frame_ = outer;
        error(DiagCode::CarryMismatch, entry.at,
              fmt::format("`{}` is {} before the loop and {} after a round", cell->name, inside[i].type.str(),
                          now[i].type.str()))
            .help(fmt::format("declare it: `var {}: {} = …`", cell->name, now[i].type.str()));
        throw Reported{};
      }
      outputs.push_back(use(now[i], at));
    }
    frame_ = outer;
    for (size_t i = 0; i < before.size(); ++i) {
      carries.push_back(use(before[i], at));
      carryArgs.push_back(inside[i].value);
    }
  }
  for (size_t i = 0; i < body.captureList.size(); ++i) {
    if (std::find(constArgs.begin(), constArgs.end(), body.captureList[i].second) != constArgs.end()) continue;
    consts.push_back(body.captureList[i].first);
    constArgs.push_back(body.captureList[i].second);
  }
  std::vector<TensorVal> ys;
  collectTensors(value, ys);
  for (const TensorVal& y : ys) outputs.push_back(y.value);
  int64_t index = 0;
  for (Value v : constArgs) setArg(body.graph, v, index++);
  for (Value v : carryArgs) setArg(body.graph, v, index++);
  setArg(body.graph, t, index);
  for (Value v : outputs) body.graph.outputs.push_back({OutputRole::Result, "", v});

  place(at);
  std::vector<Value> results;
  if (carried.empty() && !ys.empty()) {
    std::map<Value, RowInput> inputs;
    for (size_t i = 0; i < consts.size(); ++i) inputs[constArgs[i]] = {consts[i], false};
    const Value rows = b().make(Op::Iota, {}, {{"type", Type{DType::I64, {count}}}, {"axis", int64_t{0}}});
    inputs[t] = {rows, true};
    if (auto mapped = vectorise(body.graph, inputs, count, b())) results = *mapped;
  }
  if (results.empty()) {
    if (carried.empty() && ys.empty()) return Val::none();
    std::vector<Value> in = consts;
    in.insert(in.end(), carries.begin(), carries.end());
    results = b().makeMulti(Op::Scan, in,
                            {{"count", count},
                             {"consts", static_cast<int64_t>(consts.size())},
                             {"carries", static_cast<int64_t>(carries.size())},
                             {"reverse", false}},
                            {body.graph});
  }
  size_t next = 0;
  const auto take = [&](const Val& like, bool stacked) {
    std::vector<TensorVal> ts;
    collectTensors(like, ts);
    for (TensorVal& x : ts) {
      std::vector<bool> unit = x.unit;
      if (stacked) unit.insert(unit.begin(), false);
      x = wrap(results[next++], unit, x.bound);
    }
    size_t n = 0;
    return replaceTensors(like, ts, n);
  };
  for (Cell* cell : carried) writeCell(cell, take(body.cells[cell].entry, false), body.cells[cell].at);
  return value.is(ValKind::None) ? value : take(value, true);
}

void Elaborator::evalEvery(const ast::Every& e) {
  if (!entry_ || entry_->kind != Function::Kind::Step)
    fail(DiagCode::NoOwner, e.loc, "`every` stands in a train block");
  const Val k = eval(*e.count);
  if ((isConstNumber(k) && (numberOf(k) < 1 || k.is(ValKind::Float))) || (!k.isNumber() && !k.isTensor()))
    fail(DiagCode::WrongKind, e.count->loc, fmt::format("`every` counts 1 or more steps, not {}", describe(k)));
  if (k.isTensor() && (k.tensor.type.rank() != 0 || !isInteger(k.tensor.type.dtype)))
    fail(DiagCode::WrongKind, e.count->loc, fmt::format("`every` counts steps, and this is {}", describe(k)));
  place(e.loc);
  const TensorVal step = wrap(scalarLeaf("step", DType::I64, 0));
  // Steps count from 0 inside and from 1 in words: `every 5` runs at the fifth, tenth, … step.
  const Val done = binary(ast::BinaryOp::Add, Val::of(step), Val::integer(1), e.loc);
  const TensorVal now = tensorBinary(ast::BinaryOp::Eq, Val::of(tensorBinary(ast::BinaryOp::Mod, done, k, e.loc)),
                                     Val::integer(0), e.loc);
  runWhere(now, e.body, e.loc);
}

/// Runs a block of assignments in the steps where a scalar holds; elsewhere all that it assigns keeps its value. Gives
/// the block's value, which such a block should not have.
Val Elaborator::runWhere(const TensorVal& now, const ast::Block& block, Loc at) {
  Val value = Val::none();
  numbersToTensors(block, at);
  Frame& body = frame_->own(frame_);
  Frame* outer = frame_;
  std::vector<Value> outputs, operands, args;
  std::vector<Cell*> assigned;
  {
    Restore<Frame*> keepFrame(frame_);
    frame_ = &body;
    value = evalBlock(block);
    for (Cell* cell : body.cellOrder) {
      Frame::CellEntry& entry = body.cells[cell];
      if (entry.local || !entry.assigned) continue;
      assigned.push_back(cell);
      std::vector<TensorVal> before, values;
      collectTensors(entry.entry, before);
      if (isLike(entry.current, entry.entry))
        entry.current = leafwise({entry.current, entry.entry}, at, [&](const std::vector<Val>& x) {
          return x[0].isTensor() ? x[0] : Val::of(materialise(x[0], x[1].tensor.type.dtype, at));
        });
      collectTensors(entry.current, values);
      const auto sameType = [](const TensorVal& a, const TensorVal& b) { return a.type == b.type; };
      if (!isLike(entry.current, entry.entry) ||
          !std::equal(values.begin(), values.end(), before.begin(), before.end(), sameType))
        fail(DiagCode::CarryMismatch, entry.at, fmt::format("`{}` changes its type under a condition", cell->name));
      for (const TensorVal& v : values) outputs.push_back(use(v, at));
    }
  }
  for (const auto& [from, arg] : body.captureList) {
    operands.push_back(from);
    args.push_back(arg);
  }
  for (Cell* cell : body.cellOrder) {
    const Frame::CellEntry& entry = body.cells[cell];
    if (entry.local) continue;
    std::vector<TensorVal> before, inside;
    collectTensors(entry.outer, before);
    collectTensors(entry.entry, inside);
    for (size_t i = 0; i < before.size(); ++i) {
      operands.push_back(use(before[i], at));
      args.push_back(inside[i].value);
    }
  }
  if (assigned.empty()) return value;
  Graph otherwise;
  Builder rest(otherwise);
  std::map<Value, Value> same;
  for (size_t i = 0; i < args.size(); ++i) {
    setArg(body.graph, args[i], static_cast<int64_t>(i));
    same[args[i]] = rest.make(Op::Arg, {}, {{"type", body.graph.type(args[i])}, {"index", static_cast<int64_t>(i)}});
  }
  for (Value v : outputs) body.graph.outputs.push_back({OutputRole::Result, "", v});
  for (Cell* cell : assigned) {
    std::vector<TensorVal> inside;
    collectTensors(body.cells[cell].entry, inside);
    for (const TensorVal& x : inside) otherwise.outputs.push_back({OutputRole::Result, "", same.at(x.value)});
  }
  frame_ = outer;
  std::vector<Value> in{use(now, at)};
  in.insert(in.end(), operands.begin(), operands.end());
  place(at);
  const std::vector<Value> results = b().makeMulti(Op::Cond, in, {}, {body.graph, otherwise});
  size_t next = 0;
  for (Cell* cell : assigned) {
    std::vector<TensorVal> ts;
    collectTensors(body.cells[cell].entry, ts);
    for (TensorVal& x : ts) x = wrap(results[next++], x.unit, x.bound);
    size_t n = 0;
    writeCell(cell, replaceTensors(body.cells[cell].entry, ts, n), body.cells[cell].at);
  }
  return value;
}

}  // namespace nnc::elab
