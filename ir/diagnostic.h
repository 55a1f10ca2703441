// Diagnostics: every message a user can see has a registered code (ir/diagnostics.def), a place, one sentence that
// stands alone, and where it helps labels, notes and a suggestion. They are collected, sorted by place, and printed
// once.
#pragma once

#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "ir/source.h"

namespace nnc {

enum class DiagCode : uint16_t {
#define DIAG(code, name, summary) name,
#include "ir/diagnostics.def"
#undef DIAG
};

/// "E0203" for a code.
const char* diagCodeText(DiagCode code);
/// The summary registered beside the code; used by docs and by `--diagnostics=json`.
const char* diagSummary(DiagCode code);

enum class Severity : uint8_t { Error, Warning };

struct DiagNote {
  Loc at;            // may be empty
  std::string text;  // of a note with a place: reads on into " at file:line:column" ("`w` is declared")
};

struct Diagnostic {
  Severity severity = Severity::Error;
  DiagCode code{};
  Loc at;
  std::string message;
  std::string atLabel;           // text under the primary mark; may be empty
  std::vector<DiagNote> labels;  // further marks; shown with their source lines
  std::vector<DiagNote> notes;
  std::vector<std::string> helps;

  Diagnostic& mark(std::string text) {
    atLabel = std::move(text);
    return *this;
  }
  Diagnostic& label(Loc loc, std::string text) {
    labels.push_back({loc, std::move(text)});
    return *this;
  }
  Diagnostic& note(Loc loc, std::string text) {
    notes.push_back({loc, std::move(text)});
    return *this;
  }
  Diagnostic& note(std::string text) {
    notes.push_back({{}, std::move(text)});
    return *this;
  }
  Diagnostic& help(std::string text) {
    helps.push_back(std::move(text));
    return *this;
  }
};

enum class DiagFormat : uint8_t { Text, ColoredText, Json };

/// Collects the diagnostics of one compilation. Equal messages at one place are kept once.
class Diagnostics {
public:
  explicit Diagnostics(const SourceManager& sources) : sources_(sources) {}

  /// Adds an error and returns it for labels, notes and help. The reference is valid until the next call.
  Diagnostic& error(DiagCode code, Loc at, std::string message);
  Diagnostic& warning(DiagCode code, Loc at, std::string message);

  bool hasErrors() const { return errors_ != 0; }
  size_t errorCount() const { return errors_; }
  const std::vector<Diagnostic>& all() const { return list_; }
  const SourceManager& sources() const { return sources_; }
  void clear() {
    list_.clear();
    seen_.clear();
    errors_ = 0;
  }

  /// All diagnostics, sorted by place, in the given form (JSON: one array of objects).
  std::string render(DiagFormat format) const;

private:
  Diagnostic& add(Severity severity, DiagCode code, Loc at, std::string message);

  const SourceManager& sources_;
  std::vector<Diagnostic> list_;
  std::unordered_set<std::string> seen_;  // place and message of each in the list
  Diagnostic repeated_;                   // takes the labels of one that was already there
  size_t errors_ = 0;
};

/// The candidate nearest to `name` by edit distance, or "" if none is near enough to suggest.
std::string nearestName(const std::string& name, const std::vector<std::string>& candidates);

}  // namespace nnc
