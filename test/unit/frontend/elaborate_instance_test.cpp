// Instances, parameters, state, mode and assignment: paths, sharing, copies, what trains and what rests.
#include "elaborate_helper.h"

namespace nnc::test {
namespace {

using Strings = std::vector<std::string>;

const std::string kTwoLayers =
    "layer mlp(x: [B, 3]) { x |> h: dense[4] |> relu |> head: dense[2] }\n"
    "let net = mlp\n";
std::string trained(const std::string& body) {
  return kTwoLayers + "train fit(steps = 3, batch = 2) {\n let x: [batch, 3] = normal\n let loss = mean(net(x)^2)\n" +
         body + "\n}";
}

TEST(Paths, InstanceLabelParameter) {
  EXPECT_EQ(variablePaths(compiled(kTwoLayers + "export fn f(x: f32[B <= 4, 3]) { net(x) }")),
            (Strings{"net.h.w", "net.h.b", "net.head.w", "net.head.b"}));
}

TEST(Paths, OptimizerStateIsATreeOfTheSamePaths) {
  const Module m = compiled(trained(" net = momentum(net, grad(loss, net))"));
  EXPECT_NE(m.variable("fit.momentum.m.head.w"), nullptr);
  EXPECT_EQ(m.variable("fit.momentum.m.head.w")->kind, Variable::Kind::TrainState);
}

TEST(Paths, ALoopMayChooseAmongInstances) {
  const std::string forwards = R"(
hyper depth = 6
layer chain(x: [B, D]) { var z = x
  for i in depth { z = z |> c[i]: dense[D, init = normal] |> tanh }
  z }
let net = chain
)";
  const auto valueOf = [&](const char* body) {
    return value(forwards + ("export fn f(x: f32[2, 3]) {" + std::string(body) + "}"), {{"x", counting({2, 3})}})
        .floats;
  };
  EXPECT_EQ(valueOf("var z = net(x)\n for k in depth { z = z |> net.c[depth - 1 - k] }\n z"),
            valueOf("var z = net(x)\n z |> net.c[5] |> net.c[4] |> net.c[3] |> net.c[2] |> net.c[1] |> net.c[0]"));
  EXPECT_EQ(valueOf("var s = sum(net(x))\n for k in depth { let i = 5 - k\n s = s + sum(net.c[i].w) }\n s"),
            valueOf("sum(net(x)) + sum(net.c[5].w) + sum(net.c[4].w) + sum(net.c[3].w) + sum(net.c[2].w) + "
                    "sum(net.c[1].w) + sum(net.c[0].w)"));
}

TEST(Paths, IndexedLabelsInALoop) {
  EXPECT_EQ(variablePaths(compiled("layer m(x: [B, 3]) { var y = x; for i in 2 { y = y |> h[i]: linear[3] }; y }\nlet "
                                   "net = m\nexport fn f(x: f32[B <= 4, 3]) { net(x) }")),
            (Strings{"net.h.0.w", "net.h.1.w"}));
}

TEST(Sharing, NamingOnceAndApplyingTwiceShares) {
  EXPECT_EQ(variablePaths(compiled("layer m(x: [B, 3]) { let d = linear[3]; d(d(x)) }\nlet net = m\nexport fn f(x: "
                                   "f32[B <= 4, 3]) { net(x) + net(2 * x) }")),
            Strings{"net.d.w"});
}

TEST(Sharing, ASecondUnlabelledLayerIsAnError) {
  EXPECT_EQ(mistakes("layer m(x: [B, 3]) {\n x |> dense[4] |> relu |> dense[3]\n}\nlet net = m\nexport fn f(x: f32[B "
                     "<= 4, 3]) { net(x) }"),
            Strings{"E0301 2:27"});
}

TEST(Sharing, AFunctionCalledTwiceDoesNotShareByAccident) {
  EXPECT_EQ(mistakes("fn g(x) { x |> dense[3] }\nlayer m(x: [B, 3]) {\n g(g(x))\n}\nlet net = m\nexport fn f(x: f32[B "
                     "<= 4, 3]) { net(x) }"),
            Strings{"E0301 1:16"});
}

TEST(Sharing, ShapesAreFixedByTheFirstApplication) {
  EXPECT_EQ(
      mistakes(
          "let net = dense[2]\nexport fn f(x: f32[B <= 4, 3]) { net(x) }\nexport fn g(x: f32[B <= 4, 5]) { net(x) }"),
      Strings{"E0303 3:34"});
}

TEST(Copy, StartsFromTheSameValuesAndLivesOnItsOwn) {
  Runner r(compiled(kTwoLayers +
                    "let ema = copy(net)\ntrain fit(steps = 3, batch = 2) {\n let x: [batch, 3] = normal\n let "
                    "loss = mean(net(x)^2)\n metric twin = mean(ema(x))\n net = sgd(net, grad(loss, net))\n}"));
  EXPECT_EQ(r.in.leaves["ema.h.w"].floats, r.in.leaves["net.h.w"].floats);
  r.in.symbols = {{"batch", 2}};
  r.run("fit.step");
  EXPECT_NE(r.in.leaves["ema.h.w"].floats, r.in.leaves["net.h.w"].floats);
}

TEST(Copy, HasThePartsOfItsSource) {
  // Named above the source's first application, and never applied itself.
  for (const char* use : {" target = net", " target = 1.0 * net", " target.head = net.head\n target.h.w = net.h.w",
                          " target.**.w = net.**.w", " metric size = sum(target)"}) {
    Runner r(compiled(kTwoLayers +
                      "let target = copy(net)\nlet other = copy(target)\ntrain fit(steps = 3, batch = 2) {\n"
                      " let x: [batch, 3] = normal\n let loss = mean(net(x)^2)\n net = net + 1\n" +
                      use + "\n}"));
    r.in.symbols = {{"batch", 2}};
    r.run("fit.step");
    const bool assigned = std::string(use).find("metric") == std::string::npos;
    EXPECT_EQ(r.in.leaves["target.h.w"].floats == r.in.leaves["net.h.w"].floats, assigned) << use;
  }
}

const std::string kAveraged =
    "layer mlp(x: [B, 3]) { x |> h: dense[4] |> n: batch_norm |> head: dense[2] }\nlet net = mlp\nlet ema = copy(net)\n"
    "train fit(steps = 3, batch = 2) {\n let x: [batch, 3] = normal\n let loss = mean((net(x) - 1)^2)\n"
    " net = sgd(net, grad(loss, net))\n";

TEST(Copy, TakesTheStatesAlongWhereItIsAssignedWhole) {
  for (const char* line : {" ema = net", " ema = average_weights[0.5](ema, net)", " ema = with_states(0.9 * ema, net)",
                           " ema = mean_weights(net)", " (ema, net) = (net, ema)", " every 2 { ema = net }"}) {
    const std::string text = kAveraged + line + "\n}\nexport fn f(x: f32[B <= 4, 3]) { ema(x) }";
    Runner r(compiled(text));
    EXPECT_EQ(report(text), "") << line;
    r.in.symbols = {{"batch", 2}};
    const std::vector<double> start = r.in.leaves["ema.n.m"].floats;
    r.set("step", 1);
    r.run("fit.step");
    EXPECT_NE(r.in.leaves["ema.n.m"].floats, start) << line;
    // In an exchange both sides are read before either is assigned.
    const bool exchange = std::string(line).starts_with(" (ema");
    EXPECT_EQ(r.in.leaves["net.n.m"].floats == start, exchange) << line;
    EXPECT_EQ(r.in.leaves["ema.n.m"].floats == r.in.leaves["net.n.m"].floats, !exchange) << line;
  }
}

TEST(Copy, AnExportOfStatesThatRestIsAWarning) {
  const std::string ends =
      "}\nexport fn by_net(x: f32[B <= 4, 3]) { net(x) }\nexport fn by_ema(x: f32[B <= 4, 3]) { ema(x) }";
  EXPECT_EQ(mistakes(kAveraged + " ema = 0.9 * ema + 0.1 * net\n" + ends), Strings{"W0406 11:11"});
  const std::string text = report(kAveraged + " ema = 0.9 * ema + 0.1 * net\n" + ends);
  EXPECT_NE(text.find("`ema.n.m`, `ema.n.v` are as at the start"), std::string::npos) << text;
  EXPECT_NE(text.find("`ema = with_states(…, net)`"), std::string::npos) << text;
  // A part that is not trained here rests by right, and so does a table that its layer never assigns.
  EXPECT_EQ(
      mistakes("layer m(x: [B, 3]) { x |> n: batch_norm |> head: dense[2] }\nlet net = m\ntrain fit(steps = 3, batch = "
               "2) {\n let x: [batch, 3] = normal\n let loss = mean(net(x)^2)\n net.head = sgd(net.head, grad(loss, "
               "net.head))\n}\nexport fn f(x: f32[B <= 4, 3]) { net(x) }"),
      Strings{});
  EXPECT_EQ(
      mistakes("layer m(x: [B, 3]) { state table: [3] = 2; x * table |> head: dense[2] }\nlet net = m\ntrain fit(steps "
               "= 3, batch = 2) {\n let x: [batch, 3] = normal\n let loss = mean(net(x)^2)\n net = sgd(net, "
               "grad(loss, net))\n}\nexport fn f(x: f32[B <= 4, 3]) { net(x) }"),
      Strings{});
}

TEST(Trees, AReductionTakesInstancesInsideOfTuples) {
  const auto ofNet = [](const std::string& e) {
    return value(kTwoLayers + "export fn f(x: f32[2, 3]) {\n let y = net(x)\n " + e + "\n}", {{"x", counting({2, 3})}})
        .floats.at(0);
  };
  EXPECT_DOUBLE_EQ(ofNet("sum((x, (net.h, net.head)))"), ofNet("sum(x) + sum(net)"));
  EXPECT_DOUBLE_EQ(ofNet("mean((x, net))"), ofNet("(sum(x) + sum(net)) / (6 + 3*4 + 4 + 4*2 + 2)"));
  EXPECT_DOUBLE_EQ(ofNet("norm(grad(sum(y * y), (x, (net.h, net.head))))"), ofNet("norm(grad(sum(y * y), (x, net)))"));
  EXPECT_NE(ofNet("sum(net)"), 0);
}

TEST(Copy, WithoutPartsOrNameIsAnError) {
  EXPECT_EQ(mistakes(kTwoLayers + "let target = copy(net)\nexport fn f(x: f32[2, 3]) {\n sum(target) + sum(net(x))\n}"),
            Strings{"E0308 5:2"});
  EXPECT_EQ(mistakes(kTwoLayers + "export fn f(x: f32[2, 3]) {\n copy(net)(x)\n}"), Strings{"E0304 4:2"});
  EXPECT_EQ(
      mistakes(
          "fn twin(net, x) { let d = copy(net); d(x) }\nlayer m(x: [B, 3], f) { f(x) + (x |> dense[3]) }\nlet net = "
          "m\nexport fn g(x: f32[2, 3]) {\n net(x, fn(x) { twin(net, x) })\n}"),
      Strings{"E0209 1:23"});
}

TEST(Copy, ASecondNameIsAnError) {
  EXPECT_EQ(mistakes(kTwoLayers + "let ema = net"), Strings{"E0302 3:5"});
}

TEST(Assignment, OfAPartLeavesTheRestConstant) {
  const Module m = compiled(trained(" net.head = sgd(net.head, grad(loss, net.head))"));
  Strings updates;
  for (const Output& o : m.function("fit.step")->body.outputs)
    if (o.role == OutputRole::Update) updates.push_back(o.name);
  EXPECT_EQ(updates, (Strings{"net.head.w", "net.head.b"}));
}

TEST(Assignment, OfAPatternTouchesWhatMatches) {
  Runner r(compiled(trained(" net.**.w = clip_value[0.01](net.**.w)")));
  r.in.symbols = {{"batch", 2}};
  r.run("fit.step");
  for (double w : r.in.leaves["net.h.w"].floats) EXPECT_LE(std::abs(w), 0.0100001);
  const auto updates = r.run("fit.step");
  EXPECT_FALSE(updates.contains("net.h.b"));
}

TEST(Assignment, InTextOrder) {
  // The second line sees what the first one made.
  Runner r(compiled(trained(" net = 0 * net\n net = net + 1")));
  r.in.symbols = {{"batch", 2}};
  r.run("fit.step");
  EXPECT_EQ(r.in.leaves["net.h.b"].floats[0], 1);
}

TEST(Assignment, EveryRunsAtItsSteps) {
  Runner r(compiled(trained(" every 3 { net = net + 1 }")));
  r.in.symbols = {{"batch", 2}};
  const double before = r.in.leaves["net.h.b"].floats[0];
  for (int step = 0; step < 7; ++step) {
    r.set("step", step);
    r.run("fit.step");
  }
  EXPECT_NEAR(r.in.leaves["net.h.b"].floats[0], before + 2, 1e-6);
}

TEST(Assignment, UnderOneBoolAndWithoutElseKeepsTheRest) {
  Runner r(compiled(
      trained(" var n = 0.0\n if step > 1 {\n  net = adam(net, grad(loss, net))\n  n = 1.0\n }\n metric seen = n")));
  r.in.symbols = {{"batch", 2}};
  const auto leaf = [&](const char* name) { return r.in.leaves[name].floats; };
  const std::vector<double> before = leaf("net.h.w");
  for (int step = 0; step < 4; ++step) {
    r.set("step", step);
    EXPECT_EQ(r.run("fit.step")["seen"].floats[0], step > 1);
    EXPECT_EQ(leaf("net.h.w") == before, step < 2) << step;
    EXPECT_EQ(leaf("fit.adam.k")[0], std::max(0, step - 1)) << "the optimizer's state";
  }
}

TEST(Assignment, UnderAConditionElsewhereIsAnError) {
  EXPECT_EQ(mistakes("export fn f(x: f32[B <= 4]) {\n var y = 0.0\n if sum(x) > 0 { y = 1.0 }\n x + y\n}"),
            Strings{"E0216 3:2"});
  EXPECT_EQ(mistakes(trained(" if loss > 0 { net + 1 }\n net = sgd(net, grad(loss, net))")), Strings{"E0216 6:2"});
  const std::string text = report(trained(" if step > 1 { net = sgd(net, grad(loss, net)); loss } else { loss }"));
  EXPECT_NE(text.find("leave out the `else`"), std::string::npos) << text;
}

TEST(Assignment, UnderATensorConditionIsAnError) {
  EXPECT_EQ(mistakes("export fn f(x: f32[B <= 4]) {\n var y = 0.0\n if x > 0 { y = 1.0; x } else { x }\n}"),
            Strings{"E0307 3:13"});
}

const std::string kNormed =
    "layer m(x: [B, 2, 3, 3]) { x |> a: batch_norm |> part }\n"
    "layer part(x: [B, 2, 3, 3]) { x |> b: batch_norm |> dropout[0.5] |> flatten |> head: dense[1] }\n"
    "let net = m\n";

Strings stateUpdates(const std::string& assignment) {
  const Module m = compiled(kNormed +
                            "train fit(steps = 3, batch = 4) {\n let x: [batch, 2, 3, 3] = normal\n let loss = "
                            "mean(net(x)^2)\n metric seen = average(net(x))\n" +
                            assignment + "\n}");
  Strings updates;
  for (const Output& o : m.function("fit.step")->body.outputs) {
    const Variable* v = o.role == OutputRole::Update ? m.variable(o.name) : nullptr;
    if (v && v->kind == Variable::Kind::State) updates.push_back(o.name);
  }
  for (const Output& o : m.function("fit.eval")->body.outputs) {
    if (o.role != OutputRole::Update) continue;
    EXPECT_EQ(m.variable(o.name)->kind, Variable::Kind::MetricState);
  }
  return updates;
}

TEST(Mode, FollowsFromAssignment) {
  EXPECT_EQ(stateUpdates(" net = sgd(net, grad(loss, net))"),
            (Strings{"net.a.m", "net.a.v", "net.part.b.m", "net.part.b.v"}));
}

TEST(Mode, AFrozenPartRests) {
  EXPECT_EQ(stateUpdates(" net.part = sgd(net.part, grad(loss, net.part))"), (Strings{"net.part.b.m", "net.part.b.v"}));
}

TEST(Mode, ExportsAreInEvaluation) {
  Runner r(
      compiled("layer m(x: [B, 3]) { if training { 0 * x } else { x } }\nlet net = m\nexport fn f(x: f32[B <= 4, 3]) { "
               "net(x) }"));
  r.in.leaves["x"] = counting({1, 3});
  r.in.symbols = {{"B", 1}};
  expectNear(r.run("f")["0"], {0, 1, 2});
}

TEST(Steps, TakeRawFieldsInTheOrderOfTheDataBlock) {
  // Whatever the lines of the train block use first: a host passes them by position.
  const auto inputs = [](const std::string& loss) {
    const Module m = compiled(
        "data d from npy(\"nothing\") {\n x: f32[2] = raw.x * raw.scale\n let k: i32[] = raw.label\n y: f32[2] = raw.y "
        "+ "
        "raw.x\n label: i32 < 3 = k\n}\nlayer m(x: [B, 2]) { x |> dense[2] }\nlet net = m\n"
        "train fit on d(batch = 4) {\n let loss = " +
        loss + "\n net = sgd(net, grad(loss, net))\n}");
    Strings names;
    for (const std::string entry : {"fit.step", "fit.eval"}) {
      for (const Node& n : m.function(entry)->body.nodes)
        if (n.op == Op::Leaf && n.attrs.string("kind") == "input" &&
            (names.empty() || names.back() != n.attrs.string("name")))
          names.push_back(n.attrs.string("name"));
      names.push_back("");
    }
    return names;
  };
  const Strings expected{"d.x", "d.scale", "d.label", "d.y", "", "d.x", "d.scale", "d.label", "d.y", ""};
  EXPECT_EQ(inputs("mse(net(x), y) + mean(f32(label))"), expected);
  EXPECT_EQ(inputs("mean(f32(label)) + mse(y, net(x))"), expected);
  EXPECT_EQ(inputs("mse(y, net(x))"), (Strings{"d.x", "d.scale", "d.y", "", "d.x", "d.scale", "d.y", ""}));
}

TEST(State, StaysBetweenCallsOfAnExport) {
  Runner r(
      compiled("layer counter(x: [B]) { state n = 0.0; n = n + 1; x + n }\nlet c = counter\nexport fn f(x: f32[B <= "
               "4]) { c(x) }"));
  r.in.leaves["x"] = counting({1});
  r.in.symbols = {{"B", 1}};
  r.run("f");
  expectNear(r.run("f")["0"], {2});
}

TEST(Assignment, InAnExportStays) {
  Runner r(compiled(
      "layer line(x: [B, 1]) { x |> linear[1, init = constant[3]] }\nlet net = line\nlet opt = momentum\n"
      "export fn learn(x: f32[B <= 4, 1]) {\n let loss = sum(net(x))\n net = opt(net, grad(loss, net), lr = 1, "
      "beta = 1)\n loss\n}\nexport fn forget() { opt.m = 0 * opt.m }"));
  r.in.leaves["x"] = floats({1, 1}, {1});
  r.in.symbols = {{"B", 1}};
  expectNear(r.run("learn")["0"], {3});
  expectNear(r.run("learn")["0"], {2});  // 3 - 1
  expectNear(r.run("learn")["0"], {0});  // 2 - (1 + 1)
  EXPECT_FALSE(r.run("forget").contains("0"));
  expectNear(r.run("learn")["0"], {-3});  // 0 - (1 + 1 + 1)
  expectNear(r.run("learn")["0"], {-4});  // -3 - 1
}

TEST(State, OfAnExportIsItsOwnAndNoWeight) {
  const Module m =
      compiled(kTwoLayers +
               "export fn learn(x: f32[B <= 4, 3]) {\n state k = 0.0\n k = k + 1\n let loss = mean(net(x)^2)\n"
               " net = momentum(net, grad(loss, net))\n k\n}");
  for (const char* path : {"learn.k", "learn.momentum.m.head.w"}) {
    ASSERT_NE(m.variable(path), nullptr) << path;
    EXPECT_EQ(m.variable(path)->kind, Variable::Kind::TrainState);
  }
  Runner r(m);
  r.in.leaves["x"] = counting({1, 3});
  r.in.symbols = {{"B", 1}};
  r.run("learn");
  expectNear(r.run("learn")["0"], {2});
}

TEST(Paths, ArePathsOfOneVariable) {
  const std::string step = " net = momentum(net, grad(loss, net))";
  EXPECT_EQ(mistakes(trained(step) + "\nexport fn fit(x: f32[B <= 4, 3]) {\n let loss = mean(net(x)^2)\n" + step +
                     "\n loss\n}"),
            Strings{"E0103 10:8"});
}

TEST(Assignment, AnExportWithoutItNeedsAResult) {
  EXPECT_EQ(mistakes("export fn f(x: f32[B <= 4]) { let y = x }"), Strings{"E0216 1:11"});
  EXPECT_EQ(mistakes("layer m(x: []) { state n = 0.0; n = x; n }\nlet c = m\nexport fn g(x: f32) { let _ = c(x) }\n"
                     "export fn f(x: f32) -> f32 { c.n = x }"),
            Strings{"E0216 4:11"});
}

TEST(State, OfAScanIsCarried) {
  Runner r(
      compiled("layer counter(x: []) { state n = 0.0; n = n + x; n }\nlet c = counter\nexport fn f(x: f32[9]) { for t "
               "in 9 { c(x[t]) } }"));
  r.in.leaves["x"] = counting({9});
  expectNear(r.run("f")["0"], {0, 1, 3, 6, 10, 15, 21, 28, 36});
  EXPECT_EQ(r.in.leaves["c.n"].floats[0], 36);
}

TEST(Metric, StartsAnewWithEachPass) {
  Runner r(compiled(trained(" metric seen = average(x)\n net = sgd(net, grad(loss, net))")));
  r.in.symbols = {{"batch", 2}};
  r.run("fit.step");
  EXPECT_NE(r.in.leaves["fit.seen.average.n"].floats[0], 0);
  r.run("fit.start_pass");
  EXPECT_EQ(r.in.leaves["fit.seen.average.n"].floats[0], 0);
}

TEST(Trees, ArithmeticAndSumsRunOverLeaves) {
  Runner r(compiled(trained(" metric size = sum(0 * net + 1)\n net = (net + net) / 2")));
  r.in.symbols = {{"batch", 2}};
  EXPECT_EQ(r.run("fit.step")["size"].floats[0], 3 * 4 + 4 + 4 * 2 + 2);
}

TEST(Trees, TuplesOfInstancesTrainTogether) {
  const Module m = compiled(
      "let a = dense[2]\nlet b = dense[2]\ntrain fit(steps = 3, batch = 2) {\n let x: [batch, 2] = normal\n let loss = "
      "mean(b(a(x))^2)\n (a, b) = momentum((a, b), grad(loss, (a, b)))\n}");
  EXPECT_NE(m.variable("fit.momentum.m.1.w"), nullptr);
}

/// Which parameters an assignment to a pattern changes: those with an update in the step.
Strings assignedBy(const std::string& pattern) {
  const Module m = compiled(
      "layer part(x) { x |> conv: dense[2] |> fc: dense[2] }\nlayer m(x: [B, 2]) {\n param w: [2] = 1\n var y = x * w\n"
      " for i in 2 { y = y |> h[i]: part }\n y |> fc: dense[2]\n}\nlet net = m\ntrain fit(steps = 3, batch = 2) {\n"
      " let x: [batch, 2] = normal\n let loss = mean(net(x)^2)\n " +
      pattern + " = 0 * " + pattern + "\n}");
  Strings paths;
  if (const Function* f = m.function("fit.step"))
    for (const Output& o : f->body.outputs)
      if (o.role == OutputRole::Update) paths.push_back(o.name.substr(4));
  std::sort(paths.begin(), paths.end());
  return paths;
}

TEST(Patterns, OneNameOrAnyNumber) {
  EXPECT_EQ(assignedBy("net.**.w"), (Strings{"fc.w", "h.0.conv.w", "h.0.fc.w", "h.1.conv.w", "h.1.fc.w", "w"}));
  EXPECT_EQ(assignedBy("net.*.w"), Strings{"fc.w"});
  EXPECT_EQ(assignedBy("net.**.conv.w"), (Strings{"h.0.conv.w", "h.1.conv.w"}));
  EXPECT_EQ(assignedBy("net.h.*.fc.b"), (Strings{"h.0.fc.b", "h.1.fc.b"}));
  EXPECT_EQ(assignedBy("net.h.**.b"), (Strings{"h.0.conv.b", "h.0.fc.b", "h.1.conv.b", "h.1.fc.b"}));
  EXPECT_EQ(assignedBy("net.*.1.*.w"), (Strings{"h.1.conv.w", "h.1.fc.w"}));
  EXPECT_EQ(assignedBy("net.**.fc"), (Strings{"fc.b", "fc.w", "h.0.fc.b", "h.0.fc.w", "h.1.fc.b", "h.1.fc.w"}));
  EXPECT_EQ(assignedBy("net.*").size(), 11u);
  EXPECT_EQ(assignedBy("net.**").size(), 11u);
}

TEST(Patterns, ALastNameOfParametersPassesOverPartsOfTheSameName) {
  // Groups of parameters: the second line's gradient is by what the first has not assigned, whatever the labels are.
  const Module m = compiled(
      "layer mlp(x) { x |> a: dense[4] |> relu |> b: dense[1] }\nlet net = mlp\ntrain fit(steps = 10) {\n"
      " let x: [8, 6] = normal\n let loss = mean((net(x) - 1)^2)\n"
      " net.**.w = sgd(net.**.w, grad(loss, net.**.w), lr = 0.1)\n"
      " net.**.b = sgd(net.**.b, grad(loss, net.**.b), lr = 0.01)\n}");
  Strings updates;
  if (const Function* f = m.function("fit.step"))
    for (const Output& o : f->body.outputs)
      if (o.role == OutputRole::Update) updates.push_back(o.name);
  EXPECT_EQ(updates, (Strings{"net.a.w", "net.a.b", "net.b.w", "net.b.b"}));
}

TEST(Gradient, WithoutAPathIsAnError) {
  EXPECT_EQ(mistakes("export fn f(x: f32[3], y: f32[3]) {\n grad(sum(x), y)\n}"), Strings{"E0401 2:15"});
  EXPECT_EQ(mistakes("export fn f(x: f32[5]) {\n let y = x^2\n for i in 5 { grad(stop(y[i]), x) }\n}"),
            Strings{"E0401 3:32"});
  EXPECT_EQ(mistakes("export fn f(w: f32[3]) {\n var h = 2 * w\n for t in 5 {\n  let g = grad(sum(h * w), w)\n  h = h "
                     "* w\n  g\n }\n}"),
            Strings{"E0407 4:11"});
}

TEST(Gradient, AfterAnAssignmentNamesThePathsAndTheLine) {
  const std::string text =
      report(trained(" net.h = sgd(net.h, grad(loss, net.h))\n every 2 { net = sgd(net, grad(loss, net)) }"));
  EXPECT_NE(text.find("`net.h.w`, `net.h.b` do not reach"), std::string::npos) << text;
  EXPECT_NE(text.find("`net.h.w` is assigned at test.nn:6:2"), std::string::npos) << text;
  EXPECT_NE(text.find("take the gradient above that line"), std::string::npos) << text;
}

TEST(Gradient, OfAParameterThatDoesNotMatterNamesIt) {
  EXPECT_NE(
      report("layer m(x: [B, 3]) { let y = x |> idle: dense[2]; x |> d: dense[2] }\nlet net = m\ntrain fit(steps = 1, "
             "batch = 2) { let x: [batch, 3] = normal\n let loss = mean(net(x))\n net = sgd(net, grad(loss, net)) }")
          .find("net.idle.w"),
      std::string::npos);
}

TEST(Hyper, RunTimeUnlessAShapeOrBranchNeedsIt) {
  const Module m = compiled(
      "hyper lr = 0.1\nhyper width = 4\nlayer m(x: [B, 3]) { x |> dense[width] }\nlet net = m\ntrain fit(steps = 1, "
      "batch = 2) { let x: [batch, 3] = normal\n let loss = mean(net(x)^2)\n net = sgd(net, grad(loss, net), lr = lr / "
      "2) }");
  EXPECT_TRUE(m.hypers[0].runTime);
  EXPECT_FALSE(m.hypers[1].runTime);
  ElabOptions options;
  options.hypers = {{"wdth", "3"}};
  EXPECT_NE(report("hyper width = 4\nexport fn f(x: f32[width]) { x }", options).find("did you mean `width`?"),
            std::string::npos);
}

TEST(Hyper, ChoosesAFunctionOrLayer) {
  const std::string text =
      "hyper f = square in [square, twice]\nfn square(x) { x * x }\nfn twice(x) { 2 * x }\n"
      "hyper cell = gru in [rnn, gru]\nlayer m(x: [B, T, D]) { x |> cell[2] |> f }\nlet net = m\n"
      "export fn g(x: f32[1, 3, 2]) { (net(x), f(3.0)) }";
  const Module m = compiled(text);
  EXPECT_EQ(m.hypers[0].value, "square");
  EXPECT_EQ(m.hypers[1].choices, (std::vector<std::string>{"rnn", "gru"}));
  EXPECT_TRUE(m.variable("net.gru.from.cell.wx.w"));
  ElabOptions options;
  options.hypers = {{"f", "twice"}, {"cell", "rnn"}};
  const Module other = compiled(text, options);
  EXPECT_EQ(other.hypers[0].value, "twice");
  EXPECT_TRUE(other.variable("net.rnn.from.cell.wx.w"));
  options.hypers = {{"cell", "lstm"}};
  const std::string refused = report(text, options);
  EXPECT_NE(refused.find("E0507"), std::string::npos);
  EXPECT_NE(refused.find("`cell` is one of rnn, gru, and `lstm` was given"), std::string::npos);
  EXPECT_EQ(refused.find("E0503"), std::string::npos);
}

}  // namespace
}  // namespace nnc::test
