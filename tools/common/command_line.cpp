#include "tools/common/command_line.h"

#include <fmt/format.h>
#include <unistd.h>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <new>
#include <optional>

#include "codegen/codegen.h"
#include "frontend/places.h"
#include "ir/read_text.h"
#include "runtime/train/error.h"
#include "runtime/train/file.h"
#include "runtime/train/model.h"

namespace nnc::tools {

int report(const Diagnostics& diagnostics, bool json) {
  if (!diagnostics.all().empty()) {
    const char* noColor = std::getenv("NO_COLOR");
    bool color = isatty(STDERR_FILENO) && (!noColor || !*noColor);
    DiagFormat format = json ? DiagFormat::Json : color ? DiagFormat::ColoredText : DiagFormat::Text;
    fmt::print(stderr, "{}", diagnostics.render(format));
  }
  // The model file itself cannot be read: the only error without a place.
  for (const Diagnostic& d : diagnostics.all())
    if (d.code == DiagCode::UnknownFile && !d.at) return kExitIo;
  return diagnostics.hasErrors() ? kExitSource : kExitOk;
}

int guarded(const char* tool, const std::function<int()>& run) {
  const auto fail = [tool](std::string_view message, int code) {
    fmt::print(stderr, "{}: {}\n", tool, message);
    return code;
  };
  try {
    return run();
  } catch (const UsageError& e) {
    return fail(e.message, kExitUsage);
  } catch (const IoFailure& e) {
    return fail(e.message, kExitIo);
  } catch (const codegen::CodegenError& e) {
    return fail(e.message, e.io ? kExitIo : kExitUsage);
  } catch (const train::RunError& e) {
    return fail(e.what(), e.exitCode());
  } catch (const train::CallError& e) {
    return fail(e.message, e.code == NNC_ERR_RANGE ? kExitData : kExitInternal);
  } catch (const std::bad_alloc&) {
    return fail("not enough memory", kExitIo);
  }
}

std::map<std::string, std::string> keyValues(const std::vector<std::string>& settings, const char* option) {
  std::map<std::string, std::string> result;
  for (const std::string& setting : settings) {
    if (firstBadUtf8(setting)) throw UsageError{fmt::format("{}: {} is not UTF-8", option, train::ticked(setting))};
    size_t equals = setting.find('=');
    if (equals == 0 || equals == std::string::npos)
      throw UsageError{fmt::format("{} wants name=value, not `{}`", option, setting)};
    if (!result.emplace(setting.substr(0, equals), setting.substr(equals + 1)).second)
      throw UsageError{fmt::format("{} names `{}` twice", option, setting.substr(0, equals))};
  }
  return result;
}

std::string readWholeFile(const std::string& path) {
  std::optional<std::string> text = readText(path);
  if (!text) throw IoFailure{fmt::format("cannot read {}: {}", path, std::strerror(errno))};
  return std::move(*text);
}

TemporaryFolder::TemporaryFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "nnc-XXXXXX").string();
  if (!mkdtemp(name.data()))
    throw IoFailure{"cannot make a folder in " + std::filesystem::temp_directory_path().string()};
  path = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path, ignored);
}

void writeWholeFile(const std::string& path, const std::string& bytes) {
  if (path == "-") {
    if (std::fwrite(bytes.data(), 1, bytes.size(), stdout) != bytes.size() || std::fflush(stdout) != 0)
      throw IoFailure{"cannot write to standard output"};
    return;
  }
  train::replaceFile(path, bytes);
}

std::string versionText() {
  return "nnc " NNC_VERSION " (LLVM " NNC_LLVM_VERSION ")";
}

}  // namespace nnc::tools
