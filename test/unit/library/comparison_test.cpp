// `nn check --compiled` on a network with numbers that rounding alone decides: an offset before a batch norm has the
// gradient 0, and Adam divides what rounding makes of that by its own size.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <filesystem>
#include <fstream>

#include "runtime/train/model.h"
#include "tools/common/comparison.h"
#include "tools/common/compile.h"

namespace nnc::test {
namespace {

namespace fs = std::filesystem;

/// The program with this value for the block's parameters.
std::string programWith(const std::string& update) {
  return fmt::format(R"(layer model(x: [B, 8]) -> [B, 2] {{ x |> a: dense[6] |> batch_norm |> relu |> b: dense[2] }}
let net = model
train fit(steps = 3, batch = 16) {{
  let x: [batch, 8] = normal
  let loss = mean((net(x) - 1)^2)
  let g = grad(loss, net)
  net = {}
}}
)",
                     update);
}

/// A file of a program that is there as long as it is.
class Source {
public:
  explicit Source(const std::string& program)
      : folder_(fs::temp_directory_path() / fmt::format("nnc_comparison_{}", ::getpid())) {
    fs::create_directories(folder_);
    std::ofstream(folder_ / "model.nn") << program;
  }
  ~Source() { fs::remove_all(folder_); }
  tools::CompileOptions options() const {
    tools::CompileOptions options;
    options.file = folder_ / "model.nn";
    options.jobs = 1;
    return options;
  }
  std::string library() const { return folder_ / "model.so"; }

private:
  fs::path folder_;
};

/// Whether the compiled program with `Adam` agrees with the interpreter's of another update.
bool agreesWith(train::Model& model, const std::string& update) {
  const Source source(programWith(update));
  tools::Compilation compilation(source.options());
  const Module* reference = compilation.differentiated();
  EXPECT_TRUE(reference) << compilation.diagnostics().render(DiagFormat::Text);
  return reference && tools::compareWithInterpreter(*reference, model);
}

TEST(Comparison, KnowsRoundingFromAWrongOptimizer) {
  std::unique_ptr<train::Model> model;
  {
    const Source source(programWith("adam(net, g, lr = 0.01)"));
    tools::Compilation compilation(source.options());
    ASSERT_TRUE(compilation.plan()) << compilation.diagnostics().render(DiagFormat::Text);
    compilation.link(source.library());
    model = std::make_unique<train::Model>(source.library(), "model", 1, 1);
  }
  EXPECT_TRUE(agreesWith(*model, "adam(net, g, lr = 0.01)"));
  for (const char* wrong : {"adam(net, -g, lr = 0.01)", "adam(net, g, lr = 0.0102)", "adam(net, 1.01 * g, lr = 0.01)",
                            "adam(net, g, lr = 0.01, b1 = 0.899)", "adam(net, g, lr = 0.01, b2 = 0.9989)",
                            "adam(net, g, lr = 0.01, eps = 1e-3)", "adam(net, g, lr = 0.01, decay = 0.1)"})
    EXPECT_FALSE(agreesWith(*model, wrong)) << wrong;
}

}  // namespace
}  // namespace nnc::test
