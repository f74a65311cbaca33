// pow for floating point.
#pragma once

#include <array>
#include <limits>

#include "ir/math/exp.h"
#include "ir/math/log.h"
#include "ir/math/scalar.h"

namespace ndl::ir::math {

// hi + lo with |lo| at most half a unit of hi, where either part alone is not enough. The products
// and sums below are exact to about 2^-102 (Dekker; Joldes, Muller, Popescu 2017).
template <class T>
Pair<T> pair_product(const Pair<T>& a, const Pair<T>& b) {
  const Pair<T> p = two_prod(a.hi, b.hi);
  return fast_two_sum(p.hi, madd(a.lo, b.hi, madd(a.hi, b.lo, p.lo)));
}

// a + b for a constant a with |a.hi| >= |b.hi|.
template <class T>
Pair<T> pair_sum(const Pair<T>& a, const Pair<T>& b) {
  const Pair<T> s = fast_two_sum(a.hi, b.hi);
  return fast_two_sum(s.hi, s.lo + (a.lo + b.lo));
}

// Polynomials of pow, by fpminimax.
template <class E>
struct PowTable;
template <>
struct PowTable<float> {
  // In double: log2(1+f) = s P(s^2), s = f/(2+f), relative error 2^-45.
  static constexpr std::array<double, 6> kLog2 = {0x1.71547652b8251p+1, 0x1.ec709dc53c4a8p-1,
                                                  0x1.2776c2936e51p-1,  0x1.a61a2e9cb24eep-2,
                                                  0x1.47955e53ee95p-2,  0x1.21b06bc6d774p-2};
  // 2^r = P(r) on |r| <= 1/2, relative error 2^-34.
  static constexpr std::array<double, 8> kExp2 = {
      0x1.ffffffffab9acp-1, 0x1.62e42ff116c06p-1,  0x1.ebfbe0a4f30e2p-3,  0x1.c6b08aae55f38p-5,
      0x1.3b29dc145592dp-7, 0x1.5d8a710910667p-10, 0x1.446a43d62732cp-13, 0x1.fe17566e04da4p-17};
};
template <>
struct PowTable<double> {
  // atanh(s) = s (1 + z/3 + z^2/5 + z^3 P(z)), z = s^2, relative error 2^-68.2.
  static constexpr std::array<double, 7> kAtanh = {
      0x1.249249249249ap-3, 0x1.c71c71c713c81p-4, 0x1.745d175699c8ap-4, 0x1.3b13a470978fdp-4,
      0x1.1115c7c6b9a5cp-4, 0x1.e0176e0d1c614p-5, 0x1.da1d0ba5eab8bp-5};
  static constexpr Pair<double> kThird = {0x1.5555555555555p-2, 0x1.5555555555555p-56};
  static constexpr Pair<double> kFifth = {0x1.999999999999ap-3, -0x1.999999999999ap-57};
  static constexpr Pair<double> kTwoLog2E = {0x1.71547652b82fep+1, 0x1.777d0ffda0d24p-55};
};

template <class T>
Pair<T> pair_constant(const Pair<element_of<T>>& value) {
  return {T(value.hi), T(value.lo)};
}

// log2 x to 2^-67 of its value, for x >= 0 or NaN, with the special values of log in hi.
template <class T>
Pair<T> log2_pair(T x) {
  using Table = PowTable<double>;
  const LogReduction<T> r(x);
  // s = f / (2 + f) as high and low part: the remainder of the quotient is exact.
  const Pair<T> d = fast_two_sum(constant<T>(2), r.f);
  const T inverse = constant<T>(1) / d.hi;
  const T q = r.f * inverse;
  const Pair<T> back = two_prod(q, d.hi);
  const T remainder = madd(-q, d.lo, (r.f - back.hi) - back.lo);
  const Pair<T> s = fast_two_sum(q, remainder * inverse);
  const Pair<T> z = pair_product(s, s);
  const Pair<T> third_order = fast_two_sum(T(Table::kFifth.hi), z.hi * horner(z.hi, Table::kAtanh));
  const Pair<T> fifth = {third_order.hi, third_order.lo + T(Table::kFifth.lo)};
  const Pair<T> third = pair_sum(pair_constant<T>(Table::kThird), pair_product(z, fifth));
  const Pair<T> series = pair_sum({constant<T>(1), constant<T>(0)}, pair_product(z, third));
  const Pair<T> log = pair_product(pair_product(s, pair_constant<T>(Table::kTwoLog2E)), series);
  const Pair<T> result = pair_sum({r.exponent, constant<T>(0)}, log);
  return {log_specials(x, result.hi), result.lo};
}

// x^y for x >= 0 or NaN, the cases apart that pow() decides.
template <class T>
T pow_positive(T x, T y) {
  using E = element_of<T>;
  if constexpr (sizeof(E) == 4) {
    using D = rebind_t<T, double>;
    using Table = PowTable<float>;
    const D wide = convert<D>(x);
    const LogReduction<D> r(wide);
    const D s = r.f / (constant<D>(2) + r.f);
    const D log = log_specials(wide, madd(s, horner(s * s, Table::kLog2), r.exponent));
    const D t = clamp(convert<D>(y) * log, Exp2Table<float>::kMin, Exp2Table<float>::kMax);
    const RoundedExponent<D, Format<double>::kBias> exponent(t, 1.0);
    return convert<T>(horner(t - exponent.n, Table::kExp2) * exponent.power());
  } else {
    using Table = Exp2Table<double>;
    const Pair<T> log = log2_pair(x);
    const Pair<T> t = two_prod(y, log.hi);
    const T hi = clamp(t.hi, Table::kMin, Table::kMax);
    // Beyond the range there is no low part, and none that could be computed.
    const T lo = select(t.hi == hi, madd(y, log.lo, t.lo), constant<T>(0));
    const RoundedExponent<T, 2 * Format<double>::kBias> exponent(hi, 1.0);
    const Pair<T> r = fast_two_sum(hi - exponent.n, lo);
    const Pair<T> linear = two_prod(r.hi, T(Table::kLn2));
    const Pair<T> one = fast_two_sum(constant<T>(1), linear.hi);
    // 2^r.lo multiplies the sum; 1 + linear is enough of it.
    const T rest = r.lo * T(Table::kLn2);
    const T low = madd(r.hi, T(Table::kLn2Lo), linear.lo + one.lo) + madd(rest, linear.hi, rest);
    return exponent.scale(one.hi + madd(r.hi * r.hi, horner(r.hi, Table::kQ), low));
  }
}

// x^y.
//
//   |x|^y = 2^(y log2 |x|).
//
// float: in double, log2 to 2^-45 and 2^t to 2^-34, so y log2 |x| < 151 is right to 2^-37, and
// the result to 0.001 units before the conversion rounds it, once, to a subnormal too.
// double: y log2 |x| < 1075 needs log2 to 2^-64 to be right to a quarter of a unit:
//   log2        2^-67 of its value: atanh series by high and low parts, its tail in one part
//   y log2 |x|  high and low part; the error of log2 becomes at most 0.06 here
//   2^t         as exp2, plus the factor of the low part
//   the sum     0.5; a subnormal result is rounded twice, 0.25 more beside the rest halved
// Measured: float 0.501 ULP (1.6 * 10^7 inputs), double 0.766 ULP (10^7 inputs).
//
// C99 F.9.4.4: pow(x, +-0) = 1 and pow(1, y) = 1 even for NaN; pow(-1, +-inf) = 1; pow(x < 0, y) is
// NaN for finite x and y not an integer, and has the sign of x where y is an odd integer, as have
// pow(-0, y) and pow(-inf, y). pow(x, 1) = x.
template <class T>
T pow(T x, T y) {
  using L = std::numeric_limits<element_of<T>>;
  const T zero = constant<T>(0);
  const T one = constant<T>(1);
  const T magnitude = abs(x);
  const T power = pow_positive(magnitude, y);

  const T half = constant<T>(0.5) * y;
  const auto whole = trunc(y) == y;
  const auto odd = whole & (trunc(half) != half);
  const T signed_power = copysign(power, select(odd, x, zero));
  const T infinity = T(L::infinity());
  const auto undefined = (x < zero) & (x > -infinity);
  const T fraction = select(undefined, T(L::quiet_NaN()), power);
  const T value = select(whole, signed_power, fraction);

  // |x| = 1 to an infinite power is 0 * inf above.
  const auto one_forever = (magnitude == one) & (abs(y) == infinity);
  return select((x == one) | (y == zero) | one_forever, one, value);
}

}  // namespace ndl::ir::math
