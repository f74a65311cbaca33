// The error function.
#pragma once

#include <array>

#include "ir/math/scalar.h"

namespace ndl::ir::math {

// Constants of erf. kSmall: P in erf x = x + x P(x^2) up to 1 (fpminimax of Sollya). kLarge: q in
// erf x = 1 - q(x - kCenter)^2 from 1 to kOne, where erf x rounds to 1 (Remez' algorithm with
// weight 2 q, hence for the error of q^2; then coefficients rounded from the highest down, each
// rounding error made up for by the lower ones).
template <class E>
struct ErfTable;
template <>
struct ErfTable<float> {
  static constexpr float kOne = 3.95f;
  static constexpr float kCenter = 2.5f;
  // Relative error 2^-29.3.
  static constexpr std::array<float, 7> kSmall = {0x1.06eba8p-3f,  -0x1.81274p-2f, 0x1.ce2d52p-4f,
                                                  -0x1.b7fec4p-6f, 0x1.542fecp-8f, -0x1.a5197ap-11f,
                                                  0x1.4c5cb4p-14f};
  // Error 2^-29.2.
  static constexpr std::array<float, 12> kLarge = {
      0x1.4a83d8p-6f,  -0x1.ba491ap-5f,  0x1.00ef26p-4f,  -0x1.4026c8p-5f,
      0x1.7b985cp-7f,  0x1.dd13a8p-11f,  -0x1.0ed96ep-9f, 0x1.46cff8p-11f,
      0x1.d6379ap-15f, -0x1.7afa8cp-14f, 0x1.2ce42cp-17f, 0x1.b2238ep-18f};
};
template <>
struct ErfTable<double> {
  static constexpr double kOne = 6;
  static constexpr double kCenter = 3.5;
  // Relative error 2^-56.0.
  static constexpr std::array<double, 12> kSmall = {
      0x1.06eba8214db68p-3,  -0x1.812746b0379b5p-2,  0x1.ce2f21a040b02p-4,  -0x1.b82ce311f7069p-6,
      0x1.565bccf908894p-8,  -0x1.c02db03ff6859p-11, 0x1.f9a2bb4bba0e4p-14, -0x1.f4ca5bb2856d7p-17,
      0x1.b9807f2338879p-20, -0x1.5c0bc3130e1c1p-23, 0x1.d73d744d5602cp-27, -0x1.ac1a4196deacbp-31};
  // Error 2^-58.0.
  static constexpr std::array<double, 27> kLarge = {
      0x1.c3f3ea1b77223p-11,  -0x1.9a7de33b51587p-9,  0x1.5986bcdcbff6cp-8,
      -0x1.6071ed2b56da6p-8,  0x1.da0f4315aad60p-9,   -0x1.a2cd22f8aad21p-10,
      0x1.9c79bd3b3a1c3p-12,  0x1.69956fd8bc534p-17,  -0x1.a18713b8bc531p-15,
      0x1.2f5a1f9a1d719p-16,  -0x1.ae48fe44c287ap-20, -0x1.1a6bd586e91b4p-20,
      0x1.d16109931b2a0p-22,  -0x1.4d82a0e6ab43ep-25, -0x1.597c73e09e785p-26,
      0x1.ec9b12918201ep-28,  -0x1.7d51ab0f64b21p-32, -0x1.6bd6856677542p-32,
      0x1.6f3c67d9c0a10p-34,  0x1.f0f0f5d181daap-44,  -0x1.3f34c26b154cap-38,
      0x1.fc404406d37d2p-41,  0x1.58149208be23ep-43,  -0x1.1268ed7ef6747p-44,
      -0x1.ac71c96025e09p-48, 0x1.eed9d709c2940p-50,  0x1.f04347ac0044ap-53};
};

// erf x = 2 / sqrt(pi) * integral of e^(-t^2) from 0 to x.
//
//   |x| < 1   x + x P(x^2), where P is between 0.13 and -0.16
//   |x| >= 1  1 - q(|x| - c)^2: q is the square root of the complement, 0.40 at 1, falling to
//             nothing. The root needs two thirds of the degree of a polynomial for the complement
//             itself; |x| - c is exact, and the square is fused into the last sum.
//
// Error: 0.5 ULP from the last operation; 0.2 from P; 0.3 from q near 1. Polynomials: 0.1.
// Measured: float ERF_F ULP (all inputs), double ERF_D ULP (ERF_N inputs).
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
  return copysign(select(a < constant<T>(1), small, large), x);
}

}  // namespace ndl::ir::math
