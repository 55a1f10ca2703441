// Gradients of scan and cond: both directions, nested, with captured constants, several carries and stacked results.
#include "gradcheck.h"
#include "passes/region.h"

namespace nnc::testing {
namespace {

using Values = std::vector<Value>;
using Ints = std::vector<int64_t>;

/// A scan; `body` gets consts…, carries…, one element of each x…, t and returns carries…, ys….
Values scan(Builder& b, int64_t count, const Values& consts, const Values& carries, const Values& xs, bool reverse,
            const std::function<Values(Builder&, const Values&)>& body) {
  Graph region;
  Values in, args;
  auto add = [&](Value operand, const Type& type) {
    in.push_back(operand);
    args.push_back(appendArg(region, type, args.size()));
  };
  for (Value v : consts) add(v, b.type(v));
  for (Value v : carries) add(v, b.type(v));
  for (Value v : xs) add(v, elementType(b.type(v)));
  args.push_back(appendArg(region, {DType::I64, {}}, args.size()));
  Builder inner(region);
  for (Value v : body(inner, args)) region.outputs.push_back({OutputRole::Result, "", v});
  return b.makeMulti(Op::Scan, in,
                     {{"count", Dim(count)},
                      {"consts", static_cast<int64_t>(consts.size())},
                      {"carries", static_cast<int64_t>(carries.size())},
                      {"reverse", reverse}},
                     {region});
}

class ScanGradient : public ::testing::TestWithParam<std::tuple<int64_t, bool>> {
protected:
  int64_t count() const { return std::get<0>(GetParam()); }
  bool reverse() const { return std::get<1>(GetParam()); }
};

TEST_P(ScanGradient, CarryOnly) {
  checkGradients({{{3}}, [&](Builder& b, const Values& x) {
                    return scan(b, count(), {}, {x[0]}, {}, reverse(), [](Builder& s, const Values& a) {
                      return Values{s.mul(s.unary(Op::Sin, a[0]), a[0])};
                    });
                  }});
}

TEST_P(ScanGradient, ConstantsCarriesAndStacks) {
  checkGradients({{{2, 3}, {4, 3}, {3, 3}, {count(), 2, 4}}, [&](Builder& b, const Values& x) {
                    return scan(b, count(), {x[1], x[2]}, {x[0]}, {x[3]}, reverse(), [](Builder& s, const Values& a) {
                      Value h = s.unary(Op::Tanh, s.add(matmul(s, a[3], a[0]), matmul(s, a[2], a[1])));
                      return Values{h, s.mul(h, a[2])};
                    });
                  }});
}

TEST_P(ScanGradient, MapWithoutCarry) {
  checkGradients({{{3}, {count(), 3}}, [&](Builder& b, const Values& x) {
                    return scan(b, count(), {x[0]}, {}, {x[1]}, reverse(), [](Builder& s, const Values& a) {
                      return Values{s.mul(a[0], s.unary(Op::Exp, a[1]))};
                    });
                  }});
}

TEST_P(ScanGradient, IndexAndIntegerCarry) {
  checkGradients({{{2}}, [&](Builder& b, const Values& x) {
                    Value start = b.constant(3, {DType::I64, {}});
                    Values r = scan(b, count(), {}, {x[0], start}, {}, reverse(), [](Builder& s, const Values& a) {
                      Value t = s.fill(s.mul(s.cast(s.add(a[1], a[2]), DType::F64), s.constant(0.1, f64({}))),
                                       s.type(a[0]).shape);
                      Value next = s.add(a[1], s.constant(2, {DType::I64, {}}));
                      return Values{s.mul(a[0], s.unary(Op::Cos, s.mul(t, a[0]))), next};
                    });
                    return Values{r[0]};
                  }});
}

TEST_P(ScanGradient, OneStackUnusedOneCarryDead) {
  checkGradients({{{2}, {2}, {count(), 2}}, [&](Builder& b, const Values& x) {
                    Values r = scan(b, count(), {}, {x[0], x[1]}, {x[2]}, reverse(), [](Builder& s, const Values& a) {
                      Value u = s.mul(a[0], a[2]);
                      return Values{s.unary(Op::Tanh, u), s.mul(a[1], a[1]), u, s.mul(a[1], u)};
                    });
                    return Values{r[0], r[3]};
                  }});
}

TEST_P(ScanGradient, Nested) {
  checkGradients({{{2}, {2}, {count(), 3, 2}}, [&](Builder& b, const Values& x) {
                    return scan(b, count(), {x[1]}, {x[0]}, {x[2]}, reverse(), [](Builder& s, const Values& a) {
                      Values inner = scan(s, 3, {a[0]}, {a[1]}, {a[2]}, false, [](Builder& i, const Values& p) {
                        Value h = i.unary(Op::Sin, i.add(i.mul(p[0], p[1]), p[2]));
                        return Values{h, i.mul(h, p[0])};
                      });
                      return Values{inner[0], inner[1]};
                    });
                  }});
}

INSTANTIATE_TEST_SUITE_P(Directions, ScanGradient, ::testing::Combine(::testing::Values(1, 2, 5), ::testing::Bool()));

TEST(ScanGradientEdges, NoStepPassesTheGradientThrough) {
  GradCase c{{{3}, {0, 3}}, [](Builder& b, const Values& x) {
               return scan(b, 0, {}, {x[0]}, {x[1]}, false,
                           [](Builder& s, const Values& a) { return Values{s.mul(a[0], a[1]), a[0]}; });
             }};
  checkGradients(c);
}

TEST(ScanGradientEdges, SavesOnlyWhatTheWayBackReads) {
  Graph graph;
  Builder b(graph);
  Value x = leaf(b, "x", f64({4, 2}), "input"), w = leaf(b, "w", f64({2, 2}));
  Values r = scan(b, 4, {w}, {b.constant(0, f64({2}))}, {x}, false, [](Builder& s, const Values& a) {
    return Values{s.unary(Op::Tanh, s.add(matmul(s, a[1], a[0]), a[2]))};
  });
  graph.outputs.push_back({OutputRole::Result, "g", b.make(Op::Grad, {sumAll(b, r[0]), w})});
  Graph out = runPass("dce", runPass("autodiff", graph));
  std::vector<const Node*> scans;
  for (const Node& node : out.nodes)
    if (node.op == Op::Scan) scans.push_back(&node);
  ASSERT_EQ(scans.size(), 2u);
  // Forward: the last carry is unused, its saved values are the carry that came in and tanh's result.
  EXPECT_EQ(scans[0]->out.size(), 3u);
  EXPECT_TRUE(scans[1]->attrs.flag("reverse"));
  EXPECT_EQ(scans[1]->attrs.integer("carries"), 2);  // dh and the sum for dw
}

/// One step on the operands, by two branches.
Value cond(Builder& b, Value p, const Values& operands, const std::function<Value(Builder&, const Values&)>& yes,
           const std::function<Value(Builder&, const Values&)>& no) {
  std::vector<Graph> regions(2);
  for (int k = 0; k < 2; ++k) {
    Values args;
    for (Value v : operands) args.push_back(appendArg(regions[k], b.type(v), args.size()));
    Builder inner(regions[k]);
    Value v = k == 0 ? yes(inner, args) : no(inner, args);
    regions[k].outputs.push_back({OutputRole::Result, "", v});
  }
  Values in = {p};
  in.insert(in.end(), operands.begin(), operands.end());
  return b.make(Op::Cond, in, {}, regions);
}

TEST(CondGradient, EachBranchAndOperandsOneBranchIgnores) {
  for (double flag : {0.0, 1.0})
    checkGradients({{{3}, {3}, {2, 2}}, [&](Builder& b, const Values& x) {
                      Value p = b.constant(flag, {DType::Bool, {}});
                      Value y = cond(
                          b, p, {x[0], x[1], x[2]},
                          [](Builder& s, const Values& a) { return s.mul(a[0], s.unary(Op::Sin, a[1])); },
                          [](Builder& s, const Values& a) { return s.mul(a[0], s.fill(sumAll(s, a[2]), {Dim(3)})); });
                      return Values{y, x[1], x[2]};
                    }});
}

TEST(CondGradient, OnlyTheFirstOrTheLastOperandIsDifferentiated) {
  for (bool first : {true, false})
    checkGradients({{{3}}, [&](Builder& b, const Values& x) {
                      Value other = b.constantLike(0.7, x[0]);
                      Value y = cond(
                          b, b.constant(1, {DType::Bool, {}}), first ? Values{x[0], other} : Values{other, x[0]},
                          [](Builder& s, const Values& a) { return s.mul(a[0], s.unary(Op::Exp, a[1])); },
                          [](Builder& s, const Values& a) { return s.add(a[0], a[1]); });
                      return Values{y};
                    }});
}

TEST(CondGradient, InsideScan) {
  for (bool reverse : {false, true})
    checkGradients({{{2}, {5, 2}}, [&](Builder& b, const Values& x) {
                      return scan(b, 5, {}, {x[0]}, {x[1]}, reverse, [](Builder& s, const Values& a) {
                        Value two = s.constant(2, {DType::I64, {}});
                        Value even = s.make(Op::Eq, {s.make(Op::Mod, {a[2], two}), s.constant(0, {DType::I64, {}})});
                        Value h = cond(
                            s, even, {a[0], a[1]},
                            [](Builder& i, const Values& p) { return i.unary(Op::Tanh, i.mul(p[0], p[1])); },
                            [](Builder& i, const Values& p) { return i.add(p[0], i.mul(p[1], p[1])); });
                        return Values{h, s.mul(h, h)};
                      });
                    }});
}

TEST(GradInsideScan, InnerDescentIsDifferentiated) {
  // Three steps of gradient descent on Σ (w x - 1)², then a loss of the result: the outer gradient goes through the
  // inner.
  checkGradients({{{3}, {3}}, [](Builder& b, const Values& x) {
                    return scan(b, 3, {x[1]}, {x[0]}, {}, false, [](Builder& s, const Values& a) {
                      Value e = s.sub(s.mul(a[1], a[0]), s.constantLike(1, a[0]));
                      Value g = s.make(Op::Grad, {sumAll(s, s.mul(e, e)), a[1]});
                      return Values{s.sub(a[1], s.mul(s.constantLike(0.1, g), g))};
                    });
                  }});
}

TEST(GradInside, GoesThroughWhatIsAroundIt) {
  // y and its gradient's way to x are outside, z between them holds x in two ways; in the region it is by x.
  const auto around = [](Builder& b, const Values& x) {
    return Values{b.unary(Op::Tanh, b.mul(x[0], x[1])), b.mul(x[0], x[0])};
  };
  const auto inside = [](Builder& s, Value y, Value z, Value x) {
    return s.make(Op::Grad, {sumAll(s, s.mul(s.mul(y, y), s.mul(z, x))), x});
  };
  checkGradients({{{3}, {3}}, [&](Builder& b, const Values& x) {
                    const Values o = around(b, x);
                    return scan(b, 4, {o[0], x[0], o[1]}, {x[1]}, {}, false, [&](Builder& s, const Values& a) {
                      Value g = inside(s, a[0], a[2], a[1]);
                      return Values{s.mul(a[3], g), g};
                    });
                  }});
  checkGradients({{{3}, {3}}, [&](Builder& b, const Values& x) {
                    const Values o = around(b, x);
                    return Values{cond(
                        b, b.constant(1, {DType::Bool, {}}), {x[0], o[0], o[1]},
                        [&](Builder& s, const Values& a) { return inside(s, a[1], a[2], a[0]); },
                        [](Builder&, const Values& a) { return a[0]; })};
                  }});
  // In a loop in a loop, by a value of the outer one.
  checkGradients({{{2}, {2}}, [&](Builder& b, const Values& x) {
                    return scan(b, 3, {x[1]}, {x[0]}, {}, false, [&](Builder& s, const Values& a) {
                      Value y = s.mul(a[1], a[0]), z = s.unary(Op::Tanh, y);
                      Values g = scan(s, 2, {z, a[1]}, {a[0]}, {}, false, [&](Builder& i, const Values& c) {
                        return Values{i.mul(c[2], i.make(Op::Grad, {sumAll(i, i.mul(c[0], c[0])), c[1]}))};
                      });
                      return Values{s.mul(s.constantLike(0.1, g[0]), g[0]), y};
                    });
                  }});
}

size_t errorsOf(const std::function<std::pair<Value, Value>(Builder&, Value)>& make) {
  Graph graph;
  Builder b(graph);
  Value x = leaf(b, "x", f64({}));
  auto [e, by] = make(b, x);
  graph.outputs.push_back({OutputRole::Result, "g", b.make(Op::Grad, {e, by})});
  SourceManager sources;
  Diagnostics diagnostics(sources);
  Module module;
  Function function;
  PassContext context{module, function, diagnostics};
  findPass("autodiff")->run(graph, context);
  for (const Diagnostic& d : diagnostics.all()) EXPECT_EQ(diagCodeText(d.code), std::string("E0401"));
  return diagnostics.errorCount();
}

TEST(NoPath, IsAnError) {
  auto none = [](Builder& b, Value x) { return std::pair(b.constant(1, f64({})), x); };
  auto stopped = [](Builder& b, Value x) { return std::pair(b.unary(Op::Stop, b.mul(x, x)), x); };
  auto rounded = [](Builder& b, Value x) { return std::pair(b.unary(Op::Floor, x), x); };
  auto compared = [](Builder& b, Value x) {
    return std::pair(b.cast(b.make(Op::Lt, {x, b.constantLike(0, x)}), DType::F64), x);
  };
  auto itself = [](Builder& b, Value x) { return std::pair(b.mul(x, x), x); };
  auto deadCarry = [](Builder& b, Value x) {
    Values r = scan(b, 3, {}, {x, b.constantLike(1, x)}, {}, false,
                    [](Builder& s, const Values& a) { return Values{s.mul(a[0], a[1]), s.mul(a[1], a[1])}; });
    return std::pair(r[1], x);
  };
  EXPECT_EQ(errorsOf(none), 1u);
  EXPECT_EQ(errorsOf(stopped), 1u);
  EXPECT_EQ(errorsOf(rounded), 1u);
  EXPECT_EQ(errorsOf(compared), 1u);
  EXPECT_EQ(errorsOf(deadCarry), 1u);
  EXPECT_EQ(errorsOf(itself), 0u);
}

}  // namespace
}  // namespace nnc::testing
