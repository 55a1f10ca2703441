#include "ir/verify.h"

#include <fmt/format.h>

#include <set>

#include "ir/infer.h"
#include "ir/infer/rules.h"
#include "ir/op_schema.h"
#include "ir/text.h"

namespace nnc {
namespace {

class FunctionVerifier {
public:
  FunctionVerifier(const Function& function, const Module& module) : function_(function), module_(module) {}

  std::vector<std::string> run() {
    for (const Symbol& s : function_.symbols) {
      if (!symbols_.insert(s.name).second) report("the symbol {} is declared twice", s.name);
      if (s.bound < 1) report("the symbol {} has the bound {}", s.name, s.bound);
    }
    for (const Condition& c : function_.conditions)
      for (const std::string& s : c.slack.symbols())
        if (!symbols_.contains(s)) report("a condition has the symbol {}, which is not declared", s);
    if (!graph(function_.body, false)) return violations_;
    leaves();
    outputs();
    return violations_;
  }

private:
  template <typename... Args>
  bool report(fmt::format_string<Args...> format, Args&&... args) {
    violations_.push_back(fmt::format("in `{}`: {}", function_.name, fmt::format(format, std::forward<Args>(args)...)));
    return false;
  }

  /// False if the graph is broken in itself.
  bool graph(const Graph& g, bool isRegion) {
    const std::vector<std::string> names = valueNames(g);
    bool good = true;
    for (size_t i = 0; i < g.nodes.size(); ++i) good &= node(g, i, names[i], isRegion);
    for (const Output& output : g.outputs) {
      if (!valid(g, output.value, g.nodes.size())) good = report("an output has no value");
      if (isRegion && (output.role != OutputRole::Result || !output.name.empty()))
        good = report("a region returns plain results, not `{}`", output.name);
    }
    return good;
  }

  static bool valid(const Graph& g, Value v, size_t before) {
    return v.node < before && v.result < g.nodes[v.node].out.size();
  }

  bool node(const Graph& g, size_t index, const std::string& name, bool isRegion) {
    const Node& n = g.nodes[index];
    std::vector<Type> operands;
    for (const Value& v : n.in) {
      if (!valid(g, v, index))
        return report("%{} (`{}`) reads a value that does not stand before it", name, opInfo(n.op).text);
      operands.push_back(g.type(v));
    }
    for (const Graph& region : n.regions)
      if (!graph(region, true)) return false;
    if (n.op == Op::Leaf && isRegion) return report("%{}: a region is closed and reads no leaf", name);
    if (n.op == Op::Arg && !isRegion) return report("%{}: only regions have arguments", name);
    if (const std::string error = attrsError(n.op, n.attrs); !error.empty()) return report("%{}: {}", name, error);
    const Inferred inferred = inferTypes(n.op, operands, n.attrs, n.regions);
    if (!inferred) return report("%{}: {}", name, inferred.error);
    if (inferred.types != n.out)
      return report("%{}: `{}` gives {}, not {}", name, opInfo(n.op).text, typesText(inferred.types), typesText(n.out));
    return dimsDeclared(n, name);
  }

  bool dimsDeclared(const Node& n, const std::string& name) {
    bool good = true;
    const auto check = [&](const Dim& d) {
      for (const std::string& s : d.symbols())
        if (!symbols_.contains(s)) good = report("%{}: the symbol {} is not declared", name, s);
    };
    for (const Type& type : n.out)
      for (const Dim& d : type.shape) check(d);
    for (const auto& [attr, value] : n.attrs.entries()) {
      if (const Dim* d = std::get_if<Dim>(&value)) check(*d);
      if (const auto* dims = std::get_if<std::vector<Dim>>(&value))
        for (const Dim& d : *dims) check(d);
    }
    return good;
  }

  void leaves() {
    std::set<std::string> inputs;
    for (const Node& n : function_.body.nodes) {
      if (n.op != Op::Leaf) continue;
      const std::string& kind = n.attrs.string("kind");
      const std::string& name = n.attrs.string("name");
      if (kind == "input") {
        if (!inputs.insert(name).second) report("the input `{}` stands twice", name);
      } else if (kind == "scalar") {
        scalarLeaf(name, n.out[0]);
      } else {
        variableLeaf(kind, name, n.out[0]);
      }
      const bool first = function_.kind == Function::Kind::Init || function_.kind == Function::Kind::StartPass;
      if (first && (kind != "scalar" || name != "seed"))
        report("{} reads the {} `{}`, but only the scalar `seed` is known then", function_.name, kind, name);
    }
  }

  void scalarLeaf(const std::string& name, const Type& type) {
    for (const Scalar& s : module_.scalars)
      if (s.name == name) {
        if (s.dtype != type.dtype) report("the scalar `{}` is {}, not {}", name, dtypeName(s.dtype), type.str());
        return;
      }
    report("there is no scalar `{}`", name);
  }

  void variableLeaf(const std::string& kind, const std::string& path, const Type& type) {
    const Variable* v = module_.variable(path);
    if (v == nullptr) {
      report("there is no {} `{}`", kind, path);
      return;
    }
    if ((v->kind == Variable::Kind::Param) != (kind == "param")) report("`{}` is no {}", path, kind);
    if (v->type != type) report("`{}` is {}, but is read as {}", path, v->type.str(), type.str());
  }

  void outputs() {
    std::set<std::pair<OutputRole, std::string>> seen;
    for (const Output& o : function_.body.outputs) {
      const Type& type = function_.body.type(o.value);
      if (!o.name.empty() || o.role == OutputRole::Loss)
        if (!seen.insert({o.role, o.role == OutputRole::Loss ? "" : o.name}).second)
          report("the output `{}` stands twice", o.name);
      if (o.role == OutputRole::Loss && (type.rank() != 0 || !isFloat(type.dtype)))
        report("the loss is {}, not a float scalar", type.str());
      if (o.role == OutputRole::Update) update(o.name, type);
    }
    if (function_.kind != Function::Kind::Init) return;
    const bool defaults = function_.name == kFittedDefaults;  // `init` fills everything else
    for (const Variable& v : module_.variables)
      if (v.kind != Variable::Kind::Derived && (v.kind == Variable::Kind::Fitted) == defaults &&
          !seen.contains({OutputRole::Update, v.path}))
        report("{} does not fill `{}`", function_.name, v.path);
  }

  void update(const std::string& path, const Type& type) {
    const Variable* v = module_.variable(path);
    if (v == nullptr) {
      report("there is no variable `{}` to update", path);
      return;
    }
    if (v->type != type) report("`{}` is {}, but becomes {}", path, v->type.str(), type.str());
    const bool starts = function_.kind == Function::Kind::StartPass;
    if ((starts || function_.kind == Function::Kind::Eval) && v->kind != Variable::Kind::MetricState)
      report("{} updates only metric state, not `{}`", starts ? "the start of a pass" : "an evaluation", path);
    if (v->kind == Variable::Kind::Fitted && function_.name != kFittedDefaults)
      report("`{}` is fitted: no function but its defaults writes it", path);
    const bool derives = function_.kind == Function::Kind::Derive;
    if ((v->kind == Variable::Kind::Derived) != derives)
      report("`{}` is {}", path, derives ? "not derived" : "derived: only the function that derives writes it");
  }

  const Function& function_;
  const Module& module_;
  std::set<std::string> symbols_;
  std::vector<std::string> violations_;
};

template <typename T, typename F>
void distinctNames(const std::vector<T>& items, const char* what, F name, std::vector<std::string>& violations) {
  std::set<std::string> seen;
  for (const T& item : items)
    if (!seen.insert(name(item)).second)
      violations.push_back(fmt::format("the {} `{}` is declared twice", what, name(item)));
}

void verifyTrain(const TrainBlock& t, const Module& module, std::vector<std::string>& violations) {
  const auto entry = [&](const std::string& name, Function::Kind kind, const char* what) {
    const Function* f = module.function(name);
    if (f == nullptr || f->kind != kind)
      violations.push_back(fmt::format("the train block `{}` has no {} function `{}`", t.name, what, name));
  };
  entry(t.step, Function::Kind::Step, "step");
  if (!t.eval.empty()) entry(t.eval, Function::Kind::Eval, "eval");
  bool hasData = t.data.empty();
  for (const DataSource& d : module.data) hasData |= d.name == t.data;
  if (!hasData) violations.push_back(fmt::format("the train block `{}` reads unknown data `{}`", t.name, t.data));
  if (t.batch < 1) violations.push_back(fmt::format("the train block `{}` has the batch {}", t.name, t.batch));
}

}  // namespace

std::vector<std::string> verify(const Function& function, const Module& module) {
  return FunctionVerifier(function, module).run();
}

std::vector<std::string> verify(const Module& module) {
  std::vector<std::string> violations;
  const auto name = [](const auto& item) { return item.name; };
  distinctNames(module.hypers, "hyperparameter", name, violations);
  distinctNames(module.data, "data source", name, violations);
  distinctNames(module.variables, "variable", [](const Variable& v) { return v.path; }, violations);
  distinctNames(module.scalars, "scalar", name, violations);
  distinctNames(module.trains, "train block", name, violations);
  distinctNames(module.functions, "function", name, violations);
  for (const Variable& v : module.variables) {
    if (!isConstShape(v.type.shape))
      violations.push_back(fmt::format("`{}` is {}: its shape is not constant", v.path, v.type.str()));
    if (const std::string error = infer::typeError(v.type); !error.empty())
      violations.push_back(fmt::format("`{}`: {}", v.path, error));
  }
  for (const TrainBlock& t : module.trains) verifyTrain(t, module, violations);
  for (const Function& f : module.functions)
    for (std::string& violation : verify(f, module)) violations.push_back(std::move(violation));
  return violations;
}

}  // namespace nnc
