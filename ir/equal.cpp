#include "ir/equal.h"

#include <algorithm>
#include <cmath>

namespace nnc {
namespace {

/// As ==, but 0 and -0 are two numbers.
bool equalAttrs(const Attrs& a, const Attrs& b) {
  if (!(a == b)) return false;
  const auto sameSign = [](double x, double y) { return std::signbit(x) == std::signbit(y); };
  for (size_t i = 0; i < a.entries().size(); ++i) {
    const AttrValue &x = a.entries()[i].second, &y = b.entries()[i].second;
    if (const auto* number = std::get_if<double>(&x); number && !sameSign(*number, std::get<double>(y))) return false;
    const auto* literal = std::get_if<Literal>(&x);
    if (!literal || literal->isInt()) continue;
    const auto &m = std::get<std::vector<double>>(literal->values),
               &n = std::get<std::vector<double>>(std::get<Literal>(y).values);
    if (!std::equal(m.begin(), m.end(), n.begin(), n.end(), sameSign)) return false;
  }
  return true;
}

bool isCommutative(Op op) {
  return op == Op::Add || op == Op::Mul || op == Op::And || op == Op::Or || op == Op::Eq;
}

bool equalOperands(const Node& a, const Node& b) {
  if (a.in == b.in) return true;
  return isCommutative(a.op) && b.in.size() == 2 && a.in[0] == b.in[1] && a.in[1] == b.in[0];
}

bool equalGraphs(const Graph& a, const Graph& b);

}  // namespace

bool equalNodes(const Node& a, const Node& b) {
  return a.op == b.op && equalOperands(a, b) && a.out == b.out && equalAttrs(a.attrs, b.attrs) &&
         std::equal(a.regions.begin(), a.regions.end(), b.regions.begin(), b.regions.end(), equalGraphs);
}

namespace {

bool equalGraphs(const Graph& a, const Graph& b) {
  return std::equal(a.nodes.begin(), a.nodes.end(), b.nodes.begin(), b.nodes.end(), equalNodes) &&
         std::equal(a.outputs.begin(), a.outputs.end(), b.outputs.begin(), b.outputs.end(),
                    [](const Output& x, const Output& y) { return x.value == y.value; });
}

}  // namespace

}  // namespace nnc
