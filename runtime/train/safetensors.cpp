#include "runtime/train/safetensors.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <nlohmann/json.hpp>
#include <set>

#include "runtime/train/error.h"

namespace nnc::train {

namespace {

using Json = nlohmann::json;
using OrderedJson = nlohmann::ordered_json;  // only to write: it looks keys up one by one

constexpr size_t kLengthBytes = 8;
constexpr size_t kMostHeader = 100'000'000;  // the limit of the reference implementation
constexpr size_t kAlignment = 64;
constexpr size_t kMostDepth = 3;  // header, tensor, its shape
constexpr std::string_view kMetadataKey = "__metadata__", kChecksumKey = "crc32";

/// By the value of DType; Text has none.
constexpr std::array<std::string_view, 13> kDTypeNames = {"BOOL", "U8",  "I8",  "U16",  "I16", "U32", "I32",
                                                          "U64",  "I64", "F16", "BF16", "F32", "F64"};

std::string checksum(std::span<const TensorView> tensors) {
  uLong crc = crc32_z(0, nullptr, 0);
  for (const TensorView& tensor : tensors) {
    if (tensor.bytes()) crc = crc32_z(crc, reinterpret_cast<const Bytef*>(tensor.data), tensor.bytes());
  }
  return fmt::format("{:08x}", crc);
}

/// Reads a header without keeping it, and refuses keys that stand twice and nesting deeper than a header has. (A
/// callback of the parser could do the same, but then it looks through an object each time that one in it ends.)
class HeaderCheck final : public nlohmann::json_sax<Json> {
public:
  explicit HeaderCheck(const std::string& path) : path_(path) {}

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(size_t) override { return open(); }
  bool start_array(size_t) override { return open(); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(string_t& key) override {
    if (!keys_.back().insert(key).second)
      throw DataError(path_, "header", fmt::format("the key {} stands there twice", ticked(key)));
    return true;
  }
  bool parse_error(size_t byte, const std::string&, const Json::exception& error) override {
    if (dynamic_cast<const Json::parse_error*>(&error))
      throw DataError(path_, atByte(kLengthBytes + (byte ? byte - 1 : 0)), "the header is not valid JSON here");
    throw DataError(path_, "header", "the JSON holds a number that is out of range");
  }

private:
  bool open() {
    if (keys_.size() >= kMostDepth)
      throw DataError(path_, "header", "the JSON is nested deeper than a safetensors header is");
    keys_.emplace_back();
    return true;
  }
  bool close() {
    keys_.pop_back();
    return true;
  }

  const std::string& path_;
  std::vector<std::set<std::string>> keys_;  // of the objects and lists that are open
};

Json parseHeader(std::string_view text, const std::string& path) {
  HeaderCheck check(path);
  Json::sax_parse(text.begin(), text.end(), &check);
  return Json::parse(text.begin(), text.end());
}

struct Entry {
  NamedTensor named;
  uint64_t begin, end;
};

class HeaderReader {
public:
  HeaderReader(const std::string& path, std::span<const std::byte> data) : path_(path), data_(data) {}

  Metadata metadata(const Json& value) const {
    Metadata metadata;
    if (!value.is_object()) fail(kMetadataKey, "is no JSON object");
    for (const auto& [key, text] : value.items()) {
      if (!text.is_string()) fail(kMetadataKey, fmt::format("has a value at {} that is no string", ticked(key)));
      metadata[key] = text.get<std::string>();
    }
    return metadata;
  }

  Entry entry(const std::string& name, const Json& value) const {
    if (!value.is_object() || value.size() != 3 || !value.contains("dtype") || !value.contains("shape") ||
        !value.contains("data_offsets")) {
      fail(name, "expected exactly the keys `dtype`, `shape` and `data_offsets`");
    }
    Entry entry{{name, {}}, 0, 0};
    TensorView& tensor = entry.named.tensor;
    tensor.dtype = dtype(name, value["dtype"]);
    for (uint64_t extent : numbers(name, value["shape"], "shape")) {
      if (extent > INT64_MAX) fail(name, fmt::format("has an extent of {}", extent));
      tensor.shape.push_back(static_cast<int64_t>(extent));
    }
    const auto offsets = numbers(name, value["data_offsets"], "data_offsets");
    if (offsets.size() != 2) fail(name, fmt::format("has {} data offsets; expected begin and end", offsets.size()));
    entry.begin = offsets[0];
    entry.end = offsets[1];
    if (entry.begin > entry.end || entry.end > data_.size()) {
      fail(name,
           fmt::format("lies at bytes {} to {} of {} bytes of tensor data", entry.begin, entry.end, data_.size()));
    }
    const auto bytes = checkedBytes(tensor.shape, sizeOf(tensor.dtype));
    if (!bytes || *bytes != entry.end - entry.begin) {
      fail(name, fmt::format("is {}{}, which does not fill the {} bytes of its offsets", nameOf(tensor.dtype),
                             shapeText(tensor.shape), entry.end - entry.begin));
    }
    tensor.data = data_.data() + entry.begin;
    return entry;
  }

private:
  [[noreturn]] void fail(std::string_view name, const std::string& message) const {
    throw DataError(path_, fmt::format("tensor {}", ticked(name)), message);
  }

  DType dtype(const std::string& name, const Json& value) const {
    const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
    const auto* it = std::find(kDTypeNames.begin(), kDTypeNames.end(), text);
    if (it == kDTypeNames.end()) fail(name, fmt::format("has the unknown dtype {}", ticked(text)));
    return static_cast<DType>(it - kDTypeNames.begin());
  }

  std::vector<uint64_t> numbers(const std::string& name, const Json& value, const char* key) const {
    std::vector<uint64_t> list;
    if (!value.is_array()) fail(name, fmt::format("`{}` is no list", key));
    for (const Json& item : value) {
      if (!item.is_number_unsigned())
        fail(name, fmt::format("`{}` holds {}, no whole number ≥ 0", key, ticked(item.dump())));
      list.push_back(item.get<uint64_t>());
    }
    return list;
  }

  const std::string& path_;
  std::span<const std::byte> data_;
};

/// Entries in the order of their data must follow each other from the first byte to the last.
void checkNoHoles(std::vector<Entry>& entries, uint64_t size, const std::string& path) {
  std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  uint64_t expected = 0;
  for (const Entry& entry : entries) {
    if (entry.begin != expected) {
      throw DataError(path, fmt::format("tensor {}", ticked(entry.named.name)),
                      fmt::format("begins at byte {} of the tensor data; {} at byte {}", entry.begin,
                                  entry.begin < expected ? "the one before it overlaps and ends"
                                                         : "there is a hole, the one before it ends",
                                  expected));
    }
    expected = entry.end;
  }
  if (expected != size) {
    throw DataError(path, "", fmt::format("has {} bytes of tensor data, but its header describes {}", size, expected));
  }
}

/// The tensors' JSON entries and metadata, padded so that the data begin at a multiple of kAlignment.
std::string headerText(const std::vector<NamedTensor>& tensors, const Metadata& metadata) {
  OrderedJson header = OrderedJson::object();
  header[std::string(kMetadataKey)] = metadata;
  uint64_t offset = 0;
  for (const auto& [name, tensor] : tensors) {
    const uint64_t end = offset + tensor.bytes();
    OrderedJson entry = OrderedJson::object();
    entry["dtype"] = kDTypeNames[static_cast<size_t>(tensor.dtype)];
    entry["shape"] = tensor.shape;
    entry["data_offsets"] = {offset, end};
    header[name] = std::move(entry);
    offset = end;
  }
  // Paths come from sources that were checked to be UTF-8; other metadata may not be: their bad bytes are replaced.
  std::string text = header.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
  text.append((kAlignment - (kLengthBytes + text.size()) % kAlignment) % kAlignment, ' ');
  return text;
}

}  // namespace

SafetensorsFile SafetensorsFile::read(const std::string& path) {
  return parse(readFile(path), path);
}

SafetensorsFile SafetensorsFile::parse(Buffer bytes, const std::string& path) {
  if (bytes.size() < kLengthBytes) {
    throw DataError(path, "byte 0",
                    fmt::format("has {} bytes; a safetensors file begins with 8 of the header's length", bytes.size()));
  }
  const auto length = loadLe<uint64_t>(bytes.data());
  if (length > kMostHeader || length > bytes.size() - kLengthBytes) {
    throw DataError(path, "byte 0",
                    fmt::format("promises a header of {} bytes, but the file has {}", length, bytes.size()));
  }
  SafetensorsFile file;
  file.path_ = path;
  file.bytes_ = std::move(bytes);
  const auto data = file.bytes_.span().subspan(kLengthBytes + length);
  const Json header = parseHeader(file.bytes_.text().substr(kLengthBytes, length), path);
  if (!header.is_object()) throw DataError(path, atByte(kLengthBytes), "the header is no JSON object");
  const HeaderReader reader(path, data);
  std::vector<Entry> entries;
  for (const auto& [name, value] : header.items()) {
    if (name == kMetadataKey) {
      file.metadata_ = reader.metadata(value);
    } else {
      entries.push_back(reader.entry(name, value));
    }
  }
  checkNoHoles(entries, data.size(), path);
  std::vector<TensorView> views;
  for (Entry& entry : entries) {
    file.index_[entry.named.name] = file.tensors_.size();
    views.push_back(entry.named.tensor);
    file.tensors_.push_back(std::move(entry.named));
  }
  const auto recorded = file.metadata_.find(std::string(kChecksumKey));
  if (recorded != file.metadata_.end() && recorded->second != checksum(views)) {
    throw DataError(path, "",
                    fmt::format("the tensor data are damaged: their checksum is {}, expected {}", checksum(views),
                                recorded->second));
  }
  return file;
}

const TensorView* SafetensorsFile::find(std::string_view name) const {
  const auto it = index_.find(name);
  return it == index_.end() ? nullptr : &tensors_[it->second].tensor;
}

void writeSafetensors(const std::string& path, std::vector<NamedTensor> tensors, Metadata metadata) {
  std::sort(tensors.begin(), tensors.end(), [](const NamedTensor& a, const NamedTensor& b) {
    return std::pair(sizeOf(b.tensor.dtype), std::string_view(a.name)) <
           std::pair(sizeOf(a.tensor.dtype), std::string_view(b.name));
  });
  std::vector<TensorView> views;
  for (const NamedTensor& named : tensors) {
    assert(named.tensor.dtype != DType::Text && named.name != kMetadataKey);
    views.push_back(named.tensor);
  }
  metadata[std::string(kChecksumKey)] = checksum(views);
  const std::string header = headerText(tensors, metadata);
  const uint64_t length = header.size();
  AtomicFile file(path);
  file.write(std::as_bytes(std::span(&length, 1)));
  file.write(header);
  for (const TensorView& tensor : views) file.write({tensor.data, tensor.bytes()});
  file.commit();
}

}  // namespace nnc::train
