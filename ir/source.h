// Source files and places in them. Every token, graph value and diagnostic refers to its place through `Loc`.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace nnc {

/// A half-open range of characters on one line of one file. `file` 0 means "no place".
/// Lines and columns count from 1; columns count bytes.
struct Loc {
  uint32_t file = 0;
  uint32_t line = 0;
  uint32_t column = 0;
  uint32_t length = 1;

  explicit operator bool() const { return file != 0; }
  bool operator==(const Loc&) const = default;
};

/// Owns the text of every file that took part in a compilation; a `Loc::file` is an index into it.
class SourceManager {
public:
  /// Registers a file's text (library files get names such as "<stdlib>/layers.nn") and returns its id (≥ 1).
  uint32_t add(std::string name, std::string text, bool isLibrary = false);

  const std::string& name(uint32_t file) const { return at(file).name; }
  std::string_view text(uint32_t file) const { return at(file).text; }
  bool isLibrary(uint32_t file) const { return file != 0 && at(file).library; }
  /// The text of a line (from 1), without its newline; empty past the end.
  std::string_view line(uint32_t file, uint32_t line) const;
  /// "file:line:column", or "<no place>".
  std::string describe(const Loc& loc) const;

private:
  struct File {
    std::string name;
    std::string text;
    std::vector<uint32_t> lineStarts;
    bool library;
  };
  const File& at(uint32_t file) const { return *files_.at(file - 1); }
  std::vector<std::unique_ptr<File>> files_;
};

/// Where a graph value came from: the innermost place in the text, the place in the user's own file that led there
/// (equal to `at` where the text is the user's), and the path of the instance it belongs to ("net.s1.conv").
struct Origin {
  Loc at;
  Loc user;
  std::shared_ptr<const std::string> path;  // null: no instance

  std::string_view pathOrEmpty() const { return path ? std::string_view(*path) : std::string_view(); }
};

}  // namespace nnc
