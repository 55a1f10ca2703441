// Gradients of the elementwise ops. g is the incoming gradient, y the result; each rule states its equation.
#include <cmath>
#include <numbers>

#include "passes/vjp/vjp.h"

namespace nnc {

// y = -x: -g
void vjp_neg(Vjp& v) {
  v.give(0, v.b.neg(v.g()));
}

// y = e^x: g y
void vjp_exp(Vjp& v) {
  v.give(0, v.b.mul(v.g(), v.out()));
}

// y = e^x - 1: g (y + 1)
void vjp_expm1(Vjp& v) {
  v.give(0, v.b.mul(v.g(), v.b.add(v.out(), v.like(1, v.out()))));
}

// y = log x: g / x
void vjp_log(Vjp& v) {
  v.give(0, v.b.div(v.g(), v.in()));
}

// y = log(1 + x): g / (1 + x)
void vjp_log1p(Vjp& v) {
  v.give(0, v.b.div(v.g(), v.b.add(v.in(), v.like(1, v.in()))));
}

// y = sqrt x: g / (2 y)
void vjp_sqrt(Vjp& v) {
  v.give(0, v.b.div(v.b.mul(v.g(), v.like(0.5, v.out())), v.out()));
}

// y = tanh x: g (1 - y²)
void vjp_tanh(Vjp& v) {
  Value y = v.out();
  v.give(0, v.b.mul(v.g(), v.b.sub(v.like(1, y), v.b.mul(y, y))));
}

// y = 1 / (1 + e^-x): g y (1 - y)
void vjp_logistic(Vjp& v) {
  Value y = v.out();
  v.give(0, v.b.mul(v.g(), v.b.mul(y, v.b.sub(v.like(1, y), y))));
}

// y = erf x: g 2/√π e^(-x²)
void vjp_erf(Vjp& v) {
  Value x = v.in();
  Value bell = v.b.unary(Op::Exp, v.b.neg(v.b.mul(x, x)));
  v.give(0, v.b.mul(v.g(), v.b.mul(bell, v.like(2 * std::numbers::inv_sqrtpi, x))));
}

// y = sin x: g cos x
void vjp_sin(Vjp& v) {
  v.give(0, v.b.mul(v.g(), v.b.unary(Op::Cos, v.in())));
}

// y = cos x: -g sin x
void vjp_cos(Vjp& v) {
  v.give(0, v.b.neg(v.b.mul(v.g(), v.b.unary(Op::Sin, v.in()))));
}

// y = atan x: g / (1 + x²)
void vjp_atan(Vjp& v) {
  Value x = v.in();
  v.give(0, v.b.div(v.g(), v.b.add(v.b.mul(x, x), v.like(1, x))));
}

// A conversion between float types: convert back. (Others carry no gradient.)
void vjp_cast(Vjp& v) {
  v.give(0, v.b.cast(v.g(), v.inType().dtype));
}

// y = a + b: g, g
void vjp_add(Vjp& v) {
  v.give(0, v.g());
  v.give(1, v.g());
}

// y = a b: g b, g a
void vjp_mul(Vjp& v) {
  if (v.needs(0)) v.give(0, v.b.mul(v.g(), v.in(1)));
  if (v.needs(1)) v.give(1, v.b.mul(v.g(), v.in(0)));
}

// y = a / b: g / b, -(g / b) y
void vjp_div(Vjp& v) {
  Value quotient = v.b.div(v.g(), v.in(1));
  v.give(0, quotient);
  if (v.needs(1)) v.give(1, v.b.neg(v.b.mul(quotient, v.out())));
}

// y = a^b: g b a^(b-1), and g y log a where a > 0, else 0.
// Where a = b = 0 the exponent b - 1 would make 0 · ∞ of what is 0; it is guarded unless b is a known number other than
// 0.
void vjp_pow(Vjp& v) {
  Value a = v.in(0), b = v.in(1), y = v.out();
  Value zero = zerosLike(v.b, y), one = v.like(1, y);
  if (v.needs(0)) {
    Value exponent = v.b.sub(b, one);
    std::optional<double> known = splatValue(v.b.graph(), b);
    if (!known || *known == 0) {
      Value bothZero = v.b.make(Op::And, {v.b.make(Op::Eq, {a, zero}), v.b.make(Op::Eq, {b, zero})});
      exponent = v.b.select(bothZero, zero, exponent);
    }
    v.give(0, v.b.mul(v.g(), v.b.mul(b, v.b.make(Op::Pow, {a, exponent}))));
  }
  if (v.needs(1)) {
    Value positive = v.b.make(Op::Lt, {zero, a});
    Value logA = v.b.unary(Op::Log, v.b.select(positive, a, one));
    v.give(1, v.b.select(positive, v.b.mul(v.g(), v.b.mul(y, logA)), zero));
  }
}

// y = max(a, b): g goes to a where b < a, else to b
void vjp_max(Vjp& v) {
  Value zero = zerosLike(v.b, v.g());
  Value first = v.b.make(Op::Lt, {v.in(1), v.in(0)});
  if (v.needs(0)) v.give(0, v.b.select(first, v.g(), zero));
  if (v.needs(1)) v.give(1, v.b.select(first, zero, v.g()));
}

// y = c ? a : b: g goes to the one chosen
void vjp_select(Vjp& v) {
  Value zero = zerosLike(v.b, v.g());
  if (v.needs(1)) v.give(1, v.b.select(v.in(0), v.g(), zero));
  if (v.needs(2)) v.give(2, v.b.select(v.in(0), zero, v.g()));
}

}  // namespace nnc
