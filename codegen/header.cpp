// The C99 header of a compiled model.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <set>

#include "codegen/abi.h"
#include "codegen/codegen.h"
#include "runtime/core/nnc_abi.h"

namespace nnc::codegen {
namespace {

const char* cType(DType t) {
  switch (t) {
    case DType::F64:
      return "double";
    case DType::F32:
      return "float";
    case DType::BF16:
    case DType::F16:
      return "uint16_t";
    case DType::I64:
      return "int64_t";
    case DType::I32:
      return "int32_t";
    case DType::I8:
      return "int8_t";
    case DType::U8:
    case DType::Bool:
      return "uint8_t";
  }
  return "void";
}

std::string upper(std::string s) {
  std::transform(s.begin(), s.end(), s.begin(), [](unsigned char c) { return std::toupper(c); });
  return s;
}

int64_t maximalElements(const Type& type, const std::vector<Symbol>& symbols) {
  std::map<std::string, int64_t> bounds;
  for (const Symbol& s : symbols) bounds[s.name] = s.bound;
  return elementCount(type.shape).most(bounds);
}

std::string comment(const std::string& text) {
  std::string lines = text;
  for (size_t at = 0; (at = lines.find('\n', at)) != std::string::npos; at += 4) lines.replace(at, 1, "\n * ");
  return fmt::format("/* {} */\n", lines);
}

struct Code {
  const char* name;
  int value;
  const char* meaning;
};
constexpr Code kCodes[] = {
    {"OK", NNC_OK, "done"},
    {"ERR_ARGUMENT", NNC_ERR_ARGUMENT, "a null pointer, an unknown name, a wrong size"},
    {"ERR_RANGE", NNC_ERR_RANGE, "a size above its maximum, an index outside its bound"},
    {"ERR_MEMORY", NNC_ERR_MEMORY, "no memory"},
    {"ERR_IO", NNC_ERR_IO, "a file cannot be read or written"},
    {"ERR_FORMAT", NNC_ERR_FORMAT, "a malformed or mismatched weight file"},
    {"ERR_NAN", NNC_ERR_NAN, "a NaN was found, where that is looked for"},
    {"ERR_CPU", NNC_ERR_CPU, "this CPU lacks instructions the library was compiled for"},
};

class HeaderWriter {
public:
  explicit HeaderWriter(const plan::Plan& plan) : plan_(plan), prefix_(modelPrefix(plan)), macro_(upper(prefix_)) {}

  std::string write() {
    preamble();
    for (const FixedFunction& f : fixedFunctions()) {
      std::string result = f.result;
      if (result.back() != '*') result += ' ';
      out_ += fmt::format("{}{}{}_{}({});\n\n", comment(f.doc), result, prefix_, f.suffix, f.parameters);
    }
    for (const EntryPoint& p : entryPointsOf(plan_)) entry(p);
    variables();
    out_ += "#ifdef __cplusplus\n}\n#endif\n#endif\n";
    return out_;
  }

private:
  void preamble() {
    out_ += fmt::format(
        "/* The compiled model `{}`.\n *\n"
        " * Functions return {}_OK or another code below; {}_error gives the text. A context is used by one\n"
        " * thread at a time; contexts are independent of each other. Tensors are dense and row-major. */\n",
        plan_.name, macro_, prefix_);
    out_ += fmt::format(
        "#ifndef {0}_H\n#define {0}_H\n\n#include <stdint.h>\n\n#ifdef __cplusplus\nextern \"C\" {{\n#endif\n\n",
        macro_);
    for (const Code& c : kCodes) out_ += fmt::format("#define {}_{} {} /* {} */\n", macro_, c.name, c.value, c.meaning);
    out_ +=
        "\n#if !defined(NNC_ABI_H) && !defined(NNC_CONTEXT_DECLARED)\n#define NNC_CONTEXT_DECLARED\n"
        "typedef struct nnc_context nnc_context;\n#endif\nstruct nnc_api;\n\n";
    out_ += comment("The interface for generic hosts: every entry, name and shape as tables (nnc_abi.h).");
    out_ += fmt::format("const struct nnc_api *{}_api(void);\n\n", prefix_);
  }

  void entry(const EntryPoint& p) {
    const plan::Entry& e = plan_.entries[p.entry];
    std::string doc = fmt::format("`{}`", e.name), parameters = "nnc_context *ctx", macros;
    std::string function = upper(p.function);
    for (const Symbol& s : p.symbols) {
      parameters += fmt::format(", int64_t {}", s.name);
      doc += fmt::format("\n  {}: 0 to {}", s.name, s.bound);
      macros += define(fmt::format("{}_{}_MAX", function, upper(s.name)), fmt::format("{}", s.bound));
    }
    auto port = [&](const EntryPoint::Port& x, bool input) {
      parameters += fmt::format(", {}{} *{}", input ? "const " : "", cType(x.type.dtype), x.name);
      doc += fmt::format("\n  {}: {}{}{}", x.name, x.type.str(),
                         x.vocabulary.empty() ? "" : fmt::format(" of \"{}\"", x.vocabulary),
                         input ? "" : ", written unless null");
      macros += define(fmt::format("{}_{}_ELEMENTS", function, upper(x.name)),
                       fmt::format("{} /* at most */", maximalElements(x.type, e.symbols)));
    };
    for (const Condition& c : e.conditions) doc += fmt::format("\n  needs {}", c.text);
    for (const EntryPoint::Port& x : p.inputs) port(x, true);
    for (const EntryPoint::Port& x : p.outputs) port(x, false);
    out_ += fmt::format("{}{}int {}({});\n\n", comment(doc), macros, p.function, parameters);
  }

  /// Names that differ in their case alone would be one macro: the later gets a `_`.
  std::string define(std::string name, const std::string& value) {
    while (!macros_.insert(name).second) name += '_';
    return fmt::format("#define {} {}\n", name, value);
  }

  void variables() {
    if (plan_.variables.empty()) return;
    std::string list = "Tensors by path:";
    for (const plan::StoredVariable& v : plan_.variables)
      if (v.variable.kind != Variable::Kind::Derived)
        list += fmt::format("\n  {}: {}", v.variable.path, v.variable.type.str());
    out_ += comment(list) + "\n";
    if (plan_.scalars.empty()) return;
    std::string scalars =
        "Scalars by name, with their values at the start. What steps and draws read is for the host to set:\n"
        "  step: how many steps came before; steps: how many there will be; epoch; valid.loss\n"
        "  first_row: how many rows came before those of the call";
    for (const Scalar& s : plan_.scalars) scalars += fmt::format("\n  {} = {}", s.name, s.defaultValue);
    out_ += comment(scalars) + "\n";
  }

  const plan::Plan& plan_;
  std::string prefix_, macro_, out_;
  std::set<std::string> macros_;
};

}  // namespace

std::string makeHeader(const plan::Plan& plan) {
  return HeaderWriter(plan).write();
}

}  // namespace nnc::codegen
