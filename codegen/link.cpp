// Linking by lld as a library: kernels, tables and the embedded runtime core into one shared object, or into one
// relocatable object or archive for a static link.
//
// The result names no needed library. The few functions of libc that the core calls (malloc-free by design: threads, if
// present) stay undefined and without a version; the dynamic linker finds them in the process that loads the library,
// which has a libc anyway. Linking against libc.so would bind them to the newest symbol versions of the build machine,
// and the library would not load on older systems.
#include <fcntl.h>
#include <fmt/format.h>
#include <lld/Common/Driver.h>
#include <llvm/ObjCopy/CommonConfig.h>
#include <llvm/ObjCopy/ELF/ELFConfig.h>
#include <llvm/ObjCopy/ELF/ELFObjcopy.h>
#include <llvm/Object/ArchiveWriter.h>
#include <llvm/Object/ELFObjectFile.h>
#include <llvm/Support/raw_ostream.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

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
    throw CodegenError{fmt::format("cannot hold an object in memory: {}", std::strerror(errno)), true};
  }
  int fd_;
};

/// Everything that is written to the reading end of a pipe until its last writer is gone.
std::string readToEnd(int fd) {
  std::string text;
  char part[4096];
  for (;;) {
    ssize_t n = ::read(fd, part, sizeof part);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return text;
    text.append(part, static_cast<size_t>(n));
  }
}

/// In the child: links, writes lld's messages into the pipe and ends the process.
[[noreturn]] void linkAndExit(const std::vector<const char*>& arguments, int messages) {
  llvm::raw_null_ostream nowhere;
  bool linked;
  {
    llvm::raw_fd_ostream stream(messages, /*shouldClose=*/true, /*unbuffered=*/true);
    linked = lld::lldMain(arguments, nowhere, stream, {{lld::Gnu, &lld::elf::link}}).retCode == 0;
  }
  ::_exit(linked ? 0 : 1);
}

/// Runs lld on files in memory, in a child process: lld keeps state that a later link of another kind trips over (LLVM
/// 19), and may end its process where it cannot go on.
void runLinker(std::vector<std::string> arguments, const std::vector<MemoryFile>& files, const std::string& output) {
  arguments.insert(arguments.begin(), "ld.lld");
  arguments.insert(arguments.end(), {"--threads=1", "--no-mmap-output-file", "-o", output});
  for (const MemoryFile& f : files) arguments.push_back(f.path());
  std::vector<const char*> pointers;
  for (const std::string& a : arguments) pointers.push_back(a.c_str());

  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw CodegenError{fmt::format("cannot link: {}", std::strerror(errno)), true};
  pid_t child = ::fork();
  if (child == 0) {
    ::close(ends[0]);
    linkAndExit(pointers, ends[1]);
  }
  int forkError = errno;
  ::close(ends[1]);
  std::string messages = child > 0 ? readToEnd(ends[0]) : "";
  ::close(ends[0]);
  if (child < 0) throw CodegenError{fmt::format("cannot link: {}", std::strerror(forkError)), true};
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFSIGNALED(status)) messages = fmt::format("the linker was ended by signal {}", WTERMSIG(status));
  if (status != 0) throw CodegenError{fmt::format("cannot link `{}`: {}", output, messages), true};
}

std::vector<MemoryFile> withCore(const std::vector<std::string>& objects) {
  std::vector<MemoryFile> files;
  for (const std::string& o : objects) files.emplace_back(o);
  for (std::string_view o : coreObjects()) files.emplace_back(o);
  return files;
}

std::string contentsOf(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// Symbols that are hidden outside of a shared object become local: two models may then be linked into one program.
std::string withLocalNames(const std::string& object) {
  auto failed = [](llvm::Error e) { return CodegenError{"cannot merge objects: " + llvm::toString(std::move(e))}; };
  auto file = llvm::object::ObjectFile::createObjectFile(llvm::MemoryBufferRef(object, "model.o"));
  if (!file) throw failed(file.takeError());
  llvm::objcopy::CommonConfig common;
  llvm::objcopy::ELFConfig elf;
  elf.LocalizeHidden = true;
  llvm::SmallString<0> bytes;
  llvm::raw_svector_ostream stream(bytes);
  auto& in = llvm::cast<llvm::object::ELFObjectFileBase>(**file);
  if (llvm::Error e = llvm::objcopy::elf::executeObjcopyOnBinary(common, elf, in, stream)) throw failed(std::move(e));
  return std::string(bytes);
}

}  // namespace

void linkSharedObject(const std::vector<std::string>& objects, const std::string& given) {
  namespace fs = std::filesystem;
  std::error_code failed;
  const fs::file_status there = fs::status(given, failed);
  if (fs::exists(there) && !fs::is_regular_file(there))
    throw CodegenError{fmt::format("cannot write `{}`: it is no file", given), true};
  const fs::path target = fs::canonical(given, failed);
  const std::string path = failed ? given : target.string();
  // Beside its place and then there: a process that has the old library loaded goes on with it, where one that was
  // overwritten would pull the code from under it.
  const std::string aside = fmt::format("{}.part-{}", path, ::getpid());
  try {
    runLinker(
        {"-shared", "--gc-sections", "-z", "now", "-z", "noexecstack", "--build-id=none", "--hash-style=gnu", "-O1"},
        withCore(objects), aside);
  } catch (...) {
    fs::remove(aside, failed);
    throw;
  }
  fs::rename(aside, path, failed);
  if (!failed) return;
  const std::string why = failed.message();
  fs::remove(aside, failed);
  throw CodegenError{fmt::format("cannot write `{}`: {}", path, why), true};
}

std::string linkRelocatable(const std::vector<std::string>& objects) {
  // lld replaces its output file, which one in memory does not allow.
  std::string path = (std::filesystem::temp_directory_path() / "nnc-XXXXXX").string();
  int fd = mkstemp(path.data());
  if (fd < 0) throw CodegenError{fmt::format("cannot make a temporary file: {}", std::strerror(errno)), true};
  ::close(fd);
  std::string merged;
  try {
    runLinker({"-r", "--build-id=none"}, withCore(objects), path);
    merged = contentsOf(path);
  } catch (...) {
    std::filesystem::remove(path);
    throw;
  }
  std::filesystem::remove(path);
  return withLocalNames(merged);
}

std::string makeArchive(const std::string& object, const std::string& member) {
  llvm::NewArchiveMember only(llvm::MemoryBufferRef(object, member));
  auto archive = llvm::writeArchiveToBuffer({std::move(only)}, llvm::SymtabWritingMode::NormalSymtab,
                                            llvm::object::Archive::K_GNU, /*Deterministic=*/true, /*Thin=*/false);
  if (!archive) throw CodegenError{"cannot make an archive: " + llvm::toString(archive.takeError())};
  return (*archive)->getBuffer().str();
}

}  // namespace nnc::codegen
