#include "ir/source.h"

#include <fmt/format.h>

namespace nnc {

uint32_t SourceManager::add(std::string name, std::string text, bool isLibrary) {
  auto file = std::make_unique<File>(File{std::move(name), std::move(text), {0}, isLibrary});
  for (size_t i = 0; i < file->text.size(); ++i)
    if (file->text[i] == '\n') file->lineStarts.push_back(static_cast<uint32_t>(i + 1));
  files_.push_back(std::move(file));
  return static_cast<uint32_t>(files_.size());
}

std::string_view SourceManager::line(uint32_t file, uint32_t line) const {
  if (file == 0 || file > files_.size()) return {};
  const File& f = at(file);
  if (line == 0 || line > f.lineStarts.size()) return {};
  const size_t begin = f.lineStarts[line - 1];
  size_t end = line < f.lineStarts.size() ? f.lineStarts[line] - 1 : f.text.size();
  if (end > begin && f.text[end - 1] == '\r') --end;
  return std::string_view(f.text).substr(begin, end - begin);
}

std::string SourceManager::describe(const Loc& loc) const {
  if (!loc || loc.file > files_.size()) return "<no place>";
  return fmt::format("{}:{}:{}", name(loc.file), loc.line, loc.column);
}

}  // namespace nnc
