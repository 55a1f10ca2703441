// Tensors as files: npy, CSV, and text by a character vocabulary. Each function gives the whole content.
#pragma once

#include <string>
#include <vector>

#include "runtime/train/data/vocabulary.h"
#include "runtime/train/safetensors.h"

namespace nnc::train {

/// npy version 1.0, C order. Asserts a type that NumPy has (bf16 and text are not).
std::string npyContent(const TensorView& tensor);

/// A CSV with a header. The tensors' first axes are the rows and must agree (a scalar is one row); a tensor of more
/// axes takes several columns: `p.0`, `p.1`, … in row-major order. Numbers are the shortest text that reads back as the
/// same value. Throws DataError (file `what`) if the rows disagree.
std::string csvContent(const std::vector<NamedTensor>& tensors, const std::string& what);

/// The rows of an integer tensor as characters, a line each; [N] is one line.
std::string textContent(const TensorView& tensor, const Vocabulary& vocabulary);

}  // namespace nnc::train
