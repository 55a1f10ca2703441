// Consumers of a part of a value: what computes the value and what reads a slice of it walk different spaces, even
// where the slice begins at 0 and its indices look the same.
#include <fmt/format.h>

#include "test/unit/plan/support.h"

namespace nnc::plan {
namespace {

using namespace test;

TEST(PlanSlices, GatesOfAnLstmCell) {
  check(R"(  %x = leaf {kind="input", name="x"} : f32[B, 3]
  %h = leaf {kind="input", name="h"} : f32[B, 4]
  %c = leaf {kind="input", name="c"} : f32[B, 4]
  %w = leaf {kind="param", name="w"} : f32[3, 16]
  %u = leaf {kind="param", name="u"} : f32[4, 16]
  %b = leaf {kind="param", name="b"} : f32[16]
  %1 = dot(%x, %w) {contract_a=[1], contract_b=[0]} : f32[B, 16]
  %2 = dot(%h, %u) {contract_a=[1], contract_b=[0]} : f32[B, 16]
  %3 = add(%1, %2) : f32[B, 16]
  %4 = broadcast(%b) {axes=[0], extents=[B]} : f32[B, 16]
  %z = add(%3, %4) : f32[B, 16]
  %5 = slice(%z) {lo=[0, 0], hi=[B, 4], stride=[1, 1]} : f32[B, 4]
  %forget = logistic(%5) : f32[B, 4]
  %6 = slice(%z) {lo=[0, 4], hi=[B, 8], stride=[1, 1]} : f32[B, 4]
  %take = logistic(%6) : f32[B, 4]
  %7 = slice(%z) {lo=[0, 8], hi=[B, 12], stride=[1, 1]} : f32[B, 4]
  %8 = tanh(%7) : f32[B, 4]
  %9 = slice(%z) {lo=[0, 12], hi=[B, 16], stride=[1, 1]} : f32[B, 4]
  %give = logistic(%9) : f32[B, 4]
  %10 = mul(%forget, %c) : f32[B, 4]
  %11 = mul(%take, %8) : f32[B, 4]
  %12 = add(%10, %11) : f32[B, 4]
  %13 = tanh(%12) : f32[B, 4]
  %14 = mul(%give, %13) : f32[B, 4]
  return %14, %12, %forget, %take, %give
)");
}

TEST(PlanSlices, GatesOfAGruCellInAScan) {
  check(R"(  %x = leaf {kind="input", name="x"} : f32[T, B, 3]
  %h0 = leaf {kind="input", name="h"} : f32[B, 4]
  %w = leaf {kind="param", name="w"} : f32[3, 8]
  %u = leaf {kind="param", name="u"} : f32[4, 8]
  %v = leaf {kind="param", name="v"} : f32[4, 4]
  %r:2 = scan(%w, %u, %v, %h0, %x) {count=T, consts=3, carries=1, reverse=false} : f32[B, 4], f32[T, B, 4] {
    %w = arg {index=0} : f32[3, 8]
    %u = arg {index=1} : f32[4, 8]
    %v = arg {index=2} : f32[4, 4]
    %h = arg {index=3} : f32[B, 4]
    %x = arg {index=4} : f32[B, 3]
    %1 = dot(%x, %w) {contract_a=[1], contract_b=[0]} : f32[B, 8]
    %2 = dot(%h, %u) {contract_a=[1], contract_b=[0]} : f32[B, 8]
    %z = add(%1, %2) : f32[B, 8]
    %3 = slice(%z) {lo=[0, 0], hi=[B, 4], stride=[1, 1]} : f32[B, 4]
    %reset = logistic(%3) : f32[B, 4]
    %4 = slice(%z) {lo=[0, 4], hi=[B, 8], stride=[1, 1]} : f32[B, 4]
    %keep = logistic(%4) : f32[B, 4]
    %5 = mul(%reset, %h) : f32[B, 4]
    %6 = dot(%5, %v) {contract_a=[1], contract_b=[0]} : f32[B, 4]
    %7 = tanh(%6) : f32[B, 4]
    %8 = mul(%keep, %h) : f32[B, 4]
    %n = add(%8, %7) : f32[B, 4]
    return %n, %n
  }
  return %r#0, %r#1
)");
}

TEST(PlanSlices, HeadsOfAttention) {
  check(R"(  %x = leaf {kind="input", name="x"} : f32[B, T, 4]
  %w = leaf {kind="param", name="w"} : f32[4, 12]
  %b = leaf {kind="param", name="b"} : f32[12]
  %1 = dot(%x, %w) {contract_a=[2], contract_b=[0]} : f32[B, T, 12]
  %2 = broadcast(%b) {axes=[0, 1], extents=[B, T]} : f32[B, T, 12]
  %3 = add(%1, %2) : f32[B, T, 12]
  %4 = reshape(%3) {shape=[B, T, 3, 2, 2]} : f32[B, T, 3, 2, 2]
  %5 = transpose(%4) {perm=[2, 0, 3, 1, 4]} : f32[3, B, 2, T, 2]
  %6 = slice(%5) {lo=[0, 0, 0, 0, 0], hi=[1, B, 2, T, 2], stride=[1, 1, 1, 1, 1]} : f32[1, B, 2, T, 2]
  %q = reshape(%6) {shape=[B, 2, T, 2]} : f32[B, 2, T, 2]
  %7 = slice(%5) {lo=[1, 0, 0, 0, 0], hi=[2, B, 2, T, 2], stride=[1, 1, 1, 1, 1]} : f32[1, B, 2, T, 2]
  %k = reshape(%7) {shape=[B, 2, T, 2]} : f32[B, 2, T, 2]
  %8 = slice(%5) {lo=[2, 0, 0, 0, 0], hi=[3, B, 2, T, 2], stride=[1, 1, 1, 1, 1]} : f32[1, B, 2, T, 2]
  %v = reshape(%8) {shape=[B, 2, T, 2]} : f32[B, 2, T, 2]
  %qs = tanh(%q) : f32[B, 2, T, 2]
  %s = dot(%qs, %k) {batch_a=[0, 1], batch_b=[0, 1], contract_a=[3], contract_b=[3]} : f32[B, 2, T, T]
  %e = exp(%s) : f32[B, 2, T, T]
  %9 = sum(%e) {axes=[3]} : f32[B, 2, T]
  %10 = broadcast(%9) {axes=[3], extents=[T]} : f32[B, 2, T, T]
  %p = div(%e, %10) : f32[B, 2, T, T]
  %o = dot(%p, %v) {batch_a=[0, 1], batch_b=[0, 1], contract_a=[3], contract_b=[2]} : f32[B, 2, T, 2]
  return %o, %qs, %v
)");
}

TEST(PlanSlices, FirstRowsOfAContraction) {
  check(R"(  %x = leaf {kind="input", name="x"} : f32[6, 3]
  %w = leaf {kind="param", name="w"} : f32[3, 5]
  %z = dot(%x, %w) {contract_a=[1], contract_b=[0]} : f32[6, 5]
  %1 = slice(%z) {lo=[0, 0], hi=[4, 5], stride=[1, 1]} : f32[4, 5]
  %2 = exp(%1) : f32[4, 5]
  %3 = slice(%z) {lo=[0, 0], hi=[6, 2], stride=[1, 1]} : f32[6, 2]
  %4 = exp(%3) : f32[6, 2]
  %5 = tanh(%z) : f32[6, 5]
  return %2, %4, %5
)");
}

TEST(PlanSlices, PartsOfANormalisedRow) {
  check(R"(  %x = leaf {kind="input", name="x"} : f32[B, 8]
  %e = exp(%x) : f32[B, 8]
  %1 = sum(%e) {axes=[1]} : f32[B]
  %2 = broadcast(%1) {axes=[1], extents=[8]} : f32[B, 8]
  %p = div(%e, %2) : f32[B, 8]
  %3 = slice(%p) {lo=[0, 0], hi=[B, 4], stride=[1, 1]} : f32[B, 4]
  %4 = rmax(%3) {axis=1} : f32[B]
  %5 = tanh(%3) : f32[B, 4]
  %6 = slice(%p) {lo=[0, 4], hi=[B, 8], stride=[1, 1]} : f32[B, 4]
  %7 = sum(%6) {axes=[1]} : f32[B]
  %8 = broadcast(%7) {axes=[1], extents=[4]} : f32[B, 4]
  %9 = mul(%5, %8) : f32[B, 4]
  return %p, %4, %9
)");
}

TEST(PlanSlices, MoreThanAContraction) {
  check(R"(  %x = leaf {kind="input", name="x"} : f32[B, 3]
  %w = leaf {kind="param", name="w"} : f32[3, 4]
  %z = dot(%x, %w) {contract_a=[1], contract_b=[0]} : f32[B, 4]
  %1 = pad(%z) {lo=[0, 0], hi=[0, 3], interior=[0, 0], value=0} : f32[B, 7]
  %2 = exp(%1) : f32[B, 7]
  %3 = tanh(%z) : f32[B, 4]
  return %2, %3
)");
}

/// Random chains over two-dimensional values: slices, borders, products, reductions and elementwise ops.
class RandomBody {
public:
  explicit RandomBody(unsigned seed) : rng_(seed) {
    text_ = "  %x = leaf {kind=\"input\", name=\"x\"} : f32[8, 8]\n";
    text_ += "  %y = leaf {kind=\"input\", name=\"y\"} : f32[8, 4]\n";
    values_ = {{"%x", 8, 8}, {"%y", 8, 4}};
  }

  std::string build(int nodes) {
    for (int i = 0; i < nodes; ++i) addNode();
    std::string outputs;
    for (size_t i = 2; i < values_.size(); ++i)
      if (i + 1 == values_.size() || below(4) == 0) outputs += (outputs.empty() ? "" : ", ") + values_[i].name;
    return text_ + "  return " + outputs + "\n";
  }

private:
  struct Matrix {
    std::string name;
    int rows, columns;
  };

  int below(int n) { return std::uniform_int_distribution<>(0, n - 1)(rng_); }

  const Matrix& any() { return values_[values_.size() - 1 - static_cast<size_t>(below(std::min(6, count())))]; }
  int count() const { return static_cast<int>(values_.size()); }

  Matrix define(int rows, int columns, const std::string& op) {
    Matrix m{fmt::format("%v{}", next_++), rows, columns};
    text_ += fmt::format("  {} = {} : f32[{}, {}]\n", m.name, op, rows, columns);
    return m;
  }

  Matrix slice(const Matrix& a, int rows, int columns) {
    const int r = below(2) * (a.rows - rows), c = below(2) * (a.columns - columns);
    return define(
        rows, columns,
        fmt::format("slice({}) {{lo=[{}, {}], hi=[{}, {}], stride=[1, 1]}}", a.name, r, c, r + rows, c + columns));
  }

  /// A reduction along the rows or columns, spread over the matrix again.
  Matrix spread(const Matrix& a) {
    const int axis = below(2);
    const std::string sum = fmt::format("%s{}", next_++);
    text_ += fmt::format("  {} = sum({}) {{axes=[{}]}} : f32[{}]\n", sum, a.name, axis, axis ? a.rows : a.columns);
    return define(a.rows, a.columns,
                  fmt::format("broadcast({}) {{axes=[{}], extents=[{}]}}", sum, axis, axis ? a.columns : a.rows));
  }

  void addNode() {
    const Matrix a = any(), b = any();
    switch (below(8)) {
      case 0:
        values_.push_back(slice(a, std::max(2, a.rows / (1 + below(2))), std::max(2, a.columns / (1 + below(2)))));
        break;
      case 1:
        if (a.columns == b.rows)
          values_.push_back(
              define(a.rows, b.columns, fmt::format("dot({}, {}) {{contract_a=[1], contract_b=[0]}}", a.name, b.name)));
        break;
      case 2:
        values_.push_back(spread(a));
        break;
      case 3:
        values_.push_back(define(a.columns, a.rows, fmt::format("transpose({}) {{perm=[1, 0]}}", a.name)));
        break;
      case 4: {
        const int before = 2 * below(2);
        values_.push_back(define(
            a.rows, a.columns + 2,
            fmt::format("pad({}) {{lo=[0, {}], hi=[0, {}], interior=[0, 0], value=1}}", a.name, before, 2 - before)));
        break;
      }
      case 5:
        values_.push_back(define(a.rows, a.columns, fmt::format("tanh({})", a.name)));
        break;
      default: {
        const int rows = std::min(a.rows, b.rows), columns = std::min(a.columns, b.columns);
        const Matrix left = slice(a, rows, columns), right = slice(b, rows, columns);
        values_.push_back(
            define(rows, columns, fmt::format("{}({}, {})", below(2) ? "add" : "mul", left.name, right.name)));
        values_.push_back(define(rows, columns, fmt::format("logistic({})", values_.back().name)));
      }
    }
  }

  std::mt19937 rng_;
  std::string text_;
  std::vector<Matrix> values_;
  int next_ = 0;
};

TEST(PlanSlices, RandomGraphs) {
  for (unsigned seed = 0; seed < 60 && !::testing::Test::HasFailure(); ++seed) {
    const std::string body = RandomBody(seed).build(14);
    SCOPED_TRACE(fmt::format("seed {}\n{}", seed, body));
    check(body);
  }
}

}  // namespace
}  // namespace nnc::plan
