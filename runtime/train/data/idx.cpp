#include "runtime/train/data/idx.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <map>

#include "runtime/train/data/inflate.h"
#include "runtime/train/error.h"

namespace nnc::train {

namespace {

/// Sequential reads from a file's bytes, inflated on the way if they are gzipped.
class Source {
public:
  Source(const Buffer& bytes, const std::string& file) : bytes_(bytes) {
    if (looksLikeGzip(bytes.span())) inflater_.emplace(bytes.span(), Inflater::Form::Gzip, file);
  }

  size_t read(std::byte* out, size_t count) {
    if (inflater_) return inflater_->read({out, count});
    const size_t got = std::min(count, bytes_.size() - at_);
    if (got) std::memcpy(out, bytes_.data() + at_, got);
    at_ += got;
    return got;
  }

  /// No stream of these bytes can give more; known before anything is read.
  uint64_t mostBytes() const { return bytes_.size() * (inflater_ ? kMostDeflateRatio : 1); }

private:
  const Buffer& bytes_;
  std::optional<Inflater> inflater_;
  size_t at_ = 0;
};

std::optional<DType> idxType(unsigned code) {
  switch (code) {
    case 0x08:
      return DType::U8;
    case 0x09:
      return DType::I8;
    case 0x0B:
      return DType::I16;
    case 0x0C:
      return DType::I32;
    case 0x0D:
      return DType::F32;
    case 0x0E:
      return DType::F64;
    default:
      return std::nullopt;
  }
}

struct IdxHeader {
  DType dtype;
  std::vector<int64_t> extents;
  size_t size() const { return 4 + 4 * extents.size(); }
};

IdxHeader readHeader(Source& source, const std::string& path) {
  std::byte magic[4];
  if (source.read(magic, 4) != 4) throw DataError(path, "byte 0", "too short for an IDX header of at least 8 bytes");
  const auto dtype = idxType(std::to_integer<unsigned>(magic[2]));
  if (magic[0] != std::byte{0} || magic[1] != std::byte{0} || !dtype) {
    throw DataError(path, "byte 0",
                    fmt::format("expected IDX's 00 00 and an element type of 08, 09, 0b … 0e, found {:08x}",
                                loadBe<uint32_t>(magic)));
  }
  const auto rank = std::to_integer<size_t>(magic[3]);
  if (rank == 0) throw DataError(path, "byte 3", "the rank is 0; expected at least the axis of the rows");
  std::vector<std::byte> words(4 * rank);
  const size_t got = source.read(words.data(), words.size());
  if (got != words.size()) {
    throw DataError(path, atByte(4 + got), fmt::format("the header of rank {} is cut off", rank));
  }
  IdxHeader header{*dtype, {}};
  for (size_t axis = 0; axis < rank; ++axis) header.extents.push_back(loadBe<uint32_t>(words.data() + 4 * axis));
  return header;
}

struct FileName {
  std::string split, field;
};

/// Split and field of a file name, or nothing if it is not an IDX file's.
std::optional<FileName> parseName(std::string name) {
  if (name.ends_with(".gz")) name.resize(name.size() - 3);
  size_t end = name.rfind("-idx");
  if (end == std::string::npos) end = name.rfind(".idx");
  const size_t dash = name.find('-');
  if (end == std::string::npos || dash == std::string::npos || dash >= end) return std::nullopt;
  FileName parsed{name.substr(0, dash), name.substr(dash + 1, end - dash - 1)};
  if (parsed.split == "t10k") parsed.split = "test";
  if (parsed.split != "train" && parsed.split != "valid" && parsed.split != "test") return std::nullopt;
  if (parsed.field == "images" || parsed.field == "labels") parsed.field.pop_back();
  return parsed;
}

}  // namespace

RawField readIdx(const std::string& path, std::string fieldName) {
  return parseIdx(readFile(path), path, std::move(fieldName));
}

RawField parseIdx(const Buffer& file, const std::string& path, std::string fieldName) {
  Source source(file, path);
  IdxHeader header = readHeader(source, path);
  const auto promised = checkedBytes(header.extents, sizeOf(header.dtype));
  const std::string shape = fmt::format("{}{}", nameOf(header.dtype), shapeText(header.extents));
  if (!promised || *promised > source.mostBytes()) {
    throw DataError(
        path, "byte 4",
        fmt::format("the header promises {}, far more than a file of {} bytes can hold", shape, file.size()));
  }
  Buffer elements(*promised);
  const size_t got = source.read(elements.data(), elements.size());
  if (got != elements.size()) {
    throw DataError(
        path, atByte(header.size() + got),
        fmt::format("the header promises {}, {} bytes of elements, but there are {}", shape, elements.size(), got));
  }
  std::byte more;
  if (source.read(&more, 1) != 0) {
    throw DataError(path, atByte(header.size() + got), fmt::format("bytes follow the {} elements of {}", got, shape));
  }
  const auto rows = static_cast<uint64_t>(header.extents[0]);
  swapBytes(elements.data(), elements.size() / sizeOf(header.dtype), sizeOf(header.dtype));
  header.extents.erase(header.extents.begin());
  return packedField(std::move(fieldName), header.dtype, std::move(header.extents), rows, std::move(elements));
}

RawDataset readIdxFolder(const std::string& folder) {
  std::map<std::string, std::vector<RawField>> fields;
  for (const std::string& name : listFolder(folder)) {
    const auto parsed = parseName(name);
    if (!parsed) continue;
    auto& ofSplit = fields[parsed->split];
    // A file and its .gz side by side hold the same data; the plain one sorts first and is taken.
    if (std::any_of(ofSplit.begin(), ofSplit.end(), [&](const RawField& f) { return f.name == parsed->field; }))
      continue;
    ofSplit.push_back(readIdx(folder + "/" + name, parsed->field));
  }
  RawDataset dataset;
  for (const char* split : {"train", "valid", "test"}) {
    if (!fields.count(split)) continue;
    dataset.tables.push_back(makeTable(folder, std::move(fields[split])));
    dataset.splits.push_back({split, dataset.tables.size() - 1, {}});
  }
  if (dataset.splits.empty() || dataset.splits[0].name != "train") {
    throw DataError(folder, "", "holds no IDX files of a training split (train-<field>-idx…)");
  }
  return dataset;
}

}  // namespace nnc::train
