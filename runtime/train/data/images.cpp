#include "runtime/train/data/images.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <climits>
#include <cstring>
#include <filesystem>

#include "runtime/train/error.h"

#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_ONLY_PNG
#define STBI_ONLY_JPEG
#define STBI_NO_STDIO
#define STBI_MAX_DIMENSIONS 16384
#include <stb/stb_image.h>

namespace nnc::train {

namespace {

constexpr uint64_t kMostPixels = uint64_t{64} << 20;

bool isImageName(std::string name) {
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
  return name.ends_with(".png") || name.ends_with(".jpg") || name.ends_with(".jpeg");
}

std::vector<std::string> subfolders(const std::string& folder) {
  std::vector<std::string> names;
  for (std::string& name : listFolder(folder)) {
    if (std::filesystem::is_directory(folder + "/" + name)) names.push_back(std::move(name));
  }
  return names;
}

struct ImageFile {
  std::string path;
  int32_t label;
};

/// The image files of every label folder; `labels` holds the known ones, or is filled if it is empty.
std::vector<ImageFile> listImages(const std::string& folder, std::vector<std::string>& labels) {
  const auto names = subfolders(folder);
  if (names.empty()) throw DataError(folder, "", "holds no folders; expected one for each label");
  if (labels.empty()) labels = names;
  std::vector<ImageFile> files;
  for (const std::string& name : names) {
    const auto it = std::find(labels.begin(), labels.end(), name);
    if (it == labels.end())
      throw DataError(folder, "", fmt::format("the label {} has no folder in the training split", ticked(name)));
    const size_t before = files.size();
    for (const std::string& file : listFolder(folder + "/" + name)) {
      if (isImageName(file))
        files.push_back({folder + "/" + name + "/" + file, static_cast<int32_t>(it - labels.begin())});
    }
    if (files.size() == before) throw DataError(folder + "/" + name, "", "holds no .png, .jpg or .jpeg files");
  }
  return files;
}

RawTable readSplit(const std::string& folder, std::vector<std::string>& labels) {
  const auto files = listImages(folder, labels);
  std::vector<int64_t> shape;
  Buffer pixels, numbers(files.size() * sizeof(int32_t));
  for (size_t i = 0; i < files.size(); ++i) {
    const DecodedImage image = readImage(files[i].path);
    if (i == 0) {
      shape = image.shape;
      pixels = Buffer(files.size() * image.pixels.size());
    } else if (image.shape != shape) {
      throw DataError(files[i].path, "",
                      fmt::format("the image has shape {}, but {} has {}", shapeText(image.shape), files[0].path,
                                  shapeText(shape)));
    }
    std::memcpy(pixels.data() + i * image.pixels.size(), image.pixels.data(), image.pixels.size());
    std::memcpy(numbers.data() + i * sizeof(int32_t), &files[i].label, sizeof(int32_t));
  }
  std::vector<RawField> fields;
  fields.push_back(packedField("image", DType::U8, shape, files.size(), std::move(pixels)));
  fields.push_back(packedField("label", DType::I32, {}, files.size(), std::move(numbers)));
  fields.back().categories = labels;
  return makeTable(folder, std::move(fields));
}

}  // namespace

DecodedImage readImage(const std::string& path) {
  return decodeImage(readFile(path), path);
}

DecodedImage decodeImage(const Buffer& file, const std::string& path) {
  if (file.size() > INT_MAX) throw DataError(path, "", "is larger than 2 GiB");
  const auto* bytes = reinterpret_cast<const stbi_uc*>(file.data());
  const int size = static_cast<int>(file.size());
  int width = 0, height = 0, channels = 0;
  if (!stbi_info_from_memory(bytes, size, &width, &height, &channels)) {
    throw DataError(path, "", fmt::format("is not a PNG or JPEG image: {}", ticked(stbi_failure_reason())));
  }
  if (static_cast<uint64_t>(width) * static_cast<uint64_t>(height) > kMostPixels) {
    throw DataError(
        path, "",
        fmt::format("the header promises {} × {} pixels; at most {} M are read", width, height, kMostPixels >> 20));
  }
  if (stbi_is_16_bit_from_memory(bytes, size)) throw DataError(path, "", "has 16 bits a channel; 8 are read");
  stbi_uc* decoded = stbi_load_from_memory(bytes, size, &width, &height, &channels, 0);
  if (!decoded) throw DataError(path, "", fmt::format("the image is damaged: {}", ticked(stbi_failure_reason())));
  const int kept = channels <= 2 ? 1 : 3;
  DecodedImage image{{height, width}, Buffer(static_cast<size_t>(width) * height * kept)};
  if (kept == 3) image.shape.push_back(3);
  bool transparent = false;
  for (size_t pixel = 0, n = image.pixels.size() / kept; pixel < n; ++pixel) {
    std::memcpy(image.pixels.data() + pixel * kept, decoded + pixel * channels, kept);
    transparent |= channels > kept && decoded[pixel * channels + kept] != 255;
  }
  stbi_image_free(decoded);
  if (transparent)
    throw DataError(path, "", "has transparent pixels; lay the image on the background that it is to have");
  return image;
}

RawDataset readImageFolders(const std::string& folder) {
  const auto inside = subfolders(folder);
  const bool split = std::find(inside.begin(), inside.end(), "train") != inside.end();
  RawDataset dataset;
  std::vector<std::string> labels;
  for (const char* name : {"train", "valid", "test"}) {
    if (split ? std::find(inside.begin(), inside.end(), name) == inside.end() : std::strcmp(name, "train") != 0)
      continue;
    dataset.tables.push_back(readSplit(split ? folder + "/" + name : folder, labels));
    dataset.splits.push_back({name, dataset.tables.size() - 1, {}});
  }
  return dataset;
}

}  // namespace nnc::train
