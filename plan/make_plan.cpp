// The planner's main line: prepare, lay out, then each function to an entry.
#include <fmt/format.h>

#include <set>

#include "ir/check.h"
#include "plan/blocks.h"
#include "plan/planner.h"

namespace nnc::plan {
namespace {

constexpr uint64_t kStoreAlign = 64;

void addVariables(Plan& plan, const Module& module, const LayoutTable& layouts) {
  for (const Variable& v : module.variables) {
    plan.variables.push_back({v, layouts.ofVariable(v.path, v.type.shape), plan.storeBytes});
    const auto bytes = static_cast<uint64_t>(elementCount(v.type.shape).value() * dtypeSize(v.type.dtype));
    plan.storeBytes += (bytes + kStoreAlign - 1) / kStoreAlign * kStoreAlign;
  }
}

void bindLeaves(FunctionContext& context, const Function& function) {
  for (const Node& node : function.body.nodes) {
    if (node.op != Op::Leaf) continue;
    const std::string& kind = node.attrs.string("kind");
    const std::string& name = node.attrs.string("name");
    if (kind == "param" || kind == "state" || context.leaves.contains(name)) continue;
    const Role role = kind == "input" ? Role::Input : Role::Scalar;
    const BufId b = context.addBuffer(role, node.out[0], rowMajor(node.out[0].shape), name, node.origin);
    context.leaves[name] = b;
    if (role == Role::Input) context.entry.inputs.push_back(b);
    if (node.attrs.has("bound")) context.entry.buffers[b].bound = node.attrs.integer("bound");
  }
}

Entry planFunction(Plan& plan, const Module& module, const Function& function, const LayoutTable& layouts,
                   const PlanOptions& options) {
  Entry entry;
  entry.name = function.name;
  entry.kind = function.kind;
  entry.symbols = function.symbols;
  entry.conditions = function.conditions;
  entry.texts = function.texts;
  FunctionContext context{module, options, entry, layouts, {}, {}, {}};
  for (const Symbol& s : function.symbols) context.bounds[s.name] = s.bound;
  for (const StoredVariable& v : plan.variables)
    context.variables[v.variable.path] =
        context.addBuffer(Role::Variable, v.variable.type, v.layout, v.variable.path, {});
  bindLeaves(context, function);
  std::vector<Sink> sinks;
  for (const Output& output : function.body.outputs) {
    if (output.role == OutputRole::Update) {
      sinks.push_back({output.value, context.variables.at(output.name), true});
      continue;
    }
    const Node& node = function.body.node(output.value);
    const Type& type = function.body.type(output.value);
    const BufId b = context.addBuffer(Role::Output, type, rowMajor(type.shape), output.name, node.origin);
    sinks.push_back({output.value, b, false});
    entry.outputs.push_back({output.role, output.name, b});
  }
  schedule(context, plan, planGraph(context, function.body, {}, sinks));
  blockRows(context, plan);
  layOutArena(context, plan);
  return entry;
}

std::set<std::string> variablesRead(const Function& function) {
  std::set<std::string> read;
  for (const Node& node : function.body.nodes)
    if (node.op == Op::Leaf) read.insert(node.attrs.string("name"));
  return read;
}

/// Which entries read derived variables, and which change what they are derived from.
void markDerived(Plan& plan, const Module& module) {
  std::set<std::string> derived, sources;
  for (const Function& f : module.functions) {
    if (f.kind != Function::Kind::Derive) continue;
    for (const Output& o : f.body.outputs) derived.insert(o.name);
    sources = variablesRead(f);
  }
  for (size_t i = 0; i < plan.entries.size(); ++i) {
    const Function& f = module.functions[i];
    for (const std::string& path : variablesRead(f)) plan.entries[i].readsDerived |= derived.contains(path);
    for (const Output& o : f.body.outputs)
      plan.entries[i].changesDerived |= o.role == OutputRole::Update && sources.contains(o.name);
  }
}

}  // namespace

BufId FunctionContext::addBuffer(Role role, const Type& type, Layout layout, std::string name, const Origin& origin) {
  Buffer b;
  b.role = role;
  b.name = std::move(name);
  b.type = type;
  b.layout = std::move(layout);
  b.origin = origin;
  entry.buffers.push_back(std::move(b));
  return static_cast<BufId>(entry.buffers.size() - 1);
}

Plan makePlan(const Module& module, const PlanOptions& options) {
  const Module prepared = options.derive ? deriveParameters(prepareModule(module)) : prepareModule(module);
  const LayoutTable layouts = chooseLayouts(prepared, options);
  Plan plan;
  plan.name = module.name;
  plan.scalars = module.scalars;
  addVariables(plan, prepared, layouts);
  for (const Function& f : prepared.functions)
    plan.entries.push_back(planFunction(plan, prepared, f, layouts, options));
  markDerived(plan, prepared);
  // A wrong plan would compute wrong numbers in silence; checking it costs little beside making it.
  const std::vector<std::string> violations = verifyPlan(plan);
  NNC_CHECK(violations.empty(), fmt::format("the plan is wrong: {}", fmt::join(violations, "; ")));
  return plan;
}

}  // namespace nnc::plan
