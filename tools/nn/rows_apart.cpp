#include "tools/nn/rows_apart.h"

#include <algorithm>

namespace nnc::tools {

namespace {

class Rows {
public:
  explicit Rows(std::string symbol) : symbol_(std::move(symbol)) {}

  bool apart(const Graph& graph) const {
    return std::ranges::all_of(graph.nodes, [&](const Node& n) {
      return apart(graph, n) && std::ranges::all_of(n.regions, [this](const Graph& g) { return apart(g); });
    });
  }

private:
  bool counts(const Dim& d) const {
    const std::vector<std::string> symbols = d.symbols();
    return std::ranges::find(symbols, symbol_) != symbols.end();
  }
  bool counts(const Type& type, int64_t axis) const { return counts(type.shape[static_cast<size_t>(axis)]); }
  bool counts(const Type& type, const std::vector<int64_t>& axes) const {
    return std::ranges::any_of(axes, [&](int64_t axis) { return counts(type, axis); });
  }

  bool apart(const Graph& graph, const Node& n) const {
    const auto in = [&](size_t i) -> const Type& { return graph.type(n.in[i]); };
    switch (n.op) {
      case Op::Size:
        return !counts(n.attrs.dim("dim"));
      case Op::Iota:
        return !counts(n.out[0], n.attrs.integer("axis"));
      case Op::Sum:
      case Op::Reverse:
      case Op::Window:
      case Op::DSlice:
      case Op::DUpdate:
        return !counts(in(0), n.attrs.ints("axes"));
      case Op::Unwindow:
        return !counts(n.out[0], n.attrs.ints("axes"));
      case Op::RMax:
      case Op::ArgMax:
      case Op::Sort:
        return !counts(in(0), n.attrs.integer("axis"));
      case Op::Concat:
        return !counts(n.out[0], n.attrs.integer("axis"));
      case Op::Gather:
      case Op::Scatter:
        return !counts(in(0), n.attrs.integer("axis"));
      case Op::Dot:
        return !counts(in(0), n.attrs.ints("contract_a"));
      case Op::Conv:
        return convolvesRows(n, in(0), in(1));
      case Op::Scan:
        return !counts(n.attrs.dim("count"));
      case Op::Slice:
        return keeps(in(0), n.attrs.dims("lo"),
                     [&](size_t axis) { return n.attrs.dims("hi")[axis] == in(0).shape[axis]; });
      case Op::Pad:
        return keeps(in(0), n.attrs.dims("lo"), [&](size_t axis) { return n.attrs.dims("hi")[axis] == Dim(0); });
      case Op::Reshape:
        return rowsStayInFront(in(0), n.out[0]);
      default:
        return true;
    }
  }

  /// Whether an axis of rows begins at 0 and ends where `ends` says so.
  template <class Ends>
  bool keeps(const Type& type, const std::vector<Dim>& lo, Ends ends) const {
    for (size_t axis = 0; axis < type.shape.size(); ++axis)
      if (counts(type.shape[axis]) && !(lo[axis] == Dim(0) && ends(axis))) return false;
    return true;
  }

  /// Of x the rows may be its batch, of w nothing: all other axes are summed or slid along.
  bool convolvesRows(const Node& conv, const Type& x, const Type& w) const {
    const std::vector<int64_t>& dims = conv.attrs.ints("x_dims");
    return !counts(x, std::vector<int64_t>(dims.begin() + 1, dims.end())) &&
           std::ranges::none_of(w.shape, [this](const Dim& d) { return counts(d); });
  }

  /// As many elements lie before the rows in both: they are split off or merged, and not cut across.
  bool rowsStayInFront(const Type& from, const Type& to) const {
    const auto before = [this](const Type& type) -> std::optional<Dim> {
      Dim elements = 1;
      for (const Dim& d : type.shape) {
        if (counts(d)) return elements;
        elements = elements * d;
      }
      return std::nullopt;
    };
    return before(from) == before(to);
  }

  std::string symbol_;
};

}  // namespace

bool worksRowByRow(const Function& function, const std::string& symbol) {
  const auto isUpdate = [](const Output& o) { return o.role == OutputRole::Update; };
  return std::ranges::none_of(function.body.outputs, isUpdate) && Rows(symbol).apart(function.body);
}

}  // namespace nnc::tools
