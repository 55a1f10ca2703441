// The library compiled: the whole pipeline and the kernels against the same values of PyTorch, in f64; and in f32 where
// a naive formula would overflow, cancel or be 0/0.
#include "fixture.h"

#include <gtest/gtest.h>

#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>

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

/// The results of an exported case by name.
std::map<std::string, std::vector<double>> call(train::Model& model, const Case& c) {
  const int number = model.find(c.name);
  if (number < 0) {
    ADD_FAILURE() << "no entry " << c.name;
    return {};
  }
  const nnc_entry& entry = model.entry(number);
  std::map<std::string, const Tensor*> given;
  for (const auto& [leaf, t] : c.inputs) given[leaf] = &t;
  std::vector<std::vector<std::byte>> inputs, outputs;
  for (uint32_t i = 0; i < entry.inputs; ++i) {
    inputs.push_back(bytesOf(*given.at(entry.input[i].name), entry.input[i].dtype));
    given.erase(entry.input[i].name);
  }
  for (const auto& [path, t] : given) model.set(path, t->floats);
  for (uint32_t i = 0; i < entry.outputs; ++i) {
    int64_t elements = 1;
    for (uint32_t k = 0; k < entry.output[i].rank; ++k) elements *= entry.output[i].extents[k](nullptr);
    outputs.emplace_back(static_cast<size_t>(elements) * (entry.output[i].dtype == NNC_F64 ? 8 : 4));
  }
  std::vector<const void*> in;
  std::vector<void*> out;
  for (auto& x : inputs) in.push_back(x.data());
  for (auto& x : outputs) out.push_back(x.data());
  model.run(number, {}, in, out);
  std::map<std::string, std::vector<double>> results;
  for (uint32_t i = 0; i < entry.outputs; ++i) {
    std::vector<double>& values = results[entry.output[i].name];
    if (entry.output[i].dtype == NNC_F64) {
      values.resize(outputs[i].size() / 8);
      std::memcpy(values.data(), outputs[i].data(), outputs[i].size());
    } else {
      std::vector<float> narrow(outputs[i].size() / 4);
      std::memcpy(narrow.data(), outputs[i].data(), outputs[i].size());
      values.assign(narrow.begin(), narrow.end());
    }
  }
  return results;
}

struct Compiled {
  std::string area;
  bool asF64;
  double tolerance;
};

class Kernels : public testing::TestWithParam<Compiled> {};

TEST_P(Kernels, AgreeWithPyTorch) {
  const auto& [area, asF64, tolerance] = GetParam();
  const FixtureFile file = readFixtures(area);
  Library library(area, file.program, asF64);
  ASSERT_NE(library.model(), nullptr);
  for (const Case& c : file.cases) {
    if (c.steps != 0) continue;
    SCOPED_TRACE(c.name + ": " + c.expression);
    auto results = call(*library.model(), c);
    for (const Expected& e : c.expected) {
      const std::vector<double>& got = results[e.output];
      ASSERT_EQ(got.size(), e.tensor.floats.size()) << e.output;
      for (size_t i = 0; i < got.size(); ++i) {
        const double want = e.tensor.floats[i];
        EXPECT_NEAR(got[i], want, tolerance * std::max(1.0, std::abs(want))) << e.output << ", element " << i;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Library, Kernels,
                         testing::Values(Compiled{"numerics", false, 2e-6}, Compiled{"numerics", true, 1e-9},
                                         Compiled{"activations", true, 1e-9}, Compiled{"losses", true, 1e-9},
                                         Compiled{"layers", true, 1e-9}, Compiled{"convolution", true, 1e-9},
                                         Compiled{"attention", true, 1e-9}),
                         [](const auto& info) { return info.param.area + (info.param.asF64 ? "_f64" : "_f32"); });

}  // namespace
}  // namespace nnc::test
