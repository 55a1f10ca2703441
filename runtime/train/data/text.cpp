#include "runtime/train/data/text.h"

#include <fmt/format.h>

#include <cassert>

#include "runtime/train/error.h"

namespace nnc::train {

RawTable windowTable(const std::string& path, const Buffer& file, size_t begin, size_t end, int64_t window,
                     int64_t stride, std::string_view what) {
  assert(window > 0 && stride > 0 && begin <= end && end <= file.size());
  const size_t length = end - begin;
  if (length < static_cast<size_t>(window)) {
    throw DataError(path, atByte(begin),
                    fmt::format("the {} has {} bytes, less than one window of {}", what, length, window));
  }
  RawField field;
  field.name = "text";
  field.dtype = DType::U8;
  field.extents = {window};
  field.rows = (length - static_cast<size_t>(window)) / static_cast<size_t>(stride) + 1;
  field.rowStride = static_cast<size_t>(stride);
  field.storage = file;
  field.data = file.data() + begin;
  std::vector<RawField> fields;
  fields.push_back(std::move(field));
  return makeTable(path, std::move(fields));
}

}  // namespace nnc::train
