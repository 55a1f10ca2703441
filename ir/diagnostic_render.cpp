// How diagnostics look: text for people (with or without color) and JSON for editors.
#include <algorithm>
#include <map>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "ir/diagnostic.h"

namespace nnc {
namespace {

constexpr size_t kMaxShown = 160;    // characters of a source line that are shown
constexpr size_t kContext = 40;      // of them, those before the first mark
constexpr size_t kMaxMessage = 400;  // bytes of a sentence

struct Mark {
  Loc at;
  std::string text;
  bool primary;
};

/// A source line made fit for a terminal: one column for each character, nothing a terminal would obey.
struct ShownLine {
  std::string text;
  std::vector<size_t> columnOf;  // byte in the source line -> column in `text`, from 0; one more entry for the end

  size_t column(size_t byte) const { return columnOf[std::min(byte, columnOf.size() - 1)]; }
};

size_t sequenceLength(std::string_view text, size_t i) {
  const auto lead = static_cast<unsigned char>(text[i]);
  const size_t n = lead < 0x80 ? 1 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc2 ? 2 : 0;
  if (n == 0 || i + n > text.size()) return 0;
  for (size_t k = 1; k < n; ++k)
    if ((static_cast<unsigned char>(text[i + k]) & 0xc0) != 0x80) return 0;
  // Too long for what they say, surrogates, and beyond the last code point.
  const auto next = static_cast<unsigned char>(n > 2 ? text[i + 1] : 0);
  const bool bad = (lead == 0xe0 && next < 0xa0) || (lead == 0xed && next > 0x9f) || (lead == 0xf0 && next < 0x90) ||
                   (lead == 0xf4 && next > 0x8f) || lead > 0xf4;
  return bad ? 0 : n;
}

/// A message made fit for a terminal: names and paths in it may be long, and hold anything.
std::string shownMessage(std::string_view message) {
  std::string shown;
  size_t i = 0;
  while (i < message.size() && shown.size() < kMaxMessage) {
    const size_t n = sequenceLength(message, i);
    const auto c = static_cast<unsigned char>(message[i]);
    shown += n == 0 || c < 0x20 || c == 0x7f ? std::string_view("?") : message.substr(i, n);
    i += std::max<size_t>(n, 1);
  }
  return i < message.size() ? shown + "..." : shown;
}

ShownLine shownLine(std::string_view line, size_t firstByte) {
  ShownLine shown;
  shown.columnOf.assign(line.size() + 1, 0);
  size_t column = 0, begin = 0;
  if (line.size() > kMaxShown && firstByte > kContext) {
    begin = firstByte - kContext;
    while (begin < line.size() && (static_cast<unsigned char>(line[begin]) & 0xc0) == 0x80) ++begin;
    shown.text = "...";
    column = 3;
  }
  size_t i = begin;
  while (i < line.size() && column < kMaxShown) {
    const size_t n = sequenceLength(line, i);
    const auto c = static_cast<unsigned char>(line[i]);
    for (size_t k = 0; k < std::max<size_t>(n, 1); ++k) shown.columnOf[i + k] = column;
    if (n == 0)
      shown.text += '?';
    else if (c < 0x20 || c == 0x7f)
      shown.text += ' ';
    else
      shown.text += line.substr(i, n);
    i += std::max<size_t>(n, 1);
    ++column;
  }
  for (size_t k = i; k <= line.size(); ++k) shown.columnOf[k] = column;
  if (i < line.size()) shown.text += "...";
  return shown;
}

class TextRenderer {
public:
  TextRenderer(const SourceManager& sources, bool color) : sources_(sources), color_(color) {}

  std::string render(const Diagnostic& d) {
    out_.clear();
    const bool error = d.severity == Severity::Error;
    out_ += paint(error ? kRed : kYellow, fmt::format("{}[{}]", error ? "error" : "warning", diagCodeText(d.code)));
    out_ += paint(kBold, ": " + shownMessage(d.message)) + "\n";
    if (d.at) {
      std::vector<Mark> marks{{d.at, d.atLabel, true}};
      std::map<uint32_t, std::vector<Mark>> elsewhere;
      for (const DiagNote& label : d.labels) {
        if (label.at.file == d.at.file)
          marks.push_back({label.at, label.text, false});
        else if (label.at)
          elsewhere[label.at.file].push_back({label.at, label.text, false});
      }
      snippet(std::move(marks));
      for (auto& [file, others] : elsewhere) snippet(std::move(others));
    }
    for (const DiagNote& n : d.notes) note(n, d.at.file);
    for (const std::string& help : d.helps) out_ += paint(kGreen, "help") + ": " + shownMessage(help) + "\n";
    return std::move(out_);
  }

private:
  static constexpr const char* kRed = "1;31";
  static constexpr const char* kYellow = "1;33";
  static constexpr const char* kBold = "1";
  static constexpr const char* kBlue = "1;34";
  static constexpr const char* kGreen = "1;32";

  std::string paint(const char* style, const std::string& text) const {
    return color_ ? fmt::format("\x1b[{}m{}\x1b[0m", style, text) : text;
  }

  void note(const DiagNote& n, uint32_t primaryFile) {
    out_ += paint(kBlue, "note") + ": " + shownMessage(n.text);
    if (n.at) out_ += " at " + sources_.describe(n.at);
    out_ += "\n";
    if (!n.at || n.at.file == primaryFile) return;
    gutter_ = std::to_string(n.at.line).size();
    sourceLine(n.at.file, n.at.line, {{n.at, "", false}});
  }

  /// The lines of one file that carry marks, the first mark's place above them.
  void snippet(std::vector<Mark> marks) {
    const Loc first = marks.front().at;
    std::map<uint32_t, std::vector<Mark>> lines;
    for (Mark& m : marks) lines[m.at.line].push_back(std::move(m));
    gutter_ = std::to_string(lines.rbegin()->first).size();
    out_ += std::string(gutter_, ' ') + paint(kBlue, "-->") + " " + sources_.describe(first) + "\n";
    uint32_t before = 0;
    for (auto& [line, onLine] : lines) {
      if (before && line == before + 2)
        sourceLine(first.file, before + 1, {});
      else if (before && line > before + 2)
        out_ += "...\n";
      sourceLine(first.file, line, std::move(onLine));
      before = line;
    }
  }

  void gutter(const std::string& number) { out_ += paint(kBlue, fmt::format("{:>{}} |", number, gutter_)); }

  void sourceLine(uint32_t file, uint32_t line, std::vector<Mark> marks) {
    std::sort(marks.begin(), marks.end(), [](const Mark& a, const Mark& b) { return a.at.column < b.at.column; });
    const std::string_view text = sources_.line(file, line);
    const ShownLine shown = shownLine(text, marks.empty() ? 0 : marks.front().at.column - 1);
    gutter(std::to_string(line));
    out_ += (shown.text.empty() ? "" : " ") + shown.text + "\n";
    if (!marks.empty()) markLines(shown, marks);
  }

  /// The underlines, then the labels: the last mark's beside its underline, the others' below, from right to left.
  void markLines(const ShownLine& shown, const std::vector<Mark>& marks) {
    std::string under;
    for (const Mark& m : marks) {
      const size_t begin = shown.column(m.at.column - 1);
      const size_t end = std::max(begin + 1, shown.column(m.at.column - 1 + m.at.length));
      if (under.size() < end) under.resize(end, ' ');
      for (size_t c = begin; c < end; ++c)
        if (under[c] != '^') under[c] = m.primary ? '^' : '-';
    }
    const Mark& last = marks.back();
    gutter("");
    out_ += " " + paint(last.primary ? kRed : kBlue, under) + (last.text.empty() ? "" : " " + shownMessage(last.text)) +
            "\n";
    for (size_t i = marks.size() - 1; i-- > 0;) {
      if (marks[i].text.empty()) continue;
      gutter("");
      out_ += " " + std::string(shown.column(marks[i].at.column - 1), ' ') + shownMessage(marks[i].text) + "\n";
    }
  }

  const SourceManager& sources_;
  bool color_;
  size_t gutter_ = 1;
  std::string out_;
};

nlohmann::ordered_json placeJson(const SourceManager& sources, const Loc& at) {
  nlohmann::ordered_json json;
  if (!at) return json;
  json["file"] = sources.name(at.file);
  json["line"] = at.line;
  json["column"] = at.column;
  json["length"] = at.length;
  return json;
}

nlohmann::ordered_json notesJson(const SourceManager& sources, const std::vector<DiagNote>& notes) {
  auto list = nlohmann::ordered_json::array();
  for (const DiagNote& n : notes) list.push_back({{"message", n.text}, {"at", placeJson(sources, n.at)}});
  return list;
}

nlohmann::ordered_json diagnosticJson(const SourceManager& sources, const Diagnostic& d) {
  nlohmann::ordered_json json;
  json["severity"] = d.severity == Severity::Error ? "error" : "warning";
  json["code"] = diagCodeText(d.code);
  json["summary"] = diagSummary(d.code);
  json["message"] = d.message;
  json["at"] = placeJson(sources, d.at);
  json["label"] = d.atLabel;
  json["labels"] = notesJson(sources, d.labels);
  json["notes"] = notesJson(sources, d.notes);
  json["helps"] = d.helps;
  return json;
}

}  // namespace

std::string Diagnostics::render(DiagFormat format) const {
  std::vector<const Diagnostic*> sorted;
  for (const Diagnostic& d : list_) sorted.push_back(&d);
  std::stable_sort(sorted.begin(), sorted.end(), [](const Diagnostic* a, const Diagnostic* b) {
    return std::tie(a->at.file, a->at.line, a->at.column) < std::tie(b->at.file, b->at.line, b->at.column);
  });
  if (format == DiagFormat::Json) {
    auto list = nlohmann::ordered_json::array();
    for (const Diagnostic* d : sorted) list.push_back(diagnosticJson(sources_, *d));
    return list.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  }
  std::string text;
  TextRenderer renderer(sources_, format == DiagFormat::ColoredText);
  for (const Diagnostic* d : sorted) text += (text.empty() ? "" : "\n") + renderer.render(*d);
  return text;
}

}  // namespace nnc
