// The formatter: its layout, and that it changes neither meaning nor comments nor its own output.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

#include <gtest/gtest.h>

#include "frontend/ast_dump.h"
#include "frontend/format.h"
#include "frontend/parse.h"

namespace nnc {
namespace {

std::optional<std::string> format(const std::string& text) {
  SourceManager sources;
  Diagnostics diagnostics(sources);
  return formatFile(sources.add("t.nn", text), sources, diagnostics);
}

std::string tree(const std::string& text) {
  SourceManager sources;
  Diagnostics diagnostics(sources);
  return dumpAst(*parseFile(sources.add("t.nn", text), sources, diagnostics));
}

const std::vector<std::string> kSamples = {"/test/frontend/samples", "/stdlib", "/examples"};

std::vector<std::string> programs(const std::vector<std::string>& folders) {
  std::vector<std::string> list;
  for (const std::string& folder : folders) {
    const std::string path = NNC_SOURCE_DIR + folder;
    if (!std::filesystem::exists(path)) continue;
    for (const auto& entry : std::filesystem::directory_iterator(path)) {
      if (entry.path().extension() != ".nn") continue;
      std::ifstream in(entry.path());
      std::stringstream text;
      text << in.rdbuf();
      list.push_back(text.str());
    }
  }
  return list;
}

/// Formats, and holds the result to the formatter's promises; false if the text does not parse.
bool check(const std::string& text) {
  const auto once = format(text);
  if (!once) return false;
  EXPECT_EQ(tree(*once), tree(text)) << text << "\n----\n" << *once;
  EXPECT_EQ(format(*once), once) << text;
  EXPECT_EQ(std::count(once->begin(), once->end(), '#'), std::count(text.begin(), text.end(), '#')) << text;
  return true;
}

TEST(Format, KeepsMeaningAndIsStableOnPrograms) {
  std::vector<std::string> folders = kSamples;
  folders.push_back("/test/models");
  for (const std::string& text : programs(folders)) {
    EXPECT_TRUE(format(text).has_value());
    check(text);
  }
}

TEST(Format, KeepsMeaningWhateverTheSpacesAndNewlines) {
  std::mt19937 random(7);
  size_t accepted = 0;
  for (const std::string& text : programs(kSamples)) {
    for (int round = 0; round < 40; ++round) {
      std::string mutant;
      for (const char c : text) {
        const unsigned r = random() % 400;
        if (c == ' ' && r < 50)
          mutant += r == 0 ? "\n" : r == 1 ? " # note\n" : r < 25 ? "   " : "\t";
        else if (c == '\n' && r < 8)
          mutant += "\n\n\n";
        else if ((c == '{' || c == ',' || c == '(') && r < 80)
          mutant += std::string(1, c) + "\n";
        else
          mutant += c;
      }
      accepted += check(mutant);
    }
  }
  EXPECT_GT(accepted, 0u);
}

TEST(Format, SetsSpacesAndIndentation) {
  EXPECT_EQ(format("fn  f( x:[B,C] ,lr=1e-3 )->[B]{\nlet a=x*2+-1   # why\n\n\n\n     let (b,c) = g [ 2*n ] (a,k=3)\n"
                   "if not(a==b){a}\nelse{b} }\n"),
            "fn f(x: [B, C], lr = 1e-3) -> [B] {\n  let a = x * 2 + -1  # why\n\n  let (b, c) = g[2*n](a, k = 3)\n"
            "  if not (a == b) { a }\n  else { b }\n}\n");
}

TEST(Format, AlignsTrailingComments) {
  EXPECT_EQ(format("let a = 1 # one\nlet bcd = 2 # two\n\nlet e = 3 # three\n"),
            "let a = 1    # one\nlet bcd = 2  # two\n\nlet e = 3  # three\n");
}

TEST(Format, BreaksLongLines) {
  const std::string argument = "some_rather_long_name_for_a_value";
  const auto text = format("fn f(x) { let y = g(" + argument + ", " + argument + ", " + argument + ", " + argument +
                           "); y |> relu }\n");
  ASSERT_TRUE(text.has_value());
  EXPECT_EQ(*text, "fn f(x) {\n  let y = g(" + argument + ", " + argument + ", " + argument + ",\n    " + argument +
                       ")\n  y |> relu\n}\n");
}

TEST(Format, ABlockBehindABrokenListBelongsToTheStatement) {
  const std::string text = "fn f(a,\nb) {\nlet c = g(a,\nfn(x) {\nx + 1\n})\nc + b\n}\n";
  EXPECT_EQ(format(text), "fn f(a,\n  b) {\n  let c = g(a,\n    fn(x) {\n      x + 1\n    })\n  c + b\n}\n");
}

TEST(Format, LeavesTextWithErrorsAlone) {
  EXPECT_FALSE(format("let a = (1").has_value());
}

}  // namespace
}  // namespace nnc
