// Random numbers: the key of each draw, and the numbers of the rows it is for. In an evaluation, and in an exported
// function, a row draws by its number among all rows (the scalar `first_row` and its place in the call), so that what
// it draws is the same however the rows are cut into batches.
#include "frontend/elab/elaborator.h"
#include "frontend/elab/walk.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace nnc::elab {

namespace {

/// How many indices a dimension has for each row, where it runs over the rows: 2 for 2*batch.
std::optional<Dim> partsOfRow(const Dim& extent, const std::string& rows) {
  const auto mentions = [&](const Dim& d) {
    const std::vector<std::string> symbols = d.symbols();
    return std::find(symbols.begin(), symbols.end(), rows) != symbols.end();
  };
  if (rows.empty() || !mentions(extent)) return std::nullopt;
  const auto parts = extent.dividedBy(Dim::symbol(rows));
  return parts && !mentions(*parts) ? parts : std::nullopt;
}

}  // namespace

/// The symbol that counts the rows whose draws go by number; empty for initial values and steps. The steps of a
/// training are told apart by their number.
std::string Elaborator::numberedRows() const {
  if (!initPath_.empty()) return "";
  if (entry_->kind == Function::Kind::Eval) return "batch";
  const bool hasRows = entry_->kind == Function::Kind::Export && !entry_->symbols.empty();
  return hasRows ? entry_->symbols.front().name : "";
}

/// The number of the call's first row, in indices of an axis that has `parts` for each row.
Value Elaborator::firstRow(const Dim& parts, Loc at) {
  const Value first = scalarLeaf("first_row", DType::I64, 0);
  return parts == Dim(1) ? first : b().mul(first, use(materialise(Val::integer(parts), DType::I64, at), at));
}

Value Elaborator::fold(Value key, uint64_t data) {
  const Literal number{std::vector<int64_t>{static_cast<int64_t>(data)}};
  return b().make(Op::Fold, {key, b().make(Op::Const, {}, {{"type", Type{DType::I64, {}}}, {"value", number}})});
}

/// The key of the draw that stands here; `isByRow`: its shape has an axis of numbered rows.
Value Elaborator::randomKey(bool isByRow, Loc at) {
  place(at);
  Value key = scalarLeaf("seed", DType::I64, 0);
  if (!initPath_.empty()) return fold(key, hashText("init " + initPath_ + ctx_.chain));
  const Instance* owner = ctx_.owner;
  std::string site = entry_->kind == Function::Kind::Step   ? "step "
                     : entry_->kind == Function::Kind::Eval ? "eval "
                                                            : "call ";
  site += fmt::format("{} {} {} {}", entry_->train.empty() ? entry_->name : entry_->train, owner ? owner->path : "",
                      ctx_.chain, ctx_.loopLabel);
  // A shared instance draws anew in each application; the second time the same site is met is told apart likewise.
  site += fmt::format(" {}", entry_->siteCounts[site]++);
  key = fold(key, hashText(site));
  if (entry_->kind == Function::Kind::Step) key = b().make(Op::Fold, {key, scalarLeaf("step", DType::I64, 0)});
  std::vector<Value> rounds;
  for (Frame* f = frame_; f; f = f->parent) {
    if (!f->loopIndex) continue;
    Value round = useIn(f->loopIndex, f, frame_);
    if (const auto parts = partsOfRow(f->loopCount, numberedRows())) {
      isByRow = true;
      round = b().add(round, firstRow(*parts, at));
    }
    rounds.push_back(round);
  }
  for (auto it = rounds.rbegin(); it != rounds.rend(); ++it) key = b().make(Op::Fold, {key, *it});
  // What all rows of a batch share is another draw in each batch. (An exported function has no batches.)
  if (!isByRow && entry_->kind == Function::Kind::Eval) key = b().make(Op::Fold, {key, firstRow(1, at)});
  return key;
}

Val Elaborator::applyRand(const FnVal& f, Loc at) {
  Shape shape;
  std::optional<int64_t> minor;
  for (const StaticArg& s : f.statics) {
    if (s.name == "minor") {
      minor = asConst(s.value, s.at, "minor");
      continue;
    }
    if (!s.name.empty()) failUnknown(DiagCode::UnknownOption, s.at, "attribute of `op.rand` called", s.name, {"minor"});
    for (const Val& v : listOf(s.value)) shape.push_back(asDim(v, s.at, "a dimension"));
  }
  const auto rank = static_cast<int64_t>(shape.size());
  // The feature axis counts fastest: axis 1 of [B, C, H, W], else the last one.
  int64_t fastest = minor ? (*minor < 0 ? *minor + rank : *minor) : rank == 4 ? 1 : rank - 1;
  if (rank > 0 && (fastest < 0 || fastest >= rank))
    fail(DiagCode::BadIndex, at, fmt::format("`op.rand` has no axis {} in {} axes", fastest, rank));
  if (rank > 0) return Val::of(wrap(drawn(shape, fastest, at)));
  return Val::of(wrap(b().reshape(drawn({1}, 0, at), {})));
}

/// Draws of a shape, which number its axis `fastest` last. The one axis that runs over numbered rows goes in front,
/// where their numbers count.
Value Elaborator::drawn(const Shape& shape, int64_t fastest, Loc at) {
  if (!entry_ && initPath_.empty()) {
    error(DiagCode::BadOperation, at, "numbers are drawn by a train block, an export, or an initial value")
        .help("a `param` or `state` of a layer keeps what it drew");
    throw Reported{};
  }
  const auto rank = static_cast<int64_t>(shape.size());
  std::vector<int64_t> rows, order(shape.size()), back(shape.size());
  std::iota(order.begin(), order.end(), 0);
  for (const int64_t d : order)
    if (partsOfRow(shape[static_cast<size_t>(d)], numberedRows())) rows.push_back(d);
  const bool isByRow = rows.size() == 1;
  if (isByRow) std::rotate(order.begin(), order.begin() + rows[0], order.begin() + rows[0] + 1);
  Shape ordered;
  for (int64_t i = 0; i < rank; ++i) {
    const auto d = static_cast<size_t>(order[static_cast<size_t>(i)]);
    ordered.push_back(shape[d]);
    back[d] = i;
  }
  const bool rowsAreFastest = isByRow && fastest == rows[0];
  const Attrs attrs{{"type", Type{DType::F32, ordered}},
                    {"minor", rowsAreFastest ? rank - 1 : back[static_cast<size_t>(fastest)]}};
  std::vector<Value> in{randomKey(isByRow, at)};
  if (isByRow) in.push_back(firstRow(*partsOfRow(ordered[0], numberedRows()), at));
  return b().transpose(makeNode(Op::Rand, in, attrs, at), back);
}

}  // namespace nnc::elab
