// Optimisation changes nothing, the whole way: random training steps, compiled plain and by the default pipeline, give
// what the interpreter gives. NNC_RANDOM_SEED sets the first seed, NNC_RANDOM_GRAPHS how many. A failing graph is made
// small and printed; such texts stand in cases/, which are run each time.
#include <fmt/format.h>
#include <gtest/gtest.h>

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

constexpr int kShards = 4;  // tests that ctest may run at the same time
constexpr size_t kBatch = 25;

struct Failure {
  std::string what;
  bool crash = false;
};

/// What is wrong with each of the modules; a crash in one of many is found by running them one by one.
std::vector<Failure> failuresOf(const std::vector<Module>& modules, bool exact, Comparison* counts = nullptr) {
  std::vector<Failure> failures(modules.size());
  const Isolated run = isolated(120, [&] {
    const Comparison c = compare(modules, exact);
    if (!c.trouble.empty()) return c.trouble;
    std::string text = fmt::format("{} {} {} {}\n", c.decided, c.undecided, c.bitwise, c.outOfRange);
    for (size_t i = 0; i < c.failures.size(); ++i)
      if (!c.failures[i].empty()) text += fmt::format("{} {}\n", i, c.failures[i]);
    return text;
  });
  const bool whole = run.crash.empty() && !run.text.empty() && std::isdigit(static_cast<unsigned char>(run.text[0]));
  if (!whole && modules.size() > 1) {
    for (size_t i = 0; i < modules.size(); ++i) failures[i] = failuresOf({modules[i]}, exact, counts)[0];
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
std::string smallest(const Module& module, bool exact, const Failure& failure) {
  const Module small = reduced(module, [&](const Module& m) {
    const Failure f = failuresOf({m}, exact)[0];
    // "signal 6" stays "signal 6"
    return !f.what.empty() && f.crash == failure.crash &&
           (!f.crash || f.what.substr(0, 8) == failure.what.substr(0, 8));
  });
  return fmt::format("{}\n{}", failuresOf({small}, exact)[0].what, printModule(small, {.locations = false}));
}

uint32_t firstSeed() {
  const char* given = std::getenv("NNC_RANDOM_SEED");
  return given ? static_cast<uint32_t>(std::strtoul(given, nullptr, 10)) : 1;
}

class RandomSteps : public ::testing::TestWithParam<int> {};

TEST_P(RandomSteps, CompiledAsInterpreted) {
  const char* given = std::getenv("NNC_RANDOM_GRAPHS");
  const auto count = given ? static_cast<uint32_t>(std::atoi(given)) : 48u;
  const uint32_t first = firstSeed() + static_cast<uint32_t>(GetParam()) * ((count + kShards - 1) / kShards);
  fmt::print("seeds {} to {}\n", first, first + count / kShards - 1);
  Comparison counts;
  for (uint32_t seed = first; seed < first + count / kShards && !HasFailure();) {
    std::vector<uint32_t> seeds;
    std::vector<Module> modules;
    for (; modules.size() < kBatch && seed < first + count / kShards; ++seed) {
      seeds.push_back(seed);
      modules.push_back(randomModule(seed));
    }
    const bool exact = seed / kBatch % 2 == 0;  // by turns
    const std::vector<Failure> failures = failuresOf(modules, exact, &counts);
    for (size_t i = 0; i < modules.size(); ++i)
      if (!failures[i].what.empty())
        ADD_FAILURE() << "seed " << seeds[i] << ": " << failures[i].what
                      << "\nmade small: " << smallest(modules[i], exact, failures[i]);
  }
  fmt::print("{} values decided, {} undecided; {} results bit for bit, {} out of range\n", counts.decided,
             counts.undecided, counts.bitwise, counts.outOfRange);
  if (count >= 400 && !HasFailure()) {
    EXPECT_GT(counts.decided, 20 * counts.undecided) << "the bounds are too wide to find anything";
  }
}
INSTANTIATE_TEST_SUITE_P(Shard, RandomSteps, ::testing::Range(0, kShards));

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
    for (bool exact : {false, true}) EXPECT_EQ(failuresOf({module}, exact)[0].what, "") << entry.path();
  }
}

}  // namespace
}  // namespace nnc::testing
