#include "runtime/train/checkpoint.h"

#include <fmt/format.h>
#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>

#include "runtime/train/error.h"

namespace nnc::train {

using nlohmann::json;

namespace {

constexpr const char* kBestPrefix = "best:";

/// Doubles as their bits, so that a resumed run has exactly the same ones.
std::string bitsText(double value) {
  uint64_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return fmt::format("{:016x}", bits);
}
double doubleOfBits(const std::string& text) {
  uint64_t bits = std::stoull(text, nullptr, 16);
  double value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

json sumsJson(const Sums& sums) {
  json metrics = json::array();
  for (double m : sums.metrics) metrics.push_back(bitsText(m));
  return {{"rows", bitsText(sums.rows)}, {"loss", bitsText(sums.loss)}, {"metrics", metrics}};
}

json stateJson(const RunState& s) {
  json reported = json::object();
  for (const auto& [name, value] : s.reported) reported[name] = bitsText(value);
  return {{"epochs", s.epochs},        {"seed", s.seed},
          {"train", s.train},          {"epoch", s.epoch},
          {"epoch_step", s.epochStep}, {"step", s.step},
          {"has_best", s.hasBest},     {"best", bitsText(s.best)},
          {"best_epoch", s.bestEpoch}, {"since_best", s.sinceBest},
          {"sums", sumsJson(s.sums)},  {"reported", reported}};
}

/// A whole number that is not below `least`; throws where the file says something else.
int64_t wholeNumber(const json& j, const char* key, int64_t least) {
  const json& value = j.at(key);
  if (!value.is_number_integer() || value.get<int64_t>() < least) throw std::out_of_range(key);
  return value;
}

RunState stateOf(const json& j) {
  RunState s;
  s.epochs = wholeNumber(j, "epochs", 0);
  s.seed = wholeNumber(j, "seed", -1);
  s.train = wholeNumber(j, "train", 0);
  s.epoch = wholeNumber(j, "epoch", 1);
  s.epochStep = wholeNumber(j, "epoch_step", 0);
  s.step = wholeNumber(j, "step", s.epochStep);
  s.hasBest = j.at("has_best");
  s.best = doubleOfBits(j.at("best"));
  s.bestEpoch = wholeNumber(j, "best_epoch", 0);
  s.sinceBest = wholeNumber(j, "since_best", 0);
  s.sums.rows = doubleOfBits(j.at("sums").at("rows"));
  s.sums.loss = doubleOfBits(j.at("sums").at("loss"));
  for (const json& m : j.at("sums").at("metrics")) s.sums.metrics.push_back(doubleOfBits(m));
  for (const auto& [name, bits] : j.at("reported").items()) s.reported[name] = doubleOfBits(bits);
  return s;
}

Hypers hypersOf(const SafetensorsFile& file) {
  Hypers hypers;
  auto found = file.metadata().find("hypers");
  if (found == file.metadata().end()) return hypers;
  json saved = json::parse(found->second, nullptr, false);
  if (!saved.is_object()) throw DataError(file.path(), "metadata", "`hypers` is no JSON object");
  for (const auto& [name, value] : saved.items()) {
    if (!value.is_string()) throw DataError(file.path(), "metadata", fmt::format("`hypers`: {} is no text", name));
    hypers[name] = value;
  }
  return hypers;
}

std::map<std::string, std::string> metadataOf(const Hypers& hypers) {
  return {{"hypers", json(hypers).dump()}};
}

/// The same tensors as they lie in another store, named with the prefix for the best weights.
void addBest(Model& model, const std::vector<std::byte>& bestStore, std::vector<NamedTensor>& tensors,
             std::vector<std::vector<std::byte>>& storage) {
  std::vector<std::byte> now = model.store();
  model.setStore(bestStore);
  for (NamedTensor& t : model.tensors(kEverything, storage)) tensors.push_back({kBestPrefix + t.name, t.tensor});
  model.setStore(now);
}

RunState savedState(const SafetensorsFile& file) {
  try {
    return stateOf(json::parse(file.metadata().at("state")));
  } catch (const std::exception& e) {
    throw DataError(file.path(), "metadata", "the state of the run is damaged");
  }
}

/// Of `nn train`, or of a library.
bool isCheckpoint(const SafetensorsFile& file) {
  const auto isScalar = [](const NamedTensor& t) { return t.name.starts_with(kScalarPrefix); };
  return file.metadata().contains("state") || std::any_of(file.tensors().begin(), file.tensors().end(), isScalar);
}

/// The scalars as they were: what reads `step` or `epoch` before the next step sees those of the last one.
void restoreScalars(Model& model, const SafetensorsFile& file) {
  for (const NamedTensor& t : file.tensors()) {
    if (!t.name.starts_with(kScalarPrefix) || !t.tensor.shape.empty()) continue;
    const std::string name = t.name.substr(std::string_view(kScalarPrefix).size());
    try {
      model.setScalar(name.c_str(), elementAsDouble(t.tensor.dtype, t.tensor.data, 0));
    } catch (const CallError& e) {
      throw DataError(file.path(), fmt::format("tensor {}", ticked(t.name)), e.message);
    }
  }
}

}  // namespace

int64_t savedSeed(const std::string& file) {
  const SafetensorsFile checkpoint = SafetensorsFile::read(file);
  return checkpoint.metadata().contains("state") ? savedState(checkpoint).seed : -1;
}

void requireHypers(const SafetensorsFile& file, const Hypers& hypers) {
  const Hypers saved = hypersOf(file);
  for (const auto& [name, value] : hypers) {
    auto was = saved.find(name);
    if (was == saved.end() || was->second == value) continue;
    throw DataError(file.path(), "metadata",
                    fmt::format("was trained with {0} = {1}, but {0} = {2} is in force; leave out --set {0}", name,
                                was->second, value));
  }
}

void saveCheckpoint(const std::string& file, Model& model, const Checkpoint& checkpoint, const Hypers& hypers) {
  std::vector<std::vector<std::byte>> storage;
  std::vector<NamedTensor> tensors = model.tensors(kEverything, storage);
  for (NamedTensor& scalar : model.scalars(storage)) tensors.push_back(std::move(scalar));
  if (!checkpoint.bestStore.empty()) addBest(model, checkpoint.bestStore, tensors, storage);
  std::map<std::string, std::string> metadata = metadataOf(hypers);
  metadata["state"] = stateJson(checkpoint.state).dump();
  writeSafetensors(file, std::move(tensors), metadata);
}

Checkpoint loadCheckpoint(const std::string& path, Model& model, const Hypers& hypers) {
  SafetensorsFile file = SafetensorsFile::read(path);
  requireHypers(file, hypers);
  if (!file.metadata().contains("state")) throw DataError(path, "metadata", "holds weights, not the state of a run");
  Checkpoint checkpoint;
  checkpoint.state = savedState(file);
  if (checkpoint.state.hasBest) {
    model.load(file, kEverything, kBestPrefix);
    checkpoint.bestStore = model.store();
  }
  model.load(file, kEverything);
  restoreScalars(model, file);
  return checkpoint;
}

Hypers savedHypers(const std::string& file) {
  return hypersOf(SafetensorsFile::read(file));
}

void saveWeights(const std::string& file, const Model& model, const Hypers& hypers) {
  std::vector<std::vector<std::byte>> storage;
  writeSafetensors(file, model.tensors(kWeights, storage), metadataOf(hypers));
}

std::vector<std::string> loadWeights(const std::string& path, Model& model, const Hypers& hypers) {
  SafetensorsFile file = SafetensorsFile::read(path);
  requireHypers(file, hypers);
  WeightReport report = model.load(file, kWeights);
  if (!isCheckpoint(file)) return std::move(report.unexpected);
  restoreScalars(model, file);
  return {};
}

WeightReport transferWeights(const std::string& path, Model& model, const std::map<std::string, std::string>& copies) {
  SafetensorsFile file = SafetensorsFile::read(path);
  WeightReport report = model.loadMatching(file, kWeights, copies);
  // What a checkpoint has besides weights.
  std::erase_if(report.unexpected, [](const std::string& name) {
    return name.starts_with(kScalarPrefix) || name.starts_with(kBestPrefix);
  });
  if (report.matched.empty()) throw DataError(path, "", "holds no tensor that the model has too\n" + report.text());
  return report;
}

}  // namespace nnc::train
