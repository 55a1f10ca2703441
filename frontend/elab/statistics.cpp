// Statistics over the training rows: mean_of(x) in a data field is a fitted variable of the model, and a function of
// kind Rows computes the x of a batch of rows, so that whoever trains can take the statistic before the first step.
#include "frontend/elab/elaborator.h"

#include <fmt/format.h>

#include <algorithm>

namespace nnc::elab {

namespace {

/// Rows at a time.
constexpr int64_t kBatch = 256;

/// What it is before there are rows: that of an x with mean 0 and deviation 1, say.
double defaultOf(const std::string& what) {
  return what == "deviation" || what == "max" ? 1 : 0;
}

/// Whether a row's value is a raw field, converted and rearranged: its bound is that field's.
bool isRawField(const Graph& row) {
  Value v = row.outputs[0].value;
  for (;;) {
    const Node& node = row.node(v);
    if (node.op == Op::Leaf) return true;
    if (node.op != Op::Cast && node.op != Op::Reshape && node.op != Op::Transpose) return false;
    v = node.in[0];
  }
}

}  // namespace

Val Elaborator::statistic(const std::string& what, const ArgVal& x, Loc at) {
  if (!rawField_ || frame_->parent)
    fail(DiagCode::BadOperation, at,
         fmt::format("`{}_of` is taken over the training rows: it stands in a data block, and not in a loop", what));
  const TensorVal t = asTensor(x.val, x.at, "a statistic's argument");
  if (!isFloat(t.type.dtype))
    fail(DiagCode::DTypeMismatch, x.at, fmt::format("statistics are taken of floats, and this is {}", t.type.str()));
  DataFieldInfo& field = *rawField_;
  const Value of = use(t, x.at);
  const auto leafOf = [&](Cell* cell) { return Val::of(wrap(leaf("state", cell->name, cell->type), cell->unit)); };
  size_t same = 0;
  for (const DataFieldInfo::Statistic& s : field.statistics) {
    if (s.what == what && s.of == of) return leafOf(s.cell);
    same += s.what == what;
  }
  const std::string path =
      fmt::format("{}.{}.{}{}", field.data->ast->name.text, field.name, what, same ? std::to_string(same + 1) : "");
  Cell* cell = newFitted(path, t, defaultOf(what), at);
  field.statistics.push_back({what, of, cell});
  return leafOf(cell);
}

/// One function for each value that statistics of the field are taken of, in the order of their first use: what a
/// value reads stands before it. And one for the field itself, if its bound is to be checked.
void Elaborator::addRowsFunctions(DataFieldInfo& field) {
  const std::string prefix = fmt::format("{}.{}.rows", field.data->ast->name.text, field.name);
  std::vector<Value> values;
  for (const DataFieldInfo::Statistic& s : field.statistics)
    if (std::find(values.begin(), values.end(), s.of) == values.end()) values.push_back(s.of);
  DataSource& source = module_.data[field.data->module];
  for (size_t i = 0; i < values.size(); ++i) {
    const std::string name = i ? fmt::format("{}{}", prefix, i + 1) : prefix;
    addRowsFunction(field, name, values[i]);
    for (const DataFieldInfo::Statistic& s : field.statistics)
      if (s.of == values[i]) source.statistics.push_back({name, s.cell->name, s.what});
  }
  if (field.bound && field.bound->isConst() && !isRawField(field.row)) {
    const std::string name = fmt::format("{}.{}.checked", field.data->ast->name.text, field.name);
    addRowsFunction(field, name, field.row.outputs[0].value);
    source.checks.push_back({name, field.name, field.bound->value()});
  }
}

void Elaborator::addRowsFunction(DataFieldInfo& field, const std::string& name, Value value) {
  Restore<Entry*> keepEntry(entry_);
  Restore<int> keepNumber(entryNumber_);
  Restore<Frame*> keepFrame(frame_);
  const Loc at = field.ast->value->loc;
  beginEntry(Function::Kind::Rows, name, "", at);
  entry_->symbols.push_back({"batch", kBatch});
  const Dim batch = Dim::symbol("batch");
  const Value v = mapRow(field, value, rawBatch(field, batch), at, false, batch);
  entry_->outputs.push_back({OutputRole::Result, "x", v});
  finishEntry();
}

}  // namespace nnc::elab
