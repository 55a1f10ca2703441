#include "ir/infer.h"

#include <algorithm>

#include "ir/infer/rules.h"
#include "ir/op_schema.h"

namespace nnc {
namespace {

using Rule = Inferred (*)(const infer::Context&);
constexpr Rule kRules[] = {
#define OP(name, text, ...) infer::infer_##text,
#include "ir/ops.def"
#undef OP
};

constexpr int64_t kMaxAttr = int64_t{1} << 47;

bool isWide(int64_t i) {
  return i > kMaxAttr || i < -kMaxAttr;
}

/// Extents and integers in attributes stay small enough to compute with.
std::string attrRangeError(const Attrs& attrs) {
  for (const auto& [name, value] : attrs.entries()) {
    std::string error;
    if (const auto* dims = std::get_if<std::vector<Dim>>(&value)) error = infer::dimsError(*dims);
    if (const auto* dim = std::get_if<Dim>(&value)) error = infer::dimsError({*dim});
    if (const auto* type = std::get_if<Type>(&value)) error = infer::typeError(*type);
    const auto* i = std::get_if<int64_t>(&value);
    const auto* ints = std::get_if<std::vector<int64_t>>(&value);
    if ((i && isWide(*i)) || (ints && std::any_of(ints->begin(), ints->end(), isWide)))
      error = fmt::format("`{}` is too large", name);
    if (!error.empty()) return error;
  }
  return {};
}

}  // namespace

Inferred inferTypes(Op op, std::span<const Type> in, const Attrs& givenAttrs, std::span<const Graph> regions) {
  const OpInfo& info = opInfo(op);
  // Almost always they are complete; a large literal need not be copied then.
  const bool complete = attrsError(op, givenAttrs).empty();
  const Attrs completed = complete ? Attrs() : normalizedAttrs(op, givenAttrs);
  const Attrs& attrs = complete ? givenAttrs : completed;
  const infer::Context context{op, in, attrs, regions};
  if (info.inputs >= 0 && in.size() != static_cast<size_t>(info.inputs))
    return infer::fail(context, "takes {} operand{}, not {}", info.inputs, info.inputs == 1 ? "" : "s", in.size());
  if (std::string error = attrsError(op, attrs); !error.empty()) return {{}, error};
  if (std::string error = attrRangeError(attrs); !error.empty()) return infer::tooLarge(context, error);
  if (info.cls != OpClass::Control && !regions.empty()) return infer::fail(context, "has no regions");
  for (const Type& type : in)
    if (std::string error = infer::typeError(type); !error.empty()) return infer::tooLarge(context, error);

  Inferred inferred = kRules[static_cast<size_t>(op)](context);
  for (const Type& type : inferred.types)
    if (std::string error = infer::typeError(type); !error.empty()) return infer::tooLarge(context, error);
  return inferred;
}

}  // namespace nnc
