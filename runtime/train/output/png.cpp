#include "runtime/train/output/png.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <new>
#include <vector>

#include "runtime/train/error.h"

#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_WRITE_STATIC
#define STBI_WRITE_NO_STDIO
#include <stb/stb_image_write.h>

namespace nnc::train {

namespace {

constexpr int64_t kMostSide = 16384;

/// Extents and element strides of the axes of a batch of images.
struct ImageLayout {
  int64_t count = 1, height = 0, width = 0, channels = 1;
  int64_t channelStride = 0, pixelStride = 1;

  size_t index(int64_t image, int64_t y, int64_t x, int64_t c) const {
    return static_cast<size_t>(image * height * width * channels + (y * width + x) * pixelStride + c * channelStride);
  }
};

ImageLayout layoutOf(const TensorView& tensor, const std::string& what) {
  const auto& shape = tensor.shape;
  const size_t rank = shape.size();
  auto isChannels = [](int64_t extent) { return extent == 1 || extent == 3; };
  ImageLayout layout;
  if (rank == 2 || rank == 3) {
    layout = {rank == 3 ? shape[0] : 1, shape[rank - 2], shape[rank - 1], 1, 0, 1};
  } else if (rank == 4 && isChannels(shape[1])) {
    layout = {shape[0], shape[2], shape[3], shape[1], shape[2] * shape[3], 1};
  } else if (rank == 4 && isChannels(shape[3])) {
    layout = {shape[0], shape[1], shape[2], shape[3], 1, shape[3]};
  } else {
    throw DataError(what, "",
                    fmt::format("a result of shape {} is no image: expected [H, W], [N, H, W], [N, C, H, W] or "
                                "[N, H, W, C] with 1 or 3 channels",
                                shapeText(shape)));
  }
  if (tensor.elements() == 0)
    throw DataError(what, "", fmt::format("a result of shape {} has no pixels", shapeText(shape)));
  return layout;
}

uint8_t pixelValue(const TensorView& tensor, size_t index) {
  const double value = elementAsDouble(tensor.dtype, tensor.data, index) * (isFloat(tensor.dtype) ? 255 : 1);
  return std::isnan(value) ? 0 : static_cast<uint8_t>(std::lround(std::clamp(value, 0.0, 255.0)));
}

void appendBytes(void* out, void* data, int size) {
  static_cast<std::string*>(out)->append(static_cast<const char*>(data), static_cast<size_t>(size));
}

}  // namespace

std::string pngGrid(const TensorView& tensor, const std::string& what) {
  const ImageLayout in = layoutOf(tensor, what);
  const auto ideal = std::ceil(
      std::sqrt(static_cast<double>(in.count) * static_cast<double>(in.height) / static_cast<double>(in.width)));
  const int64_t columns = std::clamp<int64_t>(static_cast<int64_t>(ideal), 1, in.count);
  const int64_t rows = (in.count + columns - 1) / columns;
  if (in.width >= kMostSide || in.height >= kMostSide || columns > kMostSide / (in.width + 1) ||
      rows > kMostSide / (in.height + 1)) {
    throw DataError(
        what, "",
        fmt::format("a grid of {} × {} images of {} × {} is too large for a PNG", columns, rows, in.width, in.height));
  }
  const int64_t width = columns * (in.width + 1) - 1, height = rows * (in.height + 1) - 1;
  std::vector<uint8_t> pixels(static_cast<size_t>(width * height * in.channels), 0);
  for (int64_t image = 0; image < in.count; ++image) {
    const int64_t left = image % columns * (in.width + 1), top = image / columns * (in.height + 1);
    for (int64_t y = 0; y < in.height; ++y) {
      for (int64_t x = 0; x < in.width; ++x) {
        for (int64_t c = 0; c < in.channels; ++c) {
          const auto to = static_cast<size_t>(((top + y) * width + left + x) * in.channels + c);
          pixels[to] = pixelValue(tensor, in.index(image, y, x, c));
        }
      }
    }
  }
  std::string png;
  if (!stbi_write_png_to_func(appendBytes, &png, static_cast<int>(width), static_cast<int>(height),
                              static_cast<int>(in.channels), pixels.data(), static_cast<int>(width * in.channels))) {
    throw std::bad_alloc();
  }
  return png;
}

}  // namespace nnc::train
