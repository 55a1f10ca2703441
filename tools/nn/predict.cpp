// nn predict: calls an exported function on arrays from files and writes what it returns.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "runtime/train/checkpoint.h"
#include "runtime/train/data/csv.h"
#include "runtime/train/data/idx.h"
#include "runtime/train/data/images.h"
#include "runtime/train/data/npy.h"
#include "runtime/train/error.h"
#include "runtime/train/output/png.h"
#include "runtime/train/output/tensor_text.h"
#include "tools/nn/commands.h"

namespace nnc::tools {

namespace {

struct PredictArguments {
  ModelArguments model;
  std::string entry, weights, data, output;
  std::vector<std::string> inputs;
  int64_t seed = 0;
};

/// A dense array with its bytes.
struct Array {
  train::DType dtype = train::DType::F32;
  std::vector<int64_t> shape;
  std::vector<std::byte> bytes;

  train::TensorView view() const { return {dtype, shape, bytes.data()}; }
};

Array arrayOf(const train::TensorView& view) {
  return {view.dtype, view.shape, {view.data, view.data + view.bytes()}};
}

Array fromField(const train::RawField& field) {
  Array array{field.dtype, field.extents, {}};
  array.shape.insert(array.shape.begin(), static_cast<int64_t>(field.rows));
  for (uint64_t row = 0; row < field.rows; ++row)
    array.bytes.insert(array.bytes.end(), field.row(row), field.row(row) + field.rowBytes());
  return array;
}

/// All columns of a CSV as one [rows, columns] array.
Array fromCsv(const train::Buffer& bytes, const std::string& file) {
  train::RawTable table = train::parseCsv(bytes, file, {',', false});
  if (table.fields.empty()) throw train::DataError(file, "", "holds no numbers");
  return fromField(
      train::numericColumns(table, "x", table.fields.front().name, table.fields.back().name, train::DType::F64, false));
}

/// npy, IDX(.gz), PNG and JPEG by their first bytes or name; anything else is CSV. "-" is standard input (npy or CSV).
Array readArray(const std::string& path) {
  train::Buffer bytes = path == "-" ? train::readStandardInput() : train::readFile(path);
  std::string_view text = bytes.text();
  if (text.starts_with("\x93NUMPY")) return arrayOf(train::parseNpy(bytes.span(), path).view());
  if (text.starts_with("\x89PNG") || text.starts_with("\xff\xd8")) {
    train::DecodedImage image = train::readImage(path);
    return arrayOf({train::DType::U8, image.shape, image.pixels.data()});
  }
  if (path.find("ubyte") != std::string::npos) return fromField(train::readIdx(path, "x"));
  return fromCsv(bytes, path);
}

Array converted(const Array& from, train::DType to) {
  if (from.dtype == to) return from;
  Array result{to, from.shape, {}};
  size_t n = static_cast<size_t>(from.view().elements());
  result.bytes.resize(n * train::sizeOf(to));
  for (size_t i = 0; i < n; ++i)
    train::storeDouble(to, result.bytes.data(), i, train::elementAsDouble(from.dtype, from.bytes.data(), i));
  return result;
}

std::vector<int64_t> extentsOf(const nnc_port& port, const std::vector<int64_t>& symbols) {
  std::vector<int64_t> extents;
  for (uint32_t k = 0; k < port.rank; ++k) extents.push_back(port.extents[k](symbols.data()));
  return extents;
}

/// What an entry is called with: an array for each input, and the counts given by name (`m: int <= 64`).
struct Inputs {
  std::vector<Array> arrays;
  std::map<std::string, int64_t> counts;
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

/// A single row may come without its leading axis: [28, 28] for [B, 28, 28].
void fitRank(Array& array, const nnc_port& port) {
  if (array.shape.size() + 1 == port.rank) array.shape.insert(array.shape.begin(), 1);
  // A table of one column is a vector.
  if (array.shape.size() == port.rank + 1 && array.shape.back() == 1) array.shape.pop_back();
}

void checkShape(const Array& array, const nnc_port& port, const std::vector<int64_t>& symbols) {
  std::vector<int64_t> wanted = extentsOf(port, symbols);
  if (wanted != array.shape)
    throw train::DataError(
        port.name, "",
        fmt::format("is {}, the function takes {}", train::shapeText(array.shape), train::shapeText(wanted)));
}

/// Runs the entry on as many rows as its first symbol allows at a time, where that symbol is the leading axis
/// everywhere.
class Runner {
public:
  Runner(train::Model& model, int entry, Inputs inputs)
      : model_(model),
        number_(entry),
        entry_(model.entry(entry)),
        symbols_(solveSymbols(entry_, inputs)),
        inputs_(std::move(inputs.arrays)) {
    for (uint32_t i = 0; i < entry_.inputs; ++i) checkShape(inputs_[i], entry_.input[i], symbols_);
  }

  std::vector<Array> run() {
    std::vector<Array> results;
    int64_t rows = symbols_.empty() ? 1 : symbols_[0];
    int64_t most = symbols_.empty() ? 1 : entry_.symbol[0].bound;
    if (rows > most && !leadsEverywhere())
      throw train::DataError(entry_.name, "",
                             fmt::format("takes at most {} = {}, not {}", entry_.symbol[0].name, most, rows));
    for (int64_t at = 0; at < std::max<int64_t>(rows, 1); at += most)
      append(results, chunk(at, std::min(most, rows - at)));
    return results;
  }

private:
  bool leads(const nnc_port& port) const {
    std::vector<int64_t> one(symbols_.size(), 1), two = one;
    two[0] = 2;
    std::vector<int64_t> a = extentsOf(port, one), b = extentsOf(port, two);
    return !a.empty() && a[0] == 1 && b[0] == 2 && std::equal(a.begin() + 1, a.end(), b.begin() + 1);
  }
  /// Whether the rows can go in pieces: each input and result has them in front, and there is an input to tell the
  /// pieces apart (one that only draws would draw the same again).
  bool leadsEverywhere() const {
    const auto isArray = [](const nnc_port& p) { return p.rank > 0; };
    const auto leading = [this](const nnc_port& p) { return p.rank == 0 || leads(p); };
    return std::any_of(entry_.input, entry_.input + entry_.inputs, isArray) &&
           std::all_of(entry_.input, entry_.input + entry_.inputs, leading) &&
           std::all_of(entry_.output, entry_.output + entry_.outputs, [this](const nnc_port& p) { return leads(p); });
  }

  std::vector<Array> chunk(int64_t first, int64_t rows) {
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
  int number_;
  const nnc_entry& entry_;
  std::vector<int64_t> symbols_;
  std::vector<Array> inputs_;
};

Array numberInput(const nnc_port& port, const std::string& text) {
  Array array{train::dtypeOfAbi(port.dtype), {}, {}};
  array.bytes.resize(train::sizeOf(array.dtype));
  size_t used = 0;
  double value = 0;
  try {
    value = std::stod(text, &used);
  } catch (const std::exception&) {
    used = 0;
  }
  if (used != text.size() || text.empty())
    throw UsageError{fmt::format("--input {} wants a number, not `{}`", port.name, text)};
  train::storeDouble(array.dtype, array.bytes.data(), 0, value);
  return array;
}

/// The count given for a symbol. Throws UsageError unless it is a whole number, 0 or more.
int64_t countOf(const nnc_symbol& symbol, const std::string& text) {
  int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc() || end != text.data() + text.size() || count < 0)
    throw UsageError{fmt::format("--input {} wants a whole number, not `{}`", symbol.name, text)};
  return count;
}

Inputs readInputs(const nnc_entry& entry, const PredictArguments& a) {
  std::map<std::string, std::string> given = keyValues(a.inputs, "--input");
  Inputs inputs;
  std::vector<Array>& arrays = inputs.arrays;
  for (uint32_t s = 0; s < entry.symbols; ++s)
    if (auto named = given.extract(entry.symbol[s].name))
      inputs.counts[entry.symbol[s].name] = countOf(entry.symbol[s], named.mapped());
  bool dataUsed = false;
  for (uint32_t i = 0; i < entry.inputs; ++i) {
    const nnc_port& port = entry.input[i];
    auto named = given.find(port.name);
    if (named == given.end() && (port.rank == 0 || dataUsed))
      throw UsageError{fmt::format("{} also takes `{}`: give --input {}={}", entry.name, port.name, port.name,
                                   port.rank ? "FILE" : "NUMBER")};
    if (port.rank == 0) {
      arrays.push_back(numberInput(port, named->second));
      continue;
    }
    if (named == given.end()) dataUsed = true;
    Array array = converted(readArray(named != given.end() ? named->second : a.data), train::dtypeOfAbi(port.dtype));
    fitRank(array, port);
    arrays.push_back(std::move(array));
  }
  for (const auto& [name, value] : given)
    if (std::none_of(entry.input, entry.input + entry.inputs, [&](const nnc_port& p) { return p.name == name; }))
      throw UsageError{fmt::format("{} has no input `{}`", entry.name, name)};
  return inputs;
}

void writeResults(const nnc_entry& entry, const std::vector<Array>& results, const std::string& output) {
  std::vector<train::NamedTensor> tensors;
  for (uint32_t i = 0; i < entry.outputs; ++i) tensors.push_back({entry.output[i].name, results[i].view()});
  bool single = tensors.size() == 1;
  if (single && output.ends_with(".npy"))
    writeWholeFile(output, train::npyContent(tensors[0].tensor));
  else if (single && output.ends_with(".png"))
    writeWholeFile(output, train::pngGrid(tensors[0].tensor, output));
  else if (output == "-" || output.ends_with(".csv"))
    writeWholeFile(output, train::csvContent(tensors, entry.name));
  else
    throw UsageError{fmt::format("-o {}: .npy, .png (one result) or .csv", output)};
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
  train::Provenance provenance{loaded->description.hypers, {}};
  if (!a.weights.empty()) train::loadWeights(a.weights, model, provenance);
  model.setScalar("seed", static_cast<double>(a.seed));
  Runner runner(model, number, readInputs(model.entry(number), a));
  writeResults(model.entry(number), runner.run(), a.output);
  return kExitOk;
}

}  // namespace

Command declarePredict(CLI::App& app) {
  auto a = std::make_shared<PredictArguments>();
  a->model.declare(app);
  app.add_option("entry", a->entry, "an `export fn` of the file")->required();
  app.add_option("--weights", a->weights, "safetensors");
  app.add_option("--input", a->inputs, "name=FILE of an input; name=NUMBER of a number or count");
  // --data names a data block's place elsewhere; here it is the first input.
  app.remove_option(app.get_option("--data"));
  app.add_option("--data", a->data,
                 "file of the first input: npy, CSV, IDX(.gz), PNG; - (the default) is standard input")
      ->default_val("-");
  app.add_option("-o", a->output, "file: .csv, .npy or .png; - (the default) is CSV on standard output")
      ->default_val("-");
  app.add_option("--seed", a->seed, "of functions that draw");
  return [a] { return runPredict(*a); };
}

}  // namespace nnc::tools
