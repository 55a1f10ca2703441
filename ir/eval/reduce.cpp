// Reductions and sort: every rule walks the rows of elements that meet in one result.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "ir/eval/rules.h"

namespace nnc::eval {
namespace {

/// Calls f(result index, positions of the elements of its row) for all rows along `axes`.
template <typename F>
void forEachRow(const Tensor& x, const std::vector<int64_t>& axes, F f) {
  const Strided whole = viewOf(x);
  const std::vector<int64_t> inside = positions(axesOf(whole, axes));
  std::vector<int64_t> row(inside.size());
  int64_t index = 0;
  for (const int64_t base : positions(axesOf(whole, axesExcept(axes, x.shape.size())))) {
    for (size_t i = 0; i < inside.size(); ++i) row[i] = base + inside[i];
    f(index++, row);
  }
}

bool isNan(const Tensor& x, int64_t i) {
  return isFloat(x.dtype) && std::isnan(x.floats[i]);
}

bool less(const Tensor& x, int64_t i, int64_t j) {
  return isFloat(x.dtype) ? x.floats[i] < x.floats[j] : x.ints[i] < x.ints[j];
}

/// Index in the row of the first NaN, else of the first maximum; 0 in an empty row.
size_t argmaxOf(const Tensor& x, const std::vector<int64_t>& row) {
  size_t best = 0;
  for (size_t i = 0; i < row.size(); ++i) {
    if (isNan(x, row[i])) return i;
    if (less(x, row[best], row[i])) best = i;
  }
  return best;
}

}  // namespace

Results eval_sum(const Context& c) {
  Tensor y = c.zeros();
  forEachRow(c.x(), c.attrs().ints("axes"), [&](int64_t to, const std::vector<int64_t>& row) {
    for (const int64_t from : row) addElement(y, to, c.x(), from);
  });
  return one(std::move(y));
}

Results eval_rmax(const Context& c) {
  Tensor y = c.zeros();
  // The neutral element, which an empty row keeps.
  for (double& f : y.floats) f = -HUGE_VAL;
  for (int64_t& i : y.ints) i = integerRange(y.dtype).first;
  forEachRow(c.x(), {c.attrs().integer("axis")}, [&](int64_t to, const std::vector<int64_t>& row) {
    if (!row.empty()) copyElement(y, to, c.x(), row[argmaxOf(c.x(), row)]);
  });
  return one(std::move(y));
}

Results eval_argmax(const Context& c) {
  Tensor y = c.zeros();
  forEachRow(c.x(), {c.attrs().integer("axis")}, [&](int64_t to, const std::vector<int64_t>& row) {
    y.ints[to] = static_cast<int64_t>(argmaxOf(c.x(), row));
  });
  return one(std::move(y));
}

Results eval_sort(const Context& c) {
  const Tensor& x = c.x();
  Results results;
  results.push_back(c.zeros(0));
  results.push_back(c.zeros(1));
  forEachRow(x, {c.attrs().integer("axis")}, [&](int64_t, const std::vector<int64_t>& row) {
    std::vector<int64_t> order(row.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
      if (isNan(x, row[a]) || isNan(x, row[b])) return !isNan(x, row[a]);
      return less(x, row[a], row[b]);
    });
    for (size_t i = 0; i < row.size(); ++i) {
      copyElement(results[0], row[i], x, row[order[i]]);
      results[1].ints[row[i]] = order[i];
    }
  });
  return results;
}

}  // namespace nnc::eval
