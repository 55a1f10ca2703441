// Members of a zip archive (npz files), stored or deflated, zip64 included. Nothing is ever written to disk, so names
// with `..` or `/` are only names.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "runtime/train/file.h"

namespace nnc::train {

struct ZipMember {
  std::string name;
  bool deflated = false;
  size_t offset = 0;  // of the local header in the archive
  uint64_t compressedSize = 0, size = 0;
  uint32_t crc = 0;
};

/// The members by the central directory. Throws DataError if the directory is damaged, a member lies outside the
/// archive, is encrypted or compressed by another method, two have one name, or the sizes cannot be true.
std::vector<ZipMember> readZipDirectory(std::span<const std::byte> archive, const std::string& file);

/// The member's bytes, with size and checksum verified. Throws DataError.
Buffer extractZipMember(std::span<const std::byte> archive, const ZipMember& member, const std::string& file);

}  // namespace nnc::train
