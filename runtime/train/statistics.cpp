#include "runtime/train/statistics.h"

#include <algorithm>
#include <cassert>
#include <cmath>

#include "runtime/train/feed.h"

namespace nnc::train {

void Accumulator::add(const std::vector<double>& row) {
  assert(row.size() == mean_.size());
  const bool first = rows_ == 0;
  ++rows_;
  for (size_t i = 0; i < row.size(); ++i) {
    const double distance = row[i] - mean_[i];
    mean_[i] += distance / rows_;
    squares_[i] += distance * (row[i] - mean_[i]);
    min_[i] = first ? row[i] : std::min(min_[i], row[i]);
    max_[i] = first ? row[i] : std::max(max_[i], row[i]);
  }
}

std::vector<double> Accumulator::deviation() const {
  std::vector<double> deviation;
  for (double s : squares_) deviation.push_back(std::sqrt(s / std::max(rows_, 1.0)));
  return deviation;
}

namespace {

/// What the entry computes, over all rows of the training split.
Accumulator overTrainingRows(Model& model, const std::string& name, const std::string& data,
                             const RawDataset& dataset) {
  const int number = model.find(name);
  const nnc_entry& entry = model.entry(number);
  assert(entry.symbols == 1 && entry.outputs == 1);
  Feed feed(entry, data, dataset, *dataset.find("train"));
  const nnc_port& port = entry.output[0];
  const DType dtype = dtypeOfAbi(port.dtype);
  size_t elements = 1;
  const int64_t one = 1;
  for (uint32_t k = 1; k < port.rank; ++k) elements *= static_cast<size_t>(port.extents[k](&one));
  Accumulator sums(elements);
  const auto most = static_cast<size_t>(entry.symbol[0].bound);
  std::vector<std::byte> result(most * elements * sizeOf(dtype));
  std::vector<double> row(elements);
  for (size_t first = 0; first < feed.rows(); first += most) {
    const size_t last = std::min(first + most, feed.rows());
    model.run(number, {static_cast<int64_t>(last - first)}, feed.gatherRange(first, last), {result.data()});
    for (size_t r = 0; r < last - first; ++r) {
      for (size_t i = 0; i < elements; ++i) row[i] = elementAsDouble(dtype, result.data(), r * elements + i);
      sums.add(row);
    }
  }
  return sums;
}

}  // namespace

void computeStatistics(Model& model, const DataInfo& data, const RawDataset& dataset) {
  // Statistics of one entry stand together.
  for (size_t i = 0; i < data.statistics.size();) {
    const std::string& entry = data.statistics[i].entry;
    const Accumulator sums = overTrainingRows(model, entry, data.name, dataset);
    for (; i < data.statistics.size() && data.statistics[i].entry == entry; ++i) {
      const StatisticInfo& s = data.statistics[i];
      model.set(s.variable, s.of == "mean"        ? sums.mean()
                            : s.of == "deviation" ? sums.deviation()
                            : s.of == "min"       ? sums.min()
                                                  : sums.max());
    }
  }
}

}  // namespace nnc::train
