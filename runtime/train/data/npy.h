// NumPy's npy (versions 1 to 3) and npz: the format of numpy/lib/format.py, with bool, integer and float elements of
// either byte order, C or Fortran order.
#pragma once

#include <span>
#include <string>

#include "runtime/train/data/dataset.h"

namespace nnc::train {

/// An array as it stood in a file, in C order and this machine's byte order.
struct NpyArray {
  DType dtype = DType::F64;
  std::vector<int64_t> shape;
  Buffer bytes;

  TensorView view() const { return {dtype, shape, bytes.data()}; }
};

/// The array in the bytes of an npy file; `file` and `place` are for messages. Throws DataError.
NpyArray parseNpy(std::span<const std::byte> bytes, const std::string& file, const std::string& place = "");
/// Throws DataError or IoError.
NpyArray readNpy(const std::string& path);

/// The arrays of an .npz file, or of the .npy files in a folder, as fields named for them: their first axis counts
/// rows.
RawTable readNpyTable(const std::string& path);

}  // namespace nnc::train
