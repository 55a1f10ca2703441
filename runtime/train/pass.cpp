#include "runtime/train/pass.h"

#include <algorithm>
#include <cassert>

namespace nnc::train {

Caller::Caller(Model& model, const TrainInfo& train, const std::string& entry)
    : model_(model), train_(train), number_(model.find(entry)) {
  assert(number_ >= 0);
  symbols_.resize(this->entry().symbols);
  for (uint32_t i = 0; i < this->entry().symbols; ++i) symbols_[i] = this->entry().symbol[i].bound;
  for (uint32_t i = 0; i < this->entry().outputs; ++i) {
    const nnc_port& port = this->entry().output[i];
    size_t elements = 1;
    for (uint32_t k = 0; k < port.rank; ++k) elements *= static_cast<size_t>(port.extents[k](symbols_.data()));
    values_.emplace_back(elements);
  }
  for (auto& value : values_) outputs_.push_back(value.data());
  const nnc_port *first = this->entry().output, *last = first + this->entry().outputs;
  const auto has = [](const std::string& role) { return [role](const nnc_port& port) { return port.role == role; }; };
  loss_ = static_cast<size_t>(std::find_if(first, last, has("loss")) - first);
  for (const MetricInfo& metric : train.metrics) {
    const nnc_port* port =
        std::find_if(first, last, [&](const nnc_port& p) { return has("metric")(p) && p.name == metric.output; });
    assert(port != last);
    metrics_.push_back(static_cast<size_t>(port - first));
  }
}

double Caller::output(size_t i, size_t element) const {
  return elementAsDouble(dtypeOfAbi(entry().output[i].dtype), reinterpret_cast<const std::byte*>(values_[i].data()),
                         element);
}

double Caller::call(int64_t rows, const std::vector<const void*>& inputs, Sums& sums) {
  if (!symbols_.empty()) symbols_[0] = rows;
  model_.run(number_, symbols_, inputs, outputs_);
  const double weight = static_cast<double>(rows), loss = loss_ < values_.size() ? output(loss_, 0) : 0;
  sums.loss += weight * loss;
  for (size_t m = 0; m < metrics_.size(); ++m) {
    const MetricInfo& metric = train_.metrics[m];
    const double value = output(metrics_[m], metric.element);
    sums.metrics[m] = metric.stateful ? value : sums.metrics[m] + weight * value;
  }
  sums.rows += weight;
  return loss;
}

Sums emptySums(const TrainInfo& train) {
  Sums sums;
  sums.metrics.resize(train.metrics.size());
  return sums;
}

NamedValues metricValues(const TrainInfo& train, const Sums& sums, Numbers numbers) {
  NamedValues values;
  for (size_t i = 0; i < train.metrics.size(); ++i) {
    const MetricInfo& metric = train.metrics[i];
    if (numbers == Numbers::Single && !metric.isWhole()) continue;
    const bool mean = !metric.stateful && sums.rows > 0;
    values.emplace_back(metric.name, mean ? sums.metrics[i] / sums.rows : sums.metrics[i]);
  }
  return values;
}

void startPass(Model& model, const TrainInfo& train) {
  if (!train.startPass.empty()) model.run(model.find(train.startPass), {}, {}, {});
}

Sums evaluatePass(Model& model, const TrainInfo& train, Feed& feed) {
  startPass(model, train);
  Caller caller(model, train, train.eval);
  Sums sums = emptySums(train);
  size_t batch = static_cast<size_t>(train.batch);
  for (size_t at = 0; at < feed.rows(); at += batch) {
    size_t end = std::min(at + batch, feed.rows());
    model.setScalar("first_row", static_cast<double>(at));  // a row draws by its number in the split
    caller.call(static_cast<int64_t>(end - at), feed.gatherRange(at, end), sums);
  }
  model.setScalar("first_row", 0);  // what follows begins at the first row, resumed or not
  return sums;
}

}  // namespace nnc::train
