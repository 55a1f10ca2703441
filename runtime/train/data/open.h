// The one entry to data: opens a source of any format and divides it into train, valid and test.
#pragma once

#include <optional>
#include <string>

#include "runtime/train/data/dataset.h"
#include "runtime/train/data/text.h"

namespace nnc::train {

enum class DataFormat : uint8_t { Idx, Csv, Npy, Text, Images };

/// The format by its name in the language (`idx`, `csv`, `npy`, `text`, `images`); nothing for another name.
std::optional<DataFormat> dataFormat(std::string_view name);

/// How much of the training split becomes another split: a number of rows (≥ 1) or a share (between 0 and 1).
struct Portion {
  uint64_t rows = 0;
  double share = 0;
  bool wanted() const { return rows > 0 || share > 0; }
};

struct DataSettings {
  Portion valid, test;
  uint32_t folds = 0;  // ≥ 2: part number `fold` of so many of the training rows becomes the validation split
  uint32_t fold = 0;   // below `folds`
  TextUnit unit = TextUnit::Byte;
  TextRows textRows = TextRows::Window;
  int64_t window = 0;  // text: bytes or words of a row (of lines, at most), required; csv, npy: lines of a row, 0: one
  int64_t stride = 0;  // of windows: bytes, words or lines from one row to the next; 0 is `window`
  char separator = ',';  // csv
  bool header = true;    // csv

  /// From one window to the next.
  uint64_t step() const { return static_cast<uint64_t>(stride > 0 ? stride : window); }
};

/// Reads the whole source at `path`.
///
///   idx     a folder of IDX files (data/idx.h)
///   csv     a file, or a folder with train.csv and optionally valid.csv and test.csv
///   npy     an .npz file; a folder of .npy files; or a folder with train, valid, test, each .npz or a folder
///   text    a file, or a folder with train.txt and optionally valid.txt and test.txt
///   images  folders of images (data/images.h)
///
/// `valid` and `test` take rows from the training split where the source has no such split of its own (asking for one
/// that is there is a DataError). By windows they are the tail of the file, the test part last, so that no window
/// straddles a border. Elsewhere they are drawn at random, because files are often sorted by label; the draw
/// depends on the number of rows only, never on the seed of a run, so that runs with different seeds are judged on the
/// same rows.
///
/// By windows of csv and npy (time series) a split's row i is the lines from i · stride on, `window` of them: the
/// tables still hold lines, and `windowed` makes rows of a field's lines.
///
/// Throws DataError or IoError. Every split of the result has at least one row, and its tables the same fields, of the
/// same shapes (dtypes of CSV columns may differ from file to file).
RawDataset openDataset(DataFormat format, const std::string& path, const DataSettings& settings);

/// Whether the rows of the splits are windows of the tables' rows.
bool hasWindows(DataFormat format, const DataSettings& settings);

/// A field whose row i holds the rows from i · stride on, `window` of them: [window, …]. The bytes are shared.
RawField windowed(const RawField& field, const DataSettings& settings);

/// Fold `fold` of `folds` of the given rows for cross-validation: (training rows, validation rows), both ascending.
/// Every row validates in exactly one fold; the folds' sizes differ by at most one. Random, as a function of the seed.
std::pair<std::vector<uint32_t>, std::vector<uint32_t>> foldRows(std::span<const uint32_t> rows, uint32_t folds,
                                                                 uint32_t fold, uint64_t seed);

}  // namespace nnc::train
