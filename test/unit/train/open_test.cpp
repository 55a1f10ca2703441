#include "runtime/train/data/open.h"

#include <cmath>
#include <numeric>
#include <set>

#include "runtime/train/data/csv.h"
#include "runtime/train/data/images.h"
#include "runtime/train/data/vocabulary.h"
#include "runtime/train/output/png.h"
#include "runtime/train/statistics.h"
#include "support.h"

#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_WRITE_STATIC
#define STBI_WRITE_NO_STDIO
#include <stb/stb_image_write.h>

namespace nnc::train::test {
namespace {

std::string csvRows(int rows) {
  std::string text = "x,y\n";
  for (int i = 0; i < rows; ++i) text += std::to_string(i) + "," + std::to_string(i * 2) + "\n";
  return text;
}

std::string textOf(const RawDataset& data, const char* split, size_t row) {
  const RawField& field = data.tableOf(*data.find(split)).at("text");
  return std::string(reinterpret_cast<const char*>(field.row(row)), field.rowBytes());
}

TEST(Open, ValidAndTestAreDrawnFromTheTrainingRows) {
  TempFolder folder;
  const std::string path = folder.write("t.csv", csvRows(100));
  DataSettings settings;
  settings.valid.share = 0.2;
  settings.test.rows = 10;
  const RawDataset data = openDataset(DataFormat::Csv, path, settings);
  ASSERT_EQ(data.splits.size(), 3u);
  std::set<uint32_t> all;
  for (const Split& split : data.splits) {
    EXPECT_TRUE(std::is_sorted(split.rows.begin(), split.rows.end()));
    all.insert(split.rows.begin(), split.rows.end());
  }
  EXPECT_EQ(all.size(), 100u);
  EXPECT_EQ(data.splits[0].rows.size(), 72u);
  EXPECT_EQ(data.splits[1].name, "valid");
  EXPECT_EQ(data.splits[1].rows.size(), 18u);
  EXPECT_EQ(data.splits[2].rows.size(), 10u);
  EXPECT_EQ(openDataset(DataFormat::Csv, path, settings).splits[1].rows, data.splits[1].rows);
}

TEST(Open, SplitsOfTheirOwnAreTakenAndNotAskedForTwice) {
  TempFolder folder;
  folder.write("train.csv", csvRows(5));
  folder.write("test.csv", csvRows(3));
  DataSettings settings;
  settings.valid.rows = 1;
  const RawDataset data = openDataset(DataFormat::Csv, folder.path(), settings);
  EXPECT_EQ(data.find("test")->rows.size(), 3u);
  EXPECT_EQ(data.find("valid")->rows.size(), 1u);
  settings.test.rows = 1;
  EXPECT_NE(errorOf([&] { openDataset(DataFormat::Csv, folder.path(), settings); }).find("has a test split of its own"),
            std::string::npos);
}

TEST(Open, PortionThatLeavesNoTrainingRowsIsRefused) {
  TempFolder folder;
  DataSettings settings;
  settings.valid.rows = 5;
  EXPECT_NE(errorOf([&] {
              openDataset(DataFormat::Csv, folder.write("t.csv", csvRows(5)), settings);
            }).find("`valid = 5` leaves no training rows: there are 5"),
            std::string::npos);
}

TEST(Open, HeaderWithoutRowsIsRefused) {
  TempFolder folder;
  EXPECT_NE(errorOf([&] {
              openDataset(DataFormat::Csv, folder.write("t.csv", "x,y\n"), {});
            }).find("the train split has no rows"),
            std::string::npos);
}

TEST(Open, SplitsWithDifferentFieldsAreRefused) {
  TempFolder folder;
  folder.write("train.csv", csvRows(5));
  folder.write("test.csv", "x,z\n1,2\n");
  EXPECT_THROW(openDataset(DataFormat::Csv, folder.path(), {}), DataError);
}

TEST(Open, MissingPathIsAnIoError) {
  EXPECT_THROW(openDataset(DataFormat::Idx, "/nonexistent", {}), IoError);
}

TEST(Open, FormatsAreKnownByName) {
  EXPECT_EQ(dataFormat("images"), DataFormat::Images);
  EXPECT_EQ(dataFormat("jpeg"), std::nullopt);
}

TEST(Windows, OfLinesAndTheirTailSplits) {
  TempFolder folder;
  const std::string path = folder.write("t.csv", csvRows(20));
  DataSettings settings;
  settings.window = 4;
  settings.stride = 2;
  settings.test.share = 0.25;  // lines 15 to 19
  settings.valid.rows = 2;     // the last two windows before line 15
  const RawDataset data = openDataset(DataFormat::Csv, path, settings);
  EXPECT_EQ(data.find("test")->rows, (std::vector<uint32_t>{8}));         // lines 16 to 19
  EXPECT_EQ(data.find("valid")->rows, (std::vector<uint32_t>{4, 5}));     // lines 8 to 13
  EXPECT_EQ(data.find("train")->rows, (std::vector<uint32_t>{0, 1, 2}));  // the last holds lines 4 to 7
  const RawTable& table = data.tables[0];
  const RawField rows = windowed(numericColumns(table, "y", columnRange(table, "y", "y"), DType::F32, true), settings);
  EXPECT_EQ(rows.extents, (std::vector<int64_t>{4}));
  EXPECT_EQ(rows.rows, 9u);
  for (size_t i = 0; i < 4; ++i)
    EXPECT_EQ(elementAsDouble(rows.dtype, rows.row(5), i), 2.0 * static_cast<double>(10 + i));
}

TEST(Windows, OfTooFewLinesAreRefused) {
  TempFolder folder;
  const std::string path = folder.write("t.csv", csvRows(5));
  DataSettings settings;
  settings.window = 4;
  settings.stride = 1;
  settings.valid.rows = 1;
  EXPECT_NE(
      errorOf([&] { openDataset(DataFormat::Csv, path, settings); }).find("lies within the train part, which is 1 of "),
      std::string::npos);
}

TEST(Windows, AreAsManyAsAskedForWhereverTheLinesEnd) {
  TempFolder folder;
  DataSettings settings;
  settings.window = 2;
  settings.stride = 3;
  settings.valid.rows = 2;
  for (const int lines : {9, 10, 11, 12, 13, 15}) {
    const RawDataset data =
        openDataset(DataFormat::Csv, folder.write(fmt::format("{}.csv", lines), csvRows(lines)), settings);
    EXPECT_EQ(data.find("valid")->rows.size(), 2u) << lines;
    EXPECT_EQ(data.find("train")->rows.back() + 1, data.find("valid")->rows.front()) << lines;
  }
}

TEST(Text, WindowsAndTailSplit) {
  TempFolder folder;
  DataSettings settings;
  settings.window = 4;
  settings.valid.share = 0.25;
  const RawDataset data = openDataset(DataFormat::Text, folder.write("t.txt", "abcdefghijklmnopqrst"), settings);
  EXPECT_EQ(data.find("train")->rows.size(), 3u);  // 15 bytes
  EXPECT_EQ(textOf(data, "train", 2), "ijkl");
  EXPECT_EQ(data.find("valid")->rows.size(), 1u);
  EXPECT_EQ(textOf(data, "valid", 0), "pqrs");
}

TEST(Text, StrideOverlapsWindowsAndRowsCountWindows) {
  TempFolder folder;
  DataSettings settings;
  settings.window = 4;
  settings.stride = 1;
  settings.valid.rows = 3;
  settings.test.rows = 1;
  const RawDataset data = openDataset(DataFormat::Text, folder.write("t.txt", "abcdefghijklmnopqrst"), settings);
  EXPECT_EQ(data.find("test")->rows.size(), 1u);
  EXPECT_EQ(textOf(data, "test", 0), "qrst");
  EXPECT_EQ(data.find("valid")->rows.size(), 3u);
  EXPECT_EQ(textOf(data, "valid", 2), "mnop");
  EXPECT_EQ(data.find("train")->rows.size(), 7u);
  std::string gathered(8, '\0');
  const uint32_t rows[] = {1, 0};
  gatherRows(data.tables.back().fields[0], rows, reinterpret_cast<std::byte*>(gathered.data()));
  EXPECT_EQ(gathered, "bcdeabcd");
}

TEST(Text, TooShortAndWithoutWindowAreRefused) {
  TempFolder folder;
  const std::string path = folder.write("t.txt", "abc");
  DataSettings settings;
  EXPECT_THROW(openDataset(DataFormat::Text, path, settings), DataError);
  settings.window = 4;
  EXPECT_NE(errorOf([&] {
              openDataset(DataFormat::Text, path, settings);
            }).find("the train part has 3 bytes, less than one window of 4"),
            std::string::npos);
  settings.window = 2;
  settings.valid.rows = 1000;
  EXPECT_THROW(openDataset(DataFormat::Text, path, settings), DataError);
}

TEST(Vocabulary, IsTakenFromTheTrainingPart) {
  TempFolder folder;
  DataSettings settings;
  settings.window = 2;
  settings.valid.share = 0.5;
  const RawDataset data = openDataset(DataFormat::Text, folder.write("t.txt", "badbadzz"), settings);
  const Split& train = *data.find("train");
  const RawField& text = data.tableOf(train).at("text");
  const auto vocabulary = Vocabulary::of(Symbols::Chars, text, train.rows, 3, "t");
  EXPECT_EQ(vocabulary.symbols, (std::vector<std::string>{"a", "b", "d"}));
  EXPECT_EQ(errorOf([&] { Vocabulary::of(Symbols::Chars, text, train.rows, 2, "t"); }),
            "t: field `text`: the training rows have 3 different characters, but at most 2 are declared");
  EXPECT_EQ(errorOf([&] { Vocabulary::of(Symbols::Words, text, train.rows, 9, "t"); }),
            "t: field `text`: is no text by words; read it with `by = word`");
  const RawField numbers = vocabulary.encode(text, "t");
  EXPECT_EQ(elementAsInt(DType::I32, numbers.row(1), 0), 2);  // "db"
  EXPECT_EQ(errorOf([&] { vocabulary.encode(data.tableOf(*data.find("valid")).at("text"), "t"); }),
            "t: byte 6: the character `z` does not occur in the training text");
}

TEST(Vocabulary, OfWordsIsOrderedByFrequency) {
  EXPECT_EQ(wordsOf("In the BEGINNING, God\xC3\xA9 2x"),
            (std::vector<std::string>{"in", "the", "beginning", "god\xC3\xA9", "x"}));
  TempFolder folder;
  DataSettings settings;
  settings.window = 3;
  settings.stride = 1;
  settings.unit = TextUnit::Word;
  settings.valid.rows = 1;
  const RawDataset data = openDataset(
      DataFormat::Text, folder.write("t.txt", "the cat, the dog; The cat ate. (a bee) the zoo was"), settings);
  const Split& train = *data.find("train");
  EXPECT_EQ(train.rows.size(), 7U);
  const RawField& text = data.tableOf(train).at("text");
  const auto vocabulary = Vocabulary::of(Symbols::Words, text, train.rows, 5, "t");
  EXPECT_EQ(vocabulary.symbols, (std::vector<std::string>{"<unknown>", "the", "cat", "a", "ate"}));
  const RawField numbers = vocabulary.encode(text, "t");
  EXPECT_EQ(numbers.extents, std::vector<int64_t>{3});
  EXPECT_EQ(elementAsInt(DType::I32, numbers.row(2), 0), 1);  // the dog the
  EXPECT_EQ(elementAsInt(DType::I32, numbers.row(2), 1), 0);
  const RawTable& valid = data.tableOf(*data.find("valid"));
  EXPECT_EQ(elementAsInt(DType::I32, vocabulary.encode(valid.at("text"), "t").row(0), 0), 1);  // the zoo was
  EXPECT_EQ(errorOf([&] { Vocabulary::of(Symbols::Chars, text, train.rows, 99, "t"); }),
            "t: field `text`: is a text by words; its symbols are `words(raw.text)`");
}

TEST(Vocabulary, GoesThroughBytesUnharmed) {
  const Vocabulary all[] = {{Symbols::Chars, {std::string(1, '\0'), "\"", "\x80", "\xFF"}},
                            {Symbols::Words, {"<unknown>", "\xC3\xA9t\xC3", std::string(255, 'x')}},
                            {Symbols::Category, {"a b", "c"}}};
  for (const Vocabulary& v : all) {
    const auto back = Vocabulary::parse(v.bytes(300, "f", "t"));
    ASSERT_TRUE(back);
    EXPECT_EQ(back->kind, v.kind);
    EXPECT_EQ(back->symbols, v.symbols);
  }
  EXPECT_FALSE(Vocabulary::parse(std::string(9, '\0')));
  EXPECT_FALSE(Vocabulary::parse(std::string("\x04\x01x", 3)));
  EXPECT_FALSE(Vocabulary::parse(std::string("\x01\x05x", 3)));
  EXPECT_EQ(
      errorOf([] { Vocabulary{Symbols::Category, {"abc"}}.bytes(4, "f", "t"); }),
      "t: field `f`: its vocabulary takes 5 bytes, and the model has room for 4, by how many symbols are declared");
  EXPECT_NE(errorOf([] {
              Vocabulary{Symbols::Category, {std::string(256, 'x')}}.bytes(999, "f", "t");
            }).find("is longer than 255 bytes"),
            std::string::npos);
}

TEST(Text, LinesAreRowsWithLengths) {
  TempFolder folder;
  DataSettings settings;
  settings.window = 3;
  settings.textRows = TextRows::Line;
  const std::string path = folder.write("t.txt", "ab\r\n\nabcd\nb");
  const RawDataset data = openDataset(DataFormat::Text, path, settings);
  const RawTable& table = data.tables[0];
  ASSERT_EQ(table.rows, 3U);
  const RawField& text = table.at("text");
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(text.row(0)), 3), std::string("ab\0", 3));
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(text.row(1)), 3), "abc");
  EXPECT_EQ(text.lengths, (std::vector<int32_t>{2, 3, 1}));
  // Fillers are no symbols; a vocabulary is that of the rows it is taken from.
  const uint32_t first[] = {0, 2};
  const auto vocabulary = Vocabulary::of(Symbols::Chars, text, first, 9, "t");
  EXPECT_EQ(vocabulary.symbols, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(errorOf([&] { vocabulary.encode(text, "t"); }),
            "t: row 2: the character `c` does not occur in the training text");
  const RawField numbers = Vocabulary::of(Symbols::Chars, text, data.splits[0].rows, 9, "t").encode(text, "t");
  EXPECT_EQ(elementAsInt(DType::I32, numbers.row(0), 1), 1);
  EXPECT_EQ(elementAsInt(DType::I32, numbers.row(0), 2), 0);
  settings.unit = TextUnit::Word;
  settings.valid.rows = 1;
  const RawDataset words = openDataset(DataFormat::Text, folder.write("w.txt", "a b, c d\n.\nb"), settings);
  EXPECT_EQ(words.tables[0].rows, 2U);
  EXPECT_EQ(words.find("valid")->rows.size(), 1U);
  EXPECT_EQ(elementAsInt(DType::I32, words.tables[0].at("text").row(0), 2), 2);
}

TEST(Statistics, AreThoseOfAllRows) {
  Accumulator sums(2);
  for (double x : {1e9 + 1, 1e9 + 2, 1e9 + 3, 1e9 + 6}) sums.add({x, 5});
  EXPECT_EQ(sums.mean(), (std::vector<double>{1e9 + 3, 5}));
  EXPECT_NEAR(sums.deviation()[0], std::sqrt(14.0 / 4), 1e-9);
  EXPECT_EQ(sums.deviation()[1], 0);
  EXPECT_EQ(sums.min()[0], 1e9 + 1);
  EXPECT_EQ(sums.max()[0], 1e9 + 6);
}

TEST(Vocabulary, CategoriesAreNumberedByTrainingRows) {
  TempFolder folder;
  const RawDataset data = openDataset(DataFormat::Csv, folder.write("t.csv", "k\nred\nblue\nred\ngreen\n"), {});
  const RawField& field = data.tables[0].at("k");
  const auto all = Vocabulary::of(Symbols::Category, field, data.splits[0].rows, 3, "t");
  EXPECT_EQ(all.symbols, (std::vector<std::string>{"blue", "green", "red"}));
  EXPECT_EQ(elementAsInt(DType::I32, all.encode(field, "t").data, 3), 1);
  const uint32_t first[] = {0, 1};
  EXPECT_EQ(errorOf([&] { Vocabulary::of(Symbols::Category, field, first, 3, "t").encode(field, "t"); }),
            "t: row 4, column `k`: `green` does not occur in the training rows");
  EXPECT_EQ(errorOf([&] { Vocabulary::of(Symbols::Category, field, data.splits[0].rows, 2, "t"); }),
            "t: field `k`: the training rows have 3 different values, but at most 2 are declared");
}

TEST(Vocabulary, CategoriesMayBeNumbersButNotMissing) {
  TempFolder folder;
  const RawDataset data =
      openDataset(DataFormat::Csv, folder.write("t.csv", "n,k,x\n10,red,0.5\n9,,1\n10,blue,2\n"), {});
  const RawTable& table = data.tables[0];
  const auto& rows = data.splits[0].rows;
  const auto numbers = Vocabulary::of(Symbols::Category, table.at("n"), rows, 2, "t");
  EXPECT_EQ(numbers.symbols, (std::vector<std::string>{"9", "10"}));
  EXPECT_EQ(elementAsInt(DType::I32, numbers.encode(table.at("n"), "t").row(0), 0), 1);
  EXPECT_EQ(errorOf([&] { Vocabulary::of(Symbols::Category, table.at("k"), rows, 9, "t"); }),
            "t: row 2, column `k`: has no value");
  EXPECT_EQ(errorOf([&] { Vocabulary::of(Symbols::Category, table.at("x"), rows, 9, "t"); }),
            "t: field `x`: has no categories: they are strings or whole numbers");
}

TEST(Folds, BecomeTheValidationSplit) {
  TempFolder folder;
  DataSettings settings;
  settings.folds = 5;
  std::string text = "x\n";
  for (int i = 0; i < 11; ++i) text += std::to_string(i) + "\n";
  const std::string path = folder.write("t.csv", text);
  std::set<uint32_t> validated;
  for (settings.fold = 0; settings.fold < 5; ++settings.fold) {
    const RawDataset data = openDataset(DataFormat::Csv, path, settings);
    EXPECT_EQ(data.find("train")->rows.size() + data.find("valid")->rows.size(), 11U);
    for (uint32_t row : data.find("valid")->rows) EXPECT_TRUE(validated.insert(row).second);
  }
  EXPECT_EQ(validated.size(), 11U);
  settings = {};
  settings.folds = 12;
  EXPECT_NE(errorOf([&] { openDataset(DataFormat::Csv, path, settings); }).find("`folds = 12`: there are 11 rows"),
            std::string::npos);
}

TEST(Folds, PartitionTheRows) {
  std::vector<uint32_t> rows(11);
  std::iota(rows.begin(), rows.end(), 100U);
  std::multiset<uint32_t> validated;
  for (uint32_t fold = 0; fold < 3; ++fold) {
    const auto [train, valid] = foldRows(rows, 3, fold, 5);
    EXPECT_EQ(train.size() + valid.size(), 11u);
    validated.insert(valid.begin(), valid.end());
  }
  EXPECT_EQ(std::vector<uint32_t>(validated.begin(), validated.end()), rows);
}

std::string greyPng(std::vector<uint8_t> pixels, int64_t height, int64_t width) {
  return pngGrid({DType::U8, {height, width}, reinterpret_cast<const std::byte*>(pixels.data())}, "test");
}

TEST(Images, FoldersAreLabels) {
  TempFolder folder;
  folder.write("train/cat/1.png", greyPng({1, 2, 3, 4, 5, 6}, 2, 3));
  folder.write("train/dog/1.PNG", greyPng({7, 8, 9, 10, 11, 12}, 2, 3));
  folder.write("train/dog/notes.txt", "no image");
  folder.write("test/dog/1.png", greyPng({0, 0, 0, 0, 0, 9}, 2, 3));
  const RawDataset data = openDataset(DataFormat::Images, folder.path(), {});
  const RawTable& train = data.tables[0];
  EXPECT_EQ(train.at("image").extents, (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(std::to_integer<int>(train.at("image").row(1)[0]), 7);
  EXPECT_EQ(train.at("label").categories, (std::vector<std::string>{"cat", "dog"}));
  EXPECT_EQ(elementAsInt(DType::I32, data.tables[1].at("label").data, 0), 1);
}

TEST(Images, JpegIsReadAsColor) {
  std::string jpeg;
  const std::vector<uint8_t> pixels(16 * 8 * 3, 200);
  stbi_write_jpg_to_func(
      [](void* out, void* data, int size) {
        static_cast<std::string*>(out)->append(static_cast<const char*>(data), static_cast<size_t>(size));
      },
      &jpeg, 16, 8, 3, pixels.data(), 90);
  TempFolder folder;
  const DecodedImage image = readImage(folder.write("x.jpg", jpeg));
  EXPECT_EQ(image.shape, (std::vector<int64_t>{8, 16, 3}));
  EXPECT_NEAR(std::to_integer<int>(image.pixels.data()[100]), 200, 3);
  EXPECT_THROW(readImage(folder.write("cut.jpg", jpeg.substr(0, 40))), DataError);
}

std::string pngOf(const std::vector<uint8_t>& pixels, int width, int height, int channels) {
  std::string png;
  stbi_write_png_to_func(
      [](void* out, void* data, int size) {
        static_cast<std::string*>(out)->append(static_cast<const char*>(data), static_cast<size_t>(size));
      },
      &png, width, height, channels, pixels.data(), width * channels);
  return png;
}

TEST(Images, AreOpaque) {
  TempFolder folder;
  const DecodedImage grey = readImage(folder.write("grey.png", pngOf({7, 255, 8, 255}, 2, 1, 2)));
  EXPECT_EQ(grey.shape, (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(std::to_integer<int>(grey.pixels.data()[1]), 8);
  const DecodedImage color = readImage(folder.write("color.png", pngOf({1, 2, 3, 255, 4, 5, 6, 255}, 1, 2, 4)));
  EXPECT_EQ(color.shape, (std::vector<int64_t>{2, 1, 3}));
  EXPECT_EQ(std::to_integer<int>(color.pixels.data()[3]), 4);
  const std::string glass = folder.write("glass.png", pngOf({1, 2, 3, 255, 4, 5, 6, 254}, 1, 2, 4));
  EXPECT_NE(errorOf([&] { readImage(glass); }).find(glass + ": has transparent pixels"), std::string::npos);
}

TEST(Images, DifferentSizesDamagedFilesAndUnknownLabelsAreRefused) {
  TempFolder folder;
  folder.write("a/1.png", greyPng({1, 2, 3, 4}, 2, 2));
  const std::string other = folder.write("a/2.png", greyPng({1, 2}, 1, 2));
  EXPECT_NE(errorOf([&] { readImageFolders(folder.path()); }).find(other + ": the image has shape [1, 2]"),
            std::string::npos);
  folder.write("a/2.png", greyPng({1, 2, 3, 4}, 2, 2).substr(0, 50));
  EXPECT_THROW(readImageFolders(folder.path()), DataError);
  folder.write("a/2.png", "not an image");
  EXPECT_THROW(readImageFolders(folder.path()), DataError);
  TempFolder split;
  split.write("train/a/1.png", greyPng({1}, 1, 1));
  split.write("test/b/1.png", greyPng({1}, 1, 1));
  EXPECT_NE(errorOf([&] { readImageFolders(split.path()); }).find("the label `b` has no folder"), std::string::npos);
}

TEST(FashionMnist, IsReadWhereItIsInstalled) {
  const std::string path = "/usr/share/datasets/fashion-mnist";
  if (!std::filesystem::exists(path + "/train-images-idx3-ubyte.gz"))
    GTEST_SKIP() << "dataset-fashion-mnist is not installed";
  DataSettings settings;
  settings.valid.rows = 5000;
  const RawDataset data = openDataset(DataFormat::Idx, path, settings);
  EXPECT_EQ(data.find("train")->rows.size(), 55000u);
  EXPECT_EQ(data.find("valid")->rows.size(), 5000u);
  EXPECT_EQ(data.find("test")->rows.size(), 10000u);
  EXPECT_EQ(data.tables[0].at("image").extents, (std::vector<int64_t>{28, 28}));
}

}  // namespace
}  // namespace nnc::train::test
