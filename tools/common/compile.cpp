#include "tools/common/compile.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <chrono>

#include "frontend/ast_dump.h"
#include "frontend/elaborate.h"
#include "frontend/parse.h"
#include "passes/pass.h"
#include "tools/common/command_line.h"
#include "tools/common/describe.h"
#include "tools/common/weights.h"

namespace nnc::tools {

namespace {

/// f32 becomes f64 in every type and attribute of the program, so that finite differences have digits to compare.
void widen(Type& type) {
  if (type.dtype == DType::F32) type.dtype = DType::F64;
}

void widen(Graph& graph) {
  for (Node& node : graph.nodes) {
    for (Type& type : node.out) widen(type);
    Attrs attrs = node.attrs;
    for (const auto& [name, value] : node.attrs.entries()) {
      if (const Type* type = std::get_if<Type>(&value); type && type->dtype == DType::F32)
        attrs.set(name, Type{DType::F64, type->shape});
      if (const DType* dtype = std::get_if<DType>(&value); dtype && *dtype == DType::F32) attrs.set(name, DType::F64);
    }
    node.attrs = std::move(attrs);
    for (Graph& region : node.regions) widen(region);
  }
}

void widen(Module& module) {
  module.compute = DType::F32;  // f64 is not rounded
  for (Variable& variable : module.variables) widen(variable.type);
  for (Scalar& scalar : module.scalars)
    if (scalar.dtype == DType::F32) scalar.dtype = DType::F64;
  for (DataSource& data : module.data)
    for (DataField& field : data.raw) widen(field.row);
  for (Function& function : module.functions) widen(function.body);
}

}  // namespace

Compilation::Compilation(CompileOptions options) : options_(std::move(options)) {}

template <class F>
auto Compilation::timed(const std::string& stage, F&& run) {
  auto start = std::chrono::steady_clock::now();
  auto result = run();
  times_.emplace_back(stage,
                      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
  return result;
}

const Module* Compilation::elaborated() {
  if (!elaborated_ && !diagnostics_.hasErrors()) {
    ElabOptions elab{options_.hypers, options_.trained, options_.dataPaths};
    elaborated_ = timed("frontend", [&] { return compileSource(options_.file, elab, sources_, diagnostics_); });
    if (elaborated_ && change_) change_(*elaborated_);
    if (elaborated_ && options_.asF64) widen(*elaborated_);
  }
  return elaborated_ ? &*elaborated_ : nullptr;
}

const Module* Compilation::differentiated() {
  if (!differentiated_ && elaborated()) {
    Module module = *elaborated();
    PipelineOptions pipeline{options_.verifyEach, {}, nullptr};
    if (timed("autodiff",
              [&] { return runPasses(module, {"autodiff", "mixed_precision", "dce"}, diagnostics_, pipeline); }))
      differentiated_ = std::move(module);
  }
  return differentiated_ ? &*differentiated_ : nullptr;
}

const Module* Compilation::optimized() {
  if (!optimized_ && elaborated()) {
    Module module = *elaborated();
    StageTimes passTimes;
    PipelineOptions pipeline{options_.verifyEach, options_.printAfter, &passTimes};
    bool ok = timed("passes", [&] {
      return runPasses(module, options_.plain ? plainPipeline() : defaultPipeline(), diagnostics_, pipeline);
    });
    for (auto& [name, milliseconds] : passTimes) times_.emplace_back("  " + name, milliseconds);
    if (ok) optimized_ = std::move(module);
  }
  return optimized_ ? &*optimized_ : nullptr;
}

const plan::Plan* Compilation::plan() {
  if (!plan_ && optimized()) {
    plan::PlanOptions planOptions{!options_.plain, !options_.plain, !options_.plain};
    planOptions.derive = !options_.plain;
    plan_ = timed("plan", [&] { return plan::makePlan(*optimized(), planOptions); });
  }
  return plan_ ? &*plan_ : nullptr;
}

codegen::CodegenOptions Compilation::codegenOptions() {
  codegen::CodegenOptions codegen;
  codegen.cpus = options_.cpus;
  codegen.jobs = options_.jobs;
  codegen.plainKernels = options_.plain;
  if (!options_.weights.empty() && elaborated()) codegen.weights = weightsFor(*elaborated_, options_.weights);
  codegen.compilerVersion =
      fmt::format("{}, {}{}", versionText(), fmt::join(options_.cpus, "+"), options_.plain ? ", -O0" : "");
  if (const Module* module = elaborated()) codegen.description = describe(*module);
  codegen.place = [this](const Loc& at) {
    // The file's name without its folders: a library holds no path of the machine it was made on.
    return at ? fmt::format("{}:{}", std::filesystem::path(sources_.name(at.file)).filename().string(), at.line) : "";
  };
  codegen.times = &times_;
  return codegen;
}

std::optional<std::string> Compilation::syntaxTree() {
  uint32_t id = sources_.add(options_.file, readWholeFile(options_.file));
  auto tree = timed("parse", [&] { return parseFile(id, sources_, diagnostics_); });
  if (diagnostics_.hasErrors()) return {};
  return dumpAst(*tree);
}

const std::vector<std::string>& Compilation::objects() {
  if (!objects_) {
    codegen::CodegenOptions codegen = codegenOptions();
    StageTimes inside;
    codegen.times = &inside;
    objects_ = timed("codegen", [&] { return codegen::compileObjects(*plan(), codegen); });
    for (auto& [name, milliseconds] : inside) times_.emplace_back("  " + name, milliseconds);
  }
  return *objects_;
}

void Compilation::link(const std::string& path) {
  objects();
  timed("link", [&] {
    codegen::linkSharedObject(*objects_, path);
    return true;
  });
}

}  // namespace nnc::tools
