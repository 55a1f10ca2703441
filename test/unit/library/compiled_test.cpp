// The library compiled: the whole pipeline and the kernels against the same values of PyTorch, in f32 as they are used
// and in f64.
#include "fixture.h"

#include <gtest/gtest.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <ostream>

#include "runtime/train/model.h"
#include "tools/common/command_line.h"
#include "tools/common/compile.h"

namespace nnc::test {
namespace {

namespace fs = std::filesystem;

/// A program compiled and loaded; its files live as long as it does.
class Library {
public:
  Library(const std::string& name, const std::string& program, bool asF64)
      : folder_(fs::temp_directory_path() / fmt::format("nnc_library_{}_{}", name, ::getpid())) {
    fs::create_directories(folder_);
    std::ofstream(folder_ / (name + ".nn")) << program;
    tools::CompileOptions options;
    options.file = folder_ / (name + ".nn");
    options.asF64 = asF64;
    options.jobs = 1;
    tools::Compilation compilation(options);
    const std::string so = folder_ / (name + ".so");
    if (!compilation.plan()) {
      ADD_FAILURE() << compilation.diagnostics().render(DiagFormat::Text);
      return;
    }
    compilation.link(so);
    model_ = std::make_unique<train::Model>(so, name, 1, 1);
  }
  ~Library() {
    model_.reset();
    fs::remove_all(folder_);
  }
  train::Model* model() { return model_.get(); }

private:
  fs::path folder_;
  std::unique_ptr<train::Model> model_;
};

bool isVariable(const train::Model& model, const std::string& path) {
  const nnc_model& tables = model.tables();
  return std::any_of(tables.variable, tables.variable + tables.variables,
                     [&](const nnc_variable& v) { return path == v.path; });
}

/// Elements of a tensor as a port stores them.
std::vector<std::byte> bytesOf(const Tensor& t, uint32_t dtype) {
  std::vector<std::byte> bytes;
  const auto put = [&](auto x) {
    const auto* p = reinterpret_cast<const std::byte*>(&x);
    bytes.insert(bytes.end(), p, p + sizeof x);
  };
  for (int64_t i = 0; i < t.size(); ++i) switch (dtype) {
      case NNC_F64:
        put(t.floats[i]);
        break;
      case NNC_F32:
        put(static_cast<float>(t.floats[i]));
        break;
      case NNC_I32:
        put(static_cast<int32_t>(t.ints[i]));
        break;
      default:
        put(static_cast<uint8_t>(t.ints[i]));
    }
  return bytes;
}

/// An entry's results by name, its inputs taken from `given`.
std::map<std::string, std::vector<double>> runEntry(train::Model& model, int number,
                                                    const std::map<std::string, const Tensor*>& given) {
  const nnc_entry& entry = model.entry(number);
  const std::vector<int64_t> symbols(entry.symbols, 1);  // the rows of a step's batch
  std::vector<std::vector<std::byte>> inputs, outputs;
  std::vector<const void*> from;
  std::vector<void*> to;
  for (uint32_t i = 0; i < entry.inputs; ++i)
    inputs.push_back(bytesOf(*given.at(entry.input[i].name), entry.input[i].dtype));
  for (uint32_t i = 0; i < entry.outputs; ++i) {
    int64_t elements = 1;
    for (uint32_t k = 0; k < entry.output[i].rank; ++k) elements *= entry.output[i].extents[k](symbols.data());
    outputs.emplace_back(static_cast<size_t>(elements) * (entry.output[i].dtype == NNC_F64 ? 8 : 4));
  }
  for (const auto& x : inputs) from.push_back(x.data());
  for (auto& x : outputs) to.push_back(x.data());
  model.run(number, symbols, from, to);
  std::map<std::string, std::vector<double>> results;
  for (uint32_t i = 0; i < entry.outputs; ++i) {
    const uint32_t dtype = entry.output[i].dtype;
    std::vector<double>& values = results[entry.output[i].name];
    for (size_t k = 0; k < outputs[i].size() / (dtype == NNC_F64 ? 8 : 4); ++k)
      values.push_back(train::elementAsDouble(train::dtypeOfAbi(dtype), outputs[i].data(), k));
  }
  return results;
}

/// What a case expects, by name: results of its function, or what its steps leave in variables.
std::map<std::string, std::vector<double>> resultsOf(train::Model& model, const Case& c) {
  const int number = model.find(c.steps ? c.name + ".step" : c.name);
  if (number < 0) {
    ADD_FAILURE() << "no entry " << c.name;
    return {};
  }
  std::map<std::string, const Tensor*> given;
  for (const auto& [leaf, t] : c.inputs) given[leaf] = &t;
  for (const auto& [leaf, t] : c.inputs)
    if (isVariable(model, leaf))
      model.set(leaf, isFloat(t.dtype) ? t.floats : std::vector<double>(t.ints.begin(), t.ints.end()));
  std::map<std::string, std::vector<double>> results;
  for (int step = 0; step < std::max(1, c.steps); ++step) {
    model.setScalar("step", step);
    results = runEntry(model, number, given);
  }
  for (const Expected& e : c.expected)
    if (!results.contains(e.output)) results[e.output] = model.get(e.output);
  return results;
}

/// Areas in one program, so that equal kernels are compiled once: in f32 as users compile it, or all of it in f64.
struct Compiled {
  std::vector<std::string> areas;
  bool asF64;
  std::string name() const { return fmt::format("{}_{}", fmt::join(areas, "_"), asF64 ? "f64" : "f32"); }
};

void PrintTo(const Compiled& c, std::ostream* out) {
  *out << c.name();
}

/// The largest error, relative to the largest element of the values, first or second derivatives of a case, or to 1.
double toleranceOf(const std::string& area, bool asF64) {
  if (asF64) return 1e-9;
  // Blocks upon blocks, each with norms over four features: their second derivatives multiply what is rounded.
  if (area == "attention") return 6e-5;
  return 4e-6;  // 32 roundings of f32; the largest found are 13, of adam and its kin
}

/// The programs one behind the other, without the functions that all of them begin with.
std::string programOf(const std::vector<FixtureFile>& files) {
  std::string all = files[0].program;
  for (size_t i = 1; i < files.size(); ++i) {
    const std::string& next = files[i].program;
    const auto same = std::mismatch(all.begin(), all.end(), next.begin(), next.end()).second;
    all += next.substr(next.rfind('\n', static_cast<size_t>(same - next.begin())) + 1);
  }
  return all;
}

void expectCase(train::Model& model, const Case& c, double tolerance) {
  SCOPED_TRACE(c.name + ": " + c.expression);
  auto results = resultsOf(model, c);
  std::map<Expected::Kind, double> scale;
  for (const Expected& e : c.expected)
    for (double want : e.tensor.floats) scale[e.kind] = std::max({1.0, scale[e.kind], std::abs(want)});
  for (const Expected& e : c.expected) {
    const std::vector<double>& got = results[e.output];
    ASSERT_EQ(got.size(), e.tensor.floats.size()) << e.output;
    for (size_t i = 0; i < got.size(); ++i)
      EXPECT_NEAR(got[i], e.tensor.floats[i], tolerance * scale[e.kind]) << e.output << ", element " << i;
  }
}

class Kernels : public testing::TestWithParam<Compiled> {};

TEST_P(Kernels, AgreeWithPyTorch) {
  const auto& [areas, asF64] = GetParam();
  std::vector<FixtureFile> files;
  for (const std::string& area : areas) files.push_back(readFixtures(area));
  Library library(areas[0], programOf(files), asF64);
  ASSERT_NE(library.model(), nullptr);
  for (size_t i = 0; i < areas.size(); ++i)
    for (const Case& c : files[i].cases) expectCase(*library.model(), c, toleranceOf(areas[i], asF64));
}

const std::vector<std::string> kElementwise = {"math", "activations", "losses", "numerics"};
const std::vector<std::string> kLayers = {"layers", "convolution"};
const std::vector<std::string> kSteps = {"optimizers", "schedules", "metrics", "initializers", "augment"};

// Recurrences take a third of the time, and in f64 have no kernels of another kind than the other areas'.
INSTANTIATE_TEST_SUITE_P(Library, Kernels,
                         testing::Values(Compiled{kElementwise, false}, Compiled{kElementwise, true},
                                         Compiled{kLayers, false}, Compiled{kLayers, true}, Compiled{kSteps, false},
                                         Compiled{kSteps, true}, Compiled{{"sequence", "attention", "models"}, false},
                                         Compiled{{"attention"}, true}),
                         [](const auto& info) { return info.param.name(); });

}  // namespace
}  // namespace nnc::test
