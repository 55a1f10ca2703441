// The interpreter's sources, views, reductions, data-dependent positions and control, with hand-computed values.
#include "test/unit/ir/eval_support.h"

namespace nnc {
namespace {

using namespace test;

TEST(EvalSource, ConstantsFillOrList) {
  expectFloats(eval1("const {value=2.5} : f32[B, 2]"), {2.5, 2.5, 2.5, 2.5});
  expectInts(eval1("const {value=[1, 2]} : i32[2]"), {1, 2});
}

TEST(EvalSource, IotaAndSize) {
  expectInts(eval1("iota {axis=1} : i32[B, T]"), {0, 1, 2, 0, 1, 2});
  expectFloats(eval1("iota {axis=0} : f32[B, T]"), {0, 0, 0, 1, 1, 1});
  expectInts(eval1("size {dim=2*B*T + 1} : i64[]"), {13});
}

TEST(EvalView, MovesOfWholeAxes) {
  const Tensor x = counting({2, 3});
  expectFloats(eval1("reshape(%a) {shape=[3, 2]} : f32[3, 2]", {x}), {1, 2, 3, 4, 5, 6});
  expectFloats(eval1("transpose(%a) {perm=[1, 0]} : f32[3, 2]", {x}), {1, 4, 2, 5, 3, 6});
  expectFloats(eval1("transpose(%a) {perm=[1, 2, 0]} : f32[2, 2, 1]", {counting({1, 2, 2})}), {1, 2, 3, 4});
  expectFloats(eval1("reverse(%a) {axes=[1]} : f32[2, 3]", {x}), {3, 2, 1, 6, 5, 4});
  expectFloats(eval1("reverse(%a) {axes=[0, 1]} : f32[2, 3]", {x}), {6, 5, 4, 3, 2, 1});
  expectFloats(eval1("reverse(%a) {axes=[0]} : f32[0]", {floats({0}, {})}), {});
}

TEST(EvalView, BroadcastInsertsAxes) {
  const Tensor x = floats({2}, {1, 2});
  expectFloats(eval1("broadcast(%a) {axes=[0], extents=[3]} : f32[3, 2]", {x}), {1, 2, 1, 2, 1, 2});
  expectFloats(eval1("broadcast(%a) {axes=[1], extents=[T]} : f32[2, T]", {x}), {1, 1, 1, 2, 2, 2});
  expectFloats(eval1("broadcast(%a) {axes=[0, 2], extents=[1, 2]} : f32[1, 2, 2]", {x}), {1, 1, 2, 2});
}

TEST(EvalView, SliceTakesEveryStridethElement) {
  const Tensor x = counting({2, 5});
  expectFloats(eval1("slice(%a) {lo=[0, 1], hi=[2, 5], stride=[1, 2]} : f32[2, 2]", {x}), {2, 4, 7, 9});
  expectFloats(eval1("slice(%a) {lo=[1, 0], hi=[2, 5], stride=[1, 3]} : f32[1, 2]", {x}), {6, 9});
  expectFloats(eval1("slice(%a) {lo=[1, 2], hi=[1, 5], stride=[1, 1]} : f32[0, 3]", {x}), {});
}

TEST(EvalView, PadBordersCropsAndSpreads) {
  const Tensor x = counting({3});
  expectFloats(eval1("pad(%a) {lo=[1], hi=[2], interior=[0], value=9} : f32[6]", {x}), {9, 1, 2, 3, 9, 9});
  expectFloats(eval1("pad(%a) {lo=[-1], hi=[1], interior=[0], value=0} : f32[3]", {x}), {2, 3, 0});
  expectFloats(eval1("pad(%a) {lo=[0], hi=[0], interior=[1], value=0} : f32[5]", {x}), {1, 0, 2, 0, 3});
  expectFloats(eval1("pad(%a) {lo=[-1], hi=[-1], interior=[1], value=0} : f32[3]", {x}), {0, 2, 0});
  expectFloats(eval1("pad(%a) {lo=[1], hi=[0], interior=[2], value=-inf} : f32[1]", {floats({0}, {})}), {-kInf});
  expectInts(eval1("pad(%a) {lo=[1], hi=[0], interior=[0], value=-inf} : i8[2]", {ints({1}, {5}, DType::I8)}),
             {-128, 5});
}

TEST(EvalView, WindowSlidesAndUnwindowAddsBack) {
  const Tensor x = counting({5});
  expectFloats(eval1("window(%a) {axes=[0], size=[3], stride=[2], dilation=[1]} : f32[2, 3]", {x}), {1, 2, 3, 3, 4, 5});
  expectFloats(eval1("window(%a) {axes=[0], size=[2], stride=[1], dilation=[3]} : f32[2, 2]", {x}), {1, 4, 2, 5});
  expectFloats(eval1("window(%a) {axes=[0], size=[6], stride=[1], dilation=[1]} : f32[0, 6]", {x}), {});
  expectFloats(
      eval1("unwindow(%a) {axes=[0], size=[3], stride=[2], dilation=[1], extents=[6]} : f32[6]", {counting({2, 3})}),
      {1, 2, 7, 5, 6, 0});
  // Two axes: offsets come last, in the order of `axes`.
  expectFloats(eval1("window(%a) {axes=[1, 0], size=[1, 2], stride=[1, 1], dilation=[1, 1]} : f32[1, 2, 1, 2]",
                     {counting({2, 2})}),
               {1, 3, 2, 4});
}

TEST(EvalView, ConcatJoinsAlongItsAxis) {
  const Tensor a = counting({2, 1}), b = floats({2, 2}, {7, 8, 9, 10});
  expectFloats(eval1("concat(%a, %b) {axis=1} : f32[2, 3]", {a, b}), {1, 7, 8, 2, 9, 10});
  expectFloats(eval1("concat(%a, %b, %a) {axis=0} : f32[3]", {floats({1}, {1}), floats({1}, {2})}), {1, 2, 1});
}

TEST(EvalReduce, SumsOverAxesAndOverNothing) {
  const Tensor x = counting({2, 3});
  expectFloats(eval1("sum(%a) {axes=[1]} : f32[2]", {x}), {6, 15});
  expectFloats(eval1("sum(%a) {axes=[0]} : f32[3]", {x}), {5, 7, 9});
  expectFloats(eval1("sum(%a) {axes=[1, 0]} : f32[]", {x}), {21});
  expectFloats(eval1("sum(%a) {axes=[1]} : f32[2]", {floats({2, 0}, {})}), {0, 0});
  expectInts(eval1("sum(%a) {axes=[0]} : u8[]", {ints({2}, {200, 100}, DType::U8)}), {44});
}

TEST(EvalReduce, MaximumLetsNanThrough) {
  const Tensor x = floats({3, 3}, {1, 3, 3, 5, kNan, kNan, -kInf, -kInf, -kInf});
  expectFloats(eval1("rmax(%a) {axis=1} : f32[3]", {x}), {3, kNan, -kInf});
  expectInts(eval1("argmax(%a) {axis=1} : i32[3]", {x}), {1, 1, 0});
  expectInts(eval1("argmax(%a) {axis=0} : i32[3]", {x}), {1, 1, 1});
  expectFloats(eval1("rmax(%a) {axis=0} : f32[2]", {floats({0, 2}, {})}), {-kInf, -kInf});
  expectInts(eval1("argmax(%a) {axis=0} : i32[2]", {floats({0, 2}, {})}), {0, 0});
  expectInts(eval1("rmax(%a) {axis=0} : i8[]", {ints({0}, {}, DType::I8)}), {-128});
}

TEST(EvalReduce, SortIsStableWithNanLast) {
  const std::string body =
      "  %a = leaf {kind=\"input\", name=\"a\"} : f32[6]\n  %s:2 = sort(%a) {axis=0} : f32[6], i32[6]\n  return %s#0, "
      "%s#1\n";
  const std::vector<Tensor> r = run(body, {{"a", floats({6}, {2, kNan, 1, 2, kNan, -kInf})}});
  expectFloats(r[0], {-kInf, 1, 2, 2, kNan, kNan});
  expectInts(r[1], {5, 2, 0, 3, 1, 4});
}

TEST(EvalIndex, GatherClampsItsIndices) {
  const Tensor x = counting({2, 3});
  expectFloats(eval1("gather(%a, %b) {axis=1, batch=0} : f32[2, 2]", {x, ints({2}, {2, 0})}), {3, 1, 6, 4});
  expectFloats(eval1("gather(%a, %b) {axis=0, batch=0} : f32[2, 3]", {x, ints({2}, {-5, 7})}), {1, 2, 3, 4, 5, 6});
  expectFloats(eval1("gather(%a, %b) {axis=1, batch=1} : f32[2]", {x, ints({2}, {2, 0})}), {3, 4});
  expectFloats(eval1("gather(%a, %b) {axis=1, batch=1} : f32[1, 2, 2]", {counting({1, 2, 2}), ints({1, 2}, {1, 1})}),
               {3, 4, 3, 4});
  expectFloats(eval1("gather(%a, %b) {axis=0, batch=0} : f32[1]", {floats({0}, {}), ints({1}, {0})}), {0});
}

TEST(EvalIndex, ScatterAddsOrSetsAndDropsWhatLiesOutside) {
  const Tensor x = floats({3}, {10, 20, 30}), i = ints({4}, {0, 0, 2, 3}), u = floats({4}, {1, 2, 3, 4});
  expectFloats(eval1("scatter(%a, %b, %c) {axis=0, batch=0, mode=\"add\"} : f32[3]", {x, i, u}), {13, 20, 33});
  expectFloats(eval1("scatter(%a, %b, %c) {axis=0, batch=0, mode=\"set\"} : f32[3]", {x, i, u}), {2, 20, 3});
  expectFloats(
      eval1("scatter(%a, %b, %c) {axis=0, batch=0, mode=\"add\"} : f32[3]", {x, ints({1}, {-1}), floats({1}, {5})}),
      {10, 20, 30});
  expectFloats(eval1("scatter(%a, %b, %c) {axis=1, batch=1, mode=\"set\"} : f32[2, 2]",
                     {counting({2, 2}), ints({2}, {1, 0}), floats({2}, {8, 9})}),
               {1, 8, 9, 4});
}

TEST(EvalIndex, RunTimeStartsAreClampedToFit) {
  const Tensor x = counting({2, 4});
  const auto slice = [&](int64_t start) {
    return eval1("dslice(%a, %b) {axes=[1], sizes=[2]} : f32[2, 2]", {x, ints({}, {start})});
  };
  expectFloats(slice(1), {2, 3, 6, 7});
  expectFloats(slice(9), {3, 4, 7, 8});
  expectFloats(slice(-9), {1, 2, 5, 6});
  expectFloats(eval1("dupdate(%a, %b, %c) {axes=[1]} : f32[2, 4]", {x, floats({2, 2}, {0, -1, -2, -3}), ints({}, {7})}),
               {1, 2, 0, -1, 5, 6, -2, -3});
}

TEST(EvalControl, ScanCarriesStacksAndCounts) {
  const std::string body = R"(  %k = const {value=10.0} : f32[]
  %h = const {value=0.0} : f32[]
  %x = leaf {kind="input", name="x"} : f32[T]
  %s:3 = scan(%k, %h, %x) {count=T, consts=1, carries=1, reverse=REV} : f32[], f32[T], i64[T] {
    %0 = arg {index=0} : f32[]
    %1 = arg {index=1} : f32[]
    %2 = arg {index=2} : f32[]
    %3 = arg {index=3} : i64[]
    %4 = mul(%1, %0) : f32[]
    %5 = add(%4, %2) : f32[]
    return %5, %1, %3
  }
  return %s#0, %s#1, %s#2
)";
  const auto scan = [&](const std::string& reverse) {
    std::string text = body;
    text.replace(text.find("REV"), 3, reverse);
    return run(text, {{"x", counting({3})}});
  };
  const std::vector<Tensor> forward = scan("false"), backward = scan("true");
  expectFloats(forward[0], {123});
  expectFloats(forward[1], {0, 1, 12});
  expectInts(forward[2], {0, 1, 2});
  expectFloats(backward[0], {321});
  expectFloats(backward[1], {32, 3, 0});
  expectInts(backward[2], {0, 1, 2});
}

TEST(EvalControl, ScanOfNoRoundsReturnsItsCarry) {
  const std::vector<Tensor> r = run(R"(  %h = const {value=7.0} : f32[2]
  %s:2 = scan(%h) {count=0, consts=0, carries=1} : f32[2], f32[0, 2] {
    %0 = arg {index=0} : f32[2]
    return %0, %0
  }
  return %s#0, %s#1
)");
  expectFloats(r[0], {7, 7});
  EXPECT_EQ(r[1].shape, (std::vector<int64_t>{0, 2}));
}

TEST(EvalControl, CondRunsOneRegion) {
  const std::string body = R"(  %p = leaf {kind="input", name="p"} : bool[]
  %x = const {value=3.0} : f32[]
  %y = cond(%p, %x) : f32[] {
    %0 = arg {index=0} : f32[]
    return %0
  } else {
    %0 = arg {index=0} : f32[]
    %1 = neg(%0) : f32[]
    return %1
  }
  return %y
)";
  expectFloats(run(body, {{"p", ints({}, {1}, DType::Bool)}})[0], {3});
  expectFloats(run(body, {{"p", ints({}, {0}, DType::Bool)}})[0], {-3});
}

TEST(EvalControl, EveryValueIsKeptForDebugging) {
  const Graph g = graphOf("  %0 = const {value=2.0} : f32[]\n  %1 = neg(%0) : f32[]\n  return %1\n");
  const auto values = evaluateAll(g, {});
  ASSERT_EQ(values.size(), 2u);
  expectFloats(values[0][0], {2});
  expectFloats(values[1][0], {-2});
}

TEST(EvalDeath, MissingLeafOrSymbolIsABug) {
  EXPECT_DEATH(run("  %x = leaf {kind=\"input\", name=\"x\"} : f32[]\n  return %x\n"), "the leaf `x` has no value");
  const Graph g = graphOf("  %0 = size {dim=B} : i64[]\n  return %0\n");
  EXPECT_DEATH(evaluate(g, {}), "the symbol B has no value");
}

}  // namespace
}  // namespace nnc
