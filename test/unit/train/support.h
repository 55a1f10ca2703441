// What the tests of the training runtime share: a folder that removes itself, files from bytes, and the checks that
// every damaged input is refused with DataError.
#pragma once

#include <gtest/gtest.h>
#include <zlib.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <random>
#include <string>

#include "runtime/train/error.h"
#include "runtime/train/file.h"

namespace nnc::train::test {

/// The bytes of a file.
inline std::string content(const std::string& path) {
  return std::string(readFile(path).text());
}

class TempFolder {
public:
  TempFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "nnc-test-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~TempFolder() { std::filesystem::remove_all(path_); }

  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }

  /// Writes a file, making the folders on its way, and gives its path.
  std::string write(const std::string& name, const std::string& bytes) const {
    const std::filesystem::path file = path_ + "/" + name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << bytes;
    return file.string();
  }

private:
  std::string path_;
};

inline Buffer bufferOf(const std::string& bytes) {
  Buffer buffer(bytes.size());
  std::copy(bytes.begin(), bytes.end(), reinterpret_cast<char*>(buffer.data()));
  return buffer;
}

inline std::string gzipped(const std::string& bytes) {
  std::string out(compressBound(bytes.size()) + 32, '\0');
  z_stream z{};
  deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  z.avail_in = static_cast<uInt>(bytes.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  deflate(&z, Z_FINISH);
  out.resize(z.total_out);
  deflateEnd(&z);
  return out;
}

/// The value in the byte order of the machine.
template <class T>
std::string bytesOf(T value) {
  return std::string(reinterpret_cast<const char*>(&value), sizeof value);
}

/// The message of the RunError that `action` throws; fails the test if it throws none.
template <class Error = DataError>
std::string errorOf(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  ADD_FAILURE() << "expected an error";
  return "";
}

/// Every proper prefix of a valid file must be refused.
inline void expectAllPrefixesRefused(const std::string& bytes, const std::function<void(const std::string&)>& read) {
  read(bytes);
  for (size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_THROW(read(bytes.substr(0, length)), DataError)
        << "cut after " << length << " of " << bytes.size() << " bytes";
  }
}

/// Random damage must be refused or read, and nothing else; meant to run under the sanitizers too.
inline void expectDamageSurvived(const std::string& bytes, const std::function<void(const std::string&)>& read) {
  std::mt19937 random(1);
  for (int i = 0; i < 2000; ++i) {
    std::string damaged = bytes;
    for (int flips = 1 + static_cast<int>(random() % 3); flips > 0; --flips) {
      damaged[random() % damaged.size()] = static_cast<char>(random() % 4 ? random() : (random() % 2 ? 0xFF : 0));
    }
    try {
      read(damaged);
    } catch (const DataError&) {
    }
  }
}

}  // namespace nnc::train::test
