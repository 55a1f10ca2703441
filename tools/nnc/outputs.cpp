#include "tools/nnc/outputs.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>

#include "ir/text.h"
#include "tools/common/command_line.h"
#include "tools/nnc/drawing.h"

namespace nnc::tools {

namespace fs = std::filesystem;

namespace {

using Bytes = std::optional<std::string>;

Bytes moduleText(const Module* module, bool locations) {
  if (!module) return {};
  return printModule(*module, {.locations = locations});
}

Bytes ast(Compilation& c) {
  return c.syntaxTree();
}
Bytes ir(Compilation& c) {
  return moduleText(c.elaborated(), true);
}
Bytes grad(Compilation& c) {
  return moduleText(c.differentiated(), false);
}
Bytes opt(Compilation& c) {
  return moduleText(c.optimized(), false);
}
Bytes planText(Compilation& c) {
  return c.plan() ? Bytes(plan::printPlan(*c.plan())) : Bytes();
}
Bytes llvmText(Compilation& c) {
  return c.plan() ? Bytes(codegen::emitLlvmText(*c.plan(), c.codegenOptions())) : Bytes();
}
Bytes assembly(Compilation& c) {
  return c.plan() ? Bytes(codegen::emitAssembly(*c.plan(), c.codegenOptions())) : Bytes();
}
Bytes object(Compilation& c) {
  return c.plan() ? Bytes(codegen::linkRelocatable(c.objects())) : Bytes();
}
Bytes archive(Compilation& c) {
  Bytes merged = object(c);
  return merged ? Bytes(codegen::makeArchive(*merged, c.plan()->name + ".o")) : Bytes();
}
Bytes shared(Compilation& c) {
  if (!c.plan()) return {};
  TemporaryFolder folder;
  const std::string path = folder.path / "model.so";
  c.link(path);
  return readWholeFile(path);
}
Bytes dot(Compilation& c) {
  return c.elaborated() ? Bytes(dotOf(drawingsOf(*c.elaborated()))) : Bytes();
}
Bytes svg(Compilation& c) {
  return c.elaborated() ? Bytes(svgOf(drawingsOf(*c.elaborated()))) : Bytes();
}

}  // namespace

const std::vector<OutputKind>& outputKinds() {
  static const std::vector<OutputKind> kinds = {
      {"ast", "", "the syntax tree", false, ast},
      {"ir", "", "the graph as elaborated", false, ir},
      {"grad", "", "the differentiated program", false, grad},
      {"opt", ".nnir", "the graph after all passes", false, opt},
      {"plan", ".plan", "kernels, buffers, phases", false, planText},
      {"llvm", ".ll", "the kernels in LLVM's language", false, llvmText},
      {"asm", ".s", "the kernels in assembly", false, assembly},
      {"obj", ".o", "everything, for a static link", true, object},
      {"archive", ".a", "the same as an archive", true, archive},
      {"so", ".so", "a shared library", true, shared},
      {"dot", ".dot", "what the exports compute, for Graphviz", false, dot},
      {"svg", ".svg", "the same as a picture", false, svg},
  };
  return kinds;
}

const OutputKind* kindOfEmit(const std::string& name) {
  for (const OutputKind& kind : outputKinds())
    if (name == kind.emit) return &kind;
  return nullptr;
}

const OutputKind& kindOfPath(const std::string& path) {
  std::vector<std::string> known;
  for (const OutputKind& kind : outputKinds()) {
    if (!*kind.suffix) continue;
    if (fs::path(path).extension() == kind.suffix) return kind;
    known.emplace_back(kind.suffix);
  }
  throw UsageError{fmt::format("-o {}: unknown suffix; known are {}", path, fmt::join(known, " "))};
}

std::vector<std::string> saveTemps(Compilation& compilation, const std::string& output) {
  const std::pair<const char*, Bytes (*)(Compilation&)> temps[] = {
      {".ast", ast},       {".ir.nnir", ir},  {".grad.nnir", grad}, {".opt.nnir", opt},
      {".plan", planText}, {".ll", llvmText}, {".s", assembly},     {".o", object},
  };
  std::vector<std::string> written;
  for (const auto& [suffix, bytes] : temps) {
    std::string path = fs::path(output).replace_extension(suffix);
    if (path == output) continue;
    Bytes text = bytes(compilation);
    if (!text) break;
    writeWholeFile(path, *text);
    written.push_back(path);
  }
  return written;
}

}  // namespace nnc::tools
