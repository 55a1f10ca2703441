#include "runtime/train/error.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>

namespace nnc::train {

namespace {

std::string joined(const std::string& file, const std::string& place, const std::string& message) {
  return place.empty() ? fmt::format("{}: {}", file, message) : fmt::format("{}: {}: {}", file, place, message);
}

/// Length of the well-formed UTF-8 sequence at the start of `text`, 0 if there is none.
size_t utf8Length(std::string_view text) {
  const auto first = static_cast<unsigned char>(text[0]);
  const size_t length = first < 0x80   ? 1
                        : first < 0xC2 ? 0
                        : first < 0xE0 ? 2
                        : first < 0xF0 ? 3
                        : first < 0xF5 ? 4
                                       : 0;
  if (length > text.size()) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80) return 0;
  }
  return length;
}

}  // namespace

RunError::RunError(int exitCode, std::string file, std::string place, std::string message)
    : std::runtime_error(joined(file, place, message)),
      exitCode_(exitCode),
      file_(std::move(file)),
      place_(std::move(place)),
      message_(std::move(message)) {}

DataError outOfBound(const std::string& file, uint64_t row, const std::string& field, double value, int64_t bound) {
  return {file, fmt::format("row {}, field {}", row + 1, ticked(field)),
          fmt::format("has {}; allowed are the whole numbers 0 to {}", value, bound - 1)};
}

IoError IoError::fromErrno(std::string file, std::string_view what) {
  const int code = errno;
  return IoError(std::move(file), fmt::format("cannot {}: {}", what, std::strerror(code)));
}

std::string ticked(std::string_view text) {
  constexpr size_t kMost = 60;
  std::string out = "`";
  for (size_t i = 0; i < text.size();) {
    if (i >= kMost) {
      out += "…";
      break;
    }
    const size_t length = utf8Length(text.substr(i));
    const auto byte = static_cast<unsigned char>(text[i]);
    if (length == 0 || byte < 0x20 || byte == 0x7F) {
      out += fmt::format("\\x{:02X}", byte);
      i += 1;
    } else {
      out += text.substr(i, length);
      i += length;
    }
  }
  return out + "`";
}

std::string atByte(size_t offset) {
  return fmt::format("byte {}", offset);
}

}  // namespace nnc::train
