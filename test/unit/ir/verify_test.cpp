// The verifier: each rule has a module that breaks it.
#include "ir/verify.h"

#include <functional>

#include "test/unit/ir/support.h"

namespace nnc {
namespace {

constexpr const char* kGood = R"(module "m"
data "d" reader "idx" path "/d" { field "x" : f32[3] }
param "w" : f32[3]
state "s" : f32[]
metric_state "hits" : i64[]
scalar "lr" : f32 = 0.1
scalar "seed" : i64 = 0
train "fit" { data = "d" step = "fit.step" eval = "fit.eval" batch = 4 }
func "init" init() {
  %seed = leaf {kind="scalar", name="seed"} : i64[]
  %w = rand(%seed) {minor=0} : f32[3]
  %s = const {value=0} : f32[]
  %hits = const {value=0} : i64[]
  update "w" %w
  update "s" %s
  update "hits" %hits
}
func "fit.step" step(batch <= 4) {
  %x = leaf {kind="input", name="d.x"} : f32[batch, 3]
  %w = leaf {kind="param", name="w"} : f32[3]
  %lr = leaf {kind="scalar", name="lr"} : f32[]
  %loss = sum(%w) {axes=[0]} : f32[]
  loss %loss
  metric "lr" %lr
  update "w" %w
}
func "fit.eval" eval(batch <= 4) {
  %hits = leaf {kind="state", name="hits"} : i64[]
  update "hits" %hits
}
)";

/// The first violation after a change to the good module.
std::string after(const std::function<void(Module&)>& change) {
  test::Parsed parsed(kGood);
  EXPECT_EQ(parsed.error(), "");
  change(parsed.module);
  const std::vector<std::string> violations = verify(parsed.module);
  return violations.empty() ? "" : violations[0];
}

Node& nodeOf(Module& m, const char* function, size_t index) {
  return m.function(function)->body.nodes[index];
}
Output& outputOf(Module& m, const char* function, size_t index) {
  return m.function(function)->body.outputs[index];
}

TEST(Verify, AcceptsAWellFormedModule) {
  EXPECT_EQ(after([](Module&) {}), "");
}

TEST(Verify, OrderAndOperands) {
  const std::string message = "in `fit.step`: %loss (`sum`) reads a value that does not stand before it";
  EXPECT_EQ(after([](Module& m) { nodeOf(m, "fit.step", 3).in[0] = {3, 0}; }), message);
  EXPECT_EQ(after([](Module& m) { nodeOf(m, "fit.step", 3).in[0] = {}; }), message);
  EXPECT_EQ(after([](Module& m) { nodeOf(m, "fit.step", 3).in[0] = {0, 1}; }), message);
  EXPECT_EQ(after([](Module& m) { outputOf(m, "fit.step", 0).value = {9, 0}; }),
            "in `fit.step`: an output has no value");
}

TEST(Verify, TypesAndAttributes) {
  EXPECT_EQ(after([](Module& m) { nodeOf(m, "fit.step", 3).out[0].shape = {3}; }),
            "in `fit.step`: %loss: `sum` gives f32[], not f32[3]");
  EXPECT_EQ(after([](Module& m) { nodeOf(m, "fit.step", 3).attrs = {}; }),
            "in `fit.step`: %loss: `sum` needs the attribute `axes`");
  EXPECT_EQ(after([](Module& m) { nodeOf(m, "fit.step", 3).attrs.set("axes", std::vector<int64_t>{1}); }),
            "in `fit.step`: %loss: `sum` has no axes [1] in f32[3]");
  EXPECT_EQ(after([](Module& m) { m.function("fit.step")->symbols.clear(); }),
            "in `fit.step`: %x: the symbol batch is not declared");
  EXPECT_EQ(after([](Module& m) { m.function("fit.step")->symbols[0].bound = 0; }),
            "in `fit.step`: the symbol batch has the bound 0");
}

TEST(Verify, LeavesAreDeclared) {
  EXPECT_EQ(after([](Module& m) { nodeOf(m, "fit.step", 1).attrs.set("name", std::string("v")); }),
            "in `fit.step`: there is no param `v`");
  EXPECT_EQ(after([](Module& m) { nodeOf(m, "fit.step", 1).attrs.set("kind", std::string("state")); }),
            "in `fit.step`: `w` is no state");
  EXPECT_EQ(after([](Module& m) { nodeOf(m, "fit.step", 2).attrs.set("name", std::string("rate")); }),
            "in `fit.step`: there is no scalar `rate`");
  EXPECT_EQ(after([](Module& m) { m.scalars[0].dtype = DType::F64; }),
            "in `fit.step`: the scalar `lr` is f64, not f32[]");
  EXPECT_EQ(after([](Module& m) { m.function("fit.step")->body.nodes.push_back(nodeOf(m, "fit.step", 0)); }),
            "in `fit.step`: the input `d.x` stands twice");
}

TEST(Verify, Outputs) {
  EXPECT_EQ(after([](Module& m) { outputOf(m, "fit.step", 0).value = {1, 0}; }),
            "in `fit.step`: the loss is f32[3], not a float scalar");
  EXPECT_EQ(after([](Module& m) { outputOf(m, "fit.step", 2).value = {3, 0}; }),
            "in `fit.step`: `w` is f32[3], but becomes f32[]");
  EXPECT_EQ(after([](Module& m) { outputOf(m, "fit.step", 2).name = "v"; }),
            "in `fit.step`: there is no variable `v` to update");
  EXPECT_EQ(after([](Module& m) { m.function("fit.step")->body.outputs.push_back(outputOf(m, "fit.step", 2)); }),
            "in `fit.step`: the output `w` stands twice");
  EXPECT_EQ(after([](Module& m) { m.variables[2].kind = Variable::Kind::State; }),
            "in `fit.eval`: an evaluation updates only metric state, not `hits`");
}

TEST(Verify, InitFillsEverythingFromTheSeed) {
  EXPECT_EQ(after([](Module& m) { m.function("init")->body.outputs.pop_back(); }),
            "in `init`: init does not fill `hits`");
  EXPECT_EQ(after([](Module& m) {
              m.scalars.push_back({"other", DType::I64, 0});
              nodeOf(m, "init", 0).attrs.set("name", std::string("other"));
            }),
            "in `init`: init reads the scalar `other`, but only the scalar `seed` is known then");
}

TEST(Verify, OnlyTheirDefaultsWriteFittedVariables) {
  const auto fitted = [](Module& m) {
    m.variables[1].kind = Variable::Kind::Fitted;
    std::erase_if(m.function("init")->body.outputs, [](const Output& o) { return o.name == "s"; });
    Function defaults = *m.function("init");
    defaults.name = kFittedDefaults;
    defaults.body.outputs.clear();
    m.functions.push_back(defaults);
  };
  EXPECT_EQ(after(fitted), "in `fitted.defaults`: fitted.defaults does not fill `s`");
  EXPECT_EQ(after([&](Module& m) {
              const Output update = outputOf(m, "init", 1);
              fitted(m);
              m.function(kFittedDefaults)->body.outputs.push_back(update);
            }),
            "");
  EXPECT_EQ(after([](Module& m) { m.variables[1].kind = Variable::Kind::Fitted; }),
            "in `init`: `s` is fitted: no function but its defaults writes it");
}

TEST(Verify, RegionsAreClosed) {
  const auto inRegion = [](const Node& node) {
    return [node](Module& m) {
      Graph region;
      region.nodes.push_back(node);
      Node scan;
      scan.op = Op::Scan;
      scan.attrs = {{"count", Dim(1)}, {"consts", int64_t{0}}, {"carries", int64_t{0}}, {"reverse", false}};
      scan.regions.push_back(region);
      m.function("fit.eval")->body.nodes.push_back(scan);
    };
  };
  Node leaf;
  leaf.op = Op::Leaf;
  leaf.attrs = {{"type", Type{}}, {"kind", std::string("input")}, {"name", std::string("x")}};
  leaf.out = {Type{}};
  EXPECT_EQ(after(inRegion(leaf)), "in `fit.eval`: %0: a region is closed and reads no leaf");
  Node arg;
  arg.op = Op::Arg;
  arg.attrs = {{"type", Type{DType::I64, {}}}, {"index", int64_t{0}}};
  arg.out = {Type{DType::I64, {}}};
  EXPECT_EQ(after(inRegion(arg)), "");
  EXPECT_EQ(after([&](Module& m) { m.function("fit.eval")->body.nodes.push_back(arg); }),
            "in `fit.eval`: %1: only regions have arguments");
}

TEST(Verify, ModuleLevelNames) {
  EXPECT_EQ(after([](Module& m) { m.variables.push_back(m.variables[0]); }), "the variable `w` is declared twice");
  EXPECT_EQ(after([](Module& m) { m.variables[0].type.shape = {Dim::symbol("B")}; }),
            "`w` is f32[B]: its shape is not constant");
  EXPECT_EQ(after([](Module& m) { m.trains[0].step = "fit.eval"; }),
            "the train block `fit` has no step function `fit.eval`");
  EXPECT_EQ(after([](Module& m) { m.trains[0].data = "e"; }), "the train block `fit` reads unknown data `e`");
  EXPECT_EQ(after([](Module& m) { m.trains[0].batch = 0; }), "the train block `fit` has the batch 0");
}

}  // namespace
}  // namespace nnc
