#include "tools/common/weights.h"

#include "runtime/train/checkpoint.h"
#include "runtime/train/model.h"
#include "runtime/train/weight_report.h"
#include "tools/common/command_line.h"

namespace nnc::tools {

std::string weightsFor(const Module& module, const std::string& file) {
  std::vector<train::WantedTensor> wanted;
  for (const Variable& v : module.variables)
    if (train::kWeights >> static_cast<unsigned>(v.kind) & 1)
      wanted.push_back({v.path, train::dtypeOfAbi(static_cast<uint32_t>(v.type.dtype)), constExtents(v.type.shape)});
  const train::SafetensorsFile all = train::SafetensorsFile::read(file);
  train::Hypers inForce;
  for (const Hyper& hyper : module.hypers) inForce[hyper.name] = hyper.value;
  train::requireHypers(all, inForce);
  train::requireLoadable(train::compareWeights(all, wanted), file);
  std::vector<train::NamedTensor> taken;
  for (const train::WantedTensor& w : wanted) taken.push_back({w.path, *all.find(w.path)});
  const TemporaryFolder folder;
  const std::string path = folder.path / "weights.safetensors";
  train::writeSafetensors(path, std::move(taken), {});
  return readWholeFile(path);
}

}  // namespace nnc::tools
