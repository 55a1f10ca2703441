// The rules of inference, one for each op of ops.def, and what they share. A rule may rely on: the number of operands
// and the attributes are as ops.def says, operand types are valid. It returns the result types or one sentence.
#pragma once

#include <fmt/format.h>

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ir/contains.h"
#include "ir/infer.h"

namespace nnc::infer {

struct Context {
  Op op{};
  std::span<const Type> in;
  const Attrs& attrs;
  std::span<const Graph> regions;

  const char* name() const { return opInfo(op).text; }
  const Type& x() const { return in[0]; }
};

#define OP(name, text, ...) Inferred infer_##text(const Context& c);
#include "ir/ops.def"
#undef OP

inline Inferred result(Type type) {
  return {{std::move(type)}, {}};
}
inline Inferred result(DType dtype, Shape shape) {
  return result(Type{dtype, std::move(shape)});
}

/// A failure; the message gets the op's name in front: "`dot` contracts 784 with 512".
template <typename... Args>
Inferred fail(const Context& c, fmt::format_string<Args...> format, Args&&... args) {
  return {{}, fmt::format("`{}` {}", c.name(), fmt::format(format, std::forward<Args>(args)...))};
}

/// A size beyond what the IR holds.
Inferred tooLarge(const Context& c, const std::string& reason);

/// "f32[B, 10]" without its dtype: "[B, 10]".
std::string shapeText(const Shape& shape);

/// True if `axes` are distinct and in 0..rank-1.
bool distinctAxes(const std::vector<int64_t>& axes, int rank);
bool increasingAxes(const std::vector<int64_t>& axes, int rank);
inline bool validAxis(int64_t axis, int rank) {
  return axis >= 0 && axis < rank;
}
/// The axes of 0..rank-1 that are not in `axes`, in order.
std::vector<int64_t> otherAxes(const std::vector<int64_t>& axes, int rank);

/// floor(a / divisor) and ceil(a / divisor) as polynomials, if every non-constant coefficient is divisible; divisor
/// ≥ 1.
std::optional<Dim> floorDiv(const Dim& a, int64_t divisor);
std::optional<Dim> ceilDiv(const Dim& a, int64_t divisor);
/// True if a > b whatever the symbols are, as far as the constant difference tells.
bool surelyGreater(const Dim& a, const Dim& b);
/// `extent` with dilation - 1 gaps between its elements: (n-1)*dilation + 1, and 0 for 0.
Dim dilatedExtent(const Dim& extent, int64_t dilation);
/// Positions of a window with `size` taps along `extent`: floor((extent - ((size-1)*dilation+1)) / stride) + 1, at
/// least 0.
std::optional<Dim> windowCount(const Dim& extent, const Dim& size, int64_t stride, int64_t dilation);

/// One sentence if the type is malformed or too large to be addressed; else empty.
std::string typeError(const Type& type);
/// The same for a list of dimensions that are not extents (they may be negative).
std::string dimsError(const std::vector<Dim>& dims);

}  // namespace nnc::infer
