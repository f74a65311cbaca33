// sinh, cosh and tanh.
#pragma once

#include <array>

#include "ir/math/exp.h"
#include "ir/math/scalar.h"

namespace ndl::ir::math {

// sinh r = r + r z S(z) and cosh r = 1 + z C(z), z = r^2, on |r| <= ln(2)/2; fpminimax, least
// error.
template <class E>
struct HyperbolicTable;
template <>
struct HyperbolicTable<float> {
  // sinh and cosh are infinite here, yet 2^128 bounds the powers needed.
  static constexpr float kMax = 89.5f;
  static constexpr std::array<float, 3> kS = {0x1.555556p-3f, 0x1.110f88p-7f, 0x1.a36368p-13f};
  static constexpr std::array<float, 3> kC = {0x1p-1f, 0x1.5555p-5f, 0x1.6d3074p-10f};
};
template <>
struct HyperbolicTable<double> {
  static constexpr double kMax = 710.6;
  static constexpr std::array<double, 5> kS = {0x1.5555555555556p-3, 0x1.1111111110708p-7,
                                               0x1.a01a01a90513dp-13, 0x1.71de0a30ce971p-19,
                                               0x1.af3f2431aed87p-26};
  static constexpr std::array<double, 6> kC = {0x1p-1,
                                               0x1.5555555555556p-5,
                                               0x1.6c16c16c15ff6p-10,
                                               0x1.a01a01a81b77cp-16,
                                               0x1.27e4d80e2ffdbp-22,
                                               0x1.1f78f683864p-29};
};

// |x| = n ln 2 + r, and what both hyperbolic functions are made of:
//
//   sinh |x| = 2 (A cosh r + B sinh r),  A = (2^n - 2^-n) / 4,
//   cosh |x| = 2 (B cosh r + A sinh r),  B = (2^n + 2^-n) / 4.
//
// Quarters, so that nothing overflows before the result. r = hi + rest as in exp; sinh r = hi + s,
// cosh r = 1 + c.
template <class T>
struct HyperbolicReduction {
  Pair<T> a;
  Pair<T> b;
  T hi;
  T s;
  T c;

  explicit HyperbolicReduction(T x) {
    using E = element_of<T>;
    using U = uint_of<T>;
    using Exp = ExpTable<E>;
    using Table = HyperbolicTable<E>;
    constexpr int kBias = Format<E>::kBias;
    constexpr int kBits = Format<E>::kMantissaBits;
    const T y = abs(x);
    const T limited = select(y > T(Table::kMax), T(Table::kMax), y);
    const RoundedExponent<T, kBias - 2> exponent(limited, Exp::kLog2E);
    const T up = exponent.power();
    // 2^(-n-2), by way of 2^(6-n): a normal number for every n that occurs. Where the factor makes
    // it subnormal it is of no weight.
    const T lifted =
        bit_cast<T>((constant<U>(2 * kBias + 4) - exponent.bits) << constant<U>(kBits));
    const T down = lifted * constant<T>(1.0 / 256);
    a = fast_two_sum(up, -down);
    b = fast_two_sum(up, down);
    hi = madd(exponent.n, T(-Exp::kLn2Hi), limited);
    const T rest = exponent.n * T(-Exp::kLn2Lo);
    const T r = hi + rest;
    const T z = r * r;
    s = madd(r * z, horner(z, Table::kS), rest);
    c = z * horner(z, Table::kC);
  }

  // 2 (p cosh r + q sinh r), where |p| >= |q hi| or p = 0.
  T combine(const Pair<T>& p, const Pair<T>& q) const {
    const Pair<T> product = two_prod(q.hi, hi);
    const Pair<T> sum = fast_two_sum(p.hi, product.hi);
    const T low = madd(q.lo, hi, (product.lo + sum.lo) + p.lo);
    return constant<T>(2) * (sum.hi + madd(p.hi, c, madd(q.hi, s, low)));
  }
};

// sinh x.
//
// Error in units of the last place of the result:
//   A + B hi           exact as high + low
//   A c + B s          0.3 at n = 1, where the sum cancels to less than A; 0.15 elsewhere
//   the sum            0.5
// A tiny x is its own result: its half in the low part of a product would not be exact.
// Measured: float 0.754 ULP (all inputs), double 0.791 ULP (10^7 inputs).
// sinh(+-0) = +-0, sinh(+-inf) = +-inf.
template <class T>
T sinh(T x) {
  using E = element_of<T>;
  const HyperbolicReduction<T> r(x);
  constexpr E kTiny = E(1) / static_cast<E>(1ull << (Format<E>::kMantissaBits / 2 + 3));
  const T result = copysign(r.combine(r.a, r.b), x);
  return select(abs(x) < T(kTiny), x, result);
}

// cosh x.
//
// Error in units of the last place of the result: B + A hi exact as high + low; B c + A s 0.2; the
// sum 0.5.
// Measured: float 0.712 ULP (all inputs), double 0.695 ULP (10^7 inputs).
// cosh(+-0) = 1, cosh(+-inf) = inf.
template <class T>
T cosh(T x) {
  const HyperbolicReduction<T> r(x);
  return r.combine(r.b, r.a);
}

// tanh x.
//
//   E = e^(-2|x|), tanh |x| = N / D, N = 1 - E, D = 1 + E = 2 - N.
//
// E = s (1 + m) with s = 2^n and m = e^r - 1 as in exp, so N = (1 - s) - s m keeps its relative
// accuracy down to the smallest |x|, where n = 0. N and D are kept as high and low parts, and the
// quotient of the high parts gets one correction by the exact remainder:
//
//   q = Nh / Dh,  tanh = q + (Nh - q Dh + Nl - q Dl) / Dh.
//
// Error in units of the last place of the result:
//   m                 0.25, half each from the square of r and from q
//   the quotient      0.03, after the correction
//   the last sum      0.5
// Measured: float 0.752 ULP (all inputs), double 0.785 ULP (10^7 inputs); 1.34 where madd is not
// fused and the remainder so not exact.
// tanh(+-inf) = +-1, tanh(+-0) = +-0.
template <class T>
T tanh(T x) {
  using E = element_of<T>;
  using Table = ExpTable<E>;
  const T one = constant<T>(1);
  const T two = constant<T>(2);
  const T a = abs(x) * constant<T>(-2);
  // Below this the quotient rounds to 1.
  const T limit = T(Table::kMinusOne) - two;
  const ExpReduction<T, Format<E>::kBias> r(select(a < limit, limit, a));
  const T s = r.exponent.power();
  const Pair<T> m = fast_two_sum(r.hi, r.tail(constant<T>(-0.0)));
  const Pair<T> base = fast_two_sum(one, -s);
  const Pair<T> n = fast_two_sum(base.hi, -s * m.hi);
  const T n_lo = madd(-s, m.lo, base.lo + n.lo);
  const T d = two - n.hi;
  const T d_lo = (two - d) - n.hi - n_lo;
  const T inverse = one / d;
  const T q = n.hi * inverse;
  const T remainder = madd(-q, d_lo, madd(-q, d, n.hi) + n_lo);
  return copysign(madd(remainder, inverse, q), x);
}

}  // namespace ndl::ir::math
