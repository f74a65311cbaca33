// cbrt: the cube root.
#pragma once

#include <limits>

#include "ir/math/scalar.h"

namespace ndl::ir::math {

// Constants of cbrt, for a cube root taken of the upper bits of x as an integer. kDropped bits are
// left out so that the rest is exact as a number and its shift back drops the exponent it was
// computed with; kGuess = (4/3 bias - 0.0680292) 2^(mantissa bits - kDropped). Below kSmall, where
// the remainder of x could underflow, x is multiplied by kLift and the root by kRootLift; elsewhere
// by kDrop and kRootDrop, since the cube of the root could overflow.
template <class E>
struct CbrtTable;
template <>
struct CbrtTable<float> {
  static constexpr int kDropped = 8;
  static constexpr float kGuess = 5546485;
  static constexpr float kSmall = 0x1p-64f;
  static constexpr float kLift = 0x1p72f;
  static constexpr float kRootLift = 0x1p-24f;
  static constexpr float kDrop = 0x1p-3f;
  static constexpr float kRootDrop = 2;
};
template <>
struct CbrtTable<double> {
  static constexpr int kDropped = 12;
  static constexpr double kGuess = 1499659061419797;
  static constexpr double kSmall = 0x1p-600;
  static constexpr double kLift = 0x1p300;
  static constexpr double kRootLift = 0x1p-100;
  static constexpr double kDrop = 0x1p-3;
  static constexpr double kRootDrop = 2;
};

// The real cube root of x.
//
//   y = |x|^(-1/3) is guessed by the bits of x seen as a piecewise linear logarithm, minus a third
//   (as in Kahan and Bindel's cube root): h = 1 - |x| y^3 is at most 0.103 in magnitude.
//   y (1 - h)^(-1/3) is y (1 + h/3 + 2/9 h^2 + 14/81 h^3) but for 0.15 h^4 = 2^-15.9.
//   double: once more, to h^2, leaves 0.17 h^3 = 2^-44.
//   c = |x| y^2, and one Newton step c - (c^3 - |x|) y^2 / 3 with the exact remainder squares the
//   error.
//
// Error in units of the last place of the result: float 0.03 from the Newton step, double none;
// rounding of the correction far less; the last sum 0.5. So a perfect cube gives its exact root.
// Measured: float 0.536 ULP (all inputs), double 0.500 ULP (10^7 inputs); 0.76 where madd is not
// fused.
// cbrt(+-0) = +-0, cbrt(+-inf) = +-inf.
template <class T>
T cbrt(T x) {
  using E = element_of<T>;
  using U = uint_of<T>;
  using L = std::numeric_limits<E>;
  using Table = CbrtTable<E>;
  const T one = constant<T>(1);
  const T magnitude = abs(x);
  const auto small = magnitude < T(Table::kSmall);
  const T a = magnitude * select(small, T(Table::kLift), T(Table::kDrop));

  // The upper bits as the low bits of a number whose last place is 1.
  constexpr E kUnit = static_cast<E>(1ull << Format<E>::kMantissaBits);
  const U shift = constant<U>(Table::kDropped);
  const T upper =
      bit_cast<T>((bit_cast<U>(a) >> shift) | U(bit_cast<uint_of<E>>(kUnit))) - T(kUnit);
  const T guess = madd(upper, constant<T>(-1.0 / 3), T(kUnit + Table::kGuess));
  T y = bit_cast<T>(bit_cast<U>(guess) << shift);

  // a y first: y^3 may underflow.
  T h = madd(a * y, -(y * y), one);
  T step = madd(h, constant<T>(14.0 / 81), constant<T>(2.0 / 9));
  y = madd(y * h, madd(h, step, constant<T>(1.0 / 3)), y);
  if constexpr (sizeof(E) == 8) {
    h = madd(a * y, -(y * y), one);
    y = madd(y * h, madd(h, constant<T>(2.0 / 9), constant<T>(1.0 / 3)), y);
  }

  const T square = y * y;
  const T c = a * square;
  const Pair<T> c2 = two_prod(c, c);
  const T remainder = madd(c2.lo, c, madd(c2.hi, c, -a));
  const T root = madd(remainder, square * constant<T>(-1.0 / 3), c);
  const T unscaled = root * select(small, T(Table::kRootLift), T(Table::kRootDrop));
  return select(magnitude < T(L::infinity()), copysign(unscaled, x), x);
}

}  // namespace ndl::ir::math
