#include "runtime/train/data/open.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <filesystem>
#include <map>
#include <numeric>

#include "runtime/train/data/csv.h"
#include "runtime/train/data/idx.h"
#include "runtime/train/data/images.h"
#include "runtime/train/data/npy.h"
#include "runtime/train/data/text.h"
#include "runtime/train/error.h"
#include "runtime/train/shuffle.h"

namespace nnc::train {

namespace fs = std::filesystem;

namespace {

constexpr const char* kSplitNames[] = {"train", "valid", "test"};

/// Rows (or tokens of a text) that a portion of `all` asks for.
uint64_t countOf(const Portion& portion, uint64_t all) {
  if (portion.rows) return portion.rows;
  if (portion.share <= 0) return 0;
  return std::max<uint64_t>(1, static_cast<uint64_t>(std::llround(portion.share * static_cast<double>(all))));
}

struct SplitPath {
  std::string split, path;
};

/// The files or folders of the splits: `path` alone, or those in it named train, valid and test with one of the
/// suffixes.
std::vector<SplitPath> splitPaths(const std::string& path, std::initializer_list<const char*> suffixes) {
  if (!fs::is_directory(path)) return {{"train", path}};
  std::vector<SplitPath> found;
  for (const char* split : kSplitNames) {
    for (const char* suffix : suffixes) {
      const std::string candidate = fmt::format("{}/{}{}", path, split, suffix);
      if (!fs::exists(candidate)) continue;
      found.push_back({split, candidate});
      break;
    }
  }
  return found;
}

template <class Read>
RawDataset readTables(const std::vector<SplitPath>& paths, const std::string& path, const char* expected, Read read) {
  if (paths.empty() || paths[0].split != "train") throw DataError(path, "", fmt::format("holds no {}", expected));
  RawDataset dataset;
  for (const SplitPath& from : paths) {
    dataset.tables.push_back(read(from.path));
    dataset.splits.push_back({from.split, dataset.tables.size() - 1, {}});
  }
  return dataset;
}

RawDataset readNpySource(const std::string& path) {
  auto paths = splitPaths(path, {".npz", ""});
  if (paths.empty()) paths = {{"train", path}};
  return readTables(paths, path, "train.npz", readNpyTable);
}

/// A split cannot both come with the source and be taken from its training rows.
void refuseSecond(const std::string& path, const char* split, bool there) {
  if (there)
    throw DataError(path, "", fmt::format("has a {} split of its own; leave out the setting `{}`", split, split));
}

/// Tokens or lines at the tail for a portion; rows are whole windows.
uint64_t tailOf(const Portion& portion, uint64_t all, const DataSettings& settings) {
  if (!portion.rows) return countOf(portion, all);
  const uint64_t step = settings.step();
  if (portion.rows > all / step + 1) return all;  // more than there is; refused as an empty training part
  return (portion.rows - 1) * step + static_cast<uint64_t>(settings.window);
}

/// The training text without the tails that become the validation and the test part; files of their own are read whole.
RawDataset readTextSource(const std::string& path, const DataSettings& settings) {
  const auto stride = static_cast<int64_t>(settings.step());
  const auto paths = splitPaths(path, {".txt"});
  if (paths.empty() || paths[0].split != "train") throw DataError(path, "", "holds no train.txt");
  RawDataset dataset;
  auto add = [&](const char* split, const Tokens& tokens, size_t begin, size_t end) {
    dataset.tables.push_back(windowTable(tokens, begin, end, settings.window, stride, fmt::format("{} part", split)));
    dataset.splits.push_back({split, dataset.tables.size() - 1, {}});
  };
  auto own = [&](const char* split) {
    const auto it = std::find_if(paths.begin(), paths.end(), [&](const SplitPath& p) { return p.split == split; });
    return it == paths.end() ? nullptr : &*it;
  };
  const Tokens text = readTokens(paths[0].path, settings.unit);
  size_t end = text.count();
  for (const auto& [split, portion] : {std::pair{"test", &settings.test}, {"valid", &settings.valid}}) {
    if (portion->wanted()) refuseSecond(path, split, own(split) != nullptr);
    if (const SplitPath* from = own(split)) {
      const Tokens tokens = readTokens(from->path, settings.unit);
      add(split, tokens, 0, tokens.count());
    } else if (portion->wanted()) {
      const size_t begin = end - std::min<uint64_t>(tailOf(*portion, text.count(), settings), end);
      add(split, text, begin, end);
      end = begin;
    }
  }
  add("train", text, 0, end);
  return dataset;
}

RawDataset readSource(DataFormat format, const std::string& path, const DataSettings& settings) {
  switch (format) {
    case DataFormat::Idx:
      return readIdxFolder(path);
    case DataFormat::Npy:
      return readNpySource(path);
    case DataFormat::Text:
      if (settings.textRows == TextRows::Window) return readTextSource(path, settings);
      return readTables(splitPaths(path, {".txt"}), path, "train.txt",
                        [&](const std::string& file) { return lineTable(file, settings.unit, settings.window); });
    case DataFormat::Images:
      return readImageFolders(path);
    case DataFormat::Csv:
      break;
  }
  const CsvSettings csv{settings.separator, settings.header};
  return readTables(splitPaths(path, {".csv"}), path, "train.csv",
                    [&](const std::string& file) { return readCsv(file, csv); });
}

/// Orders the splits as train, valid, test.
void sortSplits(RawDataset& dataset) {
  auto rank = [](const Split& split) { return std::find(std::begin(kSplitNames), std::end(kSplitNames), split.name); };
  std::sort(dataset.splits.begin(), dataset.splits.end(),
            [&](const Split& a, const Split& b) { return rank(a) < rank(b); });
}

/// Moves a random part of the training rows to a new split; `draw` tells the draws of one data set apart.
void takeFromTrain(RawDataset& dataset, const char* name, const Portion& portion, uint64_t draw) {
  const std::string& file = dataset.tableOf(dataset.splits[0]).file;
  refuseSecond(file, name, dataset.find(name) != nullptr);
  Split& train = dataset.splits[0];
  const uint64_t count = countOf(portion, train.rows.size());
  if (count >= train.rows.size()) {
    throw DataError(file, "",
                    fmt::format("`{} = {}` leaves no training rows: there are {}", name, count, train.rows.size()));
  }
  const auto order = shuffledRows(static_cast<uint32_t>(train.rows.size()), 0, draw, ShuffleUse::SplitRows);
  std::vector<bool> taken(train.rows.size(), false);
  for (uint64_t i = 0; i < count; ++i) taken[order[i]] = true;
  std::vector<uint32_t> kept, moved;
  for (size_t i = 0; i < train.rows.size(); ++i) (taken[i] ? moved : kept).push_back(train.rows[i]);
  const size_t table = train.table;
  train.rows = std::move(kept);
  dataset.splits.push_back({name, table, std::move(moved)});
  sortSplits(dataset);
}

/// The windows that lie within the lines from `begin` to `end`, by their numbers.
std::vector<uint32_t> windowsWithin(uint64_t begin, uint64_t end, uint64_t all, const DataSettings& settings,
                                    const std::string& file, const std::string& split) {
  const uint64_t stride = settings.step(), window = static_cast<uint64_t>(settings.window);
  std::vector<uint32_t> numbers;
  for (uint64_t w = (begin + stride - 1) / stride; w * stride + window <= end; ++w)
    numbers.push_back(static_cast<uint32_t>(w));
  if (numbers.empty())
    throw DataError(
        file, "",
        fmt::format("no window of {} lines, every {} from the first line on, lies within the {} part, which "
                    "is {} of {} lines",
                    window, stride, split, end - begin, all));
  return numbers;
}

/// Where the lines of a portion at the tail of `end` lines begin: so many lines, or the first line of so many windows.
uint64_t tailBegin(const Portion& portion, uint64_t all, uint64_t end, const DataSettings& settings) {
  if (!portion.rows) return end - std::min(countOf(portion, all), end);
  const uint64_t window = static_cast<uint64_t>(settings.window);
  const uint64_t windows = end < window ? 0 : (end - window) / settings.step() + 1;
  return (windows - std::min(portion.rows, windows)) * settings.step();
}

/// Splits whose rows are windows: the tails of the training lines become the validation and the test part.
void splitWindows(RawDataset& dataset, const DataSettings& settings) {
  const std::string file = dataset.tableOf(dataset.splits[0]).file;
  const uint64_t all = dataset.tableOf(dataset.splits[0]).rows;
  uint64_t end = all;
  for (const auto& [name, portion] : {std::pair{"test", &settings.test}, {"valid", &settings.valid}}) {
    if (!portion->wanted()) continue;
    refuseSecond(file, name, dataset.find(name) != nullptr);
    const uint64_t begin = tailBegin(*portion, all, end, settings);
    dataset.splits.push_back({name, dataset.splits[0].table, windowsWithin(begin, end, all, settings, file, name)});
    end = begin;
  }
  for (Split& split : dataset.splits) {
    if (!split.rows.empty()) continue;
    const RawTable& table = dataset.tableOf(split);
    split.rows =
        windowsWithin(0, split.name == "train" ? end : table.rows, table.rows, settings, table.file, split.name);
  }
  sortSplits(dataset);
}

/// Makes one of the equal parts of the training rows the validation split. The parts depend on the number of rows only.
void takeFold(RawDataset& dataset, const DataSettings& settings) {
  const std::string& file = dataset.tableOf(dataset.splits[0]).file;
  refuseSecond(file, "valid", dataset.find("valid") != nullptr);
  Split& train = dataset.splits[0];
  if (train.rows.size() < settings.folds)
    throw DataError(file, "", fmt::format("`folds = {}`: there are {} rows", settings.folds, train.rows.size()));
  auto [kept, moved] = foldRows(train.rows, settings.folds, settings.fold, 0);
  const size_t table = train.table;
  train.rows = std::move(kept);
  dataset.splits.push_back({"valid", table, std::move(moved)});
  sortSplits(dataset);
}

/// Every table must have the training table's fields, in its order.
void checkSameFields(const RawTable& train, const RawTable& other) {
  if (&train == &other) return;
  std::map<std::string_view, const RawField*> byName;
  for (const RawField& field : other.fields) byName[field.name] = &field;
  for (const RawField& field : train.fields) {
    const auto found = byName.extract(field.name);
    const RawField& same = found ? *found.mapped() : other.at(field.name);
    if (same.extents == field.extents) continue;
    throw DataError(other.file, fmt::format("field {}", ticked(field.name)),
                    fmt::format("has rows of shape {}, but those of {} have {}", shapeText(same.extents), train.file,
                                shapeText(field.extents)));
  }
  for (const auto& [name, field] : byName) train.at(name);
}

}  // namespace

std::optional<DataFormat> dataFormat(std::string_view name) {
  constexpr std::string_view kNames[] = {"idx", "csv", "npy", "text", "images"};
  const auto* it = std::find(std::begin(kNames), std::end(kNames), name);
  if (it == std::end(kNames)) return std::nullopt;
  return static_cast<DataFormat>(it - kNames);
}

RawDataset openDataset(DataFormat format, const std::string& path, const DataSettings& settings) {
  std::error_code error;
  if (!fs::exists(path, error)) throw IoError(path, "no such file or folder");
  if (format == DataFormat::Text && settings.window <= 0) {
    throw DataError(path, "", "text needs `window`, the number of bytes or words in a row");
  }
  RawDataset dataset = readSource(format, path, settings);
  sortSplits(dataset);
  const RawTable& train = dataset.tableOf(dataset.splits[0]);
  for (Split& split : dataset.splits) {
    const RawTable& table = dataset.tableOf(split);
    if (table.rows == 0) throw DataError(table.file, "", fmt::format("the {} split has no rows", split.name));
    checkSameFields(train, table);
  }
  if (hasWindows(format, settings)) {
    splitWindows(dataset, settings);
    return dataset;
  }
  for (Split& split : dataset.splits) {
    split.rows.resize(dataset.tableOf(split).rows);
    std::iota(split.rows.begin(), split.rows.end(), 0U);
  }
  if (format == DataFormat::Text && settings.textRows == TextRows::Window) return dataset;
  if (settings.test.wanted()) takeFromTrain(dataset, "test", settings.test, 0);
  if (settings.valid.wanted()) takeFromTrain(dataset, "valid", settings.valid, 1);
  if (settings.folds) takeFold(dataset, settings);
  return dataset;
}

bool hasWindows(DataFormat format, const DataSettings& settings) {
  return settings.window > 0 && (format == DataFormat::Csv || format == DataFormat::Npy);
}

RawField windowed(const RawField& field, const DataSettings& settings) {
  const uint64_t stride = settings.step(), window = static_cast<uint64_t>(settings.window);
  assert(field.rowStride == field.rowBytes() && field.rows >= window);
  RawField rows = field;
  rows.extents.insert(rows.extents.begin(), settings.window);
  rows.rowStride = stride * field.rowStride;
  rows.rows = (field.rows - window) / stride + 1;
  return rows;
}

std::pair<std::vector<uint32_t>, std::vector<uint32_t>> foldRows(std::span<const uint32_t> rows, uint32_t folds,
                                                                 uint32_t fold, uint64_t seed) {
  assert(folds >= 2 && fold < folds);
  const auto order = shuffledRows(static_cast<uint32_t>(rows.size()), seed, 0, ShuffleUse::Folds);
  std::pair<std::vector<uint32_t>, std::vector<uint32_t>> split;
  for (size_t i = 0; i < rows.size(); ++i) (i % folds == fold ? split.second : split.first).push_back(rows[order[i]]);
  std::sort(split.first.begin(), split.first.end());
  std::sort(split.second.begin(), split.second.end());
  return split;
}

}  // namespace nnc::train
