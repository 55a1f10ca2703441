#include "plan/layout.h"

#include <algorithm>
#include <deque>
#include <set>

#include "plan/lower.h"

namespace nnc::plan {
namespace {

/// Row-major order of dimensions given outermost first.
Layout inOrder(const std::vector<int64_t>& dims, const Shape& shape) {
  Layout layout;
  for (const int64_t d : dims) layout.digits.push_back({static_cast<uint32_t>(d), 1, shape[static_cast<size_t>(d)]});
  return layout;
}

/// The outer axis, the spatial ones, the inner axis.
std::vector<int64_t> around(int64_t outer, const std::vector<int64_t>& dims, std::vector<int64_t> inner) {
  std::vector<int64_t> order;
  if (outer >= 0) order.push_back(outer);
  order.insert(order.end(), dims.begin() + 2, dims.end());
  order.insert(order.end(), inner.begin(), inner.end());
  return order;
}

class GraphLayouts {
public:
  GraphLayouts(const Graph& graph, LayoutTable& table, std::map<Value, Layout>& layouts)
      : graph_(graph), table_(table), layouts_(layouts), users_(graph.nodes.size()) {
    for (uint32_t n = 0; n < graph.nodes.size(); ++n)
      for (size_t i = 0; i < graph.nodes[n].in.size(); ++i) users_[graph.nodes[n].in[i].node].push_back({n, i});
    findFixed();
  }

  void run() {
    for (uint32_t n = 0; n < graph_.nodes.size(); ++n) {
      const Node& node = graph_.nodes[n];
      if (const std::string* path = variableOf(n))
        if (const auto at = table_.variables.find(*path); at != table_.variables.end()) assign({n, 0}, at->second);
      if (node.op == Op::Conv) seedConv(n);
      spread();
    }
  }

private:
  /// Values whose order others decide: the caller, literals, loops and branches.
  void findFixed() {
    for (uint32_t n = 0; n < graph_.nodes.size(); ++n) {
      const Node& node = graph_.nodes[n];
      const bool source = node.op == Op::Const || node.op == Op::Arg || (node.op == Op::Leaf && !variableOf(n));
      if (source || node.op == Op::Scan || node.op == Op::Cond || node.op == Op::Sort)
        for (uint32_t r = 0; r < node.out.size(); ++r) fixed_.insert({n, r});
      if (node.op == Op::Scan || node.op == Op::Cond) fixed_.insert(node.in.begin(), node.in.end());
    }
    for (const Output& o : graph_.outputs)
      if (o.role == OutputRole::Update) updates_[o.value].push_back(o.name);
  }

  const std::string* variableOf(uint32_t n) const {
    const Node& node = graph_.nodes[n];
    if (node.op != Op::Leaf) return nullptr;
    const std::string& kind = node.attrs.string("kind");
    return kind == "param" || kind == "state" ? &node.attrs.string("name") : nullptr;
  }

  /// Channels innermost; a weight gradient sees images with batch and channels exchanged.
  void seedConv(uint32_t n) {
    const Node& node = graph_.nodes[n];
    const auto& x = node.attrs.ints("x_dims");
    const auto& w = node.attrs.ints("w_dims");
    const auto& y = node.attrs.ints("y_dims");
    const bool gradient = isWeightGradient(graph_, node);
    const Shape& xShape = graph_.type(node.in[0]).shape;
    const Shape& wShape = graph_.type(node.in[1]).shape;
    if (gradient) {
      assign(node.in[0], inOrder(around(x[1], x, {x[0]}), xShape));
      assign(node.in[1], inOrder(around(w[1], w, {w[0]}), wShape));
      assign({n, 0}, inOrder(around(-1, y, {y[0], y[1]}), node.out[0].shape));
    } else {
      assign(node.in[0], inOrder(around(x[0], x, {x[1]}), xShape));
      assign(node.in[1], inOrder(around(-1, w, {w[1], w[0]}), wShape));
      assign({n, 0}, inOrder(around(y[0], y, {y[1]}), node.out[0].shape));
    }
  }

  void assign(Value v, const Layout& layout) {
    if (fixed_.contains(v) || graph_.type(v).shape.size() < 1 || !isComplete(layout, graph_.type(v).shape)) return;
    if (!layouts_.try_emplace(v, layout).second) return;
    pending_.push_back(v);
    if (const std::string* path = variableOf(v.node)) assignVariable(*path, layout);
    if (const auto at = updates_.find(v); at != updates_.end())
      for (const std::string& path : at->second) assignVariable(path, layout);
  }

  void assignVariable(const std::string& path, const Layout& layout) {
    const Layout& decided = table_.variables.try_emplace(path, layout).first->second;
    for (uint32_t n = 0; n < graph_.nodes.size(); ++n)
      if (const std::string* p = variableOf(n); p && *p == path) assign({n, 0}, decided);
    for (const auto& [value, paths] : updates_)
      if (std::find(paths.begin(), paths.end(), path) != paths.end()) assign(value, decided);
  }

  static bool isComplete(const Layout& layout, const Shape& shape) {
    std::vector<Dim> covered(shape.size(), Dim(1));
    for (const Digit& d : layout.digits) covered[d.dim] = covered[d.dim] * d.extent;
    return covered == shape;
  }

  void spread() {
    while (!pending_.empty()) {
      const Value v = pending_.front();
      pending_.pop_front();
      const Layout layout = layouts_.at(v);
      spreadToOperands(v.node, layout);
      for (const auto& [user, operand] : users_[v.node])
        if (graph_.nodes[user].in[operand] == v) spreadToUser(user, operand, layout);
    }
  }

  void spreadToOperands(uint32_t n, const Layout& layout) {
    const Node& node = graph_.nodes[n];
    if (node.out.size() != 1) return;
    for (size_t i = 0; i < node.in.size(); ++i)
      if (const auto l = layoutBackward(graph_, node, i, layout)) assign(node.in[i], *l);
  }

  void spreadToUser(uint32_t n, size_t operand, const Layout& layout) {
    const Node& node = graph_.nodes[n];
    if (node.out.size() != 1) return;
    if (const auto l = layoutForward(graph_, node, operand, layout)) assign({n, 0}, *l);
    if (node.op == Op::Dot)
      if (const auto l = dotLayout(graph_, node, static_cast<int>(operand), layout, operand == 0 ? 1 : 0))
        assign(node.in[1 - operand], *l);
  }

  const Graph& graph_;
  LayoutTable& table_;
  std::map<Value, Layout>& layouts_;
  std::vector<std::vector<std::pair<uint32_t, size_t>>> users_;
  std::set<Value> fixed_;
  std::map<Value, std::vector<std::string>> updates_;
  std::deque<Value> pending_;
};

void layOut(const Graph& graph, LayoutTable& table) {
  GraphLayouts(graph, table, table.values[&graph]).run();
  for (const Node& node : graph.nodes)
    for (const Graph& region : node.regions) layOut(region, table);
}

}  // namespace

Layout LayoutTable::ofVariable(const std::string& path, const Shape& shape) const {
  const auto at = variables.find(path);
  return at == variables.end() ? rowMajor(shape) : at->second;
}

Layout LayoutTable::ofValue(const Graph& graph, Value v) const {
  if (const auto g = values.find(&graph); g != values.end())
    if (const auto at = g->second.find(v); at != g->second.end()) return at->second;
  return rowMajor(graph.type(v).shape);
}

LayoutTable chooseLayouts(const Module& module, const PlanOptions& options) {
  LayoutTable table;
  if (!options.layouts) return table;
  // Training decides how parameters lie; the other entries follow.
  for (const bool steps : {true, false})
    for (const Function& f : module.functions)
      if ((f.kind == Function::Kind::Step) == steps) layOut(f.body, table);
  return table;
}

}  // namespace nnc::plan
