#include "ir/op_schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "ir/check.h"

namespace nnc {
namespace {

constexpr std::array<std::string_view, 10> kKindNames = {"int", "float", "bool", "string", "dtype",
                                                         "dim", "ints",  "dims", "type",   "literal"};

AttrKind kindFromName(std::string_view name) {
  const auto at = std::find(kKindNames.begin(), kKindNames.end(), name);
  NNC_CHECK(at != kKindNames.end(), fmt::format("ops.def has the unknown attribute kind `{}`", name));
  return static_cast<AttrKind>(at - kKindNames.begin());
}

/// "batch_a:ints acc:dtype?" → its specs.
std::vector<AttrSpec> parseSpecs(std::string_view text) {
  std::vector<AttrSpec> specs;
  while (!text.empty()) {
    std::string_view item = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(text.size(), item.size() + 1));
    AttrSpec spec;
    spec.optional = item.back() == '?';
    if (spec.optional) item.remove_suffix(1);
    const size_t colon = item.find(':');
    spec.name = item.substr(0, colon);
    spec.kind = kindFromName(item.substr(colon + 1));
    specs.push_back(std::move(spec));
  }
  return specs;
}

std::vector<std::vector<AttrSpec>> parseAllSpecs() {
  return {
#define OP(name, text, cls, inputs, results, attrs, meaning) parseSpecs(attrs),
#include "ir/ops.def"
#undef OP
  };
}

}  // namespace

const std::vector<AttrSpec>& attrSpecs(Op op) {
  static const std::vector<std::vector<AttrSpec>> all = parseAllSpecs();
  return all[static_cast<size_t>(op)];
}

Attrs normalizedAttrs(Op op, const Attrs& attrs) {
  Attrs result;
  for (const AttrSpec& spec : attrSpecs(op)) {
    if (const AttrValue* value = attrs.find(spec.name))
      result.set(spec.name, *value);
    else if (spec.kind == AttrKind::Ints)
      result.set(spec.name, std::vector<int64_t>{});
    else if (spec.kind == AttrKind::Dims)
      result.set(spec.name, std::vector<Dim>{});
    else if (spec.kind == AttrKind::Bool)
      result.set(spec.name, false);
  }
  for (const auto& [name, value] : attrs.entries())
    if (!result.has(name)) result.set(name, value);
  return result;
}

std::string attrsError(Op op, const Attrs& attrs) {
  const std::vector<AttrSpec>& specs = attrSpecs(op);
  for (const AttrSpec& spec : specs) {
    const AttrValue* value = attrs.find(spec.name);
    if (value == nullptr) {
      if (spec.optional) continue;
      return fmt::format("`{}` needs the attribute `{}`", opInfo(op).text, spec.name);
    }
    if (value->index() != static_cast<size_t>(spec.kind))
      return fmt::format("`{}`: the attribute `{}` is of kind {}, not {}", opInfo(op).text, spec.name,
                         kKindNames[static_cast<size_t>(spec.kind)], kKindNames[value->index()]);
  }
  for (const auto& [name, value] : attrs.entries())
    if (std::none_of(specs.begin(), specs.end(), [&n = name](const AttrSpec& s) { return s.name == n; }))
      return fmt::format("`{}` has no attribute `{}`", opInfo(op).text, name);
  return {};
}

}  // namespace nnc
