#include "plan/fuse.h"

namespace nnc::plan {

void fuseClusters(std::vector<Cluster>&, GraphContext&, const std::set<Value>&) {}

}  // namespace nnc::plan
