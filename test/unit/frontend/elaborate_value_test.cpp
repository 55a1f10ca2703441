// What expressions mean, by value: arithmetic, broadcasting, views, dots, indices, loops. Each program exports `f`.
#include "elaborate_helper.h"

namespace nnc::test {
namespace {

using Strings = std::vector<std::string>;

TEST(Arithmetic, NumbersTakeTheTypeOfTheTensor) {
  const Tensor t =
      value("export fn f(x: f64[3]) { 2 * x + 1/4 - 3 // 2 }", {{"x", floats({3}, {1, 2, 3}, DType::F64)}});
  EXPECT_EQ(t.dtype, DType::F64);
  expectNear(t, {1.25, 3.25, 5.25});
}

TEST(Arithmetic, DivisionOfDimensionsIsExact) {
  EXPECT_EQ(
      value("fn h(x: [B, D]) { let z: [D/2, 2] = 1; z }\nexport fn f(x: f32[2, 6]) { h(x) }", {{"x", counting({2, 6})}})
          .shape,
      (std::vector<int64_t>{3, 2}));
  EXPECT_EQ(mistakes("fn h(x: [B, D]) { let z: [D/2] = 1; z }\nexport fn f(x: f32[2, 5]) { h(x) }"),
            Strings{"E0204 1:27"});
}

TEST(Arithmetic, SmallPowersAreProducts) {
  expectNear(value("export fn f(x: f32[2]) { x^2 + x^3 + x^0.5 }", {{"x", floats({2}, {4, 9})}}),
             {16 + 64 + 2, 81 + 729 + 3}, 1e-4);
}

TEST(Arithmetic, IntegersWidenAndDivideDown) {
  const Tensor t = value("export fn f(a: i32[2], b: i64[2]) { (a + b) // 2 }",
                         {{"a", ints({2}, {-3, 3})}, {"b", ints({2}, {0, 4}, DType::I64)}});
  EXPECT_EQ(t.dtype, DType::I64);
  EXPECT_EQ(t.ints, (std::vector<int64_t>{-2, 3}));
}

// The smallest of integers, where a negation would overflow or, of unsigned ones, turn the order around.
TEST(Arithmetic, SmallestOfIntegers) {
  const std::string body = "(min(a, b), min(a, 3), stack(amin(a)), u8(stack(argmin(a))))";
  const Module unsignedOnes = compiled("export fn f(a: u8[3], b: u8[3]) { concat[0](" + body + ") }");
  Runner r(unsignedOnes);
  r.in.leaves["a"] = ints({3}, {7, 0, 255}, DType::U8);
  r.in.leaves["b"] = ints({3}, {9, 4, 1}, DType::U8);
  EXPECT_EQ(r.run("f")["0"].ints, (std::vector<int64_t>{7, 0, 1, 3, 0, 3, 0, 1}));
  const Tensor least =
      value("export fn f(a: i8[3]) { stack(amin(a), i8(argmin(a))) }", {{"a", ints({3}, {5, -128, 127}, DType::I8)}});
  EXPECT_EQ(least.ints, (std::vector<int64_t>{-128, 1}));
}

// The bound of an index type: what is put together from indices has the larger bound, or none.
TEST(Arithmetic, WholeNumbersStayWhole) {
  const auto of = [](const std::string& body, const std::string& type = "i64", const std::string& hyper = "") {
    return value(hyper + "export fn f(x: " + type + "[1]) { " + body + " }", {{"x", ints({1}, {1})}}).ints;
  };
  EXPECT_EQ(of("x * 0 + 9007199254740993"), (std::vector<int64_t>{9007199254740993}));
  // Computed from hyperparameters, too, in whatever type they meet.
  EXPECT_EQ(of("x + k * k // 100000", "i32", "hyper k = 100000\n"), (std::vector<int64_t>{100001}));
  EXPECT_EQ(of("x + 2^k + k^2 + k / 3", "i32", "hyper k = 3\n"), (std::vector<int64_t>{19}));
  EXPECT_EQ(of("i32(x * (k // 100))", "u8", "hyper k = 300\n"), (std::vector<int64_t>{3}));
  expectNear(value("hyper k = 16777217\nexport fn f(x: f32[1]) { x * (k - 16777216) }", {{"x", floats({1}, {5})}}),
             {5});
}

TEST(Arithmetic, NanIsTheLargestAndTheLeast) {
  for (const char* text : {"max(log(-1), 3)", "max(3, log(-1))", "min(log(-1), 3)"})
    EXPECT_TRUE(std::isnan(
        value(std::string("export fn f(x: f32[1]) { ") + text + " * x }", {{"x", floats({1}, {1})}}).floats[0]))
        << text;
}

TEST(Bounds, ClampOfBytes) {
  const auto of = [](const char* type, const char* n) {
    return value(std::string("export fn f(x: u8[") + type + "]) { clamp(x, " + n + ") }",
                 {{"x", ints({4}, {0, 1, 3, 200})}}, {{"B", 4}})
        .ints;
  };
  EXPECT_EQ(of("4", "10"), (std::vector<int64_t>{0, 1, 3, 9}));
  EXPECT_EQ(of("B <= 10", "B"), (std::vector<int64_t>{0, 1, 3, 3}));
}

TEST(Bounds, FollowWhereIndicesGo) {
  const std::string head =
      "fn below10(i: i32[...S] < 10) { i }\nexport fn f(i: i32[B <= 4, 3] < 10, k: i32[3] < 11, j: i32[3]) {\n";
  for (const char* ok : {"let (v, _) = sort(i); below10(v)", "below10(concat[1](i, i))", "below10(put[1](i, 0, 9))",
                         "below10(if i > 2 { i } else { clamp(2 * i, 10) })", "let z: i32[2] = 9; below10(z)",
                         "below10(i32(k > j))", "below10(j % 10)"})
    EXPECT_EQ(mistakes(head + ok + " }"), Strings{}) << ok;
  for (const char* wrong :
       {"below10(put[0](k, 0, 9))", "below10(stack(i[0], k))", "below10(concat[0](i[0], k))",
        "below10(put[0](i[0], 0, j[0]))", "below10(if j > 2 { i[0] } else { k })", "below10(j % 11)", "below10(j % k)"})
    EXPECT_EQ(mistakes(head + wrong + " }"), Strings{"E0219 3:9"}) << wrong;
}

TEST(Bounds, HoldInALoopOnlyIfEachRoundKeepsThem) {
  const std::string head = "fn below10(i: i32[...S] < 10) { i }\nexport fn f() {\nvar k: i32[3] = 0\nfor t in 9 {\n";
  EXPECT_EQ(mistakes(head + "k = put(k, clamp(t, 3), 0) }\nbelow10(k) }"), Strings{});
  EXPECT_EQ(mistakes(head + "k = k + 1 }\nbelow10(k) }"), Strings{"E0219 6:9"});
  EXPECT_EQ(mistakes(head + "k = below10(k) + 1 }\nk }"), Strings{"E0219 5:13"});
}

TEST(Broadcast, LeadingAxesAndWrittenOnes) {
  expectNear(value("export fn f(x: f32[2, 3], b: f32[3]) { x + b + (mean[1](x) |> view[B -> B 1]) }",
                   {{"x", counting({2, 3})}, {"b", floats({3}, {10, 20, 30})}}),
             {11, 22, 33, 17, 28, 39});
}

TEST(Broadcast, ADimensionThatHappensToBeOneDoesNot) {
  EXPECT_EQ(mistakes("fn h(x: [B, C], y: [B, D]) { x + y }\nexport fn f(x: f32[2, 1], y: f32[2, 3]) { h(x, y) }"),
            Strings{"E0206 1:32"});
}

TEST(Broadcast, NeverBothSides) {
  EXPECT_EQ(mistakes("export fn f(x: f32[B <= 4, 1], y: f32[B]) { x - y }"), Strings{"E0206 1:47"});
}

TEST(View, MergesInAnyOrder) {
  expectNear(value("export fn f(x: f32[2, 3]) { x |> view[B C -> (C B)] }", {{"x", counting({2, 3})}}),
             {0, 3, 1, 4, 2, 5});
}

TEST(View, GroupsTakeTheirExtentFromScope) {
  const Tensor t = value("fn h[H](x: [B, D]) { x |> view[B (H E) -> H B E] }\nexport fn f(x: f32[2, 4]) { h[2](x) }",
                         {{"x", counting({2, 4})}});
  EXPECT_EQ(t.shape, (std::vector<int64_t>{2, 2, 2}));
  expectNear(t, {0, 1, 4, 5, 2, 3, 6, 7});
}

TEST(View, NewNamesRepeat) {
  const Tensor t = value("fn h(x: [D], y: [B]) { x |> view[D -> D B] }\nexport fn f(x: f32[2], y: f32[3]) { h(x, y) }",
                         {{"x", counting({2})}, {"y", counting({3})}});
  expectNear(t, {0, 0, 0, 1, 1, 1});
}

TEST(View, RestAxes) {
  EXPECT_EQ(value("fn h(x: [B, ...S]) { x |> view[B ...S -> B (...S)] }\nexport fn f(x: f32[2, 3, 4]) { h(x) }",
                  {{"x", counting({2, 3, 4})}})
                .shape,
            (std::vector<int64_t>{2, 12}));
}

TEST(Dot, BatchContractFreeAndSummedAxes) {
  // y[b, j] = sum_i,k x[b, i, k] w[b, i, j]
  const Tensor t = value("export fn f(x: f32[2, 2, 2], w: f32[2, 2, 3]) { dot[B i k, B i j -> B j](x, w) }",
                         {{"x", counting({2, 2, 2})}, {"w", counting({2, 2, 3})}});
  EXPECT_EQ(t.shape, (std::vector<int64_t>{2, 3}));
  expectNear(t, {1 * 0 + 5 * 3, 1 * 1 + 5 * 4, 1 * 2 + 5 * 5, 9 * 6 + 13 * 9, 9 * 7 + 13 * 10, 9 * 8 + 13 * 11});
}

TEST(Index, SlicesNegativesAndTensors) {
  const Tensor x = counting({3, 4});
  expectNear(value("export fn f(x: f32[3, 4]) { x[-1] }", {{"x", x}}), {8, 9, 10, 11});
  expectNear(value("export fn f(x: f32[3, 4]) { x[:, 1..-1] }", {{"x", x}}), {1, 2, 5, 6, 9, 10});
  expectNear(value("export fn f(x: f32[3, 4], i: i32[2] < 3) { x[i] }", {{"x", x}, {"i", ints({2}, {2, 0})}}),
             {8, 9, 10, 11, 0, 1, 2, 3});
  expectNear(value("export fn f(x: f32[3, 4], i: i32 < 3) { x[i, 2] }", {{"x", x}, {"i", ints({}, {1})}}), {6});
}

TEST(Index, OutOfRangeIsFoundWhenCompiling) {
  EXPECT_EQ(mistakes("export fn f(x: f32[3, 4]) { x[3] }"), Strings{"E0208 1:31"});
  EXPECT_EQ(mistakes("export fn f(x: f32[3, 4]) { x[:, 2..5] }"), Strings{"E0208 1:34"});
}

TEST(Put, PositionsAreWhatTheIndicesAre) {
  const Tensor x = floats({4}, {1, 2, 3, 4});
  expectNear(value("export fn f(x: f32[4]) { put(x, i32(bool(iota(4))), x) }", {{"x", x}}), {1, 4, 3, 4});
  expectNear(value("export fn f(x: f32[4]) { put(x, i32(f32(iota(4)) - 0.5), x) }", {{"x", x}}), {2, 3, 4, 4});
  expectNear(value("export fn f(x: f32[4]) { put(x, -1, 9) }", {{"x", x}}), {1, 2, 3, 9});
  expectNear(
      value("export fn f(x: f32[2, 2]) { let (v, _) = sort[none](x); v }", {{"x", floats({2, 2}, {3, 1, 1, 2})}}),
      {1, 3, 1, 2});
}

TEST(Put, WritesOneOrMany) {
  expectNear(value("export fn f(x: f32[4], i: int) { put(x, i, 9) }",
                   {{"x", counting({4})}, {"i", ints({}, {2}, DType::I64)}}),
             {0, 1, 9, 3});
  expectNear(value("export fn f(x: f32[4], u: f32[2]) { put(x, 1 + iota(2), u) }",
                   {{"x", counting({4})}, {"u", floats({2}, {7, 8})}}),
             {0, 7, 8, 3});
  expectNear(value("export fn f(x: f32[4], u: f32[2], i: i32[2]) { put(x, i, u) }",
                   {{"x", counting({4})}, {"u", floats({2}, {7, 8})}, {"i", ints({2}, {3, 0})}}),
             {8, 1, 2, 7});
}

TEST(If, OnATensorSelectsLeafByLeaf) {
  expectNear(value("export fn f(x: f32[3]) { let (a, b) = if x < 1 { (0, x) } else { (x, 5) }; a + b }",
                   {{"x", counting({3})}}),
             {0, 6, 7});
}

TEST(If, OnANumberChoosesABlockInPlace) {
  expectNear(value("fn g[n](x) { var y = x; if n > 2 { y = 2 * x }; y }\nexport fn f(x: f32[2]) { g[3](x) + g[1](x) }",
                   {{"x", counting({2})}}),
             {0, 3});
}

TEST(For, CarriesAndStacks) {
  // Long enough to be a scan: prefix sums and the total.
  const std::string text = "export fn f(x: f32[9]) { var s = 0.0\n let p = for t in 9 { s = s + x[t]; s }\n p + s }";
  const Tensor t = value(text, {{"x", counting({9})}});
  expectNear(t, {36, 37, 39, 42, 46, 51, 57, 64, 72});
}

TEST(For, TupleCarries) {
  const Tensor t =
      value("export fn f(n: int <= 50) { var s = (0.0, 1.0)\n for i in n { let (a, b) = s; s = (b, a + b) }\n s[0] }",
            {}, {{"n", 10}});
  expectNear(t, {55});
}

TEST(For, ComprehensionIsBatchedWithoutAScan) {
  const Module m = compiled("export fn f(a: i32[B <= 8]) { for i in B, j in B { a[i] == a[j] } }");
  for (const Node& n : m.function("f")->body.nodes) EXPECT_NE(n.op, Op::Scan);
  Runner r(m);
  r.in.leaves["a"] = ints({3}, {1, 2, 1});
  r.in.symbols = {{"B", 3}};
  EXPECT_EQ(r.run("f")["0"].ints, (std::vector<int64_t>{1, 0, 1, 0, 1, 0, 1, 0, 1}));
}

TEST(For, RunTimeCount) {
  expectNear(value("export fn f(x: f32, n: int <= 100) { var y = x\n for i in n { y = 2 * y }\n y }",
                   {{"x", floats({}, {3})}}, {{"n", 5}}),
             {96});
}

TEST(For, UnrolledAndScannedAgree) {
  const Tensor x = counting({6});
  const auto text = [](const char* n) {
    return std::string("export fn f(x: f32[6]) { var s = x\n for i in ") + n + " { s = s * 0.5 + x[i] }\n s }";
  };
  const Tensor three = value(text("3"), {{"x", x}});  // unrolled
  const Tensor six = value(text("6"), {{"x", x}});    // a scan
  double s3 = 1, s6 = 1;
  for (int i = 0; i < 3; ++i) s3 = s3 * 0.5 + i;
  for (int i = 0; i < 6; ++i) s6 = s6 * 0.5 + i;
  EXPECT_NEAR(three.floats[1], s3, 1e-9);
  EXPECT_NEAR(six.floats[1], s6, 1e-9);
}

TEST(Functions, RecursionOnCompileTimeArguments) {
  expectNear(
      value("fn power[n](x) { if n == 0 { 1 } else { x * power[n - 1](x) } }\nexport fn f(x: f32[2]) { power[5](x) }",
            {{"x", floats({2}, {2, 3})}}),
      {32, 243});
}

TEST(Functions, LambdasAndFunctionsAsArguments) {
  expectNear(value("fn twice[g](x) { g(g(x)) }\nexport fn f(x: f32[2]) { let add = fn(y) { y + 1 }\n twice[add](x) }",
                   {{"x", counting({2})}}),
             {2, 3});
}

TEST(Functions, AnUnboundNameOfADimensionIsSolvedFor) {
  EXPECT_EQ(
      value("fn h(x: [2*N + 1]) { let z: [N] = 0; z }\nexport fn f(x: f32[7]) { h(x) }", {{"x", counting({7})}}).shape,
      std::vector<int64_t>{3});
}

TEST(Random, TheSameTextDrawsTheSameAndTwoSitesDiffer) {
  const Tensor t = value("export fn f() { let a: [64] = uniform\n let b: [64] = uniform\n stack(a, b) }");
  ASSERT_EQ(t.shape, (std::vector<int64_t>{2, 64}));
  double same = 0, sum = 0;
  for (int i = 0; i < 64; ++i) {
    same += t.floats[i] == t.floats[64 + i];
    sum += t.floats[i];
  }
  EXPECT_LT(same, 3);
  EXPECT_NEAR(sum / 64, 0.5, 0.15);
}

TEST(Random, AShapeIsPushedInward) {
  EXPECT_EQ(value("export fn f() { let z: [4, 5] = 0.1 * normal; z }").shape, (std::vector<int64_t>{4, 5}));
  EXPECT_EQ(value("export fn f(x: f32[3]) { x + normal[0.1] }", {{"x", counting({3})}}).shape, std::vector<int64_t>{3});
  // A scalar beside it waits for the shape, whichever side it is on.
  const Tensor three = counting({3});
  for (const char* noise : {"x + 0.1 * normal", "x + sigma * normal", "sigma * normal + x", "x - -normal * sum(x)",
                            "x * (1 + sigma * (normal - uniform))"})
    EXPECT_EQ(
        value(fmt::format("hyper sigma = 0.1\nexport fn f(x: f32[3]) {{ {} + 0 * sigma }}", noise), {{"x", three}})
            .shape,
        std::vector<int64_t>{3})
        << noise;
  const Tensor noisy = value(
      "hyper sigma = 0.5\nexport fn f(x: f32[64]) { let z = 0 * x + (1 + sigma * uniform); (amin(z), amax(z)) |> stack "
      "}",
      {{"x", counting({64})}});
  EXPECT_GT(noisy.floats[0], 1);
  EXPECT_LT(noisy.floats[1], 1.5);
}

// With logits far apart a draw is certain: each class is followed by the next one, and the state counts the steps.
TEST(Library, GenerateGoesOnStepByStep) {
  const std::string text =
      "fn after(k: i32[B, 1], s, i) { (1e6 * one_hot[5](clamp((k + 1) % 5, 5)), s + 1) }\n"
      "export fn f(y: f32[B <= 2, 5]) { f32(generate[after](y, 0 * y[0], 4)) }";
  expectNear(value(text, {{"y", floats({2, 5}, {0, 0, 0, 1e6, 0, 0, 1e6, 0, 0, 0})}}, {{"B", 2}}),
             {3, 4, 0, 1, 1, 2, 3, 4});
}

}  // namespace
}  // namespace nnc::test
