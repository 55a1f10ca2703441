// What training does to images, exactly: each row is one of the images that may come of it, each of these comes about
// as often as it should, and the gradient is that of what was done.
#include "in_training.h"

#include <cmath>
#include <functional>

namespace nnc::test {
namespace {

using Image = std::vector<double>;

/// The size of one image, and of how many rows there are of it.
constexpr int kRows = 1200, kChannels = 2, kHeight = 5, kWidth = 6;
const std::string kShape = "[1200, 2, 5, 6]";

/// Pixels that all differ; none outside.
double pixelAt(int c, int i, int j) {
  return i < 0 || i >= kHeight || j < 0 || j >= kWidth ? 0 : 1 + 100 * c + 10 * i + j;
}

Image imageOf(int height, int width, const std::function<double(int c, int i, int j)>& pixel) {
  Image image;
  for (int c = 0; c < kChannels; ++c)
    for (int i = 0; i < height; ++i)
      for (int j = 0; j < width; ++j) image.push_back(pixel(c, i, j));
  return image;
}

/// The same image in each row.
Tensor rowsOf(const Image& image) {
  Tensor x = Tensor::zeros(DType::F32, {kRows, kChannels, kHeight, kWidth});
  for (size_t i = 0; i < x.floats.size(); ++i) x.floats[i] = image[i % image.size()];
  return x;
}

std::vector<Image> rowsIn(const Tensor& y) {
  std::vector<Image> rows;
  const auto size = static_cast<long>(y.floats.size() / kRows);
  for (auto at = y.floats.begin(); at != y.floats.end(); at += size) rows.emplace_back(at, at + size);
  return rows;
}

/// What may come of an image, and the share of rows in which it does.
struct Outcome {
  Image image;
  double share;
};

/// Expects each row to be one of these, each as often as its share within four standard errors; another step draws
/// otherwise.
void expectOutcomes(const std::string& augmentation, const std::vector<Outcome>& outcomes) {
  SCOPED_TRACE(augmentation);
  const Tensor x = rowsOf(imageOf(kHeight, kWidth, pixelAt));
  InTraining training(augmentation, kShape);
  const Tensor y = training.value(x);
  std::vector<int> seen(outcomes.size());
  for (const Image& row : rowsIn(y)) {
    const auto is = [&](const Outcome& o) { return o.image == row; };
    const auto found = std::find_if(outcomes.begin(), outcomes.end(), is);
    ASSERT_NE(found, outcomes.end()) << "a row is none of the images that may come of it";
    ASSERT_EQ(std::count_if(outcomes.begin(), outcomes.end(), is), 1);
    ++seen[static_cast<size_t>(found - outcomes.begin())];
  }
  for (size_t k = 0; k < outcomes.size(); ++k) {
    const double mean = kRows * outcomes[k].share;
    EXPECT_NEAR(seen[k], mean, 4 * std::sqrt(mean * (1 - outcomes[k].share))) << "outcome " << k;
    EXPECT_GT(seen[k], 0) << "outcome " << k;
  }
  EXPECT_NE(training.value(x, 1).floats, y.floats);
  EXPECT_EQ(training.value(x, 0).floats, y.floats);
}

TEST(Augment, AFlipIsTheMirroredImageOrTheImage) {
  const Image plain = imageOf(kHeight, kWidth, pixelAt);
  const Image mirrored = imageOf(kHeight, kWidth, [](int c, int i, int j) { return pixelAt(c, i, kWidth - 1 - j); });
  expectOutcomes("random_flip(x)", {{plain, 0.5}, {mirrored, 0.5}});
  expectOutcomes("random_flip[0.2](x)", {{plain, 0.8}, {mirrored, 0.2}});
}

TEST(Augment, AShiftMovesByEachDistanceInBothDirections) {
  for (const auto& [k, augmentation] : {std::pair{1, "random_shift[1](x)"}, {2, "random_shift[2](x)"}}) {
    std::vector<Outcome> outcomes;
    const double share = 1.0 / ((2 * k + 1) * (2 * k + 1));
    for (int dy = -k; dy <= k; ++dy)
      for (int dx = -k; dx <= k; ++dx)
        outcomes.push_back(
            {imageOf(kHeight, kWidth, [&](int c, int i, int j) { return pixelAt(c, i + dy, j + dx); }), share});
    expectOutcomes(augmentation, outcomes);
  }
}

TEST(Augment, ACropIsEachWindowOfTheImage) {
  std::vector<Outcome> outcomes;
  for (int dy = 0; dy <= kHeight - 3; ++dy)
    for (int dx = 0; dx <= kWidth - 3; ++dx)
      outcomes.push_back({imageOf(3, 3, [&](int c, int i, int j) { return pixelAt(c, i + dy, j + dx); }), 1.0 / 12});
  expectOutcomes("random_crop[3](x)", outcomes);
}

TEST(Augment, ACutoutIsASquareAroundEachPixel) {
  for (const auto& [k, augmentation] : {std::pair{2, "cutout[2](x)"}, {3, "cutout[3](x)"}}) {
    std::vector<Outcome> outcomes;
    for (int cy = 0; cy < kHeight; ++cy)
      for (int cx = 0; cx < kWidth; ++cx) {
        const auto cut = [&](int at, int centre) { return at >= centre - k / 2 && at < centre + k - k / 2; };
        outcomes.push_back(
            {imageOf(kHeight, kWidth,
                     [&](int c, int i, int j) { return cut(i, cy) && cut(j, cx) ? 0 : pixelAt(c, i, j); }),
             1.0 / (kHeight * kWidth)});
      }
    expectOutcomes(augmentation, outcomes);
  }
}

/// Bilinear between the pixels of an image that has 1 + i and 1 + j in its channels, zero outside.
double between(int c, double y, double x) {
  const int i = static_cast<int>(std::floor(y)), j = static_cast<int>(std::floor(x));
  const auto pixel = [&](int a, int b) {
    return a < 0 || a >= kHeight || b < 0 || b >= kWidth ? 0 : 1.0 + (c == 0 ? a : b);
  };
  const double v = y - i, u = x - j;
  return (1 - v) * ((1 - u) * pixel(i, j) + u * pixel(i, j + 1)) +
         v * ((1 - u) * pixel(i + 1, j) + u * pixel(i + 1, j + 1));
}

TEST(Augment, ATurnIsAboutTheCentreByEachAngle) {
  const double degrees = 20, centreY = (kHeight - 1) / 2.0, centreX = (kWidth - 1) / 2.0;
  const Tensor x = rowsOf(imageOf(kHeight, kWidth, [](int c, int i, int j) { return 1 + (c == 0 ? i : j); }));
  InTraining training("random_rotate[20](x)", kShape);
  const Tensor y = training.value(x);
  std::vector<int> quarters(4);  // of the angles
  for (const Image& row : rowsIn(y)) {
    // The centre lies between two columns: the pixel on its right is half a step away, the turn of a whole is twice it.
    const auto at = static_cast<size_t>(centreY * kWidth + centreX + 0.5);
    const double cosine = 2 * (row[at + kHeight * kWidth] - 1 - centreX), sine = 2 * (centreY - (row[at] - 1));
    EXPECT_NEAR(cosine * cosine + sine * sine, 1, 1e-6);
    const double share = (std::atan2(sine, cosine) * 180 / M_PI + degrees) / (2 * degrees);
    ASSERT_TRUE(share >= 0 && share <= 1) << share;
    ++quarters[static_cast<size_t>(std::min(3.0, 4 * share))];
    size_t k = 0;
    for (int c = 0; c < kChannels; ++c)
      for (int i = 0; i < kHeight; ++i)
        for (int j = 0; j < kWidth; ++j, ++k)
          ASSERT_NEAR(row[k],
                      between(c, cosine * (i - centreY) - sine * (j - centreX) + centreY,
                              sine * (i - centreY) + cosine * (j - centreX) + centreX),
                      1e-5)
              << c << " " << i << " " << j;
  }
  for (int n : quarters) EXPECT_NEAR(n, kRows / 4.0, 4 * std::sqrt(kRows * 0.25 * 0.75));
  EXPECT_NE(training.value(x, 1).floats, y.floats);
}

TEST(Augment, DropoutDropsElementsChannelsOrRowsAndScalesTheRest) {
  for (const auto& [augmentation, together] : {std::pair{"dropout[0.25](x)", size_t{1}},
                                               {"spatial_dropout[0.25](x)", size_t{kHeight * kWidth}},
                                               {"drop_path[0.25](x)", size_t{kChannels * kHeight * kWidth}}}) {
    SCOPED_TRACE(augmentation);
    const Tensor x = rowsOf(imageOf(kHeight, kWidth, pixelAt));
    const std::vector<double> y = InTraining(augmentation, kShape).value(x).floats;
    const auto parts = static_cast<double>(y.size() / together);
    double kept = 0, turns = 0;  // parts that are kept, and that are otherwise than the one before
    bool before = false;
    for (size_t begin = 0; begin < y.size(); begin += together) {
      const bool keeps = y[begin] != 0;
      for (size_t i = begin; i < begin + together; ++i) ASSERT_EQ(y[i], keeps ? x.floats[i] / 0.75 : 0) << i;
      kept += keeps;
      turns += keeps != before;
      before = keeps;
    }
    EXPECT_NEAR(kept / parts, 0.75, 4 * std::sqrt(0.75 * 0.25 / parts));
    EXPECT_NEAR(turns / parts, 2 * 0.75 * 0.25, 4 * std::sqrt(0.375 * 0.625 / parts));
  }
}

TEST(Augment, GradientsAreThoseOfWhatWasDone) {
  Tensor x = Tensor::zeros(DType::F32, {3, 2, 5, 6});
  for (size_t i = 0; i < x.floats.size(); ++i) x.floats[i] = std::sin(3.0 * static_cast<double>(i));
  for (const char* f :
       {"dropout[0.4](x)", "spatial_dropout[0.4](x)", "drop_path[0.4](x)", "random_flip(x)", "random_shift[2](x)",
        "random_crop[3](x)", "cutout[3](x)", "random_rotate[20](x)", "add_noise(x)", "add_noise(x)^2"}) {
    SCOPED_TRACE(f);
    InTraining(f, "[3, 2, 5, 6]").expectGradient(x);
  }
}

}  // namespace
}  // namespace nnc::test
