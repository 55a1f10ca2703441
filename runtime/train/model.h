// A compiled model in this process: the shared object and one context of it, behind its C interface.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/core/nnc_abi.h"
#include "runtime/train/dtype.h"
#include "runtime/train/safetensors.h"
#include "runtime/train/weight_report.h"

namespace nnc::train {

DType dtypeOfAbi(uint32_t dtype);

/// What a call of an entry failed with.
struct CallError {
  int code;  // NNC_…
  std::string message;
};

class Model {
public:
  /// Loads the shared object at `path`, whose model has this name, and makes a context; `threads` 0: as many as CPUs
  /// may be used. Throws IoError.
  Model(const std::string& path, const std::string& prefix, int64_t seed, int threads);
  ~Model();
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  const nnc_model& tables() const { return *api_->model; }
  const nnc_target& target() const { return *api_->target(context_); }
  /// The number of an entry, or -1.
  int find(std::string_view entry) const;
  const nnc_entry& entry(int number) const { return tables().entry[number]; }

  /// Runs an entry. Throws CallError.
  void run(int entry, const std::vector<int64_t>& symbols, const std::vector<const void*>& inputs,
           const std::vector<void*>& outputs);
  /// Sets a scalar if the model has one of that name.
  void setScalar(const char* name, double value);
  void setNanCheck(bool check);
  void setProbe(nnc_probe probe, void* user);
  void init(int64_t seed);
  /// Text as numbers of a vocabulary, and back. Throws CallError.
  std::vector<int32_t> encode(const std::string& vocabulary, std::string_view text) const;
  std::string decode(const std::string& vocabulary, std::span<const int32_t> numbers) const;

  std::vector<std::byte> store() const;
  void setStore(const std::vector<std::byte>& store);

  /// A variable by path, its elements in row-major order as f64 whatever its type.
  std::vector<double> get(const std::string& path) const;
  /// The bytes of a variable as they are.
  std::string bytes(const std::string& path) const;
  void setBytes(const std::string& path, const std::string& bytes);
  void set(const std::string& path, const std::vector<double>& values);

  /// Variables of the wanted kinds (bits 1 << NNC_PARAM, …) with their values; `storage` owns the bytes.
  std::vector<NamedTensor> tensors(unsigned kinds, std::vector<std::vector<std::byte>>& storage) const;
  /// The scalars as a checkpoint of the C interface holds them: of rank 0, named with kScalarPrefix.
  std::vector<NamedTensor> scalars(std::vector<std::vector<std::byte>>& storage) const;
  /// Sets every variable of the kinds from the file, by `prefix` + path. Nothing is changed unless all are there and
  /// fit: throws DataError with the report of what matched and what did not. Returns the report.
  WeightReport load(const SafetensorsFile& file, unsigned kinds, const std::string& prefix = "");
  /// Sets the variables of the kinds that the file has with their path, shape and element type, and says which others
  /// there are. A variable that the file lacks takes what the file has of its source in `copies`, copy → source.
  WeightReport loadMatching(const SafetensorsFile& file, unsigned kinds,
                            const std::map<std::string, std::string>& copies);

private:
  void check(int code) const;
  std::vector<WantedTensor> wanted(unsigned kinds, const std::string& prefix) const;
  /// Throws CallError.
  const nnc_variable& variable(const std::string& path) const;

  void* library_ = nullptr;
  const nnc_api* api_ = nullptr;
  nnc_context* context_ = nullptr;
};

/// Of a scalar's name in a checkpoint.
constexpr const char* kScalarPrefix = "scalar:";

constexpr unsigned kWeights = 1u << NNC_PARAM | 1u << NNC_STATE | 1u << NNC_FITTED;
constexpr unsigned kEverything = kWeights | 1u << NNC_TRAIN_STATE | 1u << NNC_METRIC_STATE;

}  // namespace nnc::train
