#include "runtime/train/data/npy.h"

#include <fmt/format.h>

#include <charconv>
#include <cstring>
#include <filesystem>

#include "runtime/train/data/zip.h"
#include "runtime/train/error.h"

namespace nnc::train {

namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr size_t kMostNpyHeader = 1 << 20;
constexpr size_t kMostRank = 32;  // NumPy's own limit (64 since 2.0) is not met by any data of rows

struct NpyHeader {
  std::string descr;
  bool fortran = false;
  std::vector<int64_t> shape;
};

/// The header is a Python literal: a dict with the keys descr, fortran_order and shape.
class HeaderParser {
public:
  HeaderParser(std::string_view text, const std::string& file, const std::string& place)
      : text_(text), file_(file), place_(place) {}

  NpyHeader parse() {
    NpyHeader header;
    bool descr = false, order = false, shape = false;
    expect('{');
    while (!accept('}')) {
      const std::string key = string();
      expect(':');
      if (key == "descr" && !descr) {
        header.descr = string();
        descr = true;
      } else if (key == "fortran_order" && !order) {
        header.fortran = boolean();
        order = true;
      } else if (key == "shape" && !shape) {
        header.shape = tuple();
        shape = true;
      } else {
        fail(fmt::format("the header's key {} is unknown or doubled", ticked(key)));
      }
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    if (!descr || !order || !shape) fail("the header lacks one of the keys `descr`, `fortran_order`, `shape`");
    skipBlanks();
    if (at_ != text_.size()) fail("text follows the header's closing brace");
    return header;
  }

private:
  [[noreturn]] void fail(const std::string& message) const { throw DataError(file_, place_, message); }
  void skipBlanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
  }
  bool accept(char c) {
    skipBlanks();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!accept(c)) fail(fmt::format("expected `{}` in the header, found {}", c, ticked(text_.substr(at_, 10))));
  }
  std::string string() {
    skipBlanks();
    const char quote = at_ < text_.size() ? text_[at_] : '\0';
    if (quote == '[') fail("records (several named fields in an element) are not supported; save each as an array");
    if (quote != '\'' && quote != '"')
      fail(fmt::format("expected a string in the header, found {}", ticked(text_.substr(at_, 10))));
    const size_t end = text_.find(quote, at_ + 1);
    if (end == std::string_view::npos) fail("a string in the header does not end");
    std::string value(text_.substr(at_ + 1, end - at_ - 1));
    at_ = end + 1;
    return value;
  }
  bool boolean() {
    skipBlanks();
    for (const auto& [word, value] : {std::pair{std::string_view("True"), true}, {std::string_view("False"), false}}) {
      if (text_.substr(at_, word.size()) != word) continue;
      at_ += word.size();
      return value;
    }
    fail("`fortran_order` is neither True nor False");
  }
  std::vector<int64_t> tuple() {
    std::vector<int64_t> extents;
    expect('(');
    while (!accept(')')) {
      skipBlanks();
      int64_t extent = 0;
      const auto parsed = std::from_chars(text_.data() + at_, text_.data() + text_.size(), extent);
      if (parsed.ec != std::errc{} || extent < 0) {
        fail(
            fmt::format("the shape has an extent that is no number from 0 to 2^63: {}", ticked(text_.substr(at_, 24))));
      }
      at_ = static_cast<size_t>(parsed.ptr - text_.data());
      extents.push_back(extent);
      if (extents.size() > kMostRank) fail(fmt::format("the shape has more than {} axes", kMostRank));
      accept('L');  // Python 2 wrote 60000L
      if (!accept(',')) {
        expect(')');
        break;
      }
    }
    return extents;
  }

  std::string_view text_;
  const std::string& file_;
  const std::string& place_;
  size_t at_ = 0;
};

struct ElementType {
  DType dtype;
  bool bigEndian;
};

std::optional<ElementType> elementType(const std::string& descr) {
  if (descr.size() != 3 || !std::strchr("<>|=", descr[0])) return std::nullopt;
  static constexpr struct {
    const char* code;
    DType dtype;
  } kCodes[] = {{"b1", DType::Bool}, {"u1", DType::U8},  {"i1", DType::I8},  {"u2", DType::U16},
                {"i2", DType::I16},  {"u4", DType::U32}, {"i4", DType::I32}, {"u8", DType::U64},
                {"i8", DType::I64},  {"f2", DType::F16}, {"f4", DType::F32}, {"f8", DType::F64}};
  for (const auto& [code, dtype] : kCodes) {
    if (descr.compare(1, 2, code) == 0) return ElementType{dtype, descr[0] == '>'};
  }
  return std::nullopt;
}

/// Copies Fortran-ordered elements to C order: walks the source in order and steps through the target by its strides.
void copyFortranToC(const std::byte* from, std::byte* to, std::span<const int64_t> shape, size_t width) {
  std::vector<size_t> stride(shape.size());
  size_t count = 1;
  for (size_t axis = shape.size(); axis-- > 0;) {
    stride[axis] = count;
    count *= static_cast<size_t>(shape[axis]);
  }
  std::vector<int64_t> index(shape.size(), 0);
  size_t target = 0;
  for (size_t i = 0; i < count; ++i) {
    std::memcpy(to + target * width, from + i * width, width);
    for (size_t axis = 0; axis < shape.size(); ++axis) {
      target += stride[axis];
      if (++index[axis] < shape[axis]) break;
      target -= stride[axis] * static_cast<size_t>(shape[axis]);
      index[axis] = 0;
    }
  }
}

/// Offset and length of the header text.
std::pair<size_t, size_t> locateHeader(std::span<const std::byte> bytes, const std::string& file,
                                       const std::string& place) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (!text.starts_with(kMagic)) throw DataError(file, place, "does not start with npy's magic number \\x93NUMPY");
  const auto version = bytes.size() > 6 ? std::to_integer<unsigned>(bytes[6]) : 0;
  const size_t start = version == 1 ? 10 : 12;
  if (bytes.size() < start)
    throw DataError(file, place, fmt::format("ends after {} bytes, inside the npy header", bytes.size()));
  if (version < 1 || version > 3)
    throw DataError(file, place, fmt::format("has npy version {}; expected 1 to 3", version));
  const size_t length = version == 1 ? loadLe<uint16_t>(bytes.data() + 8) : loadLe<uint32_t>(bytes.data() + 8);
  if (length > kMostNpyHeader || length > bytes.size() - start) {
    throw DataError(file, place,
                    fmt::format("the header promises {} bytes of text, but {} follow", length, bytes.size() - start));
  }
  return {start, length};
}

RawField fieldOf(std::string name, NpyArray array, const std::string& file, const std::string& place) {
  if (array.shape.empty()) throw DataError(file, place, "is a single number; expected an axis of rows in front");
  const auto rows = static_cast<uint64_t>(array.shape[0]);
  std::vector<int64_t> extents(array.shape.begin() + 1, array.shape.end());
  return packedField(std::move(name), array.dtype, std::move(extents), rows, std::move(array.bytes));
}

}  // namespace

NpyArray parseNpy(std::span<const std::byte> bytes, const std::string& file, const std::string& place) {
  const auto [start, length] = locateHeader(bytes, file, place);
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()) + start, length);
  NpyHeader header = HeaderParser(text, file, place).parse();
  const auto type = elementType(header.descr);
  if (!type) {
    throw DataError(file, place,
                    fmt::format("has elements of type {}; expected bool, integers, or floats of 2, 4 or 8 bytes",
                                ticked(header.descr)));
  }
  const size_t width = sizeOf(type->dtype);
  const auto promised = checkedBytes(header.shape, width);
  const size_t there = bytes.size() - start - length;
  if (!promised || *promised != there) {
    throw DataError(file, place,
                    fmt::format("the header promises {}{}{}, but {} bytes of elements follow", nameOf(type->dtype),
                                shapeText(header.shape), promised ? fmt::format(", {} bytes", *promised) : "", there));
  }
  NpyArray array{type->dtype, std::move(header.shape), Buffer(there)};
  const std::byte* elements = bytes.data() + start + length;
  if (header.fortran && array.shape.size() > 1) {
    copyFortranToC(elements, array.bytes.data(), array.shape, width);
  } else if (there) {
    std::memcpy(array.bytes.data(), elements, there);
  }
  if (type->bigEndian) swapBytes(array.bytes.data(), there / width, width);
  return array;
}

NpyArray readNpy(const std::string& path) {
  return parseNpy(readFile(path).span(), path);
}

RawTable readNpyTable(const std::string& path) {
  std::vector<RawField> fields;
  auto add = [&](std::string name, std::span<const std::byte> bytes, const std::string& file,
                 const std::string& place) {
    if (name.ends_with(".npy")) name.resize(name.size() - 4);
    fields.push_back(fieldOf(std::move(name), parseNpy(bytes, file, place), file, place));
  };
  if (std::filesystem::is_directory(path)) {
    for (const std::string& name : listFolder(path)) {
      const std::string file = path + "/" + name;
      if (name.ends_with(".npy")) add(name, readFile(file).span(), file, "");
    }
    if (fields.empty()) throw DataError(path, "", "holds no .npy files");
  } else {
    const Buffer archive = readFile(path);
    for (const ZipMember& member : readZipDirectory(archive.span(), path)) {
      const Buffer bytes = extractZipMember(archive.span(), member, path);
      add(member.name, bytes.span(), path, fmt::format("array {}", ticked(member.name)));
    }
  }
  return makeTable(path, std::move(fields));
}

}  // namespace nnc::train
