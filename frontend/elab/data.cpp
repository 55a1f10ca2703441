// Data blocks. A field is written for one row; here it becomes a graph of one row, which a train block and exports
// apply to as many rows as they have. What is raw is known from the declared fields, because no data are there when
// compiling.
#include "frontend/elab/elaborator.h"
#include "frontend/elab/vectorise.h"
#include "frontend/elab/walk.h"

#include <fmt/format.h>

#include <algorithm>

namespace nnc::elab {

namespace {

bool readsRaw(const ast::Expr& e) {
  std::set<std::string> names;
  namesRead(e, names);
  return names.contains("raw");
}

/// What the reader gives, or is converted to, where no `let` declares another type.
DType rawDtype(const DataInfo& data, const std::string& name) {
  const std::string& reader = data.ast->reader.text;
  if (reader == "csv" || reader == "npy") return DType::F32;
  return reader == "images" && name == "label" ? DType::I32 : DType::U8;
}

/// The extents that the reader and its settings alone decide, whatever a field declares: of a column, a text's windows
/// or lines, a label, a length.
std::optional<Shape> rawShape(const DataSource& source, const std::string& name) {
  const auto window = source.settings.find("window");
  Shape windows;
  if (window != source.settings.end()) windows.push_back(Dim(std::stoll(window->second)));
  const bool number = name.starts_with("length(");
  if (source.reader == "images" && name == "label") return Shape{};
  if (source.reader == "text") return number ? Shape{} : windows;
  const bool vector = name.find("..") != std::string::npos || name.starts_with("chars(") || name.starts_with("words(");
  if (source.reader == "csv" && (number || !vector)) return windows;
  return std::nullopt;
}

}  // namespace

void Elaborator::defineData(const ast::Data& d, const ScopePtr& scope) {
  data_.emplace_back();
  DataInfo& info = data_.back();
  info.ast = &d;
  info.scope = scope;
  info.inner = scopes_.inside(scope);
  info.module = module_.data.size();
  Val v = Val::ofKind(ValKind::Data);
  v.data = &info;
  if (Binding* other = scope->names.contains(d.name.text) ? &scope->names[d.name.text] : nullptr) {
    error(DiagCode::Redefined, d.name.loc, fmt::format("`{}` is defined twice", d.name.text))
        .note(other->at, "the first definition stands");
    return;
  }
  scope->bind(d.name.text, v, d.name.loc);
  for (const DataSource& other : module_.data)
    if (other.name == d.name.text) {
      error(DiagCode::Redefined, d.name.loc, fmt::format("`{}` is a data block of another file, too", d.name.text))
          .note(other.loc, "the other stands here: `--data` and what is fitted know both by this name");
      return;
    }
  DataSource source;
  source.name = d.name.text;
  source.reader = d.reader.text;
  source.loc = d.name.loc;
  for (const auto& f : d.fields) {
    info.fields.emplace_back();
    info.fields.back().name = f.name.text;
    info.fields.back().ast = &f;
    info.fields.back().data = &info;
  }
  for (const auto& s : d.lets) {
    const auto* let = s->tryAs<ast::Let>();
    if (!let) continue;
    if (let->pattern.isTuple()) {
      error(DiagCode::WrongKind, let->pattern.loc, "a `let` of a data block gives one name");
      continue;
    }
    Binding binding;
    binding.kind = Binding::Kind::Lazy;
    binding.lazy = let;
    binding.at = let->pattern.loc;
    info.inner->names[let->pattern.name] = std::move(binding);
  }
  module_.data.push_back(source);
  try {
    readSettings(d, source);
  } catch (const Reported&) {
    // What the raw fields are cannot be told, and need not be reported.
    for (DataFieldInfo& field : info.fields) field.failed = true;
  }
  if (auto it = options_.dataPaths.find(source.name); it != options_.dataPaths.end()) source.path = it->second;
  module_.data[info.module] = source;
}

// ---- What the raw fields are
// -----------------------------------------------------------------------------------------

void Elaborator::noteRaw(DataInfo& data, const std::string& name, Type type, std::optional<Dim> bound, Loc at) {
  DataSource& source = module_.data[data.module];
  type.shape = rawShape(source, name).value_or(type.shape);
  if (auto it = data.raw.find(name); it != data.raw.end()) {
    if (it->second.shape != type.shape)
      fail(DiagCode::AxisMismatch, at,
           fmt::format("the raw field `{}` is {} in one place and {} here", name, it->second.str(), type.str()));
    for (DataField& f : source.raw)
      if (f.name == name && bound && bound->isConst() && (f.bound == 0 || bound->value() < f.bound))
        f.bound = bound->value();
    return;
  }
  data.raw[name] = type;
  source.raw.push_back({name, type, bound && bound->isConst() ? bound->value() : 0, "", "", "", at});
}

void Elaborator::inferRaw(DataInfo& data, const ast::Expr& e, const std::vector<Val>& dims, std::optional<Dim> bound) {
  Shape shape;
  for (const Val& v : dims) shape.push_back(v.dim);
  if (const auto raw = rawName(e)) return noteRaw(data, *raw, Type{rawDtype(data, *raw), shape}, bound, e.loc);
  if (const auto* name = e.tryAs<ast::Name>()) {
    const auto it = data.inner->names.find(name->text);
    if (it == data.inner->names.end() || !it->second.lazy) return;
    // A let with a type says what is raw by itself; what bounds it bounds the field.
    if (const ast::Let& let = *it->second.lazy; !let.type || bound) inferRaw(data, *let.value, dims, bound);
    return;
  }
  if (const auto* unary = e.tryAs<ast::Unary>()) return inferRaw(data, *unary->operand, dims, std::nullopt);
  if (const auto* bin = e.tryAs<ast::Binary>()) {
    inferRaw(data, *bin->lhs, dims, std::nullopt);
    return inferRaw(data, *bin->rhs, dims, std::nullopt);
  }
  const auto* call = e.tryAs<ast::Call>();
  if (!call || call->args.empty()) return;
  const auto* callee = call->callee->tryAs<ast::Name>();
  const ast::Expr& first = *call->args[0].value;
  if (const auto symbols = symbolField(data, *call)) return noteSymbols(data, *call, *symbols, shape, bound);
  if (callee && dtypeFromName(callee->text)) return inferRaw(data, first, dims, bound);
  const auto* bracket = call->callee->tryAs<ast::Bracket>();
  const ast::ShapeMap* map =
      bracket && !bracket->args.empty() ? bracket->args[0].value->tryAs<ast::ShapeMap>() : nullptr;
  if (!map) {
    // A function of one tensor is taken as elementwise; if it is not, the declared result will not fit and say so.
    for (const ast::Arg& a : call->args)
      if (readsRaw(*a.value) || a.value->is<ast::Name>()) inferRaw(data, *a.value, dims, std::nullopt);
    return;
  }
  // A view read backwards: extents of the result give those of the operand.
  std::map<std::string, Val> known;
  if (map->result.axes.size() != dims.size()) return;
  for (size_t i = 0; i < dims.size(); ++i)
    if (map->result.axes[i].kind == ast::Axis::Kind::Name) known[map->result.axes[i].name] = dims[i];
  std::vector<Val> operand;
  for (const ast::Axis& a : map->inputs[0].axes) {
    Val extent = Val::integer(1);
    const std::function<bool(const ast::Axis&)> times = [&](const ast::Axis& x) {
      if (x.kind == ast::Axis::Kind::Int)
        extent.dim = extent.dim * Dim(x.value);
      else if (x.kind == ast::Axis::Kind::Name && known.contains(x.name))
        extent.dim = extent.dim * known[x.name].dim;
      else if (x.kind == ast::Axis::Kind::Group)
        return std::all_of(x.group.begin(), x.group.end(), times);
      else
        return false;
      return true;
    };
    if (!times(a)) return;
    operand.push_back(extent);
  }
  inferRaw(data, first, operand, bound);
}

Val Elaborator::rawField(DataInfo& data, const std::string& name, Loc at) {
  auto it = data.raw.find(name);
  if (it == data.raw.end() && rawShape(module_.data[data.module], name)) {
    noteRaw(data, name, Type{rawDtype(data, name), {}}, std::nullopt, at);
    it = data.raw.find(name);
  }
  if (it == data.raw.end()) {
    error(DiagCode::RawExtentUnknown, at, fmt::format("the extents of `raw.{}` cannot be told from the field", name))
        .help(fmt::format("declare them: `let x: {}[…] = raw.{}` in the data block, and use `x`",
                          dtypeName(rawDtype(data, name)), name));
    throw Reported{};
  }
  const Value v = leaf("input", fmt::format("{}.{}", data.ast->name.text, name), it->second);
  Frame* top = frame_;
  while (top->parent) top = top->parent;
  return Val::of(wrap(useIn(v, top, frame_)));
}

Val Elaborator::rawColumns(DataInfo& data, const ast::Bracket& e) {
  const auto name = rawColumnName(e);
  if (!name)
    fail(DiagCode::BadIndex, e.loc, "columns are named: `raw[\"age\"]`, or `raw[\"first\"..\"last\"]` for a vector");
  return rawField(data, *name, e.loc);
}

// ---- Fields
// ----------------------------------------------------------------------------------------------------------

void Elaborator::prepareField(DataFieldInfo& field) {
  if (field.busy)
    fail(DiagCode::BoundMismatch, field.ast->name.loc,
         fmt::format("the bound of `{}` is the field itself", field.name));
  if (field.failed) throw Reported{};
  if (field.ready) return;
  field.failed = true;
  Restore<bool> keepBusy(field.busy);
  field.busy = true;
  Restore<DataFieldInfo*> keepField(rawField_);
  rawField_ = &field;
  DataInfo& data = *field.data;
  const ast::Data::Field& f = *field.ast;
  Restore<Context> keep(ctx_);
  Restore<Frame*> keepFrame(frame_);
  Restore<DataInfo*> keepRaw(rawData_);
  Restore<bool> keepTrust(trustBounds_);
  frame_ = &frame_->own(nullptr);
  rawData_ = &data;
  trustBounds_ = true;
  std::map<std::string, std::vector<const void*>> ordinals;
  ctx_ = Context{};
  ctx_.ordinals = &ordinals;
  ctx_.scope = scopes_.inside(data.inner);
  // Lets with a declared type say what is raw first.
  const auto noteDeclared = [&](const ast::TypeExpr& type, const ast::Expr& value, bool isLet) {
    const auto e = resolveShape(type);
    if (!e) return;
    std::optional<Dim> bound;
    if (type.bound) bound = boundOf(type);
    // A let that is a raw field says its element type, too.
    if (const auto raw = isLet ? rawName(value) : std::nullopt)
      return noteRaw(data, *raw, Type{e->dtype.value_or(rawDtype(data, *raw)), e->shape()}, bound, value.loc);
    inferRaw(data, value, e->dims, bound);
  };
  for (const auto& s : data.ast->lets)
    if (const auto* let = s->tryAs<ast::Let>(); let && let->type && readsRaw(*let->value))
      noteDeclared(*let->type, *let->value, true);
  if (f.type) noteDeclared(*f.type, *f.value, false);
  Val v = f.type ? declared(*f.type, *f.value, f.name.text) : eval(*f.value);
  const TensorVal t = asTensor(v, f.value->loc, "a data field");
  for (const Dim& d : t.type.shape)
    if (!d.isConst())
      fail(DiagCode::SymbolicDimension, f.value->loc,
           fmt::format("the field `{}` is {}: a row has fixed extents", field.name, t.type.str()));
  field.type = t.type;
  field.unit = t.unit;
  field.bound = t.bound;
  field.row = frame_->graph;
  field.row.outputs.push_back({OutputRole::Result, field.name, t.value});
  if (std::any_of(field.row.nodes.begin(), field.row.nodes.end(), [](const Node& n) { return n.op == Op::Rand; })) {
    error(DiagCode::BadOperation, f.value->loc,
          fmt::format("the field `{}` draws random numbers, which a field may not", field.name))
        .help("draw where the field is used, in the train block");
    throw Reported{};
  }
  for (const Node& n : field.row.nodes)
    if (n.op == Op::Leaf && n.attrs.string("kind") == "input")
      field.raws.push_back(n.attrs.string("name").substr(data.ast->name.text.size() + 1));
  field.ready = true;
  field.failed = false;
  addRowsFunctions(field);
}

/// A value of the row's graph, of one row (`direct`) or of n with the raw fields batched.
Value Elaborator::mapRow(DataFieldInfo& field, Value output, const std::vector<TensorVal>& raws, Loc at, bool direct,
                         const Dim& n) {
  std::map<Value, RowInput> inputs;
  for (uint32_t i = 0; i < field.row.nodes.size(); ++i) {
    const Node& node = field.row.nodes[i];
    if (node.op != Op::Leaf) continue;
    const std::string& name = node.attrs.string("name");
    if (node.attrs.string("kind") == "state")
      inputs[{i, 0}] = {use(readCell(variableCells_.at(name), at).tensor, at), false};
    if (node.attrs.string("kind") != "input") continue;
    const std::string raw = name.substr(field.data->ast->name.text.size() + 1);
    const size_t k = static_cast<size_t>(std::find(field.raws.begin(), field.raws.end(), raw) - field.raws.begin());
    inputs[{i, 0}] = {use(raws[k], at), !direct};
  }
  place(at);
  Graph row = field.row;
  row.outputs = {{OutputRole::Result, field.name, output}};
  if (direct) {
    // One row: the graph in place.
    std::map<Value, Value> at2;
    for (uint32_t i = 0; i < row.nodes.size(); ++i) {
      if (inputs.contains({i, 0})) {
        at2[{i, 0}] = inputs[{i, 0}].value;
        continue;
      }
      const Node& node = row.nodes[i];
      std::vector<Value> in;
      for (Value v : node.in) in.push_back(at2.at(v));
      b().setOrigin(node.origin);
      const std::vector<Value> r = b().makeMulti(node.op, in, node.attrs, node.regions);
      for (uint32_t k = 0; k < r.size(); ++k) at2[{i, k}] = r[k];
    }
    return at2.at(output);
  }
  const auto mapped = vectorise(row, inputs, n, b());
  if (!mapped)
    fail(DiagCode::BadOperation, field.ast->value->loc,
         fmt::format("the field `{}` loops, which a field may not", field.name));
  return (*mapped)[0];
}

Val Elaborator::applyField(DataFieldInfo& field, const std::vector<ArgVal>& args, Loc at) {
  prepareField(field);
  if (args.size() != field.raws.size())
    fail(DiagCode::WrongArguments, at,
         fmt::format("`{}` is computed from {} raw field{} ({}), and here are {} arguments", field.name,
                     field.raws.size(), field.raws.size() == 1 ? "" : "s", fmt::join(field.raws, ", "), args.size()));
  std::vector<TensorVal> raws;
  Shape lead;
  for (size_t i = 0; i < args.size(); ++i) {
    const Type& row = field.data->raw[field.raws[i]];
    TensorVal x = asTensor(args[i].val, args[i].at, "a data field");
    const size_t extra = x.type.shape.size() - std::min(x.type.shape.size(), row.shape.size());
    const Shape tail(x.type.shape.begin() + extra, x.type.shape.end());
    if (x.type.dtype != row.dtype || tail != row.shape) {
      Diagnostic& d = error(x.type.dtype != row.dtype ? DiagCode::DTypeMismatch : DiagCode::AxisMismatch, args[i].at,
                            fmt::format("`{}` takes the raw field `{}`, {}, and this is {}", field.name, field.raws[i],
                                        row.str(), x.type.str()));
      d.note(field.ast->name.loc, fmt::format("`{}` is declared", field.name));
      throw Reported{};
    }
    const Shape here(x.type.shape.begin(), x.type.shape.begin() + extra);
    if (i && here != lead)
      fail(DiagCode::AxisMismatch, args[i].at,
           fmt::format("the leading axes are {} here and {} in the first argument", shapeText(here), shapeText(lead)));
    lead = here;
    raws.push_back(x);
  }
  const Dim n = elementCount(lead);
  if (lead.size() > 1)
    for (TensorVal& x : raws) {
      Shape flat{n};
      flat.insert(flat.end(), x.type.shape.begin() + lead.size(), x.type.shape.end());
      place(at);
      x = wrap(b().reshape(x.value, flat));
    }
  Value v = mapRow(field, field.row.outputs[0].value, raws, at, lead.empty(), n);
  Shape shape = lead;
  shape.insert(shape.end(), field.type.shape.begin(), field.type.shape.end());
  place(at);
  v = b().reshape(v, shape);
  std::vector<bool> unit(lead.size(), false);
  unit.insert(unit.end(), field.unit.begin(), field.unit.end());
  return Val::of(wrap(v, unit, field.bound));
}

/// The raw fields of a batch, as inputs of this entry.
std::vector<TensorVal> Elaborator::rawBatch(DataFieldInfo& field, const Dim& batch) {
  std::vector<TensorVal> raws;
  for (const std::string& raw : field.raws) {
    Type type = field.data->raw[raw];
    type.shape.insert(type.shape.begin(), batch);
    std::optional<Dim> bound;
    for (const DataField& f : module_.data[field.data->module].raw)
      if (f.name == raw && f.bound > 0) bound = Dim(f.bound);
    raws.push_back(wrap(leaf("input", fmt::format("{}.{}", field.data->ast->name.text, raw), type, bound)));
  }
  return raws;
}

Val Elaborator::fieldInTrain(DataFieldInfo& field, Loc at) {
  if (auto it = entry_->fieldValues.find(field.name); it != entry_->fieldValues.end()) return it->second;
  prepareField(field);
  Restore<Frame*> keepFrame(frame_);
  frame_ = entry_->root.get();
  const Dim batch = Dim::symbol("batch");
  const Value v = mapRow(field, field.row.outputs[0].value, rawBatch(field, batch), at, false, batch);
  std::vector<bool> unit{false};
  unit.insert(unit.end(), field.unit.begin(), field.unit.end());
  if (Node& n = b().graph().node(v); n.name.empty()) n.name = field.name;
  const Val result = Val::of(wrap(v, unit, field.bound));
  entry_->fieldValues[field.name] = result;
  return result;
}

DataInfo* Elaborator::findData(const ast::Expr& e) {
  Restore<Context> keep(ctx_);
  const Val v = eval(e);
  if (!v.is(ValKind::Data))
    fail(DiagCode::UnknownData, e.loc, fmt::format("a train block runs on a data block, and this is {}", describe(v)));
  return v.data;
}

}  // namespace nnc::elab
