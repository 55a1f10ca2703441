#include "differential.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <set>
#include <stdexcept>

#include "../codegen/kernel_harness.h"
#include "ir/text.h"
#include "ir/verify.h"
#include "passes/pass.h"
#include "reference.h"

namespace nnc::testing {
namespace {

std::string numbered(size_t i, const std::string& name) {
  return fmt::format("{}.{}", i, name);
}

/// One module of all functions; names get their module's number in front.
Module merged(const std::vector<Module>& modules) {
  Module all;
  all.name = "random";
  for (size_t i = 0; i < modules.size(); ++i) {
    for (Variable v : modules[i].variables) {
      v.path = numbered(i, v.path);
      all.variables.push_back(v);
    }
    Function f = modules[i].functions.at(0);
    f.name = numbered(i, "g");
    for (Node& node : f.body.nodes)
      if (node.op == Op::Leaf && node.attrs.string("kind") != "input")
        node.attrs.set("name", numbered(i, node.attrs.string("name")));
    for (Output& o : f.body.outputs)
      if (o.role == OutputRole::Update) o.name = numbered(i, o.name);
    all.functions.push_back(std::move(f));
  }
  return all;
}

void optimize(Module& module, const std::vector<std::string>& passes) {
  SourceManager sources;
  Diagnostics diagnostics(sources);
  runPasses(module, passes, diagnostics, {true, {}, nullptr});
  if (diagnostics.hasErrors()) throw std::runtime_error(diagnostics.render(DiagFormat::Text));
}

/// The default pipeline without what may change bits.
std::vector<std::string> exactPipeline() {
  std::vector<std::string> passes = defaultPipeline();
  std::erase_if(passes, [](const std::string& name) { return findPass(name)->exactness != Exactness::Exact; });
  return passes;
}

/// A module planned, compiled, linked and loaded.
class Library {
public:
  Library(const Module& module, bool plain, plan::PlanOptions planned)
      : module_(module), plan_(plan::makePlan(module, planned)) {
    for (const std::string& error : plan::verifyPlan(plan_)) trouble_ += error + "\n";
    codegen::CodegenOptions options;
    options.plainKernels = plain;
    options.jobs = 1;
    loaded_ = std::make_unique<LoadedPlan>(plan_, options);
  }

  /// Three steps of function i.
  Trajectory run(size_t i, const Setting& setting, int threads) {
    const nnc_api* api = loaded_->api;
    expect(api->set_threads(loaded_->context, threads));
    for (const auto& [path, tensor] : setting.variables) {
      const std::vector<char> bytes = bytesOf(tensor);
      expect(api->set_tensor(loaded_->context, path.c_str(), bytes.data(), bytes.size()));
    }
    Trajectory trajectory;
    for (int step = 0; step < kSteps; ++step) trajectory.push_back(runStep(i, setting));
    return trajectory;
  }

  /// What went wrong on the way; empty if nothing did.
  const std::string& trouble() const { return trouble_; }

private:
  void expect(int code) {
    if (code != NNC_OK) trouble_ += loaded_->api->error(loaded_->context) + std::string("\n");
  }
  std::vector<Tensor> runStep(size_t i, const Setting& setting) {
    const plan::Entry& e = plan_.entries[i];
    std::vector<int64_t> symbols;
    for (const Symbol& s : e.symbols) symbols.push_back(setting.symbols.at(s.name));
    std::vector<std::vector<char>> in, out;
    for (plan::BufId b : e.inputs) in.push_back(bytesOf(setting.inputs.at(e.buffers[b].name)));
    for (const plan::EntryOutput& o : e.outputs)
      out.push_back(bytesOf(zeros(e.buffers[o.buffer].type, setting.symbols)));
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
  static Tensor zeros(const Type& type, const std::map<std::string, int64_t>& symbols) {
    std::vector<int64_t> shape;
    for (const Dim& d : type.shape) shape.push_back(d.evaluate(symbols));
    return Tensor::zeros(type.dtype, shape);
  }

  const Module& module_;
  plan::Plan plan_;
  std::unique_ptr<LoadedPlan> loaded_;
  std::string trouble_;
};

/// One sentence on the first element whose bits differ, among the outputs of each step that count.
std::string bitDifference(const Trajectory& a, const Trajectory& b, const std::vector<std::vector<bool>>& counts,
                          const char* what) {
  for (size_t step = 0; step < a.size(); ++step)
    for (size_t i = 0; i < a[step].size(); ++i) {
      if (!counts[step][i] || bytesOf(a[step][i]) == bytesOf(b[step][i])) continue;
      for (size_t k = 0; k < a[step][i].floats.size(); ++k)
        if (!(a[step][i].floats[k] == b[step][i].floats[k]))
          return fmt::format("{}: step {}, output {}, element {}: {} and {}", what, step, i, k, a[step][i].floats[k],
                             b[step][i].floats[k]);
      return fmt::format("{}: step {}, output {} differs in a sign of zero or an integer", what, step, i);
    }
  return {};
}

/// Adds floats in an order that follows the loops of its kernel, which fusion decides.
bool sumsFloats(const Node& node);
bool anySumsFloats(const Graph& graph) {
  return std::any_of(graph.nodes.begin(), graph.nodes.end(), sumsFloats);
}
bool sumsFloats(const Node& node) {
  return (node.op == Op::Sum && isFloat(node.out[0].dtype)) ||
         std::any_of(node.regions.begin(), node.regions.end(), anySumsFloats);
}

/// The outputs of each step that no such sum takes part in: they must agree in every bit.
std::vector<std::vector<bool>> withoutSums(const Graph& graph) {
  std::vector<std::vector<bool>> counts;
  std::set<std::string> summed;  // variables
  for (int step = 0; step < kSteps; ++step) {
    std::vector<bool> tainted;
    for (const Node& node : graph.nodes) {
      bool t = sumsFloats(node) || (node.op == Op::Leaf && summed.contains(node.attrs.string("name")));
      for (Value v : node.in) t = t || tainted[v.node];
      tainted.push_back(t);
    }
    counts.emplace_back();
    for (const Output& o : graph.outputs) {
      counts.back().push_back(!tainted[o.value.node]);
      if (o.role == OutputRole::Update && tainted[o.value.node]) summed.insert(o.name);
    }
  }
  return counts;
}

/// Sizes of the batch: its bound, 1, one between, none.
std::vector<std::map<std::string, int64_t>> sizesFor(const Function& f) {
  if (f.symbols.empty()) return {{}};
  const auto& [name, bound] = f.symbols[0];
  std::vector<std::map<std::string, int64_t>> sizes = {{{name, bound}}};
  if (bound > 1) sizes.push_back({{name, 1}});
  if (bound > 2) sizes.push_back({{name, (bound + 1) / 2}});
  sizes.push_back({{name, 0}});
  return sizes;
}

}  // namespace

Comparison compare(const std::vector<Module>& modules, bool exact) {
  Module plain = merged(modules), fast = plain;
  optimize(plain, plainPipeline());
  optimize(fast, exact ? exactPipeline() : defaultPipeline());
  Library plainLibrary(plain, true, {false, false, false}), fastLibrary(fast, false, {true, true, !exact});
  Comparison comparison;
  comparison.failures.resize(modules.size());
  for (size_t i = 0; i < modules.size(); ++i) {
    const auto bits = withoutSums(plain.functions[i].body);
    const std::vector<std::vector<bool>> all(kSteps, std::vector<bool>(plain.functions[i].body.outputs.size(), true));
    for (const auto& symbols : sizesFor(plain.functions[i])) {
      Reference reference(plain.functions[i], makeSetting(plain.functions[i], symbols));
      if (reference.outOfRange()) {
        ++comparison.outOfRange;
        continue;
      }
      const Trajectory slow = plainLibrary.run(i, reference.setting(), 1),
                       one = fastLibrary.run(i, reference.setting(), 1),
                       three = fastLibrary.run(i, reference.setting(), 3);
      std::string failure = reference.check(slow);
      if (!failure.empty()) failure = "plain: " + failure;
      if (failure.empty() && !(failure = reference.check(one)).empty()) failure = "default: " + failure;
      if (failure.empty()) failure = bitDifference(one, three, all, "1 and 3 threads");
      if (failure.empty() && exact) {
        failure = bitDifference(slow, one, bits, "plain and exact");
        for (const auto& step : bits)
          comparison.bitwise += static_cast<size_t>(std::count(step.begin(), step.end(), true));
      }
      comparison.decided += reference.decided;
      comparison.undecided += reference.undecided;
      if (failure.empty()) continue;
      for (const auto& [name, value] : symbols) failure += fmt::format(" ({} = {})", name, value);
      comparison.failures[i] = failure;
      break;
    }
  }
  comparison.trouble = plainLibrary.trouble() + fastLibrary.trouble();
  return comparison;
}

}  // namespace nnc::testing
