#include <cmath>

#include "runtime/train/data/csv.h"
#include "runtime/train/data/images.h"
#include "runtime/train/output/png.h"
#include "runtime/train/output/tensor_text.h"
#include "support.h"

namespace nnc::train::test {
namespace {

template <class T>
TensorView view(DType dtype, std::vector<int64_t> shape, const std::vector<T>& values) {
  return {dtype, std::move(shape), reinterpret_cast<const std::byte*>(values.data())};
}

DecodedImage decoded(const std::string& png) {
  TempFolder folder;
  return readImage(folder.write("x.png", png));
}

TEST(CsvOutput, ColumnsByNameAndPlace) {
  const std::vector<int32_t> classes = {3, 4};
  const std::vector<float> p = {0.1F, 0.9F, 0.25F, 1e-9F};
  EXPECT_EQ(csvContent({{"class", view(DType::I32, {2}, classes)}, {"p", view(DType::F32, {2, 2}, p)}}, "out"),
            "class,p.0,p.1\n3,0.1,0.9\n4,0.25,1e-09\n");
  EXPECT_THROW(csvContent({{"a", view(DType::I32, {2}, classes)}, {"b", view(DType::F32, {4}, p)}}, "out"), DataError);
}

TEST(CsvOutput, ReadsBackExactly) {
  const std::vector<double> values = {0.1, -1e300, 5e-324, 123456789.125};
  const std::string text = csvContent({{"x", view(DType::F64, {4}, values)}}, "out");
  const RawTable table = parseCsv(bufferOf(text), "t");
  for (size_t i = 0; i < values.size(); ++i) EXPECT_EQ(elementAsDouble(DType::F64, table.at("x").data, i), values[i]);
}

TEST(CsvOutput, TextsAreQuoted) {
  const std::vector<int32_t> numbers = {0, 1, 1, 0};
  EXPECT_EQ(csvContent({{"t", view(DType::I32, {2, 2}, numbers)}, {"n", view(DType::I32, {2}, numbers)}}, "out",
                       {{"t", {"a,b", "\"c\"\n"}}}),
            "t,n\n\"a,b\",0\n\"\"\"c\"\"\n\",1\n");
}

TEST(PngOutput, FloatsAreClampedAndScaled) {
  const std::vector<float> values = {0, 1, 2, -1, 0.5F, NAN};
  const DecodedImage image = decoded(pngGrid(view(DType::F32, {2, 3}, values), "out"));
  EXPECT_EQ(image.shape, (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(image.pixels.text(), std::string_view("\0\xFF\xFF\0\x80\0", 6));
}

TEST(PngOutput, BatchesBecomeAGrid) {
  const std::vector<uint8_t> values = {1, 2, 3, 4, 5};
  const DecodedImage image = decoded(pngGrid(view(DType::U8, {5, 1, 1}, values), "out"));
  EXPECT_EQ(image.shape, (std::vector<int64_t>{3, 5}));
  EXPECT_EQ(std::to_integer<int>(image.pixels.data()[4]), 3);
  EXPECT_EQ(std::to_integer<int>(image.pixels.data()[2 * 5 + 2]), 5);
}

TEST(PngOutput, ColorChannelsSecondOrLast) {
  const std::vector<uint8_t> planes = {1, 2, 10, 20, 100, 200};
  const DecodedImage first = decoded(pngGrid(view(DType::U8, {1, 3, 2, 1}, planes), "out"));
  EXPECT_EQ(first.pixels.text(), std::string_view("\x01\x0A\x64\x02\x14\xC8", 6));
  const std::vector<uint8_t> pixels = {1, 10, 100, 2, 20, 200};
  const DecodedImage last = decoded(pngGrid(view(DType::U8, {1, 2, 1, 3}, pixels), "out"));
  EXPECT_EQ(last.shape, (std::vector<int64_t>{2, 1, 3}));
  EXPECT_EQ(last.pixels.text(), first.pixels.text());
}

TEST(PngOutput, OtherShapesAreRefused) {
  const std::vector<float> values(64);
  EXPECT_THROW(pngGrid(view(DType::F32, {4}, values), "out"), DataError);
  EXPECT_THROW(pngGrid(view(DType::F32, {1, 2, 4, 4}, values), "out"), DataError);
  EXPECT_THROW(pngGrid(view(DType::F32, {0, 4, 4}, values), "out"), DataError);
  const std::vector<uint8_t> wide(20000);
  EXPECT_THROW(pngGrid(view(DType::U8, {1, 20000}, wide), "out"), DataError);
}

TEST(DTypes, SixteenBitFloatsAndSaturation) {
  const uint16_t halves[] = {0x3C00, 0xC000, 0x0001, 0x7C00, 0x3555};
  const auto* data = reinterpret_cast<const std::byte*>(halves);
  EXPECT_EQ(elementAsDouble(DType::F16, data, 0), 1);
  EXPECT_EQ(elementAsDouble(DType::F16, data, 1), -2);
  EXPECT_EQ(elementAsDouble(DType::F16, data, 2), 0x1p-24);
  EXPECT_TRUE(std::isinf(elementAsDouble(DType::F16, data, 3)));
  EXPECT_EQ(elementAsDouble(DType::F16, data, 4), 0.333251953125);
  const uint16_t bf = 0x3FC0;
  EXPECT_EQ(elementAsDouble(DType::BF16, reinterpret_cast<const std::byte*>(&bf), 0), 1.5);
  int32_t stored = 0;
  storeDouble(DType::I32, reinterpret_cast<std::byte*>(&stored), 0, 1e10);
  EXPECT_EQ(stored, INT32_MAX);
}

TEST(DTypes, NarrowFloatsAreTheNearest) {
  const auto bits = [](DType dtype, double value) {
    uint16_t stored = 0;
    storeDouble(dtype, reinterpret_cast<std::byte*>(&stored), 0, value);
    return stored;
  };
  EXPECT_EQ(bits(DType::F16, 1), 0x3C00);
  EXPECT_EQ(bits(DType::F16, -2), 0xC000);
  EXPECT_EQ(bits(DType::F16, 0x1p-24), 1);
  EXPECT_EQ(bits(DType::F16, 0x1p-25), 0);           // a tie: to even
  EXPECT_EQ(bits(DType::F16, 1 + 0x1p-11), 0x3C00);  // a tie: to even
  EXPECT_EQ(bits(DType::F16, 1 + 3 * 0x1p-11), 0x3C02);
  EXPECT_EQ(bits(DType::F16, 65519), 0x7BFF);
  EXPECT_EQ(bits(DType::F16, 65520), 0x7C00);
  EXPECT_EQ(bits(DType::BF16, 1.5), 0x3FC0);
  EXPECT_EQ(bits(DType::BF16, -0.0), 0x8000);
  EXPECT_EQ(bits(DType::BF16, 1.999), 0x4000);  // the carry goes into the exponent
  EXPECT_EQ(bits(DType::BF16, -INFINITY), 0xFF80);
  EXPECT_TRUE(std::isnan(elementAsDouble(DType::F16, reinterpret_cast<const std::byte*>("\x01\x7e"), 0)));
  EXPECT_EQ(bits(DType::BF16, NAN), 0x7FC0);
}

}  // namespace
}  // namespace nnc::train::test
