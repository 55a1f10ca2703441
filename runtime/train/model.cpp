#include "runtime/train/model.h"

#include <dlfcn.h>
#include <cassert>
#include <cstring>

#include "runtime/train/error.h"

namespace nnc::train {

DType dtypeOfAbi(uint32_t dtype) {
  static constexpr DType kTypes[] = {DType::F64, DType::F32, DType::BF16, DType::F16, DType::I64,
                                     DType::I32, DType::I8,  DType::U8,   DType::Bool};
  return kTypes[dtype];
}

Model::Model(const std::string& path, const std::string& prefix, int64_t seed, int threads) {
  library_ = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library_) throw IoError(path, std::string("cannot load: ") + dlerror());
  using ApiFn = const nnc_api* (*)();
  auto api = reinterpret_cast<ApiFn>(dlsym(library_, (prefix + "_api").c_str()));
  if (!api) throw IoError(path, "is not a compiled model named " + prefix);
  api_ = api();
  if (api_->abi_version != NNC_ABI_VERSION) throw IoError(path, "was made by another version of nnc");
  int code = api_->create(&context_, seed, threads);
  if (code == NNC_ERR_CPU)
    throw IoError(path,
                  std::string("was compiled for a CPU this one is not: ") + tables().target[tables().targets - 1].name);
  if (code != NNC_OK) throw IoError(path, code == NNC_ERR_MEMORY ? "not enough memory" : "could not be set up");
}

Model::~Model() {
  if (context_) api_->destroy(context_);
  if (library_) dlclose(library_);
}

int Model::find(std::string_view entry) const {
  for (uint32_t i = 0; i < tables().entries; ++i)
    if (entry == tables().entry[i].name) return static_cast<int>(i);
  return -1;
}

void Model::check(int code) const {
  if (code != NNC_OK) throw CallError{code, api_->error(context_)};
}

void Model::run(int entry, const std::vector<int64_t>& symbols, const std::vector<const void*>& inputs,
                const std::vector<void*>& outputs) {
  assert(entry >= 0 && symbols.size() == this->entry(entry).symbols && inputs.size() == this->entry(entry).inputs);
  assert(outputs.size() == this->entry(entry).outputs);
  check(api_->run(context_, static_cast<uint32_t>(entry), symbols.data(), inputs.data(), outputs.data()));
}

void Model::setScalar(const char* name, double value) {
  for (uint32_t i = 0; i < tables().scalars; ++i)
    if (std::strcmp(tables().scalar[i].name, name) == 0) check(api_->set_scalar(context_, name, value));
}

void Model::setNanCheck(bool on) {
  check(api_->set_nan_check(context_, on));
}
void Model::setProbe(nnc_probe probe, void* user) {
  check(api_->set_probe(context_, probe, user));
}
void Model::init(int64_t seed) {
  check(api_->init(context_, seed));
}

std::vector<std::byte> Model::store() const {
  std::vector<std::byte> bytes(tables().store_bytes);
  check(api_->get_store(context_, bytes.data()));
  return bytes;
}

void Model::setStore(const std::vector<std::byte>& store) {
  assert(store.size() == tables().store_bytes);
  check(api_->set_store(context_, store.data()));
}

static std::vector<int64_t> shapeOf(const nnc_variable& v) {
  return {v.extents, v.extents + v.rank};
}

const nnc_variable& Model::variable(const std::string& path) const {
  for (uint32_t i = 0; i < tables().variables; ++i)
    if (path == tables().variable[i].path) return tables().variable[i];
  throw CallError{NNC_ERR_ARGUMENT, "there is no variable " + path};
}

std::vector<double> Model::get(const std::string& path) const {
  const nnc_variable& v = variable(path);
  TensorView view{dtypeOfAbi(v.dtype), shapeOf(v), nullptr};
  std::vector<std::byte> bytes(view.bytes());
  check(api_->get_tensor(context_, v.path, bytes.data(), bytes.size()));
  std::vector<double> values(static_cast<size_t>(view.elements()));
  for (size_t i = 0; i < values.size(); ++i) values[i] = elementAsDouble(view.dtype, bytes.data(), i);
  return values;
}

void Model::set(const std::string& path, const std::vector<double>& values) {
  const DType dtype = dtypeOfAbi(variable(path).dtype);
  std::vector<std::byte> bytes(values.size() * sizeOf(dtype));
  for (size_t i = 0; i < values.size(); ++i) storeDouble(dtype, bytes.data(), i, values[i]);
  check(api_->set_tensor(context_, path.c_str(), bytes.data(), bytes.size()));
}

std::string Model::bytes(const std::string& path) const {
  const nnc_variable& v = variable(path);
  std::string bytes(TensorView{dtypeOfAbi(v.dtype), shapeOf(v), nullptr}.bytes(), '\0');
  check(api_->get_tensor(context_, v.path, bytes.data(), bytes.size()));
  return bytes;
}

void Model::setBytes(const std::string& path, const std::string& bytes) {
  check(api_->set_tensor(context_, path.c_str(), bytes.data(), bytes.size()));
}

std::vector<int32_t> Model::encode(const std::string& vocabulary, std::string_view text) const {
  uint64_t count = 0;
  check(api_->encode(context_, vocabulary.c_str(), text.data(), text.size(), nullptr, 0, &count));
  std::vector<int32_t> numbers(count);
  check(api_->encode(context_, vocabulary.c_str(), text.data(), text.size(), numbers.data(), count, &count));
  return numbers;
}

std::string Model::decode(const std::string& vocabulary, std::span<const int32_t> numbers) const {
  uint64_t bytes = 0;
  check(api_->decode(context_, vocabulary.c_str(), numbers.data(), numbers.size(), nullptr, 0, &bytes));
  std::string text(bytes, '\0');
  check(api_->decode(context_, vocabulary.c_str(), numbers.data(), numbers.size(), text.data(), bytes, &bytes));
  return text;
}

std::vector<NamedTensor> Model::tensors(unsigned kinds, std::vector<std::vector<std::byte>>& storage) const {
  std::vector<NamedTensor> result;
  for (uint32_t i = 0; i < tables().variables; ++i) {
    const nnc_variable& v = tables().variable[i];
    if (!(kinds >> v.kind & 1)) continue;
    TensorView view{dtypeOfAbi(v.dtype), shapeOf(v), nullptr};
    std::vector<std::byte>& bytes = storage.emplace_back(view.bytes());
    view.data = bytes.data();
    check(api_->get_tensor(context_, v.path, bytes.data(), bytes.size()));
    result.push_back({v.path, view});
  }
  return result;
}

std::vector<NamedTensor> Model::scalars(std::vector<std::vector<std::byte>>& storage) const {
  std::vector<NamedTensor> result;
  for (uint32_t i = 0; i < tables().scalars; ++i) {
    const nnc_scalar& s = tables().scalar[i];
    double value = 0;
    check(api_->get_scalar(context_, s.name, &value));
    TensorView view{dtypeOfAbi(s.dtype), {}, nullptr};
    std::vector<std::byte>& bytes = storage.emplace_back(view.bytes());
    storeDouble(view.dtype, bytes.data(), 0, value);
    view.data = bytes.data();
    result.push_back({std::string(kScalarPrefix) + s.name, view});
  }
  return result;
}

std::vector<WantedTensor> Model::wanted(unsigned kinds, const std::string& prefix) const {
  std::vector<WantedTensor> list;
  for (uint32_t i = 0; i < tables().variables; ++i) {
    const nnc_variable& v = tables().variable[i];
    if (kinds >> v.kind & 1) list.push_back({prefix + v.path, dtypeOfAbi(v.dtype), shapeOf(v)});
  }
  return list;
}

WeightReport Model::load(const SafetensorsFile& file, unsigned kinds, const std::string& prefix) {
  const std::vector<WantedTensor> list = wanted(kinds, prefix);
  WeightReport report = compareWeights(file, list);
  requireLoadable(report, file.path());
  for (const WantedTensor& w : list) {
    const TensorView* tensor = file.find(w.path);
    check(api_->set_tensor(context_, w.path.c_str() + prefix.size(), tensor->data, tensor->bytes()));
  }
  return report;
}

WeightReport Model::loadMatching(const SafetensorsFile& file, unsigned kinds,
                                 const std::map<std::string, std::string>& copies) {
  WeightReport report = compareWeights(file, wanted(kinds, ""));
  std::map<std::string, const TensorView*> known;
  const auto take = [&](const std::string& path, const TensorView* tensor) {
    check(api_->set_tensor(context_, path.c_str(), tensor->data, tensor->bytes()));
    known[path] = tensor;
  };
  for (const std::string& path : report.matched) take(path, file.find(path));
  // A copy stands behind its source, also where that is a copy itself.
  std::erase_if(report.missing, [&](const std::string& path) {
    const auto copy = copies.find(path);
    const auto source = copy == copies.end() ? known.end() : known.find(copy->second);
    if (source == known.end()) return false;
    take(path, source->second);
    report.copied.push_back(path);
    return true;
  });
  return report;
}

}  // namespace nnc::train
