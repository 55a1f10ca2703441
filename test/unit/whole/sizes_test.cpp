// Whole programs at every size: each batch from 1 to the bound, loops of 0, 1, 2 and 10,000 steps, on 1, 2, 3 and 8
// threads and for each CPU that this machine can run: the interpreter's values, and equal bits where the numeric
// contract promises them.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "compiled_steps.h"
#include "frontend/elaborate.h"
#include "passes/pass.h"

namespace nnc::testing {
namespace {

using Symbols = std::map<std::string, int64_t>;

/// The training step and the exports of programs/<name>.nn.
Module programOf(const std::string& name) {
  const std::string path = NNC_SOURCE_DIR "/test/unit/whole/programs/" + name + ".nn";
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  SourceManager sources;
  Diagnostics diagnostics(sources);
  std::optional<Module> module = compileText(path, text.str(), {}, sources, diagnostics);
  if (!module) throw std::runtime_error(diagnostics.render(DiagFormat::Text));
  std::erase_if(module->functions,
                [](const Function& f) { return f.kind != Function::Kind::Step && f.kind != Function::Kind::Export; });
  return *module;
}

std::string textOf(const Symbols& symbols) {
  std::string text;
  for (const auto& [name, size] : symbols) text += fmt::format(", {} = {}", name, size);
  return text;
}

/// All sizes: counts of steps `n` with two batches, else every batch up to the bound.
std::vector<Symbols> sizesOf(const Function& f) {
  std::vector<Symbols> sizes;
  const Symbol& batch = f.symbols.at(0);
  if (f.symbols.size() == 1)
    for (int64_t b = batch.bound; b >= 1; --b) sizes.push_back({{batch.name, b}});
  else
    for (int64_t n : {10000, 2, 1, 0})
      for (int64_t b : {batch.bound, int64_t{1}}) sizes.push_back({{batch.name, b}, {f.symbols[1].name, n}});
  return sizes;
}

/// The rows of what has the batch as its first axis are those of a larger batch.
void expectRowsAmong(const Function& f, const std::vector<Tensor>& few, const std::vector<Tensor>& all) {
  for (size_t i = 0; i < few.size(); ++i) {
    const Shape& shape = f.body.type(f.body.outputs[i].value).shape;
    if (shape.empty() || shape[0] != Dim::symbol(f.symbols[0].name)) continue;
    std::vector<char> part = bytesOf(few[i]), whole = bytesOf(all[i]);
    ASSERT_LE(part.size(), whole.size());
    whole.resize(part.size());
    EXPECT_EQ(part, whole) << "output " << i << " depends on the rows beside it";
  }
}

class Sizes : public ::testing::TestWithParam<const char*> {
protected:
  Sizes() : plain_(programOf(GetParam())), fast_(plain_) {
    optimize(plain_, plainPipeline());
    optimize(fast_, defaultPipeline());
  }
  Setting settingOf(size_t i, const Symbols& symbols) const {
    Setting setting = makeSetting(plain_.functions[i], symbols);
    if (plain_.functions[i].kind == Function::Kind::Export) setting.steps = 1;
    // As small as weights are: nothing saturates, and long loops forget.
    for (auto& [path, tensor] : setting.variables)
      for (double& x : tensor.floats) x = static_cast<float>(0.25 * x);
    return setting;
  }
  Module plain_, fast_;
};

TEST_P(Sizes, GiveTheInterpretersValuesOnAnyThreads) {
  CompiledSteps compiled(fast_, {});
  size_t decided = 0, undecided = 0;
  for (size_t i = 0; i < plain_.functions.size(); ++i) {
    const Function& f = plain_.functions[i];
    std::map<Symbols, Trajectory> whole;  // at the bound of the batch, by the other sizes
    for (const Symbols& symbols : sizesOf(f)) {
      SCOPED_TRACE(f.name + textOf(symbols));
      Reference reference(f, settingOf(i, symbols));
      ASSERT_FALSE(reference.outOfRange());
      const Trajectory one = compiled.run(i, reference.setting(), 1);
      ASSERT_EQ(compiled.trouble(), "");
      EXPECT_EQ(reference.check(one), "");
      for (const int threads : {2, 3, 8})
        EXPECT_EQ(bitDifference(one, compiled.run(i, reference.setting(), threads), "1 and more threads"), "")
            << threads << " threads";
      Symbols others = symbols;
      others.erase(f.symbols[0].name);
      const auto at = whole.try_emplace(others, one).first;
      if (f.kind == Function::Kind::Export) expectRowsAmong(f, one[0], at->second[0]);
      if (HasFailure()) return;
      if (!others.empty() && others.begin()->second > 1000) continue;  // so many roundings may reach far
      decided += reference.decided, undecided += reference.undecided;
    }
  }
  EXPECT_GT(decided, 20 * undecided);
}

TEST_P(Sizes, GiveEqualBitsOnEveryCpuWithFma) {
  std::map<size_t, Trajectory> fused;
  for (const std::string& cpu : runnableCpus()) {
    CompiledSteps compiled(fast_, {false, {}, cpu});
    for (size_t i = 0; i < plain_.functions.size(); ++i) {
      SCOPED_TRACE(fmt::format("{} for {}", plain_.functions[i].name, cpu));
      Symbols symbols;
      for (const Symbol& s : plain_.functions[i].symbols) symbols[s.name] = std::min<int64_t>(s.bound, 20);
      Reference reference(plain_.functions[i], settingOf(i, symbols));
      const Trajectory found = compiled.run(i, reference.setting(), 2);
      ASSERT_EQ(compiled.trouble(), "");
      EXPECT_EQ(reference.check(found), "");
      if (!hasFma(cpu)) continue;
      EXPECT_EQ(bitDifference(fused.try_emplace(i, found).first->second, found, "two CPUs"), "");
    }
  }
}

TEST(Bounds, HoldForClassesThatComeAsFloats) {
  Module module = programOf("mlp");
  optimize(module, defaultPipeline());
  CompiledSteps compiled(module, {});
  Setting setting = makeSetting(module.functions[0], {{"batch", 4}});
  Tensor& y = setting.inputs.at("d.y");
  ASSERT_EQ(y.dtype, DType::F32);
  compiled.run(0, setting, 1);
  EXPECT_EQ(compiled.trouble(), "");
  y.floats[3] = 5;
  setting.steps = 1;
  compiled.run(0, setting, 1);
  EXPECT_EQ(compiled.trouble(), "fit.step: input d.y has 5 at element 3, allowed are 0 to 4\n");
}

INSTANTIATE_TEST_SUITE_P(Programs, Sizes, ::testing::Values("mlp", "cnn", "lstm", "attention", "scan"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace nnc::testing
