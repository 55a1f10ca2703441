// The constant tables of a compiled model: the plan in the form the runtime core walks (runtime/core/nnc_abi.h).
#include <fmt/format.h>

#include <algorithm>

#include "codegen/abi.h"
#include "codegen/codegen.h"
#include "codegen/compile.h"
#include "codegen/extents.h"
#include "codegen/literals.h"
#include "codegen/table_image.h"
#include "ir/check.h"

namespace nnc::codegen {
namespace {

using plan::BufId;
using plan::Role;

const char* kindName(const plan::Entry& entry) {
  if (entry.name == kFittedDefaults) return "defaults";
  switch (entry.kind) {
    case Function::Kind::Init:
      return "init";
    case Function::Kind::Step:
      return "step";
    case Function::Kind::Eval:
      return "eval";
    case Function::Kind::Export:
      return "export";
    case Function::Kind::Derive:
      return "derive";
    case Function::Kind::Rows:
      return "rows";
    case Function::Kind::StartPass:
      return "start_pass";
  }
  return "";
}

const char* roleName(OutputRole role) {
  return role == OutputRole::Loss ? "loss" : role == OutputRole::Metric ? "metric" : "result";
}

class TableWriter {
public:
  TableWriter(llvm::Module& module, const plan::Plan& p, const Instances& i, const std::vector<TargetKernels>& t,
              const CodegenOptions& o)
      : module_(module), plan_(p), instances_(i), targets_(t), options_(o), literals_(p) {}

  void write() {
    placeScalars();
    nnc_model model{};
    model.abi_version = NNC_ABI_VERSION;
    model.entries = static_cast<uint32_t>(plan_.entries.size());
    model.kernels = static_cast<uint32_t>(instances_.kernels.size());
    model.scalars = static_cast<uint32_t>(plan_.scalars.size());
    model.targets = static_cast<uint32_t>(targets_.size());
    model.weights_bytes = options_.weights.size();
    model.store_bytes = plan_.storeBytes;
    model.scalar_bytes = scalarBytes_;
    model.constant_bytes = literals_.bytes().size();
    for (const plan::StoredVariable& v : plan_.variables) model.variables += v.variable.kind != Variable::Kind::Derived;
    for (const plan::Entry& e : plan_.entries)
      for (const plan::Buffer& b : e.buffers)
        if (b.role == Role::Output) model.sink_bytes = std::max<uint64_t>(model.sink_bytes, b.bytesAtBound);
    uint64_t entries = writeEntries(), targets = writeTargets(), variables = writeVariables(), scalars = writeScalars();
    uint64_t strings = image_.addBytes(strings_.c_str(), strings_.size() + 1, 1);
    uint64_t at = image_.addBytes(&model, sizeof model, alignof(nnc_model));
    text(at + offsetof(nnc_model, name), plan_.name);
    text(at + offsetof(nnc_model, compiler), options_.compilerVersion);
    text(at + offsetof(nnc_model, description), options_.description);
    image_.point(at + offsetof(nnc_model, entry), entries);
    image_.point(at + offsetof(nnc_model, target), targets);
    image_.point(at + offsetof(nnc_model, variable), variables);
    image_.point(at + offsetof(nnc_model, scalar), scalars);
    image_.point(at + offsetof(nnc_model, strings), strings);
    image_.point(at + offsetof(nnc_model, constants), blob("nnc_constants", literals_.bytes()));
    image_.point(at + offsetof(nnc_model, weights), blob("nnc_weights", options_.weights));
    llvm::GlobalVariable* image = image_.emit(module_, "nnc_tables");
    exposeModel(image, at);
  }

private:
  void text(uint64_t field, const std::string& s) { image_.point(field, image_.addString(s)); }

  /// The core finds the model under this name.
  void exposeModel(llvm::GlobalVariable* image, uint64_t at) {
    llvm::LLVMContext& context = module_.getContext();
    llvm::Constant* offset = llvm::ConstantInt::get(llvm::Type::getInt64Ty(context), at);
    llvm::Constant* address = llvm::ConstantExpr::getInBoundsGetElementPtr(llvm::Type::getInt8Ty(context), image,
                                                                           llvm::ArrayRef<llvm::Value*>(offset));
    auto* alias = llvm::GlobalAlias::create(llvm::Type::getInt8Ty(context), 0, llvm::GlobalValue::ExternalLinkage,
                                            "nnc_model_table", address, &module_);
    alias->setVisibility(llvm::GlobalValue::HiddenVisibility);
  }

  llvm::Constant* blob(const char* name, const std::string& bytes) {
    if (bytes.empty()) return nullptr;
    llvm::Constant* value = llvm::ConstantDataArray::getString(module_.getContext(), bytes, false);
    auto* global =
        new llvm::GlobalVariable(module_, value->getType(), true, llvm::GlobalValue::PrivateLinkage, value, name);
    global->setAlignment(llvm::Align(64));
    return global;
  }

  /// Offset of a text in the string table.
  uint32_t string(const std::string& s) {
    auto [at, isNew] = stringOffsets_.try_emplace(s, static_cast<uint32_t>(strings_.size()));
    if (isNew) strings_ += s + '\0';
    return at->second;
  }

  // ---- variables, scalars, kernels
  // ------------------------------------------------------------------------------------

  void placeScalars() {
    for (const Scalar& s : plan_.scalars) {
      scalarOffsets_[s.name] = scalarBytes_;
      scalarBytes_ += 8;  // one slot each, whatever the dtype
    }
  }

  uint64_t writeScalars() {
    std::vector<nnc_scalar> rows;
    for (const Scalar& s : plan_.scalars) {
      rows.push_back({nullptr, static_cast<uint32_t>(s.dtype), 0, scalarOffsets_.at(s.name), s.defaultValue});
    }
    uint64_t at = image_.add(rows);
    for (size_t i = 0; i < rows.size(); ++i)
      text(at + i * sizeof(nnc_scalar) + offsetof(nnc_scalar, name), plan_.scalars[i].name);
    return at;
  }

  /// Those that hosts see: derived ones are places in the store and nothing more.
  uint64_t writeVariables() {
    std::vector<nnc_variable> rows;
    std::vector<const plan::StoredVariable*> seen;
    for (const plan::StoredVariable& v : plan_.variables) {
      if (v.variable.kind == Variable::Kind::Derived) continue;
      seen.push_back(&v);
      rows.push_back({nullptr, static_cast<uint32_t>(v.variable.kind), static_cast<uint32_t>(v.variable.type.dtype),
                      static_cast<uint32_t>(v.variable.type.shape.size()),
                      static_cast<uint32_t>(v.layout.digits.size()), nullptr, nullptr, v.offset});
    }
    uint64_t at = image_.add(rows);
    for (size_t i = 0; i < rows.size(); ++i) {
      const plan::StoredVariable& v = *seen[i];
      std::vector<nnc_digit> digits;
      for (const plan::Digit& d : v.layout.digits) digits.push_back({d.dim, d.div.value(), d.extent.value()});
      uint64_t row = at + i * sizeof(nnc_variable);
      text(row + offsetof(nnc_variable, path), v.variable.path);
      image_.point(row + offsetof(nnc_variable, extents), image_.add(constExtents(v.variable.type.shape)));
      image_.point(row + offsetof(nnc_variable, digit), image_.add(digits));
    }
    return at;
  }

  uint64_t writeTargets() {
    std::vector<nnc_target> rows;
    for (const TargetKernels& t : targets_) rows.push_back({nullptr, t.target.cpuFeatures, 0, nullptr});
    uint64_t at = image_.add(rows);
    for (size_t i = 0; i < rows.size(); ++i) {
      uint64_t row = at + i * sizeof(nnc_target);
      text(row + offsetof(nnc_target, name), targets_[i].target.name);
      image_.point(row + offsetof(nnc_target, kernel), writeKernels(targets_[i]));
    }
    return at;
  }

  uint64_t writeKernels(const TargetKernels& of) {
    std::vector<nnc_kernel> rows;
    for (size_t i = 0; i < instances_.kernels.size(); ++i) {
      const plan::Kernel& k = *instances_.kernels[i].kernel;
      const KernelFacts& facts = of.facts[i];
      rows.push_back({nullptr, nullptr, nullptr, facts.scratchBytes, facts.serial, k.operands, k.outputs, 0, k.flops});
    }
    uint64_t at = image_.add(rows);
    llvm::LLVMContext& context = module_.getContext();
    llvm::Type *pointer = llvm::PointerType::getUnqual(context), *i64 = llvm::Type::getInt64Ty(context);
    auto* run = llvm::FunctionType::get(llvm::Type::getVoidTy(context), {pointer, i64, i64}, false);
    auto* tasks = llvm::FunctionType::get(i64, {pointer}, false);
    for (size_t i = 0; i < rows.size(); ++i) {
      const KernelInstance& k = instances_.kernels[i];
      uint64_t row = at + i * sizeof(nnc_kernel);
      text(row + offsetof(nnc_kernel, name), k.kernel->name);
      std::string function = functionFor(k, of.target);
      image_.point(row + offsetof(nnc_kernel, run), hiddenFunction(function, run));
      image_.point(row + offsetof(nnc_kernel, tasks), hiddenFunction(function + ".tasks", tasks));
    }
    return at;
  }

  llvm::Function* hiddenFunction(const std::string& name, llvm::FunctionType* type) {
    auto* f = llvm::Function::Create(type, llvm::GlobalValue::ExternalLinkage, name, module_);
    f->setVisibility(llvm::GlobalValue::HiddenVisibility);
    return f;
  }

  // ---- entries
  // ----------------------------------------------------------------------------------------------------------

  uint64_t writeEntries() {
    std::vector<nnc_entry> rows;
    for (const plan::Entry& e : plan_.entries) {
      nnc_entry row{};
      row.symbols = static_cast<uint32_t>(e.symbols.size());
      row.inputs = static_cast<uint32_t>(e.inputs.size());
      row.outputs = static_cast<uint32_t>(e.outputs.size());
      row.buffers = static_cast<uint32_t>(e.buffers.size());
      for (const plan::Phase& p : e.phases) row.launches += static_cast<uint32_t>(p.launches.size());
      row.phases = static_cast<uint32_t>(e.phases.size());
      row.steps = static_cast<uint32_t>(e.steps.size());
      for (const plan::Step& s : e.steps) row.slices += static_cast<uint32_t>(s.slices.size());
      for (const plan::Step& s : e.steps) row.slices += static_cast<uint32_t>(s.moved.size());
      row.arena_bytes = e.arenaBytes;
      row.scratch_bytes = e.scratchBytes;
      row.conditions = e.conditions.size();
      row.reads_derived = e.readsDerived;
      row.changes_derived = e.changesDerived;
      rows.push_back(row);
    }
    uint64_t at = image_.add(rows);
    for (size_t i = 0; i < rows.size(); ++i) writeEntry(at + i * sizeof(nnc_entry), i);
    return at;
  }

  void writeEntry(uint64_t row, size_t number) {
    const plan::Entry& e = plan_.entries[number];
    ExtentFunctions extents(module_, e.symbols, fmt::format("entry{}.", number));
    text(row + offsetof(nnc_entry, name), e.name);
    text(row + offsetof(nnc_entry, kind), kindName(e));
    image_.point(row + offsetof(nnc_entry, symbol), writeSymbols(e));
    image_.point(row + offsetof(nnc_entry, condition), writeConditions(e, extents));
    image_.point(row + offsetof(nnc_entry, input), writeInputs(e, extents));
    image_.point(row + offsetof(nnc_entry, output), writeOutputs(e, extents));
    image_.point(row + offsetof(nnc_entry, buffer), writeBuffers(e, extents));
    writeLaunches(row, e, instances_.ofLaunch[number]);
    writeSteps(row, e, extents);
  }

  uint64_t writeSymbols(const plan::Entry& e) {
    std::vector<nnc_symbol> rows;
    for (const Symbol& s : e.symbols) rows.push_back({nullptr, s.bound});
    uint64_t at = image_.add(rows);
    for (size_t i = 0; i < rows.size(); ++i)
      text(at + i * sizeof(nnc_symbol) + offsetof(nnc_symbol, name), e.symbols[i].name);
    return at;
  }

  uint64_t writeConditions(const plan::Entry& e, ExtentFunctions& extents) {
    uint64_t at = image_.add(std::vector<nnc_condition>(e.conditions.size()));
    for (size_t i = 0; i < e.conditions.size(); ++i) {
      uint64_t row = at + i * sizeof(nnc_condition);
      text(row + offsetof(nnc_condition, text), e.conditions[i].text);
      image_.point(row + offsetof(nnc_condition, slack), extents.of(e.conditions[i].slack));
    }
    return at;
  }

  struct Port {
    std::string name, role;
    const Type* type;
    int64_t bound;
  };

  uint64_t writePorts(const std::vector<Port>& ports, ExtentFunctions& extents) {
    std::vector<nnc_port> rows;
    for (const Port& p : ports) {
      rows.push_back({nullptr, nullptr, static_cast<uint32_t>(p.type->dtype),
                      static_cast<uint32_t>(p.type->shape.size()), nullptr, p.bound});
    }
    uint64_t at = image_.add(rows);
    for (size_t i = 0; i < ports.size(); ++i) {
      uint64_t row = at + i * sizeof(nnc_port);
      text(row + offsetof(nnc_port, name), ports[i].name);
      text(row + offsetof(nnc_port, role), ports[i].role);
      const Shape& shape = ports[i].type->shape;
      if (shape.empty()) continue;
      uint64_t list = image_.add(std::vector<nnc_extent_fn>(shape.size(), nullptr));
      image_.point(row + offsetof(nnc_port, extents), list);
      for (size_t d = 0; d < shape.size(); ++d) image_.point(list + d * sizeof(nnc_extent_fn), extents.of(shape[d]));
    }
    return at;
  }

  uint64_t writeInputs(const plan::Entry& e, ExtentFunctions& extents) {
    std::vector<Port> ports;
    for (BufId b : e.inputs) {
      ports.push_back({e.buffers[b].name, "input", &e.buffers[b].type, e.buffers[b].bound});
    }
    return writePorts(ports, extents);
  }

  uint64_t writeOutputs(const plan::Entry& e, ExtentFunctions& extents) {
    std::vector<Port> ports;
    for (const plan::EntryOutput& o : e.outputs)
      ports.push_back({o.name, roleName(o.role), &e.buffers[o.buffer].type, 0});
    return writePorts(ports, extents);
  }

  nnc_buffer placeOf(const plan::Entry& e, BufId id) {
    const plan::Buffer& b = e.buffers[id];
    nnc_buffer row{};
    if (b.alias != plan::kNoBuffer) {
      row = placeOf(e, b.alias);
    } else if (b.role == Role::Variable) {
      auto v = std::find_if(plan_.variables.begin(), plan_.variables.end(),
                            [&](const plan::StoredVariable& s) { return s.variable.path == b.name; });
      NNC_CHECK(v != plan_.variables.end(), "a buffer names a variable the plan does not store");
      row.space = NNC_SPACE_STORE;
      row.offset = v->offset;
    } else if (b.role == Role::Scalar) {
      row.space = NNC_SPACE_SCALARS;
      row.offset = scalarOffsets_.at(b.name);
    } else if (b.role == Role::Input) {
      row.space = NNC_SPACE_INPUT;
      row.index = static_cast<uint32_t>(std::find(e.inputs.begin(), e.inputs.end(), id) - e.inputs.begin());
      NNC_CHECK(row.index < e.inputs.size(), "an input buffer is not in the call order");
    } else if (b.role == Role::Output) {
      auto o =
          std::find_if(e.outputs.begin(), e.outputs.end(), [&](const plan::EntryOutput& x) { return x.buffer == id; });
      NNC_CHECK(o != e.outputs.end(), "an output buffer is not in the call order");
      row.space = NNC_SPACE_OUTPUT;
      row.index = static_cast<uint32_t>(o - e.outputs.begin());
    } else if (b.role == Role::Const) {
      row.space = NNC_SPACE_CONST;
      row.offset = literals_.offset(b);
    } else {
      row.space = b.role == Role::Scratch ? NNC_SPACE_SCRATCH : NNC_SPACE_ARENA;
      row.offset = b.offset;
    }
    row.dtype = static_cast<uint32_t>(b.type.dtype);
    return row;
  }

  uint64_t writeBuffers(const plan::Entry& e, ExtentFunctions& extents) {
    std::vector<nnc_buffer> rows;
    for (BufId b = 0; b < e.buffers.size(); ++b) rows.push_back(placeOf(e, b));
    uint64_t at = image_.add(rows);
    for (size_t b = 0; b < rows.size(); ++b) {
      image_.point(at + b * sizeof(nnc_buffer) + offsetof(nnc_buffer, elements),
                   extents.of(elementCount(e.buffers[b].type.shape)));
    }
    return at;
  }

  std::string originOf(const plan::Launch& launch) {
    std::string text(launch.origin.pathOrEmpty());
    const Loc& user = launch.origin.user ? launch.origin.user : launch.origin.at;
    if (!user) return text;
    std::string place = options_.place ? options_.place(user) : fmt::format("line {}", user.line);
    return text.empty() ? place : fmt::format("{} at {}", text, place);
  }

  void writeLaunches(uint64_t row, const plan::Entry& e, const std::vector<uint32_t>& kernels) {
    std::vector<uint32_t> bind;
    std::vector<nnc_launch> launches;
    std::vector<nnc_phase> phases;
    for (const plan::Phase& p : e.phases) {
      phases.push_back({static_cast<uint32_t>(launches.size()), static_cast<uint32_t>(p.launches.size())});
      for (const plan::Launch& l : p.launches) {
        launches.push_back({kernels[launches.size()], static_cast<uint32_t>(bind.size()), string(originOf(l))});
        bind.insert(bind.end(), l.bind.begin(), l.bind.end());
      }
    }
    image_.point(row + offsetof(nnc_entry, bind), image_.add(bind));
    image_.point(row + offsetof(nnc_entry, launch), image_.add(launches));
    image_.point(row + offsetof(nnc_entry, phase), image_.add(phases));
  }

  /// The step that ends what begins at step `i`: the Else or EndIf of an If, the EndIf of an Else, the EndLoop of a
  /// Loop, the EndBlocks of Blocks.
  static uint32_t endOf(const plan::Entry& e, size_t i) {
    using Kind = plan::Step::Kind;
    int depth = 0;
    for (size_t j = i + 1; j < e.steps.size(); ++j) {
      Kind kind = e.steps[j].kind;
      bool ends = kind == Kind::EndLoop || kind == Kind::EndIf || kind == Kind::EndBlocks ||
                  (kind == Kind::Else && e.steps[i].kind == Kind::If);
      if (depth == 0 && ends) return static_cast<uint32_t>(j);
      if (kind == Kind::Loop || kind == Kind::If || kind == Kind::Blocks) ++depth;
      if (kind == Kind::EndLoop || kind == Kind::EndIf || kind == Kind::EndBlocks) --depth;
    }
    internalError(__FILE__, __LINE__, "a block of steps has no end");
  }

  void writeSteps(uint64_t row, const plan::Entry& e, ExtentFunctions& extents) {
    using Kind = plan::Step::Kind;
    std::vector<nnc_step> steps;
    std::vector<nnc_slice> slices;
    std::vector<Dim> strides;
    std::vector<uint32_t> open;
    for (size_t i = 0; i < e.steps.size(); ++i) {
      const plan::Step& s = e.steps[i];
      nnc_step step{};
      step.kind = static_cast<uint32_t>(s.kind);
      step.buffer = s.kind == Kind::If ? s.predicate : s.counter;
      if (s.kind == Kind::Phase) step.target = s.phase;
      if (s.kind == Kind::Loop || s.kind == Kind::If || s.kind == Kind::Else || s.kind == Kind::Blocks)
        step.target = endOf(e, i);
      if (s.kind == Kind::Loop) open.push_back(static_cast<uint32_t>(i));
      if (s.kind == Kind::EndLoop) {
        step.target = open.back();
        open.pop_back();
      }
      step.first_slice = static_cast<uint32_t>(slices.size());
      step.slices = static_cast<uint32_t>(s.slices.size() + s.moved.size());
      if (s.kind == Kind::Blocks) {
        auto named = [&](const Symbol& symbol) { return symbol.name == s.symbol; };
        auto at = std::find_if(e.symbols.begin(), e.symbols.end(), named);
        step.symbol = static_cast<uint32_t>(at - e.symbols.begin());
        step.rows = s.rows;
      }
      for (const plan::Slice& slice : s.slices) {
        slices.push_back({slice.slice, slice.whole, slice.reverse, 0, nullptr});
        const Type& type = e.buffers[slice.slice].type;
        strides.push_back(elementCount(type.shape) * dtypeSize(type.dtype));
      }
      for (BufId b : s.moved) {
        slices.push_back({b, b, 0, 0, nullptr});
        const Type& type = e.buffers[b].type;
        auto row = elementCount(type.shape).dividedBy(Dim::symbol(s.symbol));
        NNC_CHECK(row.has_value(), "a buffer without rows is moved in blocks of them");
        strides.push_back(*row * dtypeSize(type.dtype));
      }
      steps.push_back(step);
    }
    uint64_t stepAt = image_.add(steps), sliceAt = image_.add(slices);
    for (size_t i = 0; i < steps.size(); ++i) {
      if (e.steps[i].kind != Kind::Loop) continue;
      image_.point(stepAt + i * sizeof(nnc_step) + offsetof(nnc_step, trip), extents.of(e.steps[i].trip));
    }
    for (size_t i = 0; i < slices.size(); ++i) {
      image_.point(sliceAt + i * sizeof(nnc_slice) + offsetof(nnc_slice, stride), extents.of(strides[i]));
    }
    image_.point(row + offsetof(nnc_entry, step), stepAt);
    image_.point(row + offsetof(nnc_entry, slice), sliceAt);
  }

  llvm::Module& module_;
  const plan::Plan& plan_;
  const Instances& instances_;
  const std::vector<TargetKernels>& targets_;
  const CodegenOptions& options_;
  LiteralPool literals_;
  TableImage image_;
  std::map<std::string, uint64_t> scalarOffsets_;
  uint64_t scalarBytes_ = 0;
  std::string strings_;
  std::map<std::string, uint32_t> stringOffsets_;
};

}  // namespace

std::unique_ptr<llvm::Module> makeTables(llvm::LLVMContext& context, llvm::TargetMachine& machine,
                                         const plan::Plan& plan, const Instances& instances,
                                         const std::vector<TargetKernels>& targets, const CodegenOptions& options) {
  std::unique_ptr<llvm::Module> module = makeModule(context, machine, "tables");
  TableWriter(*module, plan, instances, targets, options).write();
  emitEntryPoints(*module, plan);
  return module;
}

}  // namespace nnc::codegen
