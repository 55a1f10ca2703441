#include "plan/lower.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "ir/check.h"

namespace nnc::plan {
namespace {

std::string textOf(const Index& index) {
  std::string text;
  for (const Ix& ix : index) text += ix.str() + ",";
  return text;
}

std::string textOf(const std::vector<Guard>& guards) {
  std::string text;
  for (const Guard& g : guards) text += fmt::format("{}<={}<{};", g.lo.str(), g.value.str(), g.hi.str());
  return text;
}

/// True if two indices name one element: along an axis of one element every index does.
bool sameElement(const Shape& shape, const Index& a, const Index& b) {
  for (size_t d = 0; d < shape.size(); ++d)
    if (shape[d] != Dim(1) && a[d] != b[d]) return false;
  return true;
}

/// A border value in the type it stands in: integers saturate.
double representable(double value, DType type) {
  switch (type) {
    case DType::I8:
      return std::clamp(value, -128.0, 127.0);
    case DType::U8:
      return std::clamp(value, 0.0, 255.0);
    case DType::I32:
      return std::clamp(value, -0x1p31, 0x1p31 - 1);
    case DType::I64:
      return std::clamp(value, -0x1p63, 0x1p63 - 1024);
    default:
      return value;
  }
}

bool sameLiteral(std::optional<double> a, double b) {
  return a && (*a == b) && std::signbit(*a) == std::signbit(b);
}

}  // namespace

uint32_t KernelDraft::operand(BufId buffer) {
  const auto at = std::find(bind.begin(), bind.end(), buffer);
  if (at != bind.end()) return static_cast<uint32_t>(at - bind.begin());
  bind.push_back(buffer);
  written.push_back(false);
  return static_cast<uint32_t>(bind.size() - 1);
}

Ix storageIndex(const Buffer& buffer, const Index& index, const Ranges& extents) {
  const std::vector<Dim> strides = stridesOf(buffer.layout);
  Ix sum;
  for (size_t i = 0; i < strides.size(); ++i) {
    const Digit& digit = buffer.layout.digits[i];
    Ix value = floorDiv(index[digit.dim], digit.div, extents);
    if (digit.div * digit.extent != buffer.type.shape[digit.dim]) value = floorMod(value, digit.extent, extents);
    if (digit.extent != Dim(1)) sum = sum + value * strides[i];
  }
  return sum;
}

bool needsConstBuffer(const Node& constant) {
  const Literal& literal = constant.attrs.literal("value");
  if (literal.size() != 1) return true;
  if (!literal.isInt()) return false;
  const int64_t value = literal.asInt(0);
  constexpr int64_t kExact = int64_t{1} << 53;
  return value > kExact || value < -kExact;
}

uint32_t RegionBuilder::append(Inst inst) {
  region_.push_back(std::move(inst));
  return static_cast<uint32_t>(region_.size() - 1);
}

uint32_t RegionBuilder::op(Op op, DType dtype, std::vector<uint32_t> args) {
  Inst inst;
  inst.op = op;
  inst.dtype = dtype;
  inst.args = std::move(args);
  return append(std::move(inst));
}

uint32_t RegionBuilder::cast(uint32_t inst, DType dtype) {
  return region_[inst].dtype == dtype ? inst : op(Op::Cast, dtype, {inst});
}

uint32_t RegionBuilder::constant(double value, DType dtype) {
  const std::string key = fmt::format("c{}:{}:{}", static_cast<int>(dtype), value, std::signbit(value));
  if (const auto at = pure_.find(key); at != pure_.end()) return at->second;
  Inst inst;
  inst.kind = Inst::Kind::Const;
  inst.dtype = dtype;
  inst.constant = value;
  return pure_[key] = append(std::move(inst));
}

uint32_t RegionBuilder::index(const Ix& ix, DType dtype) {
  const std::string key = fmt::format("i{}:{}", static_cast<int>(dtype), ix.str());
  if (const auto at = pure_.find(key); at != pure_.end()) return at->second;
  Inst inst;
  inst.kind = Inst::Kind::Index;
  inst.dtype = dtype;
  inst.index = ix;
  return pure_[key] = append(std::move(inst));
}

Ix RegionBuilder::clamped(uint32_t inst, const Dim& last) {
  const Inst& value = region_[inst];
  const DType dtype = value.dtype;
  if (value.kind == Inst::Kind::Index && liesWithin(value.index, 0, last + Dim(1), draft_.extents)) return value.index;
  if (last == Dim()) return {};
  const uint32_t low = op(Op::Max, dtype, {inst, constant(0, dtype)});
  const uint32_t high = index(Ix(last), dtype);
  return Ix::inst(op(Op::Select, dtype, {op(Op::Lt, DType::Bool, {low, high}), low, high}));
}

RegionBuilder::Border RegionBuilder::within(const Border& border, const std::vector<Guard>& guards,
                                            std::optional<double> value) const {
  Border inner;
  inner.guards = border.guards;
  for (const Guard& g : guards)
    if (!liesWithin(g.value, g.lo, g.hi, draft_.extents)) inner.guards.push_back(g);
  inner.value = value;
  inner.key = textOf(inner.guards) + (value ? fmt::format("{}", *value) : "");
  return inner;
}

/// The conjunction of the guards, as a bool instruction.
uint32_t RegionBuilder::holds(const std::vector<Guard>& guards) {
  std::optional<uint32_t> all;
  for (const Guard& g : guards) {
    if (liesWithin(g.value, g.lo, g.hi, draft_.extents)) continue;
    const uint32_t value = index(g.value, DType::I64);
    const uint32_t low = op(Op::Le, DType::Bool, {index(Ix(g.lo), DType::I64), value});
    const uint32_t high = op(Op::Lt, DType::Bool, {value, index(Ix(g.hi), DType::I64)});
    const uint32_t both = op(Op::And, DType::Bool, {low, high});
    all = all ? op(Op::And, DType::Bool, {*all, both}) : both;
  }
  return all ? *all : constant(1, DType::Bool);
}

uint32_t RegionBuilder::emit(Value v, const Index& index) {
  return emitIn(v, index, {}).inst;
}

uint32_t RegionBuilder::emitGuarded(Value v, const Index& index, const std::vector<Guard>& guards) {
  const Border border = within({}, guards, 0.0);
  const Emitted e = emitIn(v, index, border);
  if (e.bordered || border.guards.empty()) return e.inst;
  const DType dtype = context_.graph.type(v).dtype;
  return op(Op::Select, dtype, {holds(border.guards), e.inst, constant(0, dtype)});
}

RegionBuilder::Emitted RegionBuilder::emitIn(Value v, const Index& index, const Border& border) {
  const std::string key = fmt::format("{}.{}@{}|{}", v.node, v.result, textOf(index), border.key);
  if (const auto at = memo_.find(key); at != memo_.end()) return at->second;
  return memo_[key] = compute(v, index, border);
}

RegionBuilder::Emitted RegionBuilder::compute(Value v, const Index& index, const Border& border) {
  const Node& node = context_.graph.node(v);
  for (const KernelDraft::Result& r : draft_.results)
    if (r.value == v) {
      if (!sameElement(node.out[v.result].shape, r.index, index)) draft_.failed = true;
      Inst inst;
      inst.kind = Inst::Kind::Result;
      inst.dtype = r.dtype;
      inst.stage = r.stage;
      return {cast(append(std::move(inst)), node.out[v.result].dtype), false};
    }
  if (draft_.probe) {
    if (const auto wanted = draft_.probe->find(v); wanted != draft_.probe->end()) {
      wanted->second.push_back(index);
      return {constant(0, node.out[v.result].dtype), false};
    }
  }
  const auto member = draft_.members.find(v);
  if (member == draft_.members.end()) {
    const BufId home = context_.homeOf(v);
    if (home != kNoBuffer) return load(home, index, border, node.out[v.result].dtype);
  } else {
    // Along the loops of a stage a value of this kernel is computed anew; at another task point it is out of reach.
    for (size_t d = 0; d < index.size(); ++d)
      if (member->second[d] && node.out[v.result].shape[d] != Dim(1) && *member->second[d] != index[d])
        draft_.failed = true;
  }
  switch (opInfo(node.op).cls) {
    case OpClass::Unary:
    case OpClass::Binary:
    case OpClass::Ternary:
      return elementwise(node, index, border);
    default:
      break;
  }
  if (isIndexMap(node)) return view(node, index, border);
  switch (node.op) {
    case Op::Const:
      return constantNode(v, index, border);
    case Op::Iota:
      return {this->index(index[static_cast<size_t>(node.attrs.integer("axis"))], node.out[0].dtype), false};
    case Op::Size:
      return {this->index(Ix(node.attrs.dim("dim")), node.out[0].dtype), false};
    case Op::Rand:
      return {rand(node, index), false};
    case Op::Gather:
      return gather(node, index, border);
    case Op::DSlice:
      return dslice(node, index, border);
    default:
      break;
  }
  draft_.failed =
      true;  // a reduction or the like without a buffer of its own: it cannot be computed inside this region
  return {constant(0, node.out[v.result].dtype), false};
}

RegionBuilder::Emitted RegionBuilder::load(BufId buffer, const Index& index, const Border& border, DType dtype) {
  Inst inst;
  inst.kind = Inst::Kind::Load;
  inst.dtype = dtype;
  inst.operand = draft_.operand(buffer);
  inst.index = storageIndex(context_.entry.buffers[buffer], index, draft_.extents);
  inst.guards = border.guards;
  inst.otherwise = border.value.value_or(0);
  return {append(std::move(inst)), true};
}

RegionBuilder::Emitted RegionBuilder::constantNode(Value v, const Index&, const Border& border) {
  const Node& node = context_.graph.node(v);
  const double value = node.attrs.literal("value").asDouble(0);
  return {constant(value, node.out[0].dtype), sameLiteral(border.value, value)};
}

RegionBuilder::Emitted RegionBuilder::view(const Node& node, const Index& index, const Border& border) {
  ViewMap map = viewMap(node, context_.graph.type(node.in[0]), index, draft_.extents);
  map.otherwise = representable(map.otherwise, node.out[0].dtype);
  const Border own = within({}, map.guards, map.otherwise);
  if (own.guards.empty()) return emitIn(node.in[0], map.index, border);
  const bool agrees = border.guards.empty() || sameLiteral(border.value, map.otherwise);
  const Border inner = within(border, map.guards, agrees ? std::optional(map.otherwise) : std::nullopt);
  const Emitted e = emitIn(node.in[0], map.index, inner);
  if (agrees && e.bordered) return e;
  const DType dtype = node.out[0].dtype;
  return {op(Op::Select, dtype, {holds(map.guards), e.inst, constant(map.otherwise, dtype)}), false};
}

RegionBuilder::Emitted RegionBuilder::elementwise(const Node& node, const Index& index, const Border& border) {
  std::vector<uint32_t> args;
  bool bordered = false;
  for (const Value& v : node.in) {
    const Emitted e = emitIn(v, index, border);
    args.push_back(e.inst);
    bordered = e.bordered;
  }
  if (node.op == Op::Stop) return {args[0], bordered};
  // A border of 0 is 0 in every type; anything else computed from a border is not the border's value.
  if (node.op == Op::Cast) return {cast(args[0], node.out[0].dtype), bordered && sameLiteral(border.value, 0.0)};
  return {op(node.op, node.out[0].dtype, std::move(args)), false};
}

RegionBuilder::Emitted RegionBuilder::gather(const Node& node, const Index& index, const Border& border) {
  const Type& source = context_.graph.type(node.in[0]);
  const auto axis = static_cast<size_t>(node.attrs.integer("axis")),
             batch = static_cast<size_t>(node.attrs.integer("batch"));
  const size_t own = context_.graph.type(node.in[1]).shape.size() - batch;  // axes I of the result
  Index at(index.begin(), index.begin() + static_cast<std::ptrdiff_t>(batch));
  at.insert(at.end(), index.begin() + static_cast<std::ptrdiff_t>(axis),
            index.begin() + static_cast<std::ptrdiff_t>(axis + own));
  const uint32_t chosen = emitIn(node.in[1], at, within(border, {}, std::nullopt)).inst;
  Index from(index.begin(), index.begin() + static_cast<std::ptrdiff_t>(axis));
  from.push_back(clamped(chosen, source.shape[axis] - Dim(1)));
  from.insert(from.end(), index.begin() + static_cast<std::ptrdiff_t>(axis + own), index.end());
  return emitIn(node.in[0], from, border);
}

RegionBuilder::Emitted RegionBuilder::dslice(const Node& node, const Index& index, const Border& border) {
  const Type& source = context_.graph.type(node.in[0]);
  const auto& axes = node.attrs.ints("axes");
  Index from = index;
  for (size_t j = 0; j < axes.size(); ++j) {
    const auto d = static_cast<size_t>(axes[j]);
    const uint32_t start = emit(node.in[1 + j], {});
    from[d] = from[d] + clamped(start, source.shape[d] - node.out[0].shape[d]);
  }
  return emitIn(node.in[0], from, border);
}

uint32_t RegionBuilder::rand(const Node& node, const Index& index) {
  const Shape& shape = node.out[0].shape;
  Ix number;
  Index at = index;
  if (node.in.size() > 1) at[0] = at[0] + Ix::inst(emit(node.in[1], {}));
  const auto next = [&](size_t d) { number = number * shape[d] + at[d]; };
  const int64_t minor = node.attrs.integer("minor");
  for (size_t d = 0; d < shape.size(); ++d)
    if (static_cast<int64_t>(d) != minor) next(d);
  if (minor >= 0 && minor < static_cast<int64_t>(shape.size())) next(static_cast<size_t>(minor));
  const uint32_t key = emit(node.in[0], {});
  return op(Op::Rand, node.out[0].dtype, {key, this->index(number, DType::I64)});
}

}  // namespace nnc::plan
