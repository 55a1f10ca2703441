#include "tools/common/comparison.h"

#include <fmt/format.h>
#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>
#include <random>

#include "ir/eval.h"
#include "passes/perturb.h"
#include "runtime/train/dtype.h"

namespace nnc::tools {

namespace {

/// The largest difference allowed, relative to the largest element of a tensor: what rounding each operation to the
/// element type makes of a program of some depth.
double toleranceOf(DType dtype) {
  switch (dtype) {
    case DType::F64:  // what it holds was f32 mostly
    case DType::F32:
      return 2e-4;
    case DType::F16:
      return 1e-2;
    case DType::BF16:
      return 6e-2;
    default:
      return 0;
  }
}

/// A dense tensor in the library's bytes.
struct Packed {
  DType dtype = DType::F32;
  std::vector<int64_t> shape;
  std::vector<std::byte> bytes;

  static Packed of(const nnc_port& port, const std::vector<int64_t>& symbols) {
    Packed p{static_cast<DType>(port.dtype), {}, {}};
    size_t n = 1;
    for (uint32_t i = 0; i < port.rank; ++i) {
      p.shape.push_back(port.extents[i](symbols.data()));
      n *= static_cast<size_t>(p.shape.back());
    }
    p.bytes.resize(n * static_cast<size_t>(dtypeSize(p.dtype)));
    return p;
  }
  size_t size() const { return bytes.size() / static_cast<size_t>(dtypeSize(dtype)); }
  double at(size_t i) const {
    return train::elementAsDouble(train::dtypeOfAbi(static_cast<uint32_t>(dtype)), bytes.data(), i);
  }
  void set(size_t i, double value) {
    train::storeDouble(train::dtypeOfAbi(static_cast<uint32_t>(dtype)), bytes.data(), i, value);
  }
};

Tensor tensorOf(DType dtype, std::vector<int64_t> shape, const std::vector<double>& values) {
  Tensor t = Tensor::zeros(dtype, std::move(shape));
  for (size_t i = 0; i < values.size(); ++i) {
    if (isFloat(dtype))
      t.floats[i] = values[i];
    else
      t.ints[i] = static_cast<int64_t>(values[i]);
  }
  return t;
}

Tensor tensorOf(const Packed& p) {
  std::vector<double> values(p.size());
  for (size_t i = 0; i < values.size(); ++i) values[i] = p.at(i);
  return tensorOf(p.dtype, p.shape, values);
}

bool hasNan(const Tensor& t) {
  return std::ranges::any_of(t.floats, [](double x) { return std::isnan(x); });
}

/// The tensors of one call, and the worst element among them. An element's difference is taken relative to the largest
/// one of its tensor, or to a hundredth of the largest of all: where terms cancel, what is left is rounding.
class Difference {
public:
  void add(std::string name, Tensor want, std::vector<double> got) {
    for (double w : want.floats)
      if (std::isfinite(w)) largest_ = std::max(largest_, std::abs(w));
    const size_t size = got.size();
    pairs_.push_back({std::move(name), std::move(want), std::move(got), std::vector<double>(size)});
  }

  /// What the same call gives with noise in each operation: how far rounding may lead.
  void allow(const std::vector<Tensor>& sample) {
    for (size_t p = 0; p < pairs_.size(); ++p)
      for (size_t i = 0; i < pairs_[p].got.size(); ++i)
        pairs_[p].spread[i] = std::max(pairs_[p].spread[i], std::abs(at(sample[p], i) - at(pairs_[p].want, i)));
  }

  bool agrees() const { return result().where.empty(); }

  struct Result {
    double worst = 0;              // the largest relative difference of decided elements
    size_t rounded = 0;            // elements further off, which rounding decides
    size_t nans = 0, numbers = 0;  // elements that are NaN on both sides, of all
    size_t wrong = 0;              // elements that are off
    std::string where;             // the first of them
  };
  Result result() const {
    Result r;
    for (const Pair& p : pairs_) {
      const double scale = scaleOf(p.want);
      r.numbers += p.got.size();
      for (size_t i = 0; i < p.got.size(); ++i) {
        const double w = at(p.want, i), g = p.got[i];
        if (std::isnan(w) && std::isnan(g)) ++r.nans;
        if (w == g || (std::isnan(w) && std::isnan(g))) continue;
        const double d = std::isfinite(g - w) ? std::abs(g - w) / scale : INFINITY;
        constexpr double kSpreads = 4;  // few samples seldom reach the ends
        const bool isWrong = d > toleranceOf(p.want.dtype);
        if (isWrong && std::abs(g - w) <= kSpreads * p.spread[i]) {
          ++r.rounded;
          continue;
        }
        r.worst = std::max(r.worst, d);
        r.wrong += isWrong;
        if (isWrong && r.where.empty())
          r.where = fmt::format("`{}` element {} is {}, the interpreter has {}", p.name, i, g, w);
      }
    }
    return r;
  }

private:
  struct Pair {
    std::string name;
    Tensor want;
    std::vector<double> got, spread;
  };
  static double at(const Tensor& t, size_t i) {
    return isFloat(t.dtype) ? t.floats[i] : static_cast<double>(t.ints[i]);
  }
  double scaleOf(const Tensor& want) const {
    double scale = std::max(largest_ / 100, 1e-6);
    for (double w : want.floats)
      if (std::isfinite(w)) scale = std::max(scale, std::abs(w));
    return scale;
  }

  std::vector<Pair> pairs_;
  double largest_ = 0;
};

class Comparison {
public:
  Comparison(const Module& reference, train::Model& model) : module_(reference), model_(model) {
    for (const Scalar& s : module_.scalars) scalar(s.name, s.defaultValue);
  }

  bool all() {
    model_.init(kSeed);
    for (const Function& f : module_.functions)
      if (f.kind == Function::Kind::StartPass || f.name == kFittedDefaults) run(f, {}, 0);
    initialValues();
    for (const Function& f : module_.functions) {
      if (f.kind == Function::Kind::Init || f.kind == Function::Kind::StartPass) continue;
      const auto first = symbolsOf(f, 0), second = symbolsOf(f, 1);
      if (first && second)
        print(f.name, {run(f, *first, 0).result(), run(f, *second, 1).result()});
      else
        fmt::print("skipped {:<24} no sizes were found that meet its conditions\n", f.name);
    }
    return ok_;
  }

private:
  static constexpr int64_t kSeed = 7;
  static constexpr uint64_t kSamples = 8, kMostSamples = 32;

  void print(const std::string& name, const std::vector<Difference::Result>& rounds) {
    Difference::Result all;
    for (const Difference::Result& r : rounds) {
      all.worst = std::max(all.worst, r.worst);
      all.rounded += r.rounded;
      all.nans += r.nans;
      all.numbers += r.numbers;
      if (all.where.empty()) all.where = r.where;
    }
    if (!all.where.empty())
      fmt::print("WRONG   {:<24} {}\n", name, all.where);
    else
      fmt::print("ok      {:<24} largest relative difference {:.1e}{}{}\n", name, all.worst,
                 all.rounded ? fmt::format(", but for {} numbers that rounding decides", all.rounded) : "",
                 all.nans ? fmt::format("; {} of {} numbers are NaN on both sides", all.nans, all.numbers) : "");
    ok_ = ok_ && all.where.empty();
  }

  void scalar(const std::string& name, double value) {
    model_.setScalar(name.c_str(), value);
    for (const Scalar& s : module_.scalars)
      if (s.name == name) in_.leaves[name] = tensorOf(s.dtype, {}, {value});
  }

  static bool isAllowed(const Function& f, const std::vector<int64_t>& values) {
    std::map<std::string, int64_t> sizes;
    for (size_t i = 0; i < values.size(); ++i) sizes[f.symbols[i].name] = values[i];
    return std::all_of(f.conditions.begin(), f.conditions.end(),
                       [&](const Condition& c) { return c.slack.evaluate(sizes) >= 0; });
  }

  /// Small sizes, another for each symbol and round, that meet the function's conditions; nothing if none are found.
  std::optional<std::vector<int64_t>> symbolsOf(const Function& f, int round) {
    std::vector<int64_t> values;
    for (size_t i = 0; i < f.symbols.size(); ++i)
      values.push_back(std::min<int64_t>(f.symbols[i].bound, 2 + (static_cast<int64_t>(i) + 2 * round) % 3));
    constexpr int kTries = 1000;  // of each range, which doubles
    constexpr int64_t kMost = 256;
    for (int64_t most = 8; most <= kMost && !isAllowed(f, values); most *= 2)
      for (int i = 0; i < kTries && !isAllowed(f, values); ++i)
        for (size_t k = 0; k < values.size(); ++k)
          values[k] = static_cast<int64_t>(random_() % (static_cast<uint64_t>(std::min(f.symbols[k].bound, most)) + 1));
    if (!isAllowed(f, values)) return std::nullopt;
    return values;
  }

  void initialValues() {
    const Function* init = module_.function("init");
    scalar("seed", kSeed);
    Difference d;
    const std::vector<Tensor> values = evaluate(init->body, in_);
    for (size_t i = 0; i < values.size(); ++i)
      d.add(init->body.outputs[i].name, values[i], model_.get(init->body.outputs[i].name));
    allowRounding(d, init->body, 0, {});
    print("init", {d.result()});
  }

  /// Indices within their bound, bytes, flags, and normal floats (or their magnitudes).
  Packed draw(const nnc_port& port, const std::vector<int64_t>& symbols, bool positive) {
    Packed p = Packed::of(port, symbols);
    std::normal_distribution<double> normal;
    const int64_t most = port.bound > 0 ? port.bound : p.dtype == DType::Bool ? 2 : p.dtype == DType::U8 ? 256 : 10;
    const bool whole = !isFloat(p.dtype) || port.bound > 0;
    for (size_t i = 0; i < p.size(); ++i)
      p.set(i, whole      ? static_cast<double>(random_() % static_cast<uint64_t>(most))
               : positive ? std::abs(normal(random_))
                          : normal(random_));
    return p;
  }

  /// One call from the library's present variables, and the same by the interpreter.
  Difference run(const Function& f, const std::vector<int64_t>& symbols, int round) {
    const int number = model_.find(f.name);
    const nnc_entry& entry = model_.entry(number);
    for (const Variable& v : module_.variables)
      in_.leaves[v.path] = tensorOf(v.type.dtype, constExtents(v.type.shape), model_.get(v.path));
    for (const auto& [name, value] : {std::pair{"step", round}, {"steps", 10}, {"epoch", 1}, {"first_row", 5 * round}})
      scalar(name, value);
    in_.symbols.clear();
    for (size_t i = 0; i < symbols.size(); ++i) in_.symbols[f.symbols[i].name] = symbols[i];
    // Where the program itself rounds, the interpreter must round alike.
    EvalOptions options;
    options.roundToDType = module_.compute != DType::F32;
    std::vector<Packed> inputs, outputs;
    std::vector<Tensor> values;
    // Counts, variances and the like may be a function's inputs: if normal ones give NaN, positive ones may not.
    for (const bool positive : {false, true}) {
      inputs.clear();
      for (uint32_t i = 0; i < entry.inputs; ++i) {
        inputs.push_back(draw(entry.input[i], symbols, positive));
        in_.leaves[entry.input[i].name] = tensorOf(inputs.back());
      }
      values = evaluate(f.body, in_, options);
      if (std::ranges::none_of(values, hasNan)) break;
    }
    std::vector<const void*> from;
    std::vector<void*> to;
    for (const Packed& p : inputs) from.push_back(p.bytes.data());
    for (uint32_t i = 0; i < entry.outputs; ++i) outputs.push_back(Packed::of(entry.output[i], symbols));
    for (Packed& p : outputs) to.push_back(p.bytes.data());
    model_.run(number, symbols, from, to);
    Difference d = against(f, values, outputs);
    allowRounding(d, f.body, static_cast<uint64_t>(round), options);
    return d;
  }

  /// Where something is off: how far rounding leads, by samples of it.
  void allowRounding(Difference& d, const Graph& body, uint64_t round, const EvalOptions& options) const {
    // Few that are wrong may stand so near to a kink that rounding seldom carries them over.
    const auto isRare = [](const Difference::Result& r) { return r.wrong * 20 < r.numbers; };
    for (uint64_t sample = 0; sample < kMostSamples && !d.agrees() && (sample < kSamples || isRare(d.result()));
         ++sample)
      d.allow(evaluate(perturbed(body, sample, round), in_, options));
  }

  Difference against(const Function& f, const std::vector<Tensor>& values, const std::vector<Packed>& outputs) {
    Difference d;
    size_t next = 0;
    for (size_t i = 0; i < values.size(); ++i) {
      const Output& o = f.body.outputs[i];
      if (o.role == OutputRole::Update) {
        d.add(o.name, values[i], model_.get(o.name));
        continue;
      }
      const Packed& p = outputs[next++];
      std::vector<double> got(p.size());
      for (size_t k = 0; k < got.size(); ++k) got[k] = p.at(k);
      d.add(o.name, values[i], got);
    }
    return d;
  }

  const Module& module_;
  train::Model& model_;
  EvalInputs in_;
  std::mt19937_64 random_{1};
  bool ok_ = true;
};

}  // namespace

bool compareWithInterpreter(const Module& reference, train::Model& model) {
  return Comparison(reference, model).all();
}

}  // namespace nnc::tools
