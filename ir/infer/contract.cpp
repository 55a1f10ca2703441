// Contractions: dot and conv.
#include "ir/infer/rules.h"

namespace nnc::infer {
namespace {

std::string dtypesError(const Context& c) {
  const DType a = c.in[0].dtype, b = c.in[1].dtype;
  if (a != b) return fail(c, "takes operands of one dtype, not {} and {}", dtypeName(a), dtypeName(b)).error;
  if (a == DType::Bool) return fail(c, "multiplies numbers, not bool").error;
  if (c.attrs.has("acc") && isFloat(c.attrs.dtype("acc")) != isFloat(a))
    return fail(c, "of {} cannot accumulate in {}", dtypeName(a), dtypeName(c.attrs.dtype("acc"))).error;
  return {};
}

std::vector<int64_t> joined(std::vector<int64_t> a, const std::vector<int64_t>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

/// The shapes of a convolution by role: batch, feature and spatial extents wherever their axes are.
struct ConvShapes {
  Dim xBatch, xFeature, outFeature, inFeature;
  Shape xSpatial, wSpatial;
};

std::string convAttrsError(const Context& c) {
  const int rank = c.in[0].rank();
  if (rank < 2 || c.in[1].rank() != rank)
    return fail(c, "takes operands of one rank of at least 2, not {} and {}", c.in[0].str(), c.in[1].str()).error;
  for (const char* name : {"x_dims", "w_dims", "y_dims"})
    if (c.attrs.ints(name).size() != static_cast<size_t>(rank) || !distinctAxes(c.attrs.ints(name), rank))
      return fail(c, "has {} [{}], which is no permutation of {} axes", name, fmt::join(c.attrs.ints(name), ", "), rank)
          .error;
  for (const char* name : {"stride", "pad_lo", "pad_hi", "x_dilation", "w_dilation"}) {
    const std::vector<int64_t>& values = c.attrs.ints(name);
    if (values.size() != static_cast<size_t>(rank - 2))
      return fail(c, "needs {} for each of its {} spatial axes", name, rank - 2).error;
    for (const int64_t value : values)
      if (value < 1 && std::string_view(name).substr(0, 3) != "pad") return fail(c, "has the {} {}", name, value).error;
  }
  const int64_t groups = c.attrs.integer("groups"), batchGroups = c.attrs.integer("batch_groups");
  if (groups < 1 || batchGroups < 1) return fail(c, "has {} groups and {} batch groups", groups, batchGroups).error;
  if (groups > 1 && batchGroups > 1) return fail(c, "has groups and batch groups at once").error;
  return {};
}

ConvShapes convShapes(const Context& c) {
  const std::vector<int64_t>& xd = c.attrs.ints("x_dims");
  const std::vector<int64_t>& wd = c.attrs.ints("w_dims");
  const Shape& x = c.in[0].shape;
  const Shape& w = c.in[1].shape;
  ConvShapes s{x[xd[0]], x[xd[1]], w[wd[0]], w[wd[1]], {}, {}};
  for (size_t i = 2; i < xd.size(); ++i) {
    s.xSpatial.push_back(x[xd[i]]);
    s.wSpatial.push_back(w[wd[i]]);
  }
  return s;
}

}  // namespace

Inferred infer_dot(const Context& c) {
  if (std::string error = dtypesError(c); !error.empty()) return {{}, error};
  const Type& a = c.in[0];
  const Type& b = c.in[1];
  const std::vector<int64_t>&batchA = c.attrs.ints("batch_a"), &batchB = c.attrs.ints("batch_b");
  const std::vector<int64_t>&contractA = c.attrs.ints("contract_a"), &contractB = c.attrs.ints("contract_b");
  if (batchA.size() != batchB.size() || contractA.size() != contractB.size())
    return fail(c, "pairs [{}] with [{}] and [{}] with [{}]", fmt::join(batchA, ", "), fmt::join(batchB, ", "),
                fmt::join(contractA, ", "), fmt::join(contractB, ", "));
  const std::vector<int64_t> usedA = joined(batchA, contractA), usedB = joined(batchB, contractB);
  if (!distinctAxes(usedA, a.rank()))
    return fail(c, "has no distinct axes [{}] in {}", fmt::join(usedA, ", "), shapeText(a.shape));
  if (!distinctAxes(usedB, b.rank()))
    return fail(c, "has no distinct axes [{}] in {}", fmt::join(usedB, ", "), shapeText(b.shape));
  for (size_t i = 0; i < usedA.size(); ++i)
    if (a.shape[usedA[i]] != b.shape[usedB[i]])
      return fail(c, "{} {} with {}", i < batchA.size() ? "batches" : "contracts", a.shape[usedA[i]].str(),
                  b.shape[usedB[i]].str());
  Type type{a.dtype, {}};
  for (const int64_t axis : batchA) type.shape.push_back(a.shape[axis]);
  for (const int64_t axis : otherAxes(usedA, a.rank())) type.shape.push_back(a.shape[axis]);
  for (const int64_t axis : otherAxes(usedB, b.rank())) type.shape.push_back(b.shape[axis]);
  return result(type);
}

Inferred infer_conv(const Context& c) {
  if (std::string error = dtypesError(c); !error.empty()) return {{}, error};
  if (std::string error = convAttrsError(c); !error.empty()) return {{}, error};
  const ConvShapes s = convShapes(c);
  const int64_t groups = c.attrs.integer("groups"), batchGroups = c.attrs.integer("batch_groups");
  if (s.xFeature != s.inFeature * Dim(groups))
    return fail(c, "contracts {} features of x with {} of w in {} groups", s.xFeature.str(), s.inFeature.str(), groups);
  if (!s.outFeature.dividedBy(groups * batchGroups))
    return fail(c, "cannot split {} output features into {} groups", s.outFeature.str(), groups * batchGroups);
  const std::optional<Dim> batch = s.xBatch.dividedBy(batchGroups);
  if (!batch) return fail(c, "cannot split a batch of {} into {} groups", s.xBatch.str(), batchGroups);

  const std::vector<int64_t>& yd = c.attrs.ints("y_dims");
  Type type{c.in[0].dtype, Shape(yd.size())};
  type.shape[yd[0]] = *batch;
  type.shape[yd[1]] = s.outFeature;
  for (size_t i = 0; i < s.xSpatial.size(); ++i) {
    if (surelyGreater(1, s.wSpatial[i])) return fail(c, "has a kernel without extent: {}", shapeText(c.in[1].shape));
    const Dim padded = dilatedExtent(s.xSpatial[i], c.attrs.ints("x_dilation")[i]) + Dim(c.attrs.ints("pad_lo")[i]) +
                       Dim(c.attrs.ints("pad_hi")[i]);
    const int64_t stride = c.attrs.ints("stride")[i];
    const std::optional<Dim> extent = windowCount(padded, s.wSpatial[i], stride, c.attrs.ints("w_dilation")[i]);
    if (!extent) return fail(c, "with stride {} on the extent {} has no exact extent", stride, padded.str());
    type.shape[yd[i + 2]] = *extent;
  }
  return result(type);
}

}  // namespace nnc::infer
