#include "runtime/train/data/npy.h"

#include "runtime/train/data/zip.h"
#include "runtime/train/output/tensor_text.h"
#include "support.h"

namespace nnc::train::test {
namespace {

std::string npy(const std::string& header, const std::string& elements, char version = 1) {
  std::string bytes = std::string("\x93NUMPY") + version + '\0';
  bytes += version == 1 ? bytesOf(static_cast<uint16_t>(header.size())) : bytesOf(static_cast<uint32_t>(header.size()));
  return bytes + header + elements;
}

NpyArray parsedNpy(const std::string& bytes) {
  return parseNpy(bufferOf(bytes).span(), "x.npy");
}

std::string errorInNpy(const std::string& header, const std::string& elements = "") {
  return errorOf([&] { parsedNpy(npy(header, elements)); });
}

struct Member {
  std::string name, content;
  bool deflate = false;
};

std::string rawDeflated(const std::string& bytes) {
  const std::string gz = gzipped(bytes);  // a header of 10 bytes, the stream, a trailer of 8
  return gz.substr(10, gz.size() - 18);
}

std::string zip(const std::vector<Member>& members) {
  std::string archive, directory;
  for (const Member& m : members) {
    const std::string stored = m.deflate ? rawDeflated(m.content) : m.content;
    const auto crc = static_cast<uint32_t>(
        crc32(0, reinterpret_cast<const Bytef*>(m.content.data()), static_cast<uInt>(m.content.size())));
    const std::string common = bytesOf<uint16_t>(0) + bytesOf<uint16_t>(m.deflate ? 8 : 0) + bytesOf<uint32_t>(0) +
                               bytesOf(crc) + bytesOf(static_cast<uint32_t>(stored.size())) +
                               bytesOf(static_cast<uint32_t>(m.content.size())) +
                               bytesOf(static_cast<uint16_t>(m.name.size())) + bytesOf<uint16_t>(0);
    directory += "PK\1\2" + bytesOf<uint16_t>(20) + bytesOf<uint16_t>(20) + common + std::string(10, '\0') +
                 bytesOf(static_cast<uint32_t>(archive.size())) + m.name;
    archive += "PK\3\4" + bytesOf<uint16_t>(20) + common + m.name + stored;
  }
  const auto count = static_cast<uint16_t>(members.size());
  return archive + directory + "PK\5\6" + std::string(4, '\0') + bytesOf(count) + bytesOf(count) +
         bytesOf(static_cast<uint32_t>(directory.size())) + bytesOf(static_cast<uint32_t>(archive.size())) +
         std::string(2, '\0');
}

const std::string kSmall = npy("{'descr': '<i2', 'fortran_order': False, 'shape': (2, 3), }\n",
                               bytesOf<int16_t>(1) + bytesOf<int16_t>(2) + bytesOf<int16_t>(3) + bytesOf<int16_t>(4) +
                                   bytesOf<int16_t>(5) + bytesOf<int16_t>(-6));

TEST(Npy, ReadsShapeAndElements) {
  const NpyArray array = parsedNpy(kSmall);
  EXPECT_EQ(array.dtype, DType::I16);
  EXPECT_EQ(array.shape, (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(elementAsInt(array.dtype, array.bytes.data(), 5), -6);
}

TEST(Npy, FortranOrderAndBigEndianBecomeCOrderAndLittleEndian) {
  std::string elements;
  for (int value : {0, 10, 1, 11, 2, 12}) elements += std::string("\0\0\0", 3) + static_cast<char>(value);
  const NpyArray array = parsedNpy(npy("{'descr': '>u4', 'fortran_order': True, 'shape': (2, 3)}", elements, 2));
  for (int row = 0; row < 2; ++row) {
    for (int column = 0; column < 3; ++column) {
      EXPECT_EQ(elementAsInt(array.dtype, array.bytes.data(), static_cast<size_t>(row * 3 + column)),
                row * 10 + column);
    }
  }
}

TEST(Npy, WhatIsWrittenReadsBack) {
  const float values[] = {1.5F, -2, 0, 4, 5, 6};
  for (const std::vector<int64_t>& shape : {std::vector<int64_t>{}, {6}, {2, 3}, {1, 0}}) {
    const TensorView view{DType::F32, shape, reinterpret_cast<const std::byte*>(values)};
    const std::string content = npyContent(view);
    EXPECT_EQ((content.size() - view.bytes()) % 64, 0u);
    const NpyArray back = parsedNpy(content);
    EXPECT_EQ(back.shape, shape);
    EXPECT_EQ(back.bytes.text(), std::string_view(reinterpret_cast<const char*>(values), view.bytes()));
  }
}

TEST(Npy, EveryTruncationIsRefused) {
  expectAllPrefixesRefused(kSmall, [](const std::string& bytes) { parsedNpy(bytes); });
}

TEST(Npy, DamageIsSurvived) {
  expectDamageSurvived(kSmall, [](const std::string& bytes) { parsedNpy(bytes); });
}

TEST(Npy, LyingHeadersAreRefused) {
  EXPECT_EQ(errorInNpy("{'descr': '<f4', 'fortran_order': False, 'shape': (3,)}", std::string(8, 'x')),
            "x.npy: the header promises f32[3], 12 bytes, but 8 bytes of elements follow");
  EXPECT_EQ(errorInNpy("{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296)}"),
            "x.npy: the header promises f32[4294967296, 4294967296], but 0 bytes of elements follow");
  EXPECT_THROW(parsedNpy(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}", "")), DataError);
  EXPECT_THROW(parsedNpy(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}", "")),
               DataError);
  EXPECT_THROW(parsedNpy(npy("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': ()}", "")), DataError);
  EXPECT_THROW(parsedNpy(npy("{'fortran_order': False, 'shape': ()}", "")), DataError);
}

TEST(Npy, UnsupportedElementsAreNamed) {
  EXPECT_NE(errorInNpy("{'descr': '<c8', 'fortran_order': False, 'shape': (0,)}").find("elements of type `<c8`"),
            std::string::npos);
  EXPECT_NE(errorInNpy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (0,)}").find("records"),
            std::string::npos);
}

TEST(Npz, StoredAndDeflatedMembersBecomeFields) {
  TempFolder folder;
  const RawTable table = readNpyTable(folder.write("x.npz", zip({{"a.npy", kSmall}, {"b.npy", kSmall, true}})));
  EXPECT_EQ(table.rows, 2u);
  EXPECT_EQ(table.at("a").extents, std::vector<int64_t>{3});
  EXPECT_EQ(elementAsInt(DType::I16, table.at("b").row(1), 2), -6);
}

TEST(Npz, EveryTruncationIsRefusedAndDamageSurvived) {
  TempFolder folder;
  const auto read = [&](const std::string& bytes) { readNpyTable(folder.write("x.npz", bytes)); };
  const std::string archive = zip({{"a.npy", kSmall}, {"b.npy", kSmall, true}});
  expectAllPrefixesRefused(archive, read);
  expectDamageSurvived(archive, read);
}

TEST(Npz, DamageInAMemberIsFoundByItsChecksum) {
  TempFolder folder;
  std::string archive = zip({{"a.npy", kSmall}});
  archive[archive.find('\x05')] ^= 0x40;
  EXPECT_NE(errorOf([&] { readNpyTable(folder.write("x.npz", archive)); }).find("member `a.npy`: has checksum"),
            std::string::npos);
}

TEST(Npz, PromiseBeyondDeflatesRatioIsRefusedBeforeAllocating) {
  std::string archive = zip({{"a.npy", kSmall, true}});
  const size_t central = archive.find("PK\1\2");
  archive.replace(central + 24, 4, "\xF0\xFF\xFF\xFF");
  EXPECT_NE(errorOf([&] { readZipDirectory(bufferOf(archive).span(), "x.npz"); }).find("compressed bytes can hold"),
            std::string::npos);
}

TEST(Npz, DoubledMembersAndDifferentRowCountsAreRefused) {
  TempFolder folder;
  EXPECT_THROW(readNpyTable(folder.write("x.npz", zip({{"a.npy", kSmall}, {"a.npy", kSmall}}))), DataError);
  const std::string one = npy("{'descr': '|u1', 'fortran_order': False, 'shape': (1,)}", "x");
  EXPECT_THROW(readNpyTable(folder.write("x.npz", zip({{"a.npy", kSmall}, {"b.npy", one}}))), DataError);
  const std::string scalar = npy("{'descr': '|u1', 'fortran_order': False, 'shape': ()}", "x");
  EXPECT_THROW(readNpyTable(folder.write("x.npz", zip({{"a.npy", scalar}}))), DataError);
}

TEST(NpyFolder, FilesBecomeFields) {
  TempFolder folder;
  folder.write("a.npy", kSmall);
  folder.write("b.npy", kSmall);
  EXPECT_EQ(readNpyTable(folder.path()).fields.size(), 2u);
}

}  // namespace
}  // namespace nnc::train::test
