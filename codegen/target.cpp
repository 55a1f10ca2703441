// The CPUs code can be made for. A target uses exactly the features the runtime core checks when a context is made; a
// newer CPU's name changes the instruction scheduling only, never which instructions occur.
#include <fmt/format.h>
#include <llvm/TargetParser/Host.h>

#include "codegen/codegen.h"
#include "codegen/emitter.h"
#include "runtime/core/nnc_abi.h"

namespace nnc::codegen {
namespace {

struct KnownTarget {
  const char* name;
  const char* cpu;   // whose instructions
  const char* tune;  // whose scheduling
  unsigned vectorBytes, vectorRegisters;
  uint32_t features;
};

constexpr uint32_t kAvx2 = NNC_CPU_AVX2_FMA, kAvx512 = NNC_CPU_AVX2_FMA | NNC_CPU_AVX512;
// From the most to the least demanding; of equals the first is "native" unless the host's vendor says otherwise.
constexpr KnownTarget kTargets[] = {
    {"skylake-avx512", "skylake-avx512", "skylake-avx512", 64, 32, kAvx512},
    {"znver4", "skylake-avx512", "znver4", 64, 32, kAvx512},
    {"haswell", "haswell", "haswell", 32, 16, kAvx2},
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
  if (all({"avx2", "fma", "f16c", "bmi", "bmi2", "lzcnt", "movbe"})) features |= NNC_CPU_AVX2_FMA;
  if (features && all({"avx512f", "avx512dq", "avx512cd", "avx512bw", "avx512vl"})) features |= NNC_CPU_AVX512;
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
  t.hasFma = known.features & NNC_CPU_AVX2_FMA;
  t.hasAvx512 = known.features & NNC_CPU_AVX512;
  t.cpuFeatures = known.features;
  return t;
}

}  // namespace nnc::codegen
