// What `nn predict` calls a function with: arrays from files, numbers, texts and lists of the command line.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "runtime/train/description.h"
#include "runtime/train/model.h"

namespace nnc::tools {

/// A dense array with its bytes.
struct Array {
  train::DType dtype = train::DType::F32;
  std::vector<int64_t> shape;
  std::vector<std::byte> bytes;

  train::TensorView view() const { return {dtype, shape, bytes.data()}; }
};

/// The same numbers as another type.
Array converted(const Array& from, train::DType to);

/// What an entry is called with: an array for each input, and the counts given by name (`m: int <= 64`).
struct Inputs {
  std::vector<Array> arrays;
  std::map<std::string, int64_t> counts;
};

/// The extents of an input or result for these values of the entry's symbols.
std::vector<int64_t> extentsOf(const nnc_port& port, const std::vector<int64_t>& symbols);

/// Of `given`, the values of --input: `name=VALUE`, or a VALUE for the first array. For an input that is a text the
/// value is the text itself; for other arrays a list of numbers `[1, 2, 3]`, or a file. What the first array is not
/// given comes from `file`. Throws UsageError, DataError, IoError.
Inputs readInputs(const train::Model& model, const train::Description& description, const nnc_entry& entry,
                  const std::vector<std::string>& given, const std::string& file);

}  // namespace nnc::tools
