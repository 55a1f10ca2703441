// The run that a folder holds already when another begins in it.
#pragma once

#include <string>

namespace nnc::train {

/// Moves what an earlier run left in the folder (weights, checkpoint, figures, program) into its subfolder `previous`;
/// a run that was set aside there before is given up. Other files stay, and so does model.so, which can be made again.
/// Whether there was a run: without weights and checkpoint there was none. Ended at any moment, it loses nothing, and
/// the next call brings it to its end. The caller holds the folder's lock. Throws IoError.
bool setAsideEarlierRun(const std::string& folder);

}  // namespace nnc::train
