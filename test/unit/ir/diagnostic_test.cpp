// Diagnostics: how they look, in which order, and which names are suggested.
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "ir/diagnostic.h"

namespace nnc {
namespace {

TEST(Diagnostic, ShowsTheLineItsMarksNotesAndHelp) {
  SourceManager sources;
  const uint32_t user = sources.add("mlp.nn", "let w = 1\nlet h = flatten(x)\nlet y = h @ W1\n");
  const uint32_t library = sources.add("<stdlib>/layers.nn", "fn flatten(x) { x }\n", true);
  Diagnostics diagnostics(sources);
  diagnostics.error(DiagCode::SyntaxError, {user, 3, 13, 2}, "`dot` contracts 784 with 512")
      .mark("`W1`: [512, 128]")
      .label({user, 3, 9, 1}, "`h`: [B, 784]")
      .label({user, 1, 5, 1}, "seen here")
      .note({user, 1, 5, 1}, "`w` is declared")
      .note({library, 1, 4, 7}, "`flatten` is declared")
      .help("declare `W1` as [784, 128]");
  EXPECT_EQ(diagnostics.render(DiagFormat::Text), R"(error[E0002]: `dot` contracts 784 with 512
 --> mlp.nn:3:13
1 | let w = 1
  |     - seen here
2 | let h = flatten(x)
3 | let y = h @ W1
  |         -   ^^ `W1`: [512, 128]
  |         `h`: [B, 784]
note: `w` is declared at mlp.nn:1:5
note: `flatten` is declared at <stdlib>/layers.nn:1:4
1 | fn flatten(x) { x }
  |    -------
help: declare `W1` as [784, 128]
)");
}

TEST(Diagnostic, StandsInTheOrderOfTheTextAndOnce) {
  SourceManager sources;
  const uint32_t file = sources.add("a.nn", "one\ntwo\n");
  Diagnostics diagnostics(sources);
  diagnostics.error(DiagCode::SyntaxError, {file, 2, 1, 3}, "second");
  diagnostics.error(DiagCode::SyntaxError, {file, 1, 1, 3}, "first");
  diagnostics.error(DiagCode::SyntaxError, {file, 1, 1, 3}, "first");
  EXPECT_EQ(diagnostics.errorCount(), 2u);
  const std::string text = diagnostics.render(DiagFormat::Text);
  EXPECT_LT(text.find("first"), text.find("second"));
}

TEST(Diagnostic, IsSafeToPrintWhateverTheSourceHolds) {
  SourceManager sources;
  const uint32_t file = sources.add("a.nn", "\x1b[31m\xff\t" + std::string(5000, 'x') + "\n");
  Diagnostics diagnostics(sources);
  diagnostics.error(DiagCode::SyntaxError, {file, 1, 4000, 5000}, "bad \xff");
  diagnostics.error(DiagCode::SyntaxError, {file, 99, 7, 2}, "past the end");
  diagnostics.error(DiagCode::SyntaxError, {}, "nowhere");
  const std::string text = diagnostics.render(DiagFormat::Text);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_LT(text.size(), 1200u);
  EXPECT_EQ(nlohmann::json::parse(diagnostics.render(DiagFormat::Json)).size(), 3u);
}

TEST(Diagnostic, JsonHasCodePlaceAndHelp) {
  SourceManager sources;
  const uint32_t file = sources.add("a.nn", "one\n");
  Diagnostics diagnostics(sources);
  diagnostics.warning(DiagCode::SyntaxError, {file, 1, 2, 2}, "message").help("do this");
  const auto json = nlohmann::json::parse(diagnostics.render(DiagFormat::Json));
  EXPECT_EQ(json[0]["severity"], "warning");
  EXPECT_EQ(json[0]["code"], "E0002");
  EXPECT_EQ(json[0]["at"]["column"], 2);
  EXPECT_EQ(json[0]["helps"][0], "do this");
}

TEST(Diagnostic, SuggestsANameThatIsNear) {
  const std::vector<std::string> names{"conv", "dense", "relu", "gelu", "dropout"};
  EXPECT_EQ(nearestName("desne", names), "dense");
  EXPECT_EQ(nearestName("cnov", names), "conv");
  EXPECT_EQ(nearestName("RELU", names), "relu");
  EXPECT_EQ(nearestName("drop_out", names), "dropout");
  EXPECT_EQ(nearestName("x", {"y"}), "");
  EXPECT_EQ(nearestName("embedding", names), "");
}

}  // namespace
}  // namespace nnc
