// Whole libraries: tables, entry points, loops and branches of an entry, the header, what the linked file shows and
// needs, equal bytes from any number of compiling threads.
#include <elf.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include "kernel_harness.h"

namespace nnc::testing {
namespace {

using plan::Ix;
using plan::Kernel;

/// out[i] = in0[i] op in1[i] for n elements.
Kernel binary(Op op, Dim n) {
  Kernel k;
  k.name = opInfo(op).text;
  k.iters = {{n, "i"}};
  k.taskIters = {0};
  k.operands = 3;
  k.outputs = 1;
  plan::Stage s;
  s.body = {loadInst(0, Ix::iter(0)), loadInst(1, Ix::iter(0)), opInst(op, {0, 1})};
  s.stores = {storeTo(2, Ix::iter(0), 2)};
  k.stages = {s};
  return k;
}

plan::Buffer buffer(plan::Role role, std::string name, Type type, uint64_t offset = 0) {
  plan::Buffer b;
  b.role = role;
  b.name = std::move(name);
  b.layout = plan::rowMajor(type.shape);
  b.type = std::move(type);
  b.offset = offset;
  return b;
}

plan::Phase phaseOf(plan::KernelId kernel, std::vector<plan::BufId> bind) {
  plan::Launch l;
  l.kernel = kernel;
  l.bind = std::move(bind);
  return {{l}};
}

/// Entry 0 `apply(x[n, 4], flag) -> y`: three rounds of t = t + w over a loop, then y = t * gain or t + gain by the
/// flag.
plan::Plan sampleModel() {
  plan::Plan p;
  p.name = "sample";
  plan::StoredVariable w;
  w.variable = {"net.w", {DType::F32, {3, 4}}, Variable::Kind::Param, {}};
  w.layout = plan::rowMajor(w.variable.type.shape);
  p.variables = {w};
  p.storeBytes = 64;
  p.scalars = {{"lr", DType::F32, 0.5}, {"gain", DType::F32, 2}};
  p.kernels = {binary(Op::Add, 4), binary(Op::Mul, 4)};
  p.kernels[1].stages[0].body[1].index = Ix();  // times a scalar

  plan::Entry e;
  e.name = "apply";
  Type row{DType::F32, {4}};
  Literal zero;
  zero.values = std::vector<double>{0};
  e.buffers = {buffer(plan::Role::Input, "x", row),    buffer(plan::Role::Input, "flag", {DType::Bool, {}}),
               buffer(plan::Role::Arena, "", row, 0),  buffer(plan::Role::Variable, "net.w", {DType::F32, {3, 4}}),
               buffer(plan::Role::Arena, "", row, 64), buffer(plan::Role::Scalar, "gain", {DType::F32, {}}),
               buffer(plan::Role::Output, "y", row),   buffer(plan::Role::Const, "", row)};
  e.buffers[7].literal = zero;
  e.phases = {phaseOf(0, {0, 7, 2}), phaseOf(0, {2, 4, 2}), phaseOf(1, {2, 5, 6}), phaseOf(0, {2, 7, 6})};
  e.inputs = {0, 1};
  e.outputs = {{OutputRole::Result, "y", 6}};
  e.arenaBytes = 128;
  plan::Step loop, ifStep;
  loop.kind = plan::Step::Kind::Loop;
  loop.trip = 3;
  loop.slices = {{4, 3, true}};
  ifStep.kind = plan::Step::Kind::If;
  ifStep.predicate = 1;
  auto step = [](plan::Step::Kind kind, uint32_t phase = 0) {
    plan::Step s;
    s.kind = kind;
    s.phase = phase;
    return s;
  };
  using Kind = plan::Step::Kind;
  e.steps = {step(Kind::Phase, 0),
             loop,
             step(Kind::Phase, 1),
             step(Kind::EndLoop),
             ifStep,
             step(Kind::Phase, 2),
             step(Kind::Else),
             step(Kind::Phase, 3),
             step(Kind::EndIf)};
  p.entries = {e};

  plan::Entry train;  // "fit.step" of a run-time batch
  train.name = "fit.step";
  train.kind = Function::Kind::Step;
  train.symbols = {{"batch", 32}};
  Dim n = Dim::symbol("batch");
  p.kernels.push_back(binary(Op::Add, n));
  train.buffers = {buffer(plan::Role::Input, "data.x", {DType::F32, {n}}),
                   buffer(plan::Role::Output, "loss", {DType::F32, {n}})};
  train.phases = {phaseOf(2, {0, 0, 1})};
  train.steps = {step(Kind::Phase, 0)};
  train.inputs = {0};
  train.outputs = {{OutputRole::Loss, "loss", 1}};
  p.entries.push_back(train);
  return p;
}

std::string fileText(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

TEST(Model, RunsLoopsBranchesAndSlices) {
  LoadedPlan loaded(sampleModel(), {});
  float w[12], x[4] = {1, 2, 3, 4}, y[4];
  for (int i = 0; i < 12; ++i) w[i] = static_cast<float>(i);
  ASSERT_EQ(loaded.api->set_tensor(loaded.context, "net.w", w, sizeof w), NNC_OK);
  uint8_t flag = 1;
  loaded.run({}, {x, &flag}, {y});
  for (int i = 0; i < 4; ++i) EXPECT_EQ(y[i], 2 * (x[i] + w[i] + w[4 + i] + w[8 + i]));
  flag = 0;
  loaded.run({}, {x, &flag}, {y});
  for (int i = 0; i < 4; ++i) EXPECT_EQ(y[i], x[i] + w[i] + w[4 + i] + w[8 + i]);
}

TEST(Model, TypedEntryPoints) {
  LoadedPlan loaded(sampleModel(), {});
  auto create = reinterpret_cast<int (*)(nnc_context**, int64_t, int)>(loaded.symbol("sample_create"));
  auto apply =
      reinterpret_cast<int (*)(nnc_context*, const float*, const uint8_t*, float*)>(loaded.symbol("sample_apply"));
  auto step = reinterpret_cast<int (*)(nnc_context*, int64_t, const float*, float*)>(loaded.symbol("sample_fit_step"));
  auto setScalar = reinterpret_cast<int (*)(nnc_context*, const char*, double)>(loaded.symbol("sample_set_scalar"));
  auto error = reinterpret_cast<const char* (*)(const nnc_context*)>(loaded.symbol("sample_error"));
  auto destroy = reinterpret_cast<void (*)(nnc_context*)>(loaded.symbol("sample_destroy"));
  ASSERT_TRUE(create && apply && step && setScalar && error && destroy);
  nnc_context* context = nullptr;
  ASSERT_EQ(create(&context, 3, 1), NNC_OK);
  float x[32], y[32] = {};
  uint8_t flag = 1;
  for (int i = 0; i < 32; ++i) x[i] = static_cast<float>(i);
  EXPECT_EQ(setScalar(context, "gain", 10), NNC_OK);
  EXPECT_EQ(apply(context, x, &flag, y), NNC_OK);
  EXPECT_EQ(y[3], 30);
  EXPECT_EQ(step(context, 32, x, y), NNC_OK);
  EXPECT_EQ(y[31], 62);
  EXPECT_EQ(step(context, 33, x, y), NNC_ERR_RANGE);
  EXPECT_NE(std::string(error(context)).find("batch"), std::string::npos);
  EXPECT_EQ(setScalar(context, "nosuch", 1), NNC_ERR_ARGUMENT);
  destroy(context);
}

TEST(Model, TablesDescribeTheModel) {
  codegen::CodegenOptions options;
  options.cpus = {"x86-64"};
  options.description = "{}";
  plan::Plan plan = sampleModel();
  for (plan::Buffer& buffer : plan.entries[0].buffers)
    if (buffer.role == plan::Role::Input && buffer.name == "x") buffer.bound = 7;
  LoadedPlan loaded(plan, options);
  const nnc_model* m = loaded.api->model;
  EXPECT_EQ(m->abi_version, NNC_ABI_VERSION);
  EXPECT_STREQ(m->name, "sample");
  EXPECT_STREQ(m->target->name, "x86-64");
  EXPECT_EQ(m->target->cpu_features, 0u);
  ASSERT_EQ(m->entries, 2u);
  EXPECT_STREQ(m->entry[1].name, "fit.step");
  EXPECT_STREQ(m->entry[1].kind, "step");
  EXPECT_STREQ(m->entry[1].output[0].role, "loss");
  int64_t batch = 5;
  EXPECT_EQ(m->entry[1].input[0].extents[0](&batch), 5);
  EXPECT_EQ(m->entry[1].buffer[0].elements(&batch), 5);
  EXPECT_EQ(m->entry[0].input[0].bound, 7);
  ASSERT_EQ(m->variables, 1u);
  EXPECT_STREQ(m->variable[0].path, "net.w");
  EXPECT_EQ(m->variable[0].extents[1], 4);
  ASSERT_EQ(m->scalars, 2u);
  EXPECT_EQ(m->scalar[0].initial, 0.5);
}

TEST(Model, EqualBytesFromAnyNumberOfThreads) {
  plan::Plan p = sampleModel();
  for (int i = 0; i < 20; ++i) {  // several modules
    p.kernels.push_back(binary(Op::Add, 100 + i));
    plan::Entry e = p.entries[1];
    e.name = fmt::format("extra{}", i);
    e.phases[0].launches[0].kernel = static_cast<uint32_t>(p.kernels.size()) - 1;
    p.entries.push_back(e);
  }
  codegen::CodegenOptions one, many;
  one.jobs = 1;
  many.jobs = 4;
  std::vector<std::string> a = codegen::compileObjects(p, one), b = codegen::compileObjects(p, many);
  EXPECT_EQ(a, b);
  std::string first = temporaryPath(".so"), second = temporaryPath(".so");
  codegen::linkSharedObject(a, first);
  codegen::linkSharedObject(b, second);
  EXPECT_EQ(fileText(first), fileText(second));
  std::remove(first.c_str());
  std::remove(second.c_str());
}

/// Names of defined dynamic symbols, and tags of the dynamic section.
struct Shown {
  std::set<std::string> defined, undefined;
  std::set<int64_t> tags;
};

Shown dynamicView(const std::string& path) {
  std::string file = fileText(path);
  Shown shown;
  auto* header = reinterpret_cast<const Elf64_Ehdr*>(file.data());
  auto* sections = reinterpret_cast<const Elf64_Shdr*>(file.data() + header->e_shoff);
  for (int i = 0; i < header->e_shnum; ++i) {
    const Elf64_Shdr& s = sections[i];
    const char* data = file.data() + s.sh_offset;
    if (s.sh_type == SHT_DYNAMIC) {
      for (auto* d = reinterpret_cast<const Elf64_Dyn*>(data); d->d_tag != DT_NULL; ++d) shown.tags.insert(d->d_tag);
    } else if (s.sh_type == SHT_DYNSYM) {
      const char* names = file.data() + sections[s.sh_link].sh_offset;
      auto* symbols = reinterpret_cast<const Elf64_Sym*>(data);
      for (size_t k = 1; k < s.sh_size / sizeof(Elf64_Sym); ++k) {
        (symbols[k].st_shndx == SHN_UNDEF ? shown.undefined : shown.defined).insert(names + symbols[k].st_name);
      }
    }
  }
  return shown;
}

TEST(Model, ShowsOnlyItsEntryPointsAndNeedsNoLibrary) {
  LoadedPlan loaded(sampleModel(), {});
  Shown shown = dynamicView(loaded.path());
  for (const std::string& name : shown.defined) EXPECT_EQ(name.rfind("sample_", 0), 0u) << name;
  EXPECT_TRUE(shown.defined.count("sample_api"));
  EXPECT_FALSE(shown.tags.count(DT_NEEDED));
  EXPECT_FALSE(shown.tags.count(DT_SONAME));
  EXPECT_FALSE(shown.tags.count(DT_VERNEED));
  for (const std::string& name : shown.undefined) {
    EXPECT_TRUE(name == "pthread_create" || name == "pthread_join" || name.rfind("mem", 0) == 0) << name;
  }
}

TEST(Model, HeaderCompilesAsC99AndCpp) {
  std::string header = codegen::makeHeader(sampleModel()), path = temporaryPath(".h");
  std::ofstream(path) << header;
  EXPECT_NE(header.find("int sample_fit_step(nnc_context *ctx, int64_t batch, const float *data_x, float *loss);"),
            std::string::npos)
      << header;
  EXPECT_NE(header.find("#define SAMPLE_FIT_STEP_BATCH_MAX 32"), std::string::npos) << header;
  for (const char* compile : {"cc -std=c99 -x c", "c++ -std=c++17 -x c++"}) {
    std::string command = fmt::format("{} -Wall -Wextra -Werror -pedantic -fsyntax-only {}", compile, path);
    EXPECT_EQ(std::system(command.c_str()), 0) << header;
  }
  std::remove(path.c_str());
}

TEST(Model, UnknownCpuIsAnError) {
  codegen::CodegenOptions options;
  options.cpus = {"pentium"};
  EXPECT_THROW(codegen::compileObjects(sampleModel(), options), codegen::CodegenError);
}

TEST(Model, TextForms) {
  codegen::CodegenOptions options;
  options.cpus = {"haswell"};
  EXPECT_NE(codegen::emitLlvmText(sampleModel(), options).find("define hidden void @k0_add"), std::string::npos);
  EXPECT_NE(codegen::emitAssembly(sampleModel(), options).find("vaddps"), std::string::npos);
}

TEST(Model, MergesObjectsBeforeAndAfterASharedLink) {
  // Links of both kinds in turn: lld's state of one must not reach the other.
  std::vector<std::string> objects = codegen::compileObjects(sampleModel(), {});
  std::string first = codegen::linkRelocatable(objects), shared = temporaryPath(".so");
  codegen::linkSharedObject(objects, shared);
  std::string second = codegen::linkRelocatable(objects);
  std::remove(shared.c_str());
  EXPECT_EQ(first.compare(1, 3, "ELF"), 0);
  EXPECT_EQ(first, second);
  EXPECT_EQ(codegen::makeArchive(first, "sample.o").compare(0, 8, "!<arch>\n"), 0);
}

}  // namespace
}  // namespace nnc::testing
