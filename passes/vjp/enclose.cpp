#include "passes/vjp/enclose.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>

#include "passes/region.h"
#include "passes/vjp/activity.h"

namespace nnc {
namespace {

/// A grad in a region or in the regions inside it, seen from the region's arguments.
struct Ask {
  const Node* grad;
  std::vector<uint32_t> by;  // the arguments it is by
  Flags on;                  // of each argument: whether the differentiated value depends on it
};

/// The operand that argument 0 of a node's regions stands for.
size_t firstOperand(const Node& node) {
  return node.op == Op::Cond ? 1 : 0;
}

size_t argCount(const Node& node) {
  return node.in.size() - firstOperand(node) + (node.op == Op::Scan ? 1 : 0);
}

/// Whether an argument is the operand's value all the time: carries are only in the first round.
bool isOutside(const Node& node, uint32_t arg) {
  return node.op == Op::Cond || ScanLayout(node).isConst(arg);
}

std::vector<Ask> asksOf(const Graph& region, size_t count) {
  std::vector<Ask> asks;
  const std::vector<Value> args = regionArgs(region, count);
  const auto argsBehind = [&](const std::vector<Value>& values) {
    const ValueSet live = dependencies(region, values);
    Flags flags;
    for (Value arg : args) flags.push_back(arg ? live.get(arg) : 0);
    return flags;
  };
  const auto add = [&](const Node* grad, const std::vector<Value>& by, const std::vector<Value>& of) {
    Ask ask{grad, {}, {}};
    for (Value v : by)
      if (const auto at = std::find(args.begin(), args.end(), v); at != args.end())
        ask.by.push_back(static_cast<uint32_t>(at - args.begin()));
    if (ask.by.empty()) return;
    ask.on = argsBehind(of);
    asks.push_back(std::move(ask));
  };
  for (uint32_t n = 0; n < region.nodes.size(); ++n) {
    const Node& node = region.nodes[n];
    if (node.op == Op::Grad) add(&node, {node.in.begin() + 1, node.in.end()}, {node.in[0]});
    for (const Graph& inner : node.regions)
      for (const Ask& ask : asksOf(inner, argCount(node))) {
        const size_t first = firstOperand(node);
        std::vector<Value> by, of;
        for (uint32_t i : ask.by)
          if (isOutside(node, i)) by.push_back(node.in[first + i]);
        for (uint32_t i = 0; first + i < node.in.size(); ++i) {
          if (!ask.on[i]) continue;
          of.push_back(node.in[first + i]);
          // What the rounds before made of a carry, too.
          if (!isOutside(node, i)) of.push_back({n, i - ScanLayout(node).consts});
        }
        add(ask.grad, by, of);
      }
  }
  return asks;
}

/// The operands that the asks are by, as far as they are values from outside.
std::vector<Value> seedsOf(const Node& node, const std::vector<Ask>& asks) {
  std::vector<Value> seeds;
  for (const Ask& ask : asks)
    for (uint32_t i : ask.by)
      if (isOutside(node, i)) seeds.push_back(node.in[firstOperand(node) + i]);
  return seeds;
}

// ---- bringing the past inside ----

/// Copies of outer nodes at the beginning of a region.
class Past {
public:
  Past(const Graph& outer, Node& node, Graph& region) : outer_(outer), node_(node), old_(region) {}

  /// Makes the region anew; false if nothing outside concerns its grads.
  bool bringInside(const std::vector<Ask>& asks) {
    seeds_ = seedsOf(node_, asks);
    from_ = dependents(outer_, seeds_);
    std::vector<char> wanted(outer_.nodes.size(), 0), replaced(argCount(node_), 0);
    for (const Ask& ask : asks)
      for (uint32_t i = 0; i < ask.on.size(); ++i)
        if (ask.on[i] && isOutside(node_, i) && hasPast(operand(i))) replaced[i] = wanted[operand(i).node] = 1;
    if (std::find(replaced.begin(), replaced.end(), 1) == replaced.end()) return false;
    for (size_t n = outer_.nodes.size(); n-- > 0;)
      if (wanted[n])
        for (Value v : outer_.nodes[n].in) wanted[v.node] = wanted[v.node] || hasPast(v);

    ValueMap map;
    const std::vector<Value> args = regionArgs(old_, replaced.size());
    for (uint32_t n = 0; n < old_.nodes.size(); ++n)
      if (old_.nodes[n].op == Op::Arg) copyNode(old_, n, now_, map);
    for (uint32_t i = 0; firstOperand(node_) + i < node_.in.size(); ++i)
      if (args[i] && isOutside(node_, i)) args_.try_emplace(operand(i), map[args[i]]);
    for (uint32_t n = 0; n < outer_.nodes.size(); ++n)
      if (wanted[n]) copyInside(n);
    for (uint32_t i = 0; i < replaced.size(); ++i)
      if (replaced[i] && args[i]) map.set(args[i], inside_.at(operand(i)));
    end_ = now_.nodes.size();
    for (uint32_t n = 0; n < old_.nodes.size(); ++n)
      if (old_.nodes[n].op != Op::Arg) copyNode(old_, n, now_, map);
    for (const Output& output : old_.outputs) now_.outputs.push_back({output.role, output.name, map[output.value]});
    declareOperands();
    old_ = std::move(now_);
    return true;
  }

  /// Takes the values from outside again, once the grads are expanded. Nodes before the first grad kept their numbers.
  void settle() const {
    std::map<Value, Value> again;
    for (const auto& [value, copy] : inside_) again[copy] = args_.at(value);
    const auto settled = [&](Value& v) {
      if (const auto at = again.find(v); at != again.end()) v = at->second;
    };
    for (size_t n = end_; n < old_.nodes.size(); ++n)
      for (Value& v : old_.nodes[n].in) settled(v);
    for (Output& output : old_.outputs) settled(output.value);
  }

private:
  Value operand(uint32_t arg) const { return node_.in[firstOperand(node_) + arg]; }

  /// Whether a value depends on a seed other than itself.
  bool hasPast(Value v) const {
    if (!from_.get(v)) return false;
    if (std::find(seeds_.begin(), seeds_.end(), v) == seeds_.end()) return true;
    const std::vector<Value>& in = outer_.node(v).in;
    return std::any_of(in.begin(), in.end(), [&](Value i) { return from_.get(i) != 0; });
  }

  void copyInside(uint32_t n) {
    Node copy = outer_.nodes[n];
    for (Value& v : copy.in) v = hasPast(v) ? inside_.at(v) : argFor(v);
    for (Value v : resultsOf(outer_, n)) argFor(v);
    const Value first = now_.append(std::move(copy));
    for (Value v : resultsOf(outer_, n)) inside_[v] = {first.node, v.result};
  }

  /// The argument for an outer value, one that the region declares or a new one.
  Value argFor(Value v) {
    const auto [at, isNew] = args_.try_emplace(v);
    if (isNew) {
      added_.push_back(v);
      at->second = appendArg(now_, outer_.type(v), 0, outer_.node(v).origin);
    }
    return at->second;
  }

  /// New operands stand behind the constants of a scan, and last in a cond.
  void declareOperands() {
    const size_t first = firstOperand(node_), more = added_.size();
    const size_t at = node_.op == Op::Scan ? ScanLayout(node_).consts : node_.in.size() - first;
    for (Node& node : now_.nodes) {
      if (node.op != Op::Arg) continue;
      const int64_t index = node.attrs.integer("index");
      if (index >= static_cast<int64_t>(at)) node.attrs.set("index", index + static_cast<int64_t>(more));
    }
    for (size_t i = 0; i < more; ++i) now_.node(args_.at(added_[i])).attrs.set("index", static_cast<int64_t>(at + i));
    node_.in.insert(node_.in.begin() + static_cast<std::ptrdiff_t>(first + at), added_.begin(), added_.end());
    if (node_.op == Op::Scan) node_.attrs.set("consts", static_cast<int64_t>(at + more));
  }

  const Graph& outer_;
  Node& node_;
  Graph& old_;
  Graph now_;
  std::vector<Value> seeds_;
  ValueSet from_;                  // outer values that depend on a seed
  std::map<Value, Value> inside_;  // outer values and their copies
  std::map<Value, Value> args_;    // outer values and their arguments
  std::vector<Value> added_;       // those without an argument before
  size_t end_ = 0;                 // of the copies
};

// ---- what no round can see ----

std::string nameIn(const Graph& graph, Value v) {
  const std::string& name = graph.node(v).name;
  return name.empty() ? "that value" : name;
}

/// Reports a differentiated value that depends on `on`, which an earlier round, or the code before the loop, computed
/// of `by`. False.
bool reportRounds(const Ask& ask, const std::string& by, const std::string& on, bool carried, PassContext& context) {
  const Origin& origin = ask.grad->origin;
  Diagnostic& error = context.diagnostics.error(DiagCode::GradThroughRounds, origin.user ? origin.user : origin.at,
                                                "this gradient would have to go back through earlier rounds");
  error.note(carried ? fmt::format("`{}` carries what earlier rounds computed of `{}`", on, by)
                     : fmt::format("`{}` was computed of the first `{}`, before the loop", on, by));
  error.help(fmt::format(
      "a gradient by a value of this round, as `let x = 1 * {}`, holds it; one behind the loop goes through all rounds",
      by));
  return false;
}

/// False if a gradient was reported.
bool checkRounds(const Graph& outer, const Node& node, const std::vector<Ask>& asks, PassContext& context) {
  const ScanLayout scan(node);
  const Graph& body = node.regions[0];
  const std::vector<Value> args = regionArgs(body, argCount(node));
  for (const Ask& ask : asks) {
    const std::vector<Value> seeds = seedsOf(node, {ask});
    const ValueSet from = dependents(outer, seeds);
    Flags operands;
    for (Value v : node.in) operands.push_back(from.get(v));
    const Flags active = activeScanArgs(node, operands);
    for (uint32_t c = 0; c < scan.carries; ++c) {
      const uint32_t arg = scan.carryArg(c);
      if (ask.on[arg] && active[arg]) {
        const auto by = std::find_if(ask.by.begin(), ask.by.end(), [&](uint32_t i) { return scan.isConst(i); });
        return reportRounds(ask, nameIn(body, args[*by]), nameIn(body, args[arg]), true, context);
      }
    }
    for (uint32_t q : ask.by) {
      if (!scan.isCarry(q)) continue;
      const ValueSet before = dependents(outer, {node.in[q]});
      const ValueSet after = dependents(body, {body.outputs[q - scan.consts].value});
      for (uint32_t i = 0; i < scan.operands(); ++i) {
        if (i == q || !ask.on[i]) continue;
        const bool carried = scan.isCarry(i) && after.get(body.outputs[i - scan.consts].value);
        if (carried || before.get(node.in[i]))
          return reportRounds(ask, nameIn(body, args[q]), nameIn(body, args[i]), carried, context);
      }
    }
  }
  return true;
}

}  // namespace

void expandInside(const Graph& outer, Node& node, PassContext& context, const RegionPass& expand) {
  for (Graph& region : node.regions) {
    if (!hasGrad(region)) continue;
    const std::vector<Ask> asks = asksOf(region, argCount(node));
    if (node.op == Op::Scan && !checkRounds(outer, node, asks, context)) return;
    Past past(outer, node, region);
    const bool brought = past.bringInside(asks);
    region = expand(std::move(region));
    if (brought) past.settle();
  }
}

}  // namespace nnc
