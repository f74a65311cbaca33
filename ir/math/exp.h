// exp, exp2 and expm1, and the reduction by ln 2 that other functions share.
#pragma once

#include <array>

#include "ir/math/scalar.h"

namespace ndl::ir::math {

// Adding kRound to |t| < 2^(mantissa bits - 2) rounds t to the integer n and leaves n + offset in
// the low bits of the sum. That gives 2^n by a shift, without a conversion,
// so that a NaN, of which no integer may be asked, passes through as bits that nobody reads.
template <class T, int kOffset>
struct RoundedExponent {
  using E = element_of<T>;
  using U = uint_of<T>;
  static constexpr int kBits = Format<E>::kMantissaBits;
  static constexpr E kRound = E(1.5) * static_cast<E>(1ull << kBits) + E(kOffset);

  U bits;  // n + kOffset, below bits that a shift into the exponent field drops
  T n;

  // n = round(x * scale)
  RoundedExponent(T x, E scale) : RoundedExponent(madd(x, T(scale), T(kRound))) {}

  // 2^(n + kOffset - bias), which must be a normal number.
  T power() const { return bit_cast<T>(bits << constant<U>(kBits)); }

  // p * 2^n by two factors, each in range, for every n from the smallest subnormal to overflow;
  // kOffset is twice the exponent bias. The first product is exact for p in [0.5, 2): one rounding.
  T scale(T p) const {
    static_assert(kOffset == 2 * Format<E>::kBias);
    const U half = bits >> constant<U>(1);
    return p * bit_cast<T>(half << constant<U>(kBits)) *
           bit_cast<T>((bits - half) << constant<U>(kBits));
  }

 private:
  explicit RoundedExponent(T sum) : bits(bit_cast<U>(sum)), n(sum - T(kRound)) {}
};

// Constants of the exponential. kLn2Hi has so many trailing zeros that n * kLn2Hi is exact for
// every exponent n; kLn2Hi + kLn2Lo is ln 2. kQ approximates (e^r - 1 - r) / r^2 on |r| <= ln(2)/2
// such that r + r^2 q has least error relative to e^r - 1 (fpminimax of Sollya, which searches the
// coefficients among the numbers of the type).
template <class E>
struct ExpTable;
template <>
struct ExpTable<float> {
  static constexpr float kLog2E = 0x1.715476p+0f;
  static constexpr float kLn2Hi = 0x1.62e4p-1f;
  static constexpr float kLn2Lo = 0x1.7f7d1cp-20f;
  // Beyond these exp is infinite, or zero in every rounding.
  static constexpr float kMax = 89;
  static constexpr float kMin = -104;
  // Below this e^x - 1 rounds to -1.
  static constexpr float kMinusOne = -18;
  // Degree 7; error 2^-30.9 relative to e^r - 1, 2^-32.7 to e^r.
  static constexpr std::array<float, 6> kQ = {0x1p-1f,        0x1.555554p-3f,  0x1.5554fp-5f,
                                              0x1.111306p-7f, 0x1.6d4372p-10f, 0x1.9e0c28p-13f};
};
template <>
struct ExpTable<double> {
  static constexpr double kLog2E = 0x1.71547652b82fep+0;
  static constexpr double kLn2Hi = 0x1.62e42fefa38p-1;
  static constexpr double kLn2Lo = 0x1.ef35793c7673p-45;
  static constexpr double kMax = 710;
  static constexpr double kMin = -746;
  static constexpr double kMinusOne = -38;
  // Degree 12; error 2^-61.5 relative to e^r - 1, 2^-63.0 to e^r.
  static constexpr std::array<double, 11> kQ = {0x1p-1,
                                                0x1.5555555555559p-3,
                                                0x1.555555555554dp-5,
                                                0x1.111111110f655p-7,
                                                0x1.6c16c16c1aafep-10,
                                                0x1.a01a01b0036d9p-13,
                                                0x1.a01a018e0f1d8p-16,
                                                0x1.71ddf80f86bfep-19,
                                                0x1.27e51339881a6p-22,
                                                0x1.af5f2c464c9c2p-26,
                                                0x1.1f1a36b0a9e8ap-29};
};

// Constants of exp2: kLn2 + kLn2Lo is ln 2; kQ approximates (2^r - 1 - r ln 2) / r^2 on |r| <= 1/2,
// least error relative to 2^r.
template <class E>
struct Exp2Table;
template <>
struct Exp2Table<float> {
  static constexpr float kLn2 = 0x1.62e43p-1f;
  static constexpr float kLn2Lo = -0x1.05c61p-29f;
  static constexpr float kMax = 129;
  static constexpr float kMin = -151;
  // Degree 6, error 2^-28.3.
  static constexpr std::array<float, 5> kQ = {0x1.ebfbdcp-3f, 0x1.c6af88p-5f, 0x1.3b2ddcp-7f,
                                              0x1.5f0422p-10f, 0x1.416fa4p-13f};
};
template <>
struct Exp2Table<double> {
  static constexpr double kLn2 = 0x1.62e42fefa39efp-1;
  static constexpr double kLn2Lo = 0x1.abc9e3b39803fp-56;
  static constexpr double kMax = 1025;
  static constexpr double kMin = -1076;
  // Degree 11, error 2^-57.9.
  static constexpr std::array<double, 10> kQ = {
      0x1.ebfbdff82c5a1p-3,  0x1.c6b08d704a045p-5,  0x1.3b2ab6fba0798p-7,  0x1.5d87fe78c39b2p-10,
      0x1.4309130dc6293p-13, 0x1.ffcbfbc710ad1p-17, 0x1.62bfc9f00a51dp-20, 0x1.b526543d5435fp-24,
      0x1.e617c2e4d9cebp-28, 0x1.e7c4fc116a512p-32};
};

// x into [lo, hi]; NaN stays NaN.
template <class T>
T clamp(T x, element_of<T> lo, element_of<T> hi) {
  const T below = select(x > T(hi), T(hi), x);
  return select(below < T(lo), T(lo), below);
}

// x = n ln 2 + r (Cody and Waite), n = round(x / ln 2), and e^r - 1 = hi + rest + square * q.
//
//   hi = x - n hi(ln 2)            exact, |hi| < 0.3466
//   rest = -n lo(ln 2)
//   r = hi + rest, square = r^2    square * q(r) is below 0.07
//
// The rounding of r moves the result by at most 0.35 * 2^-26 (2^-55).
template <class T, int kOffset>
struct ExpReduction {
  using Table = ExpTable<element_of<T>>;
  RoundedExponent<T, kOffset> exponent;
  T hi;
  T rest;
  T r;
  T square;
  T q;

  explicit ExpReduction(T x)
      : exponent(x, Table::kLog2E),
        hi(madd(exponent.n, T(-Table::kLn2Hi), x)),
        rest(exponent.n * T(-Table::kLn2Lo)),
        r(hi + rest),
        square(r * r),
        q(horner(r, Table::kQ)) {}

  // e^r - 1 - hi + low
  T tail(T low) const { return madd(square, q, low + rest); }
};

// e^x = 2^n (1 + hi + tail).
//
// Error, in units of the last place of a result in [1, 2), twice that below 1:
//   1 + hi            exact as high + low
//   rounding of r     0.05
//   tail              0.03, polynomial included
//   the sum           0.5
//   scaling           exact, or the rounding of a subnormal result, 0.25 beside the rest halved
// Measured: float 0.655 ULP (all inputs), double 0.644 ULP (3 * 10^6 inputs) where the result is
// normal; 0.765 and 0.755 (10^7 inputs) where it is subnormal.
// exp(-inf) = 0, exp(inf) = inf, exp(+-0) = 1.
template <class T>
T exp(T x) {
  using Table = ExpTable<element_of<T>>;
  const ExpReduction<T, 2 * Format<element_of<T>>::kBias> r(clamp(x, Table::kMin, Table::kMax));
  const Pair<T> one = fast_two_sum(constant<T>(1), r.hi);
  return r.exponent.scale(one.hi + r.tail(one.lo));
}

// 2^x.
//
//   n = round(x), r = x - n, 2^x = 2^n (1 + r ln 2 + r^2 q(r)).
//
// Error, in units of the last place of a result in [1, 2), twice that below 1:
//   r                 exact
//   1 + r ln 2        two products and two sums, each as high + low
//   low + r^2 q       0.03
//   the polynomial    0.03
//   the sum           0.5
//   scaling           exact, or the rounding of a subnormal result, 0.25 beside the rest halved
// Measured: float 0.621 ULP (all inputs), double 0.604 ULP (3 * 10^6 inputs) where the result is
// normal; 0.770 and 0.745 (10^7 inputs) where it is subnormal.
// Exact for integers. exp2(-inf) = 0, exp2(inf) = inf.
template <class T>
T exp2(T x) {
  using E = element_of<T>;
  using Table = Exp2Table<E>;
  const T a = clamp(x, Table::kMin, Table::kMax);
  const RoundedExponent<T, 2 * Format<E>::kBias> exponent(a, E(1));
  const T r = a - exponent.n;
  const Pair<T> linear = two_prod(r, T(Table::kLn2));
  const Pair<T> one = fast_two_sum(constant<T>(1), linear.hi);
  const T low = madd(r, T(Table::kLn2Lo), linear.lo + one.lo);
  return exponent.scale(one.hi + madd(r * r, horner(r, Table::kQ), low));
}

// e^x - 1.
//
//   e^x - 1 = 2 ((s - 1/2) + s hi + s tail), s = 2^(n-1), so that nothing overflows before the
//   result.
//
// Error in units of the last place of the result:
//   s - 1/2           exact as high + low
//   + s hi            exact as high + low
//   low parts         0.37, a third each from square, q and their product at r < -0.3, n = 1
//   the sum           0.5
// A tiny x is its own result: halving a subnormal would not be exact.
// Measured: float 0.866 ULP (all inputs), double 0.860 ULP (10^7 inputs).
// expm1(-inf) = -1, expm1(inf) = inf, expm1(+-0) = +-0.
template <class T>
T expm1(T x) {
  using E = element_of<T>;
  using Table = ExpTable<E>;
  const ExpReduction<T, Format<E>::kBias - 1> r(clamp(x, Table::kMinusOne, Table::kMax));
  const T s = r.exponent.power();
  const Pair<T> base = two_sum(s, constant<T>(-0.5));
  const Pair<T> sum = fast_two_sum(base.hi, s * r.hi);
  // The tail may be a quarter of the result. So product and sum round once, and the rounding of r
  // counts: e^(r+slip) - e^r = slip, which rest contains, + r slip.
  const T slip = (r.hi - r.r) + r.rest;
  const T rest = madd(s, madd(r.r, slip, r.rest), base.lo + sum.lo);
  const T low = madd(s * r.square, r.q, rest);
  const T result = constant<T>(2) * (sum.hi + low);
  constexpr E kTiny = E(1) / static_cast<E>(1ull << (Format<E>::kMantissaBits + 2));
  return select(abs(x) < T(kTiny), x, result);
}

}  // namespace ndl::ir::math
