// Readers of data blocks and their settings.
#include "frontend/elab/elaborator.h"

#include <fmt/format.h>

#include <algorithm>

namespace nnc::elab {

namespace {

struct Reader {
  const char* name;
  std::vector<std::string> settings;
};

const std::vector<Reader> kReaders = {
    {"idx", {"valid", "test", "folds", "fold"}},
    {"csv", {"valid", "test", "folds", "fold", "window", "stride", "separator", "header"}},
    {"npy", {"valid", "test", "folds", "fold", "window", "stride"}},
    {"text", {"valid", "test", "folds", "fold", "window", "stride", "by", "rows"}},
    {"images", {"valid", "test", "folds", "fold"}},
};

/// Settings of a text that are one of some words: what its windows and strides count, and what its rows are.
const std::map<std::string, std::vector<std::string>> kWords = {{"by", {"byte", "word"}}, {"rows", {"window", "line"}}};

}  // namespace

/// The value of a setting as the runtime reads it.
std::string Elaborator::settingText(const std::string& name, const Val& v, Loc at) {
  const auto refuse = [&](const char* wants) {
    fail(DiagCode::UnknownSetting, at, fmt::format("`{}` is {}, not {}", name, wants, describe(v)));
  };
  if (name == "header") {
    if (!v.is(ValKind::Bool)) refuse("true or false");
    return v.flag ? "true" : "false";
  }
  if (name == "separator") {
    if (!v.is(ValKind::Str) || v.text.size() != 1 ||
        std::string_view("\"\r\n").find(v.text[0]) != std::string_view::npos)
      refuse("a text of one byte, no quote and no line's end");
    return v.text;
  }
  const bool share = name == "valid" || name == "test";
  if (share && v.is(ValKind::Float)) {
    const double x = asNumber(v, at, "a setting");
    if (!(x >= 0 && x < 1)) refuse("a number of rows or a share below 1");
    return fmt::format("{}", x);
  }
  const int64_t least = name == "window" || name == "stride" ? 1 : 0;
  const int64_t n = v.is(ValKind::Int) ? asConst(v, at, "a setting") : -1;
  if (n < least || n > kMostCount)
    refuse(share ? "a number of rows or a share below 1" : "a whole number that counts something");
  return std::to_string(n);
}

/// The one argument without a name.
void Elaborator::readPath(const ast::Data& d, DataSource& source) {
  const ast::Arg* path = nullptr;
  for (const ast::Arg& a : d.args) {
    if (a.name) continue;
    Restore<Context> keep(ctx_);
    const Val value = eval(*a.value);
    if (!value.is(ValKind::Str) || path)
      fail(DiagCode::WrongKind, a.value->loc, fmt::format("`{}` takes one path and named settings", d.reader.text));
    path = &a;
    source.path = value.text;
  }
  if (!path) fail(DiagCode::WrongKind, d.reader.loc, fmt::format("`{}` takes the path of its data", d.reader.text));
}

void Elaborator::readSettings(const ast::Data& d, DataSource& source) {
  const auto reader =
      std::find_if(kReaders.begin(), kReaders.end(), [&](const Reader& r) { return d.reader.text == r.name; });
  if (reader == kReaders.end()) {
    std::vector<std::string> names;
    for (const Reader& r : kReaders) names.emplace_back(r.name);
    failUnknown(DiagCode::UnknownData, d.reader.loc, "reader", d.reader.text, names);
  }
  Loc foldAt = d.name.loc;
  readPath(d, source);
  const size_t before = diagnostics_.errorCount();
  const std::string block = fmt::format("`{}`", d.reader.text);
  for (const ast::Arg* a : knownSettings(d.args, block, reader->settings, /*hasPath=*/true)) {
    const std::string& name = a->name.text;
    if (const auto words = kWords.find(name); words != kWords.end()) {
      const auto* word = a->value->tryAs<ast::Name>();
      const std::vector<std::string>& known = words->second;
      if (!word || std::find(known.begin(), known.end(), word->text) == known.end())
        failUnknown(DiagCode::UnknownSetting, a->value->loc, fmt::format("`{}` of a text called", name),
                    word ? word->text : "", known);
      source.settings[name] = word->text;
      continue;
    }
    Restore<Context> keep(ctx_);
    source.settings[name] = settingText(name, eval(*a->value), a->value->loc);
    if (name.starts_with("fold")) foldAt = a->value->loc;
  }
  if (diagnostics_.errorCount() > before) throw Reported{};
  const auto count = [&](const char* name) {
    const auto it = source.settings.find(name);
    return it == source.settings.end() ? int64_t{-1} : std::stoll(it->second);
  };
  const int64_t folds = count("folds"), fold = count("fold");
  const auto rows = source.settings.find("rows");
  const bool lines = rows != source.settings.end() && rows->second == "line";
  const bool windows = (source.reader == "text" && !lines) || (source.reader != "text" && count("window") > 0);
  if (source.reader == "text" && count("window") < 0)
    fail(DiagCode::UnknownSetting, d.reader.loc, "`text` takes `window`: how many bytes or words a row has");
  if (source.settings.contains("stride") && !windows)
    fail(DiagCode::UnknownSetting, d.reader.loc,
         lines ? "`stride` is one of windows, and `rows = line` has none"
               : "`stride` is one of windows: `window` says how long they are");
  if (folds < 0 && fold < 0) return;
  if (windows) fail(DiagCode::UnknownSetting, foldAt, "windows have no folds: a part of the end validates, `valid`");
  if (folds < 2 || fold < 0 || fold >= folds)
    fail(DiagCode::UnknownSetting, foldAt,
         "`folds = n, fold = k` takes two whole numbers: 2 or more parts, and which one, counted from 0");
  if (source.settings.contains("valid"))
    fail(DiagCode::UnknownSetting, foldAt, "a fold is the validation split: `valid` does not stand beside it");
}

}  // namespace nnc::elab
