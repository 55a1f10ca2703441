// Graphs and their builder.
#include "ir/graph.h"

#include <gtest/gtest.h>

#include "ir/builder.h"

namespace nnc {
namespace {

const Type kVector{DType::F32, {Dim::symbol("B"), 3}};

TEST(Graph, UsersListEachReaderOnceAndOutputsLast) {
  Graph g;
  Builder b(g);
  const Value x = b.constant(2, kVector), y = b.mul(x, x), z = b.add(x, y);
  g.outputs = {{OutputRole::Result, "", z}, {OutputRole::Result, "", z}};
  const auto users = usersOf(g);
  EXPECT_EQ(users[x.node], (std::vector<uint32_t>{y.node, z.node}));
  EXPECT_EQ(users[z.node], (std::vector<uint32_t>{3}));
}

TEST(Graph, ModulesFindByName) {
  Module m;
  m.functions.emplace_back().name = "f";
  m.variables.emplace_back().path = "net.w";
  EXPECT_EQ(m.function("f"), &m.functions[0]);
  EXPECT_EQ(m.function("g"), nullptr);
  EXPECT_EQ(m.variable("net.w"), &m.variables[0]);
  EXPECT_EQ(m.variable("net"), nullptr);
}

TEST(Builder, InfersTypesAndKeepsOrigins) {
  Graph g;
  Builder b(g);
  b.setOrigin({{1, 2, 3, 4}, {}, std::make_shared<const std::string>("net.fc")});
  const Value x = b.constant(2, kVector);
  EXPECT_EQ(b.type(b.sum(x, {0})).str(), "f32[3]");
  EXPECT_EQ(b.type(b.fill(b.constant(1, {DType::I32, {}}), kVector.shape)).str(), "i32[B, 3]");
  EXPECT_EQ(b.type(b.broadcast(x, {1}, {7})).str(), "f32[B, 7, 3]");
  EXPECT_EQ(b.type(b.sub(x, x)), kVector);
  EXPECT_EQ(g.nodes.back().origin.pathOrEmpty(), "net.fc");
  EXPECT_EQ(g.nodes.back().origin.at.line, 2u);
  EXPECT_TRUE(g.node(b.constantLike(0, b.cast(x, DType::I32))).attrs.literal("value").isInt());
}

TEST(Builder, ShorthandsThatChangeNothingBuildNothing) {
  Graph g;
  Builder b(g);
  const Value x = b.constant(2, kVector);
  EXPECT_EQ(b.cast(x, DType::F32), x);
  EXPECT_EQ(b.reshape(x, kVector.shape), x);
  EXPECT_EQ(b.transpose(x, {0, 1}), x);
  EXPECT_EQ(b.sum(x, {}), x);
  const Value s = b.constant(1, {DType::F32, {}});
  EXPECT_EQ(b.fill(s, {}), s);
  EXPECT_EQ(g.nodes.size(), 2u);
}

TEST(Builder, GivesAllResultsAndOrdersAttributes) {
  Graph g;
  Builder b(g);
  const Value x = b.constant(2, kVector);
  const std::vector<Value> sorted = b.makeMulti(Op::Sort, {x}, {{"axis", int64_t{1}}});
  ASSERT_EQ(sorted.size(), 2u);
  EXPECT_EQ(b.type(sorted[1]).str(), "i32[B, 3]");
  const Value d =
      b.make(Op::Dot, {x, x}, {{"contract_b", std::vector<int64_t>{1}}, {"contract_a", std::vector<int64_t>{1}}});
  EXPECT_EQ(g.node(d).attrs.entries()[2].first, "contract_a");
}

TEST(BuilderDeath, TypeErrorsAreBugs) {
  Graph g;
  Builder b(g);
  const Value x = b.constant(2, kVector), s = b.constant(2, {DType::F32, {}});
  EXPECT_DEATH(b.add(x, s), "`add` takes operands of one type, not f32\\[B, 3\\] and f32\\[\\]");
  EXPECT_DEATH(b.neg(Value{9, 0}), "an operand of `neg` is not in this graph");
  EXPECT_DEATH(b.constant(0.5, {DType::I32, {}}), "0.5 is no constant of i32");
}

}  // namespace
}  // namespace nnc
