// Error function, sine, cosine and arctangent, powers. Coefficients: codegen/vector_math_fit.py.
#include "codegen/math_builder.h"
#include "codegen/vector_math.h"

namespace nnc::codegen {
namespace {

/// f of floats by way of double: a few bits to spare make the float's rounding the only error that counts.
llvm::Value* inDouble(KernelEmitter& e, llvm::Value* x, const std::function<llvm::Value*(llvm::Value*)>& f) {
  if (x->getType()->getScalarType()->isDoubleTy()) return f(x);
  llvm::Value* wide = e.ir.CreateFPExt(x, withLanesOf(e.ir.getDoubleTy(), x->getType()));
  return e.ir.CreateFPTrunc(f(wide), x->getType());
}

/// sin(x + quarterTurns π/2), x in double. Arguments are reduced by π/2 in parts whose products with the number of
/// turns are exact: with FMA up to 2^50, without up to 2^20 turns; beyond, the angle loses bits.
llvm::Value* sineOf(KernelEmitter& e, llvm::Value* x, int64_t quarterTurns, bool single) {
  MathBuilder m(e, x->getType());
  llvm::Value* magic = m.num(m.magic());
  llvm::Value* shifted = m.fma(x, m.num(0.63661977236758134308), magic);
  llvm::Value* n = m.sub(shifted, magic);
  llvm::Value* r;
  if (e.target.hasFma) {
    r = m.fma(n, m.num(-0x1.921fb54442d18p+0), x);
    r = m.fma(n, m.num(-0x1.1a62633145c07p-54), r);
  } else {
    r = m.fma(n, m.num(-0x1.921fb544p+0), x);
    r = m.fma(n, m.num(-0x1.0b4611a6p-34), r);
    r = m.fma(n, m.num(-0x1.3198a2e037073p-69), r);
  }
  llvm::Value* quadrant = m.ir.CreateAdd(m.bits(shifted), m.integer(quarterTurns));
  llvm::Value* z = m.mul(r, r);
  llvm::Value *s, *c;
  if (single) {
    s = m.polynomial(
        z, {-0.16666666641021354, 0.0083333293145964250092, -0.00019839311632150287012, 2.7180882742661668592e-6});
    c = m.polynomial(
        z, {0.041666666621767638329, -0.0013888883660580791376, 0.00002479949519629225998, -2.720816526056294068e-7});
  } else {
    s = m.polynomial(
        z, {-0.1666666666666666664, 0.0083333333333333224442, -0.00019841269841254690201, 2.7557319213990798999e-6,
            -2.5052104858646435236e-8, 1.6058359769086809997e-10, -7.5783525298160575151e-13});
    c = m.polynomial(
        z, {0.041666666666666666612, -0.001388888888888887367, 0.000024801587301571060522, -2.7557319215186441383e-7,
            2.087675432299096908e-9, -1.1470288312396286632e-11, 4.7378832011819037842e-14});
  }
  llvm::Value* sine = m.fma(m.mul(r, z), s, r);
  llvm::Value* cosine = m.fma(m.mul(z, z), c, m.fma(m.num(-0.5), z, m.num(1)));
  auto bit = [&](int64_t b) { return m.ir.CreateICmpNE(m.ir.CreateAnd(quadrant, m.integer(b)), m.integer(0)); };
  llvm::Value* y = m.select(bit(1), cosine, sine);
  return m.select(bit(2), m.ir.CreateFNeg(y), y);
}

}  // namespace

llvm::Value* emitErf(KernelEmitter& e, llvm::Value* x) {
  MathBuilder m(e, x->getType());
  llvm::Value* a = m.atMost(m.abs(x), m.num(4.0f, 6.0));  // from there on the result is 1
  llvm::Value* z = m.mul(a, a);
  llvm::Value* p =
      m.polynomial(z,
                   {0.12837916657981104458, -0.3761263318844016234, 0.11283687188855071318, -0.02685894151518499519,
                    0.0051999066784440679889, -0.00081300127331845170308, 0.000083167753689870653916},
                   {0.12837916709551257375, -0.37612638903183747604, 0.1128379167095485749, -0.026866170645072894397,
                    0.0052239776247808616468, -0.00085483269787418972909, 0.00012055331036887832591,
                    -0.000014925593506594343377, 1.6460972812112485635e-6, -1.6350025169288521789e-7,
                    1.4657879477808691138e-8, -1.1365664542981663002e-9, 5.9452593468794121224e-11});
  // Where a·p may be a denormal, which is flushed, the first term 2/sqrt(pi)·a alone.
  llvm::Value* tiny = m.ir.CreateFCmpOLT(a, m.num(0x1p-100));
  llvm::Value* inner = m.select(tiny, m.mul(a, m.num(1.1283791670955125739)), m.fma(a, p, a));
  // Outside, 1 - erfc(a) with erfc(a) = exp(-a²) g((a-2)/(a+2)), which is small, so its own error hardly counts.
  llvm::Value* t = m.div(m.sub(a, m.num(2)), m.add(a, m.num(2)));
  llvm::Value* g = m.polynomial(
      t,
      {0.25539567625576424311, -0.42718585019507086232, 0.24165821299109171783, -0.078978345749436784809,
       0.0037320384385949254852, 0.0069918529455796472554, -0.00083567577588821413587, -0.00092968456855198571958},
      {0.25539567631050574392, -0.42718584741395840603, 0.24165819424246633073, -0.078978581015729221731,
       0.0037328924043437936139, 0.0069974617389389280471, -0.00084714325153875859136, -0.00098197701604593984828,
       0.000043555608747312674891, 0.00017436094764438059551, 0.000027525592524884096378, -0.000027577490551213243642,
       -0.000013971327801065529404, 1.3803459927657557306e-6, 3.8166458754163927668e-6, 1.1939847273851410296e-6,
       -6.1159029849092183779e-7, -3.6788757131792025455e-7});
  llvm::Value* outer = m.sub(m.num(1), m.mul(emitExp(e, m.ir.CreateFNeg(z)), g));
  return m.withSignOf(m.select(m.ir.CreateFCmpOLT(a, m.num(0.93f, 1.0)), inner, outer), x);
}

llvm::Value* emitSin(KernelEmitter& e, llvm::Value* x) {
  bool single = x->getType()->getScalarType()->isFloatTy();
  llvm::Value* y = inDouble(e, x, [&](llvm::Value* wide) { return sineOf(e, wide, 0, single); });
  MathBuilder m(e, x->getType());
  return m.select(m.isZero(x), x, y);  // keeps -0
}

llvm::Value* emitCos(KernelEmitter& e, llvm::Value* x) {
  bool single = x->getType()->getScalarType()->isFloatTy();
  return inDouble(e, x, [&](llvm::Value* wide) { return sineOf(e, wide, 1, single); });
}

llvm::Value* emitAtan(KernelEmitter& e, llvm::Value* x) {
  MathBuilder m(e, x->getType());
  // Above 1, atan a = π/2 + atan(-1/a); the low part of π/2 goes where small terms are added.
  llvm::Value* a = m.abs(x);
  llvm::Value* above = m.ir.CreateFCmpOGT(a, m.num(1));
  auto whereAbove = [&](llvm::Value* v) { return m.select(above, v, m.num(0)); };
  llvm::Value* t = m.select(above, m.div(m.num(-1), a), a);
  llvm::Value* z = m.mul(t, t);
  llvm::Value* p = m.polynomial(
      z,
      {-0.33333299089265934608, 0.1999854828776571211, -0.14264241713458359133, 0.1095218593327389729,
       -0.084034507505149755533, 0.057957600213307591627, -0.031177851978938496424, 0.010914608814360954065,
       -0.001793622351120319482},
      {-0.33333333333333068057,   0.19999999999951460146,    -0.14285714282575105409,    0.11111111007026178674,
       -0.090909070029931026367,  0.076922798393216262985,   -0.066664040578654950109,   0.058805278166621265425,
       -0.052535185636840729767,  0.047223222596744866406,   -0.04219179084324590621,    0.036641913856585150533,
       -0.029903863650943955464,  0.021984860306659910612,   -0.013900567259325606233,   0.0071965087234739871865,
       -0.0028849215508670451414, 0.00083132302820231849443, -0.00015216113980828200441, 0.000013225104867399356546});
  llvm::Value* small = m.fma(m.mul(t, z), p, whereAbove(m.num(-0x1.777a5cp-25f, 0x1.1a62633145c07p-54)));
  llvm::Value* y = m.add(m.add(whereAbove(m.num(0x1.921fb6p+0f, 0x1.921fb54442d18p+0)), t), small);
  return m.withSignOf(y, x);
}

llvm::Value* emitPow(KernelEmitter& e, llvm::Value* a, llvm::Value* b) {
  MathBuilder m(e, a->getType());
  auto inWide = [&](llvm::Value* x) { return e.ir.CreateFPExt(x, withLanesOf(e.ir.getDoubleTy(), x->getType())); };
  llvm::Value* magnitude = m.abs(a);
  llvm::Value* y;
  if (m.isDouble) {
    y = emitPositivePow(e, magnitude, b);
  } else {
    llvm::Value* exponent = e.ir.CreateFMul(inWide(b), emitLog(e, inWide(magnitude)));
    y = e.ir.CreateFPTrunc(emitExp(e, exponent), m.type);
  }
  // C's special values: x^0 = 1^y = (-1)^±inf = 1; a negative base takes the exponent's parity, NaN if that is no
  // integer.
  llvm::Value* one = m.ir.CreateOr(m.isZero(b), m.ir.CreateFCmpOEQ(a, m.num(1)));
  one = m.ir.CreateOr(one, m.ir.CreateAnd(m.ir.CreateFCmpOEQ(magnitude, m.num(1)), m.isInfinite(b)));
  llvm::Value* isInteger = m.ir.CreateFCmpOEQ(emitFloor(e, b), b);
  llvm::Value* half = m.mul(b, m.num(0.5));
  llvm::Value* isOdd = m.ir.CreateAnd(isInteger, m.ir.CreateFCmpUNE(emitFloor(e, half), half));
  llvm::Value* signBit = m.ir.CreateICmpSLT(m.bits(a), m.integer(0));
  y = m.select(m.ir.CreateAnd(signBit, isOdd), m.ir.CreateFNeg(y), y);
  llvm::Value* negative = m.ir.CreateAnd(m.ir.CreateFCmpOLT(a, m.num(0)), m.ir.CreateNot(m.isInfinite(a)));
  y = m.select(m.ir.CreateAnd(negative, m.ir.CreateNot(isInteger)), m.nan(), y);
  return m.select(one, m.num(1), y);
}

}  // namespace nnc::codegen
