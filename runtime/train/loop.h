// The training loop: train blocks in the order of the file, epochs, batches, validation, early stopping, checkpoints.
// It is a client of the model's C interface like any other.
#pragma once

#include <map>
#include <string>

#include "runtime/train/checkpoint.h"
#include "runtime/train/description.h"
#include "runtime/train/model.h"

namespace nnc::train {

struct LoopOptions {
  std::string folder;           // of the run; made if it is not there
  std::string source;           // the program's text, for the folder
  std::string library;          // what it was compiled to, a file to be copied there
  bool resume = false;          // go on from the folder's checkpoint
  std::string weights;          // start from these, or empty
  int64_t checkpointEvery = 0;  // steps between checkpoints inside an epoch; 0: only after epochs
  int64_t epochs = 0;           // instead of every train block's own; 0: theirs, or the checkpoint's
  int64_t seed = -1;            // likewise; -1: theirs, or the checkpoint's
  int64_t stopAfter = 0;        // stop as if interrupted after so many steps of this call; 0: never
};

enum class RunEnd { Finished, Interrupted, Diverged };

/// A loss or value that was not finite: what `nn train` prints before exit 5.
struct Divergence {
  std::string message;
};

/// Runs all train blocks. Leaves in the folder: checkpoint.safetensors, best.safetensors (weights), metrics.jsonl,
/// metrics.csv, model.nn, model.so. What an earlier run left there is set aside once everything is open, unless it is
/// resumed. Throws RunError; a loss that is not finite ends the run as Diverged, with `divergence` set.
RunEnd runTraining(Model& model, const Description& description, const LoopOptions& options, Divergence& divergence);

/// Makes SIGINT and SIGTERM stop the loop after the running step; a second one ends the process.
void installInterruptHandler();

}  // namespace nnc::train
