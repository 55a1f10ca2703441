#include "plan/interpret.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "ir/check.h"
#include "plan/interpret_op.h"

namespace nnc::plan {
namespace {

using Symbols = std::map<std::string, int64_t>;

/// Elements of a buffer: of its own, or a part of the arena (addressed by byte, one number for each first byte).
struct Memory {
  std::vector<Number>* cells = nullptr;
  int64_t base = 0, step = 1;
  int64_t size = 0;
  Number& at(int64_t i) const {
    NNC_CHECK(i >= 0 && i < size, "the plan leaves a buffer");
    return (*cells)[static_cast<size_t>(base + i * step)];
  }
};

int64_t floorDiv(int64_t a, int64_t b) {
  return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

class KernelRun {
public:
  KernelRun(const Kernel& kernel, std::vector<Memory> operands, const Symbols& symbols)
      : kernel_(kernel),
        operands_(std::move(operands)),
        symbols_(symbols),
        iters_(kernel.iters.size(), 0),
        results_(kernel.stages.size()) {}

  void run() {
    loops(kernel_.taskIters, 0, [this] {
      if (kernel_.tmpl == Template::Sort) return sortRow();
      for (size_t s = 0; s < kernel_.stages.size(); ++s) stage(s);
    });
  }

private:
  void loops(const std::vector<uint32_t>& iters, size_t depth, const std::function<void()>& body) {
    if (depth == iters.size()) return body();
    const int64_t extent = kernel_.iters[iters[depth]].extent.evaluate(symbols_);
    for (int64_t i = 0; i < extent; ++i) {
      iters_[iters[depth]] = i;
      loops(iters, depth + 1, body);
    }
  }

  int64_t value(const Ix& ix, const std::vector<Number>& insts) const {
    int64_t sum = ix.constant.evaluate(symbols_);
    for (const auto& [atom, factor] : ix.terms) {
      int64_t v = 0;
      switch (atom.kind) {
        case Atom::Kind::Iter:
          v = iters_[atom.id];
          break;
        case Atom::Kind::Inst:
          v = insts[atom.id].integer;
          break;
        case Atom::Kind::Div:
          v = floorDiv(value(*atom.arg, insts), atom.by.evaluate(symbols_));
          break;
        case Atom::Kind::Mod: {
          const int64_t x = value(*atom.arg, insts), by = atom.by.evaluate(symbols_);
          v = x - by * floorDiv(x, by);
          break;
        }
      }
      sum += v * factor.evaluate(symbols_);
    }
    return sum;
  }

  bool holds(const std::vector<Guard>& guards, const std::vector<Number>& insts) const {
    return std::all_of(guards.begin(), guards.end(), [&](const Guard& g) {
      const int64_t v = value(g.value, insts);
      return g.lo.evaluate(symbols_) <= v && v < g.hi.evaluate(symbols_);
    });
  }

  static Number number(double x, DType type) {
    return isFloat(type) ? Number{x, 0} : Number{0, static_cast<int64_t>(x)};
  }

  std::vector<Number> evaluate(const Region& region) const {
    std::vector<Number> values;
    for (const Inst& inst : region) {
      switch (inst.kind) {
        case Inst::Kind::Op: {
          std::vector<Number> args;
          std::vector<DType> types;
          for (const uint32_t a : inst.args) args.push_back(values[a]), types.push_back(region[a].dtype);
          values.push_back(applyOp(inst.op, inst.dtype, args, types));
          break;
        }
        case Inst::Kind::Load:
          if (holds(inst.guards, values))
            values.push_back(operands_[inst.operand].at(value(inst.index, values)));
          else
            values.push_back(number(inst.otherwise, inst.dtype));
          break;
        case Inst::Kind::Const:
          values.push_back(number(inst.constant, inst.dtype));
          break;
        case Inst::Kind::Index: {
          const int64_t i = value(inst.index, values);
          values.push_back(isFloat(inst.dtype) ? Number{static_cast<double>(i), 0} : Number{0, i});
          break;
        }
        case Inst::Kind::Result:
          values.push_back(results_[inst.stage]);
          break;
      }
    }
    return values;
  }

  static bool above(const Number& a, const Number& best, DType type) {
    if (!isFloat(type)) return a.integer > best.integer;
    return !std::isnan(best.real) && (std::isnan(a.real) || a.real > best.real);
  }

  void stage(size_t number) {
    const Stage& stage = kernel_.stages[number];
    if (stage.kind == Stage::Kind::Map) {
      loops(stage.iters, 0, [&] {
        const std::vector<Number> values = evaluate(stage.body);
        for (const Store& s : stage.stores) store(s, values);
      });
      return;
    }
    const DType type = stage.body[stage.value].dtype;
    bool first = true;
    int64_t position = 0, best = 0;
    Number folded;
    loops(stage.iters, 0, [&] {
      const Number v = evaluate(stage.body)[stage.value];
      if (isSum(stage.fold))
        folded = applyOp(Op::Add, type, {folded, v}, {type, type});
      else if (first || above(v, folded, type))
        folded = v, best = position;
      first = false;
      ++position;
    });
    results_[number] = stage.fold == Stage::Fold::ArgMax ? Number{0, best} : folded;
  }

  void store(const Store& s, const std::vector<Number>& values) {
    if (!holds(s.guards, values)) return;
    Number& cell = operands_[s.operand].at(value(s.index, values));
    const Number& v = values[s.value];
    cell = s.accumulate ? Number{cell.real + v.real, cell.integer + v.integer} : v;
  }

  void sortRow() {
    const Stage& stage = kernel_.stages[0];
    const DType type = stage.body[stage.stores[0].value].dtype;
    std::vector<Number> row;
    loops(stage.iters, 0, [&] { row.push_back(evaluate(stage.body)[stage.stores[0].value]); });
    std::vector<int64_t> order(row.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
      const Number &x = row[static_cast<size_t>(a)], &y = row[static_cast<size_t>(b)];
      if (!isFloat(type)) return x.integer < y.integer;
      return std::isnan(y.real) ? !std::isnan(x.real) : x.real < y.real;
    });
    size_t i = 0;
    loops(stage.iters, 0, [&] {
      operands_[stage.stores[0].operand].at(value(stage.stores[0].index, {})) = row[static_cast<size_t>(order[i])];
      operands_[stage.stores[1].operand].at(value(stage.stores[1].index, {})) = {0, order[i]};
      ++i;
    });
  }

  const Kernel& kernel_;
  std::vector<Memory> operands_;
  const Symbols& symbols_;
  std::vector<int64_t> iters_;
  std::vector<Number> results_;
};

class EntryRun {
public:
  EntryRun(const Plan& plan, const Entry& entry, const InterpretInputs& inputs)
      : plan_(plan),
        entry_(entry),
        inputs_(inputs),
        symbols_(inputs.symbols),
        arena_(entry.arenaBytes),
        scratch_(entry.scratchBytes),
        own_(entry.buffers.size()),
        memory_(entry.buffers.size()) {
    for (BufId b = 0; b < entry.buffers.size(); ++b) bind(b);
  }

  std::vector<Tensor> run() {
    steps(0, static_cast<uint32_t>(entry_.steps.size()));
    for (BufId b = 0; b < entry_.buffers.size(); ++b)
      if (entry_.buffers[b].role == Role::Variable) (*inputs_.variables)[entry_.buffers[b].name] = read(b);
    std::vector<Tensor> results;
    for (const EntryOutput& o : entry_.outputs) results.push_back(read(o.buffer));
    return results;
  }

private:
  std::vector<int64_t> shapeOf(BufId b) const {
    std::vector<int64_t> shape;
    for (const Dim& d : entry_.buffers[b].type.shape) shape.push_back(d.evaluate(inputs_.symbols));
    return shape;
  }

  int64_t sizeOf(BufId b) const { return elementCount(entry_.buffers[b].type.shape).evaluate(symbols_); }

  void bind(BufId b) {
    const Buffer& buffer = entry_.buffers[b];
    const int64_t size = sizeOf(b);
    if (buffer.role == Role::Arena || buffer.role == Role::Scratch) {
      NNC_CHECK(buffer.offset % 64 == 0, "a temporary is not aligned");
      std::vector<Number>* cells = buffer.role == Role::Arena ? &arena_ : &scratch_;
      memory_[b] = {cells, static_cast<int64_t>(buffer.offset), dtypeSize(buffer.type.dtype), size};
      return;
    }
    own_[b].resize(static_cast<size_t>(size));
    memory_[b] = {&own_[b], 0, 1, size};
    if (buffer.role == Role::Variable)
      write(b, inputs_.variables->at(buffer.name));
    else if (buffer.role == Role::Const)
      writeLiteral(b);
    else if (buffer.role != Role::Output)
      write(b, inputs_.values.at(buffer.name));
  }

  /// Calls f(row-major position, position in storage) for every element.
  void eachElement(BufId b, const std::function<void(int64_t, int64_t)>& f) const {
    const Buffer& buffer = entry_.buffers[b];
    const std::vector<int64_t> shape = shapeOf(b);
    const std::vector<Dim> strides = stridesOf(buffer.layout);
    std::vector<int64_t> index(shape.size(), 0);
    for (int64_t i = 0; i < sizeOf(b); ++i) {
      int64_t at = 0;
      for (size_t d = 0; d < strides.size(); ++d) {
        const Digit& digit = buffer.layout.digits[d];
        at += index[digit.dim] / digit.div.evaluate(inputs_.symbols) % digit.extent.evaluate(inputs_.symbols) *
              strides[d].evaluate(inputs_.symbols);
      }
      f(i, at);
      for (size_t d = shape.size(); d-- > 0 && ++index[d] == shape[d];) index[d] = 0;
    }
  }

  void write(BufId b, const Tensor& t) {
    eachElement(b, [&](int64_t i, int64_t at) {
      const auto k = static_cast<size_t>(i);
      memory_[b].at(at) = isFloat(t.dtype) ? Number{t.floats[k], 0} : Number{0, t.ints[k]};
    });
  }

  void writeLiteral(BufId b) {
    const Buffer& buffer = entry_.buffers[b];
    eachElement(b, [&](int64_t i, int64_t at) {
      const auto k = buffer.literal.size() == 1 ? 0 : static_cast<size_t>(i);
      memory_[b].at(at) =
          isFloat(buffer.type.dtype) ? Number{buffer.literal.asDouble(k), 0} : Number{0, buffer.literal.asInt(k)};
    });
  }

  Tensor read(BufId b) const {
    Tensor t = Tensor::zeros(entry_.buffers[b].type.dtype, shapeOf(b));
    eachElement(b, [&](int64_t i, int64_t at) {
      const auto k = static_cast<size_t>(i);
      if (isFloat(t.dtype))
        t.floats[k] = memory_[b].at(at).real;
      else
        t.ints[k] = memory_[b].at(at).integer;
    });
    return t;
  }

  uint32_t matching(uint32_t at, Step::Kind open, Step::Kind close, Step::Kind stop) const {
    int depth = 0;
    for (uint32_t i = at + 1;; ++i) {
      const Step::Kind k = entry_.steps[i].kind;
      if (depth == 0 && (k == close || k == stop)) return i;
      if (k == open) ++depth;
      if (k == close) --depth;
    }
  }

  void steps(uint32_t begin, uint32_t end) {
    for (uint32_t i = begin; i < end; ++i) {
      const Step& step = entry_.steps[i];
      if (step.kind == Step::Kind::Phase) {
        for (const Launch& launch : entry_.phases[step.phase].launches) run(launch);
      } else if (step.kind == Step::Kind::Loop) {
        const uint32_t close = matching(i, Step::Kind::Loop, Step::Kind::EndLoop, Step::Kind::EndLoop);
        loop(step, i + 1, close);
        i = close;
      } else if (step.kind == Step::Kind::Blocks) {
        const uint32_t close = matching(i, Step::Kind::Blocks, Step::Kind::EndBlocks, Step::Kind::EndBlocks);
        blocks(step, i + 1, close);
        i = close;
      } else if (step.kind == Step::Kind::If) {
        const uint32_t middle = matching(i, Step::Kind::If, Step::Kind::EndIf, Step::Kind::Else);
        const uint32_t close = matching(middle, Step::Kind::If, Step::Kind::EndIf, Step::Kind::EndIf);
        if (memory_[step.predicate].at(0).integer)
          steps(i + 1, middle);
        else
          steps(middle + 1, close);
        i = close;
      }
    }
  }

  void loop(const Step& step, uint32_t begin, uint32_t end) {
    const int64_t trip = step.trip.evaluate(inputs_.symbols);
    for (int64_t t = 0; t < trip; ++t) {
      if (step.counter != kNoBuffer) memory_[step.counter].at(0) = {0, t};
      for (const Slice& s : step.slices) {
        memory_[s.slice] = memory_[s.whole];
        memory_[s.slice].size = sizeOf(s.slice);
        memory_[s.slice].base += (s.reverse ? trip - 1 - t : t) * sizeOf(s.slice) * memory_[s.whole].step;
      }
      steps(begin, end);
    }
  }

  /// The last block first: they may come in any order. What one leaves in the scratch is of no use to another.
  void blocks(const Step& step, uint32_t begin, uint32_t end) {
    const std::vector<Memory> whole = memory_;
    int64_t& symbol = symbols_.at(step.symbol);
    const int64_t rows = symbol;
    for (int64_t first = (rows - 1) / step.rows * step.rows; rows > 0 && first >= 0; first -= step.rows) {
      std::fill(scratch_.begin(), scratch_.end(), Number{std::nan(""), INT32_MIN});
      for (const BufId b : step.moved) {
        symbol = 1;
        memory_[b].base = whole[b].base + first * sizeOf(b) * whole[b].step;
      }
      symbol = std::min(step.rows, rows - first);
      for (BufId b = 0; b < memory_.size(); ++b) memory_[b].size = sizeOf(b);
      steps(begin, end);
    }
    symbol = rows;
    memory_ = whole;
  }

  void run(const Launch& launch) {
    std::vector<Memory> operands;
    for (const BufId b : launch.bind) operands.push_back(memory_[b]);
    KernelRun(plan_.kernels[launch.kernel], std::move(operands), symbols_).run();
  }

  const Plan& plan_;
  const Entry& entry_;
  const InterpretInputs& inputs_;
  Symbols symbols_;  // as the steps see them
  std::vector<Number> arena_, scratch_;
  std::vector<std::vector<Number>> own_;
  std::vector<Memory> memory_;
};

}  // namespace

std::vector<Tensor> interpret(const Plan& plan, const Entry& entry, const InterpretInputs& inputs) {
  for (const StoredVariable& v : plan.variables)
    if (v.variable.kind == Variable::Kind::Derived)
      inputs.variables->try_emplace(v.variable.path,
                                    Tensor::zeros(v.variable.type.dtype, constExtents(v.variable.type.shape)));
  if (entry.readsDerived)
    for (const Entry& e : plan.entries)
      if (e.kind == Function::Kind::Derive) EntryRun(plan, e, inputs).run();
  return EntryRun(plan, entry, inputs).run();
}

}  // namespace nnc::plan
