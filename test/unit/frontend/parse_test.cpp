// The parser: what it reads, what it says about text it cannot read, and that no text makes it fail.
#include <filesystem>
#include <fstream>
#include <random>
#include <regex>
#include <sstream>

#include <gtest/gtest.h>

#include "frontend/ast_dump.h"
#include "frontend/parse.h"
#include "frontend/syntax_errors.h"
#include "ir/read_text.h"

namespace nnc {
namespace {

struct Parsed {
  SourceManager sources;
  Diagnostics diagnostics{sources};
  std::unique_ptr<ast::File> file;

  explicit Parsed(const std::string& text) { file = parseFile(sources.add("t.nn", text), sources, diagnostics); }
  std::string errors() const { return diagnostics.render(DiagFormat::Text); }
};

std::vector<std::filesystem::path> programs() {
  std::vector<std::filesystem::path> list;
  for (const char* folder : {"/test/frontend/samples", "/stdlib", "/examples"}) {
    const std::string path = NNC_SOURCE_DIR + std::string(folder);
    if (!std::filesystem::exists(path)) continue;
    for (const auto& entry : std::filesystem::directory_iterator(path))
      if (entry.path().extension() == ".nn") list.push_back(entry.path());
  }
  return list;
}

/// An expression as the dump shows it, without the file around it.
std::string expression(const std::string& text) {
  Parsed parsed("let v = " + text);
  EXPECT_FALSE(parsed.diagnostics.hasErrors()) << parsed.errors();
  if (parsed.file->items.size() != 1) return "";
  return dumpAst(*parsed.file->items[0]->as<ast::Let>().value);
}

TEST(Parse, ReadsTheSamplePrograms) {
  for (const auto& path : programs()) {
    Parsed parsed(*readText(path));
    EXPECT_FALSE(parsed.diagnostics.hasErrors()) << path << "\n" << parsed.errors();
  }
}

TEST(Parse, AFileMayHoldNothing) {
  for (const char* text : {"", "\n", "# nothing"}) {
    Parsed parsed(text);
    EXPECT_EQ(parsed.errors(), "");
    EXPECT_TRUE(parsed.file->items.empty());
  }
}

TEST(Parse, OperatorsBindAsInMathematics) {
  EXPECT_EQ(expression("a + b * c ^ 2"), "(+ a (* b (^ c 2)))");
  EXPECT_EQ(expression("-a ^ 2"), "(- (^ a 2))");
  EXPECT_EQ(expression("2 ^ -a * b"), "(* (^ 2 (- a)) b)");
  EXPECT_EQ(expression("a ^ b ^ c"), "(^ a (^ b c))");
  EXPECT_EQ(expression("a - b - c"), "(- (- a b) c)");
  EXPECT_EQ(expression("not a == b and c or d"), "(or (and (not (== a b)) c) d)");
  EXPECT_EQ(expression("x @ w + b"), "(+ (@ x w) b)");
  EXPECT_EQ(expression("a // 2 % 3"), "(% (// a 2) 3)");
  EXPECT_EQ(expression("x @ w'"), "(@ x (transpose w))");
}

TEST(Parse, PipesBindLoosestAndBecomeCalls) {
  EXPECT_EQ(expression("a + b |> f[2](c, k = 1)"), "(pipe (bracket f 2) (+ a b) c k=1)");
  EXPECT_EQ(expression("x |> fc: dense[10] |> relu"), "(pipe relu (pipe fc: (bracket dense 10) x))");
  EXPECT_EQ(expression("x |> h[i]: block[4](s)"), "(pipe h[i]: (bracket block 4) x s)");
  EXPECT_EQ(expression("z |> vae.dec"), "(pipe (field vae dec) z)");
  EXPECT_EQ(expression("opt: adam(net, g)"), "(call opt: adam net g)");
}

TEST(Parse, IndicesSlicesAndPaths) {
  EXPECT_EQ(expression("x[:, -1]"), "(bracket x : (- 1))");
  EXPECT_EQ(expression("x[1..n, ..2, 3..]"), "(bracket x (range 1 n) (range _ 2) (range 3 _))");
  EXPECT_EQ(expression("raw[\"a\"..\"z\"]"), "(bracket raw (range \"a\" \"z\"))");
  EXPECT_EQ(expression("net.**.w"), "(field (wild net **) w)");
  EXPECT_EQ(expression("net.*"), "(wild net *)");
  EXPECT_EQ(expression("net.h.3"), "(field (field net h) 3)");
}

TEST(Parse, ShapeNotation) {
  EXPECT_EQ(expression("x |> view[B N (3 H E) -> 3 B H N E]"), "(pipe (bracket view {B N (3 H E) -> 3 B H N E}) x)");
  EXPECT_EQ(expression("dot[B H t E, B H u E -> B H t u](q, k)"),
            "(call (bracket dot {B H t E, B H u E -> B H t u}) q k)");
  EXPECT_EQ(expression("view[...S -> (...S)](x)"), "(call (bracket view {...S -> (...S)}) x)");
  EXPECT_EQ(expression("dot[K, K ->](a, b)"), "(call (bracket dot {K, K -> }) a b)");
}

TEST(Parse, SoftWordsAreNames) {
  EXPECT_EQ(expression("data + in * on - from / as + train(search) + metric"),
            "(+ (+ (- (+ data (* in on)) (/ from as)) (call train search)) metric)");
}

TEST(Parse, ANewlineEndsAStatementOnlyWhereItShould) {
  Parsed parsed(
      "fn f(x) {\n  let a = g(x)\n  (a + 1)\n}\nfn g(x) {\n  let a = x +\n    1\n  a\n    |> f\n}\nfn h(\n  x,\n  "
      "y\n)\n"
      "  -> [B] {\n  if x { 1 }\n  else { 2 }\n}\n");
  EXPECT_EQ(dumpAst(*parsed.file), R"((file
  (fn f (x)
    (block
      (let a (call g x))
      (+ a 1)))
  (fn g (x)
    (block
      (let a (+ x 1))
      (pipe f a)))
  (fn h (x, y) -> [B]
    (block
      (if x
        (block
          1)
        (block
          2)))))
)");
}

TEST(Parse, PlacesAreBytesOfTheLine) {
  Parsed parsed("\xef\xbb\xbf# \xc3\xa9\nlet a = \"\xc3\xa9\"; let bb = cc\n");
  ASSERT_EQ(parsed.file->items.size(), 2u);
  EXPECT_EQ(parsed.file->items[1]->as<ast::Let>().value->loc, (Loc{1, 2, 24, 2}));
}

// ---- What is said about text that is wrong
// ---------------------------------------------------------------------------

struct BadText {
  const char* text;
  DiagCode code;
  uint32_t line, column;
};

class Bad : public testing::TestWithParam<BadText> {};

TEST_P(Bad, IsReportedOnceAtItsPlace) {
  const BadText& bad = GetParam();
  Parsed parsed(bad.text);
  ASSERT_EQ(parsed.diagnostics.errorCount(), 1u) << bad.text << "\n" << parsed.errors();
  const Diagnostic& d = parsed.diagnostics.all().front();
  EXPECT_STREQ(diagCodeText(d.code), diagCodeText(bad.code)) << parsed.errors();
  EXPECT_EQ(d.at.line, bad.line) << parsed.errors();
  EXPECT_EQ(d.at.column, bad.column) << parsed.errors();
}

INSTANTIATE_TEST_SUITE_P(
    Parse, Bad,
    testing::Values(BadText{"let a = \"\xff\"", DiagCode::BadUtf8, 1, 10},
                    BadText{"let a = b ** 2", DiagCode::ForeignOperator, 1, 11},
                    BadText{"fn f(x) {\n  let a = x\n    + 1\n  a\n}", DiagCode::OperatorAtLineStart, 3, 5},
                    BadText{"fn f(x) {\n  let a = x +\n  let b = 2\n  a\n}", DiagCode::SyntaxError, 2, 14},
                    BadText{"layer f(x) {\n  h: [B] = g(x)\n  h\n}", DiagCode::MissingLet, 2, 3},
                    BadText{"layer f(x) {\n  h: f32 = g(x)\n  h\n}", DiagCode::MissingLet, 2, 3},
                    BadText{"layer f(x) {\n  param w = [D, n] = glorot\n  w\n}", DiagCode::EqualsForColon, 2, 11},
                    BadText{"layer f(x = [B, C]) { x }", DiagCode::EqualsForColon, 1, 11},
                    BadText{"layer f(x) {\n  param w: [D, n]\n  w\n}", DiagCode::MissingInitializer, 2, 9},
                    BadText{"let a = f(x, lr: 3)", DiagCode::ColonForEquals, 1, 16},
                    BadText{"let a = x[1:3]", DiagCode::ColonForEquals, 1, 12},
                    BadText{"let a = x dense[10]", DiagCode::MissingPipe, 1, 11},
                    BadText{"let a = f(x y)", DiagCode::MissingPipe, 1, 13},
                    BadText{"let a = f(x\nlet b = 3\n", DiagCode::UnclosedBracket, 1, 10},
                    BadText{"fn f(x) {\n  g(x\n}\nfn g(x) { x }", DiagCode::UnclosedBracket, 2, 4},
                    BadText{"fn f(x) {\n  if x {\n    1\n  x\n}\nfn g(x) { x }", DiagCode::UnclosedBracket, 2, 8},
                    BadText{"let a = f(x))\nlet b = 1", DiagCode::StrayBracket, 1, 13},
                    BadText{"let a = f[x)", DiagCode::UnclosedBracket, 1, 10},
                    BadText{"layer f(x: [B, C) -> [B] { x }", DiagCode::UnclosedBracket, 1, 12},
                    BadText{"fn f(x) {\n  return x\n}", DiagCode::ForeignWord, 2, 3},
                    BadText{"fn f(x) { if x = 0 { 1 } else { 2 } }", DiagCode::AssignForCompare, 1, 16},
                    BadText{"fn f(x) {\n  if x > 0:\n    1\n}", DiagCode::MissingBlock, 2, 11},
                    BadText{"let state = 3", DiagCode::ReservedWord, 1, 5},
                    BadText{"let a = 'x'", DiagCode::UnexpectedCharacter, 1, 9},
                    BadText{"let a = \"x\x1b[2J\"", DiagCode::UnexpectedCharacter, 1, 11},
                    BadText{"let a = b $ c", DiagCode::UnexpectedCharacter, 1, 11},
                    BadText{"let a = b < c < d", DiagCode::ChainedComparison, 1, 15},
                    BadText{"fn f(x) { g(x) = 3 }", DiagCode::NotAssignable, 1, 11},
                    BadText{"let a = 99999999999999999999", DiagCode::NumberTooLarge, 1, 9},
                    BadText{"let a = \"x\\q\"", DiagCode::BadEscape, 1, 9},
                    BadText{"let a = \"x\nlet b = 2", DiagCode::UnclosedString, 1, 9},
                    BadText{"let a = f(0..3)", DiagCode::MisplacedRange, 1, 11},
                    BadText{"fn f(x) {\n  let a = (fc: 3)\n  a\n}", DiagCode::LabelNeedsCall, 2, 14},
                    BadText{"fn f(x) {\n  param w: [3] = 0\n  w\n}", DiagCode::MisplacedStatement, 2, 3},
                    BadText{"net = f(3)", DiagCode::MisplacedStatement, 1, 1},
                    BadText{"export layer f(x) { x }", DiagCode::MisplacedStatement, 1, 1}));

TEST(Parse, OneMistakeHidesNoOther) {
  Parsed parsed("fn f(x) {\n  let a = x dense[2]\n  let b = 3 $\n  let c = 4 5\n  c\n}\nlet d = (1\nlet e = ]\n");
  EXPECT_EQ(parsed.diagnostics.errorCount(), 5u) << parsed.errors();
}

TEST(Parse, KeepsWhatStandsAroundAMistake) {
  Parsed parsed("let a = 1\nlet b = = 2\nlet c = 3\n");
  EXPECT_EQ(parsed.file->items.size(), 2u);
  EXPECT_EQ(parsed.file->unread, std::vector<std::string>{"b"});
}

// ---- Text that means harm
// --------------------------------------------------------------------------------------------

std::string repeated(const std::string& text, size_t count) {
  std::string all;
  for (size_t i = 0; i < count; ++i) all += text;
  return all;
}

/// What the last diagnostic of a text is, and where.
void expectLast(const Parsed& parsed, DiagCode code, uint32_t line, uint32_t column) {
  ASSERT_TRUE(parsed.diagnostics.hasErrors());
  const Diagnostic& d = parsed.diagnostics.all().back();
  EXPECT_STREQ(diagCodeText(d.code), diagCodeText(code)) << d.message;
  EXPECT_EQ(d.at.line, line) << d.message;
  EXPECT_EQ(d.at.column, column) << d.message;
}

TEST(Parse, LimitsHaveTheirPlace) {
  // Bracket 201, the 51st line with a mistake, and a file as a whole.
  expectLast(Parsed("let a =\n" + repeated("(", 300)), DiagCode::NestedTooDeep, 2, 201);
  const Parsed mistakes(repeated("let a = $\n", 60));
  EXPECT_EQ(mistakes.diagnostics.errorCount(), kMaxSyntaxErrors + 1);
  expectLast(mistakes, DiagCode::TooManySyntaxErrors, 51, 9);
  expectLast(Parsed(std::string((1u << 20) + 1, '\n')), DiagCode::FileTooLarge, 1, 1);
}

TEST(Parse, RefusesTextThatNestsTooDeep) {
  for (const char* text : {"(", "[", "{", "- ", "not ", "a^", "if a { ", "f(", "fn(x) { ", "if "}) {
    Parsed parsed("let a = " + repeated(text, 100000));
    EXPECT_TRUE(parsed.diagnostics.hasErrors()) << text;
  }
  for (const char* text : {"a + ", "a.b.", "f |> g |> "}) Parsed parsed("let a = " + repeated(text, 100000) + "a");
  Parsed elseIfs("let a = if b { 1 }" + repeated(" else if c { 2 }", 100000));
  EXPECT_TRUE(elseIfs.diagnostics.hasErrors());
}

TEST(Parse, ReadsLongSumsAndManyStatements) {
  Parsed sum("let a = b" + repeated(" + b", 1500));
  EXPECT_FALSE(sum.diagnostics.hasErrors()) << sum.errors();
  Parsed squares("let a = b" + repeated("\nlet c = (b^2 + if a { 1 } else { -2 })", 3000));
  EXPECT_FALSE(squares.diagnostics.hasErrors()) << squares.errors();
}

TEST(Parse, SurvivesRandomBytes) {
  std::mt19937 random(1);
  const std::string alphabet = "abfnletlayer 0123.()[]{}|><=:;,\n\n\"'#*+-/^\\\t\r$\xc3\xa9";
  for (int round = 0; round < 300; ++round) {
    std::string text;
    for (int i = 0; i < 200; ++i) text += alphabet[random() % alphabet.size()];
    Parsed parsed(text);
  }
}

/// The words and signs of a program, with what stands between them.
std::vector<std::string> pieces(const std::string& text) {
  static const std::regex piece(R"(#[^\n]*|"[^"\n]*"|[A-Za-z_0-9]+|\|>|->|\.\.\.?|[=<>!]=|\s+|.)");
  std::vector<std::string> list;
  for (auto i = std::sregex_iterator(text.begin(), text.end(), piece); i != std::sregex_iterator(); ++i)
    list.push_back(i->str());
  return list;
}

TEST(Parse, SaysLittleAboutProgramsWithOneMistake) {
  size_t broken = 0, reports = 0;
  for (const auto& path : programs()) {
    if (path.string().find("samples") == std::string::npos) continue;
    const std::vector<std::string> original = pieces(*readText(path));
    for (size_t i = 0; i < original.size(); ++i) {
      if (std::isspace(static_cast<unsigned char>(original[i][0])) && original[i].find('\n') == std::string::npos)
        continue;
      for (int mutation = 0; mutation < 3; ++mutation) {
        std::vector<std::string> mutant = original;
        if (mutation == 0)
          mutant[i] = " ";
        else if (mutation == 1)
          mutant[i] += " " + original[i];
        else if (i + 2 < mutant.size())
          std::swap(mutant[i], mutant[i + 2]);
        std::string text;
        for (const std::string& p : mutant) text += p;
        Parsed parsed(text);
        const size_t count = parsed.diagnostics.errorCount();
        EXPECT_LE(count, 6u) << path << " piece " << i << " mutation " << mutation << "\n" << parsed.errors();
        broken += count != 0;
        reports += count;
      }
    }
  }
  EXPECT_LE(static_cast<double>(reports), 1.1 * static_cast<double>(broken)) << reports << " reports on " << broken;
}

}  // namespace
}  // namespace nnc
