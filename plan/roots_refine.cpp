// What to store: the ends of elementwise tails rather than the raw results they start from, and what several kernels
// need and is dearer to compute again than to read.
#include <algorithm>
#include <set>

#include "plan/planner.h"

namespace nnc::plan {
namespace {

constexpr uint32_t kExit = UINT32_MAX;
constexpr int kLongestExpression = 60;  // instructions fused into one reader before a value is stored after all
constexpr int kShortExpression = 16;    // instructions that are cheaper to repeat in a reader than a buffer
constexpr int kShortOperand = 3;        // the same where a contraction reads, which packs an operand several times
constexpr int kCheapOperand = 8;        // instructions a contraction's operand may take each time it is packed

bool isHeavy(Op op) {
  switch (op) {
    case Op::Exp:
    case Op::Expm1:
    case Op::Log:
    case Op::Log1p:
    case Op::Sqrt:
    case Op::Tanh:
    case Op::Logistic:
    case Op::Erf:
    case Op::Sin:
    case Op::Cos:
    case Op::Atan:
    case Op::Pow:
    case Op::Div:
    case Op::IDiv:
    case Op::Mod:
    case Op::Rand:
    case Op::Gather:
      return true;
    default:
      return false;
  }
}

class Refiner {
public:
  Refiner(const Graph& graph, const std::vector<bool>& live, const std::set<Value>& wanted, const GraphContext& context,
          Roots& roots)
      : graph_(graph), live_(live), wanted_(wanted), context_(context), roots_(roots), users_(graph.nodes.size()) {
    for (uint32_t n = 0; n < graph.nodes.size(); ++n)
      if (live[n])
        for (const Value& v : graph.nodes[n].in)
          if (users_[v.node].empty() || users_[v.node].back() != n) users_[v.node].push_back(n);
  }

  void run() {
    findDominators();
    findLastAnchors();
    moveToTails();
    storeDearValues();
  }

private:
  bool isStored(uint32_t n) const {
    return std::any_of(roots_.stored[n].begin(), roots_.stored[n].end(), [](bool b) { return b; }) ||
           (!context_.homes[n].empty() && context_.homes[n][0] != kNoBuffer);
  }

  bool isWanted(uint32_t n) const { return wanted_.contains(Value{n, 0}); }

  /// The elementwise node through which every use of a node goes, or kExit.
  void findDominators() {
    dominator_.assign(graph_.nodes.size(), kExit);
    depth_.assign(graph_.nodes.size(), 0);
    for (uint32_t n = static_cast<uint32_t>(graph_.nodes.size()); n-- > 0;) {
      if (!live_[n] || isWanted(n) || users_[n].empty() || graph_.nodes[n].out.size() != 1) continue;
      uint32_t common = users_[n][0];
      for (const uint32_t u : users_[n]) {
        // A user whose own result must be stored before (an older root) still continues the tail.
        if (!isElementwise(graph_.nodes[u].op)) common = kExit;
        if (common == kExit) break;
        common = meet(common, u);
      }
      dominator_[n] = common;
      depth_[n] = common == kExit ? 1 : depth_[common] + 1;
    }
    for (uint32_t n = 0; n < graph_.nodes.size(); ++n)
      if (depth_[n] == 0) depth_[n] = 1;
  }

  uint32_t meet(uint32_t a, uint32_t b) const {
    const auto depth = [this](uint32_t n) { return n == kExit ? 0 : std::max(1u, depth_[n]); };
    while (a != b) {
      if (a == kExit || b == kExit) return kExit;
      uint32_t& deeper = depth(a) >= depth(b) ? a : b;
      deeper = dominator_[deeper];
    }
    return a;
  }

  /// The last reduction or contraction among those a value is computed from without a buffer in between.
  void findLastAnchors() {
    lastAnchor_.assign(graph_.nodes.size(), -1);
    for (uint32_t n = 0; n < graph_.nodes.size(); ++n) {
      const Node& node = graph_.nodes[n];
      if (!live_[n] || isSpecial(node)) continue;
      if (isReducing(node)) {
        lastAnchor_[n] = n;
        continue;
      }
      for (const Value& v : node.in) lastAnchor_[n] = std::max(lastAnchor_[n], lastAnchor_[v.node]);
    }
  }

  /// A reduction's result is stored after the elementwise tail all its uses share: bias, activation, residual, scale.
  void moveToTails() {
    for (uint32_t n = 0; n < graph_.nodes.size(); ++n) {
      if (!live_[n] || !isReducing(graph_.nodes[n]) || isWanted(n)) continue;
      uint32_t end = n;
      for (uint32_t next = dominator_[n]; next != kExit && lastAnchor_[next] == static_cast<int64_t>(n);
           next = dominator_[next])
        end = next;
      if (end == n) continue;
      roots_.stored[n][0] = false;
      roots_.stored[end][0] = true;
      roots_.anchors[end] = n;
    }
  }

  /// What computing a value where it is read costs.
  struct Cost {
    int ops = 0;
    bool heavy = false;
    bool inTail = false;       // computed from a reduction that has no buffer: only the kernel of the tail's end can
    std::set<uint32_t> loads;  // nodes with buffers
  };

  /// Symbols count as a typical batch: only the comparison of sizes matters.
  double elementsOf(uint32_t n) const {
    double elements = 1;
    std::map<std::string, int64_t> typical;
    for (const Dim& d : graph_.nodes[n].out[0].shape) {
      for (const std::string& s : d.symbols()) typical[s] = 64;
      elements *= static_cast<double>(d.evaluate(typical));
    }
    return elements;
  }

  void storeDearValues() {
    std::vector<Cost> costs(graph_.nodes.size());
    for (uint32_t n = 0; n < graph_.nodes.size(); ++n) {
      const Node& node = graph_.nodes[n];
      if (!live_[n] || node.out.size() != 1) continue;
      Cost& cost = costs[n];
      if (!isStored(n)) {
        for (const Value& v : node.in) {
          const Cost& from = costs[v.node];
          cost.ops += from.ops;
          cost.heavy |= from.heavy;
          cost.inTail |= from.inTail;
          cost.loads.insert(from.loads.begin(), from.loads.end());
        }
        if (isElementwise(node.op) || node.op == Op::Rand) ++cost.ops;
        if (node.op == Op::Gather || node.op == Op::DSlice) cost.ops += 2;
        cost.heavy |= isHeavy(node.op);
        cost.inTail |= isReducing(node);
        if (cost.inTail || !worthStoring(n, cost)) continue;
        roots_.stored[n][0] = true;
      }
      cost = {};
      cost.loads.insert(n);
    }
  }

  bool worthStoring(uint32_t n, const Cost& cost) const {
    if (cost.ops == 0 || users_[n].empty()) return false;
    const bool single = dominator_[n] != kExit;
    // A view is stored through what it shows.
    if (opInfo(graph_.nodes[n].op).cls == OpClass::View) return false;
    if (cost.ops > kLongestExpression) return true;
    if (single) return false;
    Readers readers;
    for (const uint32_t u : users_[n]) countReaders(n, u, cost, readers);
    if (readers.repeated) return true;
    if (readers.count < 2) return false;
    if (cost.heavy) return true;
    double loaded = 0;
    for (const uint32_t l : cost.loads) loaded += elementsOf(l);
    // Cheap: computing it again in each reader pays unless that reads more than the value itself.
    return loaded > (cost.ops > (readers.contracted ? kShortOperand : kShortExpression) ? 0.99 : 1.25) * elementsOf(n);
  }

  struct Readers {
    int count = 0;
    bool repeated = false;    // one of them computes the value more than once, which is worth a buffer
    bool contracted = false;  // one of them is a contraction
  };

  /// Follows uses through views.
  void countReaders(uint32_t n, uint32_t user, const Cost& cost, Readers& readers) const {
    const Node& node = graph_.nodes[user];
    if (opInfo(node.op).cls == OpClass::View || (node.op == Op::Unwindow && !isReducing(node))) {
      if (node.op == Op::Broadcast && (cost.heavy || cost.ops > 2)) readers.repeated = true;
      if (node.op == Op::Window && (cost.heavy || cost.ops > 4) && overlaps(node)) readers.repeated = true;
      if (node.op == Op::Concat)
        ++readers.count;
      else
        for (const uint32_t next : users_[user]) countReaders(user, next, cost, readers);
      return;
    }
    ++readers.count;
    readers.contracted |= node.op == Op::Dot;
    if (node.op == Op::Conv) readers.repeated = true;
    if (node.op == Op::Dot && (cost.heavy || cost.ops > kCheapOperand)) readers.repeated = true;
    if (node.op == Op::Unwindow && (cost.heavy || cost.ops > 4)) readers.repeated = true;
    if (node.op == Op::Gather && node.in[0].node == n) readers.repeated = true;
  }

  static bool overlaps(const Node& window) {
    const auto& size = window.attrs.ints("size");
    const auto& stride = window.attrs.ints("stride");
    for (size_t j = 0; j < size.size(); ++j)
      if (size[j] > stride[j]) return true;
    return false;
  }

  const Graph& graph_;
  const std::vector<bool>& live_;
  const std::set<Value>& wanted_;
  const GraphContext& context_;
  Roots& roots_;
  std::vector<std::vector<uint32_t>> users_;
  std::vector<uint32_t> dominator_, depth_;
  std::vector<int64_t> lastAnchor_;
};

}  // namespace

void refineRoots(const Graph& graph, const std::vector<bool>& live, const std::set<Value>& wanted,
                 const GraphContext& context, Roots& roots) {
  Refiner(graph, live, wanted, context, roots).run();
}

}  // namespace nnc::plan
