// IDX, the format of MNIST and its relatives: u16 0, element type, rank, the extents as big-endian u32, then the
// elements in row-major order, big-endian. Plain or gzipped.
#pragma once

#include <string>

#include "runtime/train/data/dataset.h"

namespace nnc::train {

/// The bytes of a file; its first axis counts rows. Throws DataError, which names `path`: damaged or truncated, or a
/// header that promises more or less than there is.
RawField parseIdx(const Buffer& file, const std::string& path, std::string fieldName);
/// The same of a file. Throws IoError, too.
RawField readIdx(const std::string& path, std::string fieldName);

/// A folder of files <split>-<field>-idx<rank>-<type>[.gz] with splits train, t10k (or test) and valid: one table a
/// split, fields named for what follows the split, `images` and `labels` in the singular.
RawDataset readIdxFolder(const std::string& folder);

}  // namespace nnc::train
