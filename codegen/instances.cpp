#include "codegen/instances.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <set>

namespace nnc::codegen {
namespace {

using plan::Ix;

void addSymbols(std::set<std::string>& out, const Dim& d) {
  for (const std::string& s : d.symbols()) out.insert(s);
}

void addSymbols(std::set<std::string>& out, const Ix& ix) {
  addSymbols(out, ix.constant);
  for (const auto& [atom, coefficient] : ix.terms) {
    addSymbols(out, coefficient);
    addSymbols(out, atom.by);
    if (atom.arg) addSymbols(out, *atom.arg);
  }
}

void addSymbols(std::set<std::string>& out, const std::vector<plan::Guard>& guards) {
  for (const plan::Guard& g : guards) {
    addSymbols(out, g.value);
    addSymbols(out, g.lo);
    addSymbols(out, g.hi);
  }
}

std::set<std::string> symbolsOf(const plan::Kernel& kernel) {
  std::set<std::string> symbols;
  for (const plan::Iter& i : kernel.iters) addSymbols(symbols, i.extent);
  for (const plan::Stage& s : kernel.stages) {
    for (const plan::Inst& i : s.body) {
      addSymbols(symbols, i.index);
      addSymbols(symbols, i.guards);
    }
    for (const plan::Store& store : s.stores) {
      addSymbols(symbols, store.index);
      addSymbols(symbols, store.guards);
    }
  }
  return symbols;
}

/// The kernel's text and the position of each of its symbols among the entry's.
std::string keyOf(const plan::Kernel& kernel, const std::vector<std::string>& symbols) {
  std::string key = kernel.sortKey();
  for (const std::string& s : symbolsOf(kernel)) {
    key += fmt::format("|{}@{}", s, std::find(symbols.begin(), symbols.end(), s) - symbols.begin());
  }
  return key;
}

/// A name that assemblers and profilers take.
std::string functionName(size_t number, const std::string& kernel) {
  std::string name = fmt::format("k{}_", number);
  for (char c : kernel) name += std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
  return name;
}

}  // namespace

Instances instancesOf(const plan::Plan& plan) {
  Instances instances;
  std::map<std::string, uint32_t> known;
  for (const plan::Entry& entry : plan.entries) {
    std::vector<std::string> symbols;
    for (const Symbol& s : entry.symbols) symbols.push_back(s.name);
    std::vector<uint32_t>& launches = instances.ofLaunch.emplace_back();
    for (const plan::Phase& phase : entry.phases) {
      for (const plan::Launch& launch : phase.launches) {
        const plan::Kernel& kernel = plan.kernels[launch.kernel];
        auto [at, isNew] = known.try_emplace(keyOf(kernel, symbols), static_cast<uint32_t>(instances.kernels.size()));
        if (isNew) instances.kernels.push_back({&kernel, symbols, functionName(instances.kernels.size(), kernel.name)});
        launches.push_back(at->second);
      }
    }
  }
  return instances;
}

}  // namespace nnc::codegen
