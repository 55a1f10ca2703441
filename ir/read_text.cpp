#include "ir/read_text.h"

#include <cstdio>
#include <memory>

namespace nnc {

std::optional<std::string> readText(const std::string& path) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"), std::fclose);
  if (!file) return std::nullopt;
  std::string text;
  char piece[1 << 16];
  for (size_t n; text.size() < kMostTextBytes && (n = std::fread(piece, 1, sizeof piece, file.get())) != 0;)
    text.append(piece, n);
  if (std::ferror(file.get())) return std::nullopt;
  return text;
}

}  // namespace nnc
