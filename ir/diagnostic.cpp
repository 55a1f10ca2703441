#include "ir/diagnostic.h"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

namespace nnc {

const char* diagCodeText(DiagCode code) {
  switch (code) {
#define DIAG(text, name, summary) \
  case DiagCode::name:            \
    return #text;
#include "ir/diagnostics.def"
#undef DIAG
  }
  return "E0000";
}

const char* diagSummary(DiagCode code) {
  switch (code) {
#define DIAG(text, name, summary) \
  case DiagCode::name:            \
    return summary;
#include "ir/diagnostics.def"
#undef DIAG
  }
  return "";
}

Diagnostic& Diagnostics::add(Severity severity, DiagCode code, Loc at, std::string message) {
  const bool isNew = seen_.insert(fmt::format("{}:{}:{}:{}", at.file, at.line, at.column, message)).second;
  Diagnostic& d = isNew ? list_.emplace_back() : repeated_;
  d = {};
  d.severity = severity;
  d.code = code;
  d.at = at;
  d.message = std::move(message);
  if (isNew && severity == Severity::Error) ++errors_;
  return d;
}

Diagnostic& Diagnostics::error(DiagCode code, Loc at, std::string message) {
  return add(Severity::Error, code, at, std::move(message));
}

Diagnostic& Diagnostics::warning(DiagCode code, Loc at, std::string message) {
  return add(Severity::Warning, code, at, std::move(message));
}

namespace {

std::string lowered(const std::string& text) {
  std::string out = text;
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

/// Insertions, deletions, substitutions and swaps of neighbours that turn `a` into `b` (the optimal string alignment
/// distance of Damerau and Levenshtein: no place is edited twice).
size_t editDistance(const std::string& a, const std::string& b) {
  std::vector<size_t> beforeLast(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1])});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], beforeLast[j - 2] + 1);
    }
    std::swap(beforeLast, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

}  // namespace

std::string nearestName(const std::string& name, const std::vector<std::string>& candidates) {
  // One edit for each three characters: `x` is no misspelt `y`, `cnov2` is a misspelt `conv`.
  const size_t allowed = (name.size() + 1) / 3;
  const std::string wanted = lowered(name);
  std::string nearest;
  size_t best = allowed + 1;
  for (const std::string& candidate : candidates) {
    const size_t shorter = std::min(candidate.size(), name.size()), longer = std::max(candidate.size(), name.size());
    if (candidate == name || longer - shorter >= best) continue;
    const size_t distance = editDistance(wanted, lowered(candidate));
    if (distance < best) best = distance, nearest = candidate;
  }
  return nearest;
}

}  // namespace nnc
