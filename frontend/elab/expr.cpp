// Expressions: operators, conditions, blocks of statements.
#include "frontend/elab/elaborator.h"
#include "frontend/elab/walk.h"

#include <fmt/format.h>

namespace nnc::elab {

Val Elaborator::evalExpecting(const ast::Expr& e, const Expected* expected) {
  Restore<const Expected*> keep(ctx_.expected);
  ctx_.expected = expected;
  return eval(e);
}

Val Elaborator::eval(const ast::Expr& e) {
  switch (e.kind) {
    case ast::ExprKind::Int:
      return Val::integer(e.as<ast::Int>().value, e.as<ast::Int>().value == 1);
    case ast::ExprKind::Float:
      return Val::real(e.as<ast::Float>().value);
    case ast::ExprKind::Bool:
      return Val::boolean(e.as<ast::Bool>().value);
    case ast::ExprKind::String:
      return Val::string(e.as<ast::String>().value);
    case ast::ExprKind::Name:
      return evalName(e.as<ast::Name>());
    case ast::ExprKind::Call:
      return evalCall(e.as<ast::Call>());
    case ast::ExprKind::Bracket:
      return evalBracket(e.as<ast::Bracket>());
    case ast::ExprKind::Field:
      return evalField(e.as<ast::Field>());
    case ast::ExprKind::Wild:
      return evalPattern(e);
    case ast::ExprKind::Transpose: {
      const TensorVal x = asTensor(evalExpecting(*e.as<ast::Transpose>().operand, nullptr), e.loc, "`'`");
      const int rank = x.type.rank();
      if (rank < 2)
        fail(DiagCode::RankMismatch, e.loc, fmt::format("`'` swaps the last two axes, and this is {}", x.type.str()));
      std::vector<int64_t> perm;
      for (int i = 0; i < rank; ++i) perm.push_back(i);
      std::swap(perm[rank - 1], perm[rank - 2]);
      std::vector<bool> unit = x.unit;
      std::vector<bool>::swap(unit[rank - 1], unit[rank - 2]);
      place(e.loc);
      return Val::of(wrap(b().transpose(x.value, perm), unit, x.bound));
    }
    case ast::ExprKind::Unary:
      return evalUnary(e.as<ast::Unary>());
    case ast::ExprKind::Binary:
      return evalBinary(e.as<ast::Binary>());
    case ast::ExprKind::Tuple: {
      std::vector<Val> items;
      for (const auto& item : e.as<ast::Tuple>().elements) items.push_back(evalExpecting(*item, nullptr));
      return Val::tuple(std::move(items));
    }
    case ast::ExprKind::If:
      return evalIf(e.as<ast::If>());
    case ast::ExprKind::For:
      return evalFor(e.as<ast::For>());
    case ast::ExprKind::Lambda: {
      FnVal f;
      f.kind = FnVal::Kind::Lambda;
      f.lambda = &e.as<ast::Lambda>();
      f.env = ctx_.scope;
      return Val::function(std::move(f));
    }
    case ast::ExprKind::Error:
      throw Reported{};
    case ast::ExprKind::Range:
    case ast::ExprKind::All:
    case ast::ExprKind::ShapeMap:
      fail(DiagCode::WrongKind, e.loc, "a range stands only in an index and in `for`");
  }
  return Val::error();
}

// ---- Operators
// -------------------------------------------------------------------------------------------------------

Val Elaborator::evalUnary(const ast::Unary& e) {
  const Val v = eval(*e.operand);
  if (v.is(ValKind::Error)) throw Reported{};
  return e.op == ast::UnaryOp::Neg ? negate(v, e.loc) : logicalNot(v, e.loc);
}

Val Elaborator::evalBinary(const ast::Binary& e) {
  // A long chain `a + b + c + …` leans left: walk it by a loop.
  std::vector<const ast::Binary*> chain;
  const ast::Expr* first = &e;
  while (const auto* bin = first->tryAs<ast::Binary>()) {
    chain.push_back(bin);
    first = bin->lhs.get();
  }
  Val left = eval(*first);
  for (auto it = chain.rbegin(); it != chain.rend(); ++it) {
    const ast::Binary& bin = **it;
    Val right = eval(*bin.rhs);
    left = binary(bin.op, std::move(left), std::move(right), bin.opLoc ? bin.opLoc : bin.loc, bin.lhs.get(),
                  bin.rhs.get());
  }
  return left;
}

// ---- Conditions
// ------------------------------------------------------------------------------------------------------

Val Elaborator::evalIf(const ast::If& e) {
  const Val cond = evalExpecting(*e.cond, nullptr);
  if (cond.is(ValKind::Error)) throw Reported{};
  const bool trees = cond.is(ValKind::Tree) || cond.is(ValKind::Tuple);
  if (!cond.isTensor() && !trees) {
    if (asBool(cond, e.cond->loc, "the condition of `if`")) return evalBlock(e.then);
    return e.hasElse ? evalBlock(e.otherwise) : Val::none();
  }
  if (!trees && cond.tensor.type.dtype != DType::Bool)
    fail(DiagCode::DTypeMismatch, e.cond->loc,
         fmt::format("the condition of `if` is {}, not bool", cond.tensor.type.str()));
  if (!e.hasElse) {
    const bool assigns = inTrainText() && cond.isTensor() && cond.tensor.type.rank() == 0;
    if (assigns && runWhere(cond.tensor, e.then, e.loc).is(ValKind::None)) return Val::none();
    fail(DiagCode::NoValue, e.loc, "this `if` chooses between two values when running, so it needs an `else`");
  }
  Restore<int> keep(ctx_.selectDepth);
  ++ctx_.selectDepth;
  const Val a = evalBlock(e.then), c = evalBlock(e.otherwise);
  if (a.is(ValKind::None) || c.is(ValKind::None))
    fail(DiagCode::NoValue, e.loc, "both blocks of this `if` need a value");
  return selectBranches(cond, a, c, e.loc);
}

/// Whether the statement at hand is one of a step's own, under no elementwise condition.
bool Elaborator::inTrainText() const {
  return entry_ && entry_->kind == Function::Kind::Step && ctx_.selectDepth == 0 && ctx_.owner && ctx_.owner->isRoot &&
         ctx_.owner->stateKind == Variable::Kind::TrainState;
}

Val Elaborator::selectBranches(const Val& cond, const Val& a, const Val& c, Loc at) {
  if (a.is(ValKind::Tuple) != c.is(ValKind::Tuple) && cond.isTensor())
    fail(DiagCode::BranchMismatch, at, fmt::format("one branch is {}, the other {}", describe(a), describe(c)));
  return leafwise({cond, a, c}, at,
                  [&](const std::vector<Val>& leaves) { return elementwise(Op::Select, leaves, {}, at, "if"); });
}

// ---- Blocks
// ----------------------------------------------------------------------------------------------------------

Val Elaborator::evalBlock(const ast::Block& block, bool ownScope) {
  Restore<ScopePtr> keep(ctx_.scope);
  const Expected* expected = ctx_.expected;
  Restore<const Expected*> keepExpected(ctx_.expected);
  if (ownScope) ctx_.scope = scopes_.inside(ctx_.scope);
  Val value = Val::none();
  bool failed = false;
  for (const auto& s : block.stmts) {
    const bool isLast = s.get() == block.stmts.back().get();
    ctx_.expected = isLast ? expected : nullptr;
    try {
      evalStmt(*s, isLast, value);
    } catch (const Reported&) {
      // One mistake in a use of the library is one report.
      if (sources_.isLibrary(s->loc.file)) throw;
      // The rest is still checked.
      failed = true;
      defineFailed(*s);
    }
  }
  if (failed) throw Reported{};
  return value;
}

/// What a statement with an error would have defined: silent where it is used.
void Elaborator::defineFailed(const ast::Stmt& s) {
  std::set<std::string> names;
  namesOf(s, names);
  for (const std::string& n : names) ctx_.scope->bind(n, Val::error(), s.loc);
}

void Elaborator::evalStmt(const ast::Stmt& s, bool isLast, Val& value) {
  switch (s.kind) {
    case ast::StmtKind::Let:
      return evalLet(s.as<ast::Let>());
    case ast::StmtKind::Var:
      return evalVar(s.as<ast::Var>());
    case ast::StmtKind::State:
      return evalState(s.as<ast::State>());
    case ast::StmtKind::Param:
      return evalParam(s.as<ast::Param>());
    case ast::StmtKind::Assign:
      return evalAssign(s.as<ast::Assign>());
    case ast::StmtKind::Every:
      return evalEvery(s.as<ast::Every>());
    case ast::StmtKind::Metric:
      fail(DiagCode::NoOwner, s.loc, "`metric` stands directly in a train block");
    case ast::StmtKind::ExprStmt: {
      const ast::Expr& e = *s.as<ast::ExprStmt>().expr;
      const Val v = eval(e);
      if (isLast) {
        value = v;
        return;
      }
      if (!v.is(ValKind::None))
        error(DiagCode::ValueUnused, e.loc, fmt::format("this value ({}) is not used", describe(v)))
            .help("name it with `let`, or remove it");
      return;
    }
    default:
      fail(DiagCode::NoOwner, s.loc, "a definition stands at the top level of a file");
  }
}

}  // namespace nnc::elab
