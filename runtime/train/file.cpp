#include "runtime/train/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>

#include "runtime/train/error.h"

namespace nnc::train {

namespace fs = std::filesystem;

namespace {

constexpr size_t kMostFromPipe = size_t{4} << 30;
// Linux moves at most 0x7ffff000 bytes in one call; a round number below keeps the offsets aligned.
constexpr size_t kMostPerCall = size_t{1} << 30;

/// Reads up to `count` bytes, fewer only at the end of the file.
size_t readFully(int fd, std::byte* into, size_t count, const std::string& path) {
  size_t done = 0;
  while (done < count) {
    const ssize_t got = ::read(fd, into + done, std::min(count - done, kMostPerCall));
    if (got == 0) break;
    if (got < 0) {
      if (errno == EINTR) continue;
      throw IoError::fromErrno(path, "read");
    }
    done += static_cast<size_t>(got);
  }
  return done;
}

Buffer readToEnd(int fd, const std::string& path) {
  std::vector<std::byte> bytes;
  size_t filled = 0;
  for (;;) {
    bytes.resize(std::max<size_t>(1 << 16, filled * 2));
    filled += readFully(fd, bytes.data() + filled, bytes.size() - filled, path);
    if (filled < bytes.size()) break;
    if (filled >= kMostFromPipe) throw IoError(path, "gives more than 4 GiB; write it to a file first");
  }
  Buffer buffer(filled);
  if (filled) std::memcpy(buffer.data(), bytes.data(), filled);
  return buffer;
}

Buffer readDescriptor(int fd, const std::string& path) {
  struct stat info{};
  if (::fstat(fd, &info) != 0) throw IoError::fromErrno(path, "read");
  if (S_ISDIR(info.st_mode)) throw IoError(path, "is a folder, not a file");
  if (!S_ISREG(info.st_mode)) return readToEnd(fd, path);
  Buffer buffer(static_cast<size_t>(info.st_size));
  if (readFully(fd, buffer.data(), buffer.size(), path) != buffer.size()) {
    throw IoError(path, "became shorter while it was read");
  }
  return buffer;
}

/// A crash leaves its temporary file behind; the next writer of the same path removes those whose process is gone.
void removeAbandoned(const fs::path& path) {
  const std::string prefix = path.filename().string() + ".tmp-";
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(path.has_parent_path() ? path.parent_path() : ".", ignored)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(prefix)) continue;
    pid_t owner = 0;
    const char* end = name.data() + name.size();
    const auto parsed = std::from_chars(name.data() + prefix.size(), end, owner);
    if (parsed.ec != std::errc{} || parsed.ptr != end || owner <= 0) continue;
    if (owner == ::getpid() || (::kill(owner, 0) != 0 && errno == ESRCH)) fs::remove(entry.path(), ignored);
  }
}

}  // namespace

Buffer::Buffer(size_t size) : memory_(new std::byte[size]), size_(size) {}

Buffer readFile(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) throw IoError::fromErrno(path, "open");
  struct Closer {
    int fd;
    ~Closer() { ::close(fd); }
  } closer{fd};
  return readDescriptor(fd, path);
}

Buffer readStandardInput() {
  return readDescriptor(STDIN_FILENO, "standard input");
}

std::vector<std::string> listFolder(const std::string& path) {
  std::error_code error;
  std::vector<std::string> names;
  for (fs::directory_iterator it(path, error), end; !error && it != end; it.increment(error)) {
    std::string name = it->path().filename().string();
    if (!name.starts_with('.')) names.push_back(std::move(name));
  }
  if (error) throw IoError(path, fmt::format("cannot list the folder: {}", error.message()));
  std::sort(names.begin(), names.end());
  return names;
}

void makeFolder(const std::string& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) throw IoError(path, fmt::format("cannot make the folder: {}", error.message()));
}

void syncFolder(const std::string& path) {
  const int dir = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (dir < 0) throw IoError::fromErrno(path, "open");
  const bool synced = ::fsync(dir) == 0 || errno == EINVAL;  // some cannot
  const int code = errno;
  ::close(dir);
  errno = code;
  if (!synced) throw IoError::fromErrno(path, "sync");
}

FolderLock::FolderLock(const std::string& path) : fd_(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
  if (fd_ < 0) throw IoError::fromErrno(path, "open");
  if (::flock(fd_, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) return;
  ::close(fd_);
  throw IoError(path, "another run is at work in this folder");
}

FolderLock::~FolderLock() {
  ::close(fd_);
}

AtomicFile::AtomicFile(std::string path) : path_(std::move(path)) {
  std::error_code missing;
  const fs::file_status status = fs::status(path_, missing);
  if (fs::exists(status) && !fs::is_regular_file(status)) {
    fd_ = ::open(path_.c_str(), O_WRONLY | O_CLOEXEC);
    if (fd_ < 0) throw IoError::fromErrno(path_, "write");
    return;
  }
  if (const fs::path target = fs::canonical(path_, missing); !missing) path_ = target.string();
  temporary_ = fmt::format("{}.tmp-{}", path_, ::getpid());
  removeAbandoned(path_);
  fd_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (fd_ < 0) throw IoError::fromErrno(path_, "write");
  if (fs::exists(status)) ::fchmod(fd_, static_cast<mode_t>(status.permissions()));  // a file system may have no modes
}

AtomicFile::~AtomicFile() {
  if (fd_ < 0) return;
  ::close(fd_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void AtomicFile::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd_, bytes.data(), std::min(bytes.size(), kMostPerCall));
    if (written < 0) {
      if (errno == EINTR) continue;
      throw IoError::fromErrno(path_, "write");
    }
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
}

void AtomicFile::commit() {
  if (temporary_.empty()) {
    if (::close(std::exchange(fd_, -1)) != 0) throw IoError::fromErrno(path_, "write");
    return;
  }
  if (::fsync(fd_) != 0) throw IoError::fromErrno(path_, "write");
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) throw IoError::fromErrno(path_, "replace");
  ::close(fd_);
  fd_ = -1;
  // The rename itself lasts only once the folder is on the disk.
  const fs::path folder = fs::path(path_).parent_path();
  syncFolder(folder.empty() ? "." : folder.string());
}

void replaceFile(const std::string& path, std::string_view content) {
  AtomicFile file(path);
  file.write(content);
  file.commit();
}

}  // namespace nnc::train
