// Statistics over the training split, kept as variables of the model, so that they go with the weights.
#pragma once

#include "runtime/train/data/dataset.h"
#include "runtime/train/description.h"
#include "runtime/train/model.h"

namespace nnc::train {

/// Mean, population deviation, minimum and maximum of each element over rows, in f64 (Welford's method: Knuth, The Art
/// of Computer Programming 2, 4.2.2).
class Accumulator {
public:
  explicit Accumulator(size_t elements) : mean_(elements), squares_(elements), min_(elements), max_(elements) {}

  void add(const std::vector<double>& row);
  std::vector<double> mean() const { return mean_; }
  std::vector<double> deviation() const;
  std::vector<double> min() const { return min_; }
  std::vector<double> max() const { return max_; }

private:
  double rows_ = 0;
  std::vector<double> mean_, squares_, min_, max_;  // squares: of the distances from the mean, summed up
};

/// Runs the data block's entries over its training rows and sets the variables of its statistics but those that are
/// `known`. Throws CallError.
void computeStatistics(Model& model, const DataInfo& data, const RawDataset& dataset,
                       const std::vector<std::string>& known = {});

/// Runs the data block's entries over the rows of all splits: what computed fields with a bound are. Throws DataError
/// naming the row.
void checkFields(Model& model, const DataInfo& data, const RawDataset& dataset);

}  // namespace nnc::train
