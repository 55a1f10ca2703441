#include "runtime/train/data/inflate.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <new>

#include "runtime/train/error.h"

namespace nnc::train {

struct Inflater::State {
  z_stream stream{};
};

Inflater::Inflater(std::span<const std::byte> input, Form form, std::string file, size_t base)
    : state_(std::make_unique<State>()), input_(input), form_(form), file_(std::move(file)), base_(base) {
  // Window bits: 15 is the largest window; +16 expects gzip's header and trailer, negative expects none.
  if (inflateInit2(&state_->stream, form == Form::Gzip ? 15 + 16 : -15) != Z_OK) throw std::bad_alloc();
}

Inflater::~Inflater() {
  inflateEnd(&state_->stream);
}

void Inflater::fail(const std::string& message) const {
  throw DataError(file_, atByte(base_ + consumed_ - state_->stream.avail_in), message);
}

bool Inflater::startNextMember() {
  const size_t next = consumed_ - state_->stream.avail_in;
  const auto rest = input_.subspan(next);
  // Zero bytes after the last member are padding, which gzip itself allows.
  const bool padding = std::all_of(rest.begin(), rest.end(), [](std::byte b) { return b == std::byte{0}; });
  if (form_ == Form::Raw || padding) return false;
  if (!looksLikeGzip(rest)) fail("expected the end of the file or another gzip member, found other bytes");
  inflateReset(&state_->stream);
  return true;
}

size_t Inflater::read(std::span<std::byte> out) {
  constexpr size_t kMostPerCall = size_t{1} << 30;  // zlib counts in 32 bits
  z_stream& z = state_->stream;
  size_t done = 0;
  while (done < out.size() && !ended_) {
    if (z.avail_in == 0 && consumed_ < input_.size()) {
      const size_t piece = std::min(input_.size() - consumed_, kMostPerCall);
      z.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(input_.data() + consumed_));
      z.avail_in = static_cast<uInt>(piece);
      consumed_ += piece;
    }
    const size_t room = std::min(out.size() - done, kMostPerCall);
    z.next_out = reinterpret_cast<Bytef*>(out.data() + done);
    z.avail_out = static_cast<uInt>(room);
    const int status = inflate(&z, Z_NO_FLUSH);
    done += room - z.avail_out;
    if (status == Z_STREAM_END) {
      ended_ = !startNextMember();
    } else if (status == Z_BUF_ERROR ||
               (status == Z_OK && z.avail_in == 0 && consumed_ == input_.size() && z.avail_out)) {
      fail("the compressed data end too early");
    } else if (status == Z_MEM_ERROR) {
      throw std::bad_alloc();
    } else if (status != Z_OK) {
      fail(fmt::format("the compressed data are damaged ({})", z.msg ? z.msg : "bad header"));
    }
  }
  return done;
}

bool looksLikeGzip(std::span<const std::byte> bytes) {
  return bytes.size() >= 2 && bytes[0] == std::byte{0x1F} && bytes[1] == std::byte{0x8B};
}

}  // namespace nnc::train
