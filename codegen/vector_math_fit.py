#!/usr/bin/env python3
"""Prints the polynomial coefficients of codegen/vector_math*.cpp (needs mpmath).

Each fit is a minimax polynomial in the relative error of the whole function, found by the Remez exchange algorithm on
Chebyshev nodes. The result is rounded to the element type by the C++ compiler.
"""
from mpmath import mp, mpf, matrix, lu_solve, exp, log, sqrt, erf, erfc, sin, cos, atan, cospi

mp.dps = 60


def remez(f, weight, lo, hi, degree, rounds=12, samples=3000):
    """Coefficients c of p(t) with the least maximum of |weight(t) * (p(t) - f(t))| on [lo, hi]."""
    n = degree + 2
    nodes = [(lo + hi) / 2 - (hi - lo) / 2 * cospi(mpf(2 * i + 1) / (2 * n)) for i in range(n)]
    best = None
    for _ in range(rounds):
        a, b = matrix(n, n), matrix(n, 1)
        for i, t in enumerate(nodes):
            for j in range(degree + 1):
                a[i, j] = t ** j
            a[i, degree + 1] = (-1) ** i / weight(t)
            b[i] = f(t)
        c = lu_solve(a, b)
        poly = [c[j] for j in range(degree + 1)]
        error = lambda t: weight(t) * (horner(poly, t) - f(t))
        grid = [lo + (hi - lo) * (1 - cospi(mpf(k) / samples)) / 2 for k in range(samples + 1)]
        values = [error(t) for t in grid]
        peak = max(abs(v) for v in values)
        if best is None or peak < best[0]:
            best = (peak, poly)
        extrema = []
        for t, v in zip(grid, values):
            if extrema and (v > 0) == (extrema[-1][1] > 0):
                if abs(v) > abs(extrema[-1][1]):
                    extrema[-1] = (t, v)
            else:
                extrema.append((t, v))
        while len(extrema) > n:
            extrema.pop(0 if abs(extrema[0][1]) < abs(extrema[-1][1]) else -1)
        if len(extrema) < n:
            break
        nodes = [t for t, _ in extrema]
    return best


def horner(poly, t):
    r = mpf(0)
    for c in reversed(poly):
        r = r * t + c
    return r




def show(name, fit):
    print(f"// {name}: relative error 2^{mp.nstr(log(fit[0], 2), 4)}")
    print(", ".join(mp.nstr(c, 20) for c in fit[1]) + "\n", flush=True)


def safe(f, limit):
    """f away from 0, `limit` near it, where f cannot be evaluated even with many digits."""
    return lambda t: limit if abs(t) < mpf("1e-25") else f(t)


def main():
    half = log(2) / 2 * mpf("1.003")
    # e^r = 1 + r + r^2 q(r); the error counts relative to e^r.
    q = safe(lambda r: (exp(r) - 1 - r) / r ** 2, mpf(1) / 2)
    for degree in (4, 9):
        show(f"exp q degree {degree}", remez(q, lambda r: r * r / exp(r) + mpf("1e-30"), -half, half, degree))
    # The same relative to e^r - 1, for expm1.
    for degree in (4, 5, 10):
        show(f"expm1 q degree {degree}", remez(q, safe(lambda r: abs(r * r / (exp(r) - 1)) + mpf("1e-30"), mpf("1e-30")), -half, half, degree))
    # log(1+f) = f - f^2/2 + f^3 p(f), f in [sqrt(1/2)-1, sqrt(2)-1].
    lo, hi = sqrt(mpf(1) / 2) - 1, sqrt(mpf(2)) - 1
    p = safe(lambda f: (log(1 + f) - f + f * f / 2) / f ** 3, mpf(1) / 3)
    show("log p degree 8", remez(p, safe(lambda f: abs(f ** 3 / log(1 + f)) + mpf("1e-30"), mpf("1e-30")), lo, hi, 8))
    # log(1+f) = 2s + s z R(z), s = f/(2+f), z = s^2 (fdlibm's form).
    smax = (hi / (2 + hi)) ** 2
    r = lambda z: (log((1 + sqrt(z)) / (1 - sqrt(z))) / sqrt(z) - 2) / z
    show("log R degree 6", remez(r, lambda z: z / 2, mpf("1e-9"), smax * mpf("1.001"), 6))
    show("log R degree 7", remez(r, lambda z: z / 2, mpf("1e-9"), smax * mpf("1.001"), 7))
    # erf(x) = x + x p(x^2) on |x| < 1 (f32: 0.9).
    e = lambda z: erf(sqrt(z)) / sqrt(z) - 1
    show("erf p degree 6", remez(e, lambda z: 1 / (e(z) + 1), mpf("1e-9"), mpf("0.93") ** 2, 6))
    show("erf p degree 12", remez(e, lambda z: 1 / (e(z) + 1), mpf("1e-9"), mpf(1), 12))
    # erfc(x) = exp(-x^2) g(t), t = (x - 2) / (x + 2).
    g = lambda t: exp((2 * (1 + t) / (1 - t)) ** 2) * erfc(2 * (1 + t) / (1 - t))
    t = lambda x: (x - 2) / (x + 2)
    show("erfc g degree 7", remez(g, lambda u: 1 / g(u), t(mpf("0.9")), t(mpf("4.1")), 7))
    show("erfc g degree 17", remez(g, lambda u: 1 / g(u), t(mpf(1)), t(mpf("6.1")), 17))
    # sin(r) = r + r z s(z), cos(r) = 1 - z/2 + z^2 c(z), z = r^2, |r| <= pi/4.
    quarter = (mp.pi / 4 * mpf("1.003")) ** 2
    s = lambda z: (sin(sqrt(z)) / sqrt(z) - 1) / z
    c = lambda z: (cos(sqrt(z)) - 1 + z / 2) / z ** 2
    show("sin s degree 3", remez(s, lambda z: z, mpf("1e-9"), quarter, 3))
    show("sin s degree 6", remez(s, lambda z: z, mpf("1e-9"), quarter, 6))
    show("cos c degree 3", remez(c, lambda z: z * z, mpf("1e-9"), quarter, 3))
    show("cos c degree 6", remez(c, lambda z: z * z, mpf("1e-9"), quarter, 6))
    # atan(t) = t + t z p(z), z = t^2, |t| <= 1.
    p = lambda z: (atan(sqrt(z)) / sqrt(z) - 1) / z
    for degree in (8, 19):
        show(f"atan p degree {degree}", remez(p, lambda z: z / (1 + z * p(z)), mpf("1e-9"), mpf(1), degree))


if __name__ == "__main__":
    main()
