#include "kernel_harness.h"

#include <dlfcn.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cmath>
#include <random>

namespace nnc::testing {

using plan::Inst;
using plan::Ix;

std::vector<std::string> runnableCpus() {
  std::vector<std::string> cpus;
  for (const char* cpu : {"x86-64", "haswell", "skylake-avx512", "znver4"}) {
    if (codegen::hostCanRun(cpu)) cpus.push_back(cpu);
  }
  return cpus;
}

plan::Plan planOf(const plan::Kernel& kernel, const std::vector<Type>& operands, const std::vector<Symbol>& symbols) {
  plan::Plan p;
  p.name = "test";
  plan::Entry e;
  e.name = "run";
  e.symbols = symbols;
  plan::Launch launch;
  size_t inputs = operands.size() - kernel.outputs;
  for (size_t i = 0; i < operands.size(); ++i) {
    plan::Buffer b;
    b.role = i < inputs ? plan::Role::Input : plan::Role::Output;
    b.name = i < inputs ? fmt::format("in{}", i) : fmt::format("{}", i - inputs);
    b.type = operands[i];
    b.layout = plan::rowMajor(operands[i].shape);
    launch.bind.push_back(static_cast<uint32_t>(i));
    if (i < inputs) e.inputs.push_back(static_cast<uint32_t>(i));
    if (i >= inputs) e.outputs.push_back({OutputRole::Result, b.name, static_cast<uint32_t>(i)});
    e.buffers.push_back(std::move(b));
  }
  e.phases.push_back({{launch}});
  e.steps.push_back({});
  p.kernels.push_back(kernel);
  p.kernels[0].operands = static_cast<uint32_t>(operands.size());
  if (p.kernels[0].name.empty()) p.kernels[0].name = "kernel";
  p.entries.push_back(std::move(e));
  return p;
}

std::string temporaryPath(const std::string& suffix) {
  static std::atomic<int> number = 0;
  return fmt::format("{}nnc-test-{}-{}{}", ::testing::TempDir(), getpid(), number++, suffix);
}

LoadedPlan::LoadedPlan(const plan::Plan& plan, const codegen::CodegenOptions& options, int threads)
    : path_(temporaryPath(".so")) {
  try {
    codegen::linkSharedObject(codegen::compileObjects(plan, options), path_);
  } catch (const codegen::CodegenError& error) {
    ADD_FAILURE() << error.message;
    return;
  }
  handle_ = dlopen(path_.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle_) {
    ADD_FAILURE() << dlerror();
    return;
  }
  auto getter = reinterpret_cast<const nnc_api* (*)()>(symbol(plan.name + "_api"));
  api = getter();
  EXPECT_EQ(api->create(&context, 1, threads), NNC_OK);
}

LoadedPlan::~LoadedPlan() {
  if (context) api->destroy(context);
  if (handle_) dlclose(handle_);
  unlink(path_.c_str());
}

void* LoadedPlan::symbol(const std::string& name) const {
  return dlsym(handle_, name.c_str());
}

void LoadedPlan::run(const std::vector<int64_t>& symbols, const std::vector<const void*>& inputs,
                     const std::vector<void*>& outputs) {
  ASSERT_TRUE(context);
  ASSERT_EQ(api->run(context, 0, symbols.data(), inputs.data(), outputs.data()), NNC_OK) << api->error(context);
}

namespace {

template <typename T, typename From>
void append(std::vector<char>& out, From value) {
  T v = static_cast<T>(value);
  const char* p = reinterpret_cast<const char*>(&v);
  out.insert(out.end(), p, p + sizeof(T));
}

template <typename T>
T read(const std::vector<char>& bytes, size_t i) {
  T v;
  std::memcpy(&v, bytes.data() + i * sizeof(T), sizeof(T));
  return v;
}

float floatOfBf16(uint16_t h) {
  uint32_t bits = uint32_t{h} << 16;
  float f;
  std::memcpy(&f, &bits, 4);
  return f;
}

}  // namespace

std::vector<char> bytesOf(const Tensor& t) {
  std::vector<char> out;
  for (int64_t i = 0; i < t.size(); ++i) {
    switch (t.dtype) {
      case DType::F64:
        append<double>(out, t.floats[i]);
        break;
      case DType::F32:
        append<float>(out, t.floats[i]);
        break;
      case DType::BF16: {
        auto f = static_cast<float>(t.floats[i]);
        uint32_t bits;
        std::memcpy(&bits, &f, 4);
        append<uint16_t>(out, bits >> 16);  // values of tests are exact in bf16
        break;
      }
      case DType::F16:
        append<_Float16>(out, t.floats[i]);
        break;
      case DType::I64:
        append<int64_t>(out, t.ints[i]);
        break;
      case DType::I32:
        append<int32_t>(out, t.ints[i]);
        break;
      case DType::I8:
        append<int8_t>(out, t.ints[i]);
        break;
      case DType::U8:
      case DType::Bool:
        append<uint8_t>(out, t.ints[i]);
        break;
    }
  }
  return out;
}

Tensor tensorOf(const std::vector<char>& bytes, DType dtype, std::vector<int64_t> shape) {
  Tensor t = Tensor::zeros(dtype, std::move(shape));
  for (int64_t i = 0; i < t.size(); ++i) {
    auto at = static_cast<size_t>(i);
    switch (dtype) {
      case DType::F64:
        t.floats[at] = read<double>(bytes, at);
        break;
      case DType::F32:
        t.floats[at] = read<float>(bytes, at);
        break;
      case DType::BF16:
        t.floats[at] = floatOfBf16(read<uint16_t>(bytes, at));
        break;
      case DType::F16:
        t.floats[at] = static_cast<double>(read<_Float16>(bytes, at));
        break;
      case DType::I64:
        t.ints[at] = read<int64_t>(bytes, at);
        break;
      case DType::I32:
        t.ints[at] = read<int32_t>(bytes, at);
        break;
      case DType::I8:
        t.ints[at] = read<int8_t>(bytes, at);
        break;
      case DType::U8:
      case DType::Bool:
        t.ints[at] = read<uint8_t>(bytes, at);
        break;
    }
  }
  return t;
}

namespace {

std::map<std::string, int64_t> symbolMap(const plan::Entry& e, const std::vector<int64_t>& symbols) {
  std::map<std::string, int64_t> map;
  for (size_t i = 0; i < e.symbols.size(); ++i) map[e.symbols[i].name] = symbols[i];
  return map;
}

std::vector<int64_t> extentsOf(const Type& type, const std::map<std::string, int64_t>& symbols) {
  std::vector<int64_t> extents;
  for (const Dim& d : type.shape) extents.push_back(d.evaluate(symbols));
  return extents;
}

}  // namespace

namespace {

std::vector<Tensor> runLoaded(LoadedPlan& loaded, const plan::Entry& e, const std::vector<Tensor>& inputs,
                              const std::vector<int64_t>& symbols) {
  std::vector<std::vector<char>> in, out;
  std::vector<std::vector<int64_t>> shapes;
  for (const Tensor& t : inputs) in.push_back(bytesOf(t));
  for (const plan::EntryOutput& o : e.outputs) {
    const Type& type = e.buffers[o.buffer].type;
    shapes.push_back(extentsOf(type, symbolMap(e, symbols)));
    out.push_back(bytesOf(Tensor::zeros(type.dtype, shapes.back())));
  }
  std::vector<const void*> inPointers;
  std::vector<void*> outPointers;
  for (auto& b : in) inPointers.push_back(b.data());
  for (auto& b : out) outPointers.push_back(b.data());
  loaded.run(symbols, inPointers, outPointers);
  std::vector<Tensor> results;
  for (size_t i = 0; i < out.size(); ++i) {
    results.push_back(tensorOf(out[i], e.buffers[e.outputs[i].buffer].type.dtype, shapes[i]));
  }
  return results;
}

}  // namespace

std::vector<std::vector<Tensor>> runKernel(const plan::Plan& plan, const std::vector<Tensor>& inputs,
                                           const std::vector<int64_t>& symbols, const std::string& cpu,
                                           const std::vector<int>& threads) {
  codegen::CodegenOptions options;
  options.cpus = {cpu};
  options.jobs = 1;
  LoadedPlan loaded(plan, options);
  std::vector<std::vector<Tensor>> runs;
  for (int t : threads) {
    EXPECT_EQ(loaded.api->set_threads(loaded.context, t), NNC_OK);
    runs.push_back(runLoaded(loaded, plan.entries[0], inputs, symbols));
  }
  return runs;
}

std::vector<Tensor> interpretKernel(const plan::Plan& plan, const std::vector<Tensor>& inputs,
                                    const std::vector<int64_t>& symbols) {
  const plan::Entry& e = plan.entries[0];
  plan::InterpretInputs in;
  std::map<std::string, Tensor> none;
  in.variables = &none;
  for (size_t i = 0; i < inputs.size(); ++i) in.values[e.buffers[e.inputs[i]].name] = inputs[i];
  in.symbols = symbolMap(e, symbols);
  return plan::interpret(plan, e, in);
}

Tensor randomTensor(DType dtype, std::vector<int64_t> shape, uint64_t seed, int64_t bound) {
  Tensor t = Tensor::zeros(dtype, std::move(shape));
  std::mt19937_64 random(seed);
  for (double& f : t.floats) f = static_cast<double>(static_cast<int64_t>(random() % 257) - 128) / 64;  // exact in bf16
  for (int64_t& i : t.ints) i = static_cast<int64_t>(random() % static_cast<uint64_t>(bound));
  return t;
}

namespace {

void expectClose(const Tensor& got, const Tensor& want, double tolerance, const std::string& what) {
  ASSERT_EQ(got.size(), want.size()) << what;
  for (int64_t i = 0; i < got.size(); ++i) {
    auto at = static_cast<size_t>(i);
    if (!isFloat(got.dtype)) {
      ASSERT_EQ(got.ints[at], want.ints[at]) << what << ", element " << i;
    } else if (std::isnan(want.floats[at])) {
      ASSERT_TRUE(std::isnan(got.floats[at])) << what << ", element " << i << " is " << got.floats[at];
    } else if (std::isinf(want.floats[at])) {
      ASSERT_EQ(got.floats[at], want.floats[at]) << what << ", element " << i;
    } else {
      ASSERT_NEAR(got.floats[at], want.floats[at], tolerance * (1 + std::fabs(want.floats[at])))
          << what << ", element " << i;
    }
  }
}

bool sameBits(const Tensor& a, const Tensor& b) {
  return bytesOf(a) == bytesOf(b);
}

}  // namespace

void expectLikeInterpreter(const plan::Plan& plan, const std::vector<Tensor>& inputs,
                           const std::vector<int64_t>& symbols, double tolerance) {
  std::vector<Tensor> want = interpretKernel(plan, inputs, symbols);
  std::vector<Tensor> fused;
  for (const std::string& cpu : runnableCpus()) {
    std::vector<std::vector<Tensor>> runs = runKernel(plan, inputs, symbols, cpu, {1, 3});
    const std::vector<Tensor>&got = runs[0], &threaded = runs[1];
    for (size_t i = 0; i < got.size(); ++i) {
      expectClose(got[i], want[i], tolerance, fmt::format("{}, output {}", cpu, i));
      EXPECT_TRUE(sameBits(got[i], threaded[i])) << cpu << ": threads change output " << i;
      if (hasFma(cpu) && !fused.empty()) {
        EXPECT_TRUE(sameBits(got[i], fused[i])) << cpu << " has other bits in output " << i;
      }
    }
    if (hasFma(cpu)) fused = got;
    if (::testing::Test::HasFatalFailure()) return;
  }
}

Inst loadInst(uint32_t operand, Ix index, DType dtype, std::vector<plan::Guard> guards, double otherwise) {
  Inst i;
  i.kind = Inst::Kind::Load;
  i.dtype = dtype;
  i.operand = operand;
  i.index = std::move(index);
  i.guards = std::move(guards);
  i.otherwise = otherwise;
  return i;
}

Inst opInst(Op op, std::vector<uint32_t> args, DType dtype) {
  Inst i;
  i.op = op;
  i.dtype = dtype;
  i.args = std::move(args);
  return i;
}

Inst constInst(double value, DType dtype) {
  Inst i;
  i.kind = Inst::Kind::Const;
  i.dtype = dtype;
  i.constant = value;
  return i;
}

Inst indexInst(Ix index, DType dtype) {
  Inst i;
  i.kind = Inst::Kind::Index;
  i.dtype = dtype;
  i.index = std::move(index);
  return i;
}

Inst resultInst(uint32_t stage, DType dtype) {
  Inst i;
  i.kind = Inst::Kind::Result;
  i.dtype = dtype;
  i.stage = stage;
  return i;
}

plan::Store storeTo(uint32_t operand, Ix index, uint32_t value) {
  plan::Store s;
  s.operand = operand;
  s.index = std::move(index);
  s.value = value;
  return s;
}

}  // namespace nnc::testing
