// Programs with one small mistake: the examples and the library with a token deleted, swapped with its neighbour,
// misspelt, of another kind, or a bracket too many or too few. Each is refused or accepted, never a crash; what is said
// is short, at the mutated line, and in the words of diagnostics.def. Other mutants in each run: NNC_RANDOM_SEED sets
// the seed, which is printed, NNC_MUTANTS how many; NNC_SHOW_MUTANTS prints what is blamed on other lines.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <regex>
#include <sstream>

#include "frontend/elaborate.h"

namespace nnc {
namespace {

struct Token {
  std::string text;
  uint32_t line = 1;
  bool isSpace() const { return std::isspace(static_cast<unsigned char>(text[0])) || text[0] == '#'; }
  bool isName() const { return std::isalpha(static_cast<unsigned char>(text[0])) || text[0] == '_'; }
  bool isNumber() const { return std::isdigit(static_cast<unsigned char>(text[0])); }
};

std::vector<Token> tokensOf(const std::string& text) {
  static const std::regex piece(
      R"(#[^\n]*|"[^"\n]*"|[0-9][0-9]*(\.[0-9]+)?(e[-+]?[0-9]+)?|[A-Za-z_0-9]+|\|>|->|\.\.\.?|[=<>!]=|//|\n|[ \t]+|.)");
  std::vector<Token> tokens;
  uint32_t line = 1;
  for (auto i = std::sregex_iterator(text.begin(), text.end(), piece); i != std::sregex_iterator(); ++i) {
    tokens.push_back({i->str(), line});
    line += i->str() == "\n";
  }
  return tokens;
}

struct Original {
  std::filesystem::path path;
  std::vector<Token> tokens;
  std::vector<size_t> places;  // tokens that are no space
};

struct Said {
  size_t errors = 0;
  uint32_t firstLine = 0;
  std::string text;
};

/// Compiles a text as the file at `path`, which may use files beside it.
Said compile(const std::filesystem::path& path, const std::string& text) {
  SourceManager sources;
  Diagnostics diagnostics(sources);
  compileText(path.string(), text, {}, sources, diagnostics);
  Said said;
  for (const Diagnostic& d : diagnostics.all()) {
    if (d.severity != Severity::Error) continue;
    if (said.errors++ == 0) said.firstLine = d.at.line;
  }
  if (said.errors) said.text = diagnostics.render(DiagFormat::Text);
  return said;
}

/// The examples and those files of the library that are right on their own.
std::vector<Original> originals() {
  std::vector<Original> list;
  for (const char* folder : {"examples", "stdlib", "test/frontend/samples"})
    for (const auto& entry : std::filesystem::recursive_directory_iterator(std::string(NNC_SOURCE_DIR "/") + folder)) {
      if (entry.path().extension() != ".nn") continue;
      std::ifstream in(entry.path());
      std::stringstream text;
      text << in.rdbuf();
      if (compile(entry.path(), text.str()).errors) continue;
      Original p{entry.path(), tokensOf(text.str()), {}};
      for (size_t i = 0; i < p.tokens.size(); ++i)
        if (!p.tokens[i].isSpace()) p.places.push_back(i);
      list.push_back(std::move(p));
    }
  std::sort(list.begin(), list.end(), [](const Original& a, const Original& b) { return a.path < b.path; });
  return list;
}

struct Mutant {
  std::string text, what;
  uint32_t first = 0, last = 0;  // lines it may be blamed on
};

class Mutator {
public:
  explicit Mutator(uint32_t seed) : rng_(seed) {}

  Mutant mutate(const Original& p) {
    std::vector<Token> tokens = p.tokens;
    const size_t k = pick(p.places.size()), i = p.places[k], next = p.places[std::min(k + 1, p.places.size() - 1)];
    Mutant m;
    m.first = tokens[i].line;
    m.last = tokens[next].line;
    Token& t = tokens[i];
    const std::string old = t.text;
    switch (pick(5)) {
      case 0:
        m.what = fmt::format("`{}` deleted", old);
        t.text = " ";
        break;
      case 1:
        m.what = fmt::format("`{}` and `{}` swapped", old, tokens[next].text);
        std::swap(t.text, tokens[next].text);
        break;
      case 2:
        t.text = misspelt(t);
        m.what = fmt::format("`{}` misspelt `{}`", old, t.text);
        break;
      case 3: {
        static const char* brackets[] = {"(", ")", "[", "]", "{", "}"};
        const std::string bracket = brackets[pick(6)];
        m.what = fmt::format("`{}` before `{}`", bracket, old);
        t.text = bracket + " " + old;
        break;
      }
      default:
        t.text = retyped(t);
        m.what = fmt::format("`{}` replaced by `{}`", old, t.text);
    }
    for (const Token& token : tokens) m.text += token.text;
    return m;
  }
  size_t pick(size_t n) { return std::uniform_int_distribution<size_t>(0, n - 1)(rng_); }

private:
  std::string misspelt(const Token& t) {
    std::string s = t.text;
    const size_t at = pick(s.size());
    if (t.isName() && s.size() > 2 && pick(2)) return s.erase(at, 1);
    return s.insert(at, 1, t.isName() ? static_cast<char>('a' + pick(26)) : s[at]);
  }
  std::string retyped(const Token& t) {
    static const char* signs[] = {"+", "-", "*", "/", "@", "==", "<", "|>", "=", ":", ",", "..", "'"};
    if (t.isName()) return pick(2) ? "7" : "\"text\"";
    if (t.isNumber()) return pick(2) ? "name" : "\"text\"";
    return signs[pick(13)];
  }
  std::mt19937 rng_;
};

/// Words of the parser generator and the code generator that no user should see.
const char* const kForeign[] = {"mismatched input",
                                "extraneous input",
                                "no viable alternative",
                                "token recognition",
                                "missing '",
                                "LLVM",
                                "internal error",
                                "antlr"};

TEST(Mutants, AreRefusedInFewWordsAtTheirLine) {
  const char* seedText = std::getenv("NNC_RANDOM_SEED");
  const char* countText = std::getenv("NNC_MUTANTS");
  const uint32_t seed = seedText ? static_cast<uint32_t>(std::strtoul(seedText, nullptr, 10)) : std::random_device{}();
  const size_t count = countText ? static_cast<size_t>(std::atoi(countText)) : 600;
  fmt::print("again: NNC_RANDOM_SEED={} unit_frontend --gtest_filter=Mutants*\n", seed);
  std::fflush(stdout);  // what follows may crash
  const std::vector<Original> all = originals();
  ASSERT_GT(all.size(), 5u);
  Mutator mutator(seed);
  size_t refused = 0, reports = 0, atPlace = 0;
  for (size_t i = 0; i < count; ++i) {
    const Original& p = all[mutator.pick(all.size())];
    const Mutant m = mutator.mutate(p);
    SCOPED_TRACE(fmt::format("{}:{}: {}", p.path.filename().string(), m.first, m.what));
    const Said said = compile(p.path, m.text);
    for (const char* word : kForeign) {
      const bool says = m.text.find(word) != std::string::npos;  // the mutant itself: `constantlr`
      EXPECT_TRUE(says || said.text.find(word) == std::string::npos) << said.text;
    }
    if (said.errors == 0) continue;
    ++refused;
    reports += said.errors;
    const bool here = said.firstLine >= m.first && said.firstLine <= m.last;
    atPlace += here;
    if (std::getenv("NNC_SHOW_MUTANTS") && (!here || said.errors > 1))
      fmt::print("{}:{}: {}\n{}\n", p.path.filename().string(), m.first, m.what, said.text);
  }
  fmt::print("{} of {} refused, {:.3f} reports each, {:.1f} % at their line\n", refused, count,
             static_cast<double>(reports) / static_cast<double>(refused),
             100.0 * static_cast<double>(atPlace) / static_cast<double>(refused));
  ASSERT_GT(refused, count / 3);
  // Bars of 1.2 and 90 %; what a sample of few hundred may miss by chance is allowed for.
  const double slack = 2.5 / std::sqrt(static_cast<double>(refused));
  EXPECT_LE(static_cast<double>(reports), (1.2 + slack) * static_cast<double>(refused));
  EXPECT_GE(static_cast<double>(atPlace), (0.9 - 0.4 * slack) * static_cast<double>(refused));
}

}  // namespace
}  // namespace nnc
