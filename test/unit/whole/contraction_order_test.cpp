// The order of a contraction's sum is that of the op, whatever becomes of it: a blocked kernel, a plain loop, factors
// that lie in memory in another order or are computed on the way. All give the bits of the sums written out here.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "compiled_steps.h"
#include "ir/builder.h"
#include "ir/text.h"
#include "passes/pass.h"

namespace nnc::testing {
namespace {

using Ints = std::vector<int64_t>;

/// y[batch, freeA, freeB] = sum over `contract` of a * b. The factors lie in memory with their contracted axes last in
/// order, or first and the other way round.
struct Product {
  Ints batch, freeA, freeB, contract;
  bool turnedA = false, turnedB = false;
  bool computed = false;  // the factors are computed from what lies in memory
};

struct Factor {
  Shape shape;
  Ints batchAxes, freeAxes, contractAxes;  // positions in shape
};

Factor factorOf(const Product& p, const Ints& free, bool turned) {
  Factor f;
  const auto put = [&f](const Ints& extents, Ints& axes) {
    for (const int64_t n : extents) {
      axes.push_back(static_cast<int64_t>(f.shape.size()));
      f.shape.emplace_back(n);
    }
  };
  if (turned) put({p.contract.rbegin(), p.contract.rend()}, f.contractAxes);
  put(p.batch, f.batchAxes);
  put(free, f.freeAxes);
  if (!turned) put(p.contract, f.contractAxes);
  if (turned) f.contractAxes = {f.contractAxes.rbegin(), f.contractAxes.rend()};
  return f;
}

Function functionOf(const Product& p, size_t number) {
  Function f;
  f.name = fmt::format("p{}", number);
  f.kind = Function::Kind::Export;
  Builder b(f.body);
  const auto factor = [&](const char* name, const Factor& x) {
    const Value leaf =
        b.make(Op::Leaf, {},
               {{"type", Type{DType::F32, x.shape}}, {"kind", std::string("input")}, {"name", std::string(name)}});
    return p.computed ? b.neg(b.mul(leaf, b.constantLike(0.5, leaf))) : leaf;
  };
  const Factor a = factorOf(p, p.freeA, p.turnedA), w = factorOf(p, p.freeB, p.turnedB);
  const Value y = b.make(Op::Dot, {factor("a", a), factor("b", w)},
                         {{"batch_a", a.batchAxes},
                          {"batch_b", w.batchAxes},
                          {"contract_a", a.contractAxes},
                          {"contract_b", w.contractAxes}});
  f.body.outputs.push_back({OutputRole::Result, "y", y});
  return f;
}

/// Calls visit with every index below the extents, in row-major order.
void forEachIndex(const Ints& extents, const std::function<void(const Ints&)>& visit) {
  Ints at(extents.size(), 0);
  for (;;) {
    visit(at);
    size_t d = extents.size();
    while (d > 0 && ++at[d - 1] == extents[d - 1]) at[--d] = 0;
    if (d == 0) return;
  }
}

float element(const Tensor& t, const Factor& f, const Ints& batch, const Ints& free, const Ints& contract) {
  Ints at(f.shape.size());
  const auto put = [&at](const Ints& axes, const Ints& index) {
    for (size_t i = 0; i < axes.size(); ++i) at[static_cast<size_t>(axes[i])] = index[i];
  };
  put(f.batchAxes, batch), put(f.freeAxes, free), put(f.contractAxes, contract);
  int64_t flat = 0;
  for (size_t d = 0; d < at.size(); ++d) flat = flat * f.shape[d].value() + at[d];
  return static_cast<float>(t.floats[static_cast<size_t>(flat)]);
}

/// One chain, or 64 chains and their tree.
class Sum {
public:
  Sum(bool inner, bool fused) : chains_(inner ? 64 : 1, 0.0f), fused_(fused) {}
  void add(float a, float b) {
    float& sum = chains_[terms_++ % chains_.size()];
    volatile const float product = a * b;
    sum = fused_ ? std::fma(a, b, sum) : sum + product;
  }
  float result() {
    if (chains_.size() == 1) return chains_[0];
    // Four accumulators of 16 lanes: neighbours first, then the halves of what is left.
    for (size_t l = 0; l < 16; ++l) chains_[l] = (chains_[l] + chains_[16 + l]) + (chains_[32 + l] + chains_[48 + l]);
    for (size_t half = 8; half > 0; half /= 2)
      for (size_t l = 0; l < half; ++l) chains_[l] += chains_[half + l];
    return chains_[0];
  }

private:
  std::vector<float> chains_;
  bool fused_;
  size_t terms_ = 0;
};

std::vector<double> expected(const Product& p, const Setting& setting, bool fused) {
  const Factor a = factorOf(p, p.freeA, p.turnedA), b = factorOf(p, p.freeB, p.turnedB);
  int64_t terms = 1;
  for (const int64_t n : p.contract) terms *= n;
  const bool inner = p.freeA.empty() && p.freeB.empty() && terms > 16;
  const float scale = p.computed ? -0.5f : 1.0f;
  std::vector<double> results;
  forEachIndex(p.batch, [&](const Ints& batch) {
    forEachIndex(p.freeA, [&](const Ints& m) {
      forEachIndex(p.freeB, [&](const Ints& n) {
        Sum sum(inner, fused);
        forEachIndex(p.contract, [&](const Ints& k) {
          sum.add(scale * element(setting.inputs.at("a"), a, batch, m, k),
                  scale * element(setting.inputs.at("b"), b, batch, n, k));
        });
        results.push_back(sum.result());
      });
    });
  });
  return results;
}

std::vector<Product> products() {
  std::vector<Product> all;
  for (const Ints& batch : {Ints{}, Ints{3}})
    for (const Ints& freeA : {Ints{}, Ints{5}, Ints{3, 6}})
      for (const Ints& freeB : {Ints{}, Ints{18}})
        for (const Ints& contract : {Ints{2}, Ints{29}, Ints{150}, Ints{5, 33}}) {
          const auto n = static_cast<unsigned>(all.size());
          all.push_back({batch, freeA, freeB, contract, n % 2 == 1, n / 2 % 2 == 1, n / 4 % 2 == 1});
          all.push_back({batch, freeA, freeB, contract, n % 2 == 0, n / 2 % 2 == 1, n / 4 % 2 == 0});
        }
  return all;
}

void expectOrder(const Module& module, const CompiledSteps::Options& options) {
  const std::vector<Product> all = products();
  const std::string cpu = options.cpu == "native" ? codegen::hostCpu() : options.cpu;
  CompiledSteps compiled(module, options);
  for (size_t i = 0; i < all.size(); ++i) {
    Setting setting = makeSetting(module.functions[i], {});
    setting.steps = 1;
    const std::vector<double> want = expected(all[i], setting, hasFma(cpu));
    for (const int threads : {1, 3}) {
      const Trajectory found = compiled.run(i, setting, threads);
      ASSERT_EQ(found[0][0].floats, want)
          << fmt::format("{} on {} threads, {}{}", printFunction(module.functions[i], {.locations = false}), threads,
                         options.cpu, options.plain ? ", plain" : "");
    }
  }
}

TEST(ContractionOrder, IsThatOfTheOpInEveryForm) {
  Module module;
  module.name = "products";
  const std::vector<Product> all = products();
  for (size_t i = 0; i < all.size(); ++i) module.functions.push_back(functionOf(all[i], i));
  optimize(module, plainPipeline());
  expectOrder(module, CompiledSteps::plainOptions());
  optimize(module, exactPipeline());
  for (const std::string& cpu : runnableCpus()) expectOrder(module, {false, {}, cpu});
}

}  // namespace
}  // namespace nnc::testing
