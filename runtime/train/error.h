// The errors of a run: an input that does not fit (DataError) and a file system that refuses (IoError). Both name the
// file and the place in it, and carry the exit code of the `nn` command.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace nnc::train {

/// Base of both: what() is "file: place: message" (an empty place is left out).
class RunError : public std::runtime_error {
public:
  RunError(int exitCode, std::string file, std::string place, std::string message);

  int exitCode() const { return exitCode_; }
  const std::string& file() const { return file_; }
  /// "byte 16", "row 12, column `age`", "tensor `net.w`"; may be empty.
  const std::string& place() const { return place_; }
  const std::string& message() const { return message_; }

private:
  int exitCode_;
  std::string file_, place_, message_;
};

/// Data or weights that are damaged or do not fit what is expected: exit code 4.
class DataError : public RunError {
public:
  DataError(std::string file, std::string place, std::string message)
      : RunError(4, std::move(file), std::move(place), std::move(message)) {}
};

/// Of a row, counted from 0, whose field is none of the whole numbers below its declared bound.
DataError outOfBound(const std::string& file, uint64_t row, const std::string& field, double value, int64_t bound);

/// A file that cannot be opened, read, written or renamed: exit code 3.
class IoError : public RunError {
public:
  IoError(std::string file, std::string message) : RunError(3, std::move(file), "", std::move(message)) {}
  /// The message is "cannot <what>: <text of errno>".
  static IoError fromErrno(std::string file, std::string_view what);
};

/// The text in backticks for a message: control bytes and bad UTF-8 as \xNN, at most 60 bytes.
std::string ticked(std::string_view text);
/// "byte 16".
std::string atByte(size_t offset);
/// "[60000, 28, 28]".
template <class Range>
std::string shapeText(const Range& extents) {
  std::string text = "[";
  for (auto extent : extents) text += (text.size() > 1 ? ", " : "") + std::to_string(extent);
  return text + "]";
}

}  // namespace nnc::train
