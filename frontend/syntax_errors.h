// Syntax errors on their way to the diagnostics: at most one for a line, since a second is most often an echo of the
// first, and at most kMaxSyntaxErrors for a file.
#pragma once

#include <set>
#include <string>

#include "ir/diagnostic.h"

namespace nnc {

inline constexpr size_t kMaxSyntaxErrors = 50;

class SyntaxErrors {
public:
  explicit SyntaxErrors(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  /// Reports an error, unless its line already has one. The reference is valid until the next call.
  Diagnostic& report(DiagCode code, Loc at, std::string message) {
    any_ = true;
    if (!lines_.insert(at.line).second || full_) return dropped_ = {};
    if (++count_ > kMaxSyntaxErrors) {
      full_ = true;
      return diagnostics_.error(DiagCode::TooManySyntaxErrors, at, "too many syntax errors: the rest are not shown");
    }
    return diagnostics_.error(code, at, std::move(message));
  }
  /// Nothing more is reported for these lines: what is wrong there follows from an error that was reported.
  void mute(uint32_t firstLine, uint32_t lastLine) {
    for (uint32_t line = firstLine; line <= lastLine; ++line) lines_.insert(line);
  }
  bool any() const { return any_; }

private:
  Diagnostics& diagnostics_;
  std::set<uint32_t> lines_;
  Diagnostic dropped_;
  size_t count_ = 0;
  bool full_ = false, any_ = false;
};

}  // namespace nnc
