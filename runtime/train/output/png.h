// Tensors as pictures.
#pragma once

#include <string>

#include "runtime/train/dtype.h"

namespace nnc::train {

/// The PNG of one image or of a grid of images, one pixel apart, about as wide as high. Shapes: [H, W], [N, H, W],
/// [N, C, H, W], [N, H, W, C] with C 1 (grey) or 3 (colour); where both readings fit, channels stand second. Floats
/// count from 0 to 1, integers from 0 to 255; values outside are clamped, NaN is 0. Throws DataError (file `what`) for
/// another shape, no image at all, or a grid of more than 16384 pixels a side.
std::string pngGrid(const TensorView& tensor, const std::string& what);

}  // namespace nnc::train
