#include "runtime/train/file.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support.h"

namespace nnc::train::test {
namespace {

TEST(AtomicFile, ReplacesOnCommitOnly) {
  TempFolder folder;
  const std::string path = folder.write("f", "old");
  {
    AtomicFile file(path);
    file.write("new");
    EXPECT_EQ(content(path), "old");
  }
  EXPECT_EQ(content(path), "old");
  EXPECT_EQ(listFolder(folder.path()), std::vector<std::string>{"f"});
  replaceFile(path, "new");
  EXPECT_EQ(content(path), "new");
  EXPECT_EQ(listFolder(folder.path()), std::vector<std::string>{"f"});
}

TEST(AtomicFile, KeepsPermissionsLinksAndWhatIsNoFile) {
  namespace fs = std::filesystem;
  TempFolder folder;
  const std::string path = folder.write("f", "old"), link = folder.path() + "/link", pipe = folder.path() + "/pipe";
  fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write);
  fs::create_symlink(path, link);
  replaceFile(link, "new");
  EXPECT_EQ(content(path), "new");
  EXPECT_TRUE(fs::is_symlink(link));
  EXPECT_EQ(fs::status(path).permissions(), fs::perms::owner_read | fs::perms::owner_write);
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const int reader = ::open(pipe.c_str(), O_RDONLY | O_NONBLOCK);
  replaceFile(pipe, "through");
  char got[8] = {};
  EXPECT_EQ(::read(reader, got, sizeof got), 7);
  EXPECT_STREQ(got, "through");
  EXPECT_TRUE(fs::is_fifo(pipe));
  ::close(reader);
}

TEST(FolderLock, IsOneProcessesUntilItEnds) {
  TempFolder folder;
  const auto refusedInAnother = [&] {
    const pid_t child = fork();
    if (child == 0) {
      try {
        const FolderLock lock(folder.path());
        _exit(0);
      } catch (const IoError&) {
        _exit(3);
      }
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WEXITSTATUS(status) == 3;
  };
  {
    const FolderLock lock(folder.path());
    EXPECT_TRUE(refusedInAnother());
  }
  EXPECT_FALSE(refusedInAnother());
  EXPECT_FALSE(refusedInAnother());  // the one before has ended
}

TEST(AtomicFile, FullDiskLeavesTheOldFile) {
  TempFolder folder;
  const std::string path = folder.write("f", "old");
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const auto handler = signal(SIGXFSZ, SIG_IGN);
  const rlimit small{4096, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  EXPECT_THROW(replaceFile(path, std::string(10000, 'x')), IoError);
  setrlimit(RLIMIT_FSIZE, &before);
  signal(SIGXFSZ, handler);
  EXPECT_EQ(content(path), "old");
  EXPECT_EQ(listFolder(folder.path()), std::vector<std::string>{"f"});
}

TEST(AtomicFile, KilledWritersTearNothingAndAreCleanedUp) {
  TempFolder folder;
  const std::string path = folder.write("f", std::string(200000, 'a'));
  for (int round = 0; round < 20; ++round) {
    const pid_t child = fork();
    if (child == 0) {
      for (char c = 'b';; c = c == 'z' ? 'b' : static_cast<char>(c + 1)) replaceFile(path, std::string(200000, c));
    }
    usleep(static_cast<useconds_t>(500 + 700 * round));
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    const std::string text = content(path);
    EXPECT_EQ(text, std::string(200000, text.at(0)));
  }
  replaceFile(path, "end");
  EXPECT_EQ(listFolder(folder.path()), std::vector<std::string>{"f"});
}

TEST(AtomicFile, FolderThatIsNotThereIsAnIoError) {
  EXPECT_EQ(errorOf<IoError>([] { replaceFile("/nonexistent/f", "x"); }),
            "/nonexistent/f: cannot write: No such file or directory");
}

TEST(ReadFile, FolderAndMissingFileAreIoErrors) {
  TempFolder folder;
  EXPECT_EQ(errorOf<IoError>([&] { readFile(folder.path()); }), folder.path() + ": is a folder, not a file");
  EXPECT_THROW(readFile(folder / "none"), IoError);
}

TEST(ReadFile, PipeIsReadToItsEnd) {
  TempFolder folder;
  const std::string pipe = folder / "pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  const pid_t child = fork();
  if (child == 0) {
    const int fd = open(pipe.c_str(), O_WRONLY);
    for (int i = 0; i < 30; ++i) {
      if (write(fd, std::string(10000, 'x').data(), 10000) < 0) _exit(1);
    }
    _exit(0);
  }
  EXPECT_EQ(readFile(pipe).size(), 300000u);
  waitpid(child, nullptr, 0);
}

TEST(Ticked, EscapesControlBytesAndBadUtf8AndCutsLongText) {
  EXPECT_EQ(ticked("größe\n\xFF"), "`größe\\x0A\\xFF`");
  EXPECT_EQ(ticked(std::string(100, 'x')), "`" + std::string(60, 'x') + "…`");
}

}  // namespace
}  // namespace nnc::train::test
