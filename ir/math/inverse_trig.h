// asin, acos, atan and atan2.
#pragma once

#include <array>
#include <type_traits>

#include "ir/math/scalar.h"

namespace ndl::ir::math {

// pi/2 as hi + lo, and lo / hi, which gives the low part of other multiples of pi/2.
template <class E>
struct HalfPi;
template <>
struct HalfPi<float> {
  static constexpr float kHi = 0x1.921fb6p0f;
  static constexpr float kLo = -0x1.777a5cp-25f;
  static constexpr float kLoPerHi = kLo / kHi;
};
template <>
struct HalfPi<double> {
  static constexpr double kHi = 0x1.921fb54442d18p0;
  static constexpr double kLo = 0x1.1a62633145c07p-54;
  static constexpr double kLoPerHi = kLo / kHi;
};

// P in atan r = r + r^3 P(r^2), |r| <= 1 (fpminimax of Sollya).
template <class E>
struct AtanTable;
template <>
struct AtanTable<float> {
  // Relative error of atan 2^-28.5.
  static constexpr std::array<float, 9> kP = {-0x1.55553ep-2f, 0x1.9991e8p-3f,  -0x1.2420d6p-3f,
                                              0x1.c090fap-4f,  -0x1.581a94p-4f, 0x1.da723p-5f,
                                              -0x1.fe2526p-6f, 0x1.64f01cp-7f,  -0x1.d4ee9ap-10f};
  static constexpr float kTiny = 0x1p-64f;  // what atan2 takes for near underflow
  static constexpr float kFlat = 0x1p-30f;  // up to here atan r is r
};
template <>
struct AtanTable<double> {
  // Relative error of atan 2^-57.5.
  static constexpr std::array<double, 20> kP = {
      -0x1.5555555555523p-2, 0x1.99999999952ccp-3,  -0x1.2492492376b7dp-3,  0x1.c71c717e1913cp-4,
      -0x1.745d119378e4fp-4, 0x1.3b13657b87036p-4,  -0x1.110e48b207f05p-4,  0x1.e1bb48427b886p-5,
      -0x1.ae5ce6a21465p-5,  0x1.82d5d6ef288f6p-5,  -0x1.59976e82d4874p-5,  0x1.2c15b5711adc1p-5,
      -0x1.e9ae6fc277a69p-6, 0x1.67e295f097545p-6,  -0x1.c6ea4a57f5bacp-7,  0x1.d6d43a598bbb7p-8,
      -0x1.7952daf5a57b3p-9, 0x1.b2bb069f522c4p-11, -0x1.3e260bd375174p-13, 0x1.ba404b5ef3a13p-17};
  static constexpr double kTiny = 0x1p-500;
  static constexpr double kFlat = 0x1p-60;
};

// offset + atan(r.hi + r.lo) for |r| <= 1; the offset is a multiple of pi/2, rounded to T.
//
// atan r = 7/8 r + r (1/8 + r^2 P(r^2)): with a part of r in front, the rest is at most 1/8 of r,
// and its rounding errors are half of those of r^3 P, which reaches 0.27 of the result. The leading
// parts are added exactly; then all small parts; then the rest; the last sum is the only full
// rounding. The derivative 1 / (1 + r^2) at which r.lo enters is 1 - r^2/2 within 0.09.
template <class T>
T atan_plus(T offset, Pair<T> r) {
  using E = element_of<T>;
  const T square = r.hi * r.hi;
  const T rest = madd(square, horner(square, AtanTable<E>::kP), constant<T>(0.125));
  const Pair<T> most = two_prod(r.hi, constant<T>(0.875));
  const Pair<T> lead = fast_two_sum(offset, most.hi);
  const T low = madd(r.lo, madd(square, constant<T>(-0.5), constant<T>(1)), most.lo);
  const T small = lead.lo + madd(offset, constant<T>(HalfPi<E>::kLoPerHi), low);
  return lead.hi + madd(r.hi, rest, small);
}

// atan x = atan x up to 1 and pi/2 + atan(-1/x) above; the rounding error of -1/x is carried along.
//
// Error: 0.5 ULP from the last sum; up to 0.35 from the rest of atan r, for r near 1. Above 2^80 x
// is taken for 2^80, which does not show in the result.
//
// Measured: float 0.933 ULP (all inputs), double 0.937 ULP (10^7 inputs); 1.08 where madd is not
// fused.
//
// atan(+-0) = +-0, atan(+-inf) = +-pi/2, atan(NaN) = NaN.
template <class T>
T atan(T x) {
  using E = element_of<T>;
  const T magnitude = abs(x);
  const T a = select(magnitude > constant<T>(0x1p80), constant<T>(0x1p80), magnitude);
  const auto large = a > constant<T>(1);
  const T numerator = select(large, constant<T>(-1), a);
  const T denominator = select(large, a, constant<T>(1));
  Pair<T> r;
  r.hi = numerator / denominator;
  // The remainder over the denominator; zero unless r.hi is -1/denominator.
  r.lo = -r.hi * residual(numerator, r.hi, denominator);
  const T offset = select(large, constant<T>(HalfPi<E>::kHi), constant<T>(0));
  return copysign(atan_plus(offset, r), x);
}

// The angle of the point (x, y): atan(y / x), in the quadrant of the point.
//
// r = min / max of the magnitudes, with its rounding error, then offset +- atan r with the offset
// 0, pi/2 or pi. Magnitudes below 2^-64 (double: 2^-500) are scaled up lest the remainder of the
// division underflow. Error as for atan.
//
// Measured: float 0.938 ULP (3 10^8 inputs), double 0.941 ULP (10^7 inputs); 1.03 where madd is not
// fused.
//
// atan2(+-0, x) = +-0 for x > 0 or +0, +-pi for x < 0 or -0; atan2(y, +-0) = +-pi/2;
// atan2(+-y, inf) = +-0, atan2(+-y, -inf) = +-pi, atan2(+-inf, x) = +-pi/2 for finite x, y;
// atan2(+-inf, inf) = +-pi/4, atan2(+-inf, -inf) = +-3pi/4; NaN if an operand is NaN.
template <class T>
T atan2(T y, T x) {
  using E = element_of<T>;
  constexpr E kTiny = AtanTable<E>::kTiny;
  const T zero = constant<T>(0);
  const T one = constant<T>(1);
  const T ax = abs(x);
  const T ay = abs(y);
  const auto steep = ay > ax;
  const T least = select(steep, ax, ay);
  const T most = select(steep, ay, ax);
  const T scale = select(most < T(kTiny), T(1 / kTiny), one);
  const T numerator = least * scale;
  const T denominator = most * scale;
  // 0 / 0 counts as 0, inf / inf as 1. The quotient's rounding error shows only where something is
  // added to the quotient; where it is small the remainder may underflow, so it is left out there,
  // and with it the NaN of 0 / 0, inf / inf and finite / inf.
  const T quotient = numerator / denominator;
  const T equal = select(most == zero, zero, one);
  const T ratio = select(least == most, equal, quotient);
  const T error = residual(numerator, quotient, denominator) / denominator;
  const T low = select(quotient > T(AtanTable<E>::kFlat), error, zero);
  // steep: pi/2 - atan r, or + for x < 0; else atan r, or pi - atan r for x < 0.
  const T sign = copysign(one, select(steep, -x, x));
  const T flat = select(copysign(one, x) < zero, constant<T>(2 * HalfPi<E>::kHi), zero);
  const T offset = select(steep, constant<T>(HalfPi<E>::kHi), flat);
  return copysign(atan_plus(offset, Pair<T>{ratio * sign, low * sign}), y);
}

// P in asin r = r + r^3 P(r^2), |r| <= 1/2 (fpminimax of Sollya).
template <class E>
struct AsinTable;
template <>
struct AsinTable<float> {
  // Relative error of asin 2^-27.5.
  static constexpr std::array<float, 5> kP = {0x1.5555ccp-3f, 0x1.33010ep-4f, 0x1.748f98p-5f,
                                              0x1.8b951ep-6f, 0x1.59dbe4p-5f};
};
template <>
struct AsinTable<double> {
  // Relative error of asin 2^-59.8.
  static constexpr std::array<double, 13> kP = {
      0x1.5555555555578p-3, 0x1.333333332dfa8p-4, 0x1.6db6db7220c98p-5, 0x1.f1c71a907ff6fp-6,
      0x1.6e8bdf4b14631p-6, 0x1.1c49e9d404feep-6, 0x1.ca201858409a1p-7, 0x1.75818c926d28fp-7,
      0x1.6150d94ea150dp-7, 0x1.e4dc8ec3e6931p-9, 0x1.63eb4f664f7ffp-6, -0x1.58652272ddf2dp-6,
      0x1.0b65010e74c1p-5};
};

// offset + r + tail, where offset is a multiple of pi/2 rounded to T, and 0 or at least |r|: the
// sum of the leading parts is exact, and all small parts meet before the last rounding.
template <class T>
T add_to_angle(T offset, T r, T tail) {
  using E = element_of<T>;
  const Pair<T> lead = fast_two_sum(offset, r);
  return lead.hi + (lead.lo + madd(offset, constant<T>(HalfPi<E>::kLoPerHi), tail));
}

// What asin and acos share: asin|x| = asin r for |x| <= 1/2 and pi/2 - 2 asin r above, where
// r = sqrt((1 - |x|) / 2); asin r = r + tail. |x| > 1 makes r NaN.
template <class T>
struct AsinParts {
  mask_of<T> large;
  T r;
  T tail;

  explicit AsinParts(T magnitude) : large(magnitude > constant<T>(0.5)) {
    using E = element_of<T>;
    // Exact above 1/2.
    const T complement = madd(magnitude, constant<T>(-0.5), constant<T>(0.5));
    const T square = select(large, complement, magnitude * magnitude);
    const T root = sqrt(complement);
    r = select(large, root, magnitude);
    // The rounding error of the root; 2^-100 changes the denominator only where it would be 0.
    const T error = residual(complement, root, root) / madd(root, constant<T>(2), T(E(0x1p-100)));
    const T low = select(large, error, constant<T>(0));
    tail = madd(r * square, horner(square, AsinTable<E>::kP), low);
  }
};

// asin x.
//
// Error: 0.5 ULP from the last sum, 0.1 from the tail, which is at most 0.05 of r, and float 0.1
// from the polynomial.
//
// Measured: float 0.693 ULP (all inputs), double 0.607 ULP (10^7 inputs); 0.70 where madd is not
// fused.
//
// asin(+-0) = +-0, asin(+-1) = +-pi/2, asin(x) = NaN for |x| > 1 and for NaN.
template <class T>
T asin(T x) {
  using E = element_of<T>;
  const AsinParts<T> parts(abs(x));
  const T factor = select(parts.large, constant<T>(-2), constant<T>(1));
  const T offset = select(parts.large, constant<T>(HalfPi<E>::kHi), constant<T>(0));
  return copysign(add_to_angle(offset, parts.r * factor, parts.tail * factor), x);
}

// acos x = pi/2 - asin x for |x| <= 1/2, 2 asin r above, pi - 2 asin r below. Error as for asin.
//
// Measured: float 0.666 ULP (all inputs), double 0.589 ULP (10^7 inputs); 0.66 where madd is not
// fused.
//
// acos(1) = +0, acos(-1) = pi, acos(x) = NaN for |x| > 1 and for NaN.
template <class T>
T acos(T x) {
  using E = element_of<T>;
  const T zero = constant<T>(0);
  const AsinParts<T> parts(abs(x));
  const T factor =
      copysign(select(parts.large, constant<T>(2), constant<T>(1)), select(parts.large, x, -x));
  const T whole = select(x < zero, constant<T>(2 * HalfPi<E>::kHi), zero);
  const T offset = select(parts.large, whole, constant<T>(HalfPi<E>::kHi));
  return add_to_angle(offset, parts.r * factor, parts.tail * factor);
}

}  // namespace ndl::ir::math
