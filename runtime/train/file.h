// Whole files in memory: reading with every failure reported, listing a folder, and replacing a file so that a reader
// (or a crash) sees the old one or the new one, never a part.
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace nnc::train {

/// Shared bytes that are not initialised when allocated; copies share the memory.
class Buffer {
public:
  Buffer() = default;
  explicit Buffer(size_t size);

  std::byte* data() { return memory_.get(); }
  const std::byte* data() const { return memory_.get(); }
  size_t size() const { return size_; }
  std::span<const std::byte> span() const { return {memory_.get(), size_}; }
  std::string_view text() const { return {reinterpret_cast<const char*>(memory_.get()), size_}; }

private:
  std::shared_ptr<std::byte[]> memory_;
  size_t size_ = 0;
};

/// The whole file; a pipe or a device is read to its end, to at most 4 GiB. Throws IoError.
Buffer readFile(const std::string& path);
/// Standard input to its end, to at most 4 GiB. Throws IoError.
Buffer readStandardInput();

/// Names of the entries in a folder in byte order, hidden ones left out. Throws IoError.
std::vector<std::string> listFolder(const std::string& path);
/// Makes the folder and its parents if they are not there. Throws IoError.
void makeFolder(const std::string& path);
/// Makes what was renamed in a folder last, on file systems that can sync a folder. Throws IoError.
void syncFolder(const std::string& path);

/// Keeps other processes that ask likewise out of a folder, until it or the process ends, however it ends. Throws
/// IoError where another has it; a file system without locks lets everybody in.
class FolderLock {
public:
  explicit FolderLock(const std::string& path);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

private:
  int fd_ = -1;
};

/// Writes a file beside its final place and moves it there on commit: temporary file in the same folder, fsync, rename,
/// fsync of the folder. Without commit the old file stays and the temporary one is removed. The new file has the old
/// one's permissions; through a symbolic link its target is replaced. What is no regular file, a device or a pipe, is
/// written as it is. All throw IoError.
class AtomicFile {
public:
  explicit AtomicFile(std::string path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(std::span<const std::byte> bytes);
  void write(std::string_view text) { write(std::as_bytes(std::span(text))); }
  void commit();

private:
  std::string path_, temporary_;
  int fd_ = -1;
};

/// AtomicFile in one call.
void replaceFile(const std::string& path, std::string_view content);

}  // namespace nnc::train
