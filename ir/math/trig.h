// sin, cos and tan, over the whole range of float and double.
//
// Every |x| takes one path: it is multiplied by as many bits of 2/pi as its exponent calls for
// (M. Payne, R. Hanek, "Radian reduction for trigonometric functions", SIGNUM Newsletter 18, 1983),
// in floating-point pieces that are read from a table by exponent. Bits of 2/pi so high that their
// product with x is a whole number of turns are left out of the pieces, so that the rest is small.
// Since both sides of a select are always evaluated, a second, cheaper reduction for moderate |x|
// would only add to the cost.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "ir/math/scalar.h"

namespace ndl::ir::math {

// 2/pi, the bits of weight 2^-1, 2^-2, ... .
inline constexpr std::array<std::uint64_t, 18> kTwoOverPi = {
    0xa2f9836e4e441529, 0xfc2757d1f534ddc0, 0xdb6295993c439041, 0xfe5163abdebbc561,
    0xb7246e3a424dd2e0, 0x06492eea09d1921c, 0xfe1deb1cb129a73e, 0xe88235f52ebb4484,
    0xe99c7026b45f7e41, 0x3991d639835339f4, 0x9c845f8bbdf9283b, 0x1ff897ffde05980f,
    0xef2f118b5a0a6d1f, 0x6d367ecf27cb09b7, 0x4f463f669e5fea2d, 0x7527bac7ebe5f17b,
    0x3d0739f78a5292ea, 0x6bfb5fb11f8d5d08};

// The 53 bits of 2/pi of weights 2^top, 2^(top-1), ..., times 2^scale; top < 0.
constexpr double two_over_pi(int top, int scale) {
  constexpr int kBits = Format<double>::kMantissaBits + 1;
  std::uint64_t bits = 0;
  for (int i = 0; i < kBits; ++i) {
    const auto position = static_cast<std::size_t>(-1 - top + i);
    bits = bits << 1 | (kTwoOverPi[position / 64] >> (63 - position % 64) & 1);
  }
  const int last = top - kBits + 1 + scale + Format<double>::kBias;
  return static_cast<double>(bits) *
         std::bit_cast<double>(static_cast<std::uint64_t>(last) << Format<double>::kMantissaBits);
}

// Piece number `piece` of 2/pi, times 2^scale, for each of N blocks of consecutive exponents; a
// block holds those whose biased exponents have the same quotient by 2^kLog2Block. In a block whose
// least exponent is e, x is a multiple of 2^(e - mantissa bits), so a bit of 2/pi of weight
// 2^(mantissa bits + 2 - e) or more contributes a multiple of four quarter turns.
template <class E, std::size_t N, int kLog2Block>
constexpr std::array<double, N> two_over_pi_pieces(int piece, int scale) {
  constexpr int kPieceBits = Format<double>::kMantissaBits + 1;
  std::array<double, N> table{};
  for (std::size_t i = 0; i < N; ++i) {
    const int least = (static_cast<int>(i) << kLog2Block) - Format<E>::kBias;
    const int top = Format<E>::kMantissaBits + 1 - least;
    table[i] = two_over_pi((top < -1 ? top : -1) - piece * kPieceBits, scale);
  }
  return table;
}

// Adding kRoundToInteger to |u| < 2^51 rounds u to an integer, which the low bits of the sum hold.
inline constexpr double kRoundToInteger = 0x1.8p52;

// The angle of a float |x| in units of kQuarters quarter turns, in double lanes:
//
//   |x| = (r + n) units, or with kHalf (r + n - 1/2) units; |r| <= 1/2 + 2^-20; n negated in `bits`
//
// Blocks of 16 exponents (the tables fit two vector registers of eight doubles each), two pieces c0
// and c1 of 53 bits. |x| c0 < 2^41; from |x| = 2^33 on it is a multiple of 2^-51, so its fraction
// is exact; below, n - |x| c0 is rounded once. After the second piece the error is 2^-53 of r and
// 2^-65 units. No float but 0 comes closer than 2^-30 quarter turns to a multiple of a quarter
// turn, so r is good to 2^-34 of itself. Infinity gives NaN, in n - |x| c0.
template <class T, int kQuarters, bool kHalf>
struct FloatAngle {
  using D = rebind_t<T, double>;
  using Bits = uint_of<D>;
  Bits bits;
  D r;

  explicit FloatAngle(T magnitude) {
    static constexpr int kScale = kQuarters == 2 ? -1 : 0;
    static constexpr auto kHigh = two_over_pi_pieces<float, 16, 4>(0, kScale);
    static constexpr auto kLow = two_over_pi_pieces<float, 16, 4>(1, kScale);
    const Bits block = convert<Bits>(bit_cast<uint_of<T>>(magnitude) >>
                                     constant<uint_of<T>>(Format<float>::kMantissaBits + 4));
    const D x = convert<D>(magnitude);
    const D minus_high = -lookup(kHigh, block);
    const D round = constant<D>(kRoundToInteger);
    D nearest;
    if constexpr (kHalf) {
      const D sum = madd(x, minus_high, constant<D>(-0.5)) + round;
      bits = bit_cast<Bits>(sum);
      nearest = (sum - round) + constant<D>(0.5);
    } else {
      const D sum = madd(x, minus_high, round);
      bits = bit_cast<Bits>(sum);
      nearest = sum - round;
    }
    r = madd(x, lookup(kLow, block), residual(nearest, x, minus_high));
  }
};

// a, negated where the lowest bit is set.
template <class T>
T negate_if_odd(T a, uint_of<T> bits) {
  using U = uint_of<T>;
  return bit_cast<T>(bit_cast<U>(a) ^ (bits << constant<U>(8 * sizeof(element_of<T>) - 1)));
}

// a with its sign flipped where b is negative.
template <class T>
T times_sign(T a, T b) {
  return bit_cast<T>(bit_cast<uint_of<T>>(a) ^ bit_cast<uint_of<T>>(copysign(constant<T>(0), b)));
}

// (-1)^n sin(pi r) for an angle in half turns. The polynomial in r^2 has relative error 2^-27.5.
template <class T, bool kHalf>
T sin_of_angle(const FloatAngle<T, 2, kHalf>& angle) {
  using D = rebind_t<T, double>;
  static constexpr std::array<double, 5> kSin = {0x1.921fb52068f9ap1, -0x1.4abbc166dbcbep2,
                                                 0x1.4668af4e91b1bp1, -0x1.324ccac042ed5p-1,
                                                 0x1.3daff5dc00d4fp-4};
  const D sine = angle.r * horner(angle.r * angle.r, kSin);
  return convert<T>(negate_if_odd(sine, angle.bits));
}

// The angle of a double |x|: |x| = r + n quarter turns, r = hi + lo in radians, |r| < 0.786.
//
// Blocks of 32 exponents, four pieces c0..c3 of 53 bits. With u = |x| / (pi/2), x scaled by 2^-200
// and the pieces by 2^200 lest a piece is subnormal, sizes for large |x| are
//
//   |x| c0 = h0 + l0   2^86, 2^33, a multiple of 2^-51
//   |x| c1 = h1 + l1   2^33, 2^-20
//   |x| c2 = h2 + l2   2^-20, 2^-73
//   |x| c3             2^-73, rounded to 2^-126
//
// h0 is first reduced by a multiple of four; then n is the integer nearest to h0 + l0 + h1. What is
// left is added up with its rounding errors. The closest double to a multiple of a quarter turn is
// 2^-61.5 quarter turns from it, so r is good to 2^-62 of itself, also after it is multiplied by
// pi/2. Infinity gives NaN, in h0 - 4 round(h0 / 4). |x| < 2^-1000 would lose the low parts, but
// sin and tan use r only from 2^-28 on, and cos does not see so small an error.
template <class T>
struct DoubleAngle {
  using Bits = uint_of<T>;
  Bits bits;  // the lowest are those of n
  Pair<T> r;

  explicit DoubleAngle(T magnitude) {
    static constexpr int kScale = 200;
    static constexpr auto kPiece0 = two_over_pi_pieces<double, 64, 5>(0, kScale);
    static constexpr auto kPiece1 = two_over_pi_pieces<double, 64, 5>(1, kScale);
    static constexpr auto kPiece2 = two_over_pi_pieces<double, 64, 5>(2, kScale);
    static constexpr auto kPiece3 = two_over_pi_pieces<double, 64, 5>(3, kScale);
    constexpr double kQuarterHi = 0x1.921fb54442d18p0;
    constexpr double kQuarterLo = 0x1.1a62633145c07p-54;
    const Bits block =
        bit_cast<Bits>(magnitude) >> constant<Bits>(Format<double>::kMantissaBits + 5);
    const T x = magnitude * constant<T>(0x1p-200);
    const Pair<T> p0 = two_prod(x, lookup(kPiece0, block));
    const Pair<T> p1 = two_prod(x, lookup(kPiece1, block));
    const Pair<T> p2 = two_prod(x, lookup(kPiece2, block));
    const T p3 = x * lookup(kPiece3, block);

    const T fours = round_even(p0.hi * constant<T>(0.25));
    const Pair<T> middle = two_sum(p0.lo, p1.hi);
    const Pair<T> top = two_sum(madd(fours, constant<T>(-4), p0.hi), middle.hi);
    const T sum = top.hi + constant<T>(kRoundToInteger);
    bits = bit_cast<Bits>(sum);
    const T fraction = top.hi - (sum - constant<T>(kRoundToInteger));

    const Pair<T> a = two_sum(top.lo, middle.lo);
    const Pair<T> b = two_sum(p1.lo, p2.hi);
    const Pair<T> c = two_sum(a.hi, b.hi);
    const Pair<T> d = two_sum(fraction, c.hi);
    const Pair<T> u = fast_two_sum(d.hi, d.lo + (c.lo + ((a.lo + b.lo) + (p2.lo + p3))));

    const Pair<T> radians = two_prod(u.hi, constant<T>(kQuarterHi));
    r = fast_two_sum(radians.hi, madd(u.hi, constant<T>(kQuarterLo),
                                      madd(u.lo, constant<T>(kQuarterHi), radians.lo)));
  }
};

// sin r and cos r, |r| <= pi/4, as unevaluated sums of a leading part (r.hi for the sine) and a
// tail below 0.11 of it (0.02 for the cosine). Minimax polynomials: relative error 2^-57.9 and
// 2^-63.8.
//   sin r = r + r^3 S(r^2)
//   cos r = 1 - r^2/2 + r^4 C(r^2), with 1 - r^2/2 exact as a pair
template <class T>
struct SinCos {
  Pair<T> sine;
  Pair<T> cosine;

  explicit SinCos(Pair<T> r) {
    static constexpr std::array<double, 6> kSin = {-0x1.5555555555548p-3,  0x1.111111110f75ep-7,
                                                   -0x1.a01a019bf261ep-13, 0x1.71de355f53a38p-19,
                                                   -0x1.ae5e54bf6ec5ep-26, 0x1.5d8e4fa99a215p-33};
    static constexpr std::array<double, 6> kCos = {0x1.555555555554ap-5,  -0x1.6c16c16c14e49p-10,
                                                   0x1.a01a019c687a6p-16, -0x1.27e4f7d8e48b5p-22,
                                                   0x1.1ee9ccb790299p-29, -0x1.8f9f6356befd8p-37};
    const Pair<T> square = two_prod(r.hi, r.hi);
    const T half = square.hi * constant<T>(0.5);
    const Pair<T> lead = fast_two_sum(constant<T>(1), -half);
    sine.hi = r.hi;
    sine.lo = madd(r.hi * square.hi, horner(square.hi, kSin), madd(-half, r.lo, r.lo));
    cosine.hi = lead.hi;
    const T rest = madd(-r.hi, r.lo, madd(square.lo, constant<T>(-0.5), lead.lo));
    cosine.lo = madd(square.hi * square.hi, horner(square.hi, kCos), rest);
  }
};

// sin x.
//
// Float: an angle of n half turns and r, then (-1)^n sin(pi r), all in double lanes: exact products
// of a float and a piece of 1/pi cost two operations there, and twice the lanes cost less than the
// compensation that float arithmetic needs. Error: 0.09 ULP from the polynomial, 0.5 from the only
// rounding to float.
// Double: an angle of n quarter turns, sine or cosine of the rest, the sign of n. Error: 0.5 ULP
// from the last sum, 0.2 from the tail. Below 2^-28, sin x = x to half an ULP.
//
// Measured: float 0.590 ULP (all inputs), double 0.707 ULP (10^7 inputs); 0.75 where madd is not
// fused.
//
// sin(+-0) = +-0, sin(+-inf) = NaN, sin(NaN) = NaN.
template <class T>
T sin(T x) {
  if constexpr (std::is_same_v<element_of<T>, float>) {
    return times_sign(sin_of_angle(FloatAngle<T, 2, false>(abs(x))), x);
  } else {
    using U = uint_of<T>;
    const T magnitude = abs(x);
    const DoubleAngle<T> angle(magnitude);
    const SinCos<T> of(angle.r);
    const auto odd = (angle.bits & constant<U>(1)) != constant<U>(0);
    const T value = select(odd, of.cosine.hi, of.sine.hi) + select(odd, of.cosine.lo, of.sine.lo);
    const T wave = negate_if_odd(value, angle.bits >> constant<U>(1));
    return times_sign(select(magnitude < constant<T>(0x1p-28), magnitude, wave), x);
  }
}

// cos x, computed as sin x is. Float: the angle is |x| plus a quarter turn, added before rounding
// to half turns, so that r is as good near the zeros of the cosine.
//
// Measured: float 0.589 ULP (all inputs), double 0.720 ULP (10^7 inputs); 0.78 where madd is not
// fused.
//
// cos(+-0) = 1, cos(+-inf) = NaN, cos(NaN) = NaN.
template <class T>
T cos(T x) {
  if constexpr (std::is_same_v<element_of<T>, float>) {
    return sin_of_angle(FloatAngle<T, 2, true>(abs(x)));
  } else {
    using U = uint_of<T>;
    const DoubleAngle<T> angle(abs(x));
    const SinCos<T> of(angle.r);
    const auto odd = (angle.bits & constant<U>(1)) != constant<U>(0);
    const T value = select(odd, of.sine.hi, of.cosine.hi) + select(odd, of.sine.lo, of.cosine.lo);
    return negate_if_odd(value, (angle.bits + constant<U>(1)) >> constant<U>(1));
  }
}

// tan x: tan r after an even number of quarter turns, -1 / tan r after an odd one.
//
// Float: tan(pi/2 r) = r P(r^2) / Q(r^2) in double lanes, Q from the continued fraction of tan, P
// minimax for it, relative error 2^-29.5. Error: 0.03 ULP, and 0.5 from the rounding to float.
// Double: sine over cosine, both as pairs, with one step of correction of the quotient:
//   i = 1 / d.hi, q = n.hi i, tan x = q + (n.hi - q d.hi + n.lo - q d.lo) i.
// Error: 0.5 ULP from the last sum, up to 0.25 from the tail of the sine. Below 2^-28, tan x = x to
// half an ULP.
//
// Measured: float 0.522 ULP (all inputs), double 0.814 ULP (10^7 inputs); 0.90 where madd is not
// fused.
//
// tan(+-0) = +-0, tan(+-inf) = NaN, tan(NaN) = NaN.
template <class T>
T tan(T x) {
  const T magnitude = abs(x);
  if constexpr (std::is_same_v<element_of<T>, float>) {
    using D = rebind_t<T, double>;
    using U = uint_of<D>;
    static constexpr std::array<double, 3> kP = {0x1.921fb54d2b252p0, -0x1.b8fa6f7e26e0dp-2,
                                                 0x1.4b9fc8b1e2f23p-7};
    static constexpr std::array<double, 3> kQ = {1, -0x1.18bc4418cafe2p0, 0x1.8bd23188b34f9p-4};
    const FloatAngle<T, 1, false> angle(magnitude);
    const D square = angle.r * angle.r;
    const D p = angle.r * horner(square, kP);
    const D q = horner(square, kQ);
    const auto odd = (angle.bits & constant<U>(1)) != constant<U>(0);
    return times_sign(convert<T>(select(odd, -q, p) / select(odd, p, q)), x);
  } else {
    using U = uint_of<T>;
    const DoubleAngle<T> angle(magnitude);
    const SinCos<T> of(angle.r);
    const Pair<T> sine = fast_two_sum(of.sine.hi, of.sine.lo);
    const Pair<T> cosine = fast_two_sum(of.cosine.hi, of.cosine.lo);
    const auto odd = (angle.bits & constant<U>(1)) != constant<U>(0);
    const Pair<T> n = {select(odd, -cosine.hi, sine.hi), select(odd, -cosine.lo, sine.lo)};
    const Pair<T> d = {select(odd, sine.hi, cosine.hi), select(odd, sine.lo, cosine.lo)};
    const T inverse = constant<T>(1) / d.hi;
    const T quotient = n.hi * inverse;
    const T rest = residual(n.hi, quotient, d.hi) + madd(-quotient, d.lo, n.lo);
    const T value = madd(rest, inverse, quotient);
    return times_sign(select(magnitude < constant<T>(0x1p-28), magnitude, value), x);
  }
}

}  // namespace ndl::ir::math
