#include "runtime/train/weight_report.h"

#include <fmt/format.h>

#include <set>

#include "runtime/train/error.h"

namespace nnc::train {

namespace {

std::string typeText(DType dtype, const std::vector<int64_t>& shape) {
  return fmt::format("{}{}", nameOf(dtype), shapeText(shape));
}

template <class List, class Line>
void addLines(std::string& out, const List& list, size_t most, Line line) {
  for (size_t i = 0; i < list.size() && i < most; ++i) out += line(list[i]) + "\n";
  if (list.size() > most) out += fmt::format("  … and {} more\n", list.size() - most);
}

}  // namespace

std::string WeightReport::text(size_t most) const {
  std::string out;
  addLines(out, missing, most, [](const std::string& path) { return fmt::format("  missing: {}", ticked(path)); });
  addLines(out, mismatched, most, [](const Mismatch& m) {
    return fmt::format("  mismatched: {}: the model has {}, the file {}", ticked(m.path), m.wanted, m.found);
  });
  addLines(out, unexpected, most,
           [](const std::string& path) { return fmt::format("  unexpected: {}", ticked(path)); });
  return out + fmt::format("{} matched, {}{} missing, {} mismatched, {} unexpected", matched.size(),
                           copied.empty() ? "" : fmt::format("{} copied, ", copied.size()), missing.size(),
                           mismatched.size(), unexpected.size());
}

WeightReport compareWeights(const SafetensorsFile& file, const std::vector<WantedTensor>& wanted) {
  WeightReport report;
  std::set<std::string_view> known;
  for (const WantedTensor& want : wanted) {
    known.insert(want.path);
    const TensorView* found = file.find(want.path);
    if (!found) {
      report.missing.push_back(want.path);
    } else if (found->dtype != want.dtype || found->shape != want.shape) {
      report.mismatched.push_back({want.path, typeText(want.dtype, want.shape), typeText(found->dtype, found->shape)});
    } else {
      report.matched.push_back(want.path);
    }
  }
  for (const NamedTensor& named : file.tensors()) {
    if (!known.count(named.name)) report.unexpected.push_back(named.name);
  }
  return report;
}

void requireLoadable(const WeightReport& report, const std::string& file) {
  if (!report.loadable()) throw DataError(file, "", "the weights do not fit the model\n" + report.text());
}

}  // namespace nnc::train
