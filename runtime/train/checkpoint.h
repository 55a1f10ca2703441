// The whole state of a run in one file: every variable and scalar, so that a library can go on from it
// (load_checkpoint), the best weights so far, and where the run stands. A run that goes on from it ends in the same
// bytes as one that was never stopped.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "runtime/train/model.h"
#include "runtime/train/pass.h"

namespace nnc::train {

/// Where a run stands. Nothing here depends on time or threads.
struct RunState {
  int64_t epochs = 0;     // asked for instead of the file's, or 0
  int64_t seed = -1;      // likewise, or -1
  int64_t train = 0;      // which train block of the file
  int64_t epoch = 1;      // counted from 1
  int64_t epochStep = 0;  // steps done in it
  int64_t step = 0;       // steps done in this train block
  bool hasBest = false;
  double best = 0;  // best monitored value
  int64_t bestEpoch = 0;
  int64_t sinceBest = 0;                   // epochs without a better one
  Sums sums;                               // of the running epoch
  std::map<std::string, double> reported;  // valid.loss, …: scalars that the program may read
};

struct Checkpoint {
  RunState state;
  std::vector<std::byte> bestStore;  // the store as it was at the best epoch; empty: none yet
};

/// Hyperparameters in force, as text by name: weights mean something only with them.
using Hypers = std::map<std::string, std::string>;

/// The hyperparameters a weight file or checkpoint was made with, as text by name; none if it does not say. Throws
/// DataError or IoError.
Hypers savedHypers(const std::string& file);
/// The seed that a checkpoint's run was given instead of its blocks' own; -1: none, or no checkpoint. Throws DataError
/// or IoError.
int64_t savedSeed(const std::string& file);
/// Throws DataError where a value in force is not the one the file was made with: it can only come from --set.
void requireHypers(const SafetensorsFile& file, const Hypers& inForce);

/// Writes `file` atomically. Throws IoError.
void saveCheckpoint(const std::string& file, Model& model, const Checkpoint& checkpoint, const Hypers& hypers);
/// Sets the model's variables and returns the rest. Throws DataError (damaged, of another model,
/// other hyperparameters) or IoError.
Checkpoint loadCheckpoint(const std::string& file, Model& model, const Hypers& hypers);

/// Weights (parameters, layer state and what is fitted) as a file of their own.
void saveWeights(const std::string& file, const Model& model, const Hypers& hypers);
/// Sets these variables. Throws DataError where tensors are missing or do not fit, or where a
/// hyperparameter that the file was trained with clashes with the one in force. Returns the paths of what else the file
/// holds; of a checkpoint, whose run the model has no use for, none.
std::vector<std::string> loadWeights(const std::string& file, Model& model, const Hypers& hypers);

/// Sets what the file has by its path, and leaves the rest as it is: the start from another model's weights, whatever
/// its hyperparameters. Of `copies` (copy → source) see Model::loadMatching. Throws DataError where nothing matches.
WeightReport transferWeights(const std::string& file, Model& model, const std::map<std::string, std::string>& copies);

}  // namespace nnc::train
