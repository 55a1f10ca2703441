#include "runtime/train/safetensors.h"

#include "runtime/train/weight_report.h"
#include "support.h"

namespace nnc::train::test {
namespace {

const float kFloats[] = {1, 2, 3, 4, 5, 6};
const int64_t kLongs[] = {7, 8};

template <class T>
TensorView view(DType dtype, std::vector<int64_t> shape, const T* data) {
  return {dtype, std::move(shape), reinterpret_cast<const std::byte*>(data)};
}

std::vector<NamedTensor> smallModel() {
  return {{"net.w", view(DType::F32, {2, 3}, kFloats)},
          {"net.b", view(DType::F32, {}, kFloats)},
          {"adam.k", view(DType::I64, {2}, kLongs)},
          {"empty", view(DType::U8, {0, 4}, kFloats)}};
}

std::string written(const TempFolder& folder) {
  writeSafetensors(folder / "w.safetensors", smallModel(), {{"step", "12"}});
  return std::string(readFile(folder / "w.safetensors").text());
}

void parseSafetensors(const std::string& bytes) {
  SafetensorsFile::parse(bufferOf(bytes), "w.safetensors");
}

/// A file of a hand-written header and `data` bytes of tensors.
std::string withHeader(const std::string& header, size_t data) {
  return bytesOf(static_cast<uint64_t>(header.size())) + header + std::string(data, '\0');
}

std::string errorInSafetensors(const std::string& header, size_t data) {
  return errorOf([&] { parseSafetensors(withHeader(header, data)); });
}

TEST(Safetensors, WhatIsWrittenReadsBack) {
  TempFolder folder;
  written(folder);
  const SafetensorsFile file = SafetensorsFile::read(folder / "w.safetensors");
  EXPECT_EQ(file.tensors().size(), 4u);
  EXPECT_EQ(file.metadata().at("step"), "12");
  const TensorView* w = file.find("net.w");
  ASSERT_NE(w, nullptr);
  EXPECT_EQ(w->shape, (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(elementAsDouble(w->dtype, w->data, 5), 6);
  EXPECT_EQ(elementAsInt(DType::I64, file.find("adam.k")->data, 1), 8);
  EXPECT_EQ(file.find("net"), nullptr);
}

TEST(Safetensors, DataAreAlignedAndTheBytesDependOnContentOnly) {
  TempFolder folder;
  const std::string bytes = written(folder);
  EXPECT_EQ((8 + loadLe<uint64_t>(reinterpret_cast<const std::byte*>(bytes.data()))) % 64, 0u);
  auto reversed = smallModel();
  std::reverse(reversed.begin(), reversed.end());
  writeSafetensors(folder / "again", reversed, {{"step", "12"}});
  EXPECT_EQ(readFile(folder / "again").text(), bytes);
  const SafetensorsFile file = SafetensorsFile::parse(bufferOf(bytes), "");
  for (const auto& [name, tensor] : file.tensors()) {
    if (tensor.bytes() == 0) continue;
    EXPECT_EQ(reinterpret_cast<uintptr_t>(tensor.data) % sizeOf(tensor.dtype), 0u) << name;
  }
}

TEST(Safetensors, EveryTruncationIsRefused) {
  TempFolder folder;
  expectAllPrefixesRefused(written(folder), parseSafetensors);
}

TEST(Safetensors, DamageIsSurvived) {
  TempFolder folder;
  expectDamageSurvived(written(folder), parseSafetensors);
}

TEST(Safetensors, DamagedDataAreFoundByTheChecksum) {
  TempFolder folder;
  std::string bytes = written(folder);
  bytes.back() ^= 1;
  EXPECT_NE(errorOf([&] { parseSafetensors(bytes); }).find("checksum"), std::string::npos);
}

TEST(Safetensors, LyingHeadersAreRefused) {
  EXPECT_THROW(parseSafetensors(std::string(8, '\xFF')), DataError);
  EXPECT_THROW(parseSafetensors(bytesOf<uint64_t>(99) + "{}"), DataError);
  const std::string a = R"("a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]})";
  parseSafetensors(withHeader("{" + a + "}   ", 8));
  EXPECT_NE(errorInSafetensors("{" + a + "}", 12).find("has 12 bytes of tensor data, but its header describes 8"),
            std::string::npos);
  EXPECT_NE(errorInSafetensors("{" + a + "}", 4).find("lies at bytes 0 to 8 of 4"), std::string::npos);
  EXPECT_NE(errorInSafetensors("{" + a + "," + a + "}", 8).find("the key `a` stands there twice"), std::string::npos);
  const auto second = [&](const std::string& b) { return "{" + a + R"(,"b":)" + b + "}"; };
  EXPECT_NE(errorInSafetensors(second(R"({"dtype":"U8","shape":[4],"data_offsets":[4,8]})"), 8).find("overlaps"),
            std::string::npos);
  EXPECT_NE(errorInSafetensors(second(R"({"dtype":"U8","shape":[4],"data_offsets":[9,13]})"), 13).find("hole"),
            std::string::npos);
  EXPECT_NE(errorInSafetensors(second(R"({"dtype":"U8","shape":[5],"data_offsets":[8,12]})"), 12)
                .find("does not fill the 4 bytes"),
            std::string::npos);
  EXPECT_NE(
      errorInSafetensors(second(R"({"dtype":"Q8","shape":[4],"data_offsets":[8,12]})"), 12).find("unknown dtype `Q8`"),
      std::string::npos);
  EXPECT_THROW(parseSafetensors(withHeader(second(R"({"dtype":"U8","shape":[-4],"data_offsets":[8,12]})"), 12)),
               DataError);
  EXPECT_THROW(
      parseSafetensors(withHeader(second(R"({"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[8,8]})"), 8)),
      DataError);
  EXPECT_THROW(parseSafetensors(withHeader(second(R"({"dtype":"U8","shape":[4],"data_offsets":[12,8]})"), 12)),
               DataError);
  EXPECT_THROW(parseSafetensors(withHeader(second(R"({"dtype":"U8","shape":[4],"data_offsets":[8,12],"x":1})"), 12)),
               DataError);
  EXPECT_THROW(parseSafetensors(withHeader(second(R"({"dtype":"U8","shape":[1e999],"data_offsets":[8,12]})"), 12)),
               DataError);
  EXPECT_THROW(parseSafetensors(withHeader(R"({"__metadata__":{"a":1}})", 0)), DataError);
  EXPECT_THROW(parseSafetensors(withHeader("[]", 0)), DataError);
  EXPECT_THROW(parseSafetensors(withHeader("{\"\xFF\":1}", 0)), DataError);
}

TEST(Safetensors, DeepNestingIsRefused) {
  EXPECT_NE(errorInSafetensors("{\"a\":" + std::string(100000, '['), 0).find("nested deeper"), std::string::npos);
}

TEST(WeightReport, NamesWhatDoesNotFit) {
  TempFolder folder;
  written(folder);
  const SafetensorsFile file = SafetensorsFile::read(folder / "w.safetensors");
  const WeightReport report =
      compareWeights(file, {{"net.w", DType::F32, {3, 2}}, {"net.b", DType::F32, {}}, {"net.c", DType::F32, {1}}});
  EXPECT_EQ(report.matched, std::vector<std::string>{"net.b"});
  EXPECT_FALSE(report.loadable());
  EXPECT_EQ(report.text(1),
            "  missing: `net.c`\n"
            "  mismatched: `net.w`: the model has f32[3, 2], the file f32[2, 3]\n"
            "  unexpected: `adam.k`\n  … and 1 more\n"
            "1 matched, 1 missing, 1 mismatched, 2 unexpected");
  EXPECT_THROW(requireLoadable(report, "w"), DataError);
  EXPECT_TRUE(compareWeights(file, {{"net.b", DType::F32, {}}}).loadable());
}

}  // namespace
}  // namespace nnc::train::test
