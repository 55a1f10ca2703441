// The text form: what it looks like, that it round-trips byte for byte, and what its errors say.
#include "ir/text.h"

#include "ir/builder.h"
#include "test/unit/ir/support.h"

namespace nnc {
namespace {

using test::functionText;
using test::Parsed;

void expectRoundTrip(const std::string& text) {
  Parsed once(text);
  ASSERT_EQ(once.error(), "");
  EXPECT_EQ(once.print(), text);
}

TEST(Text, WholeModuleRoundTrips) {
  expectRoundTrip(R"nnir(module "fashion \"cnn\""

hyper "lr" = "0.001" range(0.0001, 0.1) log run_time loc("m.nn":1:7+2)
hyper "width" = "32" choices ["16", "32"] int

data "fashion" reader "idx" path "/usr/share" loc("m.nn":3:1) {
  set "valid" = "5000"
  field "image" : u8[28, 28] loc("m.nn":4:3+5)
  field "label" : u8[] < 10
  field "chars(text)" : i32[9] < 80 "chars" of "text" in "fashion.text.chars"
}

param "net.w" : f32[784, 10] loc("m.nn":9:3)
state "net.m" : f32[10]
train_state "fit.adam.m.w" : f32[784, 10]
metric_state "fit.hits" : i64[]
fitted "fashion.text.chars" : u8[161]

scalar "lr" : f32 = 0.001
scalar "seed" : i64 = 0.0

train "fit" loc("m.nn":20:1) {
  data = "fashion"
  step = "fit.step"
  batch = 128
  epochs = 20
  seed = 7
  patience = 3
  monitor = "valid.accuracy"
  maximize = true
  metrics = ["accuracy"]
}

func "fit.step" step(batch <= 128) loc("m.nn":20:1) {
  %image = leaf {kind="input", name="fashion.image"} : f32[batch, 784]
  %w = leaf {kind="param", name="net.w"} : f32[784, 10]
  %2 = dot(%image, %w) {contract_a=[1], contract_b=[0]} : f32[batch, 10] loc("<stdlib>/layers.nn":4:5+6 from "m.nn":21:9 in "net")
  %loss = sum(%2) {axes=[0, 1], acc=f64} : f32[] loc("m.nn":22:3)
  %w_1 = add(%w, %w) : f32[784, 10] loc(in "net")
  loss %loss
  update "net.w" %w_1
}

func "write" export() text "0" in "fashion.text.chars" text "prompt" in "fashion.text.chars" {
  %prompt = leaf {kind="input", name="prompt", bound=80} : i32[9]
  result "0" %prompt
}
)nnir");
}

TEST(Text, EveryAttributeKindRoundTrips) {
  expectRoundTrip(functionText(R"(  %x = leaf {kind="input", name="x"} : f32[B, 2*B*T + 1]
  %1 = const {value=[1.0, -0.5, nan]} : f32[3]
  %2 = const {value=-inf} : f64[B, 3]
  %3 = const {value=-9223372036854775808} : i64[]
  %4 = const {value=[]} : f32[0]
  %5 = cast(%3) {dtype=bf16} : bf16[]
  %6 = size {dim=2*B*T - B + 3} : i64[]
  %7 = slice(%x) {lo=[0, 1], hi=[B, 2*B*T], stride=[1, 1]} : f32[B, 2*B*T - 1]
  %8 = pad(%7) {lo=[-1, T], hi=[0, 0], interior=[0, 0], value=1e-30} : f32[B - 1, 2*B*T + T - 1]
  return %8
)"));
}

TEST(Text, RegionsAndSeveralResultsRoundTrip) {
  expectRoundTrip(functionText(R"(  %x = leaf {kind="input", name="x"} : f32[T, B]
  %s:2 = sort(%x) {axis=1} : f32[T, B], i32[T, B]
  %zero = const {value=0.0} : f32[B]
  %3:2 = scan(%zero, %s#0) {count=T, consts=0, carries=1, reverse=true} : f32[B], f32[T, B] {
    %h = arg {index=0} : f32[B]
    %e = arg {index=1} : f32[B]
    %h_1 = add(%h, %e) : f32[B]
    return %h_1, %h_1
  }
  %p = leaf {kind="input", name="p"} : bool[]
  %5 = cond(%p, %3#0) : f32[B] {
    %0 = arg {index=0} : f32[B]
    return %0
  } else {
    %0 = arg {index=0} : f32[B]
    %1 = neg(%0) : f32[B]
    return %1
  }
  %6:0 = scan {count=3, consts=0, carries=0} : () {
    return
  }
  result "y" %5
)"));
}

TEST(Text, NamesAreMadeUniqueIdentifiers) {
  Graph g;
  Builder b(g);
  for (const char* name : {"h", "h", "h_1", "3rd item", ""}) g.nodes[b.constant(1, {DType::F32, {}}).node].name = name;
  EXPECT_EQ(valueNames(g), (std::vector<std::string>{"h", "h_1", "h_1_1", "_3rd_item", "4"}));
}

TEST(Text, WithoutSourcesOnlyPathsArePrinted) {
  Parsed p(functionText("  %0 = const {value=1.0} : f32[] loc(\"a.nn\":1:2 in \"net\")\n  return %0\n"));
  EXPECT_NE(printModule(p.module).find("f32[] loc(in \"net\")"), std::string::npos);
  EXPECT_EQ(printModule(p.module, {false, nullptr}).find("loc"), std::string::npos);
  EXPECT_EQ(p.sources.name(p.module.functions[0].body.nodes[0].origin.at.file), "a.nn");
}

TEST(Text, AcceptsFreeFormAndComments) {
  Parsed p("// RUN: x\nfunc \"f\" export() { // body\n%7=const{value=3}:f32[2] return %7 }");
  EXPECT_EQ(p.error(), "");
  EXPECT_EQ(p.module.functions[0].body.nodes[0].attrs.literal("value"), (Literal{std::vector<double>{3.0}}));
}

struct BadText {
  const char* body;
  const char* error;
};

TEST(Text, ErrorsAreLocated) {
  const BadText cases[] = {
      {"  %0 = sine(%1) : f32[]\n", "E0702 4:8: there is no op `sine`"},
      {"  %0 = neg(%1) : f32[]\n", "E0702 4:12: there is no value `%1` before this line"},
      {"  %0 = const {value=1, axis=2} : f32[]\n", "E0702 4:24: `const` has no attribute `axis`"},
      {"  %0 = const {value=1, value=2} : f32[]\n", "E0701 4:24: the attribute `value` stands twice"},
      {"  %0 = const : f32[]\n", "E0703 4:8: `const` needs the attribute `value`"},
      {"  %0 = const {value=1} : f31[]\n", "E0702 4:26: there is no dtype `f31`"},
      {"  %0 = const {value=1} : f32[-1]\n", "E0704 4:26: f32[-1] has a negative extent"},
      {"  %0 = const {value=1.5} : i32[]\n", "E0703 4:8: `const` of i32[] holds floats"},
      {"  %0 = const {value=1} : f32[2]\n  %1 = neg(%0) : f32[3]\n",
       "E0703 5:8: `neg` gives f32[2], but the text says f32[3]"},
      {"  %0 = const {value=1} : f32[]\n  %0 = const {value=1} : f32[]\n", "E0701 5:3: `%0` is defined twice"},
      {"  %0 = const {value=1} : f32[]\n  return %0#1\n", "E0702 5:10: `%0` has no result 1"},
      {"  %0:2 = const {value=1} : f32[]\n", "E0703 4:28: the node has 2 results and 1 types"},
      {"  %0 = const {value=99999999999999999999} : i64[]\n", "E0703 4:8: `const` of i64[] holds floats"},
      {"  %0 = iota {axis=99999999999999999999} : i64[2]\n", "E0701 4:19: expected an integer of 64 bits"},
      {"  %0 = const {value=\"x\n", "E0701 4:21: expected a number, found a string without its end"},
      {"  %0 = const {value=1} : f32[C]\n  return %0\n", "E0705 1:1: in `f`: %0: the symbol C is not declared"},
      {"  oops\n", "E0701 4:3: expected a node or an output (return, result, update, loss, metric), found `oops`"},
      {"  %0 = const {value=1} : f32[999999999999999999999]\n", "E0701 4:30: expected an integer of 64 bits"},
      {"  %0 = const {value=1} : f32[100000000, 100000000, 100000000]\n",
       "E0704 4:26: f32[100000000, 100000000, 100000000] has too many elements"},
  };
  for (const BadText& bad : cases) EXPECT_EQ(Parsed(functionText(bad.body)).error(), bad.error) << bad.body;
}

TEST(Text, HostileTextEndsInAnErrorNotACrash) {
  std::string regions, body = "  %p = const {value=1} : bool[]\n";
  for (int i = 0; i < 5000; ++i) regions += "%c = cond(%p) : f32[] { ";
  EXPECT_EQ(Parsed(functionText(body + regions)).error().substr(0, 5), "E0702");

  std::string deep;
  for (int i = 0; i < 5000; ++i) deep += "%c = scan {count=1, consts=0, carries=0} : f32[1] { ";
  EXPECT_EQ(Parsed(functionText(deep)).error().substr(0, 5), "E0704");

  std::string power = "B";
  for (int i = 0; i < 100000; ++i) power += "*B";
  EXPECT_EQ(Parsed(functionText("%0 = size {dim=" + power + "} : i64[]\n")).error().substr(0, 5), "E0704");

  std::string huge = "9223372036854775807*B*9223372036854775807";
  EXPECT_EQ(Parsed(functionText("%0 = size {dim=" + huge + "} : i64[]\n")).error().substr(0, 5), "E0703");
}

TEST(Text, EveryTruncationOfAModuleIsHandled) {
  const std::string text = functionText(
      "  %x = leaf {kind=\"input\", name=\"x\"} : f32[T, B] loc(\"a\\x41.nn\":1:2+3 in \"p\")\n"
      "  %s:2 = sort(%x) {axis=1} : f32[T, B], i32[T, B]\n  result \"y\" %s#1\n");
  for (size_t length = 0; length < text.size(); ++length) Parsed truncated(text.substr(0, length));
  for (size_t i = 0; i < text.size(); ++i)
    for (const char c : {'\0', '%', '{', '9', '"', '-', '\xff'}) {
      std::string changed = text;
      changed[i] = c;
      Parsed mutated(changed);
      if (mutated.error().empty()) {
        EXPECT_EQ(Parsed(mutated.print()).print(), mutated.print());
      }
    }
}

}  // namespace
}  // namespace nnc
