// Ops that own regions, and the pseudo-op grad.
#include "ir/infer/rules.h"

namespace nnc::infer {
namespace {

/// One sentence if the region's `arg` nodes do not fit the types it is called with.
std::string regionError(const Context& c, const Graph& region, const std::vector<Type>& args) {
  for (const Node& node : region.nodes) {
    if (node.op != Op::Arg) continue;
    const int64_t index = node.attrs.integer("index");
    if (index < 0 || index >= static_cast<int64_t>(args.size()))
      return fail(c, "gives its region {} arguments, but it reads argument {}", args.size(), index).error;
    if (node.out.at(0) != args[index])
      return fail(c, "gives {} as argument {} of its region, which reads it as {}", args[index].str(), index,
                  node.out[0].str())
          .error;
  }
  return {};
}

std::vector<Type> outputTypes(const Graph& region) {
  std::vector<Type> types;
  for (const Output& output : region.outputs) types.push_back(region.type(output.value));
  return types;
}

Type withLeading(const Dim& count, const Type& type) {
  Type stacked{type.dtype, {count}};
  stacked.shape.insert(stacked.shape.end(), type.shape.begin(), type.shape.end());
  return stacked;
}

}  // namespace

Inferred infer_scan(const Context& c) {
  const Dim& count = c.attrs.dim("count");
  const int64_t consts = c.attrs.integer("consts"), carries = c.attrs.integer("carries");
  const int64_t operands = static_cast<int64_t>(c.in.size());
  if (c.regions.size() != 1) return fail(c, "has one region, not {}", c.regions.size());
  if (surelyGreater(0, count)) return fail(c, "runs {} times", count.str());
  if (consts < 0 || carries < 0 || consts > operands || carries > operands - consts)
    return fail(c, "has {} operands for {} constants and {} carries", operands, consts, carries);

  std::vector<Type> args(c.in.begin(), c.in.begin() + consts + carries);
  for (const Type& x : c.in.subspan(args.size())) {
    if (x.rank() == 0 || x.shape[0] != count) return fail(c, "of {} rounds cannot run over {}", count.str(), x.str());
    args.push_back({x.dtype, Shape(x.shape.begin() + 1, x.shape.end())});
  }
  args.push_back({DType::I64, {}});
  if (std::string error = regionError(c, c.regions[0], args); !error.empty()) return {{}, error};

  std::vector<Type> types = outputTypes(c.regions[0]);
  if (static_cast<int64_t>(types.size()) < carries)
    return fail(c, "carries {} values, but its region returns {}", carries, types.size());
  for (int64_t i = 0; i < carries; ++i)
    if (types[i] != c.in[consts + i])
      return fail(c, "carries {}, but its region returns {}", c.in[consts + i].str(), types[i].str());
  for (size_t i = carries; i < types.size(); ++i) types[i] = withLeading(count, types[i]);
  return {types, {}};
}

Inferred infer_cond(const Context& c) {
  if (c.regions.size() != 2) return fail(c, "has two regions, not {}", c.regions.size());
  if (c.in.empty() || c.in[0] != Type{DType::Bool, {}}) return fail(c, "takes a bool scalar as its predicate");
  const std::vector<Type> args(c.in.begin() + 1, c.in.end());
  for (const Graph& region : c.regions)
    if (std::string error = regionError(c, region, args); !error.empty()) return {{}, error};
  const std::vector<Type> types = outputTypes(c.regions[0]), otherwise = outputTypes(c.regions[1]);
  if (types.size() != otherwise.size()) return fail(c, "returns {} values or {}", types.size(), otherwise.size());
  for (size_t i = 0; i < types.size(); ++i)
    if (types[i] != otherwise[i])
      return fail(c, "returns {} or {} as result {}", types[i].str(), otherwise[i].str(), i);
  return {types, {}};
}

Inferred infer_grad(const Context& c) {
  if (c.in.empty()) return fail(c, "needs a scalar to differentiate");
  if (c.x().rank() != 0 || !isFloat(c.x().dtype)) return fail(c, "differentiates a float scalar, not {}", c.x().str());
  for (const Type& x : c.in.subspan(1))
    if (!isFloat(x.dtype)) return fail(c, "differentiates by floats, not by {}", x.str());
  return {std::vector<Type>(c.in.begin() + 1, c.in.end()), {}};
}

}  // namespace nnc::infer
