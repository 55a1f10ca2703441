#include "runtime/train/metrics_log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "runtime/train/error.h"
#include "runtime/train/file.h"

namespace nnc::train {

namespace {

using OrderedJson = nlohmann::ordered_json;

OrderedJson numberOrNull(double value) {
  return std::isfinite(value) ? OrderedJson(value) : OrderedJson(nullptr);
}

double numberOf(const OrderedJson& value) {
  return value.is_null() ? std::numeric_limits<double>::quiet_NaN() : value.get<double>();
}

/// Throws where the file says something else.
int64_t wholeNumber(const OrderedJson& json) {
  if (!json.is_number_integer()) throw OrderedJson::other_error::create(501, "no whole number", &json);
  return json.get<int64_t>();
}

LogRecord fromJson(const OrderedJson& json) {
  LogRecord record;
  record.train = json.at("train").get<std::string>();
  record.step = wholeNumber(json.at("step"));
  record.epoch = wholeNumber(json.at("epoch"));
  record.split = json.at("split").get<std::string>();
  record.loss = numberOf(json.at("loss"));
  for (const auto& [name, value] : json.at("metrics").items()) record.metrics.emplace_back(name, numberOf(value));
  return record;
}

/// The records before the first one that a checkpoint in `epoch` of `train` does not know: that epoch's of the block,
/// or any record of another block after it (blocks run one after the other).
std::vector<LogRecord> keptRecords(std::vector<LogRecord> records, const std::string& train, int64_t epoch) {
  bool seen = false;
  const auto cut = std::find_if(records.begin(), records.end(), [&](const LogRecord& record) {
    const bool later = record.train == train ? record.epoch >= epoch : seen;
    seen |= record.train == train;
    return later;
  });
  records.erase(cut, records.end());
  return records;
}

int openForAppend(const std::string& path) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
  if (fd < 0) throw IoError::fromErrno(path, "write");
  return fd;
}

void writeLine(int fd, const std::string& path, const std::string& line) {
  const std::string text = line + "\n";
  ssize_t written;
  do written = ::write(fd, text.data(), text.size());
  while (written < 0 && errno == EINTR);
  if (written < 0) throw IoError::fromErrno(path, "write");
  if (static_cast<size_t>(written) != text.size()) throw IoError(path, "cannot write: the disk is full");
}

}  // namespace

std::string toJsonLine(const LogRecord& record) {
  OrderedJson json = OrderedJson::object();
  json["train"] = record.train;
  json["step"] = record.step;
  json["epoch"] = record.epoch;
  json["split"] = record.split;
  json["loss"] = numberOrNull(record.loss);
  json["metrics"] = OrderedJson::object();
  for (const auto& [name, value] : record.metrics) json["metrics"][name] = numberOrNull(value);
  return json.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}

std::vector<LogRecord> readMetricsLog(const std::string& path) {
  const Buffer file = readFile(path);
  std::string_view rest = file.text();
  std::vector<LogRecord> records;
  for (size_t line = 1; rest.find('\n') != std::string_view::npos; ++line) {
    const std::string_view text = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(text.size() + 1);
    try {
      records.push_back(fromJson(OrderedJson::parse(text)));
    } catch (const OrderedJson::exception&) {
      throw DataError(path, fmt::format("line {}", line), fmt::format("is no record of a run: {}", ticked(text)));
    }
  }
  return records;
}

MetricsLog::MetricsLog(const std::string& folder, std::vector<std::string> metricNames)
    : MetricsLog(folder, std::move(metricNames), std::vector<LogRecord>{}) {}

MetricsLog::MetricsLog(const std::string& folder, std::vector<std::string> metricNames,
                       const std::vector<LogRecord>& kept)
    : jsonPath_(folder + "/metrics.jsonl"), csvPath_(folder + "/metrics.csv"), metricNames_(std::move(metricNames)) {
  std::string json, csv = csvHeader() + "\n";
  for (const LogRecord& record : kept) {
    json += toJsonLine(record) + "\n";
    csv += csvLine(record) + "\n";
  }
  replaceFile(jsonPath_, json);
  replaceFile(csvPath_, csv);
  jsonFd_ = openForAppend(jsonPath_);
  csvFd_ = openForAppend(csvPath_);
}

MetricsLog MetricsLog::resume(const std::string& folder, std::vector<std::string> metricNames, const std::string& train,
                              int64_t epoch) {
  const std::string path = folder + "/metrics.jsonl";
  std::vector<LogRecord> records;
  if (std::filesystem::exists(path)) records = keptRecords(readMetricsLog(path), train, epoch);
  return MetricsLog(folder, std::move(metricNames), records);
}

MetricsLog::~MetricsLog() {
  if (jsonFd_ >= 0) ::close(jsonFd_);
  if (csvFd_ >= 0) ::close(csvFd_);
}

MetricsLog::MetricsLog(MetricsLog&& other) noexcept
    : jsonPath_(std::move(other.jsonPath_)),
      csvPath_(std::move(other.csvPath_)),
      metricNames_(std::move(other.metricNames_)),
      jsonFd_(std::exchange(other.jsonFd_, -1)),
      csvFd_(std::exchange(other.csvFd_, -1)) {}

void MetricsLog::append(const LogRecord& record) {
  writeLine(jsonFd_, jsonPath_, toJsonLine(record));
  writeLine(csvFd_, csvPath_, csvLine(record));
}

std::string MetricsLog::csvHeader() const {
  std::string header = "train,step,epoch,split,loss";
  for (const std::string& name : metricNames_) header += "," + name;
  return header;
}

std::string MetricsLog::csvLine(const LogRecord& record) const {
  std::string line = fmt::format("{},{},{},{},{}", record.train, record.step, record.epoch, record.split, record.loss);
  for (const std::string& name : metricNames_) {
    const auto it =
        std::find_if(record.metrics.begin(), record.metrics.end(), [&](const auto& m) { return m.first == name; });
    line += it == record.metrics.end() ? "," : fmt::format(",{}", it->second);
  }
  return line;
}

}  // namespace nnc::train
