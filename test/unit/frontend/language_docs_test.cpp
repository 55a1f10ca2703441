// docs/language.md held to what the compiler does: each example is completed by its frame
// (test/docs/Inputs/language.frames) and compiled; a line marked `# E0203` must be refused with that code, at that
// line, and everything else must be right.
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "elaborate_helper.h"

namespace nnc::test {
namespace {

using Strings = std::vector<std::string>;

Strings linesOf(const std::string& path) {
  std::ifstream in(path);
  EXPECT_TRUE(in) << path;
  Strings lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

/// The lines of each example, by "section.number".
std::map<std::string, Strings> examplesOf(const std::string& path) {
  std::map<std::string, Strings> examples;
  std::string section, name;
  int number = 0;
  std::smatch m;
  for (const std::string& line : linesOf(path)) {
    if (std::regex_search(line, m, std::regex("^## ([0-9]+)\\."))) {
      section = m[1];
      number = 0;
    } else if (line.starts_with("```")) {
      name = name.empty() ? fmt::format("{}.{}", section, ++number) : "";
    } else if (!name.empty()) {
      examples[name].push_back(line);
    }
  }
  return examples;
}

std::map<std::string, Strings> framesOf(const std::string& path) {
  std::map<std::string, Strings> frames;
  std::string name;
  for (const std::string& line : linesOf(path)) {
    if (line.starts_with("== "))
      frames[name = line.substr(3)];
    else if (!name.empty())
      frames[name].push_back(line);
  }
  return frames;
}

/// "E0203" of a line with such a mark, else empty.
std::string markOf(const std::string& line) {
  std::smatch m;
  return std::regex_search(line, m, std::regex("#.*\\b(E[0-9]{4})")) ? m[1].str() : "";
}

bool isDefinition(const std::string& line) {
  return std::regex_search(line, std::regex("^(use|hyper|data|fn|layer|train|search|export) "));
}

/// A line that is an expression only: its value would be dropped, so it is given the name `_`.
bool isExpression(const std::string& line) {
  if (std::regex_search(line, std::regex("^(let|var|param|state|if|for|every|metric|[ |}]|$)"))) return false;
  int depth = 0;
  for (size_t i = 0; i < line.size() && line[i] != '#'; ++i) {
    if (line[i] == '(' || line[i] == '[') ++depth;
    if (line[i] == ')' || line[i] == ']') --depth;
    if (depth == 0 && line.compare(i, 3, " = ") == 0) return false;
  }
  return true;
}

/// Definitions and other lines of an example. Above a line "…" everything is a definition.
struct Parts {
  std::string defs, body;
};
Parts split(const Strings& lines, bool allDefs) {
  const bool hasGap = std::find(lines.begin(), lines.end(), "…") != lines.end();
  bool aboveGap = hasGap, inside = false;
  Parts parts;
  for (std::string line : lines) {
    if (line == "…") {
      aboveGap = false;
      continue;
    }
    inside = isDefinition(line) || (inside && (line.starts_with(" ") || line.starts_with("}")));
    if (allDefs || aboveGap || inside) {
      parts.defs += line + "\n";
      continue;
    }
    if (isExpression(line)) line = "let _ = " + std::regex_replace(line, std::regex(";  "), "; let _ = ");
    parts.body += line + "\n";
  }
  return parts;
}

/// Puts a text where the first "…" of the code stands.
bool fillGap(std::string& code, const std::string& text) {
  static const std::string kGap = "…";
  for (size_t at = code.find(kGap); at != std::string::npos; at = code.find(kGap, at + 1)) {
    const size_t start = code.rfind('\n', at) + 1;
    if (code.find('#', start) < at) continue;  // in a comment
    code.replace(at, kGap.size(), text);
    return true;
  }
  return false;
}

/// The program of an example: with the mistake of line `wrong`, or (-1) with all lines that are right.
std::string program(const Strings& example, const Strings& frame, int wrong) {
  Strings lines;
  for (int i = 0; i < static_cast<int>(example.size()); ++i)
    if (markOf(example[i]).empty() || i == wrong || isDefinition(example[i])) lines.push_back(example[i]);
  const bool allDefs = std::find(frame.begin(), frame.end(), "@body@") == frame.end();
  Parts parts = split(lines, allDefs);
  std::string text;
  for (const std::string& line : frame) {
    if (line.starts_with("fill: ")) {
      if (!fillGap(parts.defs, line.substr(6))) fillGap(parts.body, line.substr(6));
    } else if (line.starts_with("error: ")) {
      if (wrong >= 0) text += line.substr(7) + "\n";
    } else {
      text += line == "@defs@" ? parts.defs : line == "@body@" ? parts.body : line + "\n";
    }
  }
  return text;
}

const std::string kFolder = std::string(NNC_SOURCE_DIR) + "/test/docs/Inputs/";

struct Found {
  std::string code;
  std::set<uint32_t> lines;  // its place, and those where what is wrong was applied
};

/// The errors of a text that stands beside the files that examples use.
std::vector<Found> errorsOf(const std::string& text, std::string& rendered) {
  SourceManager sources;
  Diagnostics diagnostics(sources);
  compileText(kFolder + "example.nn", text, {}, sources, diagnostics);
  rendered = diagnostics.render(DiagFormat::Text);
  std::vector<Found> found;
  for (const Diagnostic& d : diagnostics.all()) {
    if (diagCodeText(d.code)[0] != 'E') continue;
    found.push_back({diagCodeText(d.code), {d.at.line}});
    for (const auto& note : d.notes)
      if (note.at && note.at.file == d.at.file) found.back().lines.insert(note.at.line);
  }
  return found;
}

uint32_t lineOf(const std::string& text, const std::string& line) {
  // Without what was put around it.
  const std::string core = line.substr(0, line.find("…"));
  const size_t at = text.find(core);
  EXPECT_NE(at, std::string::npos) << line;
  return 1 + static_cast<uint32_t>(std::count(text.begin(), text.begin() + static_cast<long>(at), '\n'));
}

TEST(LanguageReference, EachExampleIsRightAndEachMarkedLineIsRefused) {
  const auto examples = examplesOf(std::string(NNC_SOURCE_DIR) + "/docs/language.md");
  const auto frames = framesOf(kFolder + "language.frames");
  int right = 0, refused = 0;
  for (const auto& [name, example] : examples) {
    ASSERT_TRUE(frames.contains(name)) << "the example " << name << " has no frame";
    const Strings& frame = frames.at(name);
    if (frame.at(0) == "form") continue;
    std::string rendered;
    EXPECT_TRUE(errorsOf(program(example, frame, -1), rendered).empty()) << name << "\n" << rendered;
    ++right;
    for (int i = 0; i < static_cast<int>(example.size()); ++i) {
      const std::string code = markOf(example[i]);
      if (code.empty()) continue;
      const std::string text = program(example, frame, i);
      const auto found = errorsOf(text, rendered);
      const bool there = std::any_of(found.begin(), found.end(), [&](const auto& f) {
        return f.lines.contains(lineOf(text, example[i])) && f.code == code;
      });
      EXPECT_TRUE(there && found.size() == 1) << name << ": `" << example[i] << "` gave\n" << rendered;
      ++refused;
    }
  }
  for (const auto& [name, frame] : frames) EXPECT_TRUE(examples.contains(name)) << "no example " << name;
  EXPECT_GE(right, 40);
  EXPECT_GE(refused, 24);
}

}  // namespace
}  // namespace nnc::test
