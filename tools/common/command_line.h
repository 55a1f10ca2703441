// What every tool does at its command line: exit codes, its errors, files in and out.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "ir/diagnostic.h"

namespace nnc::tools {

/// Exit codes of the tools.
enum ExitCode : int {
  kExitOk = 0,
  kExitSource = 1,
  kExitUsage = 2,
  kExitIo = 3,
  kExitData = 4,
  kExitDiverged = 5,
  kExitInternal = 70,
  kExitInterrupted = 130,
};

/// Prints the diagnostics on standard error; returns kExitSource if one is an error (kExitIo if the model file
/// cannot be read), else kExitOk.
int report(const Diagnostics& diagnostics, bool json = false);

struct UsageError {
  std::string message;
};
struct IoFailure {
  std::string message;
};
/// Runs a tool; what it throws is printed behind the tool's name and becomes its exit code.
int guarded(const char* tool, const std::function<int()>& run);

/// Splits "name=value" settings of an option; throws UsageError.
std::map<std::string, std::string> keyValues(const std::vector<std::string>& settings, const char* option);
/// The whole file; throws IoFailure.
std::string readWholeFile(const std::string& path);
/// Writes a file as train::replaceFile does; "-" is standard output. Throws IoFailure or train::IoError.
void writeWholeFile(const std::string& path, const std::string& bytes);
/// A folder for temporary files that goes with the object.
struct TemporaryFolder {
  std::filesystem::path path;
  TemporaryFolder();  // throws IoFailure
  TemporaryFolder(const TemporaryFolder&) = delete;
  ~TemporaryFolder();
};

/// The version line: "nnc 0.1.0 (LLVM 19.1)".
std::string versionText();

}  // namespace nnc::tools
