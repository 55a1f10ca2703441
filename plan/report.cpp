// What a plan costs, for people: parameters, memory, and work by kernel and by layer.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "plan/plan.h"

namespace nnc::plan {
namespace {

std::string withUnit(double value, const char* const (&units)[4], double step) {
  size_t u = 0;
  while (value >= step && u < 3) value /= step, ++u;
  return u == 0 ? fmt::format("{:.0f} {}", value, units[0]) : fmt::format("{:.2f} {}", value, units[u]);
}
std::string bytesText(double bytes) {
  return withUnit(bytes, {"B", "KB", "MB", "GB"}, 1024);
}
std::string flopsText(double flops) {
  return withUnit(flops, {"FLOP", "KFLOP", "MFLOP", "GFLOP"}, 1000);
}

/// Bytes a launch moves if every operand is read or written once.
double bytesOf(const Entry& entry, const Launch& launch) {
  double bytes = 0;
  for (const BufId b : launch.bind) bytes += static_cast<double>(entry.buffers[b].bytesAtBound);
  return bytes;
}

/// A kernel that only moves elements: one Map stage without arithmetic.
bool isRelayout(const Kernel& kernel) {
  return kernel.stages.size() == 1 && kernel.stages[0].kind == Stage::Kind::Map &&
         std::none_of(kernel.stages[0].body.begin(), kernel.stages[0].body.end(),
                      [](const Inst& i) { return i.kind != Inst::Kind::Load; });
}

/// How often each phase of an entry runs, symbols at their bounds.
std::vector<double> runsOf(const Entry& entry) {
  std::map<std::string, int64_t> bounds;
  for (const Symbol& s : entry.symbols) bounds[s.name] = s.bound;
  std::vector<double> runs(entry.phases.size(), 0), trips{1};
  for (const Step& step : entry.steps) {
    if (step.kind == Step::Kind::Loop) trips.push_back(trips.back() * static_cast<double>(step.trip.most(bounds)));
    if (step.kind == Step::Kind::EndLoop) trips.pop_back();
    if (step.kind == Step::Kind::Phase) runs[step.phase] = trips.back();
  }
  return runs;
}

struct Cost {
  size_t launches = 0;
  int64_t parameters = 0;
  double flops = 0, bytes = 0;
};

/// Parameters by the layer that owns them: "net.fc" of "net.fc.w".
std::map<std::string, int64_t> parametersByLayer(const Plan& plan) {
  std::map<std::string, int64_t> counts;
  for (const StoredVariable& v : plan.variables)
    if (v.variable.kind == Variable::Kind::Param)
      counts[v.variable.path.substr(0, v.variable.path.rfind('.'))] += elementCount(v.variable.type.shape).value();
  return counts;
}

std::string entryReport(const Plan& plan, const Entry& entry) {
  const std::vector<double> runs = runsOf(entry);
  std::map<std::string, Cost> layers;
  Cost total;
  size_t relayouts = 0;
  std::string kernels;
  for (size_t p = 0; p < entry.phases.size(); ++p)
    for (const Launch& launch : entry.phases[p].launches) {
      const Kernel& kernel = plan.kernels[launch.kernel];
      const double flops = kernel.flops * runs[p], bytes = bytesOf(entry, launch) * runs[p];
      for (Cost* c : {&total, &layers[std::string(launch.origin.pathOrEmpty())]})
        ++c->launches, c->flops += flops, c->bytes += bytes;
      relayouts += isRelayout(kernel);
      kernels += fmt::format("    {:<56} {:>14} {:>12}\n", kernel.name, flopsText(flops), bytesText(bytes));
    }
  std::string text =
      fmt::format("{}: {} launches in {} phases, {}, {} moved, {} relayouts\n", entry.name, total.launches,
                  entry.phases.size(), flopsText(total.flops), bytesText(total.bytes), relayouts);
  text += fmt::format("  temporaries {} ({} without sharing)", bytesText(static_cast<double>(entry.arenaBytes)),
                      bytesText(static_cast<double>(entry.unsharedBytes)));
  if (entry.scratchBytes)
    text += fmt::format(" and {} for each thread", bytesText(static_cast<double>(entry.scratchBytes)));
  text += "\n";
  for (const auto& [path, count] : parametersByLayer(plan)) layers[path].parameters = count;
  text += "  by layer\n";
  for (const auto& [path, c] : layers)
    text += fmt::format("    {:<40} {:>9} parameters {:>4} launches {:>14} {:>12}\n", path.empty() ? "(none)" : path,
                        c.parameters, c.launches, flopsText(c.flops), bytesText(c.bytes));
  return text + "  by kernel\n" + kernels;
}

}  // namespace

std::string reportPlan(const Plan& plan, const Module& module) {
  int64_t parameters = 0;
  uint64_t parameterBytes = 0, stateBytes = 0;
  for (const StoredVariable& v : plan.variables) {
    const int64_t count = elementCount(v.variable.type.shape).value();
    const auto bytes = static_cast<uint64_t>(count * dtypeSize(v.variable.type.dtype));
    const bool param = v.variable.kind == Variable::Kind::Param;
    if (param) parameters += count;
    (param ? parameterBytes : stateBytes) += bytes;
  }
  uint64_t arena = 0;
  for (const Entry& e : plan.entries) arena = std::max(arena, e.arenaBytes);
  std::string text =
      fmt::format("{}: {} parameters ({}), state {}, peak of temporaries {}, {} kernels\n", module.name, parameters,
                  bytesText(static_cast<double>(parameterBytes)), bytesText(static_cast<double>(stateBytes)),
                  bytesText(static_cast<double>(arena)), plan.kernels.size());
  for (const Entry& e : plan.entries) text += entryReport(plan, e);
  return text;
}

}  // namespace nnc::plan
