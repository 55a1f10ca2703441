// Ops that own regions.
#include "ir/check.h"
#include "ir/eval/rules.h"

namespace nnc::eval {
namespace {

/// Row t along the first axis.
Tensor rowOf(const Tensor& x, int64_t t) {
  Tensor row = Tensor::zeros(x.dtype, {x.shape.begin() + 1, x.shape.end()});
  for (int64_t i = 0; i < row.size(); ++i) copyElement(row, i, x, t * row.size() + i);
  return row;
}

Tensor scalarOf(int64_t value) {
  Tensor t = Tensor::zeros(DType::I64, {});
  t.ints[0] = value;
  return t;
}

}  // namespace

Results eval_scan(const Context& c) {
  const int64_t count = c.extent(c.attrs().dim("count"));
  const size_t consts = c.attrs().integer("consts"), carries = c.attrs().integer("carries");
  Results results;
  for (size_t i = 0; i < c.node.out.size(); ++i) results.push_back(i < carries ? *c.in[consts + i] : c.zeros(i));

  for (int64_t round = 0; round < count; ++round) {
    const int64_t t = c.attrs().flag("reverse") ? count - 1 - round : round;
    std::vector<Tensor> rows;
    for (size_t i = consts + carries; i < c.in.size(); ++i) rows.push_back(rowOf(*c.in[i], t));
    rows.push_back(scalarOf(t));
    std::vector<const Tensor*> args(c.in.begin(), c.in.begin() + consts);
    for (size_t i = 0; i < carries; ++i) args.push_back(&results[i]);
    for (const Tensor& row : rows) args.push_back(&row);
    std::vector<Tensor> outputs = runRegion(c.node.regions[0], args, c);
    for (size_t i = 0; i < carries; ++i) results[i] = std::move(outputs[i]);
    for (size_t i = carries; i < outputs.size(); ++i)
      for (int64_t j = 0; j < outputs[i].size(); ++j) copyElement(results[i], t * outputs[i].size() + j, outputs[i], j);
  }
  return results;
}

Results eval_cond(const Context& c) {
  const std::span<const Tensor* const> args(c.in.begin() + 1, c.in.end());
  return runRegion(c.node.regions[c.x().ints[0] ? 0 : 1], args, c);
}

Results eval_grad(const Context&) {
  internalError(__FILE__, __LINE__, "`grad` is expanded by autodiff before evaluation");
}

}  // namespace nnc::eval
