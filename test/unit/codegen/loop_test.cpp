// The loop emitter against the plan interpreter: extents around vector lengths, both styles of reduction, guards,
// broadcasts, gathers, scatters, run-time extents; the same bits on every CPU with FMA and for any number of threads.
#include <gtest/gtest.h>

#include <cmath>

#include "codegen/kernels/row_cache.h"
#include "kernel_harness.h"

namespace nnc::testing {
namespace {

using plan::Ix;
using plan::Kernel;
using plan::Stage;

Ix at(uint32_t iter) {
  return Ix::iter(iter);
}

Stage mapStage(std::vector<uint32_t> iters, plan::Region body, std::vector<plan::Store> stores) {
  Stage s;
  s.iters = std::move(iters);
  s.body = std::move(body);
  s.stores = std::move(stores);
  return s;
}

Stage reduceStage(std::vector<uint32_t> iters, plan::Region body, Stage::Fold fold = Stage::Fold::Sum,
                  DType acc = DType::F32) {
  Stage s;
  s.kind = Stage::Kind::Reduce;
  s.iters = std::move(iters);
  s.value = static_cast<uint32_t>(body.size()) - 1;
  s.body = std::move(body);
  s.fold = fold;
  s.acc = acc;
  return s;
}

constexpr int64_t kExtents[] = {0, 1, 3, 15, 16, 17, 63, 64, 65, 130, 1000};

/// y = a * b + 1, flat.
Kernel elementwise(Dim n) {
  Kernel k;
  k.iters = {{n, "i"}};
  k.taskIters = {0};
  k.outputs = 1;
  k.stages = {mapStage(
      {}, {loadInst(0, at(0)), loadInst(1, at(0)), opInst(Op::Mul, {0, 1}), constInst(1), opInst(Op::Add, {2, 3})},
      {storeTo(2, at(0), 4)})};
  return k;
}

TEST(Loop, ElementwiseOfEveryLength) {
  for (int64_t n : kExtents) {
    Type t{DType::F32, {n}};
    expectLikeInterpreter(planOf(elementwise(n), {t, t, t}),
                          {randomTensor(DType::F32, {n}, 1), randomTensor(DType::F32, {n}, 2)}, {}, 0);
  }
}

TEST(Loop, RunTimeExtents) {
  Dim n = Dim::symbol("n");
  Type t{DType::F32, {n}};
  plan::Plan plan = planOf(elementwise(n), {t, t, t}, {{"n", 100000}});
  for (int64_t v : {0, 1, 15, 16, 17, 64, 70, 40000}) {
    expectLikeInterpreter(plan, {randomTensor(DType::F32, {v}, 1), randomTensor(DType::F32, {v}, 2)}, {v}, 0);
  }
}

TEST(Loop, BroadcastOverRowsAndColumns) {
  // y[i, j] = x[i, j] * r[i] + c[j]
  for (int64_t rows : {1, 5, 40}) {
    for (int64_t columns : {1, 7, 16, 33}) {
      Kernel k;
      k.iters = {{rows, "i"}, {columns, "j"}};
      k.taskIters = {0, 1};
      k.outputs = 1;
      Ix whole = at(0) * Dim(columns) + at(1);
      k.stages = {mapStage({},
                           {loadInst(0, whole), loadInst(1, at(0)), loadInst(2, at(1)), opInst(Op::Mul, {0, 1}),
                            opInst(Op::Add, {3, 2})},
                           {storeTo(3, whole, 4)})};
      Type t{DType::F32, {rows, columns}};
      expectLikeInterpreter(planOf(k, {t, {DType::F32, {rows}}, {DType::F32, {columns}}, t}),
                            {randomTensor(DType::F32, {rows, columns}, 1), randomTensor(DType::F32, {rows}, 2),
                             randomTensor(DType::F32, {columns}, 3)},
                            {}, 1e-7);
    }
  }
}

TEST(Loop, TransposeGathersOrScatters) {
  Kernel k;
  k.iters = {{21, "i"}, {35, "j"}};
  k.taskIters = {0, 1};
  k.outputs = 1;
  for (DType t : {DType::F32, DType::F64, DType::U8, DType::I64, DType::BF16, DType::F16, DType::Bool}) {
    SCOPED_TRACE(dtypeName(t));
    k.stages = {mapStage({}, {loadInst(0, at(1) * Dim(21) + at(0), t)}, {storeTo(1, at(0) * Dim(35) + at(1), 0)})};
    int64_t bound = t == DType::Bool ? 2 : 100;
    expectLikeInterpreter(planOf(k, {{t, {35, 21}}, {t, {21, 35}}}), {randomTensor(t, {35, 21}, 4, bound)}, {}, 0);
  }
}

TEST(Loop, ReversedLoads) {
  Kernel k;
  k.iters = {{37, "i"}};
  k.taskIters = {0};
  k.outputs = 1;
  k.stages = {mapStage({}, {loadInst(0, Ix(36) - at(0))}, {storeTo(1, at(0), 0)})};
  expectLikeInterpreter(planOf(k, {{DType::F32, {37}}, {DType::F32, {37}}}), {randomTensor(DType::F32, {37}, 5)}, {},
                        0);
}

TEST(Loop, GuardsYieldTheirOtherwise) {
  // y[i, j] = x[i-1, j-2] padded with -7, x 5 x 20
  for (int64_t columns : {24, 31}) {
    Kernel k;
    k.iters = {{7, "i"}, {columns, "j"}};
    k.taskIters = {0, 1};
    k.outputs = 1;
    Ix row = at(0) - Ix(1), column = at(1) - Ix(2);
    k.stages = {mapStage({}, {loadInst(0, row * Dim(20) + column, DType::F32, {{row, 0, 5}, {column, 0, 20}}, -7)},
                         {storeTo(1, at(0) * Dim(columns) + at(1), 0)})};
    expectLikeInterpreter(planOf(k, {{DType::F32, {5, 20}}, {DType::F32, {7, columns}}}),
                          {randomTensor(DType::F32, {5, 20}, 6)}, {}, 0);
  }
}

TEST(Loop, GuardOfARowAlone) {
  // Lanes agree on the guard: y[i, j] = i < 3 ? x[i, j] : 0
  Kernel k;
  k.iters = {{6, "i"}, {48, "j"}};
  k.taskIters = {0, 1};
  k.outputs = 1;
  k.stages = {mapStage({}, {loadInst(0, at(0) * Dim(48) + at(1), DType::F32, {{at(0), 0, 3}}, 0)},
                       {storeTo(1, at(0) * Dim(48) + at(1), 0)})};
  expectLikeInterpreter(planOf(k, {{DType::F32, {3, 48}}, {DType::F32, {6, 48}}}),
                        {randomTensor(DType::F32, {3, 48}, 7)}, {}, 0);
}

TEST(Loop, GuardedStores) {
  Kernel k;
  k.iters = {{50, "i"}};
  k.taskIters = {0};
  k.outputs = 1;
  plan::Store s = storeTo(1, at(0) - Ix(5), 0);
  s.guards = {{at(0), 5, 37}};
  k.stages = {mapStage({}, {loadInst(0, at(0))}, {s})};
  expectLikeInterpreter(planOf(k, {{DType::F32, {50}}, {DType::F32, {32}}}), {randomTensor(DType::F32, {50}, 8)}, {},
                        0);
}

TEST(Loop, DivisionsInIndices) {
  // y[i] = x[i mod 7, i / 7] of x[7, 5]
  Kernel k;
  k.iters = {{35, "i"}};
  k.taskIters = {0};
  k.outputs = 1;
  plan::Ranges extents = {Dim(35)};
  k.stages = {mapStage({}, {loadInst(0, floorMod(at(0), 7, extents) * Dim(5) + floorDiv(at(0), 7, extents))},
                       {storeTo(1, at(0), 0)})};
  expectLikeInterpreter(planOf(k, {{DType::F32, {7, 5}}, {DType::F32, {35}}}), {randomTensor(DType::F32, {7, 5}, 9)},
                        {}, 0);
}

TEST(Loop, GathersRows) {
  // y[t, d] = table[clamp(index[t]), d]
  for (int64_t d : {1, 16, 19}) {
    Kernel k;
    k.iters = {{11, "t"}, {d, "d"}};
    k.taskIters = {0, 1};
    k.outputs = 1;
    k.stages = {mapStage({}, {loadInst(0, at(0), DType::I32), loadInst(1, Ix::inst(0) * Dim(d) + at(1))},
                         {storeTo(2, at(0) * Dim(d) + at(1), 1)})};
    expectLikeInterpreter(planOf(k, {{DType::I32, {11}}, {DType::F32, {9, d}}, {DType::F32, {11, d}}}),
                          {randomTensor(DType::I32, {11}, 10, 9), randomTensor(DType::F32, {9, d}, 11)}, {}, 0);
  }
}

TEST(Loop, GathersAlongLanes) {
  Kernel k;
  k.iters = {{53, "i"}};
  k.taskIters = {0};
  k.outputs = 1;
  k.stages = {mapStage({}, {loadInst(0, at(0), DType::U8), loadInst(1, Ix::inst(0))}, {storeTo(2, at(0), 1)})};
  expectLikeInterpreter(planOf(k, {{DType::U8, {53}}, {DType::F32, {30}}, {DType::F32, {53}}}),
                        {randomTensor(DType::U8, {53}, 12, 30), randomTensor(DType::F32, {30}, 13)}, {}, 0);
}

Kernel scatterAdd(int64_t tokens, int64_t d, bool tokensInStage) {
  Kernel k;
  k.iters = {{tokens, "t"}, {d, "d"}};
  k.taskIters = tokensInStage ? std::vector<uint32_t>{1} : std::vector<uint32_t>{0, 1};
  k.outputs = 1;
  plan::Store s = storeTo(2, Ix::inst(0) * Dim(d) + at(1), 1);
  s.accumulate = true;
  std::vector<uint32_t> inside;
  if (tokensInStage) inside = {0};
  k.stages = {mapStage(inside, {loadInst(0, at(0), DType::I32), loadInst(1, at(0) * Dim(d) + at(1))}, {s})};
  return k;
}

TEST(Loop, ScatterAddsInOrder) {
  for (bool inStage : {false, true}) {
    for (int64_t d : {1, 16, 70}) {
      expectLikeInterpreter(
          planOf(scatterAdd(40, d, inStage), {{DType::I32, {40}}, {DType::F32, {40, d}}, {DType::F32, {6, d}}}),
          {randomTensor(DType::I32, {40}, 14, 6), randomTensor(DType::F32, {40, d}, 15)});
    }
  }
}

/// out[i] = fold over k of x[i, k] (row) or x[k, i] (column).
plan::Plan reduction(int64_t rows, int64_t n, bool column, Stage::Fold fold, DType t = DType::F32) {
  Kernel k;
  k.iters = {{rows, "i"}, {n, "k"}};
  k.taskIters = {0};
  k.outputs = 1;
  Ix index = column ? at(1) * Dim(rows) + at(0) : at(0) * Dim(n) + at(1);
  DType out = fold == Stage::Fold::ArgMax ? DType::I32 : t;
  k.stages = {reduceStage({1}, {loadInst(0, index, t)}, fold, out),
              mapStage({}, {resultInst(0, out)}, {storeTo(1, at(0), 0)})};
  Type in{t, column ? Shape{n, rows} : Shape{rows, n}};
  return planOf(k, {in, {out, {rows}}});
}

TEST(Loop, RowReductions) {
  for (int64_t n : {0, 1, 15, 16, 17, 64, 100, 1000}) {
    Tensor x = randomTensor(DType::F32, {3, n}, 16);
    expectLikeInterpreter(reduction(3, n, false, Stage::Fold::Sum), {x}, {}, 1e-5);
    if (n == 0) continue;
    expectLikeInterpreter(reduction(3, n, false, Stage::Fold::Max), {x}, {}, 0);
    expectLikeInterpreter(reduction(3, n, false, Stage::Fold::ArgMax), {x}, {}, 0);
  }
}

TEST(Loop, ColumnReductions) {
  for (int64_t n : {0, 1, 17, 100}) {
    for (int64_t rows : {16, 50}) {
      Tensor x = randomTensor(DType::F32, {n, rows}, 17);
      expectLikeInterpreter(reduction(rows, n, true, Stage::Fold::Sum), {x}, {}, 1e-5);
      if (n == 0) continue;
      expectLikeInterpreter(reduction(rows, n, true, Stage::Fold::Max), {x}, {}, 0);
      expectLikeInterpreter(reduction(rows, n, true, Stage::Fold::ArgMax), {x}, {}, 0);
    }
  }
}

TEST(Loop, ReductionsOfOtherTypes) {
  for (DType t : {DType::F64, DType::I32, DType::I64}) {
    expectLikeInterpreter(reduction(2, 77, false, Stage::Fold::Sum, t), {randomTensor(t, {2, 77}, 18)}, {}, 1e-13);
    expectLikeInterpreter(reduction(2, 77, false, Stage::Fold::ArgMax, t), {randomTensor(t, {2, 77}, 18)}, {}, 0);
  }
}

TEST(Loop, MaximumLetsNanThrough) {
  for (bool column : {false, true}) {
    Tensor x = column ? randomTensor(DType::F32, {40, 16}, 19) : randomTensor(DType::F32, {16, 40}, 19);
    x.floats[100] = x.floats[330] = std::nan("");
    expectLikeInterpreter(reduction(16, 40, column, Stage::Fold::Max), {x}, {}, 0);
    expectLikeInterpreter(reduction(16, 40, column, Stage::Fold::ArgMax), {x}, {}, 0);
  }
}

TEST(Loop, SoftmaxInOneKernel) {
  for (int64_t n : {1, 10, 16, 100}) {
    Kernel k;
    k.iters = {{9, "i"}, {n, "k"}};
    k.taskIters = {0};
    k.outputs = 1;
    Ix index = at(0) * Dim(n) + at(1);
    auto shifted = [&](plan::Region tail) {
      plan::Region r = {loadInst(0, index), resultInst(0), opInst(Op::Neg, {1}), opInst(Op::Add, {0, 2}),
                        opInst(Op::Exp, {3})};
      r.insert(r.end(), tail.begin(), tail.end());
      return r;
    };
    k.stages = {reduceStage({1}, {loadInst(0, index)}, Stage::Fold::Max), reduceStage({1}, shifted({})),
                mapStage({1}, shifted({resultInst(1), opInst(Op::Div, {4, 5})}), {storeTo(1, index, 6)})};
    Type t{DType::F32, {9, n}};
    expectLikeInterpreter(planOf(k, {t, t}), {randomTensor(DType::F32, {9, n}, 20)});
  }
}

TEST(Loop, WhatStagesShareIsComputedOnce) {
  // exp(x - max) for the sum and, in another variable, for the quotient
  Kernel k;
  k.iters = {{8, "t"}, {50, "i"}, {50, "j"}, {50, "k"}};
  k.taskIters = {0};
  k.operands = 2;
  k.outputs = 1;
  auto shifted = [](uint32_t iter) {
    return plan::Region{loadInst(0, at(0) * Dim(50) + at(iter)), resultInst(0), opInst(Op::Neg, {1}),
                        opInst(Op::Add, {0, 2}), opInst(Op::Exp, {3})};
  };
  plan::Region quotient = shifted(3);
  quotient.push_back(resultInst(1));
  quotient.push_back(opInst(Op::Div, {4, 5}));
  k.stages = {reduceStage({1}, {loadInst(0, at(0) * Dim(50) + at(1))}, Stage::Fold::Max), reduceStage({2}, shifted(2)),
              mapStage({3}, quotient, {storeTo(1, at(0) * Dim(50) + at(3), 6)})};
  Kernel shared = k;
  std::vector<uint64_t> rows = codegen::shareRows(shared);
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_GE(rows[0], 50 * 4u);
  ASSERT_EQ(shared.stages.size(), 4u);
  int exponentials = 0;
  for (const Stage& s : shared.stages)
    for (const plan::Inst& i : s.body) exponentials += i.kind == plan::Inst::Kind::Op && i.op == Op::Exp;
  EXPECT_EQ(exponentials, 1);
  EXPECT_EQ(shared.stages[3].body.back().op, Op::Div);
  EXPECT_EQ(shared.stages[3].body[1].stage, 2u);  // the sum is the third stage now
  Type matrix{DType::F32, {8, 50}};
  expectLikeInterpreter(planOf(k, {matrix, matrix}), {randomTensor(DType::F32, {8, 50}, 3)});
}

TEST(Loop, ReduceOverSeveralVariables) {
  // out[c] = sum over b, h of x[b, h, c]; out2[b] = sum over h, c of x[b, h, c] with a gap, so that nothing merges
  Kernel k;
  k.iters = {{20, "c"}, {3, "b"}, {5, "h"}};
  k.taskIters = {0};
  k.outputs = 1;
  k.stages = {reduceStage({1, 2}, {loadInst(0, at(1) * Dim(200) + at(2) * Dim(40) + at(0))}),
              mapStage({}, {resultInst(0)}, {storeTo(1, at(0), 0)})};
  expectLikeInterpreter(planOf(k, {{DType::F32, {3, 5, 40}}, {DType::F32, {20}}}),
                        {randomTensor(DType::F32, {3, 5, 40}, 21)});
  k.iters = {{3, "b"}, {5, "h"}, {20, "c"}};
  k.stages = {reduceStage({1, 2}, {loadInst(0, at(0) * Dim(200) + at(1) * Dim(40) + at(2))}),
              mapStage({}, {resultInst(0)}, {storeTo(1, at(0), 0)})};
  expectLikeInterpreter(planOf(k, {{DType::F32, {3, 5, 40}}, {DType::F32, {3}}}),
                        {randomTensor(DType::F32, {3, 5, 40}, 21)});
}

/// Windows of 2 x 2 of x[rows, 2, columns, 2, channels]: their maximum and its place, the sum and the sum of squares of
/// everything, one after the other over equal spaces; the last sum needs the one before.
TEST(Loop, ReductionsOverEqualSpacesShareALoop) {
  for (int64_t channels : {1, 16, 20, 48}) {
    Kernel k;
    k.iters = {{7, "row"}, {channels, "channel"}, {2, "h"}, {2, "w"}, {2, "h"}, {2, "w"}, {2, "h"}, {2, "w"}, {2, "h"},
               {2, "w"}};
    k.taskIters = {0, 1};
    k.operands = 5;
    k.outputs = 4;
    const auto element = [&](uint32_t first) {
      return at(0) * Dim(4 * channels) + at(first) * Dim(2 * channels) + at(first + 1) * Dim(channels) + at(1);
    };
    const Ix out = at(0) * Dim(channels) + at(1);
    k.stages = {reduceStage({2, 3}, {loadInst(0, element(2))}, Stage::Fold::Max),
                reduceStage({4, 5}, {loadInst(0, element(4))}, Stage::Fold::ArgMax, DType::I32),
                reduceStage({6, 7}, {loadInst(0, element(6))}),
                reduceStage({8, 9}, {loadInst(0, element(8)), resultInst(2), opInst(Op::Mul, {0, 1})}),
                mapStage({}, {resultInst(0), resultInst(1, DType::I32), resultInst(2), resultInst(3)},
                         {storeTo(1, out, 0), storeTo(2, out, 1), storeTo(3, out, 2), storeTo(4, out, 3)})};
    const Type result{DType::F32, {7, channels}};
    Tensor x = randomTensor(DType::F32, {7, 2, 2, channels}, 22);
    x.floats[5] = std::nan("");
    expectLikeInterpreter(
        planOf(k, {{DType::F32, {7, 2, 2, channels}}, result, {DType::I32, {7, channels}}, result, result}), {x}, {},
        1e-5);
  }
  // The same along rows: lanes over the reduced variable.
  for (int64_t n : {1, 15, 64, 77, 200}) {
    Kernel k;
    k.iters = {{3, "row"}, {n, "i"}, {n, "j"}, {n, "k"}};
    k.taskIters = {0};
    k.operands = 4;
    k.outputs = 3;
    const auto element = [&](uint32_t i) { return at(0) * Dim(n) + at(i); };
    k.stages = {reduceStage({1}, {loadInst(0, element(1))}),
                reduceStage({2}, {loadInst(0, element(2)), opInst(Op::Mul, {0, 0})}),
                reduceStage({3}, {loadInst(0, element(3))}, Stage::Fold::Max),
                mapStage({}, {resultInst(0), resultInst(1), resultInst(2)},
                         {storeTo(1, at(0), 0), storeTo(2, at(0), 1), storeTo(3, at(0), 2)})};
    const Type result{DType::F32, {3}};
    expectLikeInterpreter(planOf(k, {{DType::F32, {3, n}}, result, result, result}),
                          {randomTensor(DType::F32, {3, n}, 23)}, {}, 1e-5);
  }
}

TEST(Loop, RandomNumbersMatchTheirDefinition) {
  for (int64_t offset : {0, 1, 2, 3}) {
    Kernel k;
    k.iters = {{200, "i"}};
    k.taskIters = {0};
    k.outputs = 1;
    k.stages = {mapStage({}, {loadInst(0, Ix(), DType::I64), indexInst(at(0) + Ix(offset)), opInst(Op::Rand, {0, 1})},
                         {storeTo(1, at(0), 2)})};
    Tensor key = Tensor::zeros(DType::I64, {});
    key.ints[0] = 0x123456789abcdef;
    expectLikeInterpreter(planOf(k, {{DType::I64, {}}, {DType::F32, {200}}}), {key}, {}, 0);
    // Elements that do not run along the lanes.
    k.stages[0].body[1] = indexInst(at(0) * Dim(5) + Ix(offset));
    expectLikeInterpreter(planOf(k, {{DType::I64, {}}, {DType::F32, {200}}}), {key}, {}, 0);
  }
}

TEST(Loop, RandomNumbersCountFromANumberOfTheRun) {
  for (int64_t row : {1, 4, 5}) {
    Kernel k;
    k.iters = {{200, "i"}};
    k.taskIters = {0};
    k.outputs = 1;
    k.stages = {mapStage({},
                         {loadInst(0, Ix(), DType::I64), loadInst(1, Ix(), DType::I64),
                          indexInst(at(0) + Ix::inst(1) * Dim(row)), opInst(Op::Rand, {0, 2})},
                         {storeTo(2, at(0), 3)})};
    const Type scalar{DType::I64, {}};
    for (int64_t first : {0, 3, 1000}) {
      Tensor key = Tensor::zeros(DType::I64, {}), number = key;
      key.ints[0] = 0x123456789abcdef;
      number.ints[0] = first;
      expectLikeInterpreter(planOf(k, {scalar, scalar, {DType::F32, {200}}}), {key, number}, {}, 0);
    }
  }
}

TEST(Loop, FoldMixesKeys) {
  Kernel k;
  k.iters = {{19, "i"}};
  k.taskIters = {0};
  k.outputs = 1;
  k.stages = {mapStage({}, {loadInst(0, at(0), DType::I64), indexInst(at(0)), opInst(Op::Fold, {0, 1}, DType::I64)},
                       {storeTo(1, at(0), 2)})};
  expectLikeInterpreter(planOf(k, {{DType::I64, {19}}, {DType::I64, {19}}}),
                        {randomTensor(DType::I64, {19}, 22, 1 << 30)}, {}, 0);
}

TEST(Loop, ContractionsFallBack) {
  Kernel k;
  k.tmpl = plan::Template::Gemm;
  k.iters = {{13, "m"}, {21, "n"}, {40, "k"}};
  k.taskIters = {0, 1};
  k.outputs = 1;
  k.stages = {reduceStage({2}, {loadInst(0, at(0) * Dim(40) + at(2)), loadInst(1, at(2) * Dim(21) + at(1)),
                                opInst(Op::Mul, {0, 1})}),
              mapStage({}, {resultInst(0)}, {storeTo(2, at(0) * Dim(21) + at(1), 0)})};
  expectLikeInterpreter(planOf(k, {{DType::F32, {13, 40}}, {DType::F32, {40, 21}}, {DType::F32, {13, 21}}}),
                        {randomTensor(DType::F32, {13, 40}, 23), randomTensor(DType::F32, {40, 21}, 24)}, {}, 1e-5);
}

TEST(Sort, StableWithNanLast) {
  for (int64_t n : {0, 1, 2, 3, 17, 100}) {
    Kernel k;
    k.tmpl = plan::Template::Sort;
    k.iters = {{4, "row"}, {n, "along"}};
    k.taskIters = {0};
    k.outputs = 2;
    Ix index = at(0) * Dim(n) + at(1);
    k.stages = {mapStage({1}, {loadInst(0, index)}, {storeTo(1, index, 0), storeTo(2, index, 0)})};
    Tensor x = randomTensor(DType::F32, {4, n}, 25);
    for (double& v : x.floats) v = std::round(v);  // many ties
    if (n > 3) x.floats[1] = x.floats[3] = std::nan("");
    expectLikeInterpreter(planOf(k, {{DType::F32, {4, n}}, {DType::F32, {4, n}}, {DType::I32, {4, n}}}), {x}, {}, 0);
  }
}

}  // namespace
}  // namespace nnc::testing
