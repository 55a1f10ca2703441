#include "tools/common/weights.h"

#include "runtime/train/model.h"
#include "runtime/train/weight_report.h"

namespace nnc::tools {

void requireFitting(const std::string& file, const Module& module) {
  std::vector<train::WantedTensor> wanted;
  for (const Variable& v : module.variables)
    if (v.kind == Variable::Kind::Param || v.kind == Variable::Kind::State)
      wanted.push_back({v.path, train::dtypeOfAbi(static_cast<uint32_t>(v.type.dtype)), constExtents(v.type.shape)});
  train::requireLoadable(train::compareWeights(train::SafetensorsFile::read(file), wanted), file);
}

}  // namespace nnc::tools
