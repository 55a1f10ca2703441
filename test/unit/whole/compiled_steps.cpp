#include "compiled_steps.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "passes/pass.h"

namespace nnc::testing {
namespace {

Tensor zeros(const Type& type, const std::map<std::string, int64_t>& symbols) {
  std::vector<int64_t> shape;
  for (const Dim& d : type.shape) shape.push_back(d.evaluate(symbols));
  return Tensor::zeros(type.dtype, shape);
}

}  // namespace

void optimize(Module& module, const std::vector<std::string>& passes) {
  SourceManager sources;
  Diagnostics diagnostics(sources);
  runPasses(module, passes, diagnostics, {true, {}, nullptr});
  if (diagnostics.hasErrors()) throw std::runtime_error(diagnostics.render(DiagFormat::Text));
}

std::vector<std::string> exactPipeline() {
  std::vector<std::string> passes = defaultPipeline();
  std::erase_if(passes, [](const std::string& name) { return findPass(name)->exactness != Exactness::Exact; });
  return passes;
}

CompiledSteps::CompiledSteps(const Module& module, const Options& options)
    : module_(module), plan_(plan::makePlan(module, options.plan)) {
  for (const std::string& error : plan::verifyPlan(plan_)) trouble_ += error + "\n";
  codegen::CodegenOptions how;
  how.plainKernels = options.plain;
  how.quickCode = options.quickCode;
  how.cpus = {options.cpu};
  how.jobs = 1;
  loaded_ = std::make_unique<LoadedPlan>(plan_, how);
}

Trajectory CompiledSteps::run(size_t i, const Setting& setting, int threads) {
  const nnc_api* api = loaded_->api;
  expect(api->set_threads(loaded_->context, threads));
  for (const auto& [path, tensor] : setting.variables) {
    if (isScalar(path)) {
      const double value = tensor.floats.empty() ? static_cast<double>(tensor.ints[0]) : tensor.floats[0];
      expect(api->set_scalar(loaded_->context, path.c_str(), value));
      continue;
    }
    const std::vector<char> bytes = bytesOf(tensor);
    expect(api->set_tensor(loaded_->context, path.c_str(), bytes.data(), bytes.size()));
  }
  Trajectory trajectory;
  for (int step = 0; step < setting.steps; ++step) trajectory.push_back(runStep(i, setting));
  return trajectory;
}

bool CompiledSteps::isScalar(const std::string& name) const {
  return std::any_of(module_.scalars.begin(), module_.scalars.end(), [&](const Scalar& s) { return s.name == name; });
}

void CompiledSteps::expect(int code) {
  if (code != NNC_OK) trouble_ += loaded_->api->error(loaded_->context) + std::string("\n");
}

std::vector<Tensor> CompiledSteps::runStep(size_t i, const Setting& setting) {
  const plan::Entry& e = plan_.entries[i];
  std::vector<int64_t> symbols;
  for (const Symbol& s : e.symbols) symbols.push_back(setting.symbols.at(s.name));
  std::vector<std::vector<char>> in, out;
  for (plan::BufId b : e.inputs) in.push_back(bytesOf(setting.inputs.at(e.buffers[b].name)));
  for (const plan::EntryOutput& o : e.outputs) out.push_back(bytesOf(zeros(e.buffers[o.buffer].type, setting.symbols)));
  std::vector<const void*> inPointers;
  std::vector<void*> outPointers;
  for (auto& bytes : in) inPointers.push_back(bytes.data());
  for (auto& bytes : out) outPointers.push_back(bytes.data());
  expect(loaded_->api->run(loaded_->context, static_cast<uint32_t>(i), symbols.data(), inPointers.data(),
                           outPointers.data()));
  std::vector<Tensor> results;
  size_t next = 0;
  for (const Output& output : module_.functions[i].body.outputs) {
    Tensor like = zeros(module_.functions[i].body.type(output.value), setting.symbols);
    std::vector<char> bytes = bytesOf(like);
    if (output.role == OutputRole::Update) {
      expect(loaded_->api->get_tensor(loaded_->context, output.name.c_str(), bytes.data(), bytes.size()));
    } else {
      bytes = out[next++];
    }
    results.push_back(tensorOf(bytes, like.dtype, like.shape));
  }
  return results;
}

std::string bitDifference(const Trajectory& a, const Trajectory& b, const char* what,
                          const std::vector<std::vector<bool>>& counts) {
  for (size_t step = 0; step < a.size(); ++step)
    for (size_t i = 0; i < a[step].size(); ++i) {
      if (!counts.empty() && !counts[step][i]) continue;
      if (bytesOf(a[step][i]) == bytesOf(b[step][i])) continue;
      for (size_t k = 0; k < a[step][i].floats.size(); ++k)
        if (!(a[step][i].floats[k] == b[step][i].floats[k]))
          return fmt::format("{}: step {}, output {}, element {}: {} and {}", what, step, i, k, a[step][i].floats[k],
                             b[step][i].floats[k]);
      return fmt::format("{}: step {}, output {} differs in a sign of zero or an integer", what, step, i);
    }
  return {};
}

}  // namespace nnc::testing
