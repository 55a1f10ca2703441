// Inference: for each op what it accepts and gives (the parser compares with the type that is written), and what it
// refuses.
#include "ir/infer.h"

#include "ir/op_schema.h"
#include "test/unit/ir/support.h"

namespace nnc {
namespace {

using test::functionText;
using test::Parsed;

constexpr const char* kOperands = R"(  %x = leaf {kind="input", name="x"} : f32[B, 3, 4]
  %i = leaf {kind="input", name="i"} : i32[B, 3, 4]
  %c = leaf {kind="input", name="c"} : bool[B, 3, 4]
  %m = leaf {kind="input", name="m"} : f32[4, 5]
  %s = leaf {kind="input", name="s"} : f32[T, 8]
  %k = leaf {kind="input", name="k"} : i64[]
  %p = leaf {kind="input", name="p"} : bool[]
  %l = leaf {kind="input", name="l"} : f32[]
  %image = leaf {kind="input", name="image"} : f32[B, 6, 9, 9]
  %kernel = leaf {kind="input", name="kernel"} : f32[8, 3, 3, 2]
)";

/// The message of the one node after the operands above, or "" if it is accepted with the type it states.
std::string errorOf(const std::string& node) {
  const Parsed parsed(functionText(kOperands + ("  %y = " + node + "\n")));
  return parsed.diagnostics.all().empty() ? "" : parsed.diagnostics.all()[0].message;
}

struct Case {
  const char* node;
  const char* error;
};

template <size_t N>
void expectAll(const Case (&cases)[N]) {
  for (const Case& c : cases) EXPECT_EQ(errorOf(c.node), c.error) << c.node;
}

TEST(Infer, Elementwise) {
  for (const char* op : {"neg", "exp", "expm1", "log", "log1p", "sqrt", "tanh", "logistic", "erf", "sin", "cos", "atan",
                         "round", "floor"})
    EXPECT_EQ(errorOf(std::string(op) + "(%x) : f32[B, 3, 4]"), "");
  for (const char* op : {"add", "mul", "div", "pow", "max"})
    EXPECT_EQ(errorOf(std::string(op) + "(%x, %x) : f32[B, 3, 4]"), "");
  for (const char* op : {"add", "mul", "max", "idiv", "mod"})
    EXPECT_EQ(errorOf(std::string(op) + "(%i, %i) : i32[B, 3, 4]"), "");
  for (const char* op : {"lt", "le", "eq"}) EXPECT_EQ(errorOf(std::string(op) + "(%x, %x) : bool[B, 3, 4]"), "");
  for (const char* op : {"and", "or", "eq"}) EXPECT_EQ(errorOf(std::string(op) + "(%c, %c) : bool[B, 3, 4]"), "");
  expectAll({
      {"not(%c) : bool[B, 3, 4]", ""},
      {"stop(%c) : bool[B, 3, 4]", ""},
      {"cast(%c) {dtype=bf16} : bf16[B, 3, 4]", ""},
      {"fold(%k, %k) : i64[]", ""},
      {"select(%c, %i, %i) : i32[B, 3, 4]", ""},
      {"neg(%c) : bool[B, 3, 4]", "`neg` takes numbers, not bool[B, 3, 4]"},
      {"exp(%i) : i32[B, 3, 4]", "`exp` takes floats, not i32[B, 3, 4]"},
      {"not(%x) : f32[B, 3, 4]", "`not` takes bool, not f32[B, 3, 4]"},
      {"add(%x) : f32[B, 3, 4]", "`add` takes 2 operands, not 1"},
      {"add(%x, %m) : f32[B, 3, 4]", "`add` takes operands of one type, not f32[B, 3, 4] and f32[4, 5]"},
      {"add(%x, %i) : f32[B, 3, 4]", "`add` takes operands of one type, not f32[B, 3, 4] and i32[B, 3, 4]"},
      {"div(%i, %i) : i32[B, 3, 4]", "`div` takes floats, not i32[B, 3, 4]"},
      {"idiv(%x, %x) : f32[B, 3, 4]", "`idiv` takes integers, not f32[B, 3, 4]"},
      {"lt(%c, %c) : bool[B, 3, 4]", "`lt` takes numbers, not bool[B, 3, 4]"},
      {"and(%i, %i) : i32[B, 3, 4]", "`and` takes bool, not i32[B, 3, 4]"},
      {"fold(%i, %i) : i32[B, 3, 4]", "`fold` takes i64, not i32[B, 3, 4]"},
      {"select(%x, %x, %x) : f32[B, 3, 4]", "`select` takes a bool condition, not f32[B, 3, 4]"},
      {"select(%c, %x, %i) : f32[B, 3, 4]", "`select` chooses between equal types, not f32[B, 3, 4] and i32[B, 3, 4]"},
      {"select(%p, %x, %x) : f32[B, 3, 4]",
       "`select` takes a condition of the shape of its branches, not bool[] for f32[B, 3, 4]"},
  });
}

TEST(Infer, Sources) {
  expectAll({
      {"const {value=[1, 2]} : f32[2]", ""},
      {"const {value=true} : f32[2]", "expected a number, found `true`"},
      {"const {value=[1, 2]} : f32[3]", "`const` of f32[3] has 2 values"},
      {"const {value=[1, 2]} : f32[B]", "`const` of f32[B] has 2 values"},
      {"const {value=[0, 300]} : u8[2]", "`const` of u8[2] cannot hold 300"},
      {"const {value=2} : bool[]", "`const` of bool[] cannot hold 2"},
      {"const {value=0.5} : bool[]", "`const` of bool[] holds floats"},
      {"leaf {kind=\"weight\", name=\"w\"} : f32[]", "`leaf` is a param, state, input or scalar, not a `weight`"},
      {"leaf {kind=\"input\", name=\"\"} : f32[]", "`leaf` has no name"},
      {"leaf {kind=\"scalar\", name=\"lr\"} : f32[2]", "`leaf` of kind scalar has the shape [2]"},
      {"arg {index=-1} : f32[]", "`arg` has the negative index -1"},
      {"iota {axis=1} : i32[B, T]", ""},
      {"iota {axis=2} : i32[B, T]", "`iota` has no axis 2 in i32[B, T]"},
      {"iota {axis=0} : bool[B]", "`iota` counts in numbers, not in bool"},
      {"size {dim=B*T} : i64[]", ""},
      {"rand(%k) {minor=1} : f32[B, T]", ""},
      {"rand(%k) {minor=0} : f32[]", ""},
      {"rand(%k, %k) {minor=1} : f32[B, T]", ""},
      {"rand(%k, %l) {minor=0} : f32[B]", "`rand` counts its rows from an i64 scalar, not from f32[]"},
      {"rand(%k, %k) {minor=0} : f32[]", "`rand` has no rows to count in f32[]"},
      {"rand() {minor=0} : f32[B]", "`rand` takes a key and at most the number of its first row"},
      {"rand(%k, %k, %k) {minor=0} : f32[B]", "`rand` takes a key and at most the number of its first row"},
      {"rand(%l) {minor=0} : f32[B]", "`rand` takes an i64 scalar as its key, not f32[]"},
      {"rand(%k) {minor=0} : i32[B]", "`rand` gives floats, not i32[B]"},
      {"rand(%k) {minor=1} : f32[B]", "`rand` has no axis 1 in f32[B]"},
  });
}

TEST(Infer, Views) {
  expectAll({
      {"reshape(%x) {shape=[3, 4*B]} : f32[3, 4*B]", ""},
      {"reshape(%x) {shape=[B, 13]} : f32[B, 13]",
       "`reshape` cannot make [B, 13] of [B, 3, 4]: 12*B elements become 13*B"},
      {"reshape(%x) {shape=[B, -3, -4]} : f32[B, 3, 4]", "`reshape` f32[B, -3, -4] has a negative extent"},
      {"transpose(%x) {perm=[2, 0, 1]} : f32[4, B, 3]", ""},
      {"transpose(%x) {perm=[2, 0]} : f32[4, B]",
       "`transpose` has [2, 0], which is no permutation of the axes of [B, 3, 4]"},
      {"transpose(%x) {perm=[0, 0, 1]} : f32[4, B]",
       "`transpose` has [0, 0, 1], which is no permutation of the axes of [B, 3, 4]"},
      {"reverse(%x) {axes=[2, 0]} : f32[B, 3, 4]", ""},
      {"reverse(%x) {axes=[3]} : f32[B, 3, 4]", "`reverse` has no axes [3] in [B, 3, 4]"},
      {"broadcast(%m) {axes=[0, 2], extents=[B, 7]} : f32[B, 4, 7, 5]", ""},
      {"broadcast(%m) {axes=[2, 0], extents=[B, 7]} : f32[B, 4, 7, 5]",
       "`broadcast` inserts axes at increasing positions of a result of rank 4, not [2, 0]"},
      {"broadcast(%m) {axes=[0], extents=[B, 7]} : f32[B, 4, 5]", "`broadcast` has 1 axes but 2 extents"},
      {"broadcast(%m) {axes=[3], extents=[7]} : f32[4, 5, 7]",
       "`broadcast` inserts axes at increasing positions of a result of rank 3, not [3]"},
      {"concat(%x, %x) {axis=0} : f32[2*B, 3, 4]", ""},
      {"concat(%x, %m) {axis=0} : f32[B, 3, 4]", "`concat` on axis 0 cannot join f32[B, 3, 4] and f32[4, 5]"},
      {"concat(%x) {axis=3} : f32[B, 3, 4]", "`concat` has no axis 3 in f32[B, 3, 4]"},
      {"concat {axis=0} : f32[B, 3, 4]", "`concat` needs an operand"},
  });
}

TEST(Infer, SliceAndPad) {
  expectAll({
      {"slice(%m) {lo=[1, 0], hi=[4, 5], stride=[2, 3]} : f32[2, 2]", ""},
      {"slice(%s) {lo=[1, 0], hi=[T, 8], stride=[1, 8]} : f32[T - 1, 1]", ""},
      {"slice(%m) {lo=[0, 0], hi=[5, 5], stride=[1, 1]} : f32[5, 5]", "`slice` 0..5 leaves axis 0 of [4, 5]"},
      {"slice(%m) {lo=[-1, 0], hi=[4, 5], stride=[1, 1]} : f32[5, 5]", "`slice` -1..4 leaves axis 0 of [4, 5]"},
      {"slice(%m) {lo=[3, 0], hi=[2, 5], stride=[1, 1]} : f32[5, 5]", "`slice` 3..2 leaves axis 0 of [4, 5]"},
      {"slice(%s) {lo=[0, 0], hi=[T + 1, 8], stride=[1, 1]} : f32[5, 5]", "`slice` 0..T + 1 leaves axis 0 of [T, 8]"},
      {"slice(%s) {lo=[0, 0], hi=[T, 8], stride=[2, 1]} : f32[5, 5]",
       "`slice` with stride 2 on axis 0 of [T, 8] has no exact extent"},
      {"slice(%m) {lo=[0], hi=[4, 5], stride=[1, 1]} : f32[5, 5]",
       "`slice` needs lo, hi and stride for each of the 2 axes"},
      {"slice(%m) {lo=[0, 0], hi=[4, 5], stride=[0, 1]} : f32[5, 5]", "`slice` has the stride 0 on axis 0"},
      {"pad(%m) {lo=[-1, B], hi=[2, 0], interior=[0, 1], value=0} : f32[5, B + 9]", ""},
      {"pad(%s) {lo=[0, 0], hi=[1, 0], interior=[1, 0], value=0} : f32[2*T, 8]", ""},
      {"pad(%m) {lo=[-3, 0], hi=[-2, 0], interior=[0, 0], value=0} : f32[0, 5]",
       "`pad` crops more of axis 0 of [4, 5] than it has"},
      {"pad(%m) {lo=[0, 0], hi=[0, 0], interior=[0, -1], value=0} : f32[4, 5]", "`pad` has the interior -1 on axis 1"},
      {"pad(%m) {lo=[0, 0], hi=[0, 0], interior=[0], value=0} : f32[4, 5]",
       "`pad` needs lo, hi and interior for each of the 2 axes"},
  });
}

TEST(Infer, Windows) {
  expectAll({
      {"window(%m) {axes=[1], size=[3], stride=[2], dilation=[1]} : f32[4, 2, 3]", ""},
      {"window(%s) {axes=[0], size=[3], stride=[1], dilation=[2]} : f32[T - 4, 8, 3]", ""},
      {"window(%s) {axes=[0], size=[3], stride=[2], dilation=[1]} : f32[T, 8, 3]",
       "`window` with stride 2 on the extent T has no exact count"},
      {"window(%m) {axes=[2], size=[3], stride=[2], dilation=[1]} : f32[4]", "`window` has no axes [2] in [4, 5]"},
      {"window(%m) {axes=[1], size=[3], stride=[2]} : f32[4]",
       "`window` needs size, stride and dilation for each of its 1 axes"},
      {"window(%m) {axes=[1], size=[0], stride=[2], dilation=[1]} : f32[4]",
       "`window` has size 0, stride 2, dilation 1: each is at least 1"},
      {"unwindow(%x) {axes=[1], size=[4], stride=[2], dilation=[1], extents=[9]} : f32[B, 9]", ""},
      {"unwindow(%x) {axes=[1], size=[4], stride=[2], dilation=[1], extents=[10]} : f32[B, 10]",
       "`unwindow` to [B, 10] takes windows of shape [B, 4, 4], not [B, 3, 4]"},
      {"unwindow(%x) {axes=[1], size=[4], stride=[2], dilation=[1]} : f32[B, 9]",
       "`unwindow` has 1 axes but 0 extents"},
      {"unwindow(%l) {axes=[0], size=[4], stride=[2], dilation=[1], extents=[3]} : f32[3]",
       "`unwindow` has no axes [0] in []"},
  });
}

TEST(Infer, Reductions) {
  expectAll({
      {"sum(%x) {axes=[2, 0]} : f32[3]", ""},
      {"sum(%x) : f32[B, 3, 4]", ""},
      {"sum(%x) {axes=[0], acc=f64} : f32[3, 4]", ""},
      {"sum(%x) {axes=[1, 1]} : f32[B]", "`sum` has no axes [1, 1] in f32[B, 3, 4]"},
      {"sum(%c) {axes=[1]} : bool[B, 4]", "`sum` adds numbers, not bool"},
      {"sum(%x) {axes=[0], acc=i32} : f32[3, 4]", "`sum` of f32[B, 3, 4] cannot accumulate in i32"},
      {"rmax(%i) {axis=1} : i32[B, 4]", ""},
      {"argmax(%x) {axis=0} : i32[3, 4]", ""},
      {"rmax(%x) {axis=3} : f32[B, 4]", "`rmax` has no axis 3 in f32[B, 3, 4]"},
      {"argmax(%c) {axis=0} : i32[3, 4]", "`argmax` compares numbers, not bool"},
  });
  EXPECT_EQ(Parsed(functionText(std::string(kOperands) + "  %y:2 = sort(%x) {axis=2} : f32[B, 3, 4], i32[B, 3, 4]\n"))
                .error(),
            "");
  EXPECT_EQ(errorOf("sort(%x) {axis=2} : f32[B, 3, 4]"),
            "`sort` gives f32[B, 3, 4], i32[B, 3, 4], but the text says f32[B, 3, 4]");
}

TEST(Infer, Dot) {
  expectAll({
      {"dot(%x, %m) {contract_a=[2], contract_b=[0]} : f32[B, 3, 5]", ""},
      {"dot(%x, %x) {batch_a=[0], batch_b=[0], contract_a=[2], contract_b=[2], acc=f64} : f32[B, 3, 3]", ""},
      {"dot(%m, %m) : f32[4, 5, 4, 5]", ""},
      {"dot(%x, %m) {contract_a=[2], contract_b=[1]} : f32[B]", "`dot` contracts 4 with 5"},
      {"dot(%x, %m) {batch_a=[0], batch_b=[0]} : f32[B]", "`dot` batches B with 4"},
      {"dot(%x, %m) {contract_a=[2]} : f32[B]", "`dot` pairs [] with [] and [2] with []"},
      {"dot(%x, %m) {contract_a=[3], contract_b=[0]} : f32[B]", "`dot` has no distinct axes [3] in [B, 3, 4]"},
      {"dot(%x, %x) {batch_a=[0], batch_b=[0], contract_a=[1], contract_b=[0]} : f32[B]",
       "`dot` has no distinct axes [0, 0] in [B, 3, 4]"},
      {"dot(%x, %i) : f32[B]", "`dot` takes operands of one dtype, not f32 and i32"},
      {"dot(%c, %c) : bool[B]", "`dot` multiplies numbers, not bool"},
      {"dot(%i, %i) {acc=f32} : i32[B]", "`dot` of i32 cannot accumulate in f32"},
  });
}

/// A conv of %image [B, 6, 9, 9] with %kernel [8, 3, 3, 2] in two groups, one attribute replaced.
std::string conv(const std::string& type, const std::string& name = "", const std::string& value = "") {
  std::vector<std::pair<std::string, std::string>> attrs = {
      {"x_dims", "[0, 1, 2, 3]"}, {"w_dims", "[0, 1, 2, 3]"}, {"y_dims", "[0, 1, 2, 3]"},
      {"stride", "[2, 1]"},       {"pad_lo", "[1, 0]"},       {"pad_hi", "[1, -1]"},
      {"x_dilation", "[1, 2]"},   {"w_dilation", "[1, 3]"},   {"groups", "2"},
      {"batch_groups", "1"}};
  std::string text;
  for (const auto& [key, plain] : attrs) text += (text.empty() ? "" : ", ") + key + "=" + (key == name ? value : plain);
  return "conv(%image, %kernel) {" + text + "} : f32" + type;
}

TEST(Infer, Conv) {
  const std::pair<std::string, const char*> cases[] = {
      {conv("[B, 8, 5, 13]"), ""},
      {conv("[8, 5, B, 13]", "y_dims", "[2, 0, 1, 3]"), ""},
      {conv("[]", "groups", "1"), "`conv` contracts 6 features of x with 3 of w in 1 groups"},
      {conv("[]", "x_dims", "[0, 1, 2, 2]"), "`conv` has x_dims [0, 1, 2, 2], which is no permutation of 4 axes"},
      {conv("[]", "stride", "[1]"), "`conv` needs stride for each of its 2 spatial axes"},
      {conv("[]", "w_dilation", "[0, 1]"), "`conv` has the w_dilation 0"},
      {conv("[]", "groups", "0"), "`conv` has 0 groups and 1 batch groups"},
      {conv("[]", "batch_groups", "2"), "`conv` has groups and batch groups at once"},
  };
  for (const auto& [node, error] : cases) EXPECT_EQ(errorOf(node), error) << node;
  EXPECT_EQ(errorOf("conv(%image, %m) {x_dims=[0, 1, 2, 3]} : f32[]"), "`conv` needs the attribute `groups`");
  EXPECT_EQ(errorOf("conv(%image, %m) {groups=1, batch_groups=1} : f32[]"),
            "`conv` takes operands of one rank of at least 2, not f32[B, 6, 9, 9] and f32[4, 5]");
}

/// The result shape of a 1-D conv without padding or dilation.
Inferred conv1d(Shape x, Shape w, int64_t groups, int64_t batchGroups, int64_t stride = 1) {
  const std::vector<int64_t> roles = {0, 1, 2}, ones = {1}, zeros = {0};
  const Type in[] = {{DType::F32, std::move(x)}, {DType::F32, std::move(w)}};
  return inferTypes(Op::Conv, in,
                    {{"x_dims", roles},
                     {"w_dims", roles},
                     {"y_dims", roles},
                     {"stride", std::vector<int64_t>{stride}},
                     {"pad_lo", zeros},
                     {"pad_hi", zeros},
                     {"x_dilation", ones},
                     {"w_dilation", ones},
                     {"groups", groups},
                     {"batch_groups", batchGroups}});
}

TEST(Infer, ConvWithSymbolsInEveryRole) {
  const Dim b = Dim::symbol("B"), t = Dim::symbol("T");
  // The weight gradient contracts the batch: it stands at the feature positions of both operands.
  EXPECT_EQ(conv1d({3, b, 9}, {8, b, 7}, 1, 1).types.at(0).str(), "f32[3, 8, 3]");
  EXPECT_EQ(conv1d({b, 3, t}, {8, 3, 5}, 1, 1).types.at(0).str(), "f32[B, 8, T - 4]");
  EXPECT_EQ(conv1d({1, 3, t}, {8, 3, t}, 1, 1).types.at(0).str(), "f32[1, 8, 1]");
  EXPECT_EQ(conv1d({b * 2, 3, 5}, {8, 3, 5}, 1, 2).types.at(0).str(), "f32[B, 8, 1]");
  EXPECT_EQ(conv1d({b, 3, t}, {8, 3, 5}, 1, 1, 2).error, "`conv` with stride 2 on the extent T has no exact extent");
  EXPECT_EQ(conv1d({b, 3, 5}, {8, 3, 5}, 1, 2).error, "`conv` cannot split a batch of B into 2 groups");
  EXPECT_EQ(conv1d({b, 6, 5}, {7, 3, 5}, 2, 1).error, "`conv` cannot split 7 output features into 2 groups");
  EXPECT_EQ(conv1d({b, 3, 5}, {8, 3, 0}, 1, 1).error, "`conv` has a kernel without extent: [8, 3, 0]");
}

TEST(Infer, IndexOps) {
  expectAll({
      {"gather(%m, %i) {axis=0, batch=0} : f32[B, 3, 4, 5]", ""},
      {"gather(%x, %i) {axis=2, batch=2} : f32[B, 3, 4]", ""},
      {"gather(%x, %i) {axis=1, batch=1} : f32[B, 3, 4, 4]", ""},
      {"gather(%x, %m) {axis=0, batch=0} : f32[B]", "`gather` takes integer indices, not f32[4, 5]"},
      {"gather(%m, %i) {axis=2, batch=0} : f32[B]", "`gather` has no axis 2 in f32[4, 5]"},
      {"gather(%m, %i) {axis=1, batch=1} : f32[B]", "`gather` shares 4 with B on axis 0"},
      {"gather(%x, %i) {axis=0, batch=1} : f32[B]",
       "`gather` cannot share 1 leading axes of f32[B, 3, 4] and i32[B, 3, 4] before axis 0"},
      {"scatter(%x, %i, %x) {axis=2, batch=2, mode=\"add\"} : f32[B, 3, 4]", ""},
      {"scatter(%x, %i, %x) {axis=2, batch=2, mode=\"min\"} : f32[B, 3, 4]",
       "`scatter` has the mode add or set, not `min`"},
      {"scatter(%x, %i, %m) {axis=2, batch=2, mode=\"add\"} : f32[B, 3, 4]",
       "`scatter` takes updates of type f32[B, 3, 4], not f32[4, 5]"},
      {"scatter(%c, %i, %c) {axis=2, batch=2, mode=\"add\"} : bool[B, 3, 4]", "`scatter` adds numbers, not bool"},
      {"dslice(%m, %k) {axes=[1], sizes=[2]} : f32[4, 2]", ""},
      {"dslice(%m, %k) {axes=[1], sizes=[6]} : f32[4, 6]", "`dslice` takes 6 of the 5 elements of axis 1"},
      {"dslice(%m) {axes=[1], sizes=[2]} : f32[4, 2]", "`dslice` takes a start for each of its 1 axes, not 0"},
      {"dslice(%m, %l) {axes=[1], sizes=[2]} : f32[4, 2]", "`dslice` takes integer scalars as starts, not f32[]"},
      {"dslice(%m, %k) {axes=[1]} : f32[4, 2]", "`dslice` has 1 axes but 0 sizes"},
      {"dslice : f32[]", "`dslice` needs an operand"},
      {"dupdate(%x, %x, %k) {axes=[0]} : f32[B, 3, 4]", ""},
      {"dupdate(%x) {axes=[0]} : f32[B, 3, 4]", "`dupdate` needs two operands"},
      {"dupdate(%m, %x, %k) {axes=[0]} : f32[4, 5]", "`dupdate` cannot write f32[B, 3, 4] into f32[4, 5]"},
      {"dupdate(%m, %s, %k) {axes=[0]} : f32[4, 5]", "`dupdate` cannot write f32[T, 8] into f32[4, 5] along axis 1"},
  });
}

TEST(Infer, Scan) {
  const std::string body =
      " { %0 = arg {index=0} : f32[] %1 = arg {index=1} : f32[8] %2 = arg {index=2} : i64[] return %0, %1 }";
  const auto scan = [&](const std::string& attrs) {
    return errorOf(std::string("scan(%l, %s) {") + attrs + "} : f32[]" + body);
  };
  EXPECT_EQ(Parsed(functionText(kOperands +
                                ("  %y:2 = scan(%l, %s) {count=T, consts=0, carries=1} : f32[], f32[T, 8]" + body)))
                .error(),
            "");
  EXPECT_EQ(scan("count=B, consts=0, carries=1"), "`scan` of B rounds cannot run over f32[T, 8]");
  EXPECT_EQ(scan("count=T, consts=2, carries=1"), "`scan` has 2 operands for 2 constants and 1 carries");
  EXPECT_EQ(scan("count=-1, consts=0, carries=1"), "`scan` runs -1 times");
  EXPECT_EQ(scan("count=T, consts=2, carries=0"),
            "`scan` gives f32[T, 8] as argument 1 of its region, which reads it as f32[8]");
  EXPECT_EQ(scan("count=T, consts=0, carries=2"),
            "`scan` gives f32[T, 8] as argument 1 of its region, which reads it as f32[8]");
  EXPECT_EQ(errorOf("scan(%l) {count=T, consts=0, carries=1} : f32[] { return }"),
            "`scan` carries 1 values, but its region returns 0");
  EXPECT_EQ(errorOf("scan(%l) {count=T, consts=0, carries=1} : f32[] { %0 = const {value=1} : f32[2] return %0 }"),
            "`scan` carries f32[], but its region returns f32[2]");
  EXPECT_EQ(errorOf("scan(%l) {count=T, consts=0, carries=1} : f32[] { %0 = arg {index=2} : f32[] return %0 }"),
            "`scan` gives its region 2 arguments, but it reads argument 2");
  EXPECT_EQ(errorOf("scan(%l) {count=T, consts=0, carries=1} : f32[]"), "`scan` has one region, not 0");
}

TEST(Infer, CondAndGrad) {
  const std::string then = " { %0 = arg {index=0} : f32[] return %0 }";
  EXPECT_EQ(errorOf("cond(%p, %l) : f32[]" + then + " else" + then), "");
  EXPECT_EQ(errorOf("cond(%l, %l) : f32[]" + then + " else" + then), "`cond` takes a bool scalar as its predicate");
  EXPECT_EQ(errorOf("cond(%p, %l) : f32[]" + then), "`cond` has two regions, not 1");
  EXPECT_EQ(errorOf("cond(%p, %l) : f32[]" + then + " else { return }"), "`cond` returns 1 values or 0");
  EXPECT_EQ(errorOf("cond(%p, %l) : f32[]" + then + " else { %0 = const {value=1} : f32[1] return %0 }"),
            "`cond` returns f32[] or f32[1] as result 0");
  EXPECT_EQ(errorOf("grad(%l, %m) : f32[4, 5]"), "");
  EXPECT_EQ(errorOf("grad(%m, %m) : f32[4, 5]"), "`grad` differentiates a float scalar, not f32[4, 5]");
  EXPECT_EQ(errorOf("grad(%l, %i) : i32[B, 3, 4]"), "`grad` differentiates by floats, not by i32[B, 3, 4]");
  EXPECT_EQ(errorOf("neg(%l) : f32[]" + then), "`neg` has no regions");
}

TEST(Infer, AttributesAreThoseOfTheOpList) {
  EXPECT_EQ(attrsError(Op::Sum, {{"axes", int64_t{1}}}), "`sum`: the attribute `axes` is of kind ints, not int");
  EXPECT_EQ(attrsError(Op::Sum, {{"axes", std::vector<int64_t>{}}, {"axis", int64_t{1}}}),
            "`sum` has no attribute `axis`");
  EXPECT_EQ(attrsError(Op::Sum, {}), "`sum` needs the attribute `axes`");
  const Attrs normal =
      normalizedAttrs(Op::Dot, {{"contract_b", std::vector<int64_t>{0}}, {"contract_a", std::vector<int64_t>{1}}});
  ASSERT_EQ(normal.entries().size(), 4u);
  EXPECT_EQ(normal.entries()[0].first, "batch_a");
  EXPECT_EQ(normal.ints("contract_a"), (std::vector<int64_t>{1}));
}

TEST(Infer, EveryOpHasAReadableSchema) {
  for (size_t i = 0; i <= static_cast<size_t>(Op::Grad); ++i) {
    const OpInfo& info = opInfo(static_cast<Op>(i));
    EXPECT_EQ(opFromName(info.text), static_cast<Op>(i));
    EXPECT_NE(std::string(info.meaning).find(" · "), std::string::npos) << info.text << " says no gradient";
    attrSpecs(static_cast<Op>(i));
  }
}

}  // namespace
}  // namespace nnc
