#include "runtime/train/earlier_run.h"

#include <fmt/format.h>

#include <filesystem>

#include "runtime/train/error.h"
#include "runtime/train/file.h"

namespace nnc::train {

namespace fs = std::filesystem;

namespace {

/// What a run, or `nn plot` of it, leaves in its folder. The checkpoint goes first: without it nobody takes the rest
/// for a run that can be resumed.
constexpr const char* kRunFiles[] = {
    "checkpoint.safetensors", "best.safetensors", "metrics.jsonl", "metrics.csv", "curves.svg", "model.nn", "model.so"};

void moveFile(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::rename(from, to, error);
  if (error) throw IoError(from.string(), fmt::format("cannot move to {}: {}", to.string(), error.message()));
}

}  // namespace

bool setAsideEarlierRun(const std::string& folder) {
  const fs::path here(folder), aside = here / "previous.part", previous = here / "previous";
  std::error_code ignored;
  const bool begun = fs::exists(aside, ignored);
  if (!begun && !fs::exists(here / "checkpoint.safetensors", ignored) &&
      !fs::exists(here / "best.safetensors", ignored))
    return false;
  makeFolder(aside.string());
  for (const char* file : kRunFiles)
    if (fs::exists(here / file, ignored)) moveFile(here / file, aside / file);
  syncFolder(aside.string());
  syncFolder(folder);
  // All of the run is aside. Where `previous` holds files of somebody else, it stays, and the last move is refused.
  for (const char* file : kRunFiles) fs::remove(previous / file, ignored);
  moveFile(aside, previous);
  syncFolder(folder);
  return true;
}

}  // namespace nnc::train
