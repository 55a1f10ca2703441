// The text form of a plan:
//
//   kernel gemm_m128_n10_k512.add (t0: 128, t1: 10)
//     reduce sum f32 over r2: 512
//       %0 = load f32 $0[512*t0 + r2]
//       ...
//     map
//       %2 = result f32 0
//       store $3[10*t0 + t1] = %2
#include "plan/text.h"

#include <fmt/format.h>

namespace nnc::plan {
namespace {

constexpr const char* kTemplates[] = {"loop", "gemm", "conv", "convweights", "sort"};
constexpr const char* kFolds[] = {"sum", "sum in order", "dot", "inner dot", "max", "argmax"};
constexpr const char* kRoles[] = {"variable", "scalar", "input", "output", "const", "arena", "scratch"};

class KernelText {
public:
  explicit KernelText(const Kernel& kernel) : kernel_(kernel) {}

  std::string print() {
    text_ = fmt::format("kernel {} {} ({}) operands {} outputs {}\n", kTemplates[static_cast<size_t>(kernel_.tmpl)],
                        kernel_.name, iters(kernel_.taskIters), kernel_.operands, kernel_.outputs);
    for (const Stage& stage : kernel_.stages) print(stage);
    return text_;
  }

private:
  std::string name(uint32_t iter) const {
    const std::string& given = kernel_.iters[iter].name;
    return given.empty() ? fmt::format("i{}", iter) : given;
  }

  std::string iters(const std::vector<uint32_t>& list) const {
    std::string text;
    for (const uint32_t i : list)
      text += fmt::format("{}{}: {}", text.empty() ? "" : ", ", name(i), kernel_.iters[i].extent.str());
    return text;
  }

  std::string ix(const Ix& index) const {
    return index.str([this](uint32_t i) { return name(i); });
  }

  std::string guards(const std::vector<Guard>& list) const {
    std::string text;
    for (const Guard& g : list) text += fmt::format(" if {} <= {} < {}", g.lo.str(), ix(g.value), g.hi.str());
    return text;
  }

  void print(const Stage& stage) {
    const bool reduce = stage.kind == Stage::Kind::Reduce;
    text_ +=
        reduce ? fmt::format("  reduce {} {}", kFolds[static_cast<size_t>(stage.fold)], dtypeName(stage.acc)) : "  map";
    text_ += stage.iters.empty() ? "\n" : fmt::format(" over {}\n", iters(stage.iters));
    for (size_t i = 0; i < stage.body.size(); ++i) text_ += fmt::format("    %{} = {}\n", i, inst(stage.body[i]));
    if (reduce) text_ += fmt::format("    yield %{}\n", stage.value);
    for (const Store& s : stage.stores)
      text_ += fmt::format("    {} ${}[{}] = %{}{}\n", s.accumulate ? "add" : "store", s.operand, ix(s.index), s.value,
                           guards(s.guards));
  }

  std::string inst(const Inst& i) const {
    const char* type = dtypeName(i.dtype);
    switch (i.kind) {
      case Inst::Kind::Op: {
        std::string text = fmt::format("{} {}", opInfo(i.op).text, type);
        for (const uint32_t arg : i.args) text += fmt::format(" %{}", arg);
        return text;
      }
      case Inst::Kind::Load: {
        std::string text = fmt::format("load {} ${}[{}]{}", type, i.operand, ix(i.index), guards(i.guards));
        return i.guards.empty() ? text : text + fmt::format(" else {}", i.otherwise);
      }
      case Inst::Kind::Const:
        return fmt::format("const {} {}", type, i.constant);
      case Inst::Kind::Index:
        return fmt::format("index {} {}", type, ix(i.index));
      case Inst::Kind::Result:
        return fmt::format("result {} {}", type, i.stage);
    }
    return {};
  }

  const Kernel& kernel_;
  std::string text_;
};

std::string bufferText(const Entry& entry, BufId b) {
  const Buffer& buffer = entry.buffers[b];
  std::string text = fmt::format("  b{} {} {}", b, kRoles[static_cast<size_t>(buffer.role)], buffer.type.str());
  if (buffer.layout != rowMajor(buffer.type.shape)) text += " stored " + layoutText(buffer.layout, buffer.type.shape);
  if (!buffer.name.empty()) text += fmt::format(" \"{}\"", buffer.name);
  if (buffer.role == Role::Arena || buffer.role == Role::Scratch)
    text += fmt::format(" at {} live {}..{}", buffer.offset, buffer.first, buffer.last);
  if (buffer.alias != kNoBuffer) text += fmt::format(" in place of b{}", buffer.alias);
  return text + fmt::format(" bytes {}\n", buffer.bytesAtBound);
}

std::string launchText(const Plan& plan, const Launch& launch) {
  const Kernel& kernel = plan.kernels[launch.kernel];
  std::string in, out;
  for (size_t i = 0; i < launch.bind.size(); ++i)
    (i + kernel.outputs < launch.bind.size() ? in : out) += fmt::format(" b{}", launch.bind[i]);
  std::string text = fmt::format("{}{} ->{}", kernel.name, in, out);
  if (!launch.origin.pathOrEmpty().empty()) text += fmt::format("  // {}", launch.origin.pathOrEmpty());
  return text + "\n";
}

}  // namespace

std::string layoutText(const Layout& layout, const Shape& shape) {
  std::string text;
  for (const Digit& d : layout.digits) {
    if (!text.empty()) text += " ";
    text += fmt::format("d{}", d.dim);
    if (d.div != Dim(1)) text += "/" + d.div.str();
    if (d.extent != shape[d.dim]) text += ":" + d.extent.str();
  }
  return "(" + text + ")";
}

std::string printKernel(const Kernel& kernel) {
  return KernelText(kernel).print();
}

std::string printEntry(const Entry& entry, const Plan& plan) {
  std::string text = fmt::format("entry {}", entry.name);
  for (const Symbol& s : entry.symbols) text += fmt::format(" {}<={}", s.name, s.bound);
  text += fmt::format(" arena {} of {}", entry.arenaBytes, entry.unsharedBytes);
  if (entry.scratchBytes) text += fmt::format(" scratch {}", entry.scratchBytes);
  if (entry.readsDerived) text += " reads derived";
  if (entry.changesDerived) text += " changes derived";
  text += "\n";
  for (BufId b = 0; b < entry.buffers.size(); ++b) text += bufferText(entry, b);
  int depth = 1;
  const auto indent = [&depth] { return std::string(static_cast<size_t>(2 * depth), ' '); };
  for (size_t i = 0; i < entry.steps.size(); ++i) {
    const Step& step = entry.steps[i];
    switch (step.kind) {
      case Step::Kind::Phase:
        text += fmt::format("{}phase {}\n", indent(), i);
        for (const Launch& launch : entry.phases[step.phase].launches)
          text += indent() + "  " + launchText(plan, launch);
        break;
      case Step::Kind::Loop:
        text += fmt::format("{}loop {}", indent(), step.trip.str());
        if (step.counter != kNoBuffer) text += fmt::format(" counter b{}", step.counter);
        for (const Slice& s : step.slices)
          text += fmt::format(" b{}=b{}[{}]", s.slice, s.whole, s.reverse ? "-t" : "t");
        text += "\n";
        ++depth;
        break;
      case Step::Kind::If:
        text += fmt::format("{}if b{}\n", indent(), step.predicate);
        ++depth;
        break;
      case Step::Kind::Else:
        --depth;
        text += indent() + "else\n";
        ++depth;
        break;
      case Step::Kind::Blocks:
        text += fmt::format("{}blocks of {} {}", indent(), step.rows, step.symbol);
        for (const BufId b : step.moved) text += fmt::format(" b{}", b);
        text += "\n";
        ++depth;
        break;
      case Step::Kind::EndLoop:
      case Step::Kind::EndIf:
      case Step::Kind::EndBlocks:
        --depth;
        text += indent() + "end\n";
        break;
    }
  }
  return text;
}

std::string printPlan(const Plan& plan) {
  std::string text = fmt::format("plan {}\n", plan.name);
  for (const StoredVariable& v : plan.variables) {
    text += fmt::format("variable {} {} at {}", v.variable.path, v.variable.type.str(), v.offset);
    if (v.layout != rowMajor(v.variable.type.shape)) text += " stored " + layoutText(v.layout, v.variable.type.shape);
    text += "\n";
  }
  for (const Kernel& k : plan.kernels) text += "\n" + printKernel(k);
  for (const Entry& e : plan.entries) text += "\n" + printEntry(e, plan);
  return text;
}

}  // namespace nnc::plan
