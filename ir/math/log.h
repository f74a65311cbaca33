// log, log2 and log1p.
#pragma once

#include <array>
#include <limits>

#include "ir/math/scalar.h"

namespace ndl::ir::math {

// Constants of the logarithms. kLn2Hi has so many trailing zeros that e * kLn2Hi is exact for every
// exponent e; each constant's high and low part sum to it.
template <class E>
struct LogTable;
template <>
struct LogTable<float> {
  static constexpr float kSplit = 0x1.6a09e6p-1f;  // sqrt(1/2)
  static constexpr float kLn2Hi = 0x1.62e4p-1f;
  static constexpr float kLn2Lo = 0x1.7f7d1cp-20f;
  static constexpr float kLog2EHi = 0x1.715476p+0f;
  static constexpr float kLog2ELo = 0x1.4ae0cp-26f;
  // log(1+f) = f - f^2/2 + f^3 P(f) for 1 + f in [sqrt(1/2), sqrt(2)], least relative
  // error, 2^-26.9.
  static constexpr std::array<float, 8> kP = {0x1.55557p-2f,   -0x1.000234p-2f, 0x1.99944ep-3f,
                                              -0x1.5466fep-3f, 0x1.239ce2p-3f,  -0x1.0e96ccp-3f,
                                              0x1.015974p-3f,  -0x1.2a6f78p-4f};
};
template <>
struct LogTable<double> {
  static constexpr double kSplit = 0x1.6a09e667f3bcdp-1;  // sqrt(1/2)
  static constexpr double kLn2Hi = 0x1.62e42fefa38p-1;
  static constexpr double kLn2Lo = 0x1.ef35793c7673p-45;
  static constexpr double kLog2EHi = 0x1.71547652b82fep+0;
  static constexpr double kLog2ELo = 0x1.777d0ffda0d24p-56;
  // log(1+f) = 2 s + s^3 P(s^2), s = f/(2+f), |s| <= 3 - sqrt(8), least error of P; that of the
  // logarithm is 2^-57.6.
  static constexpr std::array<double, 7> kP = {
      0x1.5555555555558p-1, 0x1.9999999995323p-2, 0x1.2492492deec37p-2, 0x1.c71c62e684aaap-3,
      0x1.7462b4ab7b39ap-3, 0x1.39fe5b524a36fp-3, 0x1.2b58abb5b7255p-3};
};

// x = 2^exponent (1 + f) with kSplit <= 1 + f < 2 kSplit, for 0 < x < inf, subnormals included.
template <class T>
struct LogReduction {
  T exponent;
  T f;
  uint_of<T> biased;  // exponent + bias, if x is normal

  explicit LogReduction(T x) {
    using E = element_of<T>;
    using U = uint_of<T>;
    constexpr int kBits = Format<E>::kMantissaBits;
    constexpr E kNormal = std::numeric_limits<E>::min();
    constexpr E kLift = static_cast<E>(1ull << kBits);
    constexpr auto kSplitBits = bit_cast<uint_of<E>>(LogTable<E>::kSplit);
    const auto subnormal = x < T(kNormal);
    const U bits = bit_cast<U>(select(subnormal, x * T(kLift), x)) +
                   U(bit_cast<uint_of<E>>(E(1)) - kSplitBits);
    biased = bits >> constant<U>(kBits);
    // The integer as the low bits of a number whose last place is 1.
    exponent =
        bit_cast<T>(biased | U(bit_cast<uint_of<E>>(kLift))) -
        select(subnormal, T(kLift + E(Format<E>::kBias + kBits)), T(kLift + E(Format<E>::kBias)));
    const U mantissa = bits & constant<U>((1ull << kBits) - 1);
    f = bit_cast<T>(mantissa + U(kSplitBits)) - constant<T>(1);
  }
};

// low + (log(1+f) - f + square/2), where square is about f^2. The difference is at most 0.02 in
// magnitude.
template <class T>
T log_tail(T f, T square, T low) {
  using E = element_of<T>;
  using Table = LogTable<E>;
  if constexpr (sizeof(E) == 4) {
    return madd(square * f, horner(f, Table::kP), low);
  } else {
    // f - 2s = s f and f^2/2 = f s + s f^2/2 turn 2s + s^3 P into the form below (fdlibm, e_log.c),
    // in which the inexact s enters only a small term.
    const T s = f / (constant<T>(2) + f);
    const T z = s * s;
    return madd(s, madd(z, horner(z, Table::kP), constant<T>(0.5) * square), low);
  }
}

// e ln 2 + log(1+f) + low, for a small low (-0.0: none, a sum that compilers drop).
//
// Error in units of the last place of the result, which is at least 0.34 in magnitude if e != 0:
//   e hi          exact
//   e hi + f      exact as high + low, since |e hi| > |f| or e = 0
//   square / 2    0.13
//   the low sum   0.13, twice
//   tail          0.1, most of it from the polynomial
//   the sum       0.5
template <class T>
T log_sum(T e, T f, T low) {
  using Table = LogTable<element_of<T>>;
  const T square = f * f;
  const Pair<T> sum = fast_two_sum(e * T(Table::kLn2Hi), f);
  const T linear = madd(e, T(Table::kLn2Lo), sum.lo + low);
  return sum.hi + log_tail(f, square, madd(square, constant<T>(-0.5), linear));
}

// The value at the border of a logarithm's domain: `value` inside 0 < x < inf, where x is the
// argument of log; -inf at 0, NaN below, x itself at inf and NaN.
template <class T>
T log_specials(T x, T value) {
  using L = std::numeric_limits<element_of<T>>;
  const T border = select(x == constant<T>(0), T(-L::infinity()), T(L::quiet_NaN()));
  return select(x > constant<T>(0), select(x < T(L::infinity()), value, x), border);
}

// log x.
//
//   x = 2^e (1+f), log x = e ln 2 + log(1+f); error as in log_sum.
//
// Measured: float 0.863 ULP (all inputs), double 0.864 ULP (10^7 inputs).
// log(+-0) = -inf, log(x < 0) = NaN, log(inf) = inf, log(1) = 0.
template <class T>
T log(T x) {
  const LogReduction<T> r(x);
  return log_specials(x, log_sum(r.exponent, r.f, constant<T>(-0.0)));
}

// log2 x.
//
//   x = 2^e (1+f), log2 x = e + (f - f^2/2 + tail) / ln 2.
//
// f - f^2/2 and its product by 1 / ln 2 and the sum with e are kept as high and low parts, since
// 1 / ln 2 enlarges the errors that log_sum may have. Left are, in units of the last place of the
// result, which is at least 0.5 in magnitude if e != 0: tail 0.1, low parts 0.1, the last sum 0.5.
// Measured: float 0.720 ULP (all inputs), double 0.685 ULP (10^7 inputs).
// Exact for powers of two. Special values as log.
template <class T>
T log2(T x) {
  using Table = LogTable<element_of<T>>;
  const LogReduction<T> r(x);
  const Pair<T> half_square = two_prod(constant<T>(0.5) * r.f, r.f);
  const Pair<T> g = fast_two_sum(r.f, -half_square.hi);
  const T tail = log_tail(r.f, half_square.hi + half_square.hi, g.lo - half_square.lo);
  const Pair<T> scaled = two_prod(g.hi, T(Table::kLog2EHi));
  const Pair<T> sum = fast_two_sum(r.exponent, scaled.hi);
  const T low = madd(g.hi, T(Table::kLog2ELo), scaled.lo + sum.lo);
  return log_specials(x, sum.hi + madd(tail, T(Table::kLog2EHi), low));
}

// log(1 + x).
//
//   1 + x = u + c exactly, u = 2^e m, so 1 + x = 2^e (1 + f), f = (m - 1) + 2^-e c; then as log.
//
// Where e = 0, f is x itself. Elsewhere f is rounded to f + d, and log(1 + f + d) - log(1 + f) is
// about d - f d; the error of that is 0.1 units of the last place of the result, beside those of
// log. Measured: float 0.867 ULP (all inputs), double 0.849 ULP (10^7 inputs). log1p(+-0) = +-0,
// log1p(-1) = -inf, log1p(x < -1) = NaN, log1p(inf) = inf.
template <class T>
T log1p(T x) {
  using E = element_of<T>;
  using U = uint_of<T>;
  constexpr int kBits = Format<E>::kMantissaBits;
  const Pair<T> u = two_sum(constant<T>(1), x);
  const LogReduction<T> r(u.hi);
  const T scale = bit_cast<T>((constant<U>(2 * Format<E>::kBias) - r.biased) << constant<U>(kBits));
  // Where 1 is lost beside x, so is c; and 2^-e might be no normal number.
  constexpr E kLarge = static_cast<E>(1ull << (kBits + 8));
  const T c = select(x < T(kLarge), u.lo * scale, constant<T>(0));
  const Pair<T> f = fast_two_sum(r.f, c);
  const T correction = madd(-f.hi, f.lo, f.lo);
  const T result = log_specials(u.hi, log_sum(r.exponent, f.hi, correction));
  return select(x == constant<T>(0), x, result);
}

}  // namespace ndl::ir::math
