#include "codegen/instances.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <memory>

namespace nnc::codegen {
namespace {

using plan::Ix;

/// Names for symbols by their position among the entry's, so that kernels of entries whose symbols have other names are
/// equal where their code is.
class Positions {
public:
  explicit Positions(const std::vector<std::string>& symbols) : symbols_(symbols) {}

  Dim of(const Dim& d) const {
    Dim renamed;
    for (const auto& [monomial, coefficient] : d.terms()) {
      Dim product = coefficient;
      for (const std::string& name : monomial) {
        const auto at = std::find(symbols_.begin(), symbols_.end(), name) - symbols_.begin();
        product = product * Dim::symbol(fmt::format("s{}", at));
      }
      renamed = renamed + product;
    }
    return renamed;
  }

  Ix of(const Ix& ix) const {
    Ix renamed(of(ix.constant));
    for (const auto& [atom, coefficient] : ix.terms) {
      plan::Atom a = atom;
      if (a.arg) a.arg = std::make_shared<const Ix>(of(*a.arg));
      a.by = of(a.by);
      renamed.terms.emplace_back(std::move(a), of(coefficient));
    }
    return renamed;
  }

  std::vector<plan::Guard> of(std::vector<plan::Guard> guards) const {
    for (plan::Guard& g : guards) g = {of(g.value), of(g.lo), of(g.hi)};
    return guards;
  }

  plan::Kernel of(plan::Kernel kernel) const {
    for (plan::Iter& i : kernel.iters) i.extent = of(i.extent);
    for (plan::Stage& s : kernel.stages) {
      for (plan::Inst& i : s.body) i.index = of(i.index), i.guards = of(i.guards);
      for (plan::Store& store : s.stores) store.index = of(store.index), store.guards = of(store.guards);
    }
    return kernel;
  }

private:
  const std::vector<std::string>& symbols_;
};

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
    std::map<plan::KernelId, uint32_t> ofKernel;
    std::vector<uint32_t>& launches = instances.ofLaunch.emplace_back();
    for (const plan::Phase& phase : entry.phases) {
      for (const plan::Launch& launch : phase.launches) {
        const plan::Kernel& kernel = plan.kernels[launch.kernel];
        // Launches of one kernel in one entry need its text only once.
        const auto [number, isFirst] = ofKernel.try_emplace(launch.kernel, 0);
        if (isFirst) {
          const auto next = static_cast<uint32_t>(instances.kernels.size());
          const auto [at, isNew] = known.try_emplace(Positions(symbols).of(kernel).sortKey(), next);
          if (isNew) instances.kernels.push_back({&kernel, symbols, functionName(next, kernel.name)});
          KernelInstance& instance = instances.kernels[at->second];
          instance.flops = std::max(instance.flops, kernel.flops);
          number->second = at->second;
        }
        launches.push_back(number->second);
      }
    }
  }
  return instances;
}

}  // namespace nnc::codegen
