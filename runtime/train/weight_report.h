// What a weight file has and what a model needs, compared by path before anything is loaded.
#pragma once

#include <string>
#include <vector>

#include "runtime/train/safetensors.h"

namespace nnc::train {

struct WantedTensor {
  std::string path;
  DType dtype = DType::F32;
  std::vector<int64_t> shape;
};

struct WeightReport {
  struct Mismatch {
    std::string path;
    std::string wanted, found;  // "f32[784, 128]"
  };
  std::vector<std::string> matched;
  std::vector<std::string> copied;      // the file lacks it, but has what it starts as a copy of
  std::vector<std::string> missing;     // the model needs it, the file lacks it
  std::vector<std::string> unexpected;  // the file has it, the model does not know it
  std::vector<Mismatch> mismatched;     // both have it, with another shape or dtype

  /// Nothing is missing or mismatched. Tensors that the model does not know do no harm.
  bool loadable() const { return missing.empty() && mismatched.empty(); }
  /// One line for each tensor that is not matched, at most `most` of a kind, and a line with the counts.
  std::string text(size_t most = 8) const;
};

/// In the model's order; the unexpected ones in the file's.
WeightReport compareWeights(const SafetensorsFile& file, const std::vector<WantedTensor>& wanted);

/// Throws DataError with the report's text unless it is loadable.
void requireLoadable(const WeightReport& report, const std::string& file);

}  // namespace nnc::train
