#include "runtime/train/statistics.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <optional>

#include "runtime/train/error.h"
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

/// Calls f with the number of each row of a split in its table and with what the entry computes for it.
template <class F>
void forEachRow(Model& model, const std::string& name, const std::string& data, const RawDataset& dataset,
                const Split& split, F f) {
  const int number = model.find(name);
  const nnc_entry& entry = model.entry(number);
  assert(entry.symbols == 1 && entry.outputs == 1);
  Feed feed(entry, data, dataset, split);
  const nnc_port& port = entry.output[0];
  const DType dtype = dtypeOfAbi(port.dtype);
  size_t elements = 1;
  const int64_t one = 1;
  for (uint32_t k = 1; k < port.rank; ++k) elements *= static_cast<size_t>(port.extents[k](&one));
  const auto most = static_cast<size_t>(entry.symbol[0].bound);
  std::vector<std::byte> result(most * elements * sizeOf(dtype));
  std::vector<double> row(elements);
  for (size_t first = 0; first < feed.rows(); first += most) {
    const size_t last = std::min(first + most, feed.rows());
    model.run(number, {static_cast<int64_t>(last - first)}, feed.gatherRange(first, last), {result.data()});
    for (size_t r = 0; r < last - first; ++r) {
      for (size_t i = 0; i < elements; ++i) row[i] = elementAsDouble(dtype, result.data(), r * elements + i);
      f(split.rows[first + r], row);
    }
  }
}

}  // namespace

void computeStatistics(Model& model, const DataInfo& data, const RawDataset& dataset,
                       const std::vector<std::string>& known) {
  std::vector<StatisticInfo> wanted;
  for (const StatisticInfo& s : data.statistics)
    if (std::ranges::find(known, s.variable) == known.end()) wanted.push_back(s);
  // Statistics of one entry stand together.
  for (size_t i = 0; i < wanted.size();) {
    const std::string& entry = wanted[i].entry;
    std::optional<Accumulator> sums;
    forEachRow(model, entry, data.name, dataset, *dataset.find("train"), [&](uint32_t, const std::vector<double>& row) {
      if (!sums) sums.emplace(row.size());
      sums->add(row);
    });
    for (; i < wanted.size() && wanted[i].entry == entry; ++i) {
      const StatisticInfo& s = wanted[i];
      model.set(s.variable, s.of == "mean"        ? sums->mean()
                            : s.of == "deviation" ? sums->deviation()
                            : s.of == "min"       ? sums->min()
                                                  : sums->max());
    }
  }
}

void checkFields(Model& model, const DataInfo& data, const RawDataset& dataset) {
  for (const CheckInfo& check : data.checks)
    for (const Split& split : dataset.splits)
      forEachRow(model, check.entry, data.name, dataset, split, [&](uint32_t number, const std::vector<double>& row) {
        for (const double x : row)
          if (!(x >= 0 && x < static_cast<double>(check.bound)))
            throw outOfBound(dataset.tableOf(split).file, number, check.field, x, check.bound);
      });
}

}  // namespace nnc::train
