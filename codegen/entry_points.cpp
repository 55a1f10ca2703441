// Names and parameters of the exported functions.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <set>

#include "codegen/abi.h"
#include "codegen/codegen.h"
#include "runtime/core/nnc_abi.h"

namespace nnc::codegen {
namespace {

const std::set<std::string>& reservedWords() {
  static const std::set<std::string> words = {
      "auto",     "break",    "case",      "char",     "const",    "continue", "default", "do",        "double",
      "else",     "enum",     "extern",    "float",    "for",      "goto",     "if",      "inline",    "int",
      "long",     "register", "restrict",  "return",   "short",    "signed",   "sizeof",  "static",    "struct",
      "switch",   "typedef",  "union",     "unsigned", "void",     "volatile", "while",   "bool",      "catch",
      "class",    "delete",   "explicit",  "export",   "false",    "friend",   "mutable", "namespace", "new",
      "operator", "private",  "protected", "public",   "template", "this",     "throw",   "true",      "try",
      "typename", "using",    "virtual",   "ctx"};
  return words;
}

/// A name not yet in `taken`: the name itself, else with an underscore more.
std::string distinct(std::string name, std::set<std::string>& taken) {
  while (!taken.insert(name).second) name += '_';
  return name;
}

bool isExported(const plan::Entry& e) {
  return e.kind != Function::Kind::Init && e.kind != Function::Kind::Derive;
}

}  // namespace

std::string identifier(const std::string& text) {
  std::string name;
  for (char c : text) name += std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
  if (name.empty() || std::isdigit(static_cast<unsigned char>(name[0]))) name = "m" + name;
  return reservedWords().count(name) ? name + '_' : name;
}

std::string modelPrefix(const plan::Plan& plan) {
  return identifier(plan.name);
}

const std::vector<FixedFunction>& fixedFunctions() {
  static const std::vector<FixedFunction> functions = {
      {"create", offsetof(nnc_api, create), "ipli", "int", "nnc_context **out, int64_t seed, int threads",
       "Makes a context: with the embedded weights if there are any, else with parameters drawn by the seed.\n"
       "threads: how many to use; 0: as many as there are CPUs for the process."},
      {"destroy", offsetof(nnc_api, destroy), "vp", "void", "nnc_context *ctx",
       "Ends the threads and frees the memory of a context."},
      {"error", offsetof(nnc_api, error), "pp", "const char *", "const nnc_context *ctx",
       "The text of the context's last failure."},
      {"init", offsetof(nnc_api, init), "ipl", "int", "nnc_context *ctx, int64_t seed",
       "Draws all parameters again; statistics and vocabularies stay."},
      {"load", offsetof(nnc_api, load), "ipp", "int", "nnc_context *ctx, const char *file",
       "Reads weights from a safetensors file: all that the model has; what else the file holds is passed over."},
      {"save", offsetof(nnc_api, save), "ipp", "int", "nnc_context *ctx, const char *file",
       "Writes weights to a safetensors file: parameters, layer state, statistics and vocabularies; no optimizer's "
       "state."},
      {"load_checkpoint", offsetof(nnc_api, load_checkpoint), "ipp", "int", "nnc_context *ctx, const char *file",
       "Reads all that the next step depends on, from a file of save_checkpoint or a checkpoint of nn train; the next\n"
       "steps give the bits that they would have given. get_scalar says where it stands: \"step\" is the last one "
       "set."},
      {"save_checkpoint", offsetof(nnc_api, save_checkpoint), "ipp", "int", "nnc_context *ctx, const char *file",
       "Writes all that the next step depends on to a safetensors file: weights, state of optimizers, metrics and "
       "exports,\nscalars."},
      {"encode", offsetof(nnc_api, encode), "ippplplp", "int",
       "nnc_context *ctx, const char *vocabulary, const char *text, uint64_t bytes,\n    int32_t *numbers, uint64_t "
       "capacity, uint64_t *count",
       "Text as numbers of a vocabulary. Writes at most capacity numbers and sets count to how many there are; with\n"
       "capacity 0 it only counts. A character that the vocabulary lacks is an error, a word it lacks is 0."},
      {"decode", offsetof(nnc_api, decode), "ippplplp", "int",
       "nnc_context *ctx, const char *vocabulary, const int32_t *numbers, uint64_t count,\n    char *text, uint64_t "
       "capacity, uint64_t *bytes",
       "Numbers of a vocabulary as text, not terminated; words and categories with spaces between."},
      {"get_tensor", offsetof(nnc_api, get_tensor), "ipppl", "int",
       "nnc_context *ctx, const char *path, void *data, uint64_t bytes",
       "Copies a parameter or state out, row-major, in its own element type; bytes must be its size."},
      {"set_tensor", offsetof(nnc_api, set_tensor), "ipppl", "int",
       "nnc_context *ctx, const char *path, const void *data, uint64_t bytes", "Copies a parameter or state in."},
      {"get_scalar", offsetof(nnc_api, get_scalar), "ippp", "int",
       "const nnc_context *ctx, const char *name, double *value", "Reads a scalar by name, such as a learning rate."},
      {"set_scalar", offsetof(nnc_api, set_scalar), "ippd", "int", "nnc_context *ctx, const char *name, double value",
       "Sets a scalar by name."},
      {"set_threads", offsetof(nnc_api, set_threads), "ipi", "int", "nnc_context *ctx, int threads",
       "Changes the number of threads; results do not depend on it."},
      {"set_executor", offsetof(nnc_api, set_executor), "ipppi", "int",
       "nnc_context *ctx,\n    void (*run)(void *host, int64_t n, void (*body)(void *data, int64_t i), void *data), "
       "void *host, "
       "int threads",
       "Hands the work to a thread pool of the host: run calls body(data, i) for each i below n, in any order, and\n"
       "returns when all are done. A null run goes back to the pool inside."},
  };
  return functions;
}

std::vector<EntryPoint> entryPointsOf(const plan::Plan& plan) {
  std::string prefix = modelPrefix(plan);
  std::set<std::string> functions = {prefix + "_api"};
  for (const FixedFunction& f : fixedFunctions()) functions.insert(fmt::format("{}_{}", prefix, f.suffix));
  std::vector<EntryPoint> points;
  for (uint32_t i = 0; i < plan.entries.size(); ++i) {
    const plan::Entry& e = plan.entries[i];
    if (!isExported(e)) continue;
    EntryPoint p;
    p.function = distinct(fmt::format("{}_{}", prefix, identifier(e.name)), functions);
    p.entry = i;
    std::set<std::string> names;
    for (const Symbol& s : e.symbols) p.symbols.push_back({distinct(identifier(s.name), names), s.bound});
    const auto vocabulary = [&](const std::string& port) {
      const auto found = e.texts.find(port);
      return found == e.texts.end() ? "" : found->second;
    };
    for (plan::BufId b : e.inputs)
      p.inputs.push_back(
          {distinct(identifier(e.buffers[b].name), names), e.buffers[b].type, vocabulary(e.buffers[b].name)});
    for (const plan::EntryOutput& o : e.outputs) {
      bool numbered = !o.name.empty() && std::isdigit(static_cast<unsigned char>(o.name[0]));
      std::string name = o.name.empty() || numbered ? "out" + o.name : o.name;
      p.outputs.push_back({distinct(identifier(name), names), e.buffers[o.buffer].type, vocabulary(o.name)});
    }
    points.push_back(std::move(p));
  }
  return points;
}

}  // namespace nnc::codegen
