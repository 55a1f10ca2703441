// What the unit tests of the IR share: parsing IR text, and bodies of functions written in it.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "ir/text.h"
#include "ir/verify.h"

namespace nnc::test {

struct Parsed {
  SourceManager sources;
  Diagnostics diagnostics{sources};
  Module module;

  explicit Parsed(const std::string& text) {
    module = parseModule(sources.add("test.nnir", text), sources, diagnostics);
  }

  /// The first error as "E0703 3:10: message", or "".
  std::string error() const {
    if (diagnostics.all().empty()) return "";
    const Diagnostic& d = diagnostics.all().front();
    return std::string(diagCodeText(d.code)) + " " + std::to_string(d.at.line) + ":" + std::to_string(d.at.column) +
           ": " + d.message;
  }
  std::string print() const { return printModule(module, {true, &sources}); }
};

/// A module of one export function with the symbols B and T around the lines of its body.
inline std::string functionText(const std::string& body) {
  return "module \"m\"\n\nfunc \"f\" export(B <= 64, T <= 32) {\n" + body + "}\n";
}

/// The graph of a body; a test failure if it does not parse.
inline Graph graphOf(const std::string& body) {
  Parsed parsed(functionText(body));
  EXPECT_EQ(parsed.error(), "") << body;
  return parsed.module.functions.empty() ? Graph{} : parsed.module.functions[0].body;
}

}  // namespace nnc::test
