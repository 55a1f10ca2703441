#include "runtime/train/data/idx.h"

#include "support.h"

namespace nnc::train::test {
namespace {

/// u8[2, 2, 3] holding 0 … 11.
std::string smallImages() {
  std::string bytes("\0\0\x08\x03\0\0\0\x02\0\0\0\x02\0\0\0\x03", 16);
  for (char i = 0; i < 12; ++i) bytes += i;
  return bytes;
}

std::string labels(const std::string& values) {
  return std::string("\0\0\x08\x01\0\0\0", 7) + static_cast<char>(values.size()) + values;
}

void readBytes(const std::string& bytes) {
  static const TempFolder folder;
  readIdx(folder.write("x", bytes), "image");
}

TEST(Idx, ReadsShapeAndElements) {
  TempFolder folder;
  const RawField field = readIdx(folder.write("x", smallImages()), "image");
  EXPECT_EQ(field.rows, 2u);
  EXPECT_EQ(field.extents, (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(field.dtype, DType::U8);
  EXPECT_EQ(std::to_integer<int>(field.row(1)[5]), 11);
}

TEST(Idx, ReadsGzip) {
  TempFolder folder;
  const RawField field = readIdx(folder.write("x.gz", gzipped(smallImages())), "image");
  EXPECT_EQ(std::to_integer<int>(field.row(1)[0]), 6);
}

TEST(Idx, SwapsBigEndianElements) {
  TempFolder folder;
  const std::string bytes("\0\0\x0D\x01\0\0\0\x01\x3F\xC0\0\0", 12);  // f32 1.5
  EXPECT_EQ(elementAsDouble(DType::F32, readIdx(folder.write("x", bytes), "v").data, 0), 1.5);
}

TEST(Idx, EveryTruncationIsRefused) {
  expectAllPrefixesRefused(smallImages(), readBytes);
  expectAllPrefixesRefused(gzipped(smallImages()), readBytes);
}

TEST(Idx, DamageIsSurvived) {
  expectDamageSurvived(smallImages(), readBytes);
  expectDamageSurvived(gzipped(smallImages()), readBytes);
}

TEST(Idx, TruncationNamesFileByteAndSizes) {
  TempFolder folder;
  const std::string path = folder.write("train-images-idx3-ubyte", smallImages().substr(0, 20));
  EXPECT_EQ(errorOf([&] { readIdx(path, "image"); }),
            path + ": byte 20: the header promises u8[2, 2, 3], 12 bytes of elements, but there are 4");
}

TEST(Idx, HeaderThatPromisesMoreThanMemoryIsRefusedBeforeAllocating) {
  const std::string huge("\0\0\x0E\x03\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 16);
  EXPECT_NE(errorOf([&] { readBytes(huge); }).find("far more than a file of 16 bytes can hold"), std::string::npos);
  EXPECT_THROW(readBytes(gzipped(huge)), DataError);
}

TEST(Idx, BytesAfterTheElementsAreRefused) {
  EXPECT_NE(errorOf([] { readBytes(smallImages() + "x"); }).find("byte 28: bytes follow"), std::string::npos);
}

TEST(Idx, WrongChecksumIsRefused) {
  std::string bytes = gzipped(smallImages());
  bytes[bytes.size() - 8] ^= 1;
  EXPECT_NE(errorOf([&] { readBytes(bytes); }).find("incorrect data check"), std::string::npos);
}

TEST(Idx, FolderGivesSplitsAndSingularFields) {
  TempFolder folder;
  folder.write("train-images-idx3-ubyte", smallImages());
  folder.write("train-labels-idx1-ubyte.gz", gzipped(labels("\x01\x02")));
  folder.write("t10k-images-idx3-ubyte.gz", gzipped(smallImages()));
  folder.write("t10k-labels-idx1-ubyte", labels("\x03\x04"));
  folder.write("README", "not data");
  const RawDataset data = readIdxFolder(folder.path());
  ASSERT_EQ(data.splits.size(), 2u);
  EXPECT_EQ(data.splits[1].name, "test");
  EXPECT_EQ(std::to_integer<int>(data.tableOf(data.splits[1]).at("label").row(1)[0]), 4);
}

TEST(Idx, MismatchedCountsNameTheField) {
  TempFolder folder;
  folder.write("train-images-idx3-ubyte", smallImages());
  folder.write("train-labels-idx1-ubyte", labels("\x01\x02\x03"));
  EXPECT_EQ(errorOf([&] { readIdxFolder(folder.path()); }),
            folder.path() + ": field `label`: has 3 rows, but `image` has 2");
}

TEST(Idx, FolderWithoutTrainingFilesIsRefused) {
  TempFolder folder;
  folder.write("t10k-labels-idx1-ubyte", labels("\x01"));
  EXPECT_THROW(readIdxFolder(folder.path()), DataError);
}

TEST(Idx, MissingFileIsAnIoError) {
  EXPECT_THROW(readIdx("/nonexistent/file", "image"), IoError);
  EXPECT_THROW(readIdxFolder("/nonexistent"), IoError);
}

}  // namespace
}  // namespace nnc::train::test
