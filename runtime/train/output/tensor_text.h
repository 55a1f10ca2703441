// Tensors as files: npy and CSV. Each function gives the whole content.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "runtime/train/safetensors.h"

namespace nnc::train {

/// npy version 1.0, C order. Asserts a type that NumPy has (bf16 and text are not).
std::string npyContent(const TensorView& tensor);

/// A CSV with a header. The tensors' first axes are the rows and must agree (a scalar is one row); a tensor of more
/// axes takes several columns: `p.0`, `p.1`, … in row-major order. Numbers are the shortest text that reads back as the
/// same value. A tensor in `texts` is one column of these texts, one for each row. Throws DataError (file `what`) if
/// the rows disagree.
std::string csvContent(const std::vector<NamedTensor>& tensors, const std::string& what,
                       const std::map<std::string, std::vector<std::string>>& texts = {});

}  // namespace nnc::train
