// Optimisation changes nothing, the whole way: random training steps, compiled plain and by the default pipeline, give
// what the interpreter gives. Of each graph: forward, gradients and three training steps at the bound of the batch, one
// at smaller sizes; on 1 and 3 threads; of odd seeds without the passes that may change bits, and then bit for bit; one
// in eight with the machine code that users get, the others with what LLVM makes fastest. Other seeds in each run
// (printed): NNC_RANDOM_SEED sets the first, NNC_RANDOM_GRAPHS how many. A failing graph is made small and printed;
// such texts stand in cases/, which are run each time.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

#include "differential.h"
#include "ir/text.h"
#include "isolated.h"
#include "random_graph.h"
#include "reduce.h"

namespace nnc::testing {
namespace {

constexpr uint32_t kShards = 4;  // tests that ctest may run at the same time
constexpr size_t kBatch = 25;

struct Failure {
  std::string what;
  bool crash = false;
};

/// What is wrong with each of the modules; a crash in one of many is found by running them one by one.
std::vector<Failure> failuresOf(const std::vector<Module>& modules, How how, Comparison* counts = nullptr) {
  std::vector<Failure> failures(modules.size());
  if (modules.empty()) return failures;
  const Isolated run = isolated(120, [&] {
    const Comparison c = compare(modules, how);
    if (!c.trouble.empty()) return c.trouble;
    std::string text = fmt::format("{} {} {} {}\n", c.decided, c.undecided, c.bitwise, c.outOfRange);
    for (size_t i = 0; i < c.failures.size(); ++i)
      if (!c.failures[i].empty()) text += fmt::format("{} {}\n", i, c.failures[i]);
    return text;
  });
  const bool whole = run.crash.empty() && !run.text.empty() && std::isdigit(static_cast<unsigned char>(run.text[0]));
  if (!whole && modules.size() > 1) {
    for (size_t i = 0; i < modules.size(); ++i) failures[i] = failuresOf({modules[i]}, how, counts)[0];
    return failures;
  }
  if (!whole) {
    failures[0] = {run.crash.empty() ? run.text : run.crash, !run.crash.empty()};
    return failures;
  }
  std::istringstream lines(run.text);
  size_t number = 0;
  std::string rest;
  std::getline(lines, rest);
  if (counts) {
    Comparison c;
    std::istringstream(rest) >> c.decided >> c.undecided >> c.bitwise >> c.outOfRange;
    counts->decided += c.decided;
    counts->undecided += c.undecided;
    counts->bitwise += c.bitwise;
    counts->outOfRange += c.outOfRange;
  }
  while (lines >> number && std::getline(lines, rest)) failures.at(number).what = rest.substr(1);
  return failures;
}

/// The failing module, small, as text.
std::string smallest(const Module& module, How how, const Failure& failure) {
  const Module small = reduced(module, [&](const Module& m) {
    const Failure f = failuresOf({m}, how)[0];
    // "signal 6" stays "signal 6"
    return !f.what.empty() && f.crash == failure.crash &&
           (!f.crash || f.what.substr(0, 8) == failure.what.substr(0, 8));
  });
  return fmt::format("{}\n{}", failuresOf({small}, how)[0].what, printModule(small, {.locations = false}));
}

uint32_t numberFrom(const char* variable, uint32_t otherwise) {
  const char* given = std::getenv(variable);
  return given ? static_cast<uint32_t>(std::strtoul(given, nullptr, 10)) : otherwise;
}

class RandomSteps : public ::testing::TestWithParam<uint32_t> {};

/// The step functions of some seeds, all compared in one way.
class Batch {
public:
  explicit Batch(How how) : how_(how) {}
  void add(uint32_t seed) {
    seeds_.push_back(seed);
    modules_.push_back(randomModule(seed));
  }
  bool full() const { return modules_.size() == kBatch; }

  void compareAll(Comparison& counts) {
    const std::vector<Failure> failures = failuresOf(modules_, how_, &counts);
    for (size_t i = 0; i < modules_.size(); ++i)
      if (!failures[i].what.empty())
        ADD_FAILURE() << fmt::format(
            "seed {}: {}\nagain: NNC_RANDOM_SEED={} NNC_RANDOM_GRAPHS=1 unit_whole --gtest_filter=*Interpreted/0\n"
            "made small: {}",
            seeds_[i], failures[i].what, seeds_[i], smallest(modules_[i], how_, failures[i]));
    seeds_.clear();
    modules_.clear();
  }

private:
  How how_;
  std::vector<uint32_t> seeds_;
  std::vector<Module> modules_;
};

TEST_P(RandomSteps, CompiledAsInterpreted) {
  const uint32_t count = numberFrom("NNC_RANDOM_GRAPHS", 2000), share = (count + kShards - 1) / kShards;
  const uint32_t from = numberFrom("NNC_RANDOM_SEED", std::random_device{}()) + GetParam() * share;
  const uint32_t mine = std::min(share, count - std::min(count, GetParam() * share));
  fmt::print("{} seeds from {} on\n", mine, from);
  Comparison counts;
  Batch batches[] = {Batch({false, false}), Batch({true, false}), Batch({false, true}), Batch({true, true})};
  for (uint32_t i = 0; i < mine && !HasFailure(); ++i) {
    const uint32_t seed = from + i;
    Batch& batch = batches[seed % 2 + (seed % 16 < 2 ? 0 : 2)];
    batch.add(seed);
    if (batch.full()) batch.compareAll(counts);
  }
  for (Batch& batch : batches)
    if (!HasFailure()) batch.compareAll(counts);
  fmt::print("{} values decided, {} undecided; {} results bit for bit, {} runs out of range\n", counts.decided,
             counts.undecided, counts.bitwise, counts.outOfRange);
  if (mine >= 200 && !HasFailure()) {
    EXPECT_GT(counts.decided, 10 * counts.undecided) << "the bounds are too wide to find anything";
    EXPECT_GT(counts.bitwise, mine) << "hardly anything is compared bit for bit";
  }
}
INSTANTIATE_TEST_SUITE_P(Shard, RandomSteps, ::testing::Range(0u, kShards));

/// For looking at a seed: NNC_SHOW_SEED=7 prints its module.
TEST(Cases, Show) {
  if (const char* seed = std::getenv("NNC_SHOW_SEED"))
    fmt::print("{}", printModule(randomModule(static_cast<uint32_t>(std::atoi(seed))), {.locations = false}));
}

TEST(Cases, ReducedCasesStayRight) {
  for (const auto& entry : std::filesystem::directory_iterator(NNC_SOURCE_DIR "/test/unit/whole/cases")) {
    std::ifstream in(entry.path());
    std::stringstream text;
    text << in.rdbuf();
    SourceManager sources;
    Diagnostics diagnostics(sources);
    const Module module = parseModule(sources.add(entry.path(), text.str()), sources, diagnostics);
    ASSERT_FALSE(diagnostics.hasErrors()) << diagnostics.render(DiagFormat::Text);
    for (bool exact : {false, true}) EXPECT_EQ(failuresOf({module}, {exact, false})[0].what, "") << entry.path();
  }
}

}  // namespace
}  // namespace nnc::testing
