// Images in folders: DIR/<label>/*.png or .jpg, optionally under DIR/train, DIR/valid and DIR/test.
#pragma once

#include <string>

#include "runtime/train/data/dataset.h"

namespace nnc::train {

/// An image as u8: shape [H, W] for grey ones, [H, W, 3] for colour.
struct DecodedImage {
  std::vector<int64_t> shape;
  Buffer pixels;
};

/// Decodes a PNG or JPEG of 8 bits a channel, opaque, of at most 16384 × 16384 and 64 M pixels. Throws DataError, which
/// names `path`.
DecodedImage decodeImage(const Buffer& file, const std::string& path);
/// The same of a file. Throws IoError, too.
DecodedImage readImage(const std::string& path);

/// Fields `image` (u8, as DecodedImage; all of one shape) and `label` (i32: the number of the folder in byte order of
/// the training folders, whose names are its categories). Throws DataError naming the file whose size differs.
RawDataset readImageFolders(const std::string& folder);

}  // namespace nnc::train
