// nn doc: what the library says of a name, and its definition; without a name, all there is.
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <sstream>

#include "frontend/elab/foreign_names.h"
#include "stdlib/stdlib.h"
#include "tools/nn/commands.h"

namespace nnc::tools {
namespace {

std::vector<std::string> linesOf(std::string_view text) {
  std::vector<std::string> lines;
  std::istringstream in{std::string(text)};
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

/// The name a line of the library defines, or empty. Definitions begin in the first column.
std::string definedBy(const std::string& line) {
  for (const char* word : {"fn ", "layer "})
    if (line.starts_with(word)) {
      const size_t begin = std::string_view(word).size();
      return line.substr(begin, line.find_first_of("[( ", begin) - begin);
    }
  return {};
}

size_t commentAbove(const std::vector<std::string>& lines, size_t at) {
  while (at > 0 && lines[at - 1].starts_with("#")) --at;
  return at;
}

/// The comment above line `at`, and the definition that begins there and ends before the next blank line, comment or
/// definition in the first column.
std::string definition(const std::vector<std::string>& lines, size_t at) {
  const size_t begin = commentAbove(lines, at);
  size_t end = at + 1;
  while (end < lines.size() && (lines[end].starts_with(" ") || lines[end].starts_with("}"))) ++end;
  std::string text;
  for (size_t i = begin; i < end; ++i) text += lines[i] + "\n";
  return text;
}

/// What only the library itself uses says so in its comment.
bool isInternal(const std::vector<std::string>& lines, size_t at) {
  return lines[commentAbove(lines, at)].starts_with("# Internal:");
}

int printNames() {
  for (const StdlibFile& file : stdlibFiles()) {
    fmt::print("{}:", file.name);
    const std::vector<std::string> lines = linesOf(file.text);
    for (size_t i = 0; i < lines.size(); ++i)
      if (const std::string name = definedBy(lines[i]); !name.empty() && !isInternal(lines, i)) fmt::print(" {}", name);
    fmt::print("\n");
  }
  return kExitOk;
}

int printDefinition(const std::string& name) {
  for (const StdlibFile& file : stdlibFiles()) {
    const std::vector<std::string> lines = linesOf(file.text);
    for (size_t i = 0; i < lines.size(); ++i)
      if (definedBy(lines[i]) == name) {
        fmt::print("# {}\n{}", file.name, definition(lines, i));
        return kExitOk;
      }
  }
#define BUILTIN(Enum, spelled, option) \
  if (name == spelled) throw UsageError{fmt::format("`{}` is built in: docs/language.md, section 15", name)};
#include "frontend/elab/builtins.def"
#undef BUILTIN
  const std::string help = elab::foreignNameHelp(name);
  throw UsageError{
      fmt::format("the library has no `{}`: {}", name, help.empty() ? "`nn doc` lists what it has" : help)};
}

}  // namespace

Command declareDoc(CLI::App& app) {
  auto name = std::make_shared<std::string>();
  app.add_option("name", *name, "a function or layer of the library");
  return [name] { return name->empty() ? printNames() : printDefinition(*name); };
}

}  // namespace nnc::tools
