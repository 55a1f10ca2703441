// Feeds the rows of a data set to an entry of the model: opens the source, checks that it is what the model was
// compiled for, and gathers batches.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "runtime/train/data/dataset.h"
#include "runtime/train/data/vocabulary.h"
#include "runtime/train/description.h"
#include "runtime/train/model.h"

namespace nnc::train {

/// Opens the source a data block names and makes of it the fields that the model reads: columns converted, symbols
/// numbered. A vocabulary that the model does not have yet is taken from the training split and set. Throws DataError,
/// IoError, CallError.
RawDataset openData(const DataInfo& data, Model& model);

/// Batches for one entry over one split.
class Feed {
public:
  /// Inputs of `entry` of the data block `data` are named "<data>.<field>".
  Feed(const nnc_entry& entry, const std::string& data, const RawDataset& dataset, const Split& split);

  size_t rows() const { return split_->rows.size(); }
  /// Gathers the rows of these positions of the split, each less than rows(); the pointers stay valid until the next
  /// call.
  const std::vector<const void*>& gather(std::span<const uint32_t> positions);
  /// Positions first … last-1 in order.
  const std::vector<const void*>& gatherRange(size_t first, size_t last);

private:
  const Split* split_;
  std::vector<const RawField*> fields_;
  std::vector<std::vector<std::byte>> batch_;
  std::vector<const void*> pointers_;
  std::vector<uint32_t> rows_;
};

}  // namespace nnc::train
