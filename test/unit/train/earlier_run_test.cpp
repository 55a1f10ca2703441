#include "runtime/train/earlier_run.h"

#include "support.h"

namespace nnc::train::test {
namespace {

using Names = std::vector<std::string>;

const Names kRun = {"best.safetensors", "checkpoint.safetensors", "metrics.jsonl"};

void writeRun(const TempFolder& folder, const std::string& name) {
  for (const std::string& file : kRun) folder.write(file, name);
}

void expectRun(const std::string& folder, const std::string& name) {
  EXPECT_EQ(listFolder(folder), kRun);
  for (const std::string& file : kRun) EXPECT_EQ(content(folder + "/" + file), name);
}

TEST(EarlierRun, MovesAsAWholeAndKeepsOne) {
  TempFolder folder;
  EXPECT_FALSE(setAsideEarlierRun(folder.path()));
  folder.write("metrics.jsonl", "no weights yet");
  EXPECT_FALSE(setAsideEarlierRun(folder.path()));
  folder.write("notes", "somebody's");
  for (const char* name : {"first", "second"}) {
    writeRun(folder, name);
    EXPECT_TRUE(setAsideEarlierRun(folder.path()));
    expectRun(folder.path() + "/previous", name);
    EXPECT_EQ(listFolder(folder.path()), (Names{"notes", "previous"}));
    EXPECT_FALSE(setAsideEarlierRun(folder.path()));
  }
}

/// Ended after any number of moves: the next call finds the rest.
TEST(EarlierRun, GoesOnWhereItWasEnded) {
  for (size_t moved = 0; moved <= kRun.size(); ++moved) {
    TempFolder folder;
    writeRun(folder, "first");
    EXPECT_TRUE(setAsideEarlierRun(folder.path()));
    writeRun(folder, "second");
    const std::string aside = folder.path() + "/previous.part";
    makeFolder(aside);
    for (size_t i = 0; i < moved; ++i) std::filesystem::rename(folder.path() + "/" + kRun[i], aside + "/" + kRun[i]);
    EXPECT_TRUE(setAsideEarlierRun(folder.path()));
    expectRun(folder.path() + "/previous", "second");
    EXPECT_EQ(listFolder(folder.path()), Names{"previous"});
  }
}

TEST(EarlierRun, LeavesFilesOfOthersAlone) {
  TempFolder folder;
  writeRun(folder, "first");
  makeFolder(folder.path() + "/previous");
  folder.write("previous/thesis", "somebody's");
  EXPECT_THROW(setAsideEarlierRun(folder.path()), IoError);
  EXPECT_EQ(content(folder.path() + "/previous/thesis"), "somebody's");
  expectRun(folder.path() + "/previous.part", "first");
}

}  // namespace
}  // namespace nnc::train::test
