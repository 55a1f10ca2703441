// nn predict: calls an exported function on arrays from files and writes what it returns.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>

#include "runtime/train/checkpoint.h"
#include "runtime/train/error.h"
#include "runtime/train/output/png.h"
#include "runtime/train/output/tensor_text.h"
#include "runtime/train/safetensors.h"
#include "tools/nn/commands.h"
#include "tools/nn/inputs.h"
#include "tools/nn/rows_apart.h"

namespace nnc::tools {

namespace {

struct PredictArguments {
  ModelArguments model;
  std::string entry, weights, data, output;
  std::vector<std::string> inputs;
  int64_t seed = 0;
};

/// Finds the symbols' values: those given by name, and from the arrays' shapes: an axis that one symbol alone decides
/// gives it.
std::vector<int64_t> solveSymbols(const nnc_entry& entry, const Inputs& inputs) {
  const std::vector<Array>& arrays = inputs.arrays;
  std::vector<int64_t> ones(entry.symbols, 1), values(entry.symbols, -1);
  for (uint32_t s = 0; s < entry.symbols; ++s)
    if (auto given = inputs.counts.find(entry.symbol[s].name); given != inputs.counts.end()) values[s] = given->second;
  for (uint32_t i = 0; i < entry.inputs; ++i) {
    std::vector<int64_t> base = extentsOf(entry.input[i], ones);
    for (uint32_t s = 0; s < entry.symbols; ++s) {
      std::vector<int64_t> twos = ones;
      twos[s] = 2;
      std::vector<int64_t> next = extentsOf(entry.input[i], twos);
      for (size_t k = 0; k < base.size() && k < arrays[i].shape.size(); ++k) {
        int64_t slope = next[k] - base[k];
        if (slope > 0 && values[s] < 0) values[s] = (arrays[i].shape[k] - base[k]) / slope + 1;
      }
    }
  }
  for (uint32_t s = 0; s < entry.symbols; ++s)
    if (values[s] < 0)
      throw UsageError{fmt::format("no input of {} tells `{}`: give --input {}=NUMBER", entry.name,
                                   entry.symbol[s].name, entry.symbol[s].name)};
  return values;
}

void checkShape(const Array& array, const nnc_port& port, const std::vector<int64_t>& symbols) {
  std::vector<int64_t> wanted = extentsOf(port, symbols);
  if (wanted != array.shape)
    throw train::DataError(
        port.name, "",
        fmt::format("is {}, the function takes {}", train::shapeText(array.shape), train::shapeText(wanted)));
}

/// Runs the entry on as many rows as its first symbol allows at a time, where that symbol is the leading axis
/// everywhere and no row depends on another.
class Runner {
public:
  /// `rowByRow`: whether the function's rows do not depend on each other.
  Runner(train::Model& model, int entry, Inputs inputs, bool rowByRow)
      : model_(model),
        rowByRow_(rowByRow),
        number_(entry),
        entry_(model.entry(entry)),
        symbols_(solveSymbols(entry_, inputs)),
        inputs_(std::move(inputs.arrays)) {
    for (uint32_t s = 1; s < entry_.symbols; ++s) checkCount(s);
    if (entry_.symbols > 0 && !(rowByRow_ && leadsEverywhere())) checkCount(0);
    for (uint32_t i = 0; i < entry_.inputs; ++i) checkShape(inputs_[i], entry_.input[i], symbols_);
  }

  std::vector<Array> run() {
    std::vector<Array> results;
    int64_t rows = symbols_.empty() ? 1 : symbols_[0];
    int64_t most = symbols_.empty() ? 1 : entry_.symbol[0].bound;
    for (int64_t at = 0; at < std::max<int64_t>(rows, 1); at += most)
      append(results, chunk(at, std::min(most, rows - at)));
    return results;
  }

private:
  void checkCount(uint32_t s) const {
    const nnc_symbol& symbol = entry_.symbol[s];
    if (symbols_[s] > symbol.bound)
      throw train::DataError(entry_.name, "",
                             fmt::format("takes at most {} = {}, not {}", symbol.name, symbol.bound, symbols_[s]));
  }
  bool leads(const nnc_port& port) const {
    std::vector<int64_t> one(symbols_.size(), 1), two = one;
    two[0] = 2;
    std::vector<int64_t> a = extentsOf(port, one), b = extentsOf(port, two);
    return !a.empty() && a[0] == 1 && b[0] == 2 && std::equal(a.begin() + 1, a.end(), b.begin() + 1);
  }
  /// Whether the rows can go in pieces: each input and result has them in front, and there is an input to tell the
  /// pieces apart.
  bool leadsEverywhere() const {
    const auto isArray = [](const nnc_port& p) { return p.rank > 0; };
    const auto leading = [this](const nnc_port& p) { return p.rank == 0 || leads(p); };
    return std::any_of(entry_.input, entry_.input + entry_.inputs, isArray) &&
           std::all_of(entry_.input, entry_.input + entry_.inputs, leading) &&
           std::all_of(entry_.output, entry_.output + entry_.outputs, [this](const nnc_port& p) { return leads(p); });
  }

  std::vector<Array> chunk(int64_t first, int64_t rows) {
    model_.setScalar("first_row", static_cast<double>(first));  // what rows draw does not depend on the pieces
    std::vector<int64_t> symbols = symbols_;
    if (!symbols.empty()) symbols[0] = rows;
    std::vector<const void*> inputs;
    for (uint32_t i = 0; i < entry_.inputs; ++i) {
      size_t stride = first > 0 && entry_.input[i].rank > 0
                          ? inputs_[i].bytes.size() / static_cast<size_t>(inputs_[i].shape[0])
                          : 0;
      inputs.push_back(inputs_[i].bytes.data() + static_cast<size_t>(first) * stride);
    }
    std::vector<Array> results;
    std::vector<void*> outputs;
    for (uint32_t i = 0; i < entry_.outputs; ++i) {
      Array& array = results.emplace_back(
          Array{train::dtypeOfAbi(entry_.output[i].dtype), extentsOf(entry_.output[i], symbols), {}});
      array.bytes.resize(array.view().bytes());
      outputs.push_back(array.bytes.data());
    }
    model_.run(number_, symbols, inputs, outputs);
    return results;
  }

  static void append(std::vector<Array>& all, std::vector<Array> more) {
    if (all.empty()) {
      all = std::move(more);
      return;
    }
    for (size_t i = 0; i < all.size(); ++i) {
      all[i].shape[0] += more[i].shape[0];
      all[i].bytes.insert(all[i].bytes.end(), more[i].bytes.begin(), more[i].bytes.end());
    }
  }

  train::Model& model_;
  bool rowByRow_;
  int number_;
  const nnc_entry& entry_;
  std::vector<int64_t> symbols_;
  std::vector<Array> inputs_;
};

/// The texts of a result, one for each row: the last axis is a text, but each element of a vector.
std::vector<std::string> rowTexts(const train::Model& model, const std::string& vocabulary, const Array& array) {
  const Array numbers = converted(array, train::DType::I32);
  const auto* data = reinterpret_cast<const int32_t*>(numbers.bytes.data());
  const size_t width = array.shape.size() > 1 ? static_cast<size_t>(array.shape.back()) : 1;
  const auto count = static_cast<size_t>(array.view().elements());
  std::vector<std::string> texts;
  try {
    for (size_t at = 0; width && at + width <= count; at += width)
      texts.push_back(model.decode(vocabulary, {data + at, width}));
  } catch (const train::CallError& e) {
    throw UsageError{fmt::format("{}: give --weights", e.message)};
  }
  return texts;
}

void writeResults(const LoadedModel& loaded, const nnc_entry& entry, const std::vector<Array>& results,
                  const std::string& output) {
  std::vector<train::NamedTensor> tensors;
  std::map<std::string, std::vector<std::string>> texts;
  for (uint32_t i = 0; i < entry.outputs; ++i) {
    const std::string name = entry.output[i].name;
    tensors.push_back({name, results[i].view()});
    if (const auto text = loaded.description.texts.find({entry.name, name}); text != loaded.description.texts.end())
      texts[name] = rowTexts(*loaded.model, text->second, results[i]);
  }
  bool single = tensors.size() == 1;
  if (single && output.ends_with(".npy"))
    writeWholeFile(output, train::npyContent(tensors[0].tensor));
  else if (single && output.ends_with(".png"))
    writeWholeFile(output, train::pngGrid(tensors[0].tensor, output));
  else if (single && !texts.empty() && (output == "-" || output.ends_with(".txt")))
    writeWholeFile(output, fmt::format("{}\n", fmt::join(texts.begin()->second, "\n")));
  else if (output.ends_with(".safetensors"))
    train::writeSafetensors(output, tensors, {});
  else if (output == "-" || output.ends_with(".csv"))
    writeWholeFile(output, train::csvContent(tensors, entry.name, texts));
  else
    throw UsageError{
        fmt::format("-o {}: `{}` has {} result{}: .csv or .safetensors; of one also .npy or .png, of one text .txt",
                    output, entry.name, tensors.size(), single ? "" : "s")};
}

int runPredict(PredictArguments& a) {
  Compilation compilation(a.model.compileOptions(a.weights));
  auto loaded = compileAndLoad(compilation, a.seed, a.model.threads);
  if (!loaded) return kExitSource;
  train::Model& model = *loaded->model;
  int number = model.find(a.entry);
  if (number < 0 || std::strcmp(model.entry(number).kind, "export") != 0) {
    std::vector<std::string> names;
    for (uint32_t i = 0; i < model.tables().entries; ++i)
      if (std::strcmp(model.entry(static_cast<int>(i)).kind, "export") == 0)
        names.push_back(model.tables().entry[i].name);
    std::string nearest = nearestName(a.entry, names);
    throw UsageError{fmt::format("{} exports no `{}`{}", a.model.file, a.entry,
                                 nearest.empty() ? "" : fmt::format("; did you mean `{}`?", nearest))};
  }
  if (model.entry(number).outputs == 0)
    throw UsageError{fmt::format("`{}` has no result: it changes a context, and this one ends here", a.entry)};
  if (!a.weights.empty())
    loadWeights(a.weights, *loaded);
  else if (model.tables().variables > 0)
    fmt::print(stderr, "nn: without --weights the parameters are those of the start\n");
  model.setScalar("seed", static_cast<double>(a.seed));
  const Function& function = *compilation.differentiated()->function(a.entry);
  const bool rowByRow = !function.symbols.empty() && worksRowByRow(function, function.symbols[0].name);
  Runner runner(model, number, readInputs(model, loaded->description, model.entry(number), a.inputs, a.data), rowByRow);
  writeResults(*loaded, model.entry(number), runner.run(), a.output);
  return kExitOk;
}

}  // namespace

Command declarePredict(CLI::App& app) {
  auto a = std::make_shared<PredictArguments>();
  a->model.declare(app);
  app.add_option("entry", a->entry, "an `export fn` of the file")->required();
  app.add_option("--weights", a->weights, "safetensors");
  app.add_option("--input", a->inputs,
                 "name=VALUE of an input, or a VALUE for the first array: a text, a list [1, 2, 3] or a file; a number "
                 "or count")
      ->allow_extra_args(false);
  // --data names a data block's place elsewhere; here it is the first input.
  app.remove_option(app.get_option("--data"));
  app.add_option("--data", a->data,
                 "file of the first array: npy, CSV, IDX(.gz), PNG, a text; - (the default) is standard input")
      ->default_val("-");
  app.add_option("-o", a->output,
                 "file: .csv, .npy, .png, .txt or .safetensors; - (the default) is text or CSV on standard output")
      ->default_val("-");
  app.add_option("--seed", a->seed, "of functions that draw")->check(atLeast(0, kMostSeed));
  return [a] { return runPredict(*a); };
}

}  // namespace nnc::tools
