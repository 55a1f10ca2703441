// Deflate streams in memory (gzip files, zip members), with zlib's errors turned into DataError.
#pragma once

#include <span>
#include <string>

#include "runtime/train/file.h"

namespace nnc::train {

/// Deflate cannot make more than 1032 bytes of one (zlib's technical notes); a header that promises more than this of
/// its compressed bytes lies, and nothing needs to be allocated to know it.
constexpr uint64_t kMostDeflateRatio = 1032;

/// Decompresses one gzip file (its members one after the other) or one raw deflate stream piece by piece.
class Inflater {
public:
  enum class Form { Gzip, Raw };

  /// `file` and `base` (where `input` starts in it) are for messages. `input` must outlive the object.
  Inflater(std::span<const std::byte> input, Form form, std::string file, size_t base = 0);
  ~Inflater();
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  /// Fills `out` as far as the stream goes; fewer bytes mean that it ended, checksums verified. Throws DataError on a
  /// damaged or truncated stream.
  size_t read(std::span<std::byte> out);

private:
  struct State;
  bool startNextMember();
  [[noreturn]] void fail(const std::string& message) const;

  std::unique_ptr<State> state_;
  std::span<const std::byte> input_;
  Form form_;
  std::string file_;
  size_t base_;
  size_t consumed_ = 0;  // bytes of `input_` handed to zlib
  bool ended_ = false;
};

/// True if the bytes start with gzip's magic number.
bool looksLikeGzip(std::span<const std::byte> bytes);

}  // namespace nnc::train
