// The figures of a run in its folder: metrics.jsonl (the record of truth) and metrics.csv (the same as a table).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/train/progress.h"

namespace nnc::train {

struct LogRecord {
  std::string train;  // the train block's name
  int64_t step = 0;   // steps done
  int64_t epoch = 0;  // counted from 1
  std::string split;  // "train", "valid", "test"
  double loss = 0;
  NamedValues metrics;
};

/// One line of metrics.jsonl, without the line end. Values that JSON cannot write (NaN, infinities) are null.
std::string toJsonLine(const LogRecord& record);

/// The records of a metrics.jsonl; a last line that a crash cut off is left out; null reads as NaN. Throws DataError
/// naming the line of a damaged record, or IoError.
std::vector<LogRecord> readMetricsLog(const std::string& path);

/// Appends records to both files; each record is one write, so that a crash can only cut off the last line.
class MetricsLog {
public:
  /// Starts new files in the folder. The CSV has a column for each of the metrics' names. Throws IoError.
  MetricsLog(const std::string& folder, std::vector<std::string> metricNames);
  /// Goes on from a checkpoint in `epoch` of train block `train`: what was logged of that epoch and after it is
  /// removed, a cut-off line too.
  static MetricsLog resume(const std::string& folder, std::vector<std::string> metricNames, const std::string& train,
                           int64_t epoch);
  ~MetricsLog();
  MetricsLog(MetricsLog&& other) noexcept;
  MetricsLog& operator=(MetricsLog&&) = delete;

  /// Throws IoError.
  void append(const LogRecord& record);

private:
  MetricsLog(const std::string& folder, std::vector<std::string> metricNames, const std::vector<LogRecord>& kept);
  std::string csvHeader() const;
  std::string csvLine(const LogRecord& record) const;

  std::string jsonPath_, csvPath_;
  std::vector<std::string> metricNames_;
  int jsonFd_ = -1, csvFd_ = -1;
};

}  // namespace nnc::train
