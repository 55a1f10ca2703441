// Layout: PKWARE's APPNOTE.TXT 6.3, sections 4.3 (records) and 4.5.3 (the zip64 extra field).
#include "runtime/train/data/zip.h"

#include <fmt/format.h>
#include <zlib.h>

#include <cstring>
#include <set>

#include "runtime/train/data/inflate.h"
#include "runtime/train/dtype.h"
#include "runtime/train/error.h"

namespace nnc::train {

namespace {

constexpr uint32_t kLocalHeader = 0x04034b50, kCentralHeader = 0x02014b50, kEnd = 0x06054b50;
constexpr uint32_t kEnd64 = 0x06064b50, kEnd64Locator = 0x07064b50;
constexpr size_t kLocalSize = 30, kCentralSize = 46, kEndSize = 22, kEnd64Size = 56, kLocatorSize = 20;

/// Bounds-checked little-endian reads from the archive.
struct Reader {
  std::span<const std::byte> bytes;
  const std::string& file;

  template <class T>
  T at(uint64_t offset) const {
    if (offset > bytes.size() || bytes.size() - offset < sizeof(T)) {
      throw DataError(file, atByte(offset), "the zip archive ends inside a record");
    }
    return loadLe<T>(bytes.data() + offset);
  }
  void expectSignature(uint64_t offset, uint32_t signature, const char* what) const {
    if (at<uint32_t>(offset) != signature) throw DataError(file, atByte(offset), fmt::format("expected {}", what));
  }
};

struct Directory {
  uint64_t offset, members;
};

Directory findDirectory(const Reader& in) {
  // The end record is the last thing in the file but for a comment of at most 65535 bytes.
  const size_t size = in.bytes.size();
  for (size_t back = kEndSize; back <= size && back <= kEndSize + 0xFFFF; ++back) {
    const size_t end = size - back;
    if (in.at<uint32_t>(end) != kEnd || in.at<uint16_t>(end + 20) != back - kEndSize) continue;
    const Directory found{in.at<uint32_t>(end + 16), in.at<uint16_t>(end + 10)};
    if (found.offset != 0xFFFFFFFF && found.members != 0xFFFF) return found;
    if (end < kLocatorSize) break;
    in.expectSignature(end - kLocatorSize, kEnd64Locator, "the locator of the zip64 end record");
    const uint64_t end64 = in.at<uint64_t>(end - kLocatorSize + 8);
    if (end64 > size || size - end64 < kEnd64Size) break;
    in.expectSignature(end64, kEnd64, "the zip64 end record");
    return {in.at<uint64_t>(end64 + 48), in.at<uint64_t>(end64 + 32)};
  }
  throw DataError(in.file, "", "no end record: this is not a zip archive, or it is truncated");
}

/// Replaces the sizes and the offset that the 32-bit fields could not hold by those of the zip64 extra field.
void applyZip64(const Reader& in, uint64_t extra, uint64_t extraEnd, ZipMember& member) {
  while (extra + 4 <= extraEnd) {
    const uint16_t id = in.at<uint16_t>(extra);
    const uint64_t next = extra + 4 + in.at<uint16_t>(extra + 2);
    extra += 4;
    if (next > extraEnd) throw DataError(in.file, atByte(extra), "an extra field runs past its record");
    if (id == 1) {
      auto take = [&](uint64_t current) {
        if (current != 0xFFFFFFFF) return current;
        if (extra + 8 > next) throw DataError(in.file, atByte(extra), "the zip64 extra field is too short");
        extra += 8;
        return in.at<uint64_t>(extra - 8);
      };
      member.size = take(member.size);
      member.compressedSize = take(member.compressedSize);
      member.offset = take(member.offset);
    }
    extra = next;
  }
}

void checkMember(const Reader& in, const ZipMember& member, uint16_t flags, uint16_t method, uint64_t at) {
  auto refuse = [&](const std::string& why) {
    throw DataError(in.file, fmt::format("member {}", ticked(member.name)), why);
  };
  if (flags & 1) refuse("is encrypted");
  if (method != 0 && method != 8) refuse(fmt::format("has compression method {}; expected stored or deflate", method));
  if (member.offset > at || at - member.offset < member.compressedSize) refuse("lies outside the archive");
  if (!member.deflated && member.size != member.compressedSize) refuse("is stored, but its two sizes differ");
  if (member.size / kMostDeflateRatio > member.compressedSize) {
    refuse(
        fmt::format("promises {} bytes, more than {} compressed bytes can hold", member.size, member.compressedSize));
  }
}

}  // namespace

std::vector<ZipMember> readZipDirectory(std::span<const std::byte> archive, const std::string& file) {
  const Reader in{archive, file};
  const Directory directory = findDirectory(in);
  std::vector<ZipMember> members;
  std::set<std::string> names;
  uint64_t at = directory.offset, total = 0;
  for (uint64_t i = 0; i < directory.members; ++i) {
    in.expectSignature(at, kCentralHeader, "an entry of the zip directory");
    const uint16_t nameSize = in.at<uint16_t>(at + 28), extraSize = in.at<uint16_t>(at + 30);
    const uint16_t method = in.at<uint16_t>(at + 10);
    ZipMember member;
    member.deflated = method == 8;
    member.crc = in.at<uint32_t>(at + 16);
    member.compressedSize = in.at<uint32_t>(at + 20);
    member.size = in.at<uint32_t>(at + 24);
    member.offset = in.at<uint32_t>(at + 42);
    const uint64_t extra = at + kCentralSize + nameSize;
    if (extra + extraSize > archive.size()) throw DataError(file, atByte(at), "the zip directory is truncated");
    member.name.assign(reinterpret_cast<const char*>(archive.data() + at + kCentralSize), nameSize);
    applyZip64(in, extra, extra + extraSize, member);
    checkMember(in, member, in.at<uint16_t>(at + 8), method, directory.offset);
    // Members that share bytes are how zip bombs multiply: honest ones fit into the archive side by side.
    total += member.compressedSize + kLocalSize;
    if (total > archive.size()) throw DataError(file, atByte(at), "the members overlap");
    if (!names.insert(member.name).second) {
      throw DataError(file, fmt::format("member {}", ticked(member.name)), "stands in the archive twice");
    }
    at = extra + extraSize + in.at<uint16_t>(at + 32);
    members.push_back(std::move(member));
  }
  return members;
}

Buffer extractZipMember(std::span<const std::byte> archive, const ZipMember& member, const std::string& file) {
  const Reader in{archive, file};
  const std::string place = fmt::format("member {}", ticked(member.name));
  in.expectSignature(member.offset, kLocalHeader, "the header of a zip member");
  const uint64_t start =
      member.offset + kLocalSize + in.at<uint16_t>(member.offset + 26) + in.at<uint16_t>(member.offset + 28);
  if (start > archive.size() || archive.size() - start < member.compressedSize) {
    throw DataError(file, place, "runs past the end of the archive");
  }
  const auto stored = archive.subspan(start, member.compressedSize);
  Buffer out(member.size);
  if (member.deflated) {
    Inflater inflater(stored, Inflater::Form::Raw, file, start);
    const size_t got = inflater.read({out.data(), out.size()});
    std::byte more;
    if (got != out.size() || inflater.read({&more, 1}) != 0) {
      throw DataError(file, place,
                      fmt::format("does not inflate to the {} bytes that the directory promises", member.size));
    }
  } else if (!stored.empty()) {
    std::memcpy(out.data(), stored.data(), stored.size());
  }
  const auto crc = crc32_z(crc32_z(0, nullptr, 0), reinterpret_cast<const Bytef*>(out.data()), out.size());
  if (crc != member.crc) {
    throw DataError(file, place, fmt::format("has checksum {:08x}, expected {:08x}", crc, member.crc));
  }
  return out;
}

}  // namespace nnc::train
