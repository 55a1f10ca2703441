// What the source says about data and training, read from the compiled model's description (JSON).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "runtime/train/dtype.h"

namespace nnc::train {

struct FieldInfo {
  std::string name;
  DType dtype = DType::F32;
  std::vector<int64_t> shape;  // of one row
  int64_t bound = 0;           // exclusive upper bound of an index; 0: none
  std::string source;          // the reader's field that it is made of: its own name, "a..z", or what `symbols` numbers
  std::string symbols;         // "chars", "words", "category"; empty: none
  std::string vocabulary;      // the variable that keeps them

  /// Whether it is how many of the symbols in a row count, instead of their numbers.
  bool isLength() const { return !symbols.empty() && vocabulary.empty(); }
};

/// A statistic of what a data entry computes for each training row, kept in a variable.
struct StatisticInfo {
  std::string entry, variable;
  std::string of;  // "mean", "deviation", "min", "max"
};

/// What an entry computes for each row is a whole number of 0 .. bound-1.
struct CheckInfo {
  std::string entry, field;
  int64_t bound = 0;
};

struct DataInfo {
  std::string name, reader, path;
  std::map<std::string, std::string> settings;
  std::vector<FieldInfo> fields;
  std::vector<StatisticInfo> statistics;  // one that another's entry reads stands before it
  std::vector<CheckInfo> checks;          // once the statistics are taken
};

/// One number that is reported: a metric, or an element of one.
struct MetricInfo {
  std::string name;       // "accuracy", or "confusion[0][1]"
  std::string output;     // of the entries, of which it is
  size_t element = 0;     // this one, row-major
  bool stateful = false;  // its value at the end of a pass counts; else the mean over batches weighted by rows

  bool isWhole() const { return name == output; }
};

struct TrainInfo {
  std::string name, data, step, eval, startPass;
  int64_t batch = 1, epochs = 1, seed = 0, steps = 0, patience = 0;
  std::string monitor;
  bool maximize = false;
  std::vector<MetricInfo> metrics;
};

struct Description {
  std::vector<DataInfo> data;
  std::vector<TrainInfo> trains;
  std::map<std::string, std::string> copies;                         // variable → the one that it starts as a copy of
  std::map<std::string, std::string> hypers;                         // values in force
  std::map<std::pair<std::string, std::string>, std::string> texts;  // (entry, input or result) → vocabulary

  /// Of text a compiler made: a malformed one asserts.
  static Description parse(const char* json);
  const DataInfo& dataOf(const TrainInfo& train) const;
};

}  // namespace nnc::train
