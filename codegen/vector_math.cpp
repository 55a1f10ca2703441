// Exponential and logarithm, what follows from them, and exact rounding. Coefficients: codegen/vector_math_fit.py.
#include "codegen/vector_math.h"

#include "codegen/math_builder.h"

namespace nnc::codegen {
namespace {

// ln 2 in two parts; products of the first with exponents are exact (Cody and Waite).
constexpr float kLn2HighF = 0.693359375f, kLn2LowF = -2.12194440054690581e-4f;
constexpr double kLn2High = 6.93147180369123816490e-01, kLn2Low = 1.90821492927058770002e-10;

/// x = n ln 2 + r with |r| <= ln 2 / 2; n as an integer, and p with e^r = 1 + p.
struct ExpParts {
  llvm::Value *n, *p;
};

ExpParts reduceExp(MathBuilder& m, llvm::Value* x, bool forExpm1) {
  llvm::Value* magic = m.num(m.magic());
  llvm::Value* shifted = m.fma(x, m.num(1.44269504088896340736), magic);
  llvm::Value* n = m.sub(shifted, magic);
  llvm::Value* r = m.fma(n, m.num(-kLn2HighF, -kLn2High), x);
  r = m.fma(n, m.num(-kLn2LowF, -kLn2Low), r);
  llvm::Value* q;
  if (forExpm1) {
    q = m.polynomial(
        r,
        {0.50000000449283671332, 0.16666666365269178653, 0.041666357376527049631, 0.0083333900256306376882,
         0.0013940926530954845311, 0.00019845901499645325464},
        {0.50000000000000000088, 0.16666666666666676796, 0.041666666666666504144, 0.0083333333333214189183,
         0.00138888888889640923, 0.00019841269886748822954, 0.000024801587170277716599, 2.7557243502425159048e-6,
         2.7557403614228473685e-7, 2.5109309252075047404e-8, 2.0875321751031160103e-9});
  } else {
    q = m.polynomial(r,
                     {0.49999993333510636449, 0.16666518938666038469, 0.041668407971675895528, 0.0083689217899004809226,
                      0.0013814174152769780635},
                     {0.50000000000000109322, 0.1666666666666640508, 0.041666666666527011234, 0.0083333333334982346031,
                      0.0013888888944577437941, 0.00019841269500701730328, 0.000024801492012573594434,
                      2.7557589508061281418e-6, 2.7630668497642726909e-7, 2.4999749582055715523e-8});
  }
  llvm::Value* exponent = m.ir.CreateSub(m.bits(shifted), m.bits(magic));
  return {exponent, m.fma(m.mul(r, r), q, r)};
}

/// So small that x²/2 vanishes beside x.
llvm::Value* isTiny(MathBuilder& m, llvm::Value* x) {
  return m.ir.CreateFCmpOLT(m.abs(x), m.num(0x1p-26f, 0x1p-55));
}

/// Integers of a few bits, which lie in `ints`, as floats.
llvm::Value* smallToFloat(MathBuilder& m, llvm::Value* i) {
  if (m.isDouble) i = m.ir.CreateTrunc(i, withLanesOf(m.ir.getInt32Ty(), i->getType()));
  return m.ir.CreateSIToFP(i, m.type);
}

/// x = 2^k (1 + f) with 1 + f in [sqrt(1/2), sqrt(2)), for x > 0.
struct LogParts {
  llvm::Value *f, *k;
};

LogParts reduceLog(MathBuilder& m, llvm::Value* x) {
  // Denormals are scaled into the normal range first.
  llvm::Value* tiny = m.ir.CreateFCmpOLT(x, m.num(0x1p-126f, 0x1p-1022));
  llvm::Value* scaled = m.select(tiny, m.mul(x, m.num(0x1p24f, 0x1p54)), x);
  int64_t root = m.isDouble ? 0x3fe6a09e667f3bcd : 0x3f3504f3;  // the bits of sqrt(1/2)
  int64_t mantissa = (int64_t{1} << m.mantissaBits()) - 1;
  llvm::Value* shifted = m.ir.CreateSub(m.bits(scaled), m.integer(root));
  llvm::Value* k = smallToFloat(m, m.ir.CreateAShr(shifted, m.integer(m.mantissaBits())));
  k = m.select(tiny, m.sub(k, m.num(24.0f, 54.0)), k);
  llvm::Value* reduced = m.floats(m.ir.CreateAdd(m.ir.CreateAnd(shifted, m.integer(mantissa)), m.integer(root)));
  return {m.sub(reduced, m.num(1)), k};
}

/// For double: s (f²/2 + R) + k ln2Low, where log(1+f) = f - f²/2 + s (f²/2 + R), s = f/(2+f): the form of Ng's fdlibm.
llvm::Value* lowOfLog(MathBuilder& m, llvm::Value* f, llvm::Value* k, llvm::Value* half) {
  llvm::Value* s = m.div(f, m.add(f, m.num(2)));
  llvm::Value* z = m.mul(s, s);
  llvm::Value* r =
      m.polynomial(z, {0.66666666666666660933, 0.40000000000006287084, 0.28571428569072967295, 0.22222222648750175441,
                       0.18181775508532884732, 0.15387097651111653803, 0.13249962010715839962, 0.13252755035655963228});
  return m.fma(s, m.fma(z, r, half), m.mul(k, m.num(kLn2Low)));
}

llvm::Value* logOfParts(MathBuilder& m, llvm::Value* f, llvm::Value* k) {
  if (!m.isDouble) {
    llvm::Value* z = m.mul(f, f);
    llvm::Value* p = m.polynomial(f, {0.33333312604089093584, -0.25000009599457442059, 0.20002118656710858366,
                                      -0.16667995850691922291, 0.14219552400673013938, -0.12405588994934269952,
                                      0.11888162067634230133, -0.11675651314285199916, 0.067466403057969884173});
    llvm::Value* y = m.mul(m.mul(f, z), p);
    y = m.fma(k, m.num(kLn2LowF), y);
    y = m.fma(m.num(-0.5), z, y);
    return m.fma(k, m.num(kLn2HighF), m.add(f, y));
  }
  llvm::Value* half = m.mul(m.mul(m.num(0.5), f), f);
  return m.fma(k, m.num(kLn2High), m.sub(f, m.sub(half, lowOfLog(m, f, k, half))));
}

/// a * b = product + error, exactly (Dekker's splitting where there is no FMA).
struct Product {
  llvm::Value *product, *error;
};

Product exactProduct(MathBuilder& m, llvm::Value* a, llvm::Value* b) {
  llvm::Value* p = m.mul(a, b);
  if (m.e.target.hasFma) return {p, m.fma(a, b, m.ir.CreateFNeg(p))};
  auto upper = [&](llvm::Value* x) { return m.floats(m.ir.CreateAnd(m.bits(x), m.integer(~int64_t{0x7ffffff}))); };
  llvm::Value *aHigh = upper(a), *bHigh = upper(b), *aLow = m.sub(a, aHigh), *bLow = m.sub(b, bHigh);
  llvm::Value* error = m.sub(m.mul(aHigh, bHigh), p);
  error = m.add(m.add(error, m.mul(aHigh, bLow)), m.mul(aLow, bHigh));
  return {p, m.add(error, m.mul(aLow, bLow))};
}

}  // namespace

llvm::Value* emitExp(KernelEmitter& e, llvm::Value* x) {
  MathBuilder m(e, x->getType());
  x = m.atLeast(m.atMost(x, m.num(89.0f, 710.0)), m.num(-104.0f, -746.0));
  auto [n, p] = reduceExp(m, x, false);
  // 2^n in two factors: n reaches beyond the exponents of a single one.
  llvm::Value* half = m.ir.CreateAShr(n, m.integer(1));
  llvm::Value* y = m.mul(m.add(m.num(1), p), m.powerOfTwo(half));
  return m.mul(y, m.powerOfTwo(m.ir.CreateSub(n, half)));
}

llvm::Value* emitExpm1(KernelEmitter& e, llvm::Value* x) {
  MathBuilder m(e, x->getType());
  llvm::Value* bounded = m.atLeast(m.atMost(x, m.num(89.0f, 710.0)), m.num(-26.0f, -40.0));
  auto [n, p] = reduceExp(m, bounded, true);
  // 2 (2^(n-1) p + 2^(n-1) - 1/2), so that n = 128 does not overflow too early.
  llvm::Value* scale = m.powerOfTwo(m.ir.CreateSub(n, m.integer(1)));
  llvm::Value* y = m.mul(m.num(2), m.fma(scale, p, m.sub(scale, m.num(0.5))));
  return m.select(isTiny(m, x), x, y);  // keeps -0
}

llvm::Value* emitLog(KernelEmitter& e, llvm::Value* x) {
  MathBuilder m(e, x->getType());
  auto [f, k] = reduceLog(m, x);
  llvm::Value* y = logOfParts(m, f, k);
  y = m.select(m.ir.CreateFCmpOEQ(x, m.infinity()), x, y);
  y = m.select(m.isZero(x), m.ir.CreateFNeg(m.infinity()), y);
  return m.select(m.ir.CreateFCmpULT(x, m.num(0)), m.nan(), y);
}

llvm::Value* emitLog1p(KernelEmitter& e, llvm::Value* x) {
  MathBuilder m(e, x->getType());
  // 1 + x = u + rest exactly (Knuth's two-sum); log(u + rest) = log u + rest / u.
  llvm::Value* u = m.add(m.num(1), x);
  llvm::Value* back = m.sub(u, m.num(1));
  llvm::Value* rest = m.add(m.sub(m.num(1), m.sub(u, back)), m.sub(x, back));
  llvm::Value* exact = m.ir.CreateOr(m.isZero(u), m.isInfinite(u));
  llvm::Value* correction = m.select(exact, m.num(0), m.div(rest, u));
  return m.select(isTiny(m, x), x, m.add(emitLog(e, u), correction));
}

llvm::Value* emitPositivePow(KernelEmitter& e, llvm::Value* a, llvm::Value* b) {
  MathBuilder m(e, a->getType());
  auto [f, k] = reduceLog(m, a);
  // log a = high + low: the large terms k ln2High, f, -f²/2 are added without loss (Dekker's fast two-sum).
  auto [half, halfError] = exactProduct(m, m.mul(m.num(0.5), f), f);
  llvm::Value* low = m.sub(lowOfLog(m, f, k, half), halfError);
  auto addLarger = [&](llvm::Value* larger, llvm::Value* smaller) {
    llvm::Value* sum = m.add(larger, smaller);
    low = m.add(low, m.sub(smaller, m.sub(sum, larger)));
    return sum;
  };
  llvm::Value* high = addLarger(m.mul(k, m.num(kLn2High)), f);
  high = addLarger(high, m.ir.CreateFNeg(half));
  llvm::Value* sum = m.add(high, low);
  low = m.add(m.sub(high, sum), low);
  // 0, infinity and NaN have no parts, and their logarithm no low part.
  llvm::Value* ordinary = m.ir.CreateAnd(m.ir.CreateFCmpOGT(a, m.num(0)), m.ir.CreateFCmpOLT(a, m.infinity()));
  high = m.select(ordinary, sum, emitLog(e, a));
  auto [y, yError] = exactProduct(m, b, high);
  llvm::Value* rest = m.fma(b, low, yError);
  llvm::Value* finite = m.ir.CreateFCmpOLT(m.abs(y), m.num(800));
  rest = m.select(m.ir.CreateAnd(finite, ordinary), rest, m.num(0));
  llvm::Value* power = emitExp(e, y);
  return m.select(finite, m.fma(power, rest, power), power);
}

llvm::Value* emitTanh(KernelEmitter& e, llvm::Value* x) {
  MathBuilder m(e, x->getType());
  llvm::Value* a = m.atMost(m.abs(x), m.num(10.0f, 20.0));  // from there on the result is 1
  llvm::Value* y = emitExpm1(e, m.mul(m.num(2), a));
  return m.withSignOf(m.div(y, m.add(y, m.num(2))), x);
}

llvm::Value* emitLogistic(KernelEmitter& e, llvm::Value* x) {
  MathBuilder m(e, x->getType());
  // With z = e^-|x| neither branch overflows or cancels.
  llvm::Value* z = emitExp(e, m.ir.CreateFNeg(m.abs(x)));
  llvm::Value* numerator = m.select(m.ir.CreateFCmpOGE(x, m.num(0)), m.num(1), z);
  return m.div(numerator, m.add(m.num(1), z));
}

llvm::Value* emitRoundEven(KernelEmitter& e, llvm::Value* x) {
  if (e.target.hasFma) return e.ir.CreateUnaryIntrinsic(llvm::Intrinsic::roundeven, x);
  // Without SSE4.1: from 2^23 (2^52) on every float is an integer; below, adding that number rounds.
  MathBuilder m(e, x->getType());
  llvm::Value* limit = m.num(0x1p23f, 0x1p52);
  llvm::Value* signedLimit = m.withSignOf(limit, x);
  llvm::Value* rounded = m.withSignOf(m.sub(m.add(x, signedLimit), signedLimit), x);
  return m.select(m.ir.CreateFCmpOLT(m.abs(x), limit), rounded, x);
}

llvm::Value* emitFloor(KernelEmitter& e, llvm::Value* x) {
  if (e.target.hasFma) return e.ir.CreateUnaryIntrinsic(llvm::Intrinsic::floor, x);
  MathBuilder m(e, x->getType());
  llvm::Value* nearest = emitRoundEven(e, x);
  llvm::Value* above = m.ir.CreateFCmpOGT(nearest, x);
  return m.select(above, m.sub(nearest, m.num(1)), nearest);
}

}  // namespace nnc::codegen
