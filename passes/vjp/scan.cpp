// The gradient of scan: a scan in the other direction. Its body is the way back through the forward body; what that
// reads of the forward steps is saved as further stacked results of the forward scan.
#include <optional>
#include <set>

#include "passes/region.h"
#include "passes/vjp/vjp.h"

namespace nnc {
namespace {

/// Cheap enough to be made again from its operand in the backward body instead of being saved.
bool isRemade(Op op) {
  switch (op) {
    case Op::Const:
    case Op::Iota:
    case Op::Size:
    case Op::Reshape:
    case Op::Transpose:
    case Op::Reverse:
    case Op::Broadcast:
      return true;
    default:
      return false;
  }
}

/// Sums over the steps are kept in f32 where the values are shorter.
DType sumDType(DType dtype) {
  return dtypeSize(dtype) < 4 ? DType::F32 : dtype;
}

class ScanTranspose {
public:
  explicit ScanTranspose(Vjp& v) : v_(v), layout_(v.node), joint_(v.node.regions[0]), end_(bodySize()) {
    args_ = regionArgs(joint_, layout_.operands() + 1);
  }

  void run() {
    findActivity();
    differentiateBody();
    findReads();
    buildBody();
    extendForward();
    emit();
  }

private:
  /// A float value of the scan whose gradient the backward scan carries or stacks.
  struct Slot {
    uint32_t arg;    // the body argument it belongs to
    Value gradient;  // in the joint graph: what flows to it in one step; empty: nothing
  };

  uint32_t bodySize() const { return static_cast<uint32_t>(joint_.nodes.size()); }

  void findActivity() {
    Flags operands, results;
    for (size_t i = 0; i < v_.node.in.size(); ++i) operands.push_back(v_.needs(i));
    for (uint32_t r = 0; r < v_.node.out.size(); ++r) results.push_back(static_cast<bool>(v_.g(r)));
    active_ = activeScanArgs(v_.node, operands);
    live_ = liveScanOutputs(v_.node, results);
  }

  /// Appends to the joint graph (the forward body) the arguments for incoming gradients and the way back.
  void differentiateBody() {
    Builder b(joint_);
    b.setOrigin(v_.node.origin);
    std::vector<Value> sources;
    for (uint32_t i = 0; i < layout_.operands(); ++i)
      if (active_[i] && args_[i]) sources.push_back(args_[i]);
    Reverse reverse(b, dependents(joint_, sources));
    for (uint32_t r = 0; r < joint_.outputs.size(); ++r) {
      const bool isCarry = r < layout_.carries;
      if (isCarry ? !(live_[r] && active_[layout_.carryArg(r)]) : !v_.g(r)) continue;
      Value out = joint_.outputs[r].value;
      Value seed = appendArg(joint_, joint_.type(out), r, v_.node.origin);
      (isCarry ? carrySeeds_ : ySeeds_).emplace_back(r, seed);
      reverse.accumulate(out, seed);
    }
    reverse.run(end_);
    auto gradientOf = [&](uint32_t arg) { return args_[arg] ? reverse.gradient(args_[arg]) : Value(); };
    for (auto [c, seed] : carrySeeds_) carries_.push_back({layout_.carryArg(c), gradientOf(layout_.carryArg(c))});
    for (uint32_t i = 0; i < layout_.operands(); ++i) {
      if (layout_.isCarry(i) || !v_.needs(i) || !gradientOf(i)) continue;
      (layout_.isConst(i) ? consts_ : xs_).push_back({i, gradientOf(i)});
    }
  }

  /// Marks the nodes of the way back that are used, and what they read of the forward body.
  void findReads() {
    used_.assign(joint_.nodes.size(), 0);
    auto use = [&](Value v) {
      if (v) used_[v.node] = 1;
    };
    for (const auto* slots : {&carries_, &consts_, &xs_})
      for (const Slot& slot : *slots) use(slot.gradient);
    for (uint32_t i = bodySize(); i-- > 0;) {
      if (!used_[i]) continue;
      const Node& node = joint_.nodes[i];
      if (i >= end_ || isRemade(node.op)) {
        for (Value v : node.in) {
          used_[v.node] = 1;
          if (v.node < end_ && !isRemade(joint_.node(v).op)) addRead(v);
        }
      }
    }
    // A gradient can be a forward value itself.
    for (const auto* slots : {&carries_, &consts_, &xs_})
      for (const Slot& slot : *slots)
        if (slot.gradient && slot.gradient.node < end_ && !isRemade(joint_.node(slot.gradient).op))
          addRead(slot.gradient);
  }

  void addRead(Value v) { reads_.insert(v); }

  /// The argument a forward value is, if it is one.
  std::optional<uint32_t> argIndex(Value v) const {
    const Node& node = joint_.node(v);
    if (node.op != Op::Arg) return std::nullopt;
    return static_cast<uint32_t>(node.attrs.integer("index"));
  }

  /// The result of the forward scan that stacks this body value; adds one if there is none.
  uint32_t stackedResult(Value v) {
    for (uint32_t r = layout_.carries; r < joint_.outputs.size(); ++r)
      if (joint_.outputs[r].value == v) return r;
    joint_.outputs.push_back({OutputRole::Result, "", v});
    return static_cast<uint32_t>(joint_.outputs.size() - 1);
  }

  /// The backward body: consts, gradients of carries, sums for consts, then saved values and gradients of ys, and the
  /// index.
  void buildBody() {
    struct Input {
      Value joint;    // the value of the joint graph it stands for; empty for a sum
      Value operand;  // the operand of the backward scan; empty: stacked result `result` of the forward scan
      uint32_t result = 0;
      Type type;
      std::string name;
    };
    std::vector<Input> consts, carries, xs;
    for (Value v : reads_) {
      std::optional<uint32_t> arg = argIndex(v);
      if (arg && layout_.isConst(*arg)) {
        consts.push_back({v, v_.in(*arg), 0, joint_.type(v), joint_.node(v).name});
      } else if (arg && layout_.isX(*arg)) {
        xs.push_back({v, v_.in(*arg), 0, joint_.type(v), joint_.node(v).name});
      } else if (!arg || layout_.isCarry(*arg)) {
        xs.push_back({v, Value(), stackedResult(v), joint_.type(v), joint_.node(v).name});
      }
    }
    for (auto [c, seed] : carrySeeds_) {
      Type type = joint_.type(seed);
      carries.push_back({seed, v_.g(c) ? v_.g(c) : v_.b.constant(0, type), 0, type, gradientName(layout_.carryArg(c))});
    }
    for (const Slot& slot : consts_) {
      Type type = v_.inType(slot.arg);
      type.dtype = sumDType(type.dtype);
      carries.push_back({Value(), v_.b.constant(0, type), 0, type, gradientName(slot.arg)});
    }
    for (auto [r, seed] : ySeeds_)
      xs.push_back({seed, v_.g(r), 0, joint_.type(seed), gradientName(joint_.outputs[r].value)});

    ValueMap map;
    std::vector<Value> sums;
    size_t index = 0;
    for (const auto* inputs : {&consts, &carries, &xs})
      for (const Input& input : *inputs) {
        Value arg = appendArg(body_, input.type, index++, v_.node.origin, input.name);
        input.joint ? map.set(input.joint, arg) : sums.push_back(arg);
        operands_.push_back({input.operand, input.result});
      }
    Value t = args_[layout_.indexArg()];
    Value index_t = appendArg(body_, Type{DType::I64, {}}, index, v_.node.origin, t ? joint_.node(t).name : "");
    if (t) map.set(t, index_t);
    attrs_ = {{"count", layout_.count},
              {"consts", static_cast<int64_t>(consts.size())},
              {"carries", static_cast<int64_t>(carries.size())},
              {"reverse", !layout_.reverse}};
    copyWayBack(map);
    addOutputs(map, sums);
  }

  /// "d_w" for a body value the source calls w.
  std::string gradientName(Value v) const {
    const std::string name = v ? joint_.node(v).name : "";
    return name.empty() ? name : "d_" + name;
  }
  std::string gradientName(uint32_t arg) const {
    const std::string name = gradientName(args_[arg]);
    const Node& operand = v_.b.graph().node(v_.in(arg));
    return name.empty() && operand.op == Op::Leaf ? "d_" + operand.attrs.string("name") : name;
  }

  void copyWayBack(ValueMap& map) {
    for (uint32_t i = 0; i < bodySize(); ++i)
      if (used_[i] && joint_.nodes[i].op != Op::Arg && (i >= end_ || isRemade(joint_.nodes[i].op)))
        copyNode(joint_, i, body_, map);
  }

  void addOutputs(const ValueMap& map, const std::vector<Value>& sums) {
    Builder b(body_);
    b.setOrigin(v_.node.origin);
    auto output = [&](Value v) { body_.outputs.push_back({OutputRole::Result, "", v}); };
    for (const Slot& slot : carries_) output(slot.gradient ? map[slot.gradient] : b.constant(0, v_.inType(slot.arg)));
    for (size_t i = 0; i < consts_.size(); ++i)
      output(b.add(sums[i], b.cast(map[consts_[i].gradient], body_.type(sums[i]).dtype)));
    for (const Slot& slot : xs_) output(map[slot.gradient]);
  }

  /// The forward scan with the saved values as further results (and its inner scans, extended on the way back).
  void extendForward() {
    joint_.nodes.resize(end_);
    Node& forward = v_.b.graph().nodes[v_.index()];
    for (size_t r = forward.out.size(); r < joint_.outputs.size(); ++r)
      forward.out.push_back(stackedType(joint_.type(joint_.outputs[r].value), layout_.count));
    forward.regions[0] = std::move(joint_);
  }

  void emit() {
    std::vector<Value> in;
    for (auto [value, result] : operands_) in.push_back(value ? value : v_.out(result));
    std::vector<Graph> regions;
    regions.push_back(std::move(body_));
    std::vector<Value> results = v_.b.makeMulti(Op::Scan, in, attrs_, std::move(regions));
    size_t r = 0;
    for (const auto* slots : {&carries_, &consts_, &xs_})
      for (const Slot& slot : *slots) v_.give(slot.arg, v_.b.cast(results[r++], v_.inType(slot.arg).dtype));
  }

  Vjp& v_;
  const ScanLayout layout_;
  Graph joint_;              // the forward body, then the way back
  const uint32_t end_;       // where the way back begins
  std::vector<Value> args_;  // of the forward body
  Flags active_, live_;
  std::vector<std::pair<uint32_t, Value>> carrySeeds_, ySeeds_;  // body output and the argument for its gradient
  std::vector<Slot> carries_, consts_, xs_;
  std::vector<char> used_;
  std::set<Value> reads_;
  Graph body_;  // of the backward scan
  Attrs attrs_;
  std::vector<std::pair<Value, uint32_t>> operands_;
};

}  // namespace

void vjp_scan(Vjp& v) {
  ScanTranspose(v).run();
}

}  // namespace nnc
