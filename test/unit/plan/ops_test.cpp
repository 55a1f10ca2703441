// Every op, planned alone: the plan's interpreter agrees with the graph's.
#include "test/unit/plan/support.h"

namespace nnc::plan {
namespace {

using namespace test;

TEST(PlanOps, ElementwiseFloats) {
  for (const char* op :
       {"neg", "exp", "expm1", "tanh", "logistic", "erf", "sin", "cos", "atan", "round", "floor", "stop"})
    check1(std::string(op) + "(%a) : f32[B, 3]", {"f32[B, 3]"});
  for (const char* op : {"add", "mul", "div", "max"})
    check1(std::string(op) + "(%a, %b) : f32[B, 3]", {"f32[B, 3]", "f32[B, 3]"});
  for (const char* op : {"lt", "le", "eq"}) check1(std::string(op) + "(%a, %b) : bool[4]", {"f32[4]", "f32[4]"});
  check1("select(%a, %b, %c) : f32[4]", {"bool[4]", "f32[4]", "f32[4]"});
}

TEST(PlanOps, ElementwiseIntegers) {
  for (const char* op : {"add", "mul", "idiv", "mod", "max"})
    check1(std::string(op) + "(%a, %b) : i32[B, 3]", {"i32[B, 3]", "i32[B, 3]"});
  check1("fold(%a, %b) : i64[4]", {"i64[4]", "i64[4]"});
  check1("and(%a, %b) : bool[4]", {"bool[4]", "bool[4]"});
  check1("not(%a) : bool[4]", {"bool[4]"});
  check1("cast(%a) {dtype=u8} : u8[4]", {"f32[4]"});
}

TEST(PlanOps, Sources) {
  check1("const {value=2.5} : f32[B, 2]", {});
  check1("const {value=[1, 2, 3]} : f32[3]", {});
  check1("const {value=9007199254740993} : i64[]", {});
  check1("iota {axis=1} : i32[B, T]", {});
  check1("size {dim=2*B*T + 1} : i64[]", {});
  check1("rand(%a) {minor=1} : f32[B, 3, 4]", {"i64[]"});
  check1("rand(%a, %b) {minor=1} : f32[B, 3, 4]", {"i64[]", "i64[]"});
  check1("rand(%a, %b) {minor=0} : f32[B, 3, 5]", {"i64[]", "i64[]"});
}

TEST(PlanOps, Views) {
  check1("reshape(%a) {shape=[6, B]} : f32[6, B]", {"f32[B, 2, 3]"});
  check1("reshape(%a) {shape=[B, 12]} : f32[B, 12]", {"f32[B, 2, 3, 2]"});
  check1("reshape(%a) {shape=[B, T, 4]} : f32[B, T, 4]", {"f32[B*T, 2, 2]"});
  check1("transpose(%a) {perm=[2, 0, 1]} : f32[4, B, 2]", {"f32[B, 2, 4]"});
  check1("reverse(%a) {axes=[0, 1]} : f32[B, 3]", {"f32[B, 3]"});
  check1("broadcast(%a) {axes=[0, 2], extents=[B, 2]} : f32[B, 3, 2]", {"f32[3]"});
  check1("slice(%a) {lo=[0, 1], hi=[2, 6], stride=[1, 2]} : f32[2, 3]", {"f32[2, 6]"});
  check1("pad(%a) {lo=[1, -1], hi=[2, 1], interior=[1, 2], value=9} : f32[8, 7]", {"f32[3, 3]"});
  check1("pad(%a) {lo=[1], hi=[0], interior=[0], value=-inf} : i8[4]", {"i8[3]"});
  check1("window(%a) {axes=[1], size=[3], stride=[2], dilation=[1]} : f32[B, 3, 3]", {"f32[B, 7]"});
  check1("unwindow(%a) {axes=[1], size=[3], stride=[2], dilation=[1], extents=[8]} : f32[B, 8]", {"f32[B, 3, 3]"});
  check1("unwindow(%a) {axes=[0], size=[2], stride=[3], dilation=[1], extents=[7]} : f32[7]", {"f32[2, 2]"});
  check1("unwindow(%a) {axes=[0, 1], size=[2, 2], stride=[2, 2], dilation=[1, 1], extents=[4, 6]} : f32[4, 6]",
         {"f32[2, 3, 2, 2]"});
  check1("concat(%a, %b, %a) {axis=1} : f32[B, 8]", {"f32[B, 3]", "f32[B, 2]"});
}

TEST(PlanOps, Reductions) {
  check1("sum(%a) {axes=[0, 2]} : f32[3]", {"f32[B, 3, 2]"});
  check1("sum(%a) {axes=[1]} : f32[B, 2]", {"f32[B, 3, 2]"});
  check1("sum(%a) {axes=[0, 1], acc=f64} : f32[]", {"f32[B, 3]"});
  check1("rmax(%a) {axis=1} : f32[B, 2]", {"f32[B, 3, 2]"});
  check1("argmax(%a) {axis=1} : i32[B]", {"f32[B, 6]"});
  check1("argmax(%a) {axis=0} : i32[3]", {"i32[6, 3]"});
}

TEST(PlanOps, SortGivesValuesAndIndices) {
  check(R"(  %a = leaf {kind="input", name="a"} : f32[B, 6, 2]
  %s:2 = sort(%a) {axis=1} : f32[B, 6, 2], i32[B, 6, 2]
  return %s#0, %s#1
)");
}

TEST(PlanOps, Dot) {
  check1("dot(%a, %b) {contract_a=[1], contract_b=[0]} : f32[B, 5]", {"f32[B, 4]", "f32[4, 5]"});
  check1("dot(%a, %b) {contract_a=[0], contract_b=[0]} : f32[4, 5]", {"f32[B, 4]", "f32[B, 5]"});
  check1("dot(%a, %b) {contract_a=[1], contract_b=[1]} : f32[B, 5]", {"f32[B, 4]", "f32[5, 4]"});
  check1("dot(%a, %b) {batch_a=[0, 2], batch_b=[0, 1], contract_a=[3], contract_b=[3]} : f32[B, 2, T, 3]",
         {"f32[B, T, 2, 4]", "f32[B, 2, 3, 4]"});
  check1("dot(%a, %b) {contract_a=[0], contract_b=[0]} : f32[]", {"f32[4]", "f32[4]"});
  check1("dot(%a, %b) : f32[3, 2]", {"f32[3]", "f32[2]"});
  check1("dot(%a, %b) {contract_a=[0, 1], contract_b=[1, 0]} : f32[5]", {"f32[2, 3]", "f32[3, 2, 5]"});
}

std::string conv2d(const std::string& attrs, const std::string& result) {
  return "conv(%a, %b) {x_dims=[0, 1, 2, 3], w_dims=[3, 2, 0, 1], y_dims=[0, 1, 2, 3], " + attrs + "} : " + result;
}

TEST(PlanOps, Conv) {
  check1(
      conv2d(
          "stride=[1, 1], pad_lo=[1, 1], pad_hi=[1, 1], x_dilation=[1, 1], w_dilation=[1, 1], groups=1, batch_groups=1",
          "f32[B, 5, 4, 4]"),
      {"f32[B, 3, 4, 4]", "f32[3, 3, 3, 5]"});
  check1(conv2d("stride=[2, 1], pad_lo=[0, -1], pad_hi=[1, 0], x_dilation=[1, 2], w_dilation=[2, 1], groups=1, "
                "batch_groups=1",
                "f32[B, 2, 2, 4]"),
         {"f32[B, 3, 6, 4]", "f32[3, 3, 3, 2]"});
  check1(
      conv2d(
          "stride=[1, 1], pad_lo=[0, 0], pad_hi=[0, 0], x_dilation=[1, 1], w_dilation=[1, 1], groups=2, batch_groups=1",
          "f32[B, 6, 3, 3]"),
      {"f32[B, 4, 4, 4]", "f32[2, 2, 2, 6]"});
  check1(
      conv2d(
          "stride=[1, 1], pad_lo=[0, 0], pad_hi=[0, 0], x_dilation=[1, 1], w_dilation=[1, 1], groups=1, batch_groups=2",
          "f32[2, 6, 3, 3]"),
      {"f32[4, 2, 4, 4]", "f32[2, 2, 2, 6]"});
  // One position: a matrix product.
  check1(
      conv2d(
          "stride=[2, 2], pad_lo=[0, 0], pad_hi=[0, 0], x_dilation=[1, 1], w_dilation=[1, 1], groups=1, batch_groups=1",
          "f32[B, 2, 2, 2]"),
      {"f32[B, 3, 4, 4]", "f32[1, 1, 3, 2]"});
}

TEST(PlanOps, ConvWeights) {
  check1(
      "conv(%a, %b) {x_dims=[1, 0, 2, 3], w_dims=[1, 0, 2, 3], y_dims=[2, 3, 0, 1], stride=[1, 1], pad_lo=[1, 1], "
      "pad_hi=[1, 1], "
      "x_dilation=[1, 1], w_dilation=[1, 1], groups=1, batch_groups=1} : f32[3, 3, 3, 5]",
      {"f32[B, 3, 4, 4]", "f32[B, 5, 4, 4]"});
}

TEST(PlanOps, GatherAndScatter) {
  check1("gather(%a, %b) {axis=0, batch=0} : f32[B, 2, 3]", {"f32[4, 3]", "i32[B, 2]"});
  check1("gather(%a, %b) {axis=2, batch=1} : f32[B, 2, 3]", {"f32[B, 2, 4]", "i32[B, 3]"});
  check1("scatter(%a, %b, %c) {axis=0, batch=0, mode=\"add\"} : f32[4, 3]", {"f32[4, 3]", "i32[6]", "f32[6, 3]"});
  check1("scatter(%a, %b, %c) {axis=1, batch=1, mode=\"set\"} : f32[B, 4, 3]",
         {"f32[B, 4, 3]", "i32[B, 6]", "f32[B, 6, 3]"});
}

TEST(PlanOps, DSliceAndDUpdate) {
  check1("dslice(%a, %b, %c) {axes=[0, 1], sizes=[2, 3]} : f32[2, 3]", {"f32[4, 5]", "i32[]", "i64[]"});
  check1("dupdate(%a, %b, %c) {axes=[1]} : f32[4, 5]", {"f32[4, 5]", "f32[4, 2]", "i32[]"});
}

TEST(PlanOps, ScanCarriesAndStacks) {
  for (const char* reverse : {"false", "true"})
    check(std::string(R"(  %w = leaf {kind="param", name="w"} : f32[3, 3]
  %h0 = leaf {kind="input", name="h"} : f32[B, 3]
  %x = leaf {kind="input", name="x"} : f32[T, B, 3]
  %r:3 = scan(%w, %h0, %x) {count=T, consts=1, carries=1, reverse=)") +
          reverse + R"(} : f32[B, 3], f32[T, B, 3], f32[T, B, 3] {
    %w = arg {index=0} : f32[3, 3]
    %h = arg {index=1} : f32[B, 3]
    %x = arg {index=2} : f32[B, 3]
    %t = arg {index=3} : i64[]
    %d = dot(%h, %w) {contract_a=[1], contract_b=[0]} : f32[B, 3]
    %s = add(%d, %x) : f32[B, 3]
    %n = tanh(%s) : f32[B, 3]
    %f = cast(%t) {dtype=f32} : f32[]
    %g = broadcast(%f) {axes=[0, 1], extents=[B, 3]} : f32[B, 3]
    %y = add(%n, %g) : f32[B, 3]
    return %n, %h, %y
  }
  return %r#0, %r#1, %r#2
)");
}

TEST(PlanOps, ScanExchangesCarries) {
  check(R"(  %a = leaf {kind="input", name="a"} : f32[B]
  %b = leaf {kind="input", name="b"} : f32[B]
  %r:2 = scan(%a, %b) {count=5, consts=0, carries=2, reverse=false} : f32[B], f32[B] {
    %a = arg {index=0} : f32[B]
    %b = arg {index=1} : f32[B]
    return %b, %a
  }
  return %r#0, %r#1
)");
  check(R"(  %a = leaf {kind="input", name="a"} : f32[B]
  %b = leaf {kind="input", name="b"} : f32[B]
  %r:2 = scan(%a, %b) {count=5, consts=0, carries=2, reverse=false} : f32[B], f32[B] {
    %a = arg {index=0} : f32[B]
    %b = arg {index=1} : f32[B]
    %c = add(%a, %b) : f32[B]
    return %b, %c
  }
  return %r#0, %r#1
)");
}

TEST(PlanOps, Cond) {
  check(R"(  %p = leaf {kind="input", name="p"} : bool[]
  %a = leaf {kind="input", name="a"} : f32[B]
  %r:2 = cond(%p, %a) : f32[B], f32[B] {
    %a = arg {index=0} : f32[B]
    %n = exp(%a) : f32[B]
    return %n, %a
  } else {
    %a = arg {index=0} : f32[B]
    %n = neg(%a) : f32[B]
    return %n, %n
  }
  return %r#0, %r#1
)");
}

TEST(PlanOps, UpdatesOfVariables) {
  check(R"(  %w = leaf {kind="param", name="w"} : f32[4, 3]
  %m = leaf {kind="state", name="m"} : f32[4, 3]
  %g = leaf {kind="input", name="g"} : f32[4, 3]
  %m1 = add(%m, %g) : f32[4, 3]
  %w1 = add(%w, %m1) : f32[4, 3]
  %old = exp(%w) : f32[4, 3]
  update "w" %w1
  update "m" %m1
  result "old" %old
)");
  // Exchanged, transposed, read after the update.
  check(R"(  %w = leaf {kind="param", name="w"} : f32[3, 3]
  %m = leaf {kind="state", name="m"} : f32[3, 3]
  %t = transpose(%w) {perm=[1, 0]} : f32[3, 3]
  %e = exp(%t) : f32[3, 3]
  %d = dot(%w, %e) {contract_a=[1], contract_b=[0]} : f32[3, 3]
  update "w" %e
  update "m" %w
  result "d" %d
)");
  check(R"(  %c = leaf {kind="state", name="c"} : f32[5, 3]
  %u = leaf {kind="input", name="u"} : f32[1, 3]
  %s = leaf {kind="input", name="s"} : i32[]
  %n = dupdate(%c, %u, %s) {axes=[0]} : f32[5, 3]
  %r = sum(%n) {axes=[0]} : f32[3]
  update "c" %n
  result "r" %r
)");
}

TEST(PlanOps, ChangesInPlace) {
  const std::string leaves = R"(  %c = leaf {kind="state", name="c"} : f32[5, 3]
  %d = leaf {kind="state", name="d"} : f32[5, 3]
  %u = leaf {kind="input", name="u"} : f32[1, 3]
  %s = leaf {kind="input", name="s"} : i32[]
  %t = leaf {kind="input", name="t"} : i32[]
  %n = dupdate(%c, %u, %s) {axes=[0]} : f32[5, 3]
  %e = exp(%n) : f32[5, 3]
)";
  // A second change, which reads what the first has made.
  const std::string second = R"(  %r = slice(%e) {lo=[0, 0], hi=[1, 3], stride=[1, 1]} : f32[1, 3]
  %m = dupdate(%n, %r, %t) {axes=[0]} : f32[5, 3]
)";
  check(leaves + second + "  update \"c\" %m\n  result \"e\" %e\n");
  // The value before, or between, is wanted afterwards.
  check(leaves + second + "  %f = add(%c, %m) : f32[5, 3]\n  update \"c\" %m\n  result \"f\" %f\n");
  check(leaves + second + "  %f = add(%n, %m) : f32[5, 3]\n  update \"c\" %m\n  result \"f\" %f\n");
  check(leaves + second + "  update \"c\" %m\n  update \"d\" %n\n");
  check(leaves + second + "  update \"c\" %n\n  update \"d\" %m\n");
  check(leaves + second + "  update \"c\" %d\n  update \"d\" %m\n");
  check(leaves + second + "  update \"d\" %m\n");
  check(leaves + second + "  update \"c\" %e\n  update \"d\" %m\n");
  // Two changes of one value.
  const std::string other = "  %m = dupdate(%c, %u, %t) {axes=[0]} : f32[5, 3]\n";
  check(leaves + other + "  %f = add(%n, %m) : f32[5, 3]\n  update \"c\" %f\n");
  check(leaves + other + "  update \"c\" %n\n  update \"d\" %m\n");
  // Of a temporary, and with the sums of a scatter.
  check(leaves + R"(  %i = cast(%s) {dtype=i32} : i32[]
  %j = reshape(%i) {shape=[1]} : i32[1]
  %m = scatter(%e, %j, %u) {axis=0, batch=0, mode="add"} : f32[5, 3]
  %f = sum(%m) {axes=[0]} : f32[3]
  update "c" %m
  result "f" %f
)");
}

}  // namespace
}  // namespace nnc::plan
