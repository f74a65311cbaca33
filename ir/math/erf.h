// The error function.
#pragma once

#include <array>

#include "ir/math/scalar.h"

namespace ndl::ir::math {

// Constants of erf. kSmall: P in erf x = x + x P(x^2) up to kErfJoint (fpminimax of Sollya).
// kLarge: q in erf x = 1 - q(x - kCenter)^2 from kErfJoint to kOne, where erf x rounds to 1 (Remez'
// algorithm with weight 2 q, hence for the error of q^2; then coefficients rounded from the highest
// down, each rounding error made up for by the lower ones).
template <class E>
struct ErfTable;
inline constexpr double kErfJoint = 0.84375;
template <>
struct ErfTable<float> {
  static constexpr float kOne = 3.95f;
  static constexpr float kCenter = 1.375f;
  // Relative error 2^-30.1.
  static constexpr std::array<float, 7> kSmall = {
      0x1.06eba8p-3f, -0x1.812744p-2f,  0x1.ce2e8p-4f,  -0x1.b81b14p-6f,
      0x1.555558p-8f, -0x1.afd492p-11f, 0x1.71add2p-14f};
  // Error of q^2 2^-27.2.
  static constexpr std::array<float, 12> kLarge = {
      0x1.d24062p-3f,   -0x1.7f2166p-2f, 0x1.a7f412p-3f,   -0x1.b49996p-8f,
      -0x1.37ed08p-5f,  0x1.5ee02p-7f,   0x1.c34dbp-9f,    -0x1.13e212p-9f,
      -0x1.52da0ap-15f, 0x1.0f7c3p-12f,  -0x1.28d62ep-14f, 0x1.ae48e4p-18f};
};
template <>
struct ErfTable<double> {
  static constexpr double kOne = 6;
  static constexpr double kCenter = 1.375;
  // Relative error 2^-56.0.
  static constexpr std::array<double, 11> kSmall = {
      0x1.06eba8214db68p-3,  -0x1.812746b03799fp-2,  0x1.ce2f21a03f087p-4,  -0x1.b82ce3114b152p-6,
      0x1.565bccd7357c6p-8,  -0x1.c02da8ba1fb62p-11, 0x1.f9a1b5ab6538dp-14, -0x1.f4b3db3baef4ap-17,
      0x1.b84588565c2bfp-20, -0x1.516f980fd297bp-23, 0x1.7071515c2507bp-27};
  // Error of q^2 2^-56.4.
  static constexpr std::array<double, 28> kLarge = {
      0x1.d24062fe18e9fp-3,   -0x1.7f2167d83f3fcp-2,  0x1.a7f3fe24532b6p-3,
      -0x1.b48c4bb07a4d9p-8,  -0x1.37e8f5678d92fp-5,  0x1.5ea3bf24d0bd4p-7,
      0x1.c29f3266d9caap-9,   -0x1.1043a46c7624cp-9,  -0x1.b7bcede955743p-15,
      0x1.dccb7bc200322p-13,  -0x1.bf2bae9d6b656p-16, -0x1.11a4e4ff88ebdp-16,
      0x1.0c5c70c0bb3fdp-18,  0x1.a01812a91e5d8p-21,  -0x1.76d4d08eb1216p-22,
      -0x1.3758e0eea8d0ap-26, 0x1.8a2ed642cfeecp-26,  -0x1.8f8d92cd0163ap-30,
      -0x1.001e94057543dp-31, -0x1.6b121132d9471p-32, 0x1.13aaeceec2a4ep-32,
      -0x1.3b36fb76277dap-34, 0x1.8cc9f6fbaddb8p-37,  -0x1.0509f8545f045p-40,
      0x1.3546f2381976bp-47,  0x1.b10e64f9d5669p-48,  -0x1.3d62fc4592c98p-51,
      0x1.3595914cdada6p-56};
};

// erf x = 2 / sqrt(pi) * integral of e^(-t^2) from 0 to x.
//
//   |x| < 27/32   x + x P(x^2), where P is between 0.13 and -0.09
//   above         1 - q(|x| - c)^2: q is the square root of the complement, 0.48 at first, falling
//                 to nothing. The root needs two thirds of the degree of a polynomial for the
//                 complement itself; |x| - c is exact, and the square is fused into the last sum. c
//                 is near 1, where q is largest, so that the powers of |x| - c are small there;
//                 farther out, where they are not, an error of q counts little.
//
// Error: 0.5 ULP from the last operation; 0.3 from P, 0.4 from q near the joint. Polynomials: 0.1.
//
// Measured: float 0.975 ULP (all inputs), double 0.920 ULP (10^7 inputs); 1.38 where madd is not
// fused.
//
// erf(+-0) = +-0, erf(+-inf) = +-1, erf(NaN) = NaN.
template <class T>
T erf(T x) {
  using E = element_of<T>;
  using Table = ErfTable<E>;
  const T magnitude = abs(x);
  const T a = select(magnitude > T(Table::kOne), T(Table::kOne), magnitude);
  const T small = madd(a, horner(a * a, Table::kSmall), a);
  const T q = horner(a - T(Table::kCenter), Table::kLarge);
  const T large = madd(-q, q, constant<T>(1));
  return copysign(select(a < constant<T>(kErfJoint), small, large), x);
}

}  // namespace ndl::ir::math
