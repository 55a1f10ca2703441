// Linking by lld as a library: kernels, tables and the embedded runtime core into one shared object.
//
// The result names no needed library. The few functions of libc that the core calls (malloc-free by design: threads, if
// present) stay undefined and without a version; the dynamic linker finds them in the process that loads the library,
// which has a libc anyway. Linking against libc.so would bind them to the newest symbol versions of the build machine,
// and the library would not load on older systems.
#include <fmt/format.h>
#include <lld/Common/Driver.h>
#include <llvm/Support/raw_ostream.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <mutex>

#include "codegen/codegen.h"
#include "codegen/core_object.h"

LLD_HAS_DRIVER(elf)

namespace nnc::codegen {
namespace {

/// A file that lives in memory, under a name lld can open.
class MemoryFile {
public:
  explicit MemoryFile(std::string_view bytes) : fd_(memfd_create("object", MFD_CLOEXEC)) {
    if (fd_ < 0) fail();
    while (!bytes.empty()) {
      ssize_t n = ::write(fd_, bytes.data(), bytes.size());
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) fail();
      bytes.remove_prefix(static_cast<size_t>(n));
    }
  }
  MemoryFile(MemoryFile&& o) noexcept : fd_(o.fd_) { o.fd_ = -1; }
  MemoryFile(const MemoryFile&) = delete;
  ~MemoryFile() {
    if (fd_ >= 0) ::close(fd_);
  }
  std::string path() const { return fmt::format("/proc/self/fd/{}", fd_); }

private:
  [[noreturn]] static void fail() {
    throw CodegenError{fmt::format("cannot hold an object in memory: {}", std::strerror(errno))};
  }
  int fd_;
};

/// Runs lld on files in memory.
void runLinker(std::vector<std::string> arguments, const std::vector<MemoryFile>& files, const std::string& output) {
  arguments.insert(arguments.begin(), "ld.lld");
  arguments.insert(arguments.end(), {"--threads=1", "-o", output});
  for (const MemoryFile& f : files) arguments.push_back(f.path());
  std::vector<const char*> pointers;
  for (const std::string& a : arguments) pointers.push_back(a.c_str());

  static std::mutex oneLinkAtATime;  // lld keeps global state
  std::lock_guard lock(oneLinkAtATime);
  // A relocatable link trips over what an earlier shared link leaves behind there (LLVM 19).
  static bool sharedBefore = false;
  bool relocatable = arguments[1] == "-r";
  if (relocatable && sharedBefore)
    throw CodegenError{"objects can be merged only before the first shared link of a process"};
  sharedBefore |= !relocatable;
  std::string text, messages;
  llvm::raw_string_ostream textStream(text), messageStream(messages);
  lld::Result result = lld::lldMain(pointers, textStream, messageStream, {{lld::Gnu, &lld::elf::link}});
  if (result.retCode != 0) throw CodegenError{fmt::format("cannot link `{}`: {}", output, messageStream.str())};
}

}  // namespace

void linkSharedObject(const std::vector<std::string>& objects, const plan::Plan&, const std::string& path) {
  std::vector<MemoryFile> files;
  for (const std::string& o : objects) files.emplace_back(o);
  for (std::string_view o : coreObjects()) files.emplace_back(o);
  runLinker(
      {"-shared", "--gc-sections", "-z", "now", "-z", "noexecstack", "--build-id=none", "--hash-style=gnu", "-O1"},
      files, path);
}

std::string mergeObjects(const std::vector<std::string>& objects) {
  std::vector<MemoryFile> files;
  for (const std::string& o : objects) files.emplace_back(o);
  // lld replaces its output file, which one in memory does not allow.
  std::string path = (std::filesystem::temp_directory_path() / "nnc-XXXXXX").string();
  int fd = mkstemp(path.data());
  if (fd < 0) throw CodegenError{fmt::format("cannot make a temporary file: {}", std::strerror(errno))};
  ::close(fd);
  runLinker({"-r", "--build-id=none"}, files, path);
  std::ifstream in(path, std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  std::filesystem::remove(path);
  return bytes;
}

}  // namespace nnc::codegen
