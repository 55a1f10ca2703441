#include "runtime/train/description.h"

#include <cassert>
#include <nlohmann/json.hpp>

namespace nnc::train {

using nlohmann::json;

namespace {

DType dtypeNamed(const std::string& name) {
  for (int i = 0; i <= static_cast<int>(DType::Text); ++i)
    if (nameOf(static_cast<DType>(i)) == name) return static_cast<DType>(i);
  assert(!"unknown dtype in a description");
  return DType::F32;
}

DataInfo dataInfo(const json& j) {
  DataInfo data{j.at("name"), j.at("reader"), j.at("path"), j.at("settings"), {}, {}, {}};
  for (const json& f : j.at("fields"))
    data.fields.push_back({f.at("name"), dtypeNamed(f.at("dtype")), f.at("shape"), f.at("bound"), f.at("source"),
                           f.at("symbols"), f.at("vocabulary")});
  for (const json& s : j.at("statistics")) data.statistics.push_back({s.at("entry"), s.at("variable"), s.at("of")});
  for (const json& c : j.at("checks")) data.checks.push_back({c.at("entry"), c.at("field"), c.at("bound")});
  return data;
}

TrainInfo trainInfo(const json& j) {
  TrainInfo train;
  train.name = j.at("name");
  train.data = j.at("data");
  train.step = j.at("step");
  train.eval = j.at("eval");
  train.startPass = j.at("start_pass");
  train.batch = j.at("batch");
  train.epochs = j.at("epochs");
  train.seed = j.at("seed");
  train.steps = j.at("steps");
  train.patience = j.at("patience");
  train.monitor = j.at("monitor");
  train.maximize = j.at("maximize");
  for (const json& m : j.at("metrics"))
    train.metrics.push_back({m.at("name"), m.at("output"), m.at("element"), m.at("stateful")});
  return train;
}

}  // namespace

Description Description::parse(const char* text) {
  json all = json::parse(text);
  Description d;
  for (const json& j : all.at("data")) d.data.push_back(dataInfo(j));
  for (const json& j : all.at("trains")) d.trains.push_back(trainInfo(j));
  for (const json& j : all.at("hypers")) d.hypers[j.at("name")] = j.at("value");
  for (const json& j : all.at("texts")) d.texts[{j.at("entry"), j.at("port")}] = j.at("vocabulary");
  for (const json& j : all.at("copies")) d.copies[j.at("variable")] = j.at("of");
  return d;
}

const DataInfo& Description::dataOf(const TrainInfo& train) const {
  for (const DataInfo& d : data)
    if (d.name == train.data) return d;
  assert(!"a train block names data that is not described");
  return data.front();
}

}  // namespace nnc::train
