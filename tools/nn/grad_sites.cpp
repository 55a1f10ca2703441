#include "tools/nn/grad_sites.h"

#include <fmt/format.h>

#include "tools/nn/first_round.h"
#include "tools/nn/held_stops.h"

namespace nnc::tools {

GradSites addGradFunctions(Module& module) {
  GradSites sites;
  std::vector<Function> made;
  for (const TrainBlock& block : module.trains) {
    Function step = *module.function(block.step);
    step.body = withFirstRounds(step.body);
    for (uint32_t n = 0; n < step.body.nodes.size(); ++n) {
      const Node& node = step.body.nodes[n];
      if (node.op != Op::Grad) continue;
      const std::string name = fmt::format("{}.check{}", block.name, sites.all.size());
      GradSite site{name, name + ".moved", &block, {}};
      Function f = step;
      f.name = site.function;
      f.kind = Function::Kind::Export;
      f.body.outputs = {{OutputRole::Result, "loss", node.in[0]}};
      for (uint32_t i = 1; i < node.in.size(); ++i) {
        const Node& by = step.body.node(node.in[i]);
        if (by.op != Op::Leaf || by.attrs.string("kind") != "param") continue;
        site.paths.push_back(by.attrs.string("name"));
        f.body.outputs.push_back({OutputRole::Result, site.paths.back(), {n, i - 1}});
      }
      if (site.paths.empty()) {
        ++sites.others;
        continue;
      }
      Function moved = f;
      moved.name = site.moved;
      moved.body.outputs.resize(1);
      moved.body = withHeldStops(moved.body);
      exposeStops(f.body);
      made.push_back(std::move(f));
      made.push_back(std::move(moved));
      sites.all.push_back(std::move(site));
    }
  }
  for (Function& f : made) module.functions.push_back(std::move(f));
  return sites;
}

}  // namespace nnc::tools
