// The verifier against wrong plans: the plans of the examples, each with one mistake of a kind. It must refuse them and
// name the mistake. NNC_RANDOM_SEED sets the seed; NNC_MUTANTS how many places of a kind are tried in each plan.
#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>

#include "frontend/elaborate.h"
#include "passes/pass.h"
#include "test/unit/plan/mutant.h"
#include "test/unit/plan/support.h"

namespace nnc::plan {
namespace {

/// No example has a branch.
constexpr const char* kBranch = R"(
  %p = leaf {kind="input", name="p"} : bool[]
  %x = leaf {kind="input", name="x"} : f32[B]
  %y = cond(%p, %x) : f32[B] {
    %a = arg {index=0} : f32[B]
    %n = exp(%a) : f32[B]
    return %n
  } else {
    %a = arg {index=0} : f32[B]
    %n = neg(%a) : f32[B]
    return %n
  }
  return %y
)";

/// The plans of the examples and of the tests' models, and one more.
std::vector<Plan> plans() {
  std::vector<std::filesystem::path> paths;
  for (const char* folder : {"/examples", "/test/models"})
    for (const auto& file : std::filesystem::directory_iterator(NNC_SOURCE_DIR + std::string(folder)))
      if (file.path().extension() == ".nn") paths.push_back(file.path());
  std::sort(paths.begin(), paths.end());
  std::vector<Plan> all = {makePlan(test::moduleOf(kBranch))};
  for (const auto& path : paths) {
    SourceManager sources;
    Diagnostics diagnostics(sources);
    std::optional<Module> module = compileSource(path.string(), {}, sources, diagnostics);
    if (!module || !runPasses(*module, defaultPipeline(), diagnostics)) {
      ADD_FAILURE() << path << "\n" << diagnostics.render(DiagFormat::Text);
      continue;
    }
    all.push_back(makePlan(*module));
  }
  return all;
}

bool names(const std::vector<std::string>& errors, const char* says) {
  const std::regex pattern(says);
  return std::any_of(errors.begin(), errors.end(), [&](const std::string& e) { return std::regex_search(e, pattern); });
}

TEST(PlanVerifier, RefusesWrongPlansAndNamesWhatIsWrong) {
  const char* given = std::getenv("NNC_RANDOM_SEED");
  const char* tries = std::getenv("NNC_MUTANT_ROUNDS");
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto seed = given ? std::strtoul(given, nullptr, 10)
                          : static_cast<unsigned long>(std::chrono::duration_cast<std::chrono::hours>(now).count());
  fmt::print("NNC_RANDOM_SEED={}\n", seed);
  std::mt19937 random(static_cast<uint32_t>(seed));
  size_t made = 0, caught = 0, misnamed = 0;
  const std::vector<Plan> all = plans();
  std::map<std::string, size_t> ofKind;
  const int rounds = tries ? std::atoi(tries) : 1;
  for (const MutationKind& kind : mutationKinds())
    // What one round of draws finds no place for, others may.
    for (int round = 0; round < rounds || (round < 20 && ofKind[kind.name] == 0); ++round)
      for (const Plan& plan : all) {
        Mutant mutant(plan, random);
        if (!kind.apply(mutant)) continue;
        ++made, ++ofKind[kind.name];
        const std::vector<std::string> errors = verifyPlan(mutant.plan);
        caught += !errors.empty();
        if (errors.empty())
          fmt::print("{}, not caught: {} in {}\n{}", plan.name, kind.name, mutant.entry.name, mutant.note);
        else if (!names(errors, kind.says) && ++misnamed)
          fmt::print("{}: {} is called: {}\n{}\n", plan.name, kind.name, errors[0], mutant.note);
      }
  for (const MutationKind& kind : mutationKinds()) EXPECT_GT(ofKind[kind.name], 0u) << kind.name << " fits no plan";
  fmt::print("{} wrong plans of {} kinds from {} plans, {} refused\n", made, mutationKinds().size(), all.size(),
             caught);
  EXPECT_GE(mutationKinds().size(), 80u);
  EXPECT_GE(static_cast<double>(caught), 0.98 * static_cast<double>(made));
  EXPECT_LE(static_cast<double>(misnamed), 0.005 * static_cast<double>(made)) << "called by another rule's name";
}

}  // namespace
}  // namespace nnc::plan
