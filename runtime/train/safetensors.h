// Safetensors: weights and checkpoints by path. A file is a u64 little-endian length, that many bytes of JSON
// ({"name": {"dtype", "shape", "data_offsets"}, …, "__metadata__": {string: string}}), then the tensors without holes.
// https://huggingface.co/docs/safetensors
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/train/dtype.h"
#include "runtime/train/file.h"

namespace nnc::train {

using Metadata = std::map<std::string, std::string>;

struct NamedTensor {
  std::string name;
  TensorView tensor;
};

/// A validated file in memory; the views point into it.
class SafetensorsFile {
public:
  /// Throws IoError, or DataError for anything that is not right: a length that lies, bad JSON, a key twice, a dtype
  /// that is unknown, a shape that does not fill its offsets, holes, overlaps, bytes after the last tensor, a wrong
  /// checksum.
  static SafetensorsFile read(const std::string& path);
  /// The same from bytes in memory; `path` is for messages.
  static SafetensorsFile parse(Buffer bytes, const std::string& path);

  const std::string& path() const { return path_; }
  /// In the order of their data.
  const std::vector<NamedTensor>& tensors() const { return tensors_; }
  const TensorView* find(std::string_view name) const;
  const Metadata& metadata() const { return metadata_; }

private:
  std::string path_;
  Buffer bytes_;
  std::vector<NamedTensor> tensors_;
  std::map<std::string, size_t, std::less<>> index_;
  Metadata metadata_;
};

/// Writes the tensors and replaces `path` atomically. The tensor data start at a multiple of 64 bytes; the tensors
/// stand in descending order of element size and within it by name, so that without holes each is aligned to its
/// element. The same content gives the same bytes. A CRC-32 of the tensor data goes into the metadata as `crc32` and is
/// checked by `read`. Asserts that names differ and that there is no Text. Throws IoError.
void writeSafetensors(const std::string& path, std::vector<NamedTensor> tensors, Metadata metadata);

}  // namespace nnc::train
