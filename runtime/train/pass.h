// One pass over a split: runs an entry batch by batch and sums up loss and metrics, weighted by rows.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/train/description.h"
#include "runtime/train/feed.h"
#include "runtime/train/model.h"
#include "runtime/train/progress.h"

namespace nnc::train {

/// Running sums of a pass. Part of a checkpoint, so that a resumed epoch reports what an uninterrupted one does.
struct Sums {
  double rows = 0;
  double loss = 0;              // Σ rows · loss
  std::vector<double> metrics;  // Σ rows · value; of a stateful metric its latest value

  double meanLoss() const { return rows > 0 ? loss / rows : 0; }
};

/// Calls of a step or eval entry with its outputs (loss and metrics) read as f64.
class Caller {
public:
  Caller(Model& model, const TrainInfo& train, const std::string& entry);

  /// One batch of `rows` rows; adds to the sums and returns the loss. Throws CallError.
  double call(int64_t rows, const std::vector<const void*>& inputs, Sums& sums);
  const nnc_entry& entry() const { return model_.entry(number_); }

private:
  double output(size_t i, size_t element) const;

  Model& model_;
  const TrainInfo& train_;
  int number_;
  std::vector<std::vector<uint64_t>> values_;  // room for each output, 8-byte aligned
  std::vector<void*> outputs_;
  std::vector<int64_t> symbols_;
  size_t loss_;                  // the number of the output, or of no output
  std::vector<size_t> metrics_;  // the numbers of the outputs of the train block's metrics
};

Sums emptySums(const TrainInfo& train);
/// Of a metric with several numbers the elements, too, or only metrics of one number: what fits on a line.
enum class Numbers : uint8_t { All, Single };
/// Means (stateful metrics: final values) by name, in the order of the train block.
NamedValues metricValues(const TrainInfo& train, const Sums& sums, Numbers numbers = Numbers::All);

/// Resets metric state, then runs eval over the rows of a feed in order. Throws CallError.
Sums evaluatePass(Model& model, const TrainInfo& train, Feed& feed);
void startPass(Model& model, const TrainInfo& train);

}  // namespace nnc::train
