// Frames and cells: how values get from one graph into another, what a name that can be assigned holds, and nodes.
#include "frontend/elab/elaborator.h"
#include "ir/check.h"
#include "ir/infer.h"
#include "ir/op_schema.h"

#include <fmt/format.h>

namespace nnc::elab {

namespace {

Value newArg(Frame& frame, const Type& type) {
  // The index is set when the region is complete and its arguments are in order (loop.cpp).
  return frame.builder.make(Op::Arg, {}, {{"type", type}, {"index", int64_t{0}}});
}

}  // namespace

void Elaborator::place(Loc at) {
  if (!originPath_ && ctx_.owner) originPath_ = std::make_shared<const std::string>(ctx_.owner->path);
  if (ctx_.owner && originPath_ && *originPath_ != ctx_.owner->path)
    originPath_ = std::make_shared<const std::string>(ctx_.owner->path);
  frame_->builder.setOrigin({at, userLoc(at), originPath_});
}

Value Elaborator::makeNode(Op op, std::vector<Value> in, Attrs attrs, Loc at, std::vector<Graph> regions) {
  std::vector<Type> types;
  for (Value v : in) types.push_back(b().type(v));
  const Attrs normal = normalizedAttrs(op, attrs);
  const Inferred inferred = inferTypes(op, types, normal, regions);
  if (!inferred.limit.empty()) fail(DiagCode::TooLarge, at, inferred.limit);
  if (!inferred) fail(DiagCode::BadOperation, at, inferred.error);
  place(at);
  return b().make(op, std::move(in), attrs, std::move(regions));
}

Value Elaborator::useIn(Value v, Frame* from, Frame* frame) {
  if (frame == from) return v;
  const Value outer = useIn(v, from, frame->parent);
  if (auto it = frame->captures.find(outer); it != frame->captures.end()) return it->second;
  const Value arg = newArg(*frame, frame->parent->graph.type(outer));
  frame->graph.node(arg).name = frame->parent->graph.node(outer).name;
  frame->captures[outer] = arg;
  frame->captureList.emplace_back(outer, arg);
  return arg;
}

Value Elaborator::use(const TensorVal& t, Loc at) {
  if (t.frame == frame_) return t.value;
  if (!frame_->isInside(t.frame)) return importToInit(t, at);
  return useIn(t.value, t.frame, frame_);
}

Value Elaborator::importToInit(const TensorVal& t, Loc at) {
  const Node& node = t.frame->graph.node(t.value);
  if (node.op == Op::Const) return b().make(Op::Const, {}, node.attrs);
  if (frame_ == initFrame_.get() && node.op == Op::Leaf)
    if (auto it = initValues_.find(node.attrs.string("name")); it != initValues_.end()) return it->second;
  fail(DiagCode::InitializerReadsRun, at,
       "an initial value may read parameters, numbers and shapes, not a value that is computed in a step");
}

TensorVal Elaborator::wrap(Value v) {
  TensorVal t{v, frame_, b().type(v), {}, {}};
  t.unit.assign(t.type.shape.size(), false);
  return t;
}

TensorVal Elaborator::wrap(Value v, std::vector<bool> unit, std::optional<Dim> bound) {
  TensorVal t{v, frame_, b().type(v), std::move(unit), std::move(bound)};
  t.unit.resize(t.type.shape.size(), false);
  return t;
}

Value Elaborator::leaf(const std::string& kind, const std::string& name, const Type& type,
                       const std::optional<Dim>& bound) {
  Frame* top = frame_;
  while (top->parent) top = top->parent;
  Frame& root = *top;
  const auto [known, isNew] = root.leaves.try_emplace({kind, name});
  if (!isNew) return known->second;
  Attrs attrs{{"type", type}, {"kind", kind}, {"name", name}};
  if (bound && bound->isConst()) attrs.set("bound", bound->value());
  const Value v = root.builder.make(Op::Leaf, {}, std::move(attrs));
  root.graph.node(v).name = name;
  return known->second = v;
}

Value Elaborator::scalarLeaf(const std::string& name, DType dtype, double fallback) {
  bool known = false;
  for (const Scalar& s : module_.scalars) known = known || s.name == name;
  if (!known) module_.scalars.push_back({name, dtype, fallback});
  Frame* root = frame_;
  while (root->parent) root = root->parent;
  return useIn(leaf("scalar", name, Type{dtype, {}}), root, frame_);
}

Val Elaborator::readCell(Cell* cell, Loc at) {
  return readCellIn(cell, frame_, at);
}

Val Elaborator::readCellIn(Cell* cell, Frame* frame, Loc at) {
  if (Frame::CellEntry* entry = frame->find(cell)) return entry->current;
  if (frame->parent) {
    const Val outer = readCellIn(cell, frame->parent, at);
    std::vector<TensorVal> tensors;
    collectTensors(outer, tensors);
    for (TensorVal& t : tensors) {
      t.value = newArg(*frame, t.type);
      t.frame = frame;
      frame->graph.node(t.value).name = cell->name;
    }
    size_t next = 0;
    const Val inner = replaceTensors(outer, tensors, next);
    return frame->enter(cell, {outer, inner, inner, false, false, at}).current;
  }
  if (frame == initFrame_.get() && cell->isVariable)
    if (auto it = initValues_.find(cell->name); it != initValues_.end())
      return Val::of(TensorVal{it->second, frame, cell->type, cell->unit, cell->bound});
  if (!cell->isVariable || !entry_ || frame != entry_->root.get())
    fail(DiagCode::InitializerReadsRun, at,
         fmt::format("an initial value may not read `{}`, which is computed later", cell->name));
  const Value v = leaf(cell->kind == Variable::Kind::Param ? "param" : "state", cell->name, cell->type);
  const Val val = Val::of(TensorVal{v, frame, cell->type, cell->unit, cell->bound});
  return frame->enter(cell, {val, val, val, false, false, at}).current;
}

void Elaborator::writeCell(Cell* cell, Val v, Loc at) {
  readCell(cell, at);
  Frame::CellEntry* entry = frame_->find(cell);
  if (!entry)  // a variable, read as the initial value that it has
    fail(DiagCode::InitializerReadsRun, at, fmt::format("an initial value may not change `{}`", cell->name));
  entry->current = std::move(v);
  entry->assigned = true;
  entry->at = at;
}

Val Elaborator::readTree(const CellTree& tree, Loc at) {
  if (tree.cell) return readCell(tree.cell, at);
  if (tree.isTuple) {
    std::vector<Val> items;
    for (const auto& [name, child] : tree.children) items.push_back(readTree(child, at));
    return Val::tuple(std::move(items));
  }
  Fields fields;
  for (const auto& [name, child] : tree.children) fields.emplace_back(name, readTree(child, at));
  return Val::tree(std::move(fields));
}

/// Before its first application, or its source's, an instance has no parts; a sum over none would silently be 0.
void Elaborator::requireParts(Instance* instance, Loc at) {
  adoptParts(instance, at);
  const Instance* first = instance;
  while (first->source) first = first->source;
  if (!instance->members.empty() || instance->entry >= 0 || first->entry >= 0) return;
  if (diagnostics_.hasErrors()) throw Reported{};  // what failed before may have been that application
  error(DiagCode::NoSuchPart, at,
        fmt::format("the parts of `{}` are made where it is applied first, which must stand before this line",
                    first->path))
      .help(fmt::format("where nothing else applies it, `let _ = {}(…)` does", first->path));
  throw Reported{};
}

Val Elaborator::instanceTree(Instance* instance, Loc at) {
  requireParts(instance, at);
  Fields fields;
  for (const Instance::Member& m : instance->members) {
    if (m.param) {
      fields.emplace_back(m.name, readCell(m.param, at));
      continue;
    }
    Val child = instanceTree(m.child, at);
    if (!child.fields->empty()) fields.emplace_back(m.name, std::move(child));
  }
  return Val::tree(std::move(fields));
}

/// The value with the parameters of its instances, those in tuples too, in their place.
Val Elaborator::asTree(const Val& v, Loc at) {
  if (v.is(ValKind::Instance)) return instanceTree(v.instance, at);
  if (!v.is(ValKind::Tuple)) return v;
  std::vector<Val> items;
  for (const Val& item : *v.items) items.push_back(asTree(item, at));
  return Val::tuple(std::move(items));
}

/// The states of an instance by their names, and those of its parts below the parts' names.
Val Elaborator::statesTree(Instance* instance, Loc at) {
  adoptParts(instance, at);
  Fields fields;
  for (const auto& [name, cells] : instance->states) fields.emplace_back(name, readTree(cells, at));
  for (const Instance::Member& m : instance->members) {
    if (!m.child) continue;
    Val child = statesTree(m.child, at);
    if (!child.fields->empty()) fields.emplace_back(m.name, std::move(child));
  }
  return Val::tree(std::move(fields));
}

/// Its parameters as a tree, with its states.
Val Elaborator::wholeInstance(Instance* instance, Loc at) {
  Val tree = instanceTree(instance, at);
  tree.states = statesTree(instance, at).fields;
  return tree;
}

Instance::Member* Instance::find(const std::string& name) {
  for (Member& m : members)
    if (m.name == name) return &m;
  return nullptr;
}

bool Instance::ownsAnything() const {
  if (!states.empty()) return true;
  for (const Member& m : members)
    if (m.param || m.child->ownsAnything()) return true;
  return false;
}

uint64_t hashText(const std::string& text) {
  // FNV-1a, 64 bits: http://www.isthe.com/chongo/tech/comp/fnv/
  uint64_t h = 0xcbf29ce484222325ULL;
  for (unsigned char c : text) h = (h ^ c) * 0x100000001b3ULL;
  return h;
}

}  // namespace nnc::elab
