// The CPUs code can be made for. A target uses the instructions of one of the psABI's levels, which are exactly the
// features the runtime core checks when a context is made; a CPU's name changes the scheduling of instructions only,
// never which ones occur.
#include <fmt/format.h>
#include <llvm/TargetParser/Host.h>

#include <algorithm>

#include "codegen/codegen.h"
#include "codegen/emitter.h"
#include "runtime/core/nnc_abi.h"

namespace nnc::codegen {
namespace {

struct KnownTarget {
  const char* name;
  const char* cpu;   // the level whose instructions
  const char* tune;  // whose scheduling
  unsigned vectorBytes, vectorRegisters;
  uint32_t features;
};

constexpr uint32_t kV3 = NNC_CPU_V3, kV4 = NNC_CPU_V3 | NNC_CPU_V4;
// From the most to the least demanding; of equals the first is "native" unless the host's vendor says otherwise.
constexpr KnownTarget kTargets[] = {
    {"skylake-avx512", "x86-64-v4", "skylake-avx512", 64, 32, kV4},
    {"znver4", "x86-64-v4", "znver4", 64, 32, kV4},
    {"x86-64-v4", "x86-64-v4", "skylake-avx512", 64, 32, kV4},
    {"haswell", "x86-64-v3", "haswell", 32, 16, kV3},
    {"x86-64-v3", "x86-64-v3", "haswell", 32, 16, kV3},
    {"x86-64", "x86-64", "x86-64", 16, 16, 0},
};

uint32_t hostFeatures() {
  llvm::StringMap<bool> host = llvm::sys::getHostCPUFeatures();
  auto all = [&](std::initializer_list<const char*> names) {
    for (const char* n : names) {
      if (!host.lookup(n)) return false;
    }
    return true;
  };
  uint32_t features = 0;
  if (all({"sse3", "ssse3", "sse4.1", "sse4.2", "cx16", "sahf", "popcnt", "avx", "avx2", "fma", "f16c", "bmi", "bmi2",
           "lzcnt", "movbe"}))
    features |= NNC_CPU_V3;
  if (features && all({"avx512f", "avx512dq", "avx512cd", "avx512bw", "avx512vl"})) features |= NNC_CPU_V4;
  return features;
}

bool runs(const KnownTarget& t, uint32_t features) {
  return (t.features & ~features) == 0;
}

const KnownTarget& find(const std::string& cpu) {
  std::string name = cpu == "native" ? hostCpu() : cpu;
  std::string known;
  for (const KnownTarget& t : kTargets) {
    if (t.name == name) return t;
    known += fmt::format("{}, ", t.name);
  }
  throw CodegenError{fmt::format("unknown CPU `{}`: known are {}native", cpu, known)};
}

}  // namespace

std::string hostCpu() {
  uint32_t features = hostFeatures();
  bool amd = llvm::sys::getHostCPUName().starts_with("znver");
  for (const KnownTarget& t : kTargets) {
    if (runs(t, features)) return amd && t.vectorBytes == 64 ? "znver4" : t.name;
  }
  return "x86-64";
}

bool hostCanRun(const std::string& cpu) {
  return runs(find(cpu), hostFeatures());
}

Target targetFor(const std::string& cpu) {
  const KnownTarget& known = find(cpu);
  Target t;
  t.name = known.name;
  t.cpu = known.cpu;
  t.tune = known.tune;
  // LLVM believes that some AVX-512 CPUs run faster on 256-bit vectors; kernels of explicit 512-bit vectors do not.
  t.features = known.vectorBytes == 64 ? "-prefer-256-bit" : "";
  t.vectorBytes = known.vectorBytes;
  t.vectorRegisters = known.vectorRegisters;
  t.hasFma = known.features & NNC_CPU_V3;
  t.hasAvx512 = known.features & NNC_CPU_V4;
  t.cpuFeatures = known.features;
  return t;
}

std::vector<Target> targetsFor(const std::vector<std::string>& cpus) {
  if (cpus.empty()) throw CodegenError{"no CPU to compile for"};
  std::vector<Target> targets;
  for (const std::string& cpu : cpus) targets.push_back(targetFor(cpu));
  std::stable_sort(targets.begin(), targets.end(),
                   [](const Target& a, const Target& b) { return a.cpuFeatures > b.cpuFeatures; });
  for (size_t i = 1; i < targets.size(); ++i)
    if (targets[i].cpuFeatures == targets[i - 1].cpuFeatures)
      throw CodegenError{
          fmt::format("{} and {} have the same instructions: name one of them", targets[i - 1].name, targets[i].name)};
  return targets;
}

const std::vector<std::string>& genericCpus() {
  static const std::vector<std::string> cpus = {"x86-64", "x86-64-v3", "x86-64-v4"};
  return cpus;
}

}  // namespace nnc::codegen
