// For the tests of elaboration: compile a text, run an entry in the reference interpreter, list the mistakes found.
#pragma once

#include <gtest/gtest.h>

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

#include "frontend/elaborate.h"
#include "ir/eval.h"
#include "ir/text.h"
#include "ir/verify.h"
#include "passes/pass.h"

namespace nnc::test {

/// The module of a text that must be right; verified.
inline Module compiled(const std::string& text, const ElabOptions& options = {}) {
  SourceManager sources;
  Diagnostics diagnostics(sources);
  std::optional<Module> m = compileText("test.nn", text, options, sources, diagnostics);
  EXPECT_TRUE(m.has_value()) << diagnostics.render(DiagFormat::Text);
  if (!m) return {};
  for (const std::string& e : verify(*m)) ADD_FAILURE() << e;
  return std::move(*m);
}

/// "E0203 2:7" for each mistake in a text, in the order of the text; what only differentiation finds, too.
inline std::vector<std::string> mistakes(const std::string& text, const ElabOptions& options = {}) {
  SourceManager sources;
  Diagnostics diagnostics(sources);
  auto m = compileText("test.nn", text, options, sources, diagnostics);
  EXPECT_EQ(m.has_value(), !diagnostics.hasErrors());
  if (m) runPasses(*m, {"autodiff"}, diagnostics);
  std::vector<Diagnostic> all = diagnostics.all();
  std::stable_sort(all.begin(), all.end(), [](const Diagnostic& a, const Diagnostic& b) {
    return std::pair(a.at.line, a.at.column) < std::pair(b.at.line, b.at.column);
  });
  std::vector<std::string> list;
  for (const Diagnostic& d : all) list.push_back(fmt::format("{} {}:{}", diagCodeText(d.code), d.at.line, d.at.column));
  return list;
}

/// The text of all diagnostics.
inline std::string report(const std::string& text, const ElabOptions& options = {}) {
  SourceManager sources;
  Diagnostics diagnostics(sources);
  compileText("test.nn", text, options, sources, diagnostics);
  return diagnostics.render(DiagFormat::Text);
}

inline Tensor floats(std::vector<int64_t> shape, std::vector<double> values, DType dtype = DType::F32) {
  Tensor t = Tensor::zeros(dtype, std::move(shape));
  t.floats = std::move(values);
  return t;
}
inline Tensor ints(std::vector<int64_t> shape, std::vector<int64_t> values, DType dtype = DType::I32) {
  Tensor t = Tensor::zeros(dtype, std::move(shape));
  t.ints = std::move(values);
  return t;
}
/// 0, 1, 2, … in a shape.
inline Tensor counting(std::vector<int64_t> shape) {
  Tensor t = Tensor::zeros(DType::F32, std::move(shape));
  std::iota(t.floats.begin(), t.floats.end(), 0.0);
  return t;
}

/// Runs entries in the interpreter, gradients expanded, and keeps the variables between calls.
struct Runner {
  Module module;
  EvalInputs in;

  explicit Runner(Module m) : module(std::move(m)) {
    SourceManager sources;
    Diagnostics diagnostics(sources);
    EXPECT_TRUE(runPasses(module, {"autodiff"}, diagnostics)) << diagnostics.render(DiagFormat::Text);
    for (const Scalar& s : module.scalars) set(s.name, s.defaultValue);
    for (const char* fill : {kFittedDefaults, "init"})
      if (module.function(fill)) run(fill);
  }
  void set(const std::string& name, double value) {
    for (const Scalar& s : module.scalars) {
      if (s.name != name) continue;
      in.leaves[name] =
          isFloat(s.dtype) ? floats({}, {value}, s.dtype) : ints({}, {static_cast<int64_t>(value)}, s.dtype);
    }
  }
  /// Results by name; updates go to the variables.
  std::map<std::string, Tensor> run(const std::string& name) {
    std::map<std::string, Tensor> results;
    const Function* f = module.function(name);
    if (!f) {
      ADD_FAILURE() << "no function " << name;
      return results;
    }
    const std::vector<Tensor> values = evaluate(f->body, in);
    for (size_t i = 0; i < values.size(); ++i) {
      const Output& o = f->body.outputs[i];
      if (o.role == OutputRole::Update) in.leaves[o.name] = values[i];
      results[o.name] = values[i];
    }
    return results;
  }
};

/// The first result of `export fn f` of a text for inputs by name.
inline Tensor value(const std::string& text, const std::map<std::string, Tensor>& inputs = {},
                    const std::map<std::string, int64_t>& symbols = {}) {
  Runner r(compiled(text));
  if (!r.module.function("f")) return {};
  for (const auto& [name, t] : inputs) r.in.leaves[name] = t;
  r.in.symbols = symbols;
  return r.run("f")["0"];
}

inline void expectNear(const Tensor& t, const std::vector<double>& want, double tolerance = 1e-6) {
  ASSERT_EQ(t.floats.size(), want.size());
  for (size_t i = 0; i < want.size(); ++i) EXPECT_NEAR(t.floats[i], want[i], tolerance) << "element " << i;
}

inline std::vector<std::string> variablePaths(const Module& m) {
  std::vector<std::string> paths;
  for (const Variable& v : m.variables) paths.push_back(v.path);
  return paths;
}

}  // namespace nnc::test
